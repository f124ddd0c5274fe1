"""Finds the forearm behind a photographed hand, so that a pasted hand need not end at its wrist.

The annotation knows no forearm, and a wrist bends: the direction is searched in the picture. A forearm whose
colours are not those of the hand (a sleeve) is not found; such a cut-out is pasted without.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.synth.outline import Outline, OutlineSettings, refine_outline
from handbench.synth.outline_kernels import BINS, colour_bins, spread

Mask8 = npt.NDArray[np.uint8]

_ANGLES = np.deg2rad(np.arange(-56, 57, 8))
_WIDER = 1.35  # width of a forearm at its far end over that at the wrist
_LENGTH = 1.4  # of the forearm that is looked at, in ARM_LENGTH of cutout_view
_DARKEST = 0.3  # of the hand's brightness
_LEAST = 0.35  # length that must be found, as a share of the hand's longer side


@dataclass(frozen=True, slots=True)
class ArmSettings:
    """Keys of the search for forearms.

    Attributes:
        evidence: by how much the forearm's log odds of being skin exceed those beside it, at least.
        skin: its own log odds, at least.
        agreement: intersection over union of the refined with the expected forearm, at least.
    """

    evidence: float = 1.0
    skin: float = -0.5
    agreement: float = 0.5


def find_arm(
    image: ImageArray, hand: Mask8, wrist: FloatArray, along: FloatArray, settings: ArmSettings
) -> Mask8 | None:
    """Returns the forearm (h, w) of 0 and 1 beside a hand, or None where none is found.

    Args:
        image: (h, w, 3) uint8 RGB.
        hand: (h, w) 0 or 1.
        wrist: (2, 2) [px] both ends of the wrist's width.
        along: (2,) [px] where a straight wrist leads; its length says how foreshortened the forearm is.
        settings: keys.
    """
    side = float(max(cv2.boundingRect(hand)[2:]))
    length = float(np.hypot(*along))
    if length < _LEAST * side or np.hypot(*(wrist[1] - wrist[0])) < 0.1 * side:
        return None
    odds = _skin_odds(image, hand)
    best, shape = settings.evidence, None
    for angle in _ANGLES:
        whole, core, wide = (_shape(hand.shape, wrist, along, angle, width) for width in (1.1, 0.9, 1.8))
        inside, beside = (core & (1 - hand)) > 0, (wide & (1 - whole) & (1 - hand)) > 0
        if inside.sum() < 50 or beside.sum() < 50:
            continue
        found = float(odds[inside].mean())
        value = found - float(odds[beside].mean()) - 0.1 * abs(angle)
        if found >= settings.skin and value >= best:
            best, shape = value, _shape(hand.shape, wrist, along, angle, 1.0)
    return None if shape is None else _refined(image, hand, shape, side, settings)


def _refined(
    image: ImageArray, hand: Mask8, shape: Mask8, side: float, settings: ArmSettings
) -> Mask8 | None:
    expected = shape & (1 - hand)
    nothing = np.zeros_like(hand)
    keys = OutlineSettings(band=0.09, hold=1.0, rounds=1)
    outline: Outline = refine_outline(image, shape | hand, nothing, nothing, keys)
    # Only what is near the expected forearm: the hand's own outline is known.
    near = np.asarray(
        cv2.dilate(expected, np.ones((3, 3), np.uint8), iterations=max(2, round(0.1 * side))), np.uint8
    )
    # Opened by less than half a wrist: what touches the forearm, a lamp behind it, does not stay with it.
    ball = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * max(2, round(0.07 * side)) + 1,) * 2)
    opened = np.asarray(cv2.morphologyEx(outline.mask & (near | hand), cv2.MORPH_OPEN, ball), np.uint8)
    arm = opened & (1 - hand)
    # Black beside a lit hand is the studio, never skin.
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    arm &= (grey >= _DARKEST * float(np.median(grey[hand > 0]))).astype(np.uint8)
    arm = np.asarray(cv2.morphologyEx(arm, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)), np.uint8)
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(arm, connectivity=4)
    if count < 2:
        return None
    arm = (pieces == 1 + int(np.argmax(np.asarray(stats)[1:, cv2.CC_STAT_AREA]))).astype(np.uint8)
    both, either = int((arm & expected).sum()), int((arm | expected).sum())
    touches = (np.asarray(cv2.dilate(arm, np.ones((5, 5), np.uint8)), np.uint8) & hand).any()
    return arm if touches and both >= settings.agreement * either else None


def _skin_odds(image: ImageArray, hand: Mask8) -> npt.NDArray[np.float32]:
    """Returns (h, w) log odds that a colour is the hand's own, against all colours that are not near it."""
    ycc = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2YCrCb), np.uint8)
    bins = colour_bins(ycc)
    inner = np.asarray(cv2.erode(hand, np.ones((5, 5), np.uint8))) > 0
    skin = np.bincount(bins[inner], minlength=BINS).astype(np.float32)
    rest = np.bincount(bins[hand == 0], minlength=BINS).astype(np.float32)
    spread(skin)
    spread(rest)
    # A forearm is a part of the rest: what is skin by three to one is taken as such.
    table = np.log((skin + 1e-3) / (rest + 1e-3))
    return np.asarray(np.clip(table, -3.0, 3.0)[bins], np.float32)


def _shape(size: tuple[int, ...], wrist: FloatArray, along: FloatArray, angle: float, width: float) -> Mask8:
    """Fills a forearm (h, w): it starts at the wrist and leads ``angle`` away from a straight one."""
    c, s = np.cos(angle), np.sin(angle)
    direction = np.array([c * along[0] - s * along[1], s * along[0] + c * along[1]])
    across = np.array([-direction[1], direction[0]]) / np.hypot(*direction)
    middle, half = wrist.mean(axis=0), 0.5 * width * float(np.hypot(*(wrist[1] - wrist[0])))
    start = middle - 0.1 * direction
    end = middle + _LENGTH * direction
    corners = [
        start - half * across, start + half * across,
        end + _WIDER * half * across, end - _WIDER * half * across,
    ]  # fmt: skip
    out = np.zeros(size[:2], np.uint8)
    cv2.fillConvexPoly(out, np.asarray(np.rint(np.array(corners) * 16), np.int32), 1, shift=4)
    return out
