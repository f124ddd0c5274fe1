"""A finished dataset as a sequence of records."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, overload

from handbench.errors import CorruptError
from handbench.store.manifest import Manifest, read_manifest
from handbench.store.reader import ShardReader
from handbench.store.record import Record
from handbench.store.shardinfo import shard_folder

_OPEN = 64


class Store(Sequence[Record]):
    """The records of a dataset in id order; shards are opened when first touched, 64 at most.

    It may be indexed from threads, after a fork, and after pickling into another process.

    Args:
        root: the dataset's folder.
        manifest: its manifest.
    """

    def __init__(self, root: Path, manifest: Manifest) -> None:
        self.root, self.manifest = root, manifest
        self._firsts = [entry.first for entry in manifest.shards]
        # A bound method here would be a cycle, and keep files open until the collector runs.
        self._reader = lru_cache(_OPEN)(partial(_open_shard, root, manifest))

    @property
    def ids(self) -> range:
        """The samples' ids."""
        return range(self.manifest.num)

    def __len__(self) -> int:
        return self.manifest.num

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> list[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | list[Record]:
        """Reads one record, or a list of them for a slice.

        Raises:
            IndexError: when there is no such sample.
            CorruptError: when its bytes differ from what was written, naming shard and sample.
        """
        if isinstance(index, slice):
            return [self[i] for i in self.ids[index]]
        sample_id = self.ids[index]
        shard = bisect.bisect_right(self._firsts, sample_id) - 1
        return self._reader(shard).read(sample_id)

    def __iter__(self) -> Iterator[Record]:
        return (self[i] for i in self.ids)

    def __reduce__(self) -> tuple[Any, ...]:
        return Store, (self.root, self.manifest)


def open_store(path: Path | str) -> Store:
    """Opens a finished dataset.

    Args:
        path: the folder with manifest.json.

    Raises:
        HandbenchError: when it is unfinished, or no dataset.
        CorruptError: when the manifest differs from what was written.
    """
    root = Path(path)
    return Store(root, read_manifest(root))


def _open_shard(root: Path, manifest: Manifest, index: int) -> ShardReader:
    entry = manifest.shards[index]
    reader = ShardReader(shard_folder(root, entry.shard))
    if reader.info.digest != entry.digest:
        raise CorruptError(f"{reader.folder} is not the shard that the manifest names", "open it again")
    return reader
