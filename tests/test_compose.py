"""Composing: exact geometry, equality with plain references, annotations that fit the pixels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from handbench.camera import apply_affine, invert_affine
from handbench.compose import Cutout, compose, compose_masks, cutout_of, kernels, paste_fields, paste_of
from handbench.compose.annotation import annotate
from handbench.compose.composer import cutout_affine
from handbench.compose.effects import apply_effects
from handbench.compose.paste import source_affine
from handbench.errors import CorruptError, HandbenchError
from handbench.formats.aih_plain_compose import move_affine
from handbench.formats.aih_plain_recipes import Move
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.seeding import rng_for
from handbench.store.dataset import Store
from handbench.store.fields import decode_fields, encode_fields
from handbench.store.record import decode_record, encode_record
from handbench.synth.cutout_index import CutoutIndex, index_cutouts
from handbench.synth.cutout_painted import PaintedJob
from handbench.synth.cutout_recipe import CutoutSettings
from handbench.synth.cutout_stores import RunOptions, paint_photographs
from handbench.synth.cutout_view import view_hand
from handbench.synth.raster import RasterRenderer
from handbench.synth.recipe import AihRecipe
from handbench.synth.syn_draw import Drawn, PairDrawer
from handbench.synth.syn_recipe import OverlapSettings, PasteSettings, SynRecipe
from handbench.types import HandParams, Side

MOVES = st.builds(
    Move,
    st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
    st.floats(0.5, 1.5),
    st.floats(-180, 180),
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Forty exact cut-outs of our own."""
    job = PaintedJob(AihRecipe(), CutoutSettings(), "train", 0, "procedural", "raster")
    return paint_photographs(tmp_path_factory.mktemp("painted"), job, 40, RunOptions(0, quiet=True))


def draw(store: Store, count: int, recipe: SynRecipe | None = None) -> list[Drawn]:
    drawer = PairDrawer(recipe or SynRecipe(), index_cutouts(store), lambda i: cutout_of(store[i]))
    return [drawer.draw(rng_for(0, "test", i), (Side.RIGHT, Side.LEFT)[i % 2]) for i in range(count)]


@pytest.fixture(scope="module")
def rows(store: Store) -> list[Drawn]:
    return draw(store, 40)


@given(MOVES)
def test_moves_are_the_official_ones_without_their_half_pixel(move: Move) -> None:
    """The official warp maps the box's corner, not its first pixel's centre, and measures 255 as 256."""
    ours = source_affine(move, 256, 0, 256)
    official = invert_affine(np.asarray(move_affine(move), np.float64))
    points = np.array([[0.0, 0.0], [255.0, 0.0], [0.0, 255.0], [255.0, 255.0], [127.5, 127.5]])
    gap = np.linalg.norm(apply_affine(ours, points) - apply_affine(official, points), axis=1)
    assert gap.max() < 1.5 * move.scale + np.hypot(*move.shift)
    # In the middle only half a pixel of the picture and the shift's 255 for 256 are left.
    assert gap[-1] <= move.scale * 0.71 * 255 / 256 + np.hypot(*move.shift) + 0.01


@given(st.integers(0, 2**31), MOVES, st.sampled_from(["threshold", "nearest", "truncated"]))
def test_masks_are_warped_as_plainly_written(seed: int, move: Move, rule: str) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((40, 40), np.uint8)
    mask[8:32, 8:32] = rng.random((24, 24)) < 0.7
    affine = source_affine(move, 24, 4, 32)
    code = {"threshold": kernels.THRESHOLD, "nearest": kernels.NEAREST, "truncated": kernels.TRUNCATED}[rule]
    found = kernels.warp_mask(mask, affine, np.array([8.0, 8, 24, 24]), 24, code)
    for y in range(24):
        for x in range(24):
            u, v = affine @ [x, y, 1.0]
            if rule == "nearest":
                near = [(int(np.floor(v + 0.5 + e)), int(np.floor(u + 0.5 + f))) for e in EDGE for f in EDGE]
                assert found[y, x] in {inside(mask, *place) for place in near}
                continue
            i, j = int(np.floor(v)), int(np.floor(u))
            p, q = u - j, v - i
            share = (1 - q) * ((1 - p) * inside(mask, i, j) + p * inside(mask, i, j + 1)) + q * (
                (1 - p) * inside(mask, i + 1, j) + p * inside(mask, i + 1, j + 1)
            )
            limit = 0.5 if rule == "threshold" else 1.0
            # Fixed point: a share within 1e-3 of the limit may fall to either side.
            assert abs(share - limit) < 1e-3 or found[y, x] == (share >= limit)


EDGE = (-1e-3, 0.0, 1e-3)


def inside(mask: Any, i: int, j: int) -> int:
    return int(mask[i, j]) if 0 <= i < len(mask) and 0 <= j < len(mask) else 0


def test_rows_survive_a_record(rows: list[Drawn]) -> None:
    for row in rows:
        fields = decode_fields(encode_fields({"paste": paste_fields(row.paste)}))
        assert paste_of(fields["paste"]) == row.paste


def test_the_same_row_gives_the_same_bytes_and_masks_are_nested(rows: list[Drawn]) -> None:
    for row in rows:
        one, two = (compose(row.paste, row.target, row.other) for _ in range(2))
        assert one.image.tobytes() == two.image.tobytes()
        assert one.target_image.tobytes() == two.target_image.tobytes()
        # Where nothing is removed the two pictures are equal before JPEG.
        assert (one.image == one.target_image).all(axis=-1)[~one.removed].all()
        masks = one.masks
        assert not (masks.target_visible & ~masks.target).any()
        assert not (masks.other_visible & ~masks.other).any()
        both = masks.target & masks.other
        assert not (masks.target_visible & masks.other_visible).any()
        hidden = masks.other_visible if row.paste.target_front else masks.target_visible
        assert not (both & hidden).any()


def test_effects_on_a_part_are_those_on_the_whole(rows: list[Drawn]) -> None:
    """Only what the other hand changes is made twice; the result is as if all of it were."""
    blurred = 0
    for row in rows:
        still = replace(
            row.paste.effects, motion=(0.0, 0.0), defocus=0.0, gain=(1.0, 1.0, 1.0),
            midtone=0.0, contrast=0.0, noise_read=0.0, noise_shot=0.0,
        )  # fmt: skip
        bare = compose(replace(row.paste, effects=still), row.target, row.other)
        whole = compose(row.paste, row.target, row.other)
        blurred += row.paste.effects.blur_radius > 0
        neutral = apply_effects(bare.image, still)
        assert np.array_equal(neutral, bare.image), "these effects change nothing"
        assert np.array_equal(whole.image, apply_effects(bare.image, row.paste.effects))
        assert np.array_equal(whole.target_image, apply_effects(bare.target_image, row.paste.effects))
    assert blurred >= 3


def test_parameters_cameras_and_joints_say_what_the_mask_shows(rows: list[Drawn]) -> None:
    """The hand drawn anew from the annotation covers its mask; joints project to their pixels."""
    renderer = RasterRenderer()
    models = {side: load_hand_model("procedural", side) for side in Side}
    shares = []
    for row in rows:
        hands = annotate(row.paste, row.target, row.other, row.masks)[0]
        for side, mask in ((row.target.side, row.masks.target), (row.target.side.other, row.masks.other)):
            hand = hands[side.value]
            if hand is None:
                assert row.other is None
                continue
            K, joints = hand["K"], hand["joints"].astype(np.float64)
            pixels = joints @ K.T
            assert np.abs(pixels[:, :2] / pixels[:, 2:] - hand["joints_2d"]).max() < 1e-2
            assert abs(K[0, 0] - K[1, 1]) < 1e-6 * K[0, 0] and abs(K[0, 1]) < 1e-6 * K[0, 0]
            params = HandParams(
                side, *(hand[name].astype(np.float64) for name in ("pose", "betas", "transl"))
            )
            mesh = forward_one(models[side], params)
            assert np.abs(mesh.joints21 - joints).max() < 1e-5
            drawn = view_hand(renderer, models[side], mesh, K, (256, 256)).mask
            shares.append((drawn & mask).sum() / (drawn | mask).sum())
            total = hand["visibility"] + hand["visibility_causes"].sum(axis=1)
            assert np.allclose(total, 1, atol=1e-5)
    # A threshold on a bilinear warp smooths an edge: half a pixel along it.
    assert np.mean(shares) > 0.97 and min(shares) > 0.93


def test_visibility_falls_where_the_other_hand_lies(rows: list[Drawn]) -> None:
    covered = clear = 0
    for row in rows:
        if row.other is None or row.paste.target_front:
            continue
        hand = annotate(row.paste, row.target, row.other, row.masks)[0][row.target.side.value]
        assert hand is not None
        front = row.masks.other | row.masks.other_arm
        for (x, y), causes in zip(hand["joints_2d"], hand["visibility_causes"], strict=True):
            i, j = round(float(y)), round(float(x))
            if not (8 <= i < 248 and 8 <= j < 248):
                continue
            around = front[i - 7 : i + 8, j - 7 : j + 8]
            if around.all():
                covered += 1
                assert causes[1] == pytest.approx(1)
            elif not around.any():
                clear += 1
                assert causes[1] == 0
    assert covered > 20 and clear > 50


def test_no_overlap_beyond_its_bounds_is_kept(store: Store) -> None:
    for over in ("target", "other"):
        recipe = SynRecipe(p_alone=0.0, overlap=OverlapSettings(over=over, low=0.3, high=0.6, bins=3))
        asked = set()
        for row in draw(store, 30, recipe):
            fields = annotate(row.paste, row.target, row.other, row.masks)[1]
            assert row.bounds is not None
            assert row.bounds[0] <= fields[f"overlap_{over}"] < row.bounds[1]
            asked.add(round(row.bounds[0], 3))
        assert asked == {0.3, 0.4, 0.5}


def test_bounds_that_cannot_be_met_end_the_run(store: Store) -> None:
    overlap = OverlapSettings(low=0.9999, high=1.0, bins=1, tries=3, pairs=2)
    with pytest.raises(HandbenchError, match=r"no pair of cut-outs overlaps by 0\.9999 to 1 in 6 tries"):
        draw(store, 20, SynRecipe(p_alone=0.0, overlap=overlap))


def test_grey_and_colour_are_not_mixed(store: Store) -> None:
    index = index_cutouts(store)
    columns = {**index.columns, "grey": index.columns["side"] == 0}
    ids = {
        (side, grey): np.flatnonzero((columns["side"] == s) & (grey is None or columns["grey"] == grey))
        for s, side in enumerate((Side.RIGHT, Side.LEFT))
        for grey in (None, False, True)
    }
    mixed = CutoutIndex(columns, ids)
    drawer = PairDrawer(SynRecipe(p_alone=0.0), mixed, lambda i: cutout_of(store[i]))
    with pytest.raises(HandbenchError, match="no left hand is from a camera like the right ones"):
        drawer.draw(rng_for(0, "grey"), Side.RIGHT)


def test_the_original_edge_is_hard(store: Store) -> None:
    recipe = SynRecipe(
        p_alone=0.0, paste=PasteSettings(mode="hard", p_target_front=0.0, p_arm=0.0, shadow=0.0)
    )
    for row in draw(store, 8, recipe):
        assert row.other is not None
        effects = replace(row.paste.effects, motion=(0.0, 0.0), defocus=0.0)
        composed = compose(replace(row.paste, effects=effects, noise=(0.0, 0.0)), row.target, row.other)
        # Every changed pixel is the pasted hand's own.
        assert not (composed.removed & ~composed.masks.other.astype(bool)).any()


def test_masks_alone_are_those_of_the_picture(rows: list[Drawn]) -> None:
    for row in rows[:10]:
        masks = compose_masks(row.paste, row.target, row.other)
        assert np.array_equal(masks.target_visible, row.masks.target_visible)


def test_a_rejected_cut_out_is_named(store: Store) -> None:
    data = encode_record(3, {}, {"key": "interhand/test/7", "bad": "black", "what": "no light"})
    with pytest.raises(CorruptError, match="cut-out 3 cannot be pasted: black"):
        cutout_of(decode_record(data))
    cut_short = dict.fromkeys(("image", "hand"), b"\xff\xd8\xff\xe0") | {
        name: bytes(store[0].blob(name)) for name in ("mask", "annotation")
    }
    fields = {**store[0].fields, "arm": False}
    broken = cutout_of(decode_record(encode_record(0, cut_short, fields)))
    with pytest.raises(CorruptError, match="cut-out 0: image does not decode"):
        broken.picture()


def test_affines_of_pictures_and_cut_outs(rows: list[Drawn]) -> None:
    """The middle of a picture without shift is the middle of the hand's square."""
    still = Move((0.0, 0.0), 1.0, 30.0)
    cutout: Cutout = rows[0].target
    middle = apply_affine(cutout_affine(still, cutout, 256), np.array([[127.5, 127.5]]))
    assert np.allclose(middle, (len(cutout.mask) - 1) / 2)
