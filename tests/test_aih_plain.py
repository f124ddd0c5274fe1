"""The official AIH layout in and out: equal to our records, and to a plain reading of the official recipe."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from official_paste import reference

from handbench.arrays import BoolArray, ImageArray
from handbench.datasets import Dataset, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.aih_plain import (
    crop_files,
    filtered_list,
    read_filtered_list,
    render_files,
    render_folder,
    syn_folder,
    write_mask_values,
)
from handbench.formats.aih_plain_recipes import (
    Move,
    PasteRecipe,
    read_recipe_table,
    recipe_of,
    recipes_path,
)
from handbench.formats.aih_plain_write import Crop, crops_of, write_render, write_syn
from handbench.store import open_store
from handbench.store.record import Record
from handbench.synth.generate import SynthOptions, generate
from handbench.types import Sample, Side

NUM = 45


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("aih")
    generate(folder, SynthOptions(renderer="raster", seed=3, overrides=("p_absent=0.1",)), NUM, quiet=True)
    return list(open_store(folder))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, records: list[Record]) -> Path:
    """AIH_render, both branches, and AIH_syn from its single hands, with twelve recipes."""
    root = tmp_path_factory.mktemp("plain")
    write_render(root, records[:24], "human")
    write_render(root, records[24:], "machine")
    crops = crops_of(records)
    write_syn(root, crops, make_recipes(crops), "machine", "train")
    write_syn(root, crops, make_recipes(crops)[:4], "machine", "test")
    return root


def make_recipes(crops: dict[Side, list[Crop]]) -> list[PasteRecipe]:
    rng = np.random.default_rng(1)
    recipes = []
    for i in range(12):
        target = (Side.RIGHT, Side.LEFT)[i % 2]
        rows = [int(rng.integers(len(crops[side]))) for side in (target, target.other)]
        moves = []
        for factor in (1.0, 0.2):
            shift = tuple((factor * rng.uniform(-0.15, 0.15, 2)).tolist())
            gain = tuple(rng.uniform(0.8, 1.2, 3).tolist())
            moves.append(Move(shift, 1 + 0.25 * rng.uniform(-1, 1), 45 * rng.uniform(-2, 2), gain))
        recipes.append(PasteRecipe(target, rows[0], rows[1], moves[0], moves[1], 0.3))
    return recipes


def masks_of(sample: Sample, side: Side) -> tuple[BoolArray, BoolArray]:
    hand = sample.hand(side)
    assert hand is not None and hand.amodal_mask is not None and hand.visible_mask is not None
    return hand.amodal_mask.read(), hand.visible_mask.read()


def test_rendered_samples_come_back_equal(tree: Path, records: list[Record]) -> None:
    data = load_dataset("aih-plain", tree, part="render", quiet=True)
    single = [record for record in records if record.fields["kind"] != "pair"]
    assert len(data) == len(single) and not data.coverage.partial
    found = {int(sample.key.rsplit("/", 1)[1]): sample for sample in data}
    for record in single:
        sample, fields = found[record.id], record.fields
        side = Side(fields["target_side"])
        files = render_files(render_folder(tree, sample.meta["branch"], "train"), side, f"{record.id:08d}")
        assert files["image"].read_bytes() == record.blob("image")  # the JPEG itself
        assert files["target_image"].read_bytes() == record.blob("target_image")
        picture = cv2.imdecode(np.frombuffer(record.blob("image"), np.uint8), cv2.IMREAD_COLOR_RGB)
        np.testing.assert_array_equal(sample.image.read(), picture)
        assert sample.meta["target_image"].read().shape == (256, 256, 3)
        for name, who in (("target", side), ("other", side.other)):
            hand = sample.hand(who)
            assert (hand is None) == (fields["hands"][who.value] is None)
            if hand is None:
                continue
            amodal, visible = masks_of(sample, who)
            np.testing.assert_array_equal(amodal, record.mask(f"{name}_amodal"))
            np.testing.assert_array_equal(visible, record.mask(f"{name}_visible"))
            np.testing.assert_array_equal(hand.joints, fields["hands"][who.value]["joints"])
            np.testing.assert_array_equal(sample.camera.K, fields["hands"][who.value]["K"])
            assert hand.params is not None
            np.testing.assert_array_equal(hand.params.pose, fields["hands"][who.value]["pose"])
    truth = data.ground_truth()
    i = next(i for i, sample in enumerate(data) if sample.hand(Side.LEFT) is not None)
    left = data[i].hand(Side.LEFT)
    assert left is not None
    np.testing.assert_array_equal(truth.hands[Side.LEFT].joints[i], left.joints)
    assert truth.subsets["human"].sum() == 16 and truth.subsets["machine"].sum() == len(single) - 16


def test_an_official_tree_has_no_joints(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "AIH_render", tmp_path / "AIH_render")
    for note in tmp_path.rglob("handbench.jsonl"):
        note.unlink()
    data = load_dataset("aih-plain", tmp_path, branch="human", quiet=True)
    sample = data[0]
    assert [hand.side for hand in sample.hands] == [Side.RIGHT, Side.LEFT]
    assert all(not hand.joints_valid.any() and np.isnan(hand.joints).all() for hand in sample.hands)
    assert sample.hands[1].amodal_mask is None  # officially only the target's
    truth = data.ground_truth()
    assert not truth.hands[Side.RIGHT].joints_valid.any() and len(truth) == len(data)


def test_pasted_samples_follow_the_official_recipe_to_the_pixel(tree: Path) -> None:
    table = read_recipe_table(recipes_path(tree, "machine", "train"))
    data = load_dataset("aih-plain", tree, part="syn", quiet=True)
    assert len(data) == len(table) == 12
    sides = set()
    for i, sample in enumerate(data):
        recipe = recipe_of(table[i])
        gain = np.array(sample.meta["colour_gain"])
        assert (np.abs(gain - 1) <= 0.2).all() and len(set(gain)) == 3
        sides.add(recipe.target)
        expected = reference(tree, recipe, gain)
        if recipe.target is Side.LEFT:
            expected = {name: part[:, ::-1] for name, part in expected.items()}
        np.testing.assert_array_equal(sample.image.read(), expected["image"])
        np.testing.assert_array_equal(sample.meta["target_image"].read(), expected["target"])
        amodal, visible = masks_of(sample, recipe.target)
        np.testing.assert_array_equal(amodal, expected["amodal"] == 1)
        np.testing.assert_array_equal(visible, (expected["amodal"] == 1) & (expected["front"] == 0))
        for mask in masks_of(sample, recipe.target.other):
            np.testing.assert_array_equal(mask, expected["front"] == 1)
    assert sides == set(Side)


def test_joints_follow_a_pasted_crop(tree: Path, records: list[Record]) -> None:
    """A joint is seen where it was: the colour at its pixel is the crop's colour."""
    data = load_dataset("aih-plain", tree, part="syn", colour="none", quiet=True)
    checked = 0
    for sample in data:
        for hand in sample.hands:
            source = records[sample.meta["crops"][hand.side.value]].fields["hands"][hand.side.value]
            np.testing.assert_array_equal(hand.joints, source["joints"])
            camera = hand.camera or sample.camera
            pixels = camera.project(hand.joints)
            assert hand.joints_2d is not None and np.abs(pixels - hand.joints_2d).max() < 0.02
            amodal, _ = masks_of(sample, hand.side)
            ys, xs = np.nonzero(amodal)
            if len(xs) and min(xs.min(), ys.min()) > 1 and max(xs.max(), ys.max()) < 254:
                assert hand.box is not None
                seen = [xs.min(), ys.min(), xs.max() - xs.min(), ys.max() - ys.min()]
                assert np.abs(hand.box - seen).max() < 60  # an estimate: about the moved joints
            before = records[sample.meta["crops"][hand.side.value]].mask("target_amodal")
            for old, new in zip(np.rint(source["joints_2d"]), np.rint(pixels), strict=True):
                inside = [(p >= 3).all() and (p <= 252).all() for p in (old, new)]
                if not all(inside):
                    continue
                (a, b), (x, y) = old.astype(int), new.astype(int)
                if before[b - 3 : b + 4, a - 3 : a + 4].all():
                    assert amodal[y, x]
                    checked += 1
    assert checked > 100


def test_colours_are_drawn_by_sample_and_seed(tree: Path) -> None:
    def gains(**options: Any) -> list[tuple[float, ...]]:
        data = load_dataset("aih-plain", tree, part="syn", quiet=True, **options)
        return [sample.meta["colour_gain"] for sample in data]

    assert gains() == gains() and gains() != gains(seed=1) and len(set(gains())) == 12
    assert set(gains(split="test")) == {(1.0, 1.0, 1.0)} and set(gains(colour="none")) == {(1.0, 1.0, 1.0)}
    stored = [
        recipe_of(row).target_move.gain for row in read_recipe_table(recipes_path(tree, "machine", "train"))
    ]
    assert gains(colour="stored") == stored


def test_which_samples_are_taken(tree: Path) -> None:
    data = load_dataset("aih-plain", tree, quiet=True)
    parts = [key.split("/")[2:4] for key in data.keys]
    assert (
        parts[0] == ["syn", "machine"]
        and parts[12] == ["render", "human"]
        and parts[-1] == ["render", "machine"]
    )
    assert {key.split("/")[2] for key in load_dataset("aih-plain", tree, split="test", quiet=True).keys} == {
        "syn"
    }
    again: Dataset = pickle.loads(pickle.dumps(data))
    assert (
        again.keys == data.keys and again.fingerprint == data.fingerprint and len(pickle.dumps(data)) < 1000
    )
    sample = pickle.loads(pickle.dumps(again[0]))
    np.testing.assert_array_equal(sample.image.read(), data[0].image.read())
    with pytest.raises(HandbenchError, match="no samples of part=syn, branch=human, split=val"):
        load_dataset("aih-plain", tree, part="syn", branch="human", split="val", quiet=True)
    with pytest.raises(HandbenchError, match=r"colour_gain=1\.5"):
        load_dataset("aih-plain", tree, colour_gain="1.5", quiet=True)


def test_partial_and_damaged_trees(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path, dirs_exist_ok=True)
    folder = render_folder(tmp_path, "human", "train")
    data = load_dataset("aih-plain", tmp_path, part="render", branch="human", quiet=True)
    side, name = Side.RIGHT, data[0].key.rsplit("/", 1)[1]
    files = render_files(folder, side, name)
    write_mask_values(files["visible"], np.full((256, 256), 3, np.uint8))
    with pytest.raises(BadSampleError, match=r"rl_visible.*holds 3, expected 0 to 2"):
        masks_of(data[0], side)
    write_mask_values(files["amodal"], np.full((256, 256), 255, np.uint8))
    hand = data[0].hand(side)
    assert hand is not None and hand.amodal_mask is not None and hand.amodal_mask.read().all()  # 0 and 255
    coloured: ImageArray = np.zeros((256, 256, 3), np.uint8)
    coloured[..., 0] = 1
    write_mask_values(files["amodal"], coloured)
    with pytest.raises(BadSampleError, match="expected one channel"):
        hand.amodal_mask.read()
    files["image"].write_bytes(b"<html>gone</html>")
    with pytest.raises(BadSampleError, match="not a picture"):
        data[0].image.read()
    files["target_image"].unlink()
    partial = load_dataset("aih-plain", tmp_path, part="render", branch="human", quiet=True)
    assert (
        partial.coverage.present == partial.coverage.expected - 1
        and "rendered samples have all" in partial.summary()[-1]
    )
    (found,) = partial.audit()
    assert found.kind == "missing" and found.what == "1 samples lack their picture of the target alone"
    assert found.where == str(files["target_image"])
    note = folder / "handbench.jsonl"
    text = note.read_text()
    note.write_text(text.replace('"hands"', '"fingers"'))
    with pytest.raises(BadSampleError, match=r"handbench.jsonl: at byte"):
        load_dataset("aih-plain", tmp_path, part="render", branch="human", quiet=True)[1]
    note.write_text("{}\n")
    with pytest.raises(HandbenchError, match="line 1 does not begin with its id"):
        load_dataset("aih-plain", tmp_path, part="render", quiet=True)


def test_lists_that_do_not_fit_are_named(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree / "AIH_syn", tmp_path / "AIH_syn")
    path = filtered_list(tmp_path, "machine", "train", Side.LEFT)
    numbers = read_filtered_list(path)
    np.savetxt(path, numbers)  # as numpy writes numbers by default
    assert (read_filtered_list(path) == numbers).all()
    recipes = [recipe_of(row) for row in read_recipe_table(recipes_path(tmp_path, "machine", "train"))]
    rows = [r.target_row if r.target is Side.LEFT else r.other_row for r in recipes]
    crop_files(syn_folder(tmp_path, "machine", "train"), Side.LEFT, int(numbers[rows[0]]))["image"].unlink()
    data = load_dataset("aih-plain", tmp_path, quiet=True)
    assert len(data) == 12 - rows.count(rows[0]) and data.coverage.expected == 12
    assert [f.what for f in data.audit()] == ["1 samples lack their picture"]
    path.write_text("1\n")
    with pytest.raises(HandbenchError, match=r"recipe \d+ names row \d+ of the left list of 1 crops"):
        load_dataset("aih-plain", tmp_path, quiet=True)
    for text, word in (("1.5", "not whole"), ("1e300", "too large"), ("a", "whole number a line")):
        path.write_text(text)
        with pytest.raises(HandbenchError, match=word):
            read_filtered_list(path)
    path.unlink()
    with pytest.raises(HandbenchError, match="No such file"):
        load_dataset("aih-plain", tmp_path, quiet=True)
