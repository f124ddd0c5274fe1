"""Rotations and similarity fits, batched, in numpy.

Shapes: ``...`` stands for any leading axes. Angles in radians; rotation matrices act on column vectors.
"""

from __future__ import annotations

import numpy as np

from handbench.arrays import FloatArray


def skew(vectors: FloatArray) -> FloatArray:
    """Returns the cross-product matrices (..., 3, 3) of vectors (..., 3)."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def axis_angle_to_matrix(rotvec: FloatArray) -> FloatArray:
    """Turns axis-angle vectors (..., 3) [rad] into rotation matrices (..., 3, 3) (Rodrigues, exact at 0)."""
    rotvec = np.asarray(rotvec, dtype=np.float64)
    angle2 = np.sum(rotvec * rotvec, axis=-1)[..., None, None]
    angle = np.sqrt(angle2)
    # sin(a)/a and (1 - cos(a))/a^2 without cancellation: np.sinc(x) = sin(pi x)/(pi x).
    first = np.sinc(angle / np.pi)
    second = 0.5 * np.sinc(angle / (2 * np.pi)) ** 2
    k = skew(rotvec)
    return np.asarray(np.eye(3) + first * k + second * (k @ k))


def matrix_to_axis_angle(matrix: FloatArray) -> FloatArray:
    """Turns rotation matrices (..., 3, 3) into axis-angle vectors (..., 3) with angle in [0, pi]."""
    q = matrix_to_quaternion(matrix)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2.0 * np.arctan2(sine, q[..., :1])
    # angle / sin(angle/2) tends to 2 at the identity.
    factor = np.where(sine > 1e-12, angle / np.where(sine > 1e-12, sine, 1.0), 2.0)
    return np.asarray(q[..., 1:] * factor)


def matrix_to_quaternion(matrix: FloatArray) -> FloatArray:
    """Turns rotation matrices (..., 3, 3) into unit quaternions (..., 4), w first.

    Of the four ways to start (w, x, y or z largest) the one with the largest divisor is used.
    """
    m = np.asarray(matrix, dtype=np.float64)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    # 4 q_i^2 for i = w, x, y, z.
    squares = np.stack(
        [1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22], -1
    )
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    rows = np.stack(
        [
            np.stack([squares[..., 0], wx, wy, wz], -1),
            np.stack([wx, squares[..., 1], xy, xz], -1),
            np.stack([wy, xy, squares[..., 2], yz], -1),
            np.stack([wz, xz, yz, squares[..., 3]], -1),
        ],
        -2,
    )
    best = np.argmax(squares, axis=-1)[..., None, None]
    q = np.take_along_axis(rows, best, axis=-2)[..., 0, :]
    return np.asarray(q / np.linalg.norm(q, axis=-1, keepdims=True))


def matrix_to_rotation_6d(matrix: FloatArray) -> FloatArray:
    """Returns the first two columns of (..., 3, 3) as (..., 6) (Zhou et al. 2019, section 4)."""
    return np.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)


def rotation_6d_to_matrix(six: FloatArray) -> FloatArray:
    """Turns (..., 6) into rotation matrices by Gram-Schmidt (Zhou et al. 2019, equation 15).

    The two triples must not be parallel or zero.
    """
    a, b = six[..., :3], six[..., 3:]
    x = a / np.linalg.norm(a, axis=-1, keepdims=True)
    y = b - np.sum(x * b, axis=-1, keepdims=True) * x
    y = y / np.linalg.norm(y, axis=-1, keepdims=True)
    return np.stack([x, y, np.cross(x, y)], axis=-1)


def fit_similarity(
    source: FloatArray, target: FloatArray, *, scale: bool = True, reflection: bool = False
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Fits target ~ s R source + t in the least-squares sense (Umeyama 1991, equations 40 to 42).

    Args:
        source: (..., N, 3) points.
        target: (..., N, 3) points.
        scale: also fit s; otherwise s = 1.
        reflection: let R be improper where that fits better, as scipy's ``orthogonal_procrustes`` and the
            official HO-3D script do; otherwise det R = +1.

    Returns:
        s (...,), R (..., 3, 3), t (..., 3). A source without extent gives s = 0 (or 1 without ``scale``)
        and t at the target's mean.

    Raises:
        ValueError: when the shapes differ or are not (..., N, 3).
    """
    source, target = np.asarray(source, dtype=np.float64), np.asarray(target, dtype=np.float64)
    if source.shape != target.shape or source.ndim < 2 or source.shape[-1] != 3:
        raise ValueError(f"expected two equal shapes (..., N, 3), got {source.shape} and {target.shape}")
    mean_s, mean_t = source.mean(axis=-2, keepdims=True), target.mean(axis=-2, keepdims=True)
    a, b = source - mean_s, target - mean_t
    u, d, vt = np.linalg.svd(np.swapaxes(b, -1, -2) @ a)
    signs = np.ones_like(d)
    if not reflection:
        signs[..., 2] = np.where(np.linalg.det(u @ vt) < 0, -1.0, 1.0)
    rotation = (u * signs[..., None, :]) @ vt
    variance = np.sum(a * a, axis=(-2, -1))
    factor = np.ones(d.shape[:-1])
    if scale:
        factor = np.sum(d * signs, axis=-1) / np.where(variance > 0, variance, 1.0)
    moved = factor[..., None] * (rotation @ np.swapaxes(mean_s, -1, -2))[..., 0]
    return factor, rotation, mean_t[..., 0, :] - moved


def apply_similarity(
    scale: FloatArray, rotation: FloatArray, t: FloatArray, points: FloatArray
) -> FloatArray:
    """Returns s R points + t for points (..., N, 3) and what :func:`fit_similarity` gave."""
    return np.asarray(scale[..., None, None] * (points @ np.swapaxes(rotation, -1, -2)) + t[..., None, :])
