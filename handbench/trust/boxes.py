"""Boxes and labelled pixels against the projected joints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.datasets import Finding
from handbench.trust.rows import HandRows

APART = 0.1
"""A box whose overlap (IoU) with the joints' own is lower is of something else."""

_BOXES: tuple[tuple[str, str, Callable[[FloatArray], FloatArray]], ...] = (
    (
        "corners x0, y0, x1, y1 read as x, y, w, h",
        "subtract the first corner from the second",
        lambda box: np.concatenate([box[:, :2], box[:, 2:] - box[:, :2]], axis=1),
    ),
    (
        "centre and size read as corner and size",
        "subtract half the size",
        lambda box: np.concatenate([box[:, :2] - box[:, 2:] / 2, box[:, 2:]], axis=1),
    ),
    ("y, x, h, w read as x, y, w, h", "exchange the columns", lambda box: box[:, [1, 0, 3, 2]]),
)


def check_boxes(rows: HandRows) -> list[Finding]:
    """Finds boxes that do not hold the hands, and names boxes of another form."""
    pixels = rows.pixels()
    own = _extent(pixels, rows)
    findings = _compare("box", rows.box, own, rows)
    return findings + _compare("sample box", rows.sample_box, _together(own, rows), rows)


def _compare(name: str, boxes: FloatArray, own: FloatArray, rows: HandRows) -> list[Finding]:
    given = _iou(_clip(boxes, rows), own)
    judged = np.isfinite(given)
    if not judged.any():
        return []
    for form, remedy, convert in _BOXES:
        other = _iou(_clip(convert(boxes), rows), own)
        better = judged & (other > 0.4) & (given < 0.5 * other)
        if better.sum() > 0.5 * judged.sum():
            words = (
                f"{int(better.sum())} of {int(judged.sum())} {name}es miss the projected joints "
                f"(median overlap {np.median(given[judged]):.2f}); {form} fit "
                f"({np.median(other[better]):.2f})"
            )
            return [Finding("fault", rows.first(better), words, remedy)]
    findings = []
    for row in rows.where(judged & (given < APART)):
        words = f"{name} {_told(boxes[row])} is not about the projected joints, which span {_told(own[row])}"
        findings.append(Finding("fault", rows.keys[row], words, "is it of another picture?"))
    return findings


def check_labels(rows: HandRows) -> list[Finding]:
    """Finds labelled pixels that are far from the projected joints, and names what explains them."""
    pixels = rows.pixels()
    both: BoolArray = np.asarray(np.isfinite(pixels + rows.labels).all(axis=2))
    judged = both.sum(axis=1) >= 3
    if not judged.any():
        return []
    extent = _box_of(pixels)
    span = np.maximum(extent[:, 2:].max(axis=1), 1.0)
    given = _miss(rows.labels, pixels, both, span)
    scale = _scale(rows.labels, pixels, both & judged[:, None])
    explanations = (
        ("x and y are exchanged", rows.labels[..., ::-1]),
        ("the labels are of the mirrored picture", _mirrored(rows)),
        (f"the labels are of a picture {scale:.3g} times as large", rows.labels / scale),
    )
    wrong = judged & (given > 0.3)
    if not wrong.any():
        return []
    for words, labels in explanations:
        better = wrong & (_miss(labels, pixels, both, span) < 0.1)
        if better.sum() > 0.5 * wrong.sum() and wrong.sum() > 0.5 * judged.sum():
            told = f"labels of {int(wrong.sum())} of {int(judged.sum())} hands miss the joints: {words}"
            return [Finding("fault", rows.first(better), told, "convert them")]
    return [
        Finding(
            "fault",
            rows.keys[row],
            f"labelled pixels lie {given[row] * span[row]:.0f} px from the projected joints of a hand "
            f"that spans {span[row]:.0f} px",
            "another frame's or another hand's labels?",
        )
        for row in rows.where(wrong)
    ]


def _miss(labels: FloatArray, pixels: FloatArray, both: BoolArray, span: FloatArray) -> FloatArray:
    """Returns (N,) median distance of labels and pixels as a share of the hand's span."""
    away = np.where(both, np.linalg.norm(labels - pixels, axis=2), np.nan)
    out = np.full(len(labels), np.inf)
    some = both.any(axis=1)
    if some.any():
        out[some] = np.nanmedian(away[some], axis=1) / span[some]
    return out


def _scale(labels: FloatArray, pixels: FloatArray, both: BoolArray) -> float:
    ratio = float(np.median(np.linalg.norm(labels[both], axis=1) / np.linalg.norm(pixels[both], axis=1)))
    return ratio if np.isfinite(ratio) and ratio > 0 else 1.0


def _mirrored(rows: HandRows) -> FloatArray:
    return np.stack([rows.size[:, None, 0] - 1 - rows.labels[..., 0], rows.labels[..., 1]], axis=2)


def _box_of(pixels: FloatArray) -> FloatArray:
    """Returns (N, 4) x, y, w, h of points (N, 21, 2); NaN where there are none."""
    known = np.isfinite(pixels).all(axis=2, keepdims=True)
    low = np.where(known, pixels, np.inf).min(axis=1)
    high = np.where(known, pixels, -np.inf).max(axis=1)
    box = np.concatenate([low, high - low], axis=1)
    return np.where(np.isfinite(box).all(axis=1, keepdims=True), box, np.nan)


def _extent(pixels: FloatArray, rows: HandRows) -> FloatArray:
    return _clip(_box_of(pixels), rows)


def _clip(box: FloatArray, rows: HandRows) -> FloatArray:
    """Cuts boxes (N, 4) to their pictures; NaN where nothing is left."""
    low = np.clip(box[:, :2], 0, rows.size - 1)
    high = np.clip(box[:, :2] + box[:, 2:], 0, rows.size - 1)
    cut = np.concatenate([low, high - low], axis=1)
    return np.where((cut[:, 2:] > 0).all(axis=1, keepdims=True), cut, np.nan)


def _together(boxes: FloatArray, rows: HandRows) -> FloatArray:
    """Returns (N, 4) for each hand the box about all hands of its sample."""
    if not len(rows):
        return boxes
    n = int(rows.sample.max()) + 1
    low, high = np.full((n, 2), np.inf), np.full((n, 2), -np.inf)
    some = np.isfinite(boxes).all(axis=1)
    np.minimum.at(low, rows.sample[some], boxes[some, :2])
    np.maximum.at(high, rows.sample[some], boxes[some, :2] + boxes[some, 2:])
    whole = np.concatenate([low, high - low], axis=1)[rows.sample]
    return np.where(np.isfinite(whole).all(axis=1, keepdims=True), whole, np.nan)


def _iou(a: FloatArray, b: FloatArray) -> FloatArray:
    low = np.maximum(a[:, :2], b[:, :2])
    high = np.minimum(a[:, :2] + a[:, 2:], b[:, :2] + b[:, 2:])
    shared = np.prod(np.maximum(high - low, 0), axis=1)
    return np.asarray(shared / (a[:, 2] * a[:, 3] + b[:, 2] * b[:, 3] - shared))


def _told(box: FloatArray) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in box) + ")"
