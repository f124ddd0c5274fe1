import numpy as np
import pytest

from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandMesh, HandModel, forward_one
from handbench.hands.topology import signed_volume
from handbench.synth.lights import RIGS, TEST_RIGS, TRAIN_RIGS, LightSettings, background_gain, sample_lights
from handbench.synth.occluders import (
    TEST_OBJECTS,
    TRAIN_OBJECTS,
    OccluderSettings,
    covered_by,
    make_objects,
    make_ring,
)
from handbench.synth.solids import SOLIDS, make_solid
from handbench.types import HandParams, Side

ALWAYS = OccluderSettings(p_object=1.0, p_ring=1.0, objects=TRAIN_OBJECTS + TEST_OBJECTS)


def _hand(side: Side, shift: tuple[float, float, float] = (0, 0, 0.7)) -> tuple[HandModel, HandMesh]:
    model = load_hand_model("procedural", side)
    pose = np.concatenate([np.array([0.3, 0.2, 1.0]), model.hands_mean])
    return model, forward_one(model, HandParams(side, pose, np.zeros(10), np.asarray(shift, float)))


@pytest.mark.parametrize("kind", sorted(SOLIDS))
def test_solids_face_outward_and_have_human_sizes(kind: str) -> None:
    for seed in range(4):
        solid = make_solid(np.random.default_rng(seed), [kind])
        assert signed_volume(solid.vertices, solid.faces) > 0
        assert 0.03 < np.ptp(solid.vertices, axis=0).max() < 0.27
        assert len(solid.colors) == len(solid.vertices) and solid.faces.max() < len(solid.vertices)


def test_objects_hide_about_what_was_drawn_and_touch_nothing() -> None:
    hands = {
        Side.RIGHT: _hand(Side.RIGHT)[1].vertices,
        Side.LEFT: _hand(Side.LEFT, (0, 0.02, 0.78))[1].vertices,
    }
    hidden = []
    for seed in range(60):
        parts = make_objects(np.random.default_rng(seed), ALWAYS, hands)
        for part in parts:
            assert part.hand is None and part.name.removeprefix("object_") in SOLIDS
            near, far = part.vertices[:, 2].min(), part.vertices[:, 2].max()
            assert near > 0.05
            shares = []
            for vertices in hands.values():
                covered = vertices[covered_by(part.vertices, vertices)]
                assert not ((covered[:, 2] > near) & (covered[:, 2] < far)).any()
                shares.append((covered[:, 2] > far).sum() / len(vertices))
            hidden.append(max(shares))
    assert len(hidden) > 50
    assert 0.15 < np.mean(hidden) < 0.6 and np.mean(np.array(hidden) > 0.03) > 0.85


def test_share_of_scenes_with_an_object() -> None:
    hands = {Side.RIGHT: _hand(Side.RIGHT)[1].vertices}
    rng = np.random.default_rng(1)
    count = sum(bool(make_objects(rng, OccluderSettings(), hands)) for _ in range(600))
    assert 0.10 < count / 600 < 0.20
    assert make_objects(rng, ALWAYS, {}) == ()


@pytest.mark.parametrize("side", list(Side))
def test_ring_lies_close_around_its_finger(side: Side) -> None:
    model, mesh = _hand(side)
    for seed in range(10):
        (ring,) = make_ring(np.random.default_rng(seed), ALWAYS, model, mesh.vertices, mesh.joints16)
        assert ring.hand is side and not ring.is_hand
        center = ring.vertices.mean(axis=0)
        radius = np.linalg.norm(ring.vertices - center, axis=1)
        assert radius.min() > 0.005 and radius.max() < 0.016
        gaps = np.linalg.norm(ring.vertices[:, None] - mesh.vertices, axis=2).min(axis=1)
        assert gaps.max() < 0.010 and gaps.mean() < 0.006  # the vertices of a finger lie 8 mm apart


def test_unknown_names_are_told() -> None:
    hands = {Side.RIGHT: _hand(Side.RIGHT)[1].vertices}
    with pytest.raises(HandbenchError, match="did you mean 'bottle'"):
        make_objects(np.random.default_rng(0), OccluderSettings(p_object=1.0, objects=("botle",)), hands)
    with pytest.raises(HandbenchError, match="did you mean 'studio'"):
        sample_lights(np.random.default_rng(0), LightSettings(rigs=("studoi",)))


@pytest.mark.parametrize("rig", sorted(RIGS))
def test_lights_are_sound(rig: str) -> None:
    for seed in range(20):
        lights = sample_lights(np.random.default_rng(seed), rig=rig)
        assert 1 <= len(lights.directions) <= 3 and len(lights.colors) == len(lights.directions)
        assert np.allclose(np.linalg.norm(lights.directions, axis=1), 1)
        assert (lights.colors > 0).all() and 0 <= lights.shadow_strength <= 1
        assert lights.sh is not None and (lights.sh[0] > np.abs(lights.sh[1:4]).max(axis=0)).all()
        facing = (lights.ambient + lights.colors[0]).mean()
        assert (0.2 if rig == "dim" else 0.55) < facing < 1.7
        gain = background_gain(lights)
        assert gain.shape == (3,) and (gain >= 0.3).all() and (gain <= 1.25).all()
    assert not set(TEST_RIGS) & set(TRAIN_RIGS) and set(TEST_RIGS) | set(TRAIN_RIGS) == set(RIGS)
