"""``handbench data pack`` as a function: any dataset to a store of crops that train fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.config import content_hash
from handbench.datasets import DataRef, Dataset
from handbench.errors import BadSampleError, HandbenchError, PartialError
from handbench.loaders.batch_items import hands_present
from handbench.loaders.batch_labels import SIDES
from handbench.loaders.pack_record import PackSettings, pack_sample, stored_width
from handbench.loaders.packed_fields import SCHEMA, bad_words
from handbench.store.existing import OnExisting
from handbench.store.job import Produce
from handbench.store.plan import DatasetSpec, Plan
from handbench.store.record import encode_record
from handbench.store.run import RunReport, run_shards
from handbench.store.statistics import Statistics

MAX_BAD = 0.001
"""Share of bad samples beyond which a pack is not called done."""


@dataclass(frozen=True)
class Extras:
    """What scoring knows of the samples beyond their hands.

    Attributes:
        hand_type: (N,) text.
        typed: (N,) bool, whether the hand type may be scored.
        root_depth: (N, 2) [m], NaN where there is none.
        subsets: name -> (N,) bool.
        tips: name of the fingertip set.
        partial: whether the source's ground truth is of a part of the split.
    """

    hand_type: npt.NDArray[np.str_]
    typed: npt.NDArray[np.bool_]
    root_depth: npt.NDArray[np.float64]
    subsets: dict[str, npt.NDArray[np.bool_]]
    tips: str
    partial: bool


@dataclass(frozen=True)
class PackJob:
    """Opens the source in a worker.

    Attributes:
        ref: of the source.
        chosen: (N,) its samples; record i is sample ``chosen[i]``.
        settings: how pictures are packed.
        extras: of the chosen samples.
    """

    ref: DataRef
    chosen: npt.NDArray[np.int64]
    settings: PackSettings
    extras: Extras

    def __call__(self) -> Produce:
        """Returns the function that makes records."""
        return _Packer(self.ref.open(), self)


class _Packer:
    def __init__(self, dataset: Dataset, job: PackJob) -> None:
        self._dataset, self._job = dataset, job

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns the record of a sample; a bad sample leaves a hole that says why."""
        index, extras = int(self._job.chosen[sample_id]), self._job.extras
        try:
            blobs, fields = pack_sample(self._dataset.read(index), self._job.settings)
        except BadSampleError as error:
            hole = {"key": self._dataset.keys[index], "bad": str(error)}
            return encode_record(sample_id, {}, hole), {"bad": {"yes": 1}}
        fields["hand_type"] = str(extras.hand_type[sample_id])
        fields["hand_type_valid"] = bool(extras.typed[sample_id])
        fields["root_depth"] = extras.root_depth[sample_id]
        fields["subsets"] = [name for name, inside in extras.subsets.items() if inside[sample_id]]
        counts: dict[str, dict[str, int]] = {"bad": {"no": 1}}
        counts["hands"] = {"+".join(s.value for s, on in zip(SIDES, fields["sides"], strict=True) if on): 1}
        return encode_record(sample_id, blobs, fields), counts


def pack(
    ref: DataRef,
    out: Path,
    settings: PackSettings,
    workers: int = 1,
    on_existing: OnExisting = "resume",
    max_bad: float = MAX_BAD,
    quiet: bool = False,
) -> RunReport:
    """Packs a dataset into a folder; killed at any instant, the same call continues.

    Args:
        ref: the source, with its subset: ``every`` and ``limit`` too.
        out: the folder.
        settings: how pictures are packed.
        workers: worker processes; 0 works here.
        on_existing: what to do where there are shards.
        max_bad: share of bad samples beyond which the pack is not done.
        quiet: print no progress.

    Raises:
        HandbenchError: bad input, before any work.
        PartialError: too many samples are bad, or the disk is full.
    """
    _check(settings)
    dataset = ref.open(quiet=quiet)
    present = hands_present(dataset) & [settings.sides != "left", settings.sides != "right"]
    everything = settings.about == "picture"
    chosen = np.arange(len(dataset)) if everything else np.flatnonzero(present.any(axis=1))
    if not len(chosen):
        raise HandbenchError(
            f"{ref}: no {settings.sides} hands to pack", "pack whole pictures: --about picture"
        )
    extras = _extras(dataset, chosen)
    job = PackJob(
        DataRef(ref.name, str(Path(ref.path).expanduser().resolve()), ref.options), chosen, settings, extras
    )
    report = run_shards(
        out, Plan(len(chosen)), _spec(dataset, job), job, workers, on_existing, label="pack", quiet=quiet
    )
    bad = _bad(report)
    if bad > max_bad * len(chosen):
        raise PartialError(
            f"{out}: {bad} of {len(chosen)} samples {'is' if bad == 1 else 'are'} bad,"
            f" more than {max_bad:g} of them; the first: {_first(out)}",
            "mend the source and pack again with --on-existing overwrite, or raise --max-bad",
        )
    return report


def _check(settings: PackSettings) -> None:
    for name, fits, remedy in (
        ("size", 8 <= settings.size <= 8192, "give a width of 8 to 8192 px"),
        ("scale", settings.scale > 0, "give a number above 0"),
        ("margin", 1 <= settings.margin <= 4, "give a number of 1 to 4"),
        ("quality", 1 <= settings.quality <= 100, "give a JPEG quality of 1 to 100"),
    ):
        if not fits:
            raise HandbenchError(f"--{name} {getattr(settings, name)}", remedy)


def _spec(dataset: Dataset, job: PackJob) -> DatasetSpec:
    found, settings = dataset.coverage, asdict(job.settings)
    missing = list(found.missing)
    if len(job.chosen) < len(dataset):
        missing.append(f"{len(dataset) - len(job.chosen)} samples without such hands were not packed")
    source = {
        "name": dataset.name, "split": dataset.split, "fingerprint": dataset.fingerprint,
        "reference": str(job.ref), "missing": missing,
        "samples": len(dataset), "present": found.present, "expected": found.expected,
        "official": found.official, "partial": job.extras.partial,
        "tips": job.extras.tips, "subsets": list(job.extras.subsets),
    }  # fmt: skip
    recipe = {**settings, "width": stored_width(job.settings.size, job.settings.margin), "source": source}
    keys = dataset.keys
    chosen = content_hash([[keys[i] for i in job.chosen.tolist()], dataset.fingerprint, settings])
    sources = {"data": f"{dataset.name} {dataset.split} {dataset.fingerprint}"}
    return DatasetSpec(SCHEMA, chosen, 0, recipe, {}, sources)


def _extras(dataset: Dataset, chosen: npt.NDArray[np.int64]) -> Extras:
    truth = dataset.ground_truth()
    n = len(dataset)
    depth = np.full((n, 2), np.nan)
    for s, side in enumerate(SIDES):
        hand = truth.hands.get(side)
        if hand is not None and hand.root_depth is not None:
            depth[:, s] = hand.root_depth
    kinds = np.array(truth.hand_type if len(truth.hand_type) else [""] * n, dtype=np.str_)
    typed = np.zeros(n, np.bool_) if truth.hand_type_valid is None else truth.hand_type_valid
    subsets = {name: np.asarray(inside)[chosen] for name, inside in truth.subsets.items()}
    return Extras(kinds[chosen], np.asarray(typed)[chosen], depth[chosen], subsets, truth.tips, truth.partial)


def _bad(report: RunReport) -> int:
    return 0 if report.manifest is None else report.manifest.statistics["bad"].get("yes", 0)


def _first(out: Path) -> str:
    from handbench.store import open_store

    return next(str(record.fields["bad"]) for record in open_store(out) if "bad" in record.fields)


def summary(report: RunReport) -> Sequence[str]:
    """Returns the result of a run as lines of text."""
    rate, bad = report.made / report.seconds if report.seconds > 0 else 0.0, _bad(report)
    lines = [
        f"packed {report.made + report.kept - bad} samples; {report.made} records made in"
        f" {report.seconds:.1f} s ({rate:.0f} a second), {report.kept} kept"
    ]
    if report.manifest is None:
        return lines
    manifest, recipe = report.manifest, report.manifest.spec.recipe
    if recipe["about"] == "hands":
        lines.append(
            f"pictures of {recipe['width']} px: a crop of {recipe['size']} px (scale {recipe['scale']:g})"
            f" with a margin of {recipe['margin']:.3g}"
        )
    size = sum(entry.size for entry in manifest.shards) / 1e6
    lines += [f"{size:.1f} MB, digest {manifest.digest}", *recipe["source"]["missing"]]
    return [*lines, f"{bad_words(bad)} and left out"] if bad else lines


def report_dict(report: RunReport) -> dict[str, Any]:
    """Returns the result of a run as plain values."""
    manifest = None if report.manifest is None else asdict(report.manifest)
    return {
        "made": report.made, "kept": report.kept, "bad": _bad(report), "seconds": report.seconds,
        "manifest": manifest,
    }  # fmt: skip
