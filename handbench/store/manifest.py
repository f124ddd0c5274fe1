"""manifest.json: what a dataset is, derived from its shards and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from handbench.errors import CorruptError, HandbenchError
from handbench.store.files import read_sealed, replace_durably, seal
from handbench.store.plan import DatasetSpec
from handbench.store.shardinfo import ShardEntry, ShardInfo, read_shard_info, records_digest, shard_folder
from handbench.store.statistics import Tally

SCHEMA = "handbench.dataset/1"
MANIFEST = "manifest.json"
_UNFINISHED = "run the command that makes it again: it continues where it stopped"


@dataclass(frozen=True)
class Manifest:
    """Describes a finished dataset.

    Attributes:
        num: number of samples; their ids are 0 to ``num`` - 1.
        digest: xxh3_128 over (id, record checksum) in id order; the dataset's fingerprint.
        spec: what decides its samples.
        made_by: the distinct code versions and machines that made the shards.
        statistics: histograms over all samples.
        shards: in order.
    """

    num: int
    digest: str
    spec: DatasetSpec
    made_by: tuple[dict[str, Any], ...]
    statistics: dict[str, dict[str, int]]
    shards: tuple[ShardEntry, ...]

    @property
    def cpu_classes(self) -> tuple[str, ...]:
        """The CPU feature classes of the machines; samples are bit-identical within one."""
        return tuple(sorted({str(made["cpu_class"]) for made in self.made_by}))

    def to_json(self) -> bytes:
        """Returns the content of manifest.json."""
        return seal({**asdict(self), "schema": SCHEMA})


def make_manifest(shards: Iterable[ShardInfo]) -> Manifest:
    """Derives the manifest from the shards of one dataset.

    Raises:
        CorruptError: when samples are missing between the first and the last shard.
        HandbenchError: when the shards were made from different recipes.
    """
    infos = sorted(shards, key=lambda info: info.first)
    tally, made_by, num = Tally(), [], 0
    for info in infos:
        if info.first != num:
            raise CorruptError(f"samples {num} to {info.first - 1} are missing", _UNFINISHED)
        infos[0].spec.check_same(info.spec, f"shard {info.shard}")
        num += info.n
        tally.add(info.statistics)
        made = {key: value for key, value in info.provenance.items() if key not in ("date", "cores")}
        if made not in made_by:
            made_by.append(made)
    return Manifest(
        num=num,
        digest=records_digest(infos),
        spec=infos[0].spec,
        made_by=tuple(made_by),
        statistics=tally.result(),
        shards=tuple(ShardEntry(i.shard, i.first, i.n, i.size, i.sha256, i.digest) for i in infos),
    )


def write_manifest(root: Path, manifest: Manifest) -> None:
    """Puts manifest.json in place, whole, whatever was there before."""
    replace_durably(root / MANIFEST, manifest.to_json())


def read_manifest(root: Path) -> Manifest:
    """Reads the manifest of a finished dataset.

    Raises:
        CorruptError: when a byte differs from what was written.
        HandbenchError: when there is none, saying whether the dataset is unfinished.
    """
    try:
        content = read_sealed(root / MANIFEST, SCHEMA)
    except (FileNotFoundError, NotADirectoryError):
        if (root / "shards").is_dir():
            raise HandbenchError(f"{root} is unfinished: it has no {MANIFEST}", _UNFINISHED) from None
        raise HandbenchError(f"{root} holds no dataset of handbench", "check the path") from None
    for unused in ("schema", "checksum"):
        del content[unused]
    try:
        return Manifest(
            **{
                **content,
                "spec": DatasetSpec(**content["spec"]),
                "made_by": tuple(content["made_by"]),
                "shards": tuple(ShardEntry(**entry) for entry in content["shards"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise CorruptError(f"{root / MANIFEST} is damaged: {error}") from None


def published_shards(root: Path) -> list[int]:
    """Returns the numbers of the shards that are published, ascending."""
    folder = root / "shards"
    if not folder.is_dir():
        return []
    numbers = [int(path.name) for path in folder.iterdir() if path.name.isdecimal()]
    return sorted(shard for shard in numbers if shard_folder(root, shard).is_dir())


def read_shards(root: Path) -> list[ShardInfo]:
    """Reads what all published shards say of themselves.

    Raises:
        CorruptError: when one differs from what was written.
    """
    return [read_shard_info(shard_folder(root, shard)) for shard in published_shards(root)]
