"""Verifies any dataset: what its format can say of itself, and what holds for every hand in a picture."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from handbench.datasets import Dataset, Finding
from handbench.errors import BadSampleError, HandbenchError
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
    with Progress(count, "verify", quiet=quiet) as progress:
        for start in range(0, count, CHUNK):
            samples = list(_read(dataset, indices[start : start + CHUNK], report, deep, progress))
            _check_hands(samples, report, hand_model)
    if deep and total:
        report.check("truth", count, "samples").add(check_truth(dataset, indices))
    report.check("coverage", dataset.coverage.expected, "samples").add(_coverage(dataset))
    _audit(dataset, report)
    return report


def _check_keys(dataset: Dataset, report: Report) -> None:
    check = report.check("keys", len(dataset), "samples")
    keys: Sequence[str] = dataset.keys
    if len(set(keys)) < len(keys):
        double = [key for key, n in Counter(keys).most_common(5) if n > 1]
        words = f"{len(keys) - len(set(keys))} keys are there more than once: {', '.join(double)}"
        check.add([Finding("fault", "keys", words)])


def _read(
    dataset: Dataset, indices: Iterable[int], report: Report, deep: bool, progress: Progress
) -> Iterator[Sample]:
    reading, shapes = report.check("reading", 0, "samples"), report.check("shapes")
    pictures = report.check("pictures", 0, "samples")
    for index in indices:
        progress.advance()
        reading.looked += 1
        try:
            sample = dataset.read(index)
        except BadSampleError as error:
            reading.add([Finding("fault", dataset.keys[index], error.message, error.hint)])
            continue
        except Exception as error:  # a loader of third parties: verification goes on
            words = f"does not read: {type(error).__name__}: {error}"
            reading.add([Finding("fault", dataset.keys[index], words)])
            continue
        pictures.looked += 1
        pictures.add(check_picture(sample, deep))
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


def _audit(dataset: Dataset, report: Report) -> None:
    check = report.check("format", 1, "dataset")
    try:
        check.add(dataset.audit())
    except HandbenchError as error:
        check.add([Finding("fault", f"{dataset.name} {dataset.split}", error.message, error.hint)])
    except Exception as error:  # a loader of third parties: the other checks stand
        words = f"the format's own check failed: {type(error).__name__}: {error}"
        check.add([Finding("fault", f"{dataset.name} {dataset.split}", words)])
