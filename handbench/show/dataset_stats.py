"""What any dataset contains: hands, sizes, depths, occlusion, motion, as numbers and as a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.datasets import Dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.show.figures import keep_figure, open_pyplot
from handbench.skeleton import FINGERS
from handbench.types import Side

READ = 500
"""Samples that are read for what the columns do not hold (occlusion)."""

MARKS = (5, 25, 50, 75, 95)
"""Percentiles that are printed."""

_TITLES = {
    "box": "longer side of a hand's box [px]",
    "depth": "distance of the wrist [m]",
    "size": "wrist to middle knuckle [mm]",
    "occlusion": "occlusion of a hand",
    "motion": "motion of a joint [mm/frame]",
    "relative_motion": "the same, relative to the wrist",
}


@dataclass
class DatasetNumbers:
    """What a dataset contains.

    Attributes:
        name: and split.
        samples: how many.
        expected: how many the split has.
        recordings: how many takes.
        hand_types: samples by hand type, from the annotation.
        hands: by side, hands with any valid joint.
        annotated: what else is annotated, e.g. ``MANO parameters``: hands that have it.
        subsets: samples by subset.
        valid: share of the joints of those hands that are valid.
        fingers: mean visibility by finger, where it is known.
        values: name -> one value a hand (see the titles): box, depth, size, occlusion, motion.
    """

    name: str
    samples: int
    expected: int
    recordings: int
    hand_types: Counter[str]
    hands: dict[str, int]
    annotated: dict[str, int]
    subsets: dict[str, int]
    valid: float
    fingers: dict[str, float] = field(default_factory=dict)
    values: dict[str, FloatArray] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """Returns the summary as text, a line a fact."""
        out = [
            f"{'samples':<34} {self.samples} of {self.expected}, {self.recordings} recordings",
            f"{'hands with joints':<34} {_counts(self.hands)}; {100 * self.valid:.1f} % of joints valid",
            f"{'annotated hands':<34} {_counts(self.annotated)}",
        ]
        if self.hand_types:
            out.insert(1, f"{'hand types':<34} {_counts(self.hand_types)}")
        if self.subsets:
            out.append(f"{'subsets':<34} {_counts(self.subsets)}")
        for name, values in self.values.items():
            marks = np.percentile(values, MARKS)
            words = "  ".join(f"p{mark} {value:.3g}" for mark, value in zip(MARKS, marks, strict=True))
            out.append(f"{_TITLES[name]:<34} {words}  (n {len(values)})")
        if self.fingers:
            words = "  ".join(f"{finger} {share:.2f}" for finger, share in self.fingers.items())
            out.append(f"{'visibility':<34} {words}")
        return out

    def as_dict(self) -> dict[str, Any]:
        """Returns the numbers as plain values for JSON."""
        return {
            "dataset": self.name,
            "samples": self.samples,
            "expected": self.expected,
            "recordings": self.recordings,
            "hand_types": dict(self.hand_types),
            "hands": self.hands,
            "annotated": self.annotated,
            "subsets": self.subsets,
            "joints_valid": self.valid,
            "finger_visibility": self.fingers,
            "percentiles": {
                name: {
                    "of": _TITLES[name],
                    "n": len(values),
                    **{f"p{mark}": float(np.percentile(values, mark)) for mark in MARKS},
                }
                for name, values in self.values.items()
            },
        }


def gather_numbers(dataset: Dataset) -> DatasetNumbers:
    """Reads the columns of a dataset, and some samples for what these do not hold; no picture is decoded.

    Raises:
        HandbenchError: when it has no sample.
    """
    truth = dataset.ground_truth()
    if not len(truth):
        raise HandbenchError(f"{dataset.name} {dataset.split} has no sample here", "see `data verify`")
    there = {side: hand.joints_valid.any(axis=1) for side, hand in truth.hands.items()}
    valid = [hand.joints_valid[there[side]] for side, hand in truth.hands.items()]
    joints = np.concatenate(valid) if valid else np.zeros((0, 21), bool)
    found = DatasetNumbers(
        f"{dataset.name} {dataset.split}",
        len(dataset),
        dataset.coverage.expected,
        len(set(truth.recordings)),
        Counter(kind or "unknown" for kind in truth.hand_type),
        {side.value: int(mask.sum()) for side, mask in there.items()},
        _annotated(truth),
        {name: int(mask.sum()) for name, mask in truth.subsets.items()},
        float(joints.mean()) if joints.size else 0.0,
    )
    _columns(truth, found)
    _samples(dataset, found)
    _motion(dataset, truth, found)
    return found


def _annotated(truth: GroundTruth) -> dict[str, int]:
    names = {
        "pose": "MANO parameters", "vertices": "vertices", "joints_2d": "2D labels",
        "visibility": "visibility", "box": "boxes", "root_depth": "root depths",
    }  # fmt: skip
    counts: dict[str, int] = {}
    for column, words in names.items():
        for hand in truth.hands.values():
            values = getattr(hand, column)
            if values is not None:
                known = np.isfinite(values.reshape(len(values), -1)).any(axis=1)
                n = int((known & _present(truth, hand)).sum())
                counts[words] = counts.get(words, 0) + n
    return {words: n for words, n in counts.items() if n}


def _present(truth: GroundTruth, hand: HandTruth) -> BoolArray:
    """Tells (N,) which rows are hands: those with joints, or all where the dataset has no joints at all."""
    jointed = any(other.joints_valid.any() for other in truth.hands.values())
    return np.asarray(hand.joints_valid.any(axis=1)) if jointed else np.ones(len(hand.joints), np.bool_)


def _keep(found: DatasetNumbers, name: str, values: list[FloatArray]) -> None:
    flat = np.concatenate([np.ravel(v) for v in values]) if values else np.zeros(0)
    flat = flat[np.isfinite(flat)]
    if len(flat):
        found.values[name] = flat


def _columns(truth: GroundTruth, found: DatasetNumbers) -> None:
    hands = truth.hands.values()
    with np.errstate(invalid="ignore"):
        boxes = [hand.box[_present(truth, hand), 2:] for hand in hands if hand.box is not None]
        _keep(found, "box", [sides.max(axis=1) for sides in boxes])
        _keep(found, "depth", [hand.joints[:, 0, 2] for hand in hands])
        _keep(found, "size", [1000 * np.linalg.norm(h.joints[:, 9] - h.joints[:, 0], axis=1) for h in hands])
    seen = [hand.visibility[_present(truth, hand)] for hand in hands if hand.visibility is not None]
    if seen and sum(map(len, seen)):
        shares = np.nanmean(np.concatenate(seen)[:, 1:].reshape(-1, 5, 4), axis=(0, 2))
        found.fingers.update({name: float(s) for name, s in zip(FINGERS, shares, strict=True)})


def _samples(dataset: Dataset, found: DatasetNumbers) -> None:
    total = len(dataset)
    count = min(READ, total)
    hidden: list[float] = []
    for place in (i * total // count for i in range(count)):
        try:
            sample = dataset.read(place)
        except BadSampleError:
            continue
        hidden.extend(float(hand.occlusion) for hand in sample.hands if hand.occlusion is not None)
    _keep(found, "occlusion", [np.array(hidden)])


def _motion(dataset: Dataset, truth: GroundTruth, found: DatasetNumbers) -> None:
    pairs = [(i, before) for i in range(len(dataset)) if (before := dataset.previous_index(i)) is not None]
    if not pairs:
        return
    now, before = np.array(pairs).T
    moved, relative = [], []
    for side in Side:
        if side in truth.hands:
            joints = truth.hands[side].joints
            step = joints[now] - joints[before]
            moved.append(1000 * np.linalg.norm(step, axis=2))
            relative.append(1000 * np.linalg.norm(step[:, 1:] - step[:, :1], axis=2))
    _keep(found, "motion", moved)
    _keep(found, "relative_motion", relative)


def plot_numbers(found: DatasetNumbers, path: Path) -> None:
    """Plots a histogram for each kind of value into one picture.

    Raises:
        HandbenchError: when there is nothing to plot, or the place cannot be written.
    """
    plt = open_pyplot()
    if not found.values:
        raise HandbenchError(f"{found.name}: nothing to plot: no boxes, depths or motion are annotated", "")
    columns = min(3, len(found.values))
    rows = -(-len(found.values) // columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.4 * columns, 3.4 * rows), layout="constrained", squeeze=False
    )
    for axis in axes.flat[len(found.values) :]:
        axis.set_visible(False)
    for axis, (name, values) in zip(axes.flat, found.values.items(), strict=False):
        # The far end of a long tail would squeeze everything else.
        low, high = float(values.min()), float(np.percentile(values, 99.5))
        if high - low < 1e-6 * max(abs(low), abs(high), 1e-6):
            # One person's hand length: all values are equal but for rounding, and bins need a width.
            room = 0.05 * abs(high) or 1.0
            low, high = low - room, high + room
        axis.hist(
            np.minimum(values, high), bins=40, range=(low, high), color="#5896e6", edgecolor="white",
            linewidth=0.4,
        )  # fmt: skip
        axis.set_title(_TITLES[name], loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"{found.name}: {found.samples} samples", x=0.01, ha="left", fontsize=11)
    keep_figure(figure, path)


def _counts(counter: Mapping[str, int]) -> str:
    if not counter:
        return "none"
    return ", ".join(f"{key} {value}" for key, value in sorted(counter.items(), key=lambda item: -item[1]))
