"""The first light's view of a scene: height maps of all parts, and what they darken."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from handbench.synth import raster_scan, raster_shadow
from handbench.synth.raster_compose import CELL
from handbench.synth.raster_inputs import light_arrays, light_basis
from handbench.synth.raster_light import GAMMA
from handbench.synth.raster_scan import BLOCK, F32, F64, I32
from handbench.synth.scene import FloatArray, HandScene

# Texels of a map on a side, at most; of these, so many are kept free around the parts for the penumbra.
GRID = 256
MARGIN = 20
# Size of a texel [m]. It doubles for scenes above a metre, and the grid is tied to the light's axes: a part's
# shadow does not depend on what else is in the scene.
TEXEL = 0.005
# Half the angle under which the first light is seen from the background, as a ratio.
LIGHT_SIZE = 0.06
# Sets of parts whose shadows are kept: a whole scene, and each hand alone.
SETS = 3

SetKey = tuple[bytes, float, float]


class HasFaces(Protocol):
    """A part with its faces, (F, 3)."""

    faces: I32


class ShadowMaps:
    """Memory and methods for the shadows of up to ``parts`` parts; used again from scene to scene."""

    def __init__(self, parts: int, size: tuple[int, int]) -> None:
        w, h = size
        self.heights = np.zeros((parts, GRID, GRID), np.float32)
        self.boxes = np.zeros((parts, 4), np.int32)
        self.merged = np.zeros((GRID, GRID), np.float32)
        self.dark = np.ones((h // CELL + 2, w // CELL + 2), np.float32)
        self._keys = np.zeros((GRID, GRID + BLOCK), np.int64)
        self._covers = np.zeros((SETS, GRID // 2, GRID // 2), np.float32)
        self._spare = np.zeros((GRID // 2, GRID // 2), np.float32)
        self.bounds = np.zeros(4)
        self.means = np.zeros(parts)
        self._origin = (0.0, 0.0, 1.0)
        self._used = (2, 2)
        self.basis = np.zeros((3, 3), np.float32)
        self._share = 0.0
        # The sets that are kept, with their numbers; the last used is the last.
        self._sets: dict[SetKey, int] = {}

    def start(self, scene: HandScene) -> None:
        """Turns towards the scene's first light."""
        self._sets.clear()
        sh, directions, colors = light_arrays(scene.lights)
        self.basis = light_basis(directions)
        self._share = first_light_share(sh, directions, colors)
        self.bounds[:] = (np.inf, -np.inf, np.inf, -np.inf)

    def place(self, index: int, points: F32, placed: F64) -> None:
        """Takes a part's points (N, 3) into the light's frame, ``placed`` (N, 3)."""
        self.means[index] = raster_shadow.light_frame(points, self.basis, placed, self.bounds)

    def draw(self, parts: Sequence[HasFaces], placed: list[F64]) -> None:
        """Draws each part's heights on one grid; ``placed`` become texel coordinates."""
        left, right, top, bottom = self.bounds.tolist()
        if not left <= right:
            return
        texel, room = TEXEL, GRID - 2 * MARGIN - 4
        while max(right - left, bottom - top) > room * texel:
            texel *= 2.0
        columns, rows = (int((b - a) / texel) + 2 * MARGIN + 4 for a, b in ((left, right), (top, bottom)))
        self._used = (rows, columns)
        # Even texels: shadows on the background are made from pairs.
        x0 = (math.floor(left / (2.0 * texel)) * 2 - MARGIN) * texel
        y0 = (math.floor(top / (2.0 * texel)) * 2 - MARGIN) * texel
        self._origin = (x0, y0, texel)
        for i, (part, at) in enumerate(zip(parts, placed, strict=True)):
            raster_scan.draw_heights(
                at, x0, y0, texel, part.faces, self._keys, self.heights[i], self.boxes[i]
            )

    @property
    def used(self) -> tuple[int, int]:
        """Rows and columns of the maps that this scene uses."""
        return self._used

    def choose(self, scene: HandScene, chosen: npt.NDArray[np.int32]) -> tuple[int, bool]:
        """Finds the chosen parts' set among those that are kept, or puts their shadows together.

        Returns:
            the set's number, and whether it was known. If not, ``merged`` holds its heights.
        """
        key = (chosen.tobytes(), scene.lights.shadow_strength, scene.background_depth)
        number = self._sets.pop(key, -1)
        known = number >= 0
        if not known:
            number = self._sets.pop(next(iter(self._sets))) if len(self._sets) == SETS else len(self._sets)
            self._merge(scene, chosen, number)
        self._sets[key] = number
        return number, known

    def merge(self, scene: HandScene, chosen: npt.NDArray[np.int32]) -> None:
        """Puts the chosen parts' shadows together: ``merged`` heights, and ``dark`` on the background."""
        self._sets.clear()
        self._merge(scene, chosen, 0)
        self.darken(scene, chosen, 0)

    def _merge(self, scene: HandScene, chosen: npt.NDArray[np.int32], number: int) -> None:
        raster_shadow.merge_heights(self.heights, self.boxes, chosen, *self._used, self.merged)
        if self._falls(scene, chosen):
            gap = max(float(self.means[chosen].mean()) + scene.background_depth * -self._toward, 0.0)
            reach = int(min(max(round(LIGHT_SIZE * gap / (2.0 * self._origin[2])), 1), 4))
            raster_shadow.spread_cover(self.merged, *self._used, reach, self._spare, self._covers[number])

    def darken(self, scene: HandScene, chosen: npt.NDArray[np.int32], number: int) -> None:
        """Computes ``dark`` on the background: factors of sRGB numbers at every CELL-th pixel."""
        if not self._falls(scene, chosen):
            self.dark[:] = 1.0
            return
        x0, y0, texel = self._origin
        warp = (self.basis[:2].astype(np.float64) @ inverse_intrinsics(scene.K)) * (
            scene.background_depth / texel
        )
        warp[0, 2] -= x0 / texel
        warp[1, 2] -= y0 / texel
        darkness = 1.0 - (1.0 - self.fullness(scene)) ** (1.0 / GAMMA)
        raster_shadow.plane_shadow(self._covers[number], *self._used, warp, darkness, CELL, self.dark)

    def _falls(self, scene: HandScene, chosen: npt.NDArray[np.int32]) -> bool:
        """Tells whether any shadow falls on the background."""
        seen = 0.0 < scene.background_depth < np.inf and self._toward <= -0.05
        return seen and chosen.size > 0 and self.fullness(scene) > 0.0

    @property
    def _toward(self) -> float:
        return float(self.basis[2, 2])

    def fullness(self, scene: HandScene) -> float:
        """Gives the share of all light that a full shadow takes from a plane that faces the camera."""
        return scene.lights.shadow_strength * self._share

    def at_points(self, points: F32) -> F32:
        """Gives the share of the first light that ``merged`` keeps from points (N, 3), camera frame."""
        x0, y0, texel = self._origin
        placed = np.asarray(points @ self.basis.T, np.float64)
        placed[:, :2] = (placed[:, :2] - np.array([x0, y0])) / texel
        shadow = np.empty(len(points), np.float32)
        lit = np.broadcast_to(self.basis[2], points.shape).copy()
        raster_shadow.point_shadows(placed, lit, self.basis[2], self.merged, *self._used, shadow)
        return shadow


def first_light_share(sh: F32, directions: F32, colors: F32) -> float:
    """Gives the first light's share of all light on a plane that faces the camera."""
    facing = [
        max(-z, 0.0) * sum(color)
        for (_, _, z), color in zip(directions.tolist(), colors.tolist(), strict=True)
    ]
    ambient = sh.sum(1).tolist()
    total = sum(facing) + max(ambient[0] - ambient[2] + 2.0 * ambient[6], 0.0)
    return facing[0] / total if total > 0.0 else 0.0


def inverse_intrinsics(K: FloatArray) -> FloatArray:
    """Inverts an upper triangular K (3, 3)."""
    (fx, skew, cx), (_, fy, cy), _ = K.tolist()
    return np.array(
        (
            (1.0 / fx, -skew / (fx * fy), (skew * cy / fy - cx) / fx),
            (0.0, 1.0 / fy, -cy / fy),
            (0.0, 0.0, 1.0),
        )
    )
