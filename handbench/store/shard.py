"""Writing shards: an LMDB file of records, made beside its place and renamed into it when it is whole."""

from __future__ import annotations

import functools
import hashlib
import mmap
import os
import socket
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

import lmdb
import numpy as np

from handbench import provenance
from handbench.errors import CorruptError
from handbench.store.files import fail_writing, remove, sync_folder, write_durably
from handbench.store.plan import DatasetSpec
from handbench.store.record import HEADER, decode_record, record_checksum
from handbench.store.shardinfo import DATA, INFO, ShardInfo, read_shard_info, records_digest, shard_folder
from handbench.store.statistics import Statistics, Tally

_BATCH = 64
# The map is address space, not disk: 1.5 x 256 KB a record, and doubled should that not do.
_ROOM, _LEAST_MAP = 3 * 128 * 1024, 64 << 20


def record_key(sample_id: int) -> bytes:
    """Returns the LMDB key of a sample: its id as 8 bytes, big-endian, so that keys sort as numbers."""
    return sample_id.to_bytes(8, "big")


class ShardWriter:
    """Writes one shard; a context manager that leaves nothing behind unless it publishes.

    Args:
        root: the dataset's folder.
        shard: its number.
        ids: the samples it will hold.
        spec: what decides its samples.

    Raises:
        PartialError: when the disk is full or refuses to write.
    """

    def __init__(self, root: Path, shard: int, ids: range, spec: DatasetSpec) -> None:
        self.ids, self.spec, self.shard = ids, spec, shard
        self.target = shard_folder(root, shard)
        self.folder = self.target.with_name(f"{self.target.name}.tmp.{socket.gethostname()}.{os.getpid()}")
        self._done = 0
        self._batch: list[tuple[bytes, bytes]] = []
        self._tally = Tally()
        self._map_size = max(_LEAST_MAP, len(ids) * _ROOM)
        self._env: lmdb.Environment | None = None

    def __enter__(self) -> ShardWriter:
        remove(self.folder)
        try:
            self.folder.mkdir(parents=True)
            # writemap stays off: with it a full disk kills the process. One writer, so no lock file.
            self._env = lmdb.open(str(self.folder), map_size=self._map_size, sync=False, lock=False)
        except (OSError, lmdb.Error) as error:
            remove(self.folder)
            fail_writing(self.target, error)
        return self

    def add(self, sample_id: int, record: bytes, statistics: Statistics | None = None) -> None:
        """Appends the record of the next sample.

        Raises:
            ValueError: when it is not the next sample's.
            PartialError: when the disk is full or refuses to write.
        """
        done = self._done + len(self._batch)
        if done >= len(self.ids) or sample_id != self.ids[done]:
            raise ValueError(f"shard {self.shard} does not expect sample {sample_id} as its number {done}")
        self._batch.append((record_key(sample_id), record))
        if statistics:
            self._tally.add(statistics)
        if len(self._batch) == _BATCH:
            self._flush()

    def publish(self, replaces: bool = False) -> ShardInfo:
        """Makes the shard durable, reads it back and renames it into place; the first publisher wins.

        Args:
            replaces: put it in the place of a smaller shard of an older run.

        Returns:
            What is published: this shard, or the one that was there first.

        Raises:
            PartialError: when the disk is full or refuses to write.
            CorruptError: when what was read back differs from what was written.
        """
        self._flush()
        assert self._env is not None
        try:
            self._env.sync(True)
            self._env.close()
            info = _read_back(self.folder, self._describe())
            write_durably(self.folder / INFO, info.to_json())
            sync_folder(self.folder)
            if replaces and self.target.exists():
                aside = self.folder.with_name(f"{self.folder.name}.old")
                self.target.rename(aside)
                self.folder.rename(self.target)
                remove(aside)
            else:
                try:
                    self.folder.rename(self.target)
                except OSError:
                    if not self.target.is_dir():
                        raise
                    return read_shard_info(self.target)
            sync_folder(self.target.parent)
        except (OSError, lmdb.Error) as error:
            fail_writing(self.target, error)
        return info

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._env is not None:
            self._env.close()
        remove(self.folder)

    def _flush(self) -> None:
        assert self._env is not None
        while self._batch:
            try:
                with self._env.begin(write=True) as transaction:
                    taken = transaction.cursor().putmulti(self._batch, append=True)
            except lmdb.MapFullError:
                self._map_size *= 2
                self._env.set_mapsize(self._map_size)
                continue
            except (OSError, lmdb.Error) as error:
                fail_writing(self.target, error)
            if taken != (len(self._batch), len(self._batch)):
                raise CorruptError(f"LMDB took {taken} of {len(self._batch)} records of {self.folder}")
            self._done += len(self._batch)
            self._batch = []

    def _describe(self) -> ShardInfo:
        if self._done != len(self.ids):
            raise ValueError(f"shard {self.shard} has {self._done} of {len(self.ids)} samples")
        return ShardInfo(
            shard=self.shard,
            first=self.ids[0],
            n=len(self.ids),
            size=0,
            sha256="",
            digest="",
            spec=self.spec,
            provenance=_provenance(),
            statistics=self._tally.result(),
            offsets=np.zeros(0, np.uint64),
            lengths=np.zeros(0, np.uint32),
            checksums=np.zeros(0, np.uint64),
        )


@functools.cache
def _provenance() -> dict[str, Any]:
    return provenance.collect().to_dict()


def _address(value: memoryview) -> int:
    return np.frombuffer(value, dtype=np.uint8).ctypes.data


def _shift(raw: mmap.mmap, values: list[tuple[memoryview, int]]) -> int:
    """Returns what leads from LMDB's own addresses to places in the file.

    The first record is searched for. A small one shares its page with others, and LMDB leaves old copies of
    such a page behind: the place that counts is the one from which all the others are where they should be.
    """
    first, origin = values[0]
    at = place = raw.find(bytes(first))
    while at >= 0:
        shift = at - origin
        if all(raw[a + shift : a + shift + HEADER.size] == bytes(v[: HEADER.size]) for v, a in values):
            return shift
        at = raw.find(bytes(first), at + 1)
    # Nothing fits: checking the records says which one is damaged.
    return place - origin


def _read_back(folder: Path, info: ShardInfo) -> ShardInfo:
    """Reads a closed shard through LMDB and from the file itself; both must give the records written."""
    offsets, lengths, checksums = [], [], []
    env = lmdb.open(str(folder), readonly=True, lock=False)
    with (folder / DATA).open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as raw:
        if env.stat()["entries"] != info.n:
            raise CorruptError(f"{folder / DATA} holds {env.stat()['entries']} of {info.n} records")
        with env.begin(buffers=True) as transaction:
            rows = [(bytes(key), value, _address(value)) for key, value in transaction.cursor()]
            shift = _shift(raw, [(value, address) for _, value, address in rows])
            for expected, (key, value, address) in zip(info.ids, rows, strict=True):
                offset = address + shift
                record = decode_record(raw[offset : offset + len(value)], expected)
                if key != record_key(expected) or record_checksum(value) != record.checksum:
                    raise CorruptError(f"{folder / DATA} reads back another sample {expected}")
                checksums.append(record.checksum)
                offsets.append(offset)
                lengths.append(len(value))
        env.close()
        info = replace(
            info,
            size=len(raw),
            sha256=hashlib.sha256(raw).hexdigest(),
            offsets=np.array(offsets, np.uint64),
            lengths=np.array(lengths, np.uint32),
            checksums=np.array(checksums, np.uint64),
        )
    return replace(info, digest=records_digest([info]))
