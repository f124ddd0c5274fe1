"""HIC: real tracked motion, labels, pictures and views in the official tree, and what may be wrong in it."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from handbench.camera import Camera
from handbench.datasets import Dataset, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.hic import (
    SENSOR_K,
    SIZE,
    image_path,
    label_path,
    read_labels,
    read_view_camera,
    view_folder,
    write_labels,
    write_view_camera,
    write_visibility,
)
from handbench.formats.tzionas import read_tzionas_joints
from handbench.skeleton import HIC28, OPENPOSE21
from handbench.types import Side

SENSOR = Camera(np.array(SENSOR_K), SIZE)
TURN = np.asarray(cv2.Rodrigues(np.array([0.1, 0.4, -0.2]))[0], np.float64)
TURNED = Camera(np.array(SENSOR_K), SIZE, TURN, np.array([-0.2, 0.05, 0.1]))


@pytest.fixture
def tree(tmp_path: Path, tzionas: Path) -> Path:
    """Sequences 02 and 15 as the official zips have them, 02 from a second view too; every 5th labelled."""
    for name in ("02", "15", "mesh"):
        shutil.copytree(tzionas / name, tmp_path / name)
    joints = {side: read_tzionas_joints(tzionas, "02", side).joints for side in Side}
    for view, camera in (("1", SENSOR), ("2", TURNED)):
        folder = view_folder(tmp_path, "02", view)
        for part in ("rgb", "joints_2D_GT"):
            (folder / part).mkdir(parents=True)
        for frame in range(11):
            picture = np.full((*SIZE[::-1], 3), (frame, 20, int(view)), np.uint8)
            cv2.imwrite(str(image_path(tmp_path, "02", frame, view)), picture[..., ::-1])
        for frame in (0, 5, 10):
            pixels = {s: camera.project(camera.to_camera(track[frame])) for s, track in joints.items()}
            write_labels(label_path(tmp_path, "02", frame, view), pixels)
    write_view_camera(view_folder(tmp_path, "02", "2"), TURNED)
    seen = np.full((11, 2, 21), 0.5, np.float32)
    write_visibility(view_folder(tmp_path, "02", "2"), seen)
    return tmp_path


def test_the_real_motion_plays_as_a_sequence(tzionas: Path) -> None:
    data = load_dataset("tzionas", tzionas, quiet=True)
    assert len(data) == 3600 and not data.coverage.partial  # 01-11 and 15-21: INDEX_BOUNDS.txt
    assert any("no pictures" in line for line in data.summary())
    sample = data[data.find("hic/16/100")]
    motion = {side: read_tzionas_joints(tzionas, "16", side).joints[100] for side in Side}
    for hand in sample.hands:
        assert hand.joints_valid.sum() == 19 and not hand.joints_valid[[0, 1]].any()
        np.testing.assert_array_equal(hand.joints, motion[hand.side])
    assert {hand.side for hand in sample.hands} == set(Side)
    assert sample.image.read().shape == (480, 640, 3) and sample.meta["picture"] == "none"
    before = data.previous(sample, 3)
    assert before is not None and before.key == "hic/16/097" and before.meta["recording"] == "16"
    assert data.previous(data[data.find("hic/16/002")], 3) is None


def test_ground_truth_equals_the_samples(tzionas: Path) -> None:
    data = load_dataset("hic", tzionas, sequences="07+15", every=10)
    truth = data.ground_truth()
    for i, sample in enumerate(data):
        assert truth.keys[i] == sample.key and truth.recordings[i] == sample.meta["recording"]
        for side, column in truth.hands.items():
            hand = sample.hand(side)
            assert bool(column.joints_valid[i].any()) == (hand is not None)
            if hand is not None:
                np.testing.assert_allclose(column.joints[i], hand.joints, atol=1e-12)
        assert bool(truth.subsets["object"][i]) == bool(sample.objects)
        assert truth.objects[i] == (sample.objects[0].name if sample.objects else "")
        assert truth.videos[i] == f"{sample.meta['recording']}.1"
        assert truth.frames is not None and truth.frames[i] == sample.meta["frame"]
    assert truth.hand_type[0] == "interacting" and truth.hand_type[-1] == "right"


def test_meshes_and_objects_lie_where_the_motion_is(tzionas: Path) -> None:
    data = load_dataset("hic", tzionas, sequences="15+18", mesh=True, every=90)
    for sample in data:
        (thing,), hand = sample.objects, sample.hands[0]
        assert hand.vertices is not None and hand.vertices.shape == (10002, 3) and thing.vertices is not None
        # The skin surrounds the bones: every joint lies within 15 mm of it.
        joints = hand.joints[hand.joints_valid]
        away = np.linalg.norm(hand.vertices[:, None] - joints[None], axis=2).min(axis=0)
        assert away.max() < 0.015
        # A ball's mesh is centred at its translation; the bending pipe stays near its first bone.
        middle = thing.vertices.mean(axis=0)
        assert np.linalg.norm(middle - thing.t) < (0.002 if thing.name == "Ball" else 0.6)
        assert np.abs(thing.R @ thing.R.T - np.eye(3)).max() < 1e-4
        assert sample.meta["mesh"] == "scan"
    vertices = data.ground_truth().hands[Side.RIGHT].vertices
    assert vertices is not None and vertices.shape == (len(data), 10002, 3)


def test_pictures_labels_and_views(tree: Path) -> None:
    data = load_dataset("hic", tree, sequences="02", quiet=True)
    assert list(data.keys)[:2] == ["hic/02/000", "hic/02/001"] and data.keys[11] == "hic/02.2/000"
    assert len(data) == 22 and data.coverage.expected == 22
    for view, camera in (("02", SENSOR), ("02.2", TURNED)):
        sample = data[data.find(f"hic/{view}/005")]
        assert sample.image.read()[0, 0].tolist() == [5, 20, 1 if camera is SENSOR else 2]
        for hand in sample.hands:
            assert hand.joints_2d is not None
            labelled = np.isfinite(hand.joints_2d).all(axis=1)
            names = [n for n in OPENPOSE21.names if f"{hand.side.value}_{n}" in HIC28.names]
            assert [OPENPOSE21.names[i] for i in np.flatnonzero(labelled)] == sorted(
                names, key=OPENPOSE21.index
            )
            # Labels are whole pixels.
            away = np.abs(hand.joints_2d - sample.camera.project(hand.joints))[labelled]
            assert away.max() <= 0.5 + 1e-9
            assert (hand.visibility is None) == (camera is SENSOR)
    assert data[0].hands[0].joints_2d is not None and data[1].hands[0].joints_2d is None
    few = load_dataset("hic", tree, sequences="02", labelled_only=True, views="2", quiet=True)
    assert [sample.meta["frame"] for sample in few] == [0, 5, 10]
    again: Dataset = pickle.loads(pickle.dumps(data))
    assert again.keys == data.keys and again.fingerprint == data.fingerprint
    assert len(pickle.dumps(data)) < 2000
    assert not [f for f in data.audit() if f.kind == "fault"]


def test_a_partial_tree_says_so(tree: Path) -> None:
    shutil.rmtree(tree / "02" / "2")
    data = load_dataset("hic", tree, quiet=True)
    assert data.coverage.partial and data.coverage.expected == 3600 and data.coverage.present == 11
    assert "sequence 02: 11 of 153 frames" in data.coverage.missing
    assert data.ground_truth().partial


def test_pictures_without_a_motion_have_their_labels(tree: Path) -> None:
    """What the official zips alone hold, and sequences 12 to 14 always."""
    for name in ("R.MOTION", "L.MOTION"):
        (tree / "02" / f"Model_Hand_{name}").unlink()
    shutil.copytree(tree / "02", tree / "12")
    data = load_dataset("hic", tree, sequences="02+12", views="1", quiet=True)
    labelled, plain = data[data.find("hic/12/005")], data[data.find("hic/02/006")]
    assert [hand.side for hand in labelled.hands] == [Side.RIGHT, Side.LEFT] and plain.hands == ()
    assert all(np.isnan(hand.joints).all() and not hand.joints_valid.any() for hand in labelled.hands)
    assert labelled.hands[0].joints_2d is not None and np.isfinite(labelled.hands[0].joints_2d).sum() == 28
    assert data.ground_truth().hand_type.count("") == len(data)
    before = data.previous(labelled, 2)
    assert before is not None and before.key == "hic/12/003"
    found = {(finding.kind, finding.where) for finding in data.audit()}
    assert ("missing", "02/Model_Hand_R.MOTION") in found and ("note", "12") in found


def test_mano_meshes_of_the_listing(tree: Path) -> None:
    import trimesh

    vertices = np.random.default_rng(0).normal(size=(778, 3))
    (tree / "mano").mkdir()
    trimesh.Trimesh(vertices, [[0, 1, 2]], process=False).export(tree / "mano" / "r.ply")
    entry = {
        "id": 1,
        "image_id": 1,
        "hand_type": "interacting",
        "right_mano_path": "mano/r.ply",
        "left_mano_path": None,
    }
    content = {
        "images": [{"id": 1, "file_name": "02/1/rgb/003.png", "width": 640, "height": 480}],
        "annotations": [entry],
    }
    (tree / "HIC.json").write_text(json.dumps(content))
    data = load_dataset("hic", tree, sequences="02", views="1", mesh=True, quiet=True)
    right, left = data[3].hands
    assert right.vertices is not None and left.vertices is None and data[3].meta["mesh"] == "mano"
    np.testing.assert_allclose(right.vertices, vertices, atol=1e-6)
    for path, word in (
        ("../../etc/passwd", "leaves"),
        ("mano/none.ply", "not a PLY"),
        ("02/Model_Hand_R.SKEL", "PLY"),
    ):
        entry["right_mano_path"] = path
        (tree / "HIC.json").write_text(json.dumps(content))
        damaged = load_dataset("hic", tree, sequences="02", views="1", mesh=True, quiet=True)
        with pytest.raises(BadSampleError, match=word):
            damaged[3]
    content["images"][0]["file_name"] = "picture.png"
    (tree / "HIC.json").write_text(json.dumps(content))
    with pytest.raises(HandbenchError, match=r"file_name 'picture.png'"):
        load_dataset("hic", tree, sequences="02", mesh=True, quiet=True)


def test_labels_of_the_official_form(tmp_path: Path) -> None:
    rows = [f"{i}\t{10 * i + 1}\t{5 * i + 2}" for i in range(28)]
    rows[2], rows[24] = "2\t0\t0", "24\t7\t0"
    path = tmp_path / "100.txt"
    path.write_text("\n".join(rows))
    found = read_labels(path)
    assert np.isnan(found[Side.RIGHT][OPENPOSE21.index("little3")]).all()
    assert np.isnan(found[Side.LEFT][OPENPOSE21.index("index2")]).all()  # a coordinate of 0: not annotated
    assert found[Side.LEFT][OPENPOSE21.index("index1")].tolist() == [231, 117]
    assert np.isnan(found[Side.RIGHT][[0, 1, 4]]).all()
    write_labels(path, found)
    rows[24] = "24\t0\t0"
    assert path.read_text() == "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "word"),
    [("0 1 2\n", "1 rows, expected 28"), ("\n".join(["0 1 1"] * 28), "index 0 to 27"),
     ("\n".join(f"{i} x 1" for i in range(28)), "index x y")],
)  # fmt: skip
def test_damaged_labels_are_named(tree: Path, text: str, word: str) -> None:
    label_path(tree, "02", 5).write_text(text)
    with pytest.raises(HandbenchError, match=word) as error:
        load_dataset("hic", tree, sequences="02", quiet=True)
    assert "005.txt" in str(error.value)


def test_what_is_mixed_up_is_named(tree: Path) -> None:
    path = label_path(tree, "02", 5)
    found = read_labels(path)
    write_labels(path, {side: found[side.other] for side in Side})
    label_path(tree, "02", 10).rename(label_path(tree, "02", 11))
    (tree / "Cameras.txt").write_text("1.0\n600 0 319.5\n0 600 239.5\n0 0 1\n")
    data = load_dataset("hic", tree, sequences="02", quiet=True)
    words = " ".join(f"{f.kind} {f.where} {f.what}" for f in data.audit())
    assert "fault 02/1/005" in words and "sides are exchanged" in words
    assert "1 labels have no picture" in words
    assert "Cameras.txt states fx 600, cx 319.5; expected 525" in words


def test_a_hand_without_its_motion_is_missing(tree: Path) -> None:
    assert not [f for f in load_dataset("hic", tree, quiet=True).audit() if "MOTION" in f.where]
    (tree / "02" / "Model_Hand_R.MOTION").unlink()
    found = [f for f in load_dataset("hic", tree, quiet=True).audit() if "02/Model_Hand_R.MOTION" in f.where]
    assert [f.kind for f in found] == ["missing"] and "right hand of 02 has no valid joints" in found[0].what
    for text, word in (('{"schema": ', "does not parse"), ("[]", "schema")):
        (tree / "handbench.json").write_text(text)
        faults = [f for f in load_dataset("hic", tree, quiet=True).audit() if f.kind == "fault"]
        assert [f.where for f in faults] == [str(tree / "handbench.json")] and word in faults[0].what


@pytest.mark.parametrize(
    ("content", "word"),
    [("{", "not the camera"), ('{"schema": "other", "size": [4, 4], "K": 1}', "not the camera"),
     ({"schema": "x/9"}, "schema 'x/9'"), ({"R": [[2, 0, 0], [0, 1, 0], [0, 0, 1]]}, "no rotation")],
)  # fmt: skip
def test_damaged_cameras_are_named(tmp_path: Path, content: str | dict[str, object], word: str) -> None:
    write_view_camera(tmp_path, TURNED)
    back = read_view_camera(tmp_path)
    np.testing.assert_array_equal(back.R, TURNED.R)
    path = tmp_path / "camera.json"
    path.write_text(
        content if isinstance(content, str) else json.dumps(json.loads(path.read_text()) | content)
    )
    with pytest.raises(HandbenchError, match=word):
        read_view_camera(tmp_path)


@pytest.mark.parametrize(
    ("options", "word"),
    [({"sequences": "3-1"}, "ends before"), ({"sequences": "x"}, "no sequence"),
     ({"sequences": "12"}, "no sequence 12"), ({"sequences": "02", "views": "7"}, "view 7"),
     ({"mesh": "perhaps"}, "true or false"), ({"sequence": "01"}, "unknown key")],
)  # fmt: skip
def test_wrong_options_are_named(tree: Path, options: dict[str, str], word: str) -> None:
    with pytest.raises(HandbenchError, match=word):
        load_dataset("hic", tree, quiet=True, **options)


def test_wrong_files_are_named(tree: Path) -> None:
    np.save(view_folder(tree, "02", "2") / "visibility.npy", np.array([{}]), allow_pickle=True)
    with pytest.raises(HandbenchError, match=r"visibility.npy.*allow_pickle"):
        load_dataset("hic", tree, sequences="02", quiet=True)
    (view_folder(tree, "02", "2") / "visibility.npy").write_bytes(
        b"\x93NUMPY\x01\x00\x10\x00{'descr': ((((((("
    )
    with pytest.raises(HandbenchError, match=r"visibility\.npy"):
        load_dataset("hic", tree, sequences="02", quiet=True)
    write_visibility(view_folder(tree, "02", "2"), np.zeros((3, 21), np.float32))
    with pytest.raises(HandbenchError, match="expected float32"):
        load_dataset("hic", tree, sequences="02", quiet=True)
    shutil.rmtree(tree / "02" / "2")
    shutil.rmtree(tree / "mesh")
    with pytest.raises(HandbenchError, match="no meshes"):
        load_dataset("hic", tree, mesh=True, quiet=True)
    image_path(tree, "02", 3).write_bytes(b"<html>")
    with pytest.raises(BadSampleError, match=r"003.png: not a picture"):
        load_dataset("hic", tree, sequences="02", quiet=True)[3].image.read()
