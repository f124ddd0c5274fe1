"""Verifies any dataset: what its format can say of itself, and what holds for every hand in a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from handbench.datasets import Dataset, Finding
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.progress import Progress
from handbench.trust.boxes import check_boxes, check_labels
from handbench.trust.frames import check_frame, off_picture
from handbench.trust.mano import check_mano
from handbench.trust.numbers import check_units, fillers, long_bones, not_finite
from handbench.trust.orders import check_order
from handbench.trust.pictures import check_picture
from handbench.trust.report import Report
from handbench.trust.rows import HandRows, gather_rows, wrong_shapes
from handbench.trust.sides import check_sides
from handbench.trust.truth import check_truth
from handbench.types import Sample

DEFAULT_NUM = 400
"""Samples that are looked at unless another number is asked for."""

CHUNK = 4096
"""Samples whose hands are judged together; a mix-up is told once for each."""

_Told = dict[str, list[str]]
"""By key: what samples and pictures that do not read were told to be."""


def verify_dataset(
    dataset: Dataset,
    num: int | None = DEFAULT_NUM,
    deep: bool = False,
    hand_model: str | None = None,
    quiet: bool = True,
) -> Report:
    """Looks at samples spread evenly over a dataset; never fails for what a dataset holds.

    A mix-up that is recognised (unit, joint order, frame, side) is told once and repaired for the checks
    behind it, so that these say what else is wrong.

    Args:
        dataset: any dataset.
        num: how many samples to look at, or None for all.
        deep: decode JPEGs strictly, read masks and depth, compare samples with ``ground_truth()``.
        hand_model: ``procedural`` or ``mano:DIR``, what MANO parameters belong to; None where unknown.
        quiet: show no progress.

    Raises:
        HandbenchError: when the hand model cannot be loaded.
    """
    if hand_model is not None:
        load_hand_model(hand_model)
    total = len(dataset)
    count = total if num is None else min(num, total)
    indices = [i * total // count for i in range(count)] if count else []
    report = Report(
        f"{dataset.name} {dataset.split}", str(dataset.root), dataset.fingerprint, total, count,
        dataset.coverage,
    )  # fmt: skip
    _check_keys(dataset, report)
    told: _Told = {}
    with Progress(count, "verify", quiet=quiet) as progress:
        for start in range(0, count, CHUNK):
            part = indices[start : start + CHUNK]
            samples = list(_read(dataset, part, report, deep, progress, told))
            _check_hands(samples, report, hand_model)
    if deep and total:
        report.check("truth", count, "samples").add(check_truth(dataset, indices))
    report.check("coverage", dataset.coverage.expected, "samples").add(_coverage(dataset))
    _audit(dataset, report, told)
    return report


def _check_keys(dataset: Dataset, report: Report) -> None:
    check = report.check("keys", len(dataset), "samples")
    keys: Sequence[str] = dataset.keys
    if len(set(keys)) < len(keys):
        double = [key for key, n in Counter(keys).most_common(5) if n > 1]
        words = f"{len(keys) - len(set(keys))} keys are there more than once: {', '.join(double)}"
        check.add([Finding("fault", "keys", words)])


def _read(
    dataset: Dataset, indices: Iterable[int], report: Report, deep: bool, progress: Progress, told: _Told
) -> Iterator[Sample]:
    reading, shapes = report.check("reading", 0, "samples"), report.check("shapes")
    pictures = report.check("pictures", 0, "samples")
    for index in indices:
        progress.advance()
        reading.looked += 1
        try:
            sample = dataset.read(index)
        except HandbenchError as error:
            reading.add([Finding("fault", dataset.keys[index], error.message, error.hint)])
            told[dataset.keys[index]] = [error.message]
            continue
        except Exception as error:  # a loader of third parties: verification goes on
            words = f"does not read: {type(error).__name__}: {error}"
            reading.add([Finding("fault", dataset.keys[index], words)])
            continue
        pictures.looked += 1
        wrong_pictures = list(check_picture(sample, deep))
        pictures.add(wrong_pictures)
        if wrong_pictures:
            told[sample.key] = [finding.what for finding in wrong_pictures]
        wrong = list(wrong_shapes(sample))
        shapes.looked += len(sample.hands)
        shapes.add(Finding("fault", sample.key, words) for words in wrong)
        if not wrong:
            yield sample


def _check_hands(samples: Sequence[Sample], report: Report, hand_model: str | None) -> None:
    rows = gather_rows(samples)
    raw = np.array([hand.joints for sample in samples for hand in sample.hands]).reshape(-1, 21, 3)
    n = len(rows)
    report.check("numbers", n).add([*not_finite(rows, raw), *fillers(rows)])
    for name, repair in (
        ("units", check_units),
        ("order", check_order),
        ("frame", check_frame),
        ("sides", check_sides),
    ):
        findings, rows, looked = repair(rows)
        report.check(name, looked).add(findings)
    jointed = int(rows.known.any(axis=1).sum())
    report.check("bones", jointed).add(long_bones(rows))
    report.check("projection", jointed).add(off_picture(rows))
    boxed = np.isfinite(np.concatenate([rows.box, rows.sample_box], axis=1)).any(axis=1)
    report.check("boxes", int(boxed.sum())).add(check_boxes(rows))
    labelled = np.isfinite(rows.labels).any(axis=(1, 2))
    report.check("labels", int(labelled.sum())).add(check_labels(rows))
    _mano(rows, report, hand_model)


def _mano(rows: HandRows, report: Report, hand_model: str | None) -> None:
    findings, looked = check_mano(rows, hand_model)
    report.check("mano", looked).add(findings)


def _coverage(dataset: Dataset) -> Iterator[Finding]:
    found = dataset.coverage
    where = f"{dataset.name} {dataset.split}"
    if found.partial:
        words = f"{found.present:,} of {max(found.expected, found.official):,} samples are there"
        yield Finding("missing", where, words, "results on it are marked partial")
    for line in found.missing:
        yield Finding("missing", where, line)


def _audit(dataset: Dataset, report: Report, told: _Told) -> None:
    check = report.check("format", 1, "dataset")
    try:
        check.add(finding for finding in dataset.audit() if not _known(finding, told))
    except HandbenchError as error:
        check.add([Finding("fault", f"{dataset.name} {dataset.split}", error.message, error.hint)])
    except Exception as error:  # a loader of third parties: the other checks stand
        words = f"the format's own check failed: {type(error).__name__}: {error}"
        check.add([Finding("fault", f"{dataset.name} {dataset.split}", words)])


def _known(finding: Finding, told: _Told) -> bool:
    """Tells whether a format's finding is a picture or sample that was told already: of the same file."""
    if finding.kind != "fault" or finding.where not in told:
        return False
    file = finding.what.partition(": ")[0]
    return "picture" in finding.what or any(what.partition(": ")[0] == file for what in told[finding.where])
