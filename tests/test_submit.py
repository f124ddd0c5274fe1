"""``handbench submit``: the official zip, and what is wrong with one."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from ho3d_trees import write_tree
from official_ho3d import Points
from test_ho3d_protocol import FLIP, N, as_predictions, hands, noisy, write_both

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.ho3d import FROM_HO3D21
from handbench.formats.ho3d_official import official_keys
from handbench.formats.ho3d_tree import read_split, write_split
from handbench.formats.predictions import write_predictions
from handbench.predictions import HandPredictions, Predictions
from handbench.score import score_file
from handbench.skeleton import HO3D21, INTERHAND21, OPENPOSE21
from handbench.submit import check_ho3d, write_ho3d
from handbench.types import Side


def predictions(space: str = "camera", seed: int = 0) -> Predictions:
    """Predictions of all lines, in another order than the list's."""
    found = dataclasses.replace(as_predictions(noisy(hands(1))), dataset="ho3d_v2", split="evaluation")
    assert space == "camera"
    return found.take(np.random.default_rng(seed).permutation(N))


def test_zip_has_the_official_order_frame_and_joints(tmp_path: Path, handbench: Run) -> None:
    write_both(tmp_path, hands(1), hands(1))
    file = tmp_path / "pred.h5"
    write_predictions(file, predictions())
    out = tmp_path / "sub" / "pred.zip"
    handbench("submit", "ho3d-v2", file, "--gt", tmp_path, "--out", out, check=2)
    done = handbench("submit", "ho3d-v2", file, "--gt", tmp_path, "--out", out, "--force")
    assert "24 frames, 778 vertices" in done.stdout
    with zipfile.ZipFile(out) as archive:
        assert archive.namelist() == ["pred.json"]
        xyz, verts = (np.array(part) for part in json.loads(archive.read("pred.json")))
    wanted = noisy(hands(1))
    np.testing.assert_allclose(xyz, wanted[0], atol=1e-7)
    np.testing.assert_allclose(verts, wanted[1], atol=1e-7)
    assert "PA-MPJPE" in handbench("score", out, "--protocol", "ho3d_v2", "--gt", tmp_path).stdout
    assert (xyz[..., 2] < 0).all() and len(read_split(tmp_path, "evaluation")) == N


def test_submission_without_meshes_or_frames(tmp_path: Path) -> None:
    write_both(tmp_path, hands(1), hands(1))
    whole = predictions()
    hand = dataclasses.replace(whole.hands[Side.RIGHT], vertices=None)
    write_predictions(tmp_path / "joints.h5", dataclasses.replace(whole, hands={Side.RIGHT: hand}))
    done = write_ho3d(tmp_path / "pred.json", tmp_path / "joints.h5", tmp_path, "v2", force=True)
    assert done.vertices == 0 and json.loads((tmp_path / "pred.json").read_text())[1] == []
    write_predictions(tmp_path / "some.h5", whole.take(np.arange(20)))
    with pytest.raises(HandbenchError, match="4 samples missing"):
        write_ho3d(tmp_path / "pred.zip", tmp_path / "some.h5", tmp_path, "v2", force=True)
    free = dataclasses.replace(whole, space="scale_free")
    write_predictions(tmp_path / "free.h5", free)
    with pytest.raises(HandbenchError, match="scale-free"):
        write_ho3d(tmp_path / "pred.zip", tmp_path / "free.h5", tmp_path, "v2", force=True)
    assert not list(tmp_path.glob("*.tmp*")) and not (tmp_path / "pred.zip").exists()


def test_check_names_what_is_wrong(tmp_path: Path, handbench: Run) -> None:
    true = hands(1)
    pred = write_both(tmp_path, true, noisy(true))
    found = check_ho3d(pred, tmp_path)
    # The number is that of the data, which are no official ones: a note; without data it is wrong.
    assert [(problem.kind, problem.severity) for problem in found.problems] == [("count", "warning")]
    assert "11,524 (v2), 20,137 (v3)" in found.problems[0].what
    handbench("submit", "check", pred, "--gt", tmp_path)
    assert [(p.kind, p.severity) for p in check_ho3d(pred).problems] == [("count", "error")]
    xyz, verts = noisy(true)
    for name, points, words in (
        ("frame", (xyz * FLIP, verts * FLIP), "positive z"),
        ("unit", (xyz * 1000, verts * 1000), "millimetres"),
        ("order", (xyz[:, FROM_HO3D21], verts), "OPENPOSE21"),
        ("side", (xyz * [-1, 1, 1], verts * [-1, 1, 1]), "mirrored"),
    ):
        pred.write_text(json.dumps([part.tolist() for part in points]))
        done = handbench("submit", "check", pred, "--gt", tmp_path, check=2)
        assert words in done.stdout, (name, done.stdout)


FORMS: dict[str, tuple[Callable[[Points, Points], tuple[Points, Points]], str, str]] = {
    "frame": (
        lambda xyz, verts: (xyz * FLIP, verts * FLIP),
        "the file is in OpenCV's frame", "negate y and z: pred.json is OpenGL (y up, hand at negative z)",
    ),
    "y": (
        lambda xyz, verts: (xyz * [1, -1, 1], verts * [1, -1, 1]),
        "the file has y pointing down", "negate y: pred.json is OpenGL",
    ),
    "order": (
        lambda xyz, verts: (xyz[:, FROM_HO3D21], verts),
        "the joints are in OPENPOSE21; pred.json has HO-3D's order", "convert to HO3D21",
    ),
    "InterHand": (
        lambda xyz, verts: (xyz[:, HO3D21.index_to(INTERHAND21)], verts),
        "the joints are in INTERHAND21; pred.json has HO-3D's order", "convert to HO3D21",
    ),
    "fingers": (
        lambda xyz, verts: (xyz[:, [0, *range(1, 7), *range(10, 13), *range(7, 10), *range(13, 21)]], verts),
        "the joints fit: wrist, index, middle, ring, little, thumb, each from base, then the tips",
        "convert to HO3D21",
    ),
    "converted": (
        lambda xyz, verts: (xyz[:, OPENPOSE21.index_to(HO3D21)], verts),
        "the joints fit: HO3D21 taken for OPENPOSE21 and converted", "convert to HO3D21",
    ),
    "relative": (
        lambda xyz, verts: (xyz - xyz[:, :1], verts - xyz[:, :1]),
        "wrists lie at 0: the file is relative to them", "add the released wrist (root) of each frame",
    ),
    "knuckle": (
        lambda xyz, verts: (xyz - xyz[:, 4:5], verts - xyz[:, 4:5]),
        "middle1 joints lie at 0", "subtract the wrist, then add the released wrist",
    ),
    "unit": (lambda xyz, verts: (xyz * 7, verts * 7), "no known unit", "pred.json has metres"),
    "mirror": (
        lambda xyz, verts: (xyz * [-1, 1, 1], verts * [-1, 1, 1]),
        "the hands are mirrored", "HO-3D has right hands only",
    ),
    "zero": (lambda xyz, verts: (xyz * 0, verts * 0), "joints: 24 hands", "pred.json needs every frame"),
}  # fmt: skip
"""What is done to a right submission, and how it and its remedy are told in its own form."""


@pytest.mark.parametrize("name", FORMS)
def test_a_submission_is_told_in_its_own_form(tmp_path: Path, name: str) -> None:
    change, what, remedy = FORMS[name]
    true = hands(1)
    pred = write_both(tmp_path, true, change(*true))
    found = [problem for problem in check_ho3d(pred, tmp_path).problems if problem.kind != "count"]
    told = [problem for problem in found if what in problem.what]
    if name == "frame":
        # pred.py refuses positive z itself, which is said first and alone.
        assert "write OpenGL's frame" in found[0].remedy and not told
    else:
        assert len(told) == 1 and remedy in told[0].remedy, found
    if name == "zero":
        return
    with pytest.raises(HandbenchError) as error:
        score_file(pred, "ho3d_v2", tmp_path)
    assert what in str(error.value) and remedy in str(error.value)
    assert str(error.value).count("pred.json: ") == 1


def test_wrists_behind_tell_the_frame_without_truth(tmp_path: Path) -> None:
    xyz, verts = hands(1)
    # Half of the fingers reach over the camera's plane, so that not the whole hand is at positive z.
    shift = np.array([0, 0, 0.001]) - xyz[:, :1] * [0, 0, 1]
    pred = write_both(tmp_path, (xyz, verts), (xyz + shift, verts + shift))
    (problem,) = (found for found in check_ho3d(pred).problems if found.kind == "frame")
    assert (
        problem.what == "24 of 24 wrists lie at positive z: the file is in OpenCV's frame (y down, z forward)"
    )
    assert "y up, hand at negative z" in problem.remedy


def test_a_list_alone_says_how_many_frames_there_are(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    pred = write_both(tmp_path / "data", hands(1), hands(1))
    (tmp_path / "data" / "evaluation_xyz.json").unlink()
    (problem,) = check_ho3d(pred, tmp_path / "data").problems
    assert (problem.kind, problem.severity) == ("count", "warning")
    write_split(tmp_path / "data", "evaluation", [("SM1", "0000")])
    with pytest.raises(HandbenchError, match=r"pred\.json: 24 frames, but .*data lists 1"):
        check_ho3d(pred, tmp_path / "data")


def test_zips_are_named_with_what_else_they_hold(tmp_path: Path, handbench: Run) -> None:
    pred = write_both(tmp_path, hands(1), hands(1))
    path = tmp_path / "mine.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(pred, "pred.json")
        archive.writestr("__MACOSX/._pred.json", "")
        archive.writestr("notes.txt", "mine")
    done = handbench("submit", "check", path, "--gt", tmp_path)
    assert "warning: the zip holds 2 more than pred.json: __MACOSX/._pred.json, notes.txt" in done.stdout
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pred.json", "[[[[1, 2, 3]]], []]")
    with pytest.raises(HandbenchError) as error:
        check_ho3d(path)
    assert str(error.value).startswith(f"{path}: row 0 is ") and "handbench-submission" not in str(
        error.value
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("pred.json", b"[" * (1 << 22))
    with pytest.raises(HandbenchError, match=r"mine\.zip: pred\.json unpacks from \d+ bytes to 4,194,304"):
        check_ho3d(path)
    whole = pred.read_bytes()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("pred.json", whole)
    torn = bytearray(path.read_bytes())
    torn[2000:2400] = bytes(400)
    path.write_bytes(torn)
    with pytest.raises(HandbenchError, match=r"mine\.zip: "):
        check_ho3d(path)


def test_a_member_that_says_it_is_larger_than_any_submission(tmp_path: Path) -> None:
    path = tmp_path / "pred.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pred.json", "[[], []]")
        archive.getinfo("pred.json").file_size = (4 << 30) - 1
        archive.getinfo("pred.json").compress_size = 8
    with pytest.raises(HandbenchError, match=r"unpacks from 8 bytes to 4,294,967,295"):
        check_ho3d(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pred.json", "[[], []]")
        archive.getinfo("pred.json").file_size = (4 << 30) + 1
    with pytest.raises(HandbenchError, match=r"unpacks to 4,294,967,297 bytes"):
        check_ho3d(path)


def test_archives_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "pred.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../pred.json", "[[], []]")
    with pytest.raises(HandbenchError, match=r"holds \.\./pred.json, but no pred.json"):
        check_ho3d(path)
    assert not (tmp_path.parent / "pred.json").exists()
    path.write_bytes(b"PK no zip")
    with pytest.raises(HandbenchError, match=r"pred\.zip"):
        check_ho3d(path)
    with pytest.raises(HandbenchError, match=r"none\.json"):
        check_ho3d(tmp_path / "none.json")


def test_root_relative_predictions_are_put_on_the_wrists_of_the_split(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", split="evaluation")
    lines = read_split(tree.root, "evaluation")
    joints = np.random.default_rng(0).normal(0, 0.05, (len(lines), 21, 3))
    joints[:, 0] = 0
    keys = official_keys("ho3d_v3", len(lines), lines)
    found = Predictions(
        keys, {Side.RIGHT: HandPredictions(joints=joints)}, space="root_relative", dataset="ho3d_v3"
    )
    write_predictions(tmp_path / "pred.h5", found)
    # One frame of this tree has no annotation, so no wrist.
    with pytest.raises(HandbenchError, match="annotation of 6 of 7 frames: wrists are missing"):
        write_ho3d(tmp_path / "pred.json", tmp_path / "pred.h5", tree.root, "v3", force=True)
    known = [i for i, line in enumerate(lines) if line != ("ABF10", "0007")]
    write_split(tree.root, "evaluation", [lines[i] for i in known])
    write_predictions(tmp_path / "pred.h5", found.take(np.array(known)))
    write_ho3d(tmp_path / "pred.json", tmp_path / "pred.h5", tree.root, "v3", force=True)
    xyz = np.array(json.loads((tmp_path / "pred.json").read_text())[0])
    truth = load_dataset("ho3d", tree.root, quiet=True, version="v3", split="evaluation").ground_truth()
    np.testing.assert_allclose(xyz[:, 0] * FLIP, truth.hands[Side.RIGHT].joints[:, 0], atol=1e-6)
