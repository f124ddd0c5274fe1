"""The shipped hand is in MANO's format, is made by its generator, and has human measures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from solid_angles import winding_number

from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel, forward
from handbench.hands.topology import signed_volume
from handbench.skeleton import TIP_SETS, tip_vertices
from handbench.types import Side

ROOT = Path(__file__).resolve().parents[1]
ASSETS = ROOT / "handbench" / "hands" / "assets"
LOOP = (38, 92, 234, 239, 279, 215, 214, 121, 78, 79, 108, 120, 119, 117, 118, 122)
FINGER_BASES = {"index": 1, "middle": 4, "little": 7, "ring": 10, "thumb": 13}
Array = npt.NDArray[np.float64]


def arrays(side: str) -> dict[str, npt.NDArray[Any]]:
    with np.load(ASSETS / f"MANO_{side}.npz") as data:
        return dict(data)


@pytest.fixture(scope="module")
def right() -> HandModel:
    return load_hand_model("procedural", Side.RIGHT)


def directed_edges(faces: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    f = faces.astype(np.int64)
    return np.concatenate([f[:, [0, 1]], f[:, [1, 2]], f[:, [2, 0]]])


@pytest.mark.parametrize("side", ["RIGHT", "LEFT"])
def test_topology_is_manos(side: str) -> None:
    data = arrays(side)
    edges = directed_edges(data["f"])
    assert data["f"].shape == (1538, 3) and data["f"].dtype == np.uint32
    assert len(np.unique(edges, axis=0)) == len(edges), "an edge runs the same way in two faces"
    undirected = np.unique(np.sort(edges, axis=1), axis=0)
    assert len(undirected) == 2315 and 778 - len(undirected) + 1538 == 1
    assert len(np.unique(data["f"])) == 778
    known = {tuple(e) for e in edges.tolist()}
    border = {e for e in known if e[::-1] not in known}
    loop = {(a, b) for a, b in zip(LOOP, LOOP[1:] + LOOP[:1], strict=True)}
    assert border == (loop if side == "RIGHT" else {e[::-1] for e in loop})
    corners = data["v_template"].astype(np.float64)[data["f"]]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    assert area.min() > 0.5e-6
    assert (ASSETS / f"MANO_{side}.npz").stat().st_size < 2 * 2**20


def test_keys_and_types() -> None:
    data = arrays("RIGHT")
    shapes = {
        "v_template": (778, 3), "shapedirs": (778, 3, 10), "posedirs": (778, 3, 135),
        "J_regressor": (16, 778), "weights": (778, 16), "kintree_table": (2, 16),
        "hands_components": (45, 45), "hands_mean": (45,), "J": (16, 3),
    }  # fmt: skip
    for key, shape in shapes.items():
        assert data[key].shape == shape
        assert data[key].dtype == (np.uint32 if key == "kintree_table" else np.float32)
    assert data["kintree_table"][0, 0] == 2**32 - 1
    assert data["hands_coeffs"].shape[1] == 45 and str(data["bs_style"]) == "lbs"
    assert np.allclose(data["weights"].sum(1), 1, atol=1e-6) and data["weights"].min() >= 0
    assert np.allclose(data["J_regressor"].sum(1), 1, atol=1e-6) and data["J_regressor"].min() >= 0


def test_left_is_a_mirror() -> None:
    a, b = arrays("RIGHT"), arrays("LEFT")
    x = np.array([-1.0, 1.0, 1.0])
    turn = np.tile([1.0, -1.0, -1.0], 15)
    assert np.array_equal(b["v_template"], a["v_template"] * x)
    assert np.array_equal(b["shapedirs"], a["shapedirs"] * x[:, None])
    assert np.array_equal(b["hands_mean"], a["hands_mean"] * turn)
    assert np.array_equal(b["hands_components"], a["hands_components"] * turn)
    assert np.array_equal(b["f"], a["f"][:, ::-1])
    rng = np.random.default_rng(3)
    pose, betas = rng.normal(0, 0.4, (4, 48)), rng.normal(0, 1, (4, 10))
    mirrored = pose * np.tile([1.0, -1.0, -1.0], 16)
    transl = rng.normal(size=(4, 3))
    first = forward(load_hand_model("procedural", Side.RIGHT), pose, betas, transl)
    second = forward(load_hand_model("procedural", Side.LEFT), mirrored, betas, transl * x)
    assert np.abs(first.vertices * x - second.vertices).max() < 1e-9
    assert np.abs(first.joints21 * x - second.joints21).max() < 1e-9


@pytest.mark.parametrize("side", [Side.RIGHT, Side.LEFT])
def test_smplx_loads_it(side: Side) -> None:
    import smplx
    import torch

    name = "MANO_RIGHT.npz" if side is Side.RIGHT else "MANO_LEFT.npz"
    module = smplx.create(
        str(ASSETS / name), "mano", is_rhand=side is Side.RIGHT, ext="npz", use_pca=False, flat_hand_mean=True
    )
    rng = np.random.default_rng(5)
    pose, betas, transl = rng.normal(0, 0.5, (3, 48)), rng.normal(0, 1, (3, 10)), rng.normal(0, 0.2, (3, 3))
    root, fingers, shape, place = (
        torch.tensor(x, dtype=torch.float32) for x in (pose[:, :3], pose[:, 3:], betas, transl)
    )
    out = module(global_orient=root, hand_pose=fingers, betas=shape, transl=place)
    ours = forward(load_hand_model("procedural", side), pose, betas, transl)
    assert np.abs(out.vertices.detach().numpy() - ours.vertices).max() < 1e-6


def test_fingertips_lie_at_the_usual_ids(right: HandModel) -> None:
    joints, v = right.rest_joints, right.v_template
    usual = tip_vertices("smplx", Side.RIGHT)
    for tip, last in zip(usual, (15, 3, 6, 12, 9), strict=True):
        own = right.weights[:, last] > 0.9
        axis = joints[last] - joints[last - 1]
        reach = (v - joints[last]) @ axis / np.linalg.norm(axis)
        assert own[tip] and reach[tip] > reach[own].max() - 1e-3
    for name in TIP_SETS:
        assert np.linalg.norm(v[tip_vertices(name, Side.RIGHT)] - v[usual], axis=1).max() < 5e-3, name


def test_rest_frame_and_size(right: HandModel) -> None:
    j = right.rest_joints
    assert np.abs(j[0] - [0.096, 0.006, 0.006]).max() < 5e-4
    tips = right.v_template[tip_vertices("smplx", Side.RIGHT)]
    assert (tips[1:, 0] < -0.03).all() and tips[0, 2] > 0.06
    assert 0.178 < np.linalg.norm(tips[2] - j[0]) < 0.192
    palm = (right.weights[:, 0] > 0.5) & (right.v_template[:, 0] < 0.05)
    assert right.v_template[palm, 1].min() < -0.008


def test_joints_stay_inside_for_every_shape(right: HandModel) -> None:
    rng = np.random.default_rng(7)
    for betas in rng.normal(0, 1.3, (25, 10)).clip(-3, 3):
        shaped = right.v_template + right.shapedirs @ betas
        turns = winding_number(right.J_regressor @ shaped, shaped[right.closed_faces])
        assert turns.min() > 0.99, betas


def test_fingers_are_apart(right: HandModel) -> None:
    groups = {n: right.weights[:, b + 1 : b + 3].sum(1) > 0.8 for n, b in FINGER_BASES.items()}
    for a, b in (("index", "middle"), ("middle", "ring"), ("ring", "little"), ("thumb", "index")):
        first, second = right.v_template[groups[a]], right.v_template[groups[b]]
        gap = np.linalg.norm(first[:, None] - second[None], axis=2).min()
        assert gap > 1.5e-3, (a, b, gap)


def hand_measures(model: HandModel, betas: Array) -> tuple[Array, Array]:
    """Wrist to middle tip, and breadth over the knuckles without the thumb [mm]."""
    v = model.v_template + np.einsum("vck,nk->nvc", model.shapedirs, betas)
    wrist = np.einsum("v,nvc->nc", model.J_regressor[0], v)
    length = np.linalg.norm(v[:, 443] - wrist, axis=1)
    knuckles = model.rest_joints[[1, 4, 7, 10], 0].mean()
    at = (np.abs(model.v_template[:, 0] - knuckles) < 0.016) & (model.weights[:, 13:].sum(1) < 0.05)
    return length * 1e3, np.ptp(v[:, at, 2], axis=1) * 1e3


def test_shapes_span_adult_anthropometry(right: HandModel) -> None:
    # British adults, women's 5th to men's 95th percentile (Pheasant and Haslegrave 2006): 159 to 205 mm
    # long, 69 to 95 mm broad; U.S. Army 2012 lies inside it but for the longest hands.
    length, breadth = hand_measures(right, np.random.default_rng(11).normal(size=(4000, 10)))
    assert np.percentile(length, 2.5) < 160.5 and np.percentile(length, 97.5) > 205
    assert np.percentile(breadth, 2.5) < 71.5 and np.percentile(breadth, 97.5) > 95
    assert 10 < length.std() < 14 and 5 < breadth.std() < 8


def test_each_shape_direction_does_what_it_says(right: HandModel) -> None:
    j0 = right.rest_joints
    bone = {n: np.linalg.norm(j0[b + 1] - j0[b]) for n, b in FINGER_BASES.items()}

    def change(k: int, name: str) -> float:
        joints = right.J_regressor @ (right.v_template + right.shapedirs[:, :, k])
        b = FINGER_BASES[name]
        return float(np.linalg.norm(joints[b + 1] - joints[b]) / bone[name] - 1)

    assert change(0, "middle") == pytest.approx(0.068, abs=0.004)
    assert change(1, "middle") > 0.02 and abs(change(1, "thumb")) < 0.01
    assert change(4, "thumb") > 0.04 and abs(change(4, "index")) < 0.01
    assert change(6, "little") > 0.03 and change(6, "index") < -0.02
    for k in (2, 3, 5, 7, 8, 9):
        assert max(abs(change(k, n)) for n in bone) < 0.02, k
        assert 5e-4 < np.abs(right.shapedirs[:, :, k]).max() < 6e-3


def test_pose_basis_is_orthonormal_and_ordered(right: HandModel) -> None:
    c = right.hands_components
    assert np.abs(c @ c.T - np.eye(45)).max() < 1e-5
    spread = arrays("RIGHT")["hands_coeffs"].std(axis=0)
    assert (np.diff(spread) <= 1e-6).all()
    mean = right.hands_mean.reshape(15, 3)
    angles = np.linalg.norm(mean, axis=1)
    assert (angles[:12] > 0.15).all() and angles.max() < 1.2


def bent_volumes(model: HandModel, joint: int, angle: float) -> tuple[float, float, float]:
    """Volume [cm^3] in rest, bent, and bent without correctives, one joint bent in all four fingers."""
    pose = np.zeros((1, 48))
    for base in (1, 4, 7, 10):
        axis = model.rest_joints[base + 1] - model.rest_joints[base]
        lateral = np.cross([0.0, 1.0, 0.0], axis)
        b = base + joint
        pose[0, 3 * b : 3 * b + 3] = angle * lateral / np.linalg.norm(lateral)
    plain = replace(model, posedirs=model.posedirs * 0)
    out = []
    for hand, p in ((model, pose * 0), (model, pose), (plain, pose)):
        v = forward(hand, p, np.zeros((1, 10)), np.zeros((1, 3))).vertices[0]
        out.append(signed_volume(v, model.closed_faces) * 1e6)
    return out[0], out[1], out[2]


@pytest.mark.parametrize(("joint", "share"), [(0, 0.45), (1, 0.55), (2, 0.45)])
def test_bent_joints_keep_their_volume(right: HandModel, joint: int, share: float) -> None:
    rest, bent, plain = bent_volumes(right, joint, np.pi / 2)
    assert plain < rest
    assert abs(bent - rest) < share * (rest - plain)


def test_rest_shape_is_what_the_generator_makes(tmp_path: Path) -> None:
    script = ROOT / "tools" / "procedural_hand" / "build.py"
    subprocess.run([sys.executable, str(script), "--rest-only", "--out", str(tmp_path)], check=True)
    made, shipped = np.load(tmp_path / "rest.npz"), arrays("RIGHT")
    assert np.array_equal(made["f"], shipped["f"])
    assert np.abs(made["v_template"] - shipped["v_template"]).max() < 1e-6
    assert np.abs(made["weights"] - shipped["weights"]).max() < 1e-5


@pytest.mark.soak
def test_all_arrays_are_what_the_generator_makes(tmp_path: Path) -> None:
    script = ROOT / "tools" / "procedural_hand" / "build.py"
    subprocess.run([sys.executable, str(script), "--out", str(tmp_path)], check=True)
    for side in ("RIGHT", "LEFT"):
        made, shipped = np.load(tmp_path / f"MANO_{side}.npz"), arrays(side)
        for key, value in shipped.items():
            if value.dtype.kind == "f":
                assert np.abs(made[key] - value).max() < 1e-6, key
            else:
                assert np.array_equal(made[key], value), key
