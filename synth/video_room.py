"""The room of a take: a table, walls and a floor with painted surfaces, seen by fixed cameras.

The world frame is the take's: x right, y down, z away from the front camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.camera import Camera
from handbench.synth.background_paint import drawn_color
from handbench.synth.backgrounds import BackgroundSettings, PaintedBackgrounds
from handbench.synth.lights import background_gain
from handbench.synth.raster_light import GAMMA
from handbench.synth.scene import Lights

TEXTURE = 640
"""Side of a surface's picture [px]."""

TABLETOPS = {"train": ("wood", "fabric", "stone", "tiles"), "test": ("paper", "brick")}
"""Painted families that a table may show; together with ``WALLS`` they keep train and test apart."""

WALLS = {"train": ("room", "studio", "screen"), "test": ("shelves", "foliage")}

_TABLE = 0
_BRIGHTEST = 205.0  # grey level that a surface may reach


@dataclass(frozen=True)
class RoomSettings:
    """What rooms are drawn from.

    Attributes:
        table: half width and half depth of the table [m].
        wall: distance of the walls from the middle [m].
        ceiling: height above the middle [m].
        floor: depth below the middle [m].
        pictures: painted pictures a family.
        blur: of the walls, which lie behind the focus [px of their pictures].
    """

    table: tuple[tuple[float, float], tuple[float, float]] = ((0.55, 0.8), (0.36, 0.5))
    wall: tuple[float, float] = (1.3, 2.4)
    ceiling: float = 1.7
    floor: float = 0.75
    pictures: int = 6
    blur: tuple[float, float] = (0.8, 2.5)


@dataclass(frozen=True)
class StaticView:
    """What one camera sees of the room.

    Attributes:
        picture: (h, w, 3) uint8 sRGB, lit, without shadows.
        depth: (h, w) float32 z [m].
        table: (h, w) bool, where the table is seen.
    """

    picture: ImageArray
    depth: npt.NDArray[np.float32]
    table: BoolArray


class Room:
    """One take's room.

    Args:
        rng: the take's stream.
        split: ``train`` or ``test``: which painted families are used.
        lights: of the take, world frame.
        table_y: height of the table [m].
        settings: what to draw from.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        split: str,
        lights: Lights,
        table_y: float,
        settings: RoomSettings | None = None,
    ) -> None:
        s = settings or RoomSettings()
        half_x, half_z = rng.uniform(*s.table[0]), rng.uniform(*s.table[1])
        walls = rng.uniform(*s.wall, 4)
        self.table_y = table_y
        # Rows: axis, place along it, and the low and high ends along the two other axes (u, v) [m].
        self._planes = np.array(
            [
                (1, table_y, -half_x, half_x, -half_z, half_z),
                (2, walls[0], -walls[1], walls[2], -s.ceiling, s.floor),
                (0, -walls[1], -walls[3], walls[0], -s.ceiling, s.floor),
                (0, walls[2], -walls[3], walls[0], -s.ceiling, s.floor),
                (2, -walls[3], -walls[1], walls[2], -s.ceiling, s.floor),
                (1, s.floor, -walls[1], walls[2], -walls[3], walls[0]),
            ]
        )
        table, wall = (kinds[split] for kinds in (TABLETOPS, WALLS))
        tops = _source(table, s)
        family, top = tops.draw(rng, (TEXTURE, TEXTURE), _gain(lights, (0.0, -1.0, 0.0)))
        sides = _source(wall, s)
        pictures = [_kept_below(top)]
        names = [family]
        for normal in ((0.0, 0.0, -1.0), (1.0, 0.0, 0.0), (-1.0, 0.0, 0.0), (0.0, 0.0, 1.0)):
            name, side = sides.draw(rng, (TEXTURE, TEXTURE), _gain(lights, normal))
            blurred = cv2.GaussianBlur(side, (0, 0), rng.uniform(*s.blur))
            pictures.append(_kept_below(np.asarray(blurred, np.uint8)))
            names.append(name)
        color = 255 * drawn_color(rng, (0.0, 0.4), (0.12, 0.5)) * _gain(lights, (0.0, -1.0, 0.0))
        noise = cv2.resize(rng.normal(1.0, 0.06, (80, 80, 1)), (TEXTURE, TEXTURE))
        pictures.append(np.clip(color * noise[..., None], 0, 255).astype(np.uint8))
        self._pictures = np.stack(pictures)
        self.families = tuple(dict.fromkeys(names))

    def view(self, camera: Camera) -> StaticView:
        """Draws what a fixed camera sees."""
        w, h = camera.size
        picture = np.empty((h, w, 3), np.uint8)
        depth, surface = np.empty((h, w), np.float32), np.empty((h, w), np.int8)
        back = camera.R.T @ np.linalg.inv(camera.K)
        eye = -camera.R.T @ camera.t
        _paint(back, eye, camera.R[2].copy(), self._planes, self._pictures, picture, depth, surface)
        return StaticView(picture, depth, surface == _TABLE)


def _source(families: Sequence[str], s: RoomSettings) -> PaintedBackgrounds:
    return PaintedBackgrounds(
        BackgroundSettings(tuple(families), s.pictures, TEXTURE, crop=(0.75, 1.0), brightness=(0.8, 1.15))
    )


def surface_light(lights: Lights, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns the (3,) linear light on a surface, and the first light's part of it, both without shadow.

    Args:
        lights: in any frame.
        normal: (3,) unit, same frame.
    """
    total = lights.ambient.copy()
    if lights.sh is not None:
        total = lights.sh[0] + normal[1] * lights.sh[1] + normal[2] * lights.sh[2] + normal[0] * lights.sh[3]
    direct = np.maximum(lights.directions @ normal, 0.0)[:, None] * lights.colors
    return np.maximum(total, 0.02) + direct.sum(axis=0), direct[0]


def _gain(lights: Lights, normal: tuple[float, float, float]) -> FloatArray:
    """Returns factors (3,) on a painted surface's sRGB values: the room's light, more where it falls."""
    falls, _ = surface_light(lights, np.array(normal))
    mean = lights.ambient + 0.5 * lights.colors[0]
    relative = np.clip((falls / mean).mean() ** (1.0 / GAMMA), 0.6, 1.2)
    return np.asarray(background_gain(lights) * relative)


def _kept_below(picture: ImageArray) -> ImageArray:
    """Darkens a picture whose brightest parts would be burnt out: a camera exposes for what is before it."""
    top = float(np.percentile(picture, 98))
    scale = min(1.0, _BRIGHTEST / max(top, 1.0))
    return np.asarray(np.rint(picture * scale), np.uint8)


@nb.njit(cache=True, nogil=True)
def _hit(
    eye: FloatArray, x: float, y: float, z: float, planes: FloatArray
) -> tuple[int, float, float, float]:
    """Finds the nearest surface along a ray: its number, how far, and where on it (0 to 1)."""
    best, found, s, r = np.inf, -1, 0.0, 0.0
    for k in range(planes.shape[0]):
        axis = int(planes[k, 0])
        along = (x, y, z)[axis]
        if abs(along) < 1e-9:
            continue
        far = (planes[k, 1] - eye[axis]) / along
        if far <= 1e-6 or far >= best:
            continue
        px, py, pz = eye[0] + far * x, eye[1] + far * y, eye[2] + far * z
        u = pz if axis == 0 else px
        v = pz if axis == 1 else py
        if planes[k, 2] <= u <= planes[k, 3] and planes[k, 4] <= v <= planes[k, 5]:
            best, found = far, k
            s = (u - planes[k, 2]) / (planes[k, 3] - planes[k, 2])
            r = (v - planes[k, 4]) / (planes[k, 5] - planes[k, 4])
    return found, best, s, r


@nb.njit(cache=True, nogil=True)
def _paint(
    back: FloatArray,
    eye: FloatArray,
    forward: FloatArray,
    planes: FloatArray,
    pictures: npt.NDArray[np.uint8],
    out: npt.NDArray[np.uint8],
    depth: npt.NDArray[np.float32],
    surface: npt.NDArray[np.int8],
) -> None:
    """Draws the surfaces with 3 x 3 samples a pixel; depth and surface are those of the pixel's centre."""
    height, width = depth.shape
    side = pictures.shape[1]
    total = np.empty(3)
    for row in range(height):
        for column in range(width):
            total[:] = 0.0
            for k in range(9):
                px, py = column + (k % 3 - 1) / 3.0, row + (k // 3 - 1) / 3.0
                x = back[0, 0] * px + back[0, 1] * py + back[0, 2]
                y = back[1, 0] * px + back[1, 1] * py + back[1, 2]
                z = back[2, 0] * px + back[2, 1] * py + back[2, 2]
                found, far, s, r = _hit(eye, x, y, z, planes)
                if k == 4:
                    surface[row, column] = found
                    reach = far * (x * forward[0] + y * forward[1] + z * forward[2])
                    depth[row, column] = reach if found >= 0 else 0.0
                if found < 0:
                    continue
                a, b = s * (side - 1.001), r * (side - 1.001)
                i, j = int(a), int(b)
                a, b = a - i, b - j
                for c in range(3):
                    top = (1 - a) * pictures[found, j, i, c] + a * pictures[found, j, i + 1, c]
                    low = (1 - a) * pictures[found, j + 1, i, c] + a * pictures[found, j + 1, i + 1, c]
                    total[c] += (1 - b) * top + b * low
            for c in range(3):
                out[row, column, c] = int(total[c] / 9.0 + 0.5)
