"""Cut-outs: fits and masks on real hands, reasons for what cannot be used, people that stay in one split."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from aih_parts import overlap
from conftest import ROOT, Run
from hypothesis import given
from hypothesis import strategies as st

from handbench.camera import apply_affine
from handbench.compose import Cutout, cutout_of
from handbench.datasets import load_dataset
from handbench.errors import PartialError
from handbench.hands.library import load_hand_model
from handbench.store import open_store
from handbench.store.dataset import Store
from handbench.synth.cutout_crop import square_affine
from handbench.synth.cutout_recipe import FAULTS
from handbench.synth.cutout_stores import RunOptions, counts, cut_dataset
from handbench.synth.interhand_plan import InterhandPlan
from handbench.synth.interhand_tree import synth_interhand
from handbench.synth.moment_fit import hands_of_moments
from handbench.synth.splits import SPLITS, SplitSettings, divide_people, divide_samples, divide_shared
from handbench.types import Side

QUIET = RunOptions(workers=0, quiet=True)
OUTLINES = ROOT / "tests" / "data" / "hand_outlines.json"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five people, each with a take of either hand, seen by two cameras at one moment."""
    out = tmp_path_factory.mktemp("photographs") / "ih"
    plan = InterhandPlan(frames=1, cameras=2, fps=5, seed=5, renderer="raster")
    synth_interhand(out, plan, "train=20", workers=0, quiet=True)
    return out


def cut(ref: object, out: Path, *keys: str) -> dict[str, Store]:
    return cut_dataset(str(ref), out, keys, "procedural", QUIET)[0]


def good(store: Store) -> list[Cutout]:
    return [cutout_of(record) for record in store if "bad" not in record.fields]


def test_fits_of_all_real_hands(real_frames: Path) -> None:
    moments = load_dataset("interhand", real_frames, quiet=True).moments()
    assert moments is not None and len(moments) == 4
    fits = hands_of_moments(moments, {side: load_hand_model("procedural", side) for side in Side})
    assert fits.has.sum() == 6
    assert np.nanmax(fits.error) < 0.004


@pytest.mark.parametrize("rounds", [0, 2])
def test_masks_cover_the_real_hands(real_frames: Path, tmp_path: Path, rounds: int) -> None:
    """Against outlines traced by hand. What is only rendered is worse by far: the refinement does it."""
    store = cut(f"interhand:{real_frames}", tmp_path, f"cutouts.outline.rounds={rounds}")
    outlines = json.loads(OUTLINES.read_text())
    found = {}
    for cutout in good(store["train"]):
        traced = np.zeros(cutout.mask.shape, np.uint8)
        moved = apply_affine(stored_affine(cutout, real_frames), np.array(outlines[cutout.fields["key"]]))
        cv2.fillPoly(traced, [np.rint(moved * 16).astype(np.int32)], 1, shift=4)
        found[cutout.side] = overlap(cutout.mask > 0, traced > 0)
    assert set(found) == {Side.RIGHT, Side.LEFT}
    if rounds:
        assert min(found.values()) >= 0.92, found
    else:
        assert max(found.values()) < 0.9, found


def stored_affine(cutout: Cutout, root: Path) -> Any:
    """Finds the affine from the photograph to the cut-out by what both say of the joints."""
    dataset = load_dataset("interhand", root, quiet=True)
    sample = dataset[dataset.find(cutout.fields["key"])]
    hand = sample.hand(cutout.side)
    assert hand is not None
    before = sample.camera.project(hand.joints)
    after = cutout.annotation()["joints_2d"].astype(np.float64)
    factor = np.ptp(after, axis=0).max() / np.ptp(before, axis=0).max()
    affine = np.array([[factor, 0, 0], [0, factor, 0]], float)
    affine[:, 2] = (after - factor * before).mean(axis=0)
    assert np.abs(apply_affine(affine, before) - after).max() < 0.01
    return affine


def test_masks_follow_the_picture_where_the_fit_is_off(tree: Path, tmp_path: Path) -> None:
    """The same photographs with exact parameters, and with a fit to their joints alone."""
    exact = cut(
        f"interhand:{tree}", tmp_path / "exact", "cutouts.outline.rounds=0", "splits.val=0", "splits.test=0"
    )
    bare = tmp_path / "bare"
    shutil.copytree(tree, bare)
    for path in bare.glob("annotations/**/*MANO_NeuralAnnot.json"):
        path.unlink()
    refined = cut(f"interhand:{bare}", tmp_path / "fit", "splits.val=0", "splits.test=0")
    truth = {c.fields["key"]: c for c in good(exact["train"])}
    shares = []
    for cutout in good(refined["train"]):
        other = truth.get(cutout.fields["key"])
        if other is None:
            continue
        # The two squares differ by a pixel or two: the exact mask is moved into this one.
        old, new = other.annotation()["K"], cutout.annotation()["K"]
        moved = cv2.warpAffine(other.mask, (new @ np.linalg.inv(old))[:2], cutout.mask.shape)
        shares.append(overlap(cutout.mask > 0, moved > 0))
        assert 0 < cutout.fields["quality"]["fit_error"] < 0.004
    assert len(shares) >= 15 and np.mean(shares) > 0.9, shares


def test_annotated_mano_parameters_are_taken(tree: Path, tmp_path: Path) -> None:
    """Files in MANO's format, and a tree that names no model: NeuralAnnot's records are MANO's."""
    shutil.copytree(tree, tmp_path / "ih")
    (tmp_path / "ih/annotations/handbench.json").unlink()
    shutil.copytree(ROOT / "handbench/hands/assets", tmp_path / "mano")
    ref, keys = f"interhand:{tmp_path}/ih", ("splits.val=0", "splits.test=0")
    found = cut_dataset(ref, tmp_path / "a", keys, f"mano:{tmp_path}/mano", QUIET)[0]["train"]
    fitted = cut(ref, tmp_path / "b", *keys)["train"]
    for store, exact in ((found, True), (fitted, False)):
        for cutout in good(store):
            assert (cutout.fields["quality"]["fit_error"] < 1e-6) == exact
    assert good(found)[0].fields["hand_model"] == "mano"


def test_people_stay_in_one_split(tree: Path, tmp_path: Path) -> None:
    stores = cut(f"interhand:{tree}", tmp_path)
    assert set(stores) == set(SPLITS)
    people = {split: {c.fields["person"] for c in good(store)} for split, store in stores.items()}
    captures = {split: {c.fields["capture"] for c in good(store)} for split, store in stores.items()}
    keys = {split: {record.fields["key"] for record in store} for split, store in stores.items()}
    for sets in (people, captures, keys):
        assert sum(map(len, sets.values())) == len(set().union(*sets.values()))
    assert len(set().union(*people.values())) == 5


def test_a_cut_out_depends_on_its_picture_alone(tree: Path, tmp_path: Path) -> None:
    one = cut_dataset(f"interhand:{tree}", tmp_path / "a", (), "procedural", RunOptions(2, quiet=True))[0]
    two = cut(f"interhand:{tree}", tmp_path / "b")
    assert {s: x.manifest.digest for s, x in one.items()} == {s: x.manifest.digest for s, x in two.items()}


def official(root: Path, kind: str, split: str = "train") -> Any:
    return json.loads((root / f"annotations/{split}/InterHand2.6M_{split}_{kind}.json").read_bytes())


def edit(root: Path, kind: str, change: Callable[[Any], None], split: str = "train") -> None:
    content = official(root, kind, split)
    change(content)
    path = root / f"annotations/{split}/InterHand2.6M_{split}_{kind}.json"
    path.write_text(json.dumps(content))


def test_bad_pictures_are_counted_by_reason(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "ih"
    shutil.copytree(tree, root)
    for path in root.glob("annotations/**/*MANO_NeuralAnnot.json"):
        path.unlink()
    data = official(root, "data")
    kinds = {a["image_id"]: a["hand_type"] for a in data["annotations"]}
    single = [image for image in data["images"] if kinds[image["id"]] != "interacting"]
    pictures = [root / "images/train" / image["file_name"] for image in single]
    pictures[0].unlink()
    pictures[1].write_bytes(pictures[1].read_bytes()[:-4000])
    black = np.zeros((single[2]["height"], single[2]["width"], 3), np.uint8)
    cv2.imwrite(str(pictures[2]), black)
    cv2.imwrite(str(pictures[3]), np.full((100, 100, 3), 90, np.uint8))
    # A moment is seen by both cameras: each of these changes two pictures.
    moments = {(str(i["capture"]), str(i["frame_idx"])): kinds[i["id"]] for i in single[4:]}
    (c1, f1), (c2, f2), (c3, f3) = list(moments)[2:5]

    def change(joints: Any) -> None:
        other = 21 if moments[c1, f1] == "right" else 0
        entry = joints[c1][f1]
        for j in range(21):
            entry["joint_valid"][other + j] = [1]
            entry["world_coord"][other + j] = [j * 3.0, 5.0 * j, 40.0]
        own = 0 if moments[c2, f2] == "right" else 21
        points = joints[c2][f2]["world_coord"]
        points[own : own + 21] = points[own : own + 21][::-1]
        own = 0 if moments[c3, f3] == "right" else 21
        for j in range(own, own + 14):
            joints[c3][f3]["joint_valid"][j] = [0]

    edit(root, "joint_3d", change)
    with pytest.raises(PartialError, match=r"pictures are faulty, more than 0\.2 of them .*missing 1"):
        cut(f"interhand:{root}", tmp_path / "out", "splits.val=0", "splits.test=0")
    store = cut(
        f"interhand:{root}", tmp_path / "out", "splits.val=0", "splits.test=0", "cutouts.max_bad=0.6"
    )["train"]
    found = counts(store)
    assert {reason: found.get(reason, 0) for reason in FAULTS if found.get(reason)} == {
        "missing": 1, "truncated": 1, "black": 1, "size": 1, "second_hand": 2, "fit": 2, "no_joints": 2,
    }  # fmt: skip
    assert found["good"] >= 5
    holes = [record.fields for record in store if "bad" in record.fields]
    assert all(hole["what"] and hole["key"].startswith("interhand/train/") for hole in holes)


def test_tiny_and_absent_hands(tree: Path, tmp_path: Path) -> None:
    tiny = cut(f"interhand:{tree}", tmp_path / "tiny", "cutouts.rule.side=400", "cutouts.max_bad=1")
    assert all(counts(store) == {"tiny": len(store)} for store in tiny.values())
    root = tmp_path / "ih"
    shutil.copytree(tree, root)

    def aside(cameras: Any) -> None:
        for record in cameras.values():
            record["princpt"] = {name: [5000.0, 100.0] for name in record["princpt"]}

    edit(root, "camera", aside)
    gone = cut(f"interhand:{root}", tmp_path / "gone", "cutouts.max_bad=1")
    assert all(counts(store) == {"empty": len(store)} for store in gone.values())


def test_cameras_that_make_no_sense(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "ih"
    shutil.copytree(tree, root)

    def change(cameras: Any) -> None:
        for record in cameras.values():
            gone, blind = sorted(record["focal"])[:2]
            record["focal"][blind] = [0.0, 0.0]
            for part in ("campos", "camrot", "focal", "princpt"):
                del record[part][gone]

    edit(root, "camera", change)
    stores = cut(f"interhand:{root}", tmp_path / "out", "cutouts.max_bad=1")
    assert all(counts(store) == {"annotation": len(store)} for store in stores.values())


def test_one_odd_picture_does_not_spoil_its_folder(tmp_path: Path) -> None:
    root = tmp_path / "ih"
    plan = InterhandPlan(frames=3, cameras=1, fps=5, seed=5, renderer="raster")
    synth_interhand(root, plan, "train=4", workers=0, quiet=True)
    kinds = {a["image_id"]: a["hand_type"] for a in official(root, "data")["annotations"]}
    single = [i for i in official(root, "data")["images"] if kinds[i["id"]] != "interacting"]
    path = root / "images/train" / single[0]["file_name"]
    cv2.imwrite(str(path), np.full((90, 100, 3), 128, np.uint8))
    assert counts(cut(f"interhand:{root}", tmp_path / "out")["train"])["size"] == 1


def test_a_person_in_two_official_splits(tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "ih"
    shutil.copytree(tree, root)
    shutil.copytree(root / "images/train", root / "images/test")
    (root / "annotations/test").mkdir()
    for path in list((root / "annotations/train").glob("*_train_*.json")):
        shutil.copy(path, root / "annotations/test" / path.name.replace("_train_", "_test_"))

    def first_person(data: Any) -> None:
        person = data["images"][0]["subject"]
        data["images"] = [image for image in data["images"] if image["subject"] == person]
        ids = {image["id"] for image in data["images"]}
        data["annotations"] = [a for a in data["annotations"] if a["image_id"] in ids]

    edit(root, "data", first_person, "test")
    stores = cut(f"interhand:{root}", tmp_path / "out")
    shared = {split: counts(store).get("shared_person", 0) for split, store in stores.items()}
    # As many pictures here as there: the smaller official split keeps the person.
    assert shared == {"train": len(stores["test"]), "test": 0}
    kept = cut(f"interhand:{root}", tmp_path / "kept", "splits.shared_people=keep")
    assert all("shared_person" not in counts(store) for store in kept.values())


def test_commands(handbench: Run, tree: Path, tmp_path: Path) -> None:
    out = tmp_path / "cutouts"
    said = handbench("data", "cutouts", f"interhand:{tree}", "--out", out, "--workers", 2).stdout
    assert "people divided: train 3, val 1, test 1" in said
    assert handbench("data", "verify", out / "train", "--deep").stdout.startswith("sound")
    again = handbench("data", "cutouts", f"interhand:{tree}", "--out", out, "--json").stdout
    assert json.loads(again)["train"]["num"] == len(open_store(out / "train"))
    done = handbench("data", "cutouts", f"interhand:{tree}", "--out", out / "train", check=2)
    assert "is a dataset itself" in done.stderr
    for words, line in (
        ((f"interhand:{tmp_path}/none",), "no folder"),
        ((f"interhand:{tree}@hand_type=interacting",), "no picture of a single hand"),
        ((f"interhand:{tree}", "--set", "cutouts.rule.sides=3"), "did you mean 'cutouts.rule.side'"),
        ((f"interhand:{tree}", "--set", "cutouts.rule.inside=3"), "cutouts.rule.inside is 3"),
    ):
        done = handbench("data", "cutouts", *words, "--out", tmp_path / "x", check=2)
        assert line in done.stderr and done.stderr.count("\n") == 1, done.stderr


@given(st.dictionaries(st.text(min_size=1, max_size=6), st.integers(0, 50), max_size=30))
def test_dividing_people(pictures: dict[str, int]) -> None:
    home = divide_people(pictures, SplitSettings())
    there = {name for name, count in pictures.items() if count}
    assert set(home) == there
    if len(there) < 4:
        assert set(home.values()) <= {"train"}
    else:
        assert set(home.values()) == set(SPLITS)


@given(st.integers(30, 10_000), st.floats(0.05, 1), st.floats(0.05, 1))
def test_dividing_samples(num: int, val: float, test: float) -> None:
    counts = divide_samples(num, SPLITS, SplitSettings(val=val, test=test))
    assert sum(counts.values()) == num and min(counts.values()) >= 1


def test_a_shared_person_goes_where_most_pictures_are() -> None:
    home = divide_shared({"train": {"a": 9, "b": 2}, "val": {"b": 3}, "test": {"a": 1, "b": 3, "c": 1}})
    assert home == {"a": "train", "b": "test", "c": "test"}


def test_the_square_is_about_the_hand() -> None:
    affine = square_affine(np.array([100.0, 50.0, 80.0, 40.0]), 2.0, 32)
    corners = apply_affine(affine, np.array([[140.0, 70.0], [60.0, -10.0], [220.0, 150.0]]))
    assert np.allclose(corners, [[159.5, 159.5], [31.5, 31.5], [287.5, 287.5]])
