"""HO-3D's files: what is written is read back, in the official form, and what is damaged is named."""

from __future__ import annotations

import dataclasses
import json
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from handbench.errors import BadSampleError, HandbenchError
from handbench.formats import ho3d
from handbench.formats.ho3d_calibration import (
    RigCamera,
    calibration_folder,
    read_calibration,
    write_calibration,
)
from handbench.formats.ho3d_extra import FOLDER, LABELS, read_labels
from handbench.formats.ho3d_meta import TRAIN_KEYS, Ho3dMeta, read_meta, write_meta
from handbench.formats.ho3d_pickle import dump_protocol2
from handbench.formats.ho3d_released import XYZ, read_released_file, read_released_gt, write_released_gt
from handbench.formats.ho3d_seg import SegFile, colour_mask, decide_hand_colour, encode_seg
from handbench.formats.ho3d_tree import read_split, take_of, write_split
from handbench.hands import forward_one, load_hand_model
from handbench.skeleton import HO3D21, OPENPOSE21
from handbench.types import HandParams, Side

OFFICIAL_TO_SIMPLE = [0, 13, 14, 15, 16, 1, 2, 3, 17, 4, 5, 6, 18, 10, 11, 12, 19, 7, 8, 9, 20]
"""``jointsMapManoToSimple`` of the official vis_HO3D.py."""


def meta(seed: int = 0) -> Ho3dMeta:
    rng = np.random.default_rng(seed)
    return Ho3dMeta(
        hand_joints=rng.normal(size=(21, 3)), cam_mat=rng.normal(size=(3, 3)), hand_pose=rng.normal(size=48),
        hand_beta=rng.normal(size=10), hand_trans=rng.normal(size=3), obj_rot=rng.normal(size=3),
        obj_trans=rng.normal(size=3), obj_corners=rng.normal(size=(8, 3)),
        obj_corners_rest=rng.normal(size=(8, 3)), obj_name="035_power_drill", obj_label=15,
        vert_contact=rng.random(778) < 0.5, vert_intersec=rng.random(778) < 0.5, vert_dist=rng.random(778),
        vert_obj_proj=rng.random((778, 3)), cam_ids=("0", "3"),
    )  # fmt: skip


def official_load(path: Path) -> dict[str, Any]:
    """As the official ``loadPickleData`` reads (trusted: this file is ours)."""
    with warnings.catch_warnings(), path.open("rb") as file:
        warnings.simplefilter("ignore", DeprecationWarning)
        found: dict[str, Any] = pickle.load(file, encoding="latin1")
    return found


def test_an_annotation_comes_back_and_has_the_official_form(tmp_path: Path) -> None:
    path, written = tmp_path / "0000.pkl", meta()
    write_meta(path, written)
    found = read_meta(path)
    assert found is not None
    for field in dataclasses.fields(written):
        np.testing.assert_array_equal(getattr(found, field.name), getattr(written, field.name))
    official = official_load(path)
    assert set(official) == set(TRAIN_KEYS)
    np.testing.assert_array_equal(official["handJoints3D"], written.hand_joints)
    np.testing.assert_array_equal(official["objRot"].ravel(), written.obj_rot)
    assert (official["objName"], official["objLabel"], official["camIDList"]) == (
        "035_power_drill",
        15,
        ["0", "3"],
    )
    assert path.read_bytes().startswith(b"\x80\x02}")
    assert b"_codecs" not in path.read_bytes()


def test_pickles_of_python_3_and_columns_are_read_too(tmp_path: Path) -> None:
    written = meta()
    write_meta(tmp_path / "a.pkl", written)
    values = official_load(tmp_path / "a.pkl")
    values["handTrans"], values["handBeta"] = values["handTrans"][:, None], list(values["handBeta"])
    for protocol in (2, 4, 5):
        (tmp_path / "b.pkl").write_bytes(pickle.dumps(values, protocol=protocol))
        found = read_meta(tmp_path / "b.pkl")
        assert found is not None and found.hand_trans is not None and found.hand_beta is not None
        np.testing.assert_array_equal(found.hand_trans, written.hand_trans)
        np.testing.assert_array_equal(found.hand_beta, written.hand_beta)


def test_a_frame_without_annotation_is_none(tmp_path: Path) -> None:
    write_meta(tmp_path / "0.pkl", None)
    assert read_meta(tmp_path / "0.pkl") is None
    assert set(official_load(tmp_path / "0.pkl").values()) == {None}


class _Evil:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        import os

        return os.system, ("touch ran",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"handJoints3D": np.zeros((20, 3))},
            r"handJoints3D has shape \(20, 3\), expected \(21, 3\) or \(3,\)",
        ),
        ({"handVertContact": np.zeros(779, bool)}, r"handVertContact has shape \(779,\), expected \(778,\)"),
        ({"handPose": np.full(48, np.nan)}, "handPose holds values that are not finite"),
        ({"camMat": None}, "no camMat"),
        ({"handTrans": ["a", "b", "c"]}, "handTrans does not hold numbers"),
    ],
)
def test_a_field_that_makes_no_sense_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "0042.pkl"
    write_meta(path, meta())
    values = {**official_load(path), **change}
    path.write_bytes(pickle.dumps(values))
    with pytest.raises(BadSampleError, match=f"0042.pkl: {message}"):
        read_meta(path)


def test_a_pickle_that_runs_something_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "0000.pkl"
    path.write_bytes(pickle.dumps({"handJoints3D": _Evil()}))
    with pytest.raises(BadSampleError, match=r"0000\.pkl: the pickle names (posix|nt|os)\.system"):
        read_meta(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(BadSampleError, match="holds a list"):
        read_meta(path)
    path.write_bytes(dump_protocol2({"x": np.arange(600.0)})[:300])
    with pytest.raises(BadSampleError, match="not a readable pickle"):
        read_meta(path)
    assert not (tmp_path / "ran").exists()


def test_only_plain_values_are_written() -> None:
    for value in (object(), np.array(["x"]), np.zeros((1, 1, 1, 1)), (1, 2)):
        with pytest.raises(TypeError, match="cannot write"):
            dump_protocol2({"x": value})
    with pytest.raises(ValueError, match="hand_beta has shape"):
        write_meta(Path("unwritten.pkl"), dataclasses.replace(meta(), hand_beta=np.zeros(9)))


def test_the_flip_of_a_hand_is_exact() -> None:
    rng = np.random.default_rng(5)
    model = load_hand_model()
    for _ in range(5):
        pose = np.concatenate([rng.normal(size=3) * 2, rng.normal(size=45) * 0.5])
        params = HandParams(Side.RIGHT, pose, rng.normal(size=10), rng.normal(size=3))
        mesh = forward_one(model, params, "ho3d")
        rest_wrist = mesh.joints21[0] - params.transl
        turned = HandParams(Side.RIGHT, *ho3d.hand_to_opengl(params, rest_wrist))
        flipped = forward_one(model, turned, "ho3d")
        assert np.abs(flipped.vertices - mesh.vertices * [1, -1, -1]).max() < 1e-9
        # The rest wrist is the annotated wrist minus the translation in either frame.
        back = ho3d.hand_from_opengl(
            turned.pose, turned.betas, turned.transl, flipped.joints21[0] - turned.transl
        )
        again = forward_one(model, back, "ho3d")
        assert np.abs(again.vertices - mesh.vertices).max() < 1e-9


def test_the_joint_order_is_the_official_one() -> None:
    assert ho3d.FROM_HO3D21.tolist() == OFFICIAL_TO_SIMPLE
    joints = np.random.default_rng(0).normal(size=(4, 21, 3))
    np.testing.assert_array_equal(ho3d.joints_from_opengl(ho3d.joints_to_opengl(joints)), joints)
    assert HO3D21.names[16] == OPENPOSE21.names[4] == "thumb4"


def test_boxes_are_corners() -> None:
    corners = np.array([[10.0, 20, 110, 70]])
    np.testing.assert_array_equal(ho3d.box_from_corners(corners), [[10, 20, 100, 50]])
    np.testing.assert_array_equal(ho3d.box_to_corners(ho3d.box_from_corners(corners)), corners)


def test_depth_comes_back_through_a_picture(tmp_path: Path) -> None:
    depth = np.random.default_rng(0).uniform(0, 8, (480, 640))
    depth[0, :4] = np.nan, np.inf, -1, 99
    path = tmp_path / "0000.png"
    cv2.imwrite(str(path), ho3d.encode_depth(depth))
    found = ho3d.DepthFile(path, ho3d.IMAGE_SIZE).read()
    assert found.dtype == np.float32
    assert np.abs(found[1:] - depth[1:]).max() < 0.51 * ho3d.DEPTH_SCALE
    np.testing.assert_allclose(found[0, :4], [0, 0, 0, 65535 * ho3d.DEPTH_SCALE], rtol=1e-6)
    # The official formula, in wide integers.
    bgr = cv2.imread(str(path))
    assert bgr is not None
    official = (bgr[..., 2].astype(int) + 256 * bgr[..., 1].astype(int)) * 0.00012498664727900177
    np.testing.assert_allclose(found, official, rtol=1e-6)


def test_masks_come_back_through_segmentations(tmp_path: Path) -> None:
    hand, thing = np.zeros((2, 480, 640), np.bool_)
    cv2.circle(hand.view(np.uint8), (200, 240), 90, 1, -1)
    cv2.rectangle(thing.view(np.uint8), (240, 200), (460, 300), 1, -1)
    thing &= ~hand
    for version, name, most in (("v3", "x.png", 0), ("v2", "x.jpg", 0.006)):
        picture = encode_seg(hand, thing, version)
        assert picture.shape[:2] == ((480, 640) if version == "v3" else (120, 160))
        cv2.imwrite(str(tmp_path / name), np.ascontiguousarray(picture[..., ::-1]))
        for mask, colour in ((hand, "red"), (thing, "blue")):
            found = SegFile(tmp_path / name, colour, (640, 480)).read()  # type: ignore[arg-type]
            assert (found != mask).mean() <= most
            # Neither side is favoured: the middle stays where it is.
            shift = np.mean(np.nonzero(found), axis=1) - np.mean(np.nonzero(mask), axis=1)
            assert np.abs(shift).max() < 1


def test_the_hand_colour_is_decided_on_the_data() -> None:
    rng = np.random.default_rng(0)
    picture = np.zeros((120, 160, 3), np.uint8)
    picture[20:80, 20:80, 2], picture[20:80, 80:140, 0] = 250, 240
    joints, inside = rng.uniform(25, 78, (21, 2)), rng.uniform((82, 25), (135, 75), (9, 2))
    assert decide_hand_colour([(picture, joints, inside)] * 3) == ("blue", -1.0)
    assert decide_hand_colour([(picture[..., ::-1], joints, inside)] * 3) == ("red", 1.0)
    # Joints that lie on both alike, or nowhere, decide nothing.
    half = np.concatenate([joints[:10], joints[:10] + np.array([60, 0])])
    assert decide_hand_colour([(picture, half, np.empty((0, 2)))])[0] is None
    assert decide_hand_colour([(picture, joints + 500, inside + 500)]) == (None, 0.0)
    assert not colour_mask(np.full((2, 2, 3), 255, np.uint8), "red").any()


def test_released_truth_comes_back(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    xyz, verts = rng.normal(size=(40, 21, 3)), rng.normal(size=(40, 778, 3))
    write_released_gt(tmp_path, xyz, verts)
    # json.load is the plain reference, and how others read these files.
    with (tmp_path / XYZ).open() as file:
        np.testing.assert_array_equal(json.load(file), xyz)
    found = read_released_gt(tmp_path, 40, "v3")
    np.testing.assert_array_equal(found["xyz"], xyz.astype(np.float32))
    np.testing.assert_array_equal(found["verts"], verts.astype(np.float32))
    with (tmp_path / XYZ).open("w") as file:
        json.dump(xyz.tolist(), file, indent=1)
    np.testing.assert_array_equal(read_released_file(tmp_path / XYZ, 40, 21), xyz.astype(np.float32))


def test_released_truth_in_small_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    xyz = np.random.default_rng(1).normal(size=(25, 21, 3))
    write_released_gt(tmp_path, xyz, np.zeros((25, 778, 3)))
    for block in (7, 100, 1301, 4096):
        monkeypatch.setattr("handbench.formats.ho3d_rows._BLOCK", block)
        np.testing.assert_array_equal(read_released_file(tmp_path / XYZ, 25, 21), xyz.astype(np.float32))


def test_released_truth_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / XYZ
    path.write_text("[" + ", ".join(["[" + ",".join(["[0,0,0.5]"] * 21) + "]"] * 11_524) + "]")
    message = (
        r"11524 rows, but evaluation.txt lists 20137 \(11,524 rows are HO-3D v2, 20,137 rows are HO-3D v3\)"
    )
    with pytest.raises(HandbenchError, match=message):
        read_released_file(path, 20_137, 21, "v3")
    with pytest.raises(HandbenchError, match="row 0 is 21 x 3 numbers, expected 778 x 3"):
        read_released_file(path, 11_524, 778)
    for text, words in (
        ("[[[0,0,1]", "something else"), ('{"a": 1}', "not a JSON list"), ("", "not a JSON list"),
        ("[[[0,0,x]]]", "something else"),
        ("[[" + "[0,0,1e999]," * 20 + "[0,0,0]]]", "something else|not finite"),
        ("[[[1,2],[3,4]]]", "row 0 is 2 x 2 numbers"), ("[1, 2]", "something else"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(HandbenchError, match=f"evaluation_xyz.json: .*{words}"):
            read_released_file(path, 1, 21)


def test_lists_of_frames(tmp_path: Path) -> None:
    frames = [("SM1", "0012"), ("ABF10", "0000")]
    write_split(tmp_path, "train", frames)
    assert read_split(tmp_path, "train") == frames
    for text, message in (
        ("SM1/0001\n../../etc/passwd\n", r"train.txt:2: path '\.\./\.\./etc/passwd' leaves"),
        ("/etc/0001\n", "leaves"), ("../0001\n", "leaves"), ("SM1/x\n", "expected SEQUENCE/NUMBER"),
        ("SM1\n", "expected SEQUENCE/NUMBER"), ("SM1/123456789\n", "expected SEQUENCE/NUMBER"),
        ("SM1/a/../0001", "expected SEQUENCE/NUMBER"),
        ("SM1/1\n\nSM1/1\n", "train.txt:3: SM1/1 was already in line 1"), ("\n", "lists no frame"),
        ("S\0M/0001\n", "leaves"),
    ):  # fmt: skip
        (tmp_path / "train.txt").write_text(text)
        with pytest.raises(HandbenchError, match=message):
            read_split(tmp_path, "train")
    with pytest.raises(HandbenchError, match=r"evaluation\.txt: No such file"):
        read_split(tmp_path, "evaluation")
    assert [take_of(name) for name in ("ABF13", "SM1", "SB11", "MC1")] == [
        ("ABF1", "3"), ("SM1", "0"), ("SB1", "1"), ("MC1", "0")
    ]  # fmt: skip


def test_a_rig_comes_back(tmp_path: Path) -> None:
    K = np.array([[617.3, 0, 312.4], [0, 617.1, 241.4], [0, 0, 1]])
    cameras = [RigCamera(str(i), f"82131{i}", K + i, np.eye(4) * (i + 0.1), 0.000125 + i) for i in range(2)]
    cameras = [
        dataclasses.replace(c, K=np.array([[c.K[0, 0], 0, 3], [0, c.K[1, 1], 4], [0, 0, 1]])) for c in cameras
    ]
    write_calibration(tmp_path, "ABF1", cameras)
    for found, camera in zip(read_calibration(tmp_path, "ABF1"), cameras, strict=True):
        assert (found.name, found.serial, found.depth_scale) == (
            camera.name,
            camera.serial,
            camera.depth_scale,
        )
        np.testing.assert_array_equal(found.K, camera.K)
        np.testing.assert_array_equal(found.to_world, camera.to_world)
    folder = tmp_path / "calibration/ABF1/calibration"
    (folder / "trans_1.txt").write_text("1 2 3")
    with pytest.raises(HandbenchError, match=r"trans_1\.txt: expected 16 numbers"):
        read_calibration(tmp_path, "ABF1")
    (folder / "cam_0_intrinsics.txt").write_text("fx: 1")
    with pytest.raises(HandbenchError, match=r"cam_0_intrinsics\.txt: expected 'fx"):
        read_calibration(tmp_path, "ABF1")
    with pytest.raises(HandbenchError, match=r"cam_orders\.txt: No such file"):
        read_calibration(tmp_path, "SM1")


def test_damage_of_any_kind_is_one_clear_line(tmp_path: Path) -> None:
    write_meta(tmp_path / "0000.pkl", meta())
    write_released_gt(tmp_path, np.random.default_rng(0).normal(size=(3, 21, 3)), np.zeros((3, 778, 3)))
    write_split(tmp_path, "train", [("ABF10", "0000"), ("SM1", "0012")])
    write_calibration(tmp_path, "ABF1", [RigCamera("0", "1", np.eye(3), np.eye(4), 0.1)])
    labels = tmp_path / FOLDER / "SM1" / LABELS
    labels.parent.mkdir(parents=True)
    np.savez(
        labels,
        id=np.arange(2),
        visibility=np.ones((2, 21)),
        seen=np.ones(2),
        held=[True] * 2,
        hidden=[True] * 2,
    )
    cases: list[tuple[Path, Callable[[], object]]] = [
        (tmp_path / "0000.pkl", lambda: read_meta(tmp_path / "0000.pkl")),
        (tmp_path / XYZ, lambda: read_released_file(tmp_path / XYZ, 3, 21)),
        (tmp_path / "train.txt", lambda: read_split(tmp_path, "train")),
        (calibration_folder(tmp_path, "ABF1") / "trans_0.txt", lambda: read_calibration(tmp_path, "ABF1")),
        (labels, lambda: read_labels(tmp_path, "SM1")),
    ]
    rng = np.random.default_rng(7)
    for path, read in cases:
        good, refused = path.read_bytes(), 0
        for _ in range(80):
            data = bytearray(good)
            at = int(rng.integers(len(data)))
            data[at : at + int(rng.integers(1, 8))] = rng.bytes(int(rng.integers(8)))
            path.write_bytes(
                bytes(data[: int(rng.integers(1, len(data) + 1))] if rng.random() < 0.3 else data)
            )
            try:
                read()
            except HandbenchError as error:
                refused += 1
                assert path.name in str(error) and "\n" not in str(error)
        path.write_bytes(good)
        read()
        assert refused > 10
