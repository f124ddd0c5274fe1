"""How well two renderers agree on masks and depths."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from handbench.synth.layers import RenderLayers
from handbench.synth.scene import HandScene

# Masks below this many pixels are counted apart: one pixel is more than half a per cent of them.
SMALL = 200
# Depths are compared this far inside both masks [px], on surfaces less steep than this many pixel footprints
# a pixel (72 degrees).
MARGIN = 2
STEEP = 3.0
# Where depth bends by more footprints than this, one fold of the surface begins to hide another: an edge.
FOLD = 0.5


@dataclass(frozen=True, slots=True)
class Agreement:
    """One part in one scene.

    Attributes:
        part: its name.
        pixels: size of the union of both masks.
        iou: intersection over union of the masks.
        depth_mm: greatest difference in depth [mm] away from edges; nan where no pixel is.
    """

    part: str
    pixels: int
    iou: float
    depth_mm: float


def compare_layers(scene: HandScene, a: RenderLayers, b: RenderLayers) -> list[Agreement]:
    """Compares the layers of every part that either renderer shows."""
    found = []
    for name in a.names:
        mask_a, mask_b = a.mask(name), b.mask(name)
        union = int((mask_a | mask_b).sum())
        if union:
            iou = float((mask_a & mask_b).sum()) / union
            depth = _depth_difference(a.depth(name), b.depth(name), float(scene.K[0, 0]))
            found.append(Agreement(name, union, iou, depth))
    return found


def _depth_difference(a: npt.NDArray[np.float32], b: npt.NDArray[np.float32], focal: float) -> float:
    both = np.isfinite(a) & np.isfinite(b)
    inner = cv2.erode(both.astype(np.uint8), np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)) > 0
    footprint = np.where(both, b, 0.0) / focal
    gentle = inner
    for depth in (a, b):
        filled = np.where(both, depth, 0.0)
        high, low = cv2.dilate(filled, np.ones((3, 3))), cv2.erode(filled, np.ones((3, 3)))
        gentle = gentle & (high - low < 2.0 * STEEP * footprint)
        for kernel in (np.array([[1.0, -2.0, 1.0]]), np.array([[1.0], [-2.0], [1.0]])):
            bent = np.abs(cv2.filter2D(filled, -1, kernel)) > FOLD * footprint
            gentle = gentle & (cv2.dilate(bent.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    if not gentle.any():
        return float("nan")
    return float(np.abs(a[gentle] - b[gentle]).max() * 1000.0)
