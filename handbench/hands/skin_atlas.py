"""The skin atlas: every face owns a triangle of the texture, so that one layout serves every MANO mesh.

The atlas has square cells of 13 pixels; faces 2k and 2k + 1 share cell k, one above the diagonal and one
below it. A triangle keeps at least one pixel of gutter on every side, so bilinear reads never meet a
neighbour's pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray

N_FACES = 1538
CELL = 13
COLUMNS = 28
ATLAS_SIZE = CELL * COLUMNS
"""Side of the square texture [px]."""

_LEG = 8.0
_INSET = 1.0


@lru_cache(maxsize=1)
def atlas_uv() -> npt.NDArray[np.float32]:
    """Returns the corners of every face in the texture, (1538, 3, 2) pixels (x, y), integer centres.

    Rows follow the model's faces and corners follow the face's own corners, so a left hand uses the same
    array with its own face list.
    """
    cell = np.arange(N_FACES) // 2
    origin = np.stack([cell % COLUMNS, cell // COLUMNS], axis=1) * float(CELL)
    far = CELL - 1 - _INSET
    even = np.array([[_INSET, _INSET], [_INSET + _LEG, _INSET], [_INSET, _INSET + _LEG]])
    odd = np.array([[far, far], [far - _LEG, far], [far, far - _LEG]])
    corners = np.where((np.arange(N_FACES) % 2 == 0)[:, None, None], even, odd)
    uv = (origin[:, None] + corners).astype(np.float32)
    uv.flags.writeable = False
    return uv


@dataclass(frozen=True, eq=False)
class Texels:
    """The used pixels of the atlas.

    Attributes:
        pixels: (P,) flat index y * ATLAS_SIZE + x.
        faces: (P,) the face that owns each.
        barycentric: (P, 3) weights of the face's corners; slightly negative in the gutter.
    """

    pixels: npt.NDArray[np.int64]
    faces: npt.NDArray[np.int64]
    barycentric: FloatArray


@lru_cache(maxsize=1)
def texels() -> Texels:
    """Returns which face owns each pixel of the atlas and where on the face it lies."""
    y, x = np.divmod(np.arange(ATLAS_SIZE**2), ATLAS_SIZE)
    i, j = x % CELL, y % CELL
    upper = i + j >= CELL - 1
    faces = 2 * ((y // CELL) * COLUMNS + x // CELL) + upper
    used = faces < N_FACES
    along = np.where(upper, CELL - 1 - _INSET - i, i - _INSET) / _LEG
    down = np.where(upper, CELL - 1 - _INSET - j, j - _INSET) / _LEG
    weights = np.stack([1.0 - along - down, along, down], axis=1)
    return Texels(np.flatnonzero(used), faces[used], weights[used])


def at_texels(values: FloatArray, faces: npt.NDArray[np.int32]) -> npt.NDArray[np.float32]:
    """Returns per-vertex values (778, K) interpolated at the atlas's used pixels, (P, K) float32."""
    where = texels()
    corners = values.astype(np.float32)[faces[where.faces]]
    mixed = np.einsum("pc,pck->pk", where.barycentric.astype(np.float32), corners)
    return np.asarray(mixed, dtype=np.float32)
