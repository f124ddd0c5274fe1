import numpy as np
import numpy.typing as npt
import pytest

from handbench.arrays import FloatArray
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandMesh, HandModel, forward_one
from handbench.hands.topology import signed_volume, vertex_normals
from handbench.synth.forearm import make_forearm, rim_colors
from handbench.synth.forearm_rim import wrist_rim
from handbench.synth.forearm_texture import CLOTHS, SIDE, arm_texture
from handbench.synth.forearm_upper import upper_arm
from handbench.synth.forearm_wear import ForearmSettings, Wear, draw_wear
from handbench.synth.scene import Part
from handbench.types import HandParams, Side

SKIN = np.array([200, 150, 120], np.uint8)
BARE = ForearmSettings(p_bare=1.0, p_sleeve=0.0, p_none=0.0, p_band=0.0)
SLEEVE = ForearmSettings(p_bare=0.0, p_sleeve=1.0, p_none=0.0, p_band=0.0)


def _hand(side: Side, seed: int) -> tuple[HandModel, HandMesh]:
    rng = np.random.default_rng(seed)
    model = load_hand_model("procedural", side)
    pose = np.concatenate([rng.normal(0, 1.2, 3), model.hands_mean * rng.uniform(0, 1.5)])
    mesh = forward_one(model, HandParams(side, pose, rng.normal(0, 1, 10), np.array([0.0, 0.0, 0.7])))
    return model, mesh


def _arm(
    side: Side,
    seed: int,
    settings: ForearmSettings,
    direction: FloatArray | None = None,
    others: FloatArray | None = None,
) -> tuple[tuple[Part, ...], HandModel, HandMesh, Wear]:
    model, mesh = _hand(side, seed)
    rng = np.random.default_rng(seed)
    wear = draw_wear(rng, settings)
    parts = make_forearm(model, mesh.vertices, mesh.joints16, rng, wear, SKIN, direction, others)
    return parts, model, mesh, wear


def _volume(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> float:
    """Returns the volume about the middle of the first ring, where the tube is open."""
    return signed_volume(vertices - vertices[:16].mean(axis=0), faces)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("seed", range(4))
def test_bare_arm_shares_the_rim_and_faces_outward(side: Side, seed: int) -> None:
    (arm,), model, mesh, wear = _arm(side, seed, BARE)
    assert arm.hand is side and not arm.is_hand and arm.name == f"{side.value}_arm"
    for vertex in mesh.vertices[model.wrist_loop]:
        assert np.abs(arm.vertices - vertex).max(axis=1).min() < 1e-12
    assert 3e-4 < _volume(arm.vertices, arm.faces) < 6e-3
    reach = np.linalg.norm(arm.vertices[:192].reshape(-1, 16, 3).mean(axis=1) - mesh.joints16[0], axis=1)
    assert 0.8 * wear.length < reach.max() < 1.25 * wear.length


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("seed", range(4))
def test_normals_meet_at_the_junction(side: Side, seed: int) -> None:
    (arm,), model, mesh, _ = _arm(side, seed, BARE)
    hand_normals = vertex_normals(mesh.vertices, model.faces)[model.wrist_loop]
    arm_normals = vertex_normals(arm.vertices, arm.faces)[16:32]
    cosines = (hand_normals * arm_normals).sum(axis=1)
    assert cosines.mean() > 0.95 and cosines.min() > 0.7


def test_girth_of_a_forearm_is_human() -> None:
    girths = []
    for seed in range(8):
        (arm,), *_ = _arm(Side.RIGHT, seed, BARE)
        ring = arm.vertices[-64:-48]
        girths.append(float(np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1).sum()))
    assert min(girths) > 0.19 and max(girths) < 0.36


def test_arm_follows_the_direction_asked_for() -> None:
    _, mesh = _hand(Side.LEFT, 2)
    straight = mesh.joints16[0] - mesh.joints16[4]
    direction = straight / np.linalg.norm(straight)
    (arm,), *_ = _arm(Side.LEFT, 2, BARE, direction)
    axis = arm.vertices[-16:].mean(axis=0) - arm.vertices[-96:-80].mean(axis=0)
    assert axis @ direction / np.linalg.norm(axis) > 0.999


def test_upper_arm_shows_only_behind_and_faces_outward() -> None:
    angle = np.arange(16) * (2 * np.pi / 16)
    ring = np.stack([0.04 * np.cos(angle), 0.035 * np.sin(angle), np.full(16, 0.9)], -1)
    ahead = np.array([0.3, 0.2, 0.93])
    assert upper_arm(np.random.default_rng(0), ring, np.array([0.0, 1.0, 0.1]), None) is None
    assert upper_arm(np.random.default_rng(0), ring, -ahead, None) is None
    assert upper_arm(np.random.default_rng(0), ring, ahead, ring + np.array([0.12, 0.12, 0.0])) is None
    for seed in range(8):
        found = upper_arm(np.random.default_rng(seed), ring, ahead, None)
        assert found is not None
        vertices, faces, _ = found
        assert _volume(vertices, faces) > 1e-3
        assert vertices[-16:, 2].mean() > 0.9 and np.linalg.norm(vertices[-16:, :2].mean(axis=0)) > 0.2


def test_arm_keeps_clear_of_the_other_hand() -> None:
    for seed in range(6):
        (arm,), _, mesh, wear = _arm(Side.RIGHT, seed, BARE)
        middle = arm.vertices[-80:-64].mean(axis=0)
        others = middle + np.random.default_rng(seed).normal(0, 0.02, (200, 3))
        wanted = middle - mesh.joints16[0]
        parts, *_ = _arm(Side.RIGHT, seed, BARE, wanted / np.linalg.norm(wanted), others)
        for part in parts:
            rings = part.vertices.reshape(-1, 16, 3).mean(axis=1)
            assert np.linalg.norm(rings[:, None] - others, axis=2).min() > 0.025
        assert len(parts) <= 1 and wear.length > 0.2


def test_sleeve_covers_arm_and_spares_the_hand() -> None:
    for seed in range(6):
        (arm,), model, mesh, wear = _arm(Side.LEFT, seed, SLEEVE)
        rim = wrist_rim(model, mesh.vertices, mesh.joints16)
        along = (arm.vertices - rim.center) @ rim.frame[2]
        assert along.min() > -0.03
        assert len(arm.faces) < 850 and arm.texture is not None and arm.uv is not None
        assert arm.uv.min() >= 0 and arm.uv.max() <= SIDE - 1 and len(arm.uv) == len(arm.faces)
        assert wear.kind == "sleeve"


def test_none_and_shares() -> None:
    parts, *_ = _arm(Side.RIGHT, 0, ForearmSettings(p_bare=0, p_sleeve=0, p_none=1))
    assert parts == ()
    rng = np.random.default_rng(0)
    kinds = [draw_wear(rng).kind for _ in range(2000)]
    settings = ForearmSettings()
    for kind in ("bare", "sleeve", "none"):
        assert kinds.count(kind) / 2000 == pytest.approx(getattr(settings, f"p_{kind}"), abs=0.04)


def test_watch_goes_with_its_hand() -> None:
    settings = ForearmSettings(p_bare=1.0, p_sleeve=0.0, p_none=0.0, p_band=1.0)
    found = [part for seed in range(12) for part in _arm(Side.LEFT, seed, settings)[0] if "band" in part.name]
    assert found and all(part.hand is Side.LEFT and not part.is_hand for part in found)
    assert all(part.colors is not None and len(part.colors) == len(part.vertices) for part in found)


def test_skin_at_the_rim_is_the_hands() -> None:
    model, _ = _hand(Side.RIGHT, 0)
    rng = np.random.default_rng(0)
    uv = rng.uniform(0, 63, (1538, 3, 2)).astype(np.float32)
    texture = np.full((64, 64, 3), (190, 140, 110), np.uint8)
    colors = rim_colors(model, texture, uv)
    assert colors.shape == (16, 3) and (colors == (190, 140, 110)).all()
    for cloth in CLOTHS:
        painted = arm_texture(colors, cloth, 5, SKIN, SKIN)
        assert np.abs(painted[0].astype(int) - (190, 140, 110)).max() <= 1
        assert np.abs(painted[1:40].reshape(-1, 3).mean(axis=0) - (190, 140, 110)).max() < 8
