"""What a shard says of itself: shard.json, with the place and checksum of every record."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xxhash

from handbench.errors import CorruptError
from handbench.store.files import read_sealed, seal
from handbench.store.plan import DatasetSpec

SCHEMA = "handbench.shard/1"
DATA, INFO = "data.mdb", "shard.json"
_COLUMNS = {"offsets": "<u8", "lengths": "<u4", "checksums": "<u8"}


@dataclass(frozen=True)
class ShardEntry:
    """One shard's line in the manifest; see ``ShardInfo``."""

    shard: int
    first: int
    n: int
    size: int
    sha256: str
    digest: str

    @property
    def ids(self) -> range:
        """The ids of its samples."""
        return range(self.first, self.first + self.n)


@dataclass(frozen=True)
class ShardInfo(ShardEntry):
    """Describes one published shard.

    Attributes:
        shard: its number.
        first: id of its first sample; the ids are consecutive.
        n: number of samples.
        size: of data.mdb [bytes].
        sha256: of data.mdb, 64 hex digits.
        digest: of its records, see ``records_digest``.
        spec: what decides its samples.
        provenance: the code and the machine that made it.
        statistics: histograms over its samples.
        offsets: (n,) uint64, where each record lies in data.mdb.
        lengths: (n,) uint32, bytes of each record.
        checksums: (n,) uint64, checksum of each record.
    """

    spec: DatasetSpec
    provenance: dict[str, Any]
    statistics: dict[str, dict[str, int]]
    offsets: npt.NDArray[np.uint64]
    lengths: npt.NDArray[np.uint32]
    checksums: npt.NDArray[np.uint64]

    def to_json(self) -> bytes:
        """Returns the content of shard.json."""
        plain = {name: value for name, value in vars(self).items() if name not in _COLUMNS}
        index = {name: _to_text(getattr(self, name), dtype) for name, dtype in _COLUMNS.items()}
        return seal({**plain, "schema": SCHEMA, "spec": asdict(self.spec), "index": index})


def shard_folder(root: Path, shard: int) -> Path:
    """Returns where a shard is published."""
    return root / "shards" / f"{shard:05d}"


def read_shard_info(folder: Path) -> ShardInfo:
    """Reads shard.json of one shard and checks it against itself and the size of data.mdb.

    Raises:
        CorruptError: when a byte differs, or data.mdb is missing or has another size.
        HandbenchError: when it is of another schema.
    """
    info = parse_shard_info(folder)
    check_size(folder / DATA, info.size)
    return info


def parse_shard_info(folder: Path) -> ShardInfo:
    """Reads shard.json of one shard and checks it against itself.

    Raises:
        CorruptError: when a byte differs.
        HandbenchError: when it is of another schema.
    """
    try:
        content = read_sealed(folder / INFO, SCHEMA)
    except (FileNotFoundError, NotADirectoryError):
        raise CorruptError(f"{folder} has no {INFO}", "remove that folder and run the same command") from None
    for unused in ("schema", "checksum"):
        del content[unused]
    try:
        columns = {name: _from_text(content["index"][name], dtype) for name, dtype in _COLUMNS.items()}
        del content["index"]
        info = ShardInfo(**{**content, "spec": DatasetSpec(**content["spec"]), **columns})
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptError(f"{folder / INFO} is damaged: {error}") from None
    if {len(info.offsets), len(info.lengths), len(info.checksums)} != {info.n}:
        raise CorruptError(f"{folder / INFO} is damaged: its index has not {info.n} entries")
    if records_digest([info]) != info.digest:
        raise CorruptError(f"{folder / INFO} is damaged: its checksums and its digest differ")
    return info


def check_size(path: Path, expected: int) -> None:
    """Refuses a data file of another size before anything reads it.

    Raises:
        CorruptError: when it is missing or has another size.
    """
    try:
        size = path.stat().st_size
    except (FileNotFoundError, NotADirectoryError):
        raise CorruptError(f"{path} is missing", "remove its folder and run the same command") from None
    if size != expected:
        raise CorruptError(
            f"{path} has {size} bytes, {expected} were written", "remove its folder and run the same command"
        )


def records_digest(shards: Iterable[ShardInfo]) -> str:
    """Returns xxh3_128 over (id, record checksum), both uint64 little-endian, in the order given.

    It does not depend on how the samples are divided into shards.
    """
    digest = xxhash.xxh3_128()
    for info in shards:
        pairs = np.empty((info.n, 2), dtype="<u8")
        pairs[:, 0] = np.arange(info.first, info.first + info.n)
        pairs[:, 1] = info.checksums
        digest.update(pairs.tobytes())
    return digest.hexdigest()


def _to_text(column: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(column.astype(dtype).tobytes()).decode()


def _from_text(text: str, dtype: str) -> npt.NDArray[Any]:
    return np.frombuffer(base64.b64decode(text, validate=True), dtype=dtype)
