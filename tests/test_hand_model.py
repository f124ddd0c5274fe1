"""The hand models: equal to smplx, watertight, and clear about bad input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from handbench.errors import HandbenchError
from handbench.hands.library import ASSETS, load_hand_model
from handbench.hands.mano import load_mano, read_arrays
from handbench.hands.model import HandModel, forward, forward_one, model_from_arrays
from handbench.hands.topology import signed_volume
from handbench.hands.torch_layer import TorchHandLayer
from handbench.skeleton import OPENPOSE21, tip_vertices
from handbench.types import HandParams, Side

RIGHT_LOOP = [38, 92, 234, 239, 279, 215, 214, 121, 78, 79, 108, 120, 119, 117, 118, 122]


def dense_model(side: Side) -> HandModel:
    """The procedural arrays with every pose corrective and shape direction filled, as MANO's are."""
    arrays = read_arrays(ASSETS / f"MANO_{side.value.upper()}.npz")
    rng = np.random.default_rng(3)
    arrays["posedirs"] = rng.normal(scale=2e-3, size=(778, 3, 135))
    arrays["shapedirs"] = np.asarray(arrays["shapedirs"], float) + rng.normal(scale=1e-3, size=(778, 3, 10))
    return model_from_arrays(arrays, "dense", side, "", "dense")


def random_parameters(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(n, 48)) * rng.uniform(0, 1.5, size=(n, 1))
    pose[0] = 0
    pose[1] *= 1e-9
    return pose, rng.normal(size=(n, 10)) * 2, rng.normal(size=(n, 3))


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("kind", ["procedural", "dense"])
def test_forward_equals_smplx(side: Side, kind: str) -> None:
    model = load_hand_model("procedural", side) if kind == "procedural" else dense_model(side)
    parameters = random_parameters(24)
    mesh = forward(model, *parameters)
    layer = TorchHandLayer(model, dtype=torch.float64)
    out = layer(*(torch.tensor(p) for p in parameters))
    for ours, theirs in ((mesh.vertices, out.vertices), (mesh.joints16, out.joints16)):
        assert np.abs(ours - theirs.numpy()).max() < 1e-6
    assert np.abs(mesh.joints21 - out.joints21.numpy()).max() < 1e-6


def test_one_hand_is_bit_equal_to_the_batch() -> None:
    model = load_hand_model()
    pose, betas, transl = random_parameters(3)
    mesh = forward(model, pose, betas, transl)
    one = forward_one(model, HandParams(Side.RIGHT, pose[2], betas[2], transl[2]))
    np.testing.assert_array_equal(one.vertices, mesh.vertices[2])
    np.testing.assert_array_equal(one.joints21, mesh.joints21[2])
    tips = tip_vertices("smplx", Side.RIGHT)
    ends = [OPENPOSE21.index(f"{f}4") for f in ("thumb", "index", "middle", "ring", "little")]
    np.testing.assert_array_equal(mesh.joints21[:, ends], mesh.vertices[:, tips])


@pytest.mark.parametrize("side", list(Side))
def test_closed_faces_are_watertight_and_outward(side: Side) -> None:
    model = load_hand_model("procedural", side)
    directed = [(int(f[i]), int(f[i - 2])) for f in model.closed_faces for i in range(3)]
    assert len(set(directed)) == len(directed) == 1552 * 3
    assert {(b, a) for a, b in directed} == set(directed)
    assert 1e-4 < signed_volume(model.v_template, model.closed_faces) < 8e-4
    expected = RIGHT_LOOP if side is Side.RIGHT else [RIGHT_LOOP[0], *RIGHT_LOOP[:0:-1]]
    assert model.wrist_loop.tolist() == expected


def test_parameters_that_are_not_finite_are_named() -> None:
    pose, betas, transl = random_parameters(3)
    pose[2, 20] = np.nan
    with pytest.raises(HandbenchError, match=r"pose\[2, 20\] \(joint middle3\) is nan"):
        forward(load_hand_model(), pose, betas, transl)
    with pytest.raises(HandbenchError, match=r"pose\[0, 20\]"):
        forward_one(load_hand_model(), HandParams(Side.RIGHT, pose[2], betas[2], transl[2]))
    with pytest.raises(HandbenchError, match="parameters of a left hand"):
        forward_one(load_hand_model(), HandParams(Side.LEFT, pose[0], betas[0], transl[0]))


def test_missing_and_wrong_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(HandbenchError, match="unknown hand model 'smpl'"):
        load_hand_model("smpl")
    with pytest.raises(HandbenchError, match=r"holds no MANO_LEFT\.npz or MANO_LEFT\.pkl"):
        load_hand_model(f"mano:{tmp_path}", Side.LEFT)
    (tmp_path / "MANO_LEFT.npz").write_bytes((ASSETS / "MANO_RIGHT.npz").read_bytes())
    with pytest.raises(HandbenchError, match=r"MANO_LEFT\.npz: holds a right hand, expected a left one"):
        load_mano(tmp_path, Side.LEFT)
    arrays = read_arrays(ASSETS / "MANO_RIGHT.npz")
    cases = {
        "lacks 'weights'": {k: v for k, v in arrays.items() if k != "weights"},
        "v_template has shape": {**arrays, "v_template": np.zeros((6890, 3))},
        "not finite": {**arrays, "posedirs": np.full((778, 3, 135), np.nan)},
        "open edges": {**arrays, "f": np.roll(arrays["f"], 1, axis=0) * [[1, 1, 0]] + [[0, 0, 5]]},
        "inside out": {**arrays, "v_template": arrays["v_template"] * np.array([-1, 1, 1])},
    }
    for message, wrong in cases.items():
        with pytest.raises(HandbenchError, match=message):
            model_from_arrays(wrong, "mano", Side.RIGHT, "", "file")
    np.savez(tmp_path / "MANO_RIGHT.npz", v_template=np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(HandbenchError, match=r"not a readable \.npz of plain arrays"):
        load_mano(tmp_path, Side.RIGHT)
