"""From interpolated quantities to packed colours, 256 pixels at a time (numba)."""

from __future__ import annotations

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.synth.raster_scan import F32, I32

U8 = npt.NDArray[np.uint8]
U32 = npt.NDArray[np.uint32]

# Interpolated quantities: 1 / z, and u / z, v / z, R / z, G / z, B / z, highlight / z.
QUANTITIES = 7
# Pixels written at once; pixels done in one go; stride of a row buffer.
RUN = 4
CHUNK = 256
ROW = CHUNK + RUN
# Width that says there is no texture: R, G and B of the light hold the colour.
UNTEXTURED = 2
# Row buffers of integers: place of the texel, its two weights, and the four texels.
COLUMNS = 7


@nb.njit(cache=True, nogil=True, error_model="numpy")
def finish(values: F32, ints: I32, texels: U32, width: int, height: int, count: int, packed: U32) -> None:
    """Divides by 1 / z, reads the texture bilinearly and packs R, G, B of the first ``count`` columns.

    Args:
        values: (7 * ROW,) interpolated quantities; columns that no face has written may hold anything.
        ints: (7 * ROW,) scratch.
        texels: (3 * width * height - 3,) the texture's bytes, as overlapping groups of four.
        width: of the texture.
        height: of the texture.
        count: columns to do.
        packed: (ROW,) gives R + 256 G + 65536 B.
    """
    if width == UNTEXTURED:
        _tint(values, count, packed)
        return
    _place(values, width, height, count, ints)
    below, second = np.uint64(3 * width), np.uint64(2)
    for i in range(count):
        at = np.uint64(ints[i])
        # The second of a pair is read one byte early: nothing behind the last texel is touched.
        ints[3 * ROW + i] = np.int32(texels[at])
        ints[4 * ROW + i] = np.int32(texels[at + second])
        ints[5 * ROW + i] = np.int32(texels[at + below])
        ints[6 * ROW + i] = np.int32(texels[at + below + second])
    _mix(values, ints, count, packed)


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _tint(values: F32, count: int, packed: U32) -> None:
    """Packs what has no texture: ``_mix`` with white texels."""
    top, half = np.float32(255.0), np.float32(0.5)
    for i in range(count):
        z = np.float32(1.0) / values[i]
        shine = values[6 * ROW + i] * z
        z = z * top
        red, green, blue = values[3 * ROW + i] * z, values[4 * ROW + i] * z, values[5 * ROW + i] * z
        red = red if red < top else top
        green = green if green < top else top
        blue = blue if blue < top else top
        red = red + (top - red) * shine + half
        green = green + (top - green) * shine + half
        blue = blue + (top - blue) * shine + half
        packed[i] = np.uint32(np.int32(red) | np.int32(green) << np.int32(8) | np.int32(blue) << np.int32(16))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _place(values: F32, width: int, height: int, count: int, ints: I32) -> None:
    """Turns u / z and v / z into the texel's place in bytes and its weights in 64ths."""
    none = np.float32(0.0)
    far_u, far_v = np.float32(64 * (width - 1)), np.float32(64 * (height - 1))
    last_x, last_y, stride = np.int32(width - 2), np.int32(height - 2), np.int32(width)
    for i in range(count):
        z = np.float32(64.0) / values[i]
        u, v = values[ROW + i] * z, values[2 * ROW + i] * z
        # Written so that a NaN becomes 0.
        u = u if u > none else none
        v = v if v > none else none
        iu, iv = np.int32(u if u < far_u else far_u), np.int32(v if v < far_v else far_v)
        x, y = iu >> np.int32(6), iv >> np.int32(6)
        x = x if x < last_x else last_x
        y = y if y < last_y else last_y
        ints[i] = np.int32(3) * (y * stride + x)
        ints[ROW + i] = iu - (x << np.int32(6))
        ints[2 * ROW + i] = iv - (y << np.int32(6))


@nb.njit(cache=True, nogil=True, error_model="numpy")
def _mix(values: F32, ints: I32, count: int, packed: U32) -> None:
    """Mixes four texels, multiplies by the light, adds the highlight and packs."""
    top, half = np.float32(255.0), np.float32(0.5)
    m, e, s = np.int32(255), np.int32(8), np.int32(16)
    for i in range(count):
        fx, fy = ints[ROW + i], ints[2 * ROW + i]
        t00, t10 = ints[3 * ROW + i], ints[4 * ROW + i] >> e
        t01, t11 = ints[5 * ROW + i], ints[6 * ROW + i] >> e
        w11 = fx * fy
        w10 = (fx << np.int32(6)) - w11
        w01 = (fy << np.int32(6)) - w11
        w00 = np.int32(4096) - w11 - w10 - w01
        r = (t00 & m) * w00 + (t10 & m) * w10 + (t01 & m) * w01 + (t11 & m) * w11
        g = ((t00 >> e) & m) * w00 + ((t10 >> e) & m) * w10 + ((t01 >> e) & m) * w01 + ((t11 >> e) & m) * w11
        b = ((t00 >> s) & m) * w00 + ((t10 >> s) & m) * w10 + ((t01 >> s) & m) * w01 + ((t11 >> s) & m) * w11
        z = np.float32(1.0) / values[i]
        shine = values[6 * ROW + i] * z
        z = z * np.float32(1.0 / 4096.0)
        red = np.float32(r) * (values[3 * ROW + i] * z)
        green = np.float32(g) * (values[4 * ROW + i] * z)
        blue = np.float32(b) * (values[5 * ROW + i] * z)
        red = red if red < top else top
        green = green if green < top else top
        blue = blue if blue < top else top
        red = red + (top - red) * shine + half
        green = green + (top - green) * shine + half
        blue = blue + (top - blue) * shine + half
        packed[i] = np.uint32(np.int32(red) | np.int32(green) << e | np.int32(blue) << s)
