"""Finds every byte of a dataset that differs from what was written, and names its shard and sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import lmdb

from handbench.errors import CorruptError, HandbenchError
from handbench.progress import Progress
from handbench.store.manifest import (
    MANIFEST,
    Manifest,
    make_manifest,
    published_shards,
    read_manifest,
)
from handbench.store.plan import DatasetSpec
from handbench.store.record import Record, decode_record, find_records
from handbench.store.shard import record_key
from handbench.store.shardinfo import DATA, ShardEntry, ShardInfo, parse_shard_info, shard_folder

if TYPE_CHECKING:
    from handbench.store.check import Check


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was written.

    Attributes:
        what: what is wrong.
        shard: where; None for the dataset as a whole.
        sample_id: which record; None where it is not about one.
    """

    what: str
    shard: int | None = None
    sample_id: int | None = None

    def __str__(self) -> str:
        place = "" if self.shard is None else f"shard {self.shard:05d}: "
        sample = "" if self.sample_id is None else f"sample {self.sample_id}: "
        return f"{place}{sample}{self.what}"


@dataclass(frozen=True)
class Verdict:
    """What ``verify_store`` found.

    Attributes:
        manifest: of the dataset; None when it is damaged or missing.
        unfinished: there is no manifest: the dataset is not whole yet.
        checked: how many samples the shards hold; all were checked.
        size: of all data read [bytes].
        faults: what is wrong; empty for a sound dataset.
    """

    manifest: Manifest | None
    unfinished: bool
    checked: int
    size: int
    faults: tuple[Fault, ...]


def verify_store(root: Path, deep: bool = False, quiet: bool = False) -> Verdict:
    """Checks a dataset: manifest, sizes, whole-file hashes, every record's checksum, counts, digest.

    Nothing that fails its hash is given to LMDB or mapped, so no damage can crash this process.

    Args:
        root: the dataset's folder.
        deep: decode all pictures, masks and fields too, check what is particular to a kind of store (composes
            some of a table's samples), and read through LMDB.
        quiet: print no progress.

    Raises:
        HandbenchError: when there is no dataset.
    """
    faults: list[Fault] = []
    manifest, unfinished = None, not (root / MANIFEST).exists()
    try:
        if not unfinished or not published_shards(root):
            manifest = read_manifest(root)
    except CorruptError as error:
        faults.append(Fault(error.message))
    entries = {entry.shard: entry for entry in manifest.shards} if manifest else {}
    published = published_shards(root)
    faults += [Fault("is missing", shard) for shard in sorted(set(entries) - set(published))]
    infos, size = [], 0
    content = _Content(root) if deep else None
    with Progress(len(published), "verify", unit="shards", quiet=quiet) as progress:
        for shard in published:
            check = _ShardCheck(root, shard, entries.get(shard), content)
            faults += check.faults()
            size += check.size
            infos += [check.info] if check.info is not None else []
            progress.advance()
    faults += [] if content is None else content.faults
    if not faults and manifest is not None:
        faults += _manifest_faults(manifest, infos)
    return Verdict(manifest, unfinished, sum(info.n for info in infos), size, tuple(faults))


def _manifest_faults(manifest: Manifest, infos: list[ShardInfo]) -> Iterator[Fault]:
    try:
        derived = make_manifest(infos)
    except HandbenchError as error:
        yield Fault(error.message)
        return
    if derived.to_json() != manifest.to_json():
        yield Fault(f"{MANIFEST} is not what its shards say")


class _Content:
    """Checks what is inside records.

    Attributes:
        faults: of the dataset as a whole: why the check of its kind cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self.faults: list[Fault] = []
        self._root, self._ready = root, False
        self._check: Check | None = None

    def of(self, record: Record, spec: DatasetSpec) -> Iterator[str]:
        """Yields what does not hold in a record."""
        # OpenCV is only needed, and only loaded, where pictures are decoded.
        from handbench.store.check import content_faults, kind_check

        if not self._ready:
            self._ready = True
            try:
                self._check = kind_check(self._root, spec)
            except HandbenchError as error:
                self.faults.append(Fault(str(error)))
        yield from content_faults(record)
        if self._check is not None:
            yield from self._check(record)


class _ShardCheck:
    """Checks one shard.

    Attributes:
        info: its shard.json, None when damaged.
        size: bytes read.
    """

    def __init__(self, root: Path, shard: int, entry: ShardEntry | None, content: _Content | None) -> None:
        self.folder, self.shard, self.entry, self.content = shard_folder(root, shard), shard, entry, content
        self.info: ShardInfo | None = None
        self.size = 0

    def faults(self) -> Iterator[Fault]:
        """Yields what is wrong with the shard."""
        try:
            self.info = parse_shard_info(self.folder)
        except HandbenchError as error:
            yield Fault(error.message, self.shard)
        try:
            raw = (self.folder / DATA).read_bytes()
        except OSError as error:
            yield Fault(f"{DATA} cannot be read: {error.strerror}", self.shard)
            return
        self.size = len(raw)
        known = self.info or self.entry
        if known is None:
            return
        if self.info is not None and self.entry is not None and self.info.digest != self.entry.digest:
            yield Fault("is not the shard that the manifest names", self.shard)
        if hashlib.sha256(raw).hexdigest() != known.sha256:
            yield from self._damage(raw, known)
        elif self.info is not None:
            yield from self._records(raw, self.info)

    def _damage(self, raw: bytes, known: ShardEntry) -> Iterator[Fault]:
        """Names the samples that a damaged file has lost, by finding those that are intact."""
        yield Fault(
            f"{DATA} differs from its sha256: {len(raw)} bytes, {known.size} were written", self.shard
        )
        intact = find_records(raw)
        for row, sample_id in enumerate(known.ids):
            kept = {checksum for _, checksum in intact.get(sample_id, [])}
            if not kept or (self.info is not None and int(self.info.checksums[row]) not in kept):
                yield Fault("is damaged", self.shard, sample_id)

    def _records(self, raw: bytes, info: ShardInfo) -> Iterator[Fault]:
        columns = zip(info.ids, info.offsets.tolist(), info.lengths.tolist(), info.checksums, strict=True)
        for sample_id, offset, length, checksum in columns:
            try:
                record = decode_record(raw[offset : offset + length], sample_id)
            except CorruptError as error:
                yield Fault(error.message, self.shard, sample_id)
                continue
            if record.checksum != int(checksum):
                yield Fault("has another checksum than shard.json says", self.shard, sample_id)
            if self.content is not None:
                found = self.content.of(record, info.spec)
                yield from (Fault(what, self.shard, sample_id) for what in found)
        if self.content is not None:
            yield from self._lmdb(info)

    def _lmdb(self, info: ShardInfo) -> Iterator[Fault]:
        """Reads the keys and checksums as any LMDB reader would; the file's hash is already known good."""
        try:
            with lmdb.open(str(self.folder), readonly=True, lock=False) as env, env.begin() as transaction:
                rows = [(key, value[-8:]) for key, value in transaction.cursor()]
        except lmdb.Error as error:
            yield Fault(f"LMDB cannot read it: {error}", self.shard)
            return
        expected = [
            (record_key(sample_id), int(checksum).to_bytes(8, "little"))
            for sample_id, checksum in zip(info.ids, info.checksums, strict=True)
        ]
        if rows != expected:
            yield Fault("LMDB reads other records than shard.json lists", self.shard)
