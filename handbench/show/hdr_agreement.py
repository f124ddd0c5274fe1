"""How far what is drawn of a hand is from its annotation, in a few words."""

from __future__ import annotations

import numpy as np

from handbench.arrays import BoolArray
from handbench.metrics.masks import mask_iou
from handbench.show.hdr_strip import Row, ShownHand
from handbench.types import Side


def agreement(predicted: Row, annotated: Row, scale: float, masks: bool = True) -> list[str]:
    """Returns lines about each annotated hand: IoU of its masks and of its hidden part, pixels off.

    Args:
        predicted: in the frame of the crop.
        annotated: the same.
        scale: pixels of the crop a pixel of the picture.
        masks: whether they were predicted, and are worth comparing.
    """
    lines = []
    for side in Side:
        said, true = predicted.hands.get(side, ShownHand()), annotated.hands.get(side)
        if true is None:
            continue
        about = _masks(said, true) if masks else []
        about += _joints(said, true, scale)
        if about:
            lines += [f"{side.value} hand", *about]
    return lines


def _masks(said: ShownHand, true: ShownHand) -> list[str]:
    if said.whole is None or said.seen is None or true.whole is None or true.seen is None:
        return []
    pairs = {
        "whole": (said.whole, true.whole),
        "seen": (said.seen, true.seen),
        "hidden": (said.whole & ~said.seen, true.whole & ~true.seen),
    }
    found = {name: _iou(*pair) for name, pair in pairs.items()}
    return [f"IoU {name} {value:.2f}" for name, value in found.items() if np.isfinite(value)]


def _iou(a: BoolArray, b: BoolArray) -> float:
    return float(mask_iou(a[None], b[None])[0])


def _joints(said: ShownHand, true: ShownHand, scale: float) -> list[str]:
    if said.pixels is None or true.pixels is None:
        return []
    apart = np.linalg.norm(said.pixels - true.pixels, axis=1) / scale
    known = apart[np.isfinite(apart)]
    return [f"joints {known.mean():.1f} px off"] if len(known) else []
