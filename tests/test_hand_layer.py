"""The hand from rotation matrices against smplx, rotations against numpy, heads against plain loops."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from handbench.baselines.hand_layer import HandLayer
from handbench.baselines.heatmap import HeatmapHead
from handbench.baselines.rotation_maps import (
    axis_angle_from_rotations,
    rotations_from_6d,
    rotations_from_axis_angle,
)
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.library import load_hand_model
from handbench.hands.torch_layer import TorchHandLayer
from handbench.skeleton import TIP_SETS
from handbench.types import Side


@pytest.mark.parametrize("tips", TIP_SETS)
@pytest.mark.parametrize("side", Side)
def test_hand_layer_equals_smplx(side: Side, tips: str) -> None:
    model = load_hand_model("procedural", side)
    rng = np.random.default_rng(0)
    pose = torch.from_numpy(rng.normal(0, 0.6, (5, 48)).astype(np.float32))
    betas = torch.from_numpy(rng.normal(0, 1, (5, 10)).astype(np.float32))
    expected = TorchHandLayer(model, tips=tips)(pose, betas, torch.zeros(5, 3))
    found = HandLayer(model, tips)(rotations_from_axis_angle(pose.reshape(-1, 16, 3)), betas)
    torch.testing.assert_close(found.vertices, expected.vertices, rtol=0, atol=1e-6)
    torch.testing.assert_close(found.joints, expected.joints21, rtol=0, atol=1e-6)


def test_hand_layer_stays_in_fp32_under_autocast() -> None:
    layer = HandLayer(load_hand_model(), "smplx")
    rotations = rotations_from_axis_angle(torch.randn(2, 16, 3, generator=torch.Generator().manual_seed(0)))
    plain = layer(rotations, torch.ones(2, 10))
    with torch.autocast("cpu", torch.bfloat16):
        cast = layer(rotations, torch.ones(2, 10))
    assert cast.vertices.dtype == torch.float32
    torch.testing.assert_close(cast.vertices, plain.vertices, rtol=0, atol=0)


def test_rotations_and_back() -> None:
    rng = np.random.default_rng(1)
    axis = rng.normal(size=(200, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.concatenate([[0, 1e-9, 1e-5, np.pi - 1e-6, 3.1], rng.uniform(0, 3.14, 195)])
    rotvec = axis * angle[:, None]
    matrices = rotations_from_axis_angle(torch.from_numpy(rotvec))
    np.testing.assert_allclose(matrices.numpy(), axis_angle_to_matrix(rotvec), atol=1e-8)
    np.testing.assert_allclose(axis_angle_from_rotations(matrices).numpy(), rotvec, atol=1e-6)


def test_6d_by_hand() -> None:
    """b1, b2, b3 are columns; a2 loses its part along a1."""
    found = rotations_from_6d(torch.tensor([0.0, 3, 0, -2, 5, 0]))
    torch.testing.assert_close(found, torch.tensor([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]))


@pytest.mark.parametrize("where", ["nothing", "identity", "half turn"])
def test_gradients_are_finite(where: str) -> None:
    start = {
        "nothing": torch.zeros(3),
        "identity": torch.full((3,), 1e-9),
        "half turn": torch.tensor([np.pi, 0, 0]),
    }
    rotvec = start[where].double().requires_grad_()
    torch.autograd.backward(axis_angle_from_rotations(rotations_from_axis_angle(rotvec)).sum())
    six = torch.zeros(6).requires_grad_()
    torch.autograd.backward(rotations_from_6d(six).sum())
    assert rotvec.grad is not None and rotvec.grad.isfinite().all()
    assert six.grad is not None and six.grad.isfinite().all()


def test_soft_argmax_is_the_centre_of_mass() -> None:
    torch.manual_seed(0)
    head = HeatmapHead(8, 2, frames=2).eval()
    with torch.no_grad():
        head.temperature.copy_(torch.rand(42, 1) * 4)
        heat, encoding, joints = head(torch.randn(3, 8, 8, 8))
        scores = head.score(encoding)
    assert heat.shape == (3, 42, 8, 8) and joints.shape == (3, 2, 21, 2)
    for joint in (0, 20, 21, 41):
        weights = torch.exp(scores[1, joint] * head.temperature[joint])
        weights = weights / weights.sum()
        x = sum(weights[r, c] * (c + 0.5) / 8 for r in range(8) for c in range(8))
        y = sum(weights[r, c] * (r + 0.5) / 8 for r in range(8) for c in range(8))
        torch.testing.assert_close(joints[1, joint // 21, joint % 21], torch.stack([x, y]))  # type: ignore[list-item]
