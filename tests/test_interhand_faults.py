"""Damaged or hostile InterHand2.6M annotation: one line names file, record, field, expected and found."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from interhand_tree import SPLIT, Scene, make_tree

from handbench.datasets import load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.types import Side


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_tree(tmp_path_factory.mktemp("interhand"))


@pytest.fixture
def root(scene: Scene, tmp_path: Path) -> Path:
    return Path(shutil.copytree(scene.root, tmp_path / "tree"))


def _open(root: Path, **options: Any) -> Any:
    return load_dataset("interhand", root, quiet=True, **options)


def _file(root: Path, kind: str) -> Path:
    return root / "annotations" / SPLIT / f"InterHand2.6M_{SPLIT}_{kind}.json"


def _edit(root: Path, kind: str, change: Callable[[Any], Any]) -> None:
    content = json.loads(_file(root, kind).read_text())
    change(content)
    _file(root, kind).write_text(json.dumps(content))


def _first(content: Any) -> Any:
    return content["annotations"][0]


def _scaled(content: Any, factor: float) -> None:
    for frames in content.values():
        for record in frames.values():
            record["world_coord"] = (np.array(record["world_coord"]) * factor).tolist()


CASES: list[tuple[str, Callable[[Any], Any], str]] = [
    # Numbers that are none (B.6 case 5).
    ("joint_3d", lambda c: c["0"]["10"]["world_coord"].__setitem__(3, [0, float("nan"), 0]),
     r'joint_3d\.json: byte \d+: NaN or Infinity is no number \(behind "10"\)'),
    ("data", lambda c: _first(c)["bbox"].__setitem__(1, float("inf")),
     r'byte \d+: NaN or Infinity is no number \(behind "id": 100\)'),
    ("camera", lambda c: c["1"]["campos"].__setitem__("410053", [1e999, 0, 0]), r"byte \d+: "),
    ("camera", lambda c: c["0"]["camrot"].__setitem__("400026", [[1, 0, 0], [0, 1, 0], [0, 0.5, 1]]),
     "camera 400026: camrot of capture 0 is no rotation"),
    ("camera", lambda c: c["0"]["camrot"].__setitem__("400026", [[1, 0, 0], [0, 1, 0], [0, 0, -1]]),
     "no rotation"),
    ("camera", lambda c: c["1"]["campos"].__setitem__("410053", [1e30, 0, 0]),
     "camera 410053: campos is not finite, or beyond 1e\\+09"),
    ("camera", lambda c: c["0"].pop("focal"), "capture 0 lacks 'focal'"),
    ("camera", lambda c: c["0"]["focal"].pop("400026"), "camera 400026: lacks 'focal'"),
    ("camera", lambda c: c.clear(), "holds no camera"),
    ("camera", lambda c: c.__setitem__("x", {}), "capture 'x' is no whole number"),
    # Another number of joints or values (case 7).
    ("joint_3d", lambda c: c["0"]["13"]["world_coord"].pop(),
     r"joint_3d capture 0 frame 13: world_coord has shape \(41, 3\), expected shape \(42, 3\)"),
    ("joint_3d", lambda c: c["0"]["13"]["world_coord"][7].pop(), "13: world_coord has rows of different"),
    ("joint_3d", lambda c: c["0"]["13"]["joint_valid"].pop(), r"frame 13: joint_valid has shape \(41, 1\)"),
    ("joint_3d", lambda c: c["0"]["13"].__setitem__("hand_type", "both"), "is 'both', expected one of"),
    ("joint_3d", lambda c: c["0"].__setitem__("13", 3), "frame 13: expected an object, found 3"),
    ("joint_3d", lambda c: c["0"].__setitem__("a13", {}), "frame 'a13' is no whole number"),
    ("joint_3d", lambda c: c.__setitem__("0", []), r"expected \{capture: \{frame: record\}\}"),
    ("joint_3d", lambda c: c.clear(), "holds no moment|expected"),
    ("data", lambda c: _first(c)["joint_valid"].extend([[1]] * 21),
     r"annotations id 100: joint_valid has shape \(63, 1\), expected shape \(42, 1\)"),
    ("data", lambda c: _first(c)["joint_valid"].__setitem__(0, [2]), "expected 0, 1, true or false"),
    ("data", lambda c: _first(c).__setitem__("bbox", [1, 2, 3]), r"bbox has shape \(3,\), expected shape"),
    ("data", lambda c: _first(c).__setitem__("bbox", None), "bbox has rows of different lengths, or no num"),
    ("data", lambda c: _first(c).__setitem__("hand_type_valid", 2), "hand_type_valid is 2, expected 0 to 1"),
    ("data", lambda c: _first(c).__setitem__("id", 1.5), "id is 1.5, expected a whole number"),
    ("data", lambda c: _first(c).__setitem__("id", 2**70), "beyond 64 bits|whole number"),
    ("data", lambda c: _first(c).__setitem__("id", 107), "annotations: id 107 is there twice"),
    ("data", lambda c: _first(c).pop("bbox"), "annotations id 100: lacks 'bbox'"),
    ("data", lambda c: c["images"].__setitem__(0, "x"), r"images\[0\]: expected an object, found 'x'"),
    ("data", lambda c: c["images"][0].__setitem__("file_name", "a" * 2000), "file_name is 'a.*at most 1000"),
    ("data", lambda c: c["images"][0].__setitem__("frame_idx", -1), "frame_idx is -1, expected 0 to"),
    ("data", lambda c: c.pop("images"), "holds no list 'images'"),
    ("data", lambda c: c.__setitem__("images", {}), "'images' is no list"),
    ("data", lambda c: c["annotations"].clear(), "holds no annotation"),
    ("MANO_NeuralAnnot", lambda c: c["0"]["10"]["right"]["pose"].pop(),
     r"MANO capture 0 frame 10 right: pose has shape \(47,\), expected shape \(48,\)"),
    ("MANO_NeuralAnnot", lambda c: c["0"].__setitem__("10", [1]), "expected right and left"),
    # Units (case 9): never rescaled in silence.
    ("joint_3d", lambda c: _scaled(c, 1e-3), r"the median bone is 0\.0\d+ mm, expected 5 to 200 mm .*metres"),
    ("joint_3d", lambda c: _scaled(c, 0.1), "seems to be in centimetres"),
    ("joint_3d", lambda c: _scaled(c, 1e4), "median bone is .*damaged"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "change", "message"), CASES)
def test_a_damaged_annotation_is_named(
    root: Path, kind: str, change: Callable[[Any], Any], message: str
) -> None:
    _edit(root, kind, change)
    with pytest.raises(HandbenchError, match=message) as error:
        _open(root)
    text = str(error.value)
    assert str(_file(root, kind)) in text and "\n" not in text and len(text) < 400


@pytest.mark.parametrize("kind", ["data", "camera", "joint_3d", "MANO_NeuralAnnot"])
def test_a_file_that_is_cut_short_is_named(root: Path, kind: str) -> None:
    text = _file(root, kind).read_bytes()
    _file(root, kind).write_bytes(text[: len(text) * 2 // 3])
    with pytest.raises(HandbenchError, match=rf"{kind}\.json: byte \d+: .*download it again"):
        _open(root)


def test_deep_and_endless_json_are_refused(root: Path) -> None:
    """B.6 case 13."""
    path = _file(root, "data")
    path.write_text('{"annotations": [], "images": [{"id": ' + "[" * 10_000_000)
    with pytest.raises(HandbenchError, match="nest deeper than 64"):
        _open(root)


def test_links_that_lead_nowhere_are_listed(root: Path) -> None:
    """B.6 case 6: a picture without annotation, an annotation without picture, camera or joints."""

    def change(content: Any) -> None:
        content["annotations"][0]["image_id"] = 5
        content["images"][4]["camera"] = "400999"
        content["images"][4]["file_name"] = content["images"][5]["file_name"]

    _edit(root, "data", change)
    _edit(root, "joint_3d", lambda content: content["1"].pop("2010"))
    dataset = _open(root)
    found = {finding.what: finding.kind for finding in dataset.audit()}
    for what in (
        "1 annotations of no picture, first 100",
        "1 pictures without annotation, first 100",
        "1 annotations without a camera, first 128",
        "3 annotations without 3D joints, first 268, 275, 282",
    ):
        assert what in found, found
    assert len(dataset) == 35
    with pytest.raises(BadSampleError, match="interhand/test/128: its camera is not in"):
        dataset.read(dataset.find("interhand/test/128"))
    truth = dataset.ground_truth()
    counts = [truth.hands[side].joints_valid.sum(axis=1) > 1 for side in (Side.RIGHT, Side.LEFT)]
    assert np.array_equal(dataset.present(), np.stack(counts, axis=1))
    assert np.isnan(truth.K[dataset.find("interhand/test/128")]).all()
    sample = dataset[dataset.find("interhand/test/268")]
    assert not any(hand.joints_valid.any() for hand in sample.hands)
    assert all(hand.params is not None for hand in sample.hands)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "Capture0/a\0b.jpg", "..", r"a\..\b"])
def test_no_path_leaves_the_root(root: Path, name: str) -> None:
    """B.6 case 31."""
    _edit(root, "data", lambda content: content["images"][2].__setitem__("file_name", name))
    part = _open(root)
    assert len(part) == 35 and any(f.kind == "fault" and "leaves" in f.what for f in part.audit())
    with pytest.raises(BadSampleError, match=r"_data\.json: file_name: path .* leaves"):
        _open(root, missing="keep").read(2)


def test_a_sequence_name_leads_nowhere(root: Path) -> None:
    def change(content: Any) -> None:
        content["images"][2].update(seq_name="../../..", file_name="Capture0/../../../cam400412/image10.jpg")

    _edit(root, "data", change)
    with pytest.raises(BadSampleError, match="leaves"):
        _open(root, missing="keep").read(2)


def test_a_picture_that_is_none_is_named(root: Path) -> None:
    path = root / "images/test/Capture0/ROM01/cam400026/image10.jpg"
    path.write_bytes(b"<html>404")
    with pytest.raises(BadSampleError, match=r"image10\.jpg: not a picture: it starts with b'<html"):
        _open(root)[0]
    assert any("not a picture" in finding.what for finding in _open(root).audit())


def test_numbers_that_do_not_agree_are_found(root: Path) -> None:
    _edit(root, "data", lambda content: content["annotations"][3]["bbox"].__setitem__(0, 500.0))
    _edit(root, "MANO_NeuralAnnot", lambda c: c["0"]["16"]["right"]["trans"].__setitem__(1, 0.5))
    _edit(root, "camera", lambda c: c["1"]["princpt"].__setitem__("400026", [5000.0, 0.0]))
    found = list(_open(root).audit())
    text = "\n".join(f"{f.kind} {f.where}: {f.what}" for f in found)
    assert "fault bbox: 5 of 36 boxes" in text and "worst: " in text
    assert "fault capture 0 frame 16 right: MANO joints are 4" in text
    assert "note MANO: right hand: MANO joints are 0.00 mm from the annotated ones (median of 8)" in text
    assert "fault capture 1 camera 400026: 168 of 168 joints project outside" in text


def test_published_faults_and_counts_are_told(root: Path) -> None:
    """Only of the official data: a made tree is not held against them."""
    assert not [f for f in _open(root).audit() if "issues/" in f.remedy or "officially" in f.what]
    (root / "annotations/handbench.json").unlink()

    def change(content: Any) -> None:
        for image in content["images"][:12]:
            image["seq_name"] = "ROM09_Interaction_Fingers_Touching"
            image["frame_idx"] = 29700 if image["frame_idx"] == 10 else image["frame_idx"]

    _edit(root, "data", change)
    for split in ("data", "camera", "joint_3d"):
        path = _file(root, split)
        to = root / "annotations/val" / path.name.replace("test", "val")
        to.parent.mkdir(exist_ok=True)
        shutil.copy(path, to)
    found = {f.remedy.rpartition("/")[2]: f for f in _open(root, split="val", missing="keep").audit()}
    assert found["104"].what.startswith("3 pictures: the left hand's 3D joints are wrong")
    assert found["157"].what.startswith("12 pictures: ") and found["100"].kind == "note"
    test = list(_open(root, split="test", missing="keep").audit())
    assert "104" not in {f.remedy.rpartition("/")[2] for f in test}
    counts = [f.what for f in test if "officially" in f.what]
    assert counts == [
        "24 annotations (single), officially 488968 at 5 fps",
        "12 annotations (interacting), officially 360192 at 5 fps",
        "36 annotations (all), officially 849160 at 5 fps",
    ]


def test_a_clean_tree_has_no_fault(root: Path) -> None:
    assert not [finding for finding in _open(root).audit() if finding.kind == "fault"]


def test_the_hand_model_must_be_the_one_of_the_records(root: Path) -> None:
    mark = root / "annotations/handbench.json"
    content = json.loads(mark.read_text())
    mark.write_text(json.dumps({**content, "sha256": "0" * 64}))
    with pytest.raises(
        HandbenchError, match="belong to the procedural hand 000000000000, hand_model=procedural is"
    ):
        _open(root, hand_model="procedural")
    mark.write_text(json.dumps({"schema": "x"}))
    with pytest.raises(HandbenchError, match=r"handbench\.json: expected schema"):
        _open(root, hand_model="procedural")
    mark.unlink()
    dataset = _open(root)
    assert dataset[0].hands[0].params is None and any("hand_model=mano:DIR" in x for x in dataset.summary())
    assert dataset.ground_truth().hands[dataset[0].hands[0].side].pose is None
    assert _open(root, hand_model="procedural")[0].hands[0].params is not None
    with pytest.raises(HandbenchError, match="unknown hand model"):
        _open(root, hand_model="mono")


def test_id_lists_and_rootnet_are_checked(root: Path) -> None:
    ids = root / "annotations" / f"aid_human_annot_{SPLIT}.txt"
    ids.write_text("100\nx\n")
    with pytest.raises(HandbenchError, match=r"aid_human_annot_test\.txt: a line is no annotation id"):
        _open(root)
    ids.unlink()
    output = root / "rootnet_output/rootnet_interhand2.6m_output_test.json"
    output.parent.mkdir()
    for content, message in (
        ([{"annot_id": 100, "bbox": [1, 2, 3], "abs_depth": [1, 2]}], r"entry\[0\]: bbox has shape \(3,\)"),
        ([{"annot_id": 100, "bbox": [1, 2, 3, 4]}], r"entry\[0\]: lacks 'abs_depth'"),
        ([{"annot_id": 100, "bbox": [1, 2, 3, 4], "abs_depth": 3.0}], r"abs_depth has shape \(1,\)"),
        ({"a": 1}, "expected a list"),
    ):
        output.write_text(json.dumps(content))
        with pytest.raises(HandbenchError, match=message):
            _open(root)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("r_thumb4 0 1", "r_thumb1 0 1"), "joint 0 is r_thumb1 with parent 1"),
        (
            lambda text: text.replace("l_wrist 41 -1\n", ""),
            "joint 41 is missing, expected l_wrist with parent -1",
        ),
        (lambda text: text + "x 42 0\n", "43 joints, expected 42"),
        (lambda text: text + "x 42\n", r"line 44 is 'x 42', expected 'name id parent'"),
    ],
)
def test_another_skeleton_is_found(root: Path, change: Callable[[str], str], message: str) -> None:
    path = root / "annotations/skeleton.txt"
    path.write_text(change(path.read_text()))
    assert any(f.kind == "fault" and message in f.what for f in _open(root).audit())


def test_a_cache_that_was_cleared_is_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANDBENCH_CACHE", str(tmp_path / "cache"))
    _open(root)
    data = pickle.dumps(_open(root))
    shutil.rmtree(tmp_path / "cache")
    with pytest.raises(HandbenchError, match="the cache was cleared"):
        pickle.loads(data)


def test_columns_hold_no_objects(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B.6 case 29: the cache is read without pickle, and a poisoned entry is built anew."""
    monkeypatch.setenv("HANDBENCH_CACHE", str(tmp_path / "cache"))
    whole = list(_open(root).keys)
    entries = list((tmp_path / "cache").rglob("id.npy"))
    assert len(entries) == 1
    np.save(entries[0], np.array([{"a": 1}], dtype=object), allow_pickle=True)
    assert list(_open(root).keys) == whole
    monkeypatch.setenv("HANDBENCH_CACHE", "off")
    assert list(_open(root).keys) == whole
