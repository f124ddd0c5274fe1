"""Shadows on the table, drawn once a frame in the table's plane and seen by every camera alike."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera
from handbench.synth.raster_light import GAMMA
from handbench.synth.scene import Lights, Part
from handbench.synth.video_room import surface_light

GRID = 256
TEXEL = 0.004
"""The map covers about a metre round the middle of the table; a texel's side [m]."""

_NEAR_GRID = 128
_LOW = 0.06  # casters below this height throw a sharp shadow [m]
_FADE = 0.05  # height at which a thing darkens the table below it by a third of its contact shadow [m]
_CONTACT = 0.45  # how dark the table is right below a thing that touches it
_UP = np.array([0.0, -1.0, 0.0])


class TableShadow:
    """Draws the darkness of the table under moving parts.

    Args:
        lights: world frame; the first casts the shadow, all the others are one soft light from above.
        table_y: height of the table, world [m].
    """

    def __init__(self, lights: Lights, table_y: float) -> None:
        self._table_y = table_y
        self._towards = np.array(lights.directions[0], np.float64)
        total, first = surface_light(lights, _UP)
        share = float(first.sum() / total.sum()) * lights.shadow_strength
        # A light near the horizon throws shadows that leave the map.
        self._share = share if self._towards[1] < -0.12 else 0.0

    def draw(self, parts: Sequence[Part]) -> ImageArray:
        """Draws one frame's darkness of the table, (GRID, GRID) uint8: 0 none, 255 black (of sRGB values).

        Row j, column i lies at x = (i + 0.5 - GRID / 2) TEXEL, z = (j + 0.5 - GRID / 2) TEXEL.
        """
        sharp, soft = np.zeros((GRID, GRID), np.uint8), np.zeros((GRID, GRID), np.uint8)
        contact = np.zeros((_NEAR_GRID, _NEAR_GRID), np.float32)
        for part in parts:
            points = np.ascontiguousarray(part.vertices)
            if self._share > 0.0:
                _cast(points, part.faces, self._towards, self._table_y, sharp, soft)
            _touch(points, self._table_y, contact)
        light = np.zeros((GRID, GRID), np.float32)
        if self._share > 0.0:
            one = cv2.GaussianBlur(sharp, (0, 0), 1.2).astype(np.float32)
            two = cv2.GaussianBlur(soft, (0, 0), 4.0).astype(np.float32)
            light = np.maximum(one, two) * np.float32(self._share / 255)
        near = cv2.resize(cv2.GaussianBlur(contact, (0, 0), 2.0), (GRID, GRID))
        kept = (1.0 - light) ** np.float32(1.0 / GAMMA) * (1.0 - np.float32(_CONTACT) * np.minimum(near, 1.0))
        return np.asarray(np.rint(255.0 * (1.0 - kept)), np.uint8)

    def homography(self, camera: Camera) -> FloatArray:
        """Returns the (3, 3) map from the darkness' columns and rows to a camera's pixels."""
        half = (0.5 - GRID / 2) * TEXEL
        place = np.array([[TEXEL, 0.0, half], [0.0, 0.0, self._table_y], [0.0, TEXEL, half]])
        return np.asarray(camera.K @ (camera.R @ place + np.outer(camera.t, [0.0, 0.0, 1.0])))


@nb.njit(cache=True, nogil=True)
def _cast(
    points: FloatArray,
    faces: npt.NDArray[np.int32],
    towards: FloatArray,
    table_y: float,
    sharp: npt.NDArray[np.uint8],
    soft: npt.NDArray[np.uint8],
) -> None:
    """Fills the texels whose way to the light a face crosses; high faces go to the soft map."""
    grid = sharp.shape[0]
    flat = np.empty((points.shape[0], 3))
    for i in range(points.shape[0]):
        high = table_y - points[i, 1]
        far = high / -towards[1]
        flat[i, 0] = (points[i, 0] - far * towards[0]) / TEXEL + grid / 2 - 0.5
        flat[i, 1] = (points[i, 2] - far * towards[2]) / TEXEL + grid / 2 - 0.5
        flat[i, 2] = high
    for f in range(faces.shape[0]):
        a, b, c = flat[faces[f, 0]], flat[faces[f, 1]], flat[faces[f, 2]]
        area = (b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])
        # The side that faces the light is enough: bodies are closed.
        if area <= 0.0 or min(a[2], b[2], c[2]) < 0.0:
            continue
        target = sharp if (a[2] + b[2] + c[2]) / 3 < _LOW else soft
        x0, x1 = (
            max(int(np.ceil(min(a[0], b[0], c[0]) - 0.5)), 0),
            min(int(max(a[0], b[0], c[0]) + 0.5), grid - 1),
        )
        y0, y1 = (
            max(int(np.ceil(min(a[1], b[1], c[1]) - 0.5)), 0),
            min(int(max(a[1], b[1], c[1]) + 0.5), grid - 1),
        )
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                if target[y, x]:
                    continue
                # Half a texel of tolerance, so that thin faces leave no holes.
                p = (b[0] - a[0]) * (y - a[1]) - (x - a[0]) * (b[1] - a[1])
                q = (c[0] - b[0]) * (y - b[1]) - (x - b[0]) * (c[1] - b[1])
                r = (a[0] - c[0]) * (y - c[1]) - (x - c[0]) * (a[1] - c[1])
                if min(p, q, r) >= -0.5:
                    target[y, x] = 255


@nb.njit(cache=True, nogil=True)
def _touch(points: FloatArray, table_y: float, contact: npt.NDArray[np.float32]) -> None:
    """Notes how near things come to the table: 1 where they touch it, less the higher they are."""
    grid = contact.shape[0]
    cell = TEXEL * GRID / grid
    for i in range(points.shape[0]):
        x = int(np.floor(points[i, 0] / cell + grid / 2))
        z = int(np.floor(points[i, 2] / cell + grid / 2))
        if 0 <= x < grid and 0 <= z < grid:
            value = np.float32(np.exp(-max(table_y - points[i, 1], 0.0) / _FADE))
            if value > contact[z, x]:
                contact[z, x] = value
