"""Rotations as tensors: 6D to matrices, matrices to axis-angle and back. All differentiable, in fp32."""

from __future__ import annotations

import torch
from torch import Tensor

_SMALL = 1e-6


def rotations_from_6d(values: Tensor) -> Tensor:
    """Turns 6D vectors into rotations by Gram-Schmidt (Zhou et al. 2019, equation 15).

    Args:
        values: (..., 6); the first three numbers are a1, the last three a2.

    Returns:
        (..., 3, 3), with b1, b2, b3 as columns (HandOccNet mano_head.py).
    """
    first, second = values[..., :3], values[..., 3:]
    b1 = first / first.norm(dim=-1, keepdim=True).clamp_min(_SMALL)
    rest = second - (b1 * second).sum(dim=-1, keepdim=True) * b1
    b2 = rest / rest.norm(dim=-1, keepdim=True).clamp_min(_SMALL)
    return torch.stack([b1, b2, torch.linalg.cross(b1, b2, dim=-1)], dim=-1)


def rotations_from_axis_angle(rotvec: Tensor) -> Tensor:
    """Turns axis-angle vectors (..., 3) [rad] into rotations (..., 3, 3) (Rodrigues); exact at 0."""
    # Under the root, so that the gradient at 0 is finite.
    angle = (rotvec.square().sum(dim=-1, keepdim=True) + 1e-16).sqrt()[..., None]
    first = torch.sinc(angle / torch.pi)
    second = 0.5 * torch.sinc(angle / (2 * torch.pi)).square()
    x, y, z = rotvec.unbind(-1)
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*rotvec.shape, 3)
    eye = torch.eye(3, dtype=rotvec.dtype, device=rotvec.device)
    out: Tensor = eye + first * skew + second * (skew @ skew)
    return out


def axis_angle_from_rotations(matrix: Tensor) -> Tensor:
    """Turns rotations (..., 3, 3) into axis-angle vectors (..., 3) with angle in [0, pi]."""
    m = matrix
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 0, 1] + m[..., 1, 0], m[..., 0, 2] + m[..., 2, 0], m[..., 1, 2] + m[..., 2, 1]
    squares = torch.stack(
        [1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22], dim=-1
    )
    rows = torch.stack(
        [
            torch.stack([squares[..., 0], wx, wy, wz], -1),
            torch.stack([wx, squares[..., 1], xy, xz], -1),
            torch.stack([wy, xy, squares[..., 2], yz], -1),
            torch.stack([wz, xz, yz, squares[..., 3]], -1),
        ],
        dim=-2,
    )
    # Of the four ways to write the quaternion, the one with the largest divisor.
    best = squares.argmax(dim=-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    quaternion = rows.gather(-2, best).squeeze(-2)
    quaternion = torch.nn.functional.normalize(quaternion, dim=-1)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    vector = quaternion[..., 1:]
    sine = (vector.square().sum(dim=-1, keepdim=True) + 1e-16).sqrt()
    return vector * (2 * torch.atan2(sine, quaternion[..., :1]) / sine)
