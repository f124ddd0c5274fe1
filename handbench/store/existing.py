"""What already lies in the output folder, and what is left to make."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from handbench.errors import HandbenchError
from handbench.store.files import remove, sync_folder
from handbench.store.manifest import MANIFEST, published_shards
from handbench.store.plan import DatasetSpec, Plan
from handbench.store.shardinfo import ShardInfo, read_shard_info, shard_folder

OnExisting = Literal["resume", "error", "overwrite"]


@dataclass(frozen=True)
class Survey:
    """What an earlier run left.

    Attributes:
        kept: published shards that this run keeps, by number.
        missing: shards to make.
        smaller: those of them in whose place a smaller last shard of an earlier, smaller run lies.
    """

    kept: dict[int, ShardInfo]
    missing: tuple[int, ...]
    smaller: frozenset[int]


def prepare_folder(root: Path) -> None:
    """Makes the output folder and makes sure that it can be written and holds nothing foreign.

    Raises:
        HandbenchError: when it is a file, cannot be written, or holds something else than a dataset.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in root.iterdir() if not path.name.startswith(".run.")}
        if names - {"shards", MANIFEST} and "shards" not in names:
            raise HandbenchError(
                f"{root} holds other files, e.g. {min(names - {MANIFEST})}", "choose an empty folder as --out"
            )
        (root / "shards").mkdir(exist_ok=True)
        sync_folder(root)
        trial = root / f".run.trial.{os.getpid()}"
        trial.touch()
        trial.unlink()
    except (FileExistsError, NotADirectoryError):
        raise HandbenchError(f"{root} is a file, or lies below one", "choose a folder as --out") from None
    except OSError as error:
        raise HandbenchError(f"cannot write to {root}: {error.strerror}", "choose another --out") from None


def survey(root: Path, plan: Plan, spec: DatasetSpec, on_existing: OnExisting) -> Survey:
    """Decides which shards are kept and which are made; removes what dead runs left half done.

    A shard is kept when its size, its digest, its recipe and its samples are as they should be. The number
    of samples may grow: all shards are kept but the last, which is made again where it was smaller.

    Raises:
        HandbenchError: for shards of another recipe, seed or layout, and for any shard with ``error``.
        CorruptError: for a shard whose size or digest differs from what was written.
    """
    remove_leftovers(root, plan.shards)
    if len(plan.shards) == plan.count:
        for stale in root.glob(f"{MANIFEST}.tmp.*"):
            remove(stale)
    published = published_shards(root)
    if on_existing == "overwrite":
        doomed = published if len(plan.shards) == plan.count else set(published) & set(plan.shards)
        remove(root / MANIFEST)
        for shard in doomed:
            remove(shard_folder(root, shard))
        published = published_shards(root)
    if on_existing == "error" and set(published) & set(plan.shards):
        raise HandbenchError(
            f"{root} already holds {len(published)} shards", "use --on-existing resume or overwrite"
        )
    infos = {shard: read_shard_info(shard_folder(root, shard)) for shard in published}
    for shard, info in infos.items():
        spec.check_same(info.spec, f"{root} (shard {shard})")
    _check_layout(root, plan, infos.values())
    chosen = {shard: info for shard, info in infos.items() if shard in plan.shards}
    kept = {shard: info for shard, info in chosen.items() if info.ids == plan.ids(shard)}
    missing = tuple(shard for shard in plan.shards if shard not in kept)
    return Survey(kept, missing, frozenset(set(chosen) - set(kept)))


def remove_leftovers(root: Path, shards: Iterable[int]) -> None:
    """Removes the half-made folders of shards that this run holds the lock of."""
    wanted = {f"{shard:05d}" for shard in shards}
    for path in (root / "shards").glob("*.tmp.*"):
        if path.name.partition(".")[0] in wanted:
            remove(path)


def _check_layout(root: Path, plan: Plan, infos: Collection[ShardInfo]) -> None:
    hint = "choose another --out, or --on-existing overwrite"
    held = max((info.ids.stop for info in infos), default=0)
    if held > plan.num:
        raise HandbenchError(
            f"{root} holds samples up to {held - 1}, --num {plan.num} ends before",
            f"give --num {held} or more; " + hint,
        )
    if any(info.first != info.shard * plan.size or info.n > plan.size for info in infos):
        raise HandbenchError(
            f"{root} was begun with another shard size: --num {plan.num} has {plan.size} samples a shard",
            "stay on one side of 20,000 samples; " + hint,
        )
