"""The skin atlas never bleeds from face to face, and skins look like skins."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel
from handbench.hands.skin import (
    ATLAS_SIZE,
    CHANNELS,
    SkinTone,
    atlas_uv,
    make_skin_texture,
    sample_skin_tone,
    skin_channels,
)
from handbench.hands.skin_atlas import at_texels, texels
from handbench.hands.skin_tone import lab_to_srgb
from handbench.types import Side

Floats = npt.NDArray[np.float64]


@pytest.fixture(scope="module")
def right() -> HandModel:
    return load_hand_model("procedural", Side.RIGHT)


def owner_map() -> npt.NDArray[np.int64]:
    owner = np.full(ATLAS_SIZE**2, -1, dtype=np.int64)
    owner[texels().pixels] = texels().faces
    return owner.reshape(ATLAS_SIZE, ATLAS_SIZE)


@settings(max_examples=40)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(-0.4, 0.4), st.floats(-0.4, 0.4))
def test_bilinear_reads_stay_on_their_own_face(a: float, b: float, dx: float, dy: float) -> None:
    # Up to 0.4 px outside the legs as well: renderers extrapolate a little at edges. Beyond the long side,
    # where two faces share a cell, a read may weigh the neighbour by the distance squared.
    u, v = (a, b) if a + b <= 1 else (1 - a, 1 - b)
    uv = atlas_uv().astype(np.float64)
    inwards = np.where(np.arange(1538) % 2 == 0, 1.0, -1.0)[:, None]
    offset = inwards * [dx, min(dy, -dx)]
    point = uv[:, 0] * (1 - u - v) + uv[:, 1] * u + uv[:, 2] * v + offset
    low = np.floor(point).astype(int)
    owner = owner_map()
    for ox in (0, 1):
        for oy in (0, 1):
            weight = np.abs(1 - ox - (point - low)[:, 0]) * np.abs(1 - oy - (point - low)[:, 1])
            hit = owner[low[:, 1] + oy, low[:, 0] + ox]
            assert (weight[hit != np.arange(1538)] <= 1e-6).all()


def test_a_linear_field_is_read_back_exactly(right: HandModel) -> None:
    image = np.zeros((ATLAS_SIZE**2, 3))
    image[texels().pixels] = at_texels(right.v_template, right.faces)
    square = image.reshape(ATLAS_SIZE, ATLAS_SIZE, 3)
    rng = np.random.default_rng(0)
    weights = rng.dirichlet([1, 1, 1], 1538)
    point = np.einsum("fc,fcx->fx", weights, atlas_uv().astype(np.float64))
    low, part = np.floor(point).astype(int), point - np.floor(point)
    read = np.zeros((1538, 3))
    for ox in (0, 1):
        for oy in (0, 1):
            share = np.where(ox, part[:, 0], 1 - part[:, 0]) * np.where(oy, part[:, 1], 1 - part[:, 1])
            read += share[:, None] * square[low[:, 1] + oy, low[:, 0] + ox]
    want = np.einsum("fc,fcx->fx", weights, right.v_template[right.faces])
    assert np.abs(read - want).max() < 1e-6


def channel(model: HandModel, name: str) -> Floats:
    baked = skin_channels(model)[CHANNELS.index(name)].reshape(-1)[texels().pixels]
    return np.asarray(baked.astype(np.float64) / 255)


def test_every_finger_has_one_nail_on_its_back(right: HandModel) -> None:
    place = at_texels(right.v_template, right.faces)
    plate = channel(right, "nail") > 0.5
    for base in (1, 4, 7, 10, 13):
        share = at_texels(right.weights[:, base + 2 : base + 3], right.faces)[:, 0] > 0.8
        nail, pad = place[plate & share], place[share]
        assert 0.05 < (plate & share).sum() / share.sum() < 0.45
        assert nail[:, 1].mean() > pad[:, 1].mean() + 1e-3
        assert 7e-3 < np.ptp(nail, axis=0).max() < 18e-3
    others = at_texels(right.weights[:, [3, 6, 9, 12, 15]].sum(1, keepdims=True), right.faces)[:, 0] < 0.5
    assert not (plate & others).any()


def test_palm_and_back_are_told_apart(right: HandModel) -> None:
    y = at_texels(right.v_template, right.faces)[:, 1]
    palmar = channel(right, "palmar")
    hand = at_texels(right.weights[:, :1], right.faces)[:, 0] > 0.9
    assert palmar[hand & (y < -0.008)].mean() > 0.85
    assert palmar[hand & (y > 0.016)].mean() < 0.1


def test_left_skin_mirrors_the_right(right: HandModel) -> None:
    left = load_hand_model("procedural", Side.LEFT)
    for name in ("palmar", "crease", "nail", "veins"):
        assert channel(left, name).mean() == pytest.approx(channel(right, name).mean(), rel=0.02), name


def ita(rgb: Floats) -> float:
    """Individual typology angle [degrees] of an sRGB colour."""
    linear = np.where(rgb / 255 <= 0.04045, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.072175],
                       [0.0193339, 0.119192, 0.9503041]])  # fmt: skip
    f = np.cbrt(matrix @ linear / [0.95047, 1.0, 1.08883])
    return float(np.degrees(np.arctan2(116 * f[1] - 16 - 50, 200 * (f[1] - f[2]))))


def test_tones_run_over_the_classes_of_human_skin(right: HandModel) -> None:
    channels = skin_channels(right)
    y = at_texels(right.v_template, right.faces)[:, 1]
    back = texels().pixels[(y > 0.016) & (at_texels(right.weights[:, :1], right.faces)[:, 0] > 0.95)]
    angles = []
    for melanin in np.linspace(0, 1, 7):
        texture = make_skin_texture(channels, SkinTone(melanin=float(melanin)))
        angles.append(ita(texture.reshape(-1, 3)[back].astype(np.float64).mean(0)))
    assert (np.diff(angles) < 0).all()
    assert angles[0] > 50 and angles[-1] < -35


def test_a_person_is_drawn_once_and_looks_like_himself(right: HandModel) -> None:
    channels = skin_channels(right)
    one, again, other = (sample_skin_tone(np.random.default_rng(s)) for s in (1, 1, 2))
    assert one == again
    first = make_skin_texture(channels, one)
    assert first.shape == (ATLAS_SIZE, ATLAS_SIZE, 3) and first.dtype == np.uint8
    assert np.array_equal(first, make_skin_texture(channels, again))
    assert np.abs(first.astype(int) - make_skin_texture(channels, other)).mean() > 3


def test_lab_conversion_matches_known_colours() -> None:
    lab = np.array([[100.0, 0.0, 0.0], [53.2408, 80.0925, 67.2032], [0.0, 0.0, 0.0]])
    assert np.abs(lab_to_srgb(lab) - [[255, 255, 255], [255, 0, 0], [0, 0, 0]]).max() < 0.2
