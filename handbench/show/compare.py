"""What several models say of a few samples, gathered for one figure: predictions, frame before, errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.datasets import Dataset
from handbench.predictions import Predictions
from handbench.show.compare_run import Run
from handbench.show.overlay_files import named_model
from handbench.show.placement import PALM, PALM_ENDS, PlacedHand, hand_at, place_hand, project
from handbench.types import HandAnnotation, Sample, Side

WRIST = 0


@dataclass(frozen=True)
class Worst:
    """The joint with the largest error.

    Attributes:
        hand: which of the drawn hands.
        joint: of OPENPOSE21.
        error: [mm].
        truth: (3,) [m] where it is, camera frame.
    """

    hand: int
    joint: int
    error: float
    truth: FloatArray


@dataclass(frozen=True)
class Said:
    """What one model, or the annotation, says of one sample.

    Attributes:
        name: of the model; ``ground truth`` for the annotation.
        now: hands of the frame.
        before: hands of the earlier frame.
        error: mean over the joints of all hands [mm], None where nothing is annotated.
        worst: the joint with the largest error, or None.
        hand_model: that meshes are of.
    """

    name: str
    now: Sequence[PlacedHand]
    before: Sequence[PlacedHand]
    error: float | None = None
    worst: Worst | None = None
    hand_model: str = ""


@dataclass(frozen=True)
class Block:
    """One sample of the figure.

    Attributes:
        key: of the sample.
        facts: lines about it.
        sample: frame t.
        image: (h, w, 3) uint8 RGB of frame t.
        earlier: picture of the earlier frame, or None.
        earlier_K: (3, 3) [px] of its camera.
        truth: the annotation, or None where there is no 3D.
        said: one a model.
    """

    key: str
    facts: Sequence[str]
    sample: Sample
    image: ImageArray
    earlier: ImageArray | None
    earlier_K: FloatArray
    truth: Said | None
    said: Sequence[Said]


def gather(
    dataset: Dataset, rows: Sequence[int], models: Sequence[str], how: Run, gap: int = 1
) -> list[Block]:
    """Gathers what a figure shows.

    Args:
        dataset: with or without 3D annotation.
        rows: samples.
        models: names, with filters.
        how: predictions are made.
        gap: frames between t and the earlier one.

    Raises:
        HandbenchError: for a model or picture that cannot be used.
    """
    before = [dataset.previous_index(row, gap) for row in rows]
    needed = [*rows, *(i for i in before if i is not None)]
    found = {name: how.predictions(name, dataset, needed) for name in models}
    places = {name: {key: i for i, key in enumerate(p.keys)} for name, p in found.items()}
    blocks = []
    for row, earlier in zip(rows, before, strict=True):
        now = dataset.read(row)
        past = None if earlier is None else dataset.read(earlier)
        said = []
        for name in models:
            predictions, place = found[name], places[name]
            hands = _placed(predictions, place.get(now.key), now)
            old = [] if past is None else _placed(predictions, place.get(past.key), past)
            error, worst = errors(hands, now)
            said.append(Said(name, hands, old, error, worst, named_model(predictions)))
        truth = _truth(now)
        blocks.append(
            Block(
                now.key, _facts(now, past, gap), now, now.image.read(),
                None if past is None else past.image.read(),
                np.asarray((past or now).camera.K),
                Said("ground truth", truth, [] if past is None else _truth(past)) if truth else None, said,
            )
        )  # fmt: skip
    return blocks


def _camera(sample: Sample, hand: HandAnnotation | None) -> FloatArray:
    return np.asarray((sample.camera if hand is None or hand.camera is None else hand.camera).K)


def _placed(predictions: Predictions, row: int | None, sample: Sample) -> list[PlacedHand]:
    hands = []
    for side in Side:
        hand = None if row is None else hand_at(predictions, row, side)
        if row is None or hand is None:
            continue
        true = sample.hand(side)
        root = None
        if true is not None and true.joints_valid[WRIST]:
            root = np.asarray(true.joints[WRIST])
        box, camera = None if true is None else true.box, _camera(sample, true)
        placed = place_hand(hand, predictions.space, camera, box, root, _palm(true))
        if root is not None and placed.joints is not None:
            # Where the mesh, the error and its ring are; a model's own pixels lie elsewhere.
            placed = dataclasses.replace(placed, pixels=project(placed.joints, camera))
        hands.append(placed)
    return hands


def _palm(true: HandAnnotation | None) -> float:
    """Returns the length of the annotated palm [m], where it is."""
    ends = list(PALM_ENDS)
    if true is None or not true.joints_valid[ends].all():
        return PALM
    return float(np.linalg.norm(true.joints[ends[0]] - true.joints[ends[1]]))


def _truth(sample: Sample) -> list[PlacedHand]:
    """Returns the annotated hands; those without a valid wrist in front of the camera are left out."""
    hands = []
    for hand in sample.hands:
        if not hand.joints_valid[WRIST] or not hand.joints[WRIST, 2] > 0:
            continue
        K = _camera(sample, hand)
        joints = np.where(hand.joints_valid[:, None], hand.joints, np.nan)
        mesh = hand.vertices if hand.vertices is not None and np.isfinite(hand.vertices).all() else None
        pixels = project(joints, K)
        hands.append(PlacedHand(hand.side, joints, mesh, pixels, "annotated"))
    return hands


def errors(hands: Sequence[PlacedHand], sample: Sample) -> tuple[float | None, Worst | None]:
    """Returns the mean error of the joints of all hands [mm], and the worst joint; both with the predicted
    wrist put on the true one (root-relative, as the papers' tables have it).
    """
    values: list[FloatArray] = []
    worst: Worst | None = None
    for i, hand in enumerate(hands):
        true = sample.hand(hand.side)
        if true is None or hand.joints is None or not true.joints_valid[WRIST]:
            continue
        valid: BoolArray = np.asarray(true.joints_valid & np.isfinite(hand.joints).all(axis=1))
        moved = hand.joints - hand.joints[WRIST] + true.joints[WRIST]
        apart = np.where(valid, np.linalg.norm(moved - true.joints, axis=1), np.nan) * 1000
        values.append(apart[valid])
        joint = int(np.nanargmax(apart))
        if worst is None or apart[joint] > worst.error:
            shown = true.joints[joint] - true.joints[WRIST] + hand.joints[WRIST]
            worst = Worst(i, joint, float(apart[joint]), np.asarray(shown))
    return (float(np.concatenate(values).mean()) if values else None), worst


def _facts(now: Sample, past: Sample | None, gap: int) -> list[str]:
    """Returns lines about a sample: frame, hands, occlusion, objects."""
    frame = now.meta.get("frame")
    name = str(now.meta.get("recording", ""))
    # Pictures of a folder that are named by numbers alone: their video has no name.
    name = f"recording {name}" if name.strip("#") else now.key
    lines = [name + ("" if frame is None else f", frame {frame}")]
    for hand in now.hands:
        hidden = "" if hand.occlusion is None else f", {100 * hand.occlusion:.0f} % of it hidden"
        lines.append(f"{hand.side.value} hand{hidden}")
    lines += [f"object {thing.name}" for thing in now.objects]
    if past is None:
        lines.append(f"there is no frame t - {gap}")
    return lines
