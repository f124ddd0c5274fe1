"""Makes a rendered mask follow the hand in the photograph.

The rendered outline is off by the error of the fit. In a band about it each pixel is labelled anew: colour
models of hand and background are learnt in windows along the outline, neighbours of like colour agree, and
the fit holds labels back where colours say nothing. Where the hand goes on as a forearm the fitted wrist
decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import ImageArray
from handbench.synth.outline_kernels import colour_bins, likeness, local_evidence, settle

Mask8 = npt.NDArray[np.uint8]
_SWEEPS = 8
_CROSS: Mask8 = np.asarray(cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.uint8)


@dataclass(frozen=True, slots=True)
class OutlineSettings:
    """Keys of the refinement; lengths are shares of the hand's longer side.

    Attributes:
        band: half the width of the band in which labels may change.
        window: half the width of a window in which colours are learnt.
        hold: strength of the fitted outline at the band's edge [log odds].
        agree: strength of the agreement of neighbours.
        contrast: a step of this many grey levels between neighbours halves it.
        rounds: how often colours are learnt and labels settle; 0 keeps the rendered mask.
    """

    band: float = 0.06
    window: float = 0.16
    hold: float = 2.0
    agree: float = 0.9
    contrast: float = 12.0
    rounds: int = 2


@dataclass(frozen=True, slots=True)
class Outline:
    """A refined mask and what it says of itself.

    Attributes:
        mask: (h, w) uint8 of 0 and 1.
        agreement: intersection over union with the rendered mask.
        contrast: how well colours tell hand from background in the band: mean of 2 |p - 1/2|, 0 to 1.
    """

    mask: Mask8
    agreement: float
    contrast: float


def refine_outline(
    image: ImageArray, rendered: Mask8, arm: Mask8, beyond: Mask8, settings: OutlineSettings
) -> Outline:
    """Refines the mask of a hand.

    Args:
        image: (h, w, 3) uint8 RGB.
        rendered: (h, w) 0 or 1, the fitted hand.
        arm: (h, w) 0 or 1, where its forearm would be seen: its colours are neither hand nor background.
        beyond: (h, w) 0 or 1, beyond the end of the hand: never hand.
        settings: keys.
    """
    if settings.rounds == 0:
        return Outline(rendered, 1.0, 1.0)
    side = max(cv2.boundingRect(rendered)[2:])
    reach, radius = max(2.0, settings.band * side), max(6, round(settings.window * side))
    # Nothing further away than a band and a window can matter.
    place = _around(rendered, round(reach) + radius + 4)
    mask = np.zeros_like(rendered)
    mask[place], contrast = _refined(
        image[place], rendered[place], arm[place], beyond[place], settings, reach, radius
    )
    both, either = int((mask & rendered).sum()), int((mask | rendered).sum())
    return Outline(mask, both / either if either else 0.0, contrast)


def _refined(
    image: ImageArray, rendered: Mask8, arm: Mask8, beyond: Mask8, settings: OutlineSettings, reach: float,
    radius: int,
) -> tuple[Mask8, float]:  # fmt: skip
    """Returns the refined mask of a part of the picture, and the contrast along the outline."""
    ycc = np.asarray(cv2.cvtColor(cv2.GaussianBlur(image, (3, 3), 0.6), cv2.COLOR_RGB2YCrCb), np.uint8)
    bins = colour_bins(ycc)
    signed = _signed_distance(rendered)
    ball = np.ones((2 * round(reach) + 1,) * 2, np.uint8)
    unknown = cv2.dilate(arm, ball) if arm.any() else arm
    open_ = ((np.abs(signed) <= reach) & (beyond == 0)).astype(np.uint8)
    places, alike = likeness(ycc, open_, settings.contrast)
    labels, evidence = rendered, np.zeros(rendered.shape, np.float32)
    for _ in range(settings.rounds):
        distance = _signed_distance(labels)
        inner = ((distance < -2.0) & (arm == 0)).astype(np.uint8)
        outer = ((distance > 2.0) & (unknown == 0)).astype(np.uint8)
        evidence = local_evidence(bins, inner, outer, open_, _windows(labels, radius // 2), radius)
        held = np.clip(evidence, -4.0, 4.0) - settings.hold * signed / reach
        share = settle(held, places, alike, labels, settings.agree, _SWEEPS)
        labels = _whole(np.where(open_, share > 0.5, rendered).astype(np.uint8), signed < -reach)
    edge = open_.astype(bool) & (np.abs(signed) <= 0.7 * reach)
    sure = np.abs(np.tanh(evidence[edge] / 2))
    return labels, float(sure.mean()) if sure.size else 0.0


def _around(mask: Mask8, by: int) -> tuple[slice, slice]:
    """Cuts out the least part of a picture with all of a mask and a rim."""
    x, y, w, h = cv2.boundingRect(mask)
    return slice(max(y - by, 0), y + h + by), slice(max(x - by, 0), x + w + by)


def _signed_distance(mask: Mask8) -> npt.NDArray[np.float32]:
    """Returns (h, w) distance to the outline [px], negative inside."""
    outside: Any = cv2.distanceTransform(1 - mask, cv2.DIST_L2, 3)
    inside: Any = cv2.distanceTransform(mask, cv2.DIST_L2, 3)
    return np.asarray(outside - inside, np.float32)


def _windows(mask: Mask8, step: int) -> npt.NDArray[np.int64]:
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    points = [np.asarray(contour)[::step, 0] for contour in contours if len(contour) > 2 * step]
    if not points:
        return np.zeros((0, 2), np.int64)
    return np.concatenate(points).astype(np.int64)


def _whole(mask: Mask8, core: npt.NDArray[np.bool_]) -> Mask8:
    """Keeps what hangs together with the core by more than a thread, and fills small holes."""
    opened = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, _CROSS))
    count, pieces, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    kept = np.zeros(count, np.uint8)
    kept[np.unique(pieces[core])] = 1
    kept[0] = 0
    if not kept.any() and count > 1:
        kept[1 + int(np.argmax(np.asarray(stats)[1:, cv2.CC_STAT_AREA]))] = 1
    whole = np.asarray(cv2.dilate(kept[pieces], _CROSS), np.uint8) & mask
    count, holes, stats, _ = cv2.connectedComponentsWithStats(1 - whole, connectivity=4)
    small = np.asarray(stats)[:, cv2.CC_STAT_AREA] < 12
    return np.asarray(whole | small[holes].astype(np.uint8))
