"""A cut-out's hand moved as its picture was, in one pass: camera, joints, box, visibility."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np

from handbench.hands.rotations import exponential, logarithm, product, turned


@nb.njit(cache=True, nogil=True)
def moved_camera(source: Any, K: Any) -> tuple[Any, Any, Any]:
    """Moves a camera by a similarity: its turn goes into the 3D, scale and shift into K.

    Args:
        source: (2, 3) affine from the picture back to the cut-out.
        K: (3, 3) intrinsics of the cut-out [px].

    Returns:
        forward: (2, 3) affine from the cut-out to the picture.
        turn: (3, 3) rotation about the optical axis.
        moved: (3, 3) intrinsics of the picture: moved turn x projects where forward maps K x.
    """
    a, b, c, d = source[0, 0], source[0, 1], source[1, 0], source[1, 1]
    det = a * d - b * c
    forward = np.empty((2, 3))
    forward[0, 0], forward[0, 1] = d / det, -b / det
    forward[1, 0], forward[1, 1] = -c / det, a / det
    for i in range(2):
        forward[i, 2] = -(forward[i, 0] * source[0, 2] + forward[i, 1] * source[1, 2])
    scale = np.sqrt(forward[0, 0] ** 2 + forward[1, 0] ** 2)
    turn = np.eye(3)
    turn[0, 0] = turn[1, 1] = forward[0, 0] / scale
    turn[1, 0] = forward[1, 0] / scale
    turn[0, 1] = -turn[1, 0]
    lifted = np.eye(3)
    lifted[:2] = forward
    return forward, turn, product(product(lifted, K), turn.T)


@nb.njit(cache=True, nogil=True)
def moved_params(turn: Any, root: Any, transl: Any, rest_wrist: Any) -> tuple[Any, Any]:
    """Turns a root (3,) and a translation (3,) about the camera: MANO turns about the rest wrist."""
    place = turned(turn, rest_wrist + transl) - rest_wrist
    return logarithm(product(turn, exponential(root))), place


@nb.njit(cache=True, nogil=True)
def moved_points(forward: Any, turn: Any, joints: Any, pixels: Any, hull: Any) -> tuple[Any, Any, Any]:
    """Moves joints (21, 3) [m], their pixels (21, 2) and the outline's hull (H, 2) [px].

    Returns:
        (21, 3) float64 joints, (21, 2) float32 pixels, (4,) float32 box x, y, w, h about the hull.
    """
    out, places = np.empty((len(joints), 3)), np.empty((len(joints), 2), dtype=np.float32)
    for n in range(len(joints)):
        for i in range(3):
            out[n, i] = turn[i, 0] * joints[n, 0] + turn[i, 1] * joints[n, 1] + turn[i, 2] * joints[n, 2]
        for i in range(2):
            places[n, i] = forward[i, 0] * pixels[n, 0] + forward[i, 1] * pixels[n, 1] + forward[i, 2]
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for n in range(len(hull)):
        for i in range(2):
            value = forward[i, 0] * hull[n, 0] + forward[i, 1] * hull[n, 1] + forward[i, 2]
            low[i], high[i] = min(low[i], value), max(high[i], value)
    box = np.empty(4, dtype=np.float32)
    box[0], box[1], box[2], box[3] = low[0], low[1], high[0] - low[0], high[1] - low[1]
    return out, places, box


@nb.njit(cache=True, nogil=True)
def shares_seen(points: Any, K: Any, ball: float, own: Any, front: Any, disk: Any) -> Any:
    """Returns (P, 4): of a ball about each point the shares seen, and behind its hand, ``front``, the border.

    Args:
        points: (P, 3) [m], camera frame.
        K: (3, 3) intrinsics [px].
        ball: radius [m].
        own: (P,) share of each ball that its own hand leaves open.
        front: (N, N) uint8 mask of what lies in front.
        disk: (D, 2) points of the unit disk.
    """
    out = np.zeros((len(points), 4), dtype=np.float32)
    size = len(front)
    part = np.float32(1.0 / len(disk))
    scale = 0.5 * (abs(K[0, 0]) + abs(K[1, 1])) * ball
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        u = (K[0, 0] * x + K[0, 1] * y) / z + K[0, 2]
        v = (K[1, 0] * x + K[1, 1] * y) / z + K[1, 2]
        for k in range(len(disk)):
            column = int(np.floor(u + scale / z * disk[k, 0] + 0.5))
            row = int(np.floor(v + scale / z * disk[k, 1] + 0.5))
            if row < 0 or column < 0 or row >= size or column >= size:
                out[i, 3] += part
            elif front[row, column]:
                out[i, 2] += part
            else:
                out[i, 0] += part * own[i]
                out[i, 1] += part * (np.float32(1) - own[i])
    return out
