"""``handbench submit``: the official zip, and what is wrong with one."""

from __future__ import annotations

import dataclasses
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from conftest import Run
from ho3d_trees import write_tree
from test_ho3d_protocol import FLIP, N, as_predictions, hands, noisy, write_both

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.ho3d import FROM_HO3D21
from handbench.formats.ho3d_official import official_keys
from handbench.formats.ho3d_tree import read_split, write_split
from handbench.formats.predictions import write_predictions
from handbench.predictions import HandPredictions, Predictions
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
    assert [problem.kind for problem in found.problems] == ["count"]
    assert "11,524 (v2), 20,137 (v3)" in found.problems[0].what
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
