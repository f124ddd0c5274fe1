"""InterHand2.6M: what our writer writes our loader reads; the four real frames; options, layouts, keys."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import REAL_DATA, missing
from interhand_tree import FRAMES, SIZE, SPLIT, Scene, make_tree

from handbench.datasets import DATASETS, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats import interhand as format
from handbench.formats import interhand_write as write
from handbench.formats.interhand_params import mano_record, params_from_record
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.skeleton import INTERHAND42, OPENPOSE21
from handbench.types import HandParams, Side


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_tree(tmp_path_factory.mktemp("interhand"))


def _open(root: Path, **options: Any) -> Any:
    return load_dataset("interhand", root, quiet=True, **options)


def _copy(scene: Scene, to: Path) -> Path:
    return Path(shutil.copytree(scene.root, to / "tree"))


def _json(root: Path, kind: str) -> Path:
    return root / "annotations" / SPLIT / f"InterHand2.6M_{SPLIT}_{kind}.json"


def _edit(root: Path, kind: str, change: Any) -> None:
    path = _json(root, kind)
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def _official_order(names: tuple[str, ...]) -> list[str]:
    return [write.official_joint_name(name) for name in names]


def test_the_order_of_42_joints_is_the_official_one() -> None:
    names = _official_order(INTERHAND42.names)
    assert names[:4] == ["r_thumb4", "r_thumb3", "r_thumb2", "r_thumb1"]
    assert (names[16], names[20], names[21], names[41]) == ("r_pinky4", "r_wrist", "l_thumb4", "l_wrist")
    values = np.random.default_rng(0).normal(size=(5, 42, 3))
    sides = format.split_sides(values)
    assert np.array_equal(format.join_sides(sides), values)
    assert np.array_equal(sides[:, 1, OPENPOSE21.index("index4")], values[:, 21 + 4])
    flags = values[..., 0] > 0
    assert np.array_equal(format.join_sides(format.split_sides(flags)), flags)


def test_the_files_beside_the_json_are_the_official_ones(scene: Scene) -> None:
    lines = (scene.root / "annotations/skeleton.txt").read_text().splitlines()
    assert "r_thumb4 0 1" in lines and "r_wrist 20 -1" in lines and "l_thumb1 24 41" in lines
    record = json.loads(_json(scene.root, "data").read_text())["annotations"][0]
    assert record["joint_valid"][0] == [1] and record["hand_type"] == "right"
    joints = json.loads(_json(scene.root, "joint_3d").read_text())["0"]["10"]
    assert joints["world_coord"][30] == [1.0, 1.0, 1.0] and joints["joint_valid"][30] == [False]


@pytest.mark.parametrize("side", list(Side))
def test_parameters_move_between_world_and_camera_exactly(side: Side, scene: Scene) -> None:
    rng = np.random.default_rng(3)
    model = load_hand_model("procedural", side)
    camera = scene.cameras[100]
    params = HandParams(side, rng.normal(0, 0.6, 48), rng.normal(size=10), rng.normal(size=3))
    record = mano_record(params, model)
    assert np.allclose(np.array(record["pose"][3:]) + model.hands_mean, params.pose[3:])
    there = params_from_record(record, side, model, camera.R, camera.t)
    moved = camera.to_camera(forward_one(model, params).vertices)
    assert np.abs(forward_one(model, there).vertices - moved).max() < 1e-9
    back = mano_record(there, model, camera.R, camera.t)
    assert np.abs(np.array(back["trans"]) - params.transl).max() < 1e-9
    turned = axis_angle_to_matrix(np.array(back["pose"][:3])) - axis_angle_to_matrix(params.pose[:3])
    assert np.abs(turned).max() < 1e-9
    with pytest.raises(ValueError, match="model of a"):
        mano_record(params, load_hand_model("procedural", side.other))


def test_what_was_written_is_read(scene: Scene) -> None:
    dataset = _open(scene.root, mesh=True)
    assert len(dataset) == len(scene.cameras) == 36 and not dataset.coverage.partial
    for sample in dataset:
        id = int(sample.key.removeprefix("interhand/test/"))
        camera, box = scene.cameras[id], next(a for a in scene.annotations if a["id"] == id)["bbox"]
        assert {hand.side for hand in sample.hands} == set(scene.joints[id])
        assert np.abs(sample.camera.K - camera.K).max() < 1e-12
        assert np.abs(sample.camera.t - camera.t).max() < 1e-12 and sample.camera.size == SIZE
        assert np.array_equal(sample.box, box)
        for hand in sample.hands:
            assert hand.joints_valid.all() and hand.params is not None and hand.vertices is not None
            assert np.abs(hand.joints - scene.joints[id][hand.side]).max() < 1e-9
            mesh = forward_one(load_hand_model("procedural", hand.side), hand.params, "interhand")
            assert np.abs(mesh.joints21 - hand.joints).max() < 1e-8
            assert np.array_equal(mesh.vertices, hand.vertices)
            assert np.allclose(hand.params.pose[3:], scene.params[id][hand.side].pose[3:], atol=1e-12)
        assert np.abs(sample.image.read().astype(int) - (40 + id % 200)).max() < 4
    first = dataset[0]
    assert first.meta["recording"] == "0/ROM01" and first.meta["camera"] == "400026"
    assert not first.meta["grey"] and dataset[1].meta["grey"]


def test_the_columns_are_the_samples(scene: Scene) -> None:
    dataset = _open(scene.root, mesh=True)
    truth = dataset.ground_truth()
    assert list(truth.keys) == [sample.key for sample in dataset] and not truth.partial
    for i, sample in enumerate(dataset):
        assert truth.recordings[i] == sample.meta["recording"]
        assert truth.hand_type[i] == sample.meta["hand_type"]
        assert truth.videos[i] == f"{sample.meta['recording']}/{sample.meta['camera']}"
        assert truth.frames is not None and truth.frames[i] == sample.meta["frame"]
        assert np.array_equal(truth.K[i], sample.camera.K)
        for side in Side:
            hand, column = sample.hand(side), truth.hands[side]
            if hand is None:
                assert not column.joints_valid[i].any() and np.isnan(column.joints[i]).all()
                assert column.pose is not None and np.isnan(column.pose[i]).all()
                continue
            assert hand.params is not None
            for ours, theirs in (
                (column.joints, hand.joints), (column.pose, hand.params.pose),
                (column.vertices, hand.vertices), (column.mesh_joints, hand.joints),
                (column.transl, hand.params.transl), (column.betas, hand.params.betas),
            ):  # fmt: skip
                assert ours is not None and theirs is not None
                assert np.abs(ours[i] - theirs).max() < 1e-6
    counts = [truth.hands[side].joints_valid.sum(axis=1) > 1 for side in (Side.RIGHT, Side.LEFT)]
    assert np.array_equal(dataset.present(), np.stack(counts, axis=1))
    assert truth.subsets["interacting"].sum() == 12 and truth.subsets["single"].sum() == 24
    for i in np.flatnonzero(truth.subsets["interacting"]).tolist():
        right, left = (truth.hands[side].joints[i] for side in (Side.RIGHT, Side.LEFT))
        least = np.linalg.norm(right[:, None] - left[None], axis=-1).min()
        assert truth.subsets["close"][i] == (least < 0.02)
    assert 0 < truth.subsets["close"].sum() < 12 and not truth.subsets["close"][:24].any()


def test_frames_before_count_in_the_steps_of_the_recording(scene: Scene) -> None:
    dataset = _open(scene.root)
    frames = [sample.meta["frame"] for sample in dataset]
    for i, frame in enumerate(frames):
        for gap in (1, 2, 3):
            before = dataset.previous_index(i, gap)
            there = frame - 3 * gap
            if there % 1000 in FRAMES:
                assert before is not None
                old, new = dataset[before].meta, dataset[i].meta
                assert old["frame"] == there and (old["camera"], old["recording"]) == (
                    new["camera"], new["recording"],
                )  # fmt: skip
            else:
                assert before is None
    assert dataset.previous_index(9, 2) == 6


def test_keys_are_found_and_the_dataset_travels(scene: Scene) -> None:
    dataset = _open(scene.root)
    assert dataset.find("interhand/test/107") == 1 and "interhand/test/108" not in dataset.keys
    with pytest.raises(HandbenchError, match="no sample 'interhand/test/108'"):
        dataset.find("interhand/test/108")
    with pytest.raises(ValueError):
        dataset.keys.index("interhand/test/0107")
    data = pickle.dumps(dataset)
    copy = pickle.loads(data)
    assert copy[5].key == dataset[5].key and copy.fingerprint == dataset.fingerprint
    assert np.array_equal(copy[30].hands[0].joints, dataset[30].hands[0].joints)
    assert copy.previous_index(9, 2) == 6 and len(data) < 60_000
    left = pickle.loads(pickle.dumps(_open(scene.root, hand_type="left")))
    assert len(left) == 12 and left[0].meta["hand_type"] == "left"
    assert len(dataset[2:5]) == 3
    with pytest.raises(IndexError):
        dataset[36]


def test_options_choose(scene: Scene, tmp_path: Path) -> None:
    kinds = {"single": 24, "interacting": 12, "right": 12, "left": 12, "all": 36}
    for hand_type, count in kinds.items():
        assert len(_open(scene.root, hand_type=hand_type)) == count
    with pytest.raises(HandbenchError, match=r"aid_human_annot_test\.txt.*InterWild"):
        _open(scene.root, subset="human")
    with pytest.raises(HandbenchError, match=r"rootnet_interhand2\.6m_output_test_30fps"):
        _open(scene.root, boxes="rootnet", fps=30)
    with pytest.raises(HandbenchError, match="fps=10"):
        _open(scene.root, fps=10)
    with pytest.raises(HandbenchError, match=r"no val/InterHand2\.6M_val_data\.json.*folders there: test"):
        _open(scene.root, split="val")
    with pytest.raises(HandbenchError, match="no folder 'annotations'"):
        _open(tmp_path)


def test_people_and_rootnet_come_from_their_own_files(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)
    write.write_human_ids(root, SPLIT, [100, 114, 99999])
    folder = root / "rootnet_output"
    folder.mkdir()
    output = [{"annot_id": 114, "bbox": [1, 2, 3, 4], "abs_depth": [1000.0, 1200.0]}]
    (folder / "rootnet_interhand2.6m_output_test.json").write_text(json.dumps(output))
    human, machine = (_open(root, subset=subset) for subset in ("human", "machine"))
    assert list(human.keys) == ["interhand/test/100", "interhand/test/114"] and len(machine) == 34
    assert any("1 of 3 ids" in found.what for found in human.audit())
    truth = _open(root, boxes="rootnet").ground_truth()
    assert truth.subsets["human"].sum() == 2
    depths = [truth.hands[side].root_depth for side in (Side.RIGHT, Side.LEFT)]
    assert [depth[2] for depth in depths if depth is not None] == [1.0, 1.2]
    assert depths[0] is not None and np.isnan(depths[0][0]) and truth.hands[Side.RIGHT].box is None
    sample = _open(root, boxes="rootnet")[2]
    assert sample.box is not None and sample.box.tolist() == [1, 2, 3, 4]
    assert sample.meta["root_depth"] == {"right": 1.0, "left": 1.2}
    assert _open(root, boxes="rootnet")[0].box is None


def test_older_and_sharded_layouts_are_recognised(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)
    whole = [sample.key for sample in _open(root)]
    for folder in ("all", "human_annot"):
        shutil.copytree(root / "annotations/test", root / "annotations" / folder)
    shutil.rmtree(root / "annotations/test")
    old = _open(root, subset="human")
    assert [sample.key for sample in old] == whole and old.files.version == "v0.0"
    with pytest.raises(HandbenchError, match="machine_annot"):
        _open(root, subset="machine")
    fast = tmp_path / "fast" / "InterHand2.6M_30fps_batch1"
    thirty = make_tree(fast, with_seq=True)
    for i, some in enumerate((slice(0, 20), slice(20, None)), 1):
        path = fast / "annotations/test" / f"data-{i:03d}.json"
        write.write_data(path, thirty.images[some], thirty.annotations[some])
    _json(fast, "data").unlink()
    assert list(_open(tmp_path / "fast", fps=30).keys) == whole
    with pytest.raises(HandbenchError, match="no folder 'annotations'"):
        _open(tmp_path / "fast", fps=5)


def test_the_machine_annotated_all_of_val(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)
    (root / "annotations/test").rename(root / "annotations/val")
    for path in (root / "annotations/val").iterdir():
        path.rename(path.with_name(path.name.replace("test", "val")))
    (root / "images/test").rename(root / "images/val")
    assert len(_open(root, split="val", subset="machine")) == 36
    with pytest.raises(HandbenchError, match="people annotated nothing"):
        _open(root, split="val", subset="human")
    (root / "annotations/val").rename(root / "annotations/machine_annot")
    for subset in ("all", "machine"):
        dataset = _open(root, split="val", subset=subset)
        assert len(dataset) == 36 and dataset.files.version == "v0.0"
    with pytest.raises(HandbenchError, match=r"human_annot/InterHand2\.6M_val_data"):
        _open(root, split="val", subset="human")


def test_a_part_of_the_pictures_loads(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)
    _open(root)
    shutil.rmtree(root / "images/test/Capture1")
    (root / "images/test/Capture0/ROM01/cam410053/image13.jpg").unlink()
    part = _open(root)
    assert (len(part), part.coverage.expected, part.coverage.partial) == (23, 36, True)
    assert any("13 pictures" in line for line in part.summary()) and part.ground_truth().partial
    assert any(f.kind == "missing" and "13 of 36 pictures" in f.what for f in part.audit())
    kept = _open(root, missing="keep")
    assert len(kept) == 36 and kept[35].camera.size[0] > 0
    with pytest.raises(BadSampleError, match="No such file"):
        kept[35].image.read()
    shutil.rmtree(root / "images")
    with pytest.raises(HandbenchError, match=r"none of the 36 pictures.*missing=keep"):
        _open(root)


def test_joints_follow_the_wrist_and_fillers_are_masked(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)

    def change(data: Any) -> None:
        data["annotations"][0]["joint_valid"][20] = [0]
        data["annotations"][1]["joint_valid"][4] = [0]
        data["annotations"][2]["joint_valid"][41] = [1]

    _edit(root, "data", change)
    dataset = _open(root)
    assert not dataset[0].hand(Side.RIGHT).joints_valid.any()
    one = dataset[1].hand(Side.RIGHT)
    assert np.flatnonzero(~one.joints_valid).tolist() == [OPENPOSE21.index("index4")]
    assert np.isnan(one.joints[8]).all() and np.isfinite(one.joints[one.joints_valid]).all()
    assert dataset[2].hand(Side.LEFT) is None
    notes = " ".join(found.what for found in dataset.audit())
    assert "wrist is not valid" in notes and "filler (1, 1, 1)" in notes and "does not name" in notes


def test_pictures_that_are_black_or_of_another_size(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)
    black = root / "images/test/Capture0/ROM01/cam400026/image10.jpg"
    cv2.imwrite(str(black), np.zeros((SIZE[1], SIZE[0], 3), np.uint8))
    turned = root / "images/test/Capture0/ROM01/cam400026/image13.jpg"
    cv2.imwrite(str(turned), np.full((SIZE[0], SIZE[1], 3), 90, np.uint8))
    assert _open(root)[0].image.read().max() < 8
    with pytest.raises(BadSampleError, match=r"image10\.jpg: all black .*134"):
        _open(root, skip_black=True)[0].image.read()
    dataset = _open(root)
    dataset[0]
    with pytest.raises(BadSampleError, match=r"image13\.jpg: 96 x 64 pixels, expected 64 x 96"):
        dataset[3].image.read()
    found = list(dataset.audit())
    assert any("all black" in f.what for f in found)
    assert any(f.where == "camera 400412" and "the annotation says 96 x 64" in f.what for f in found)


def test_real_frames(tmp_path: Path) -> None:
    root = REAL_DATA / "interhand2.6m_real4"
    if not root.is_dir():
        missing("the real InterHand2.6M frames (set HANDBENCH_REAL_DATA)")
    dataset = _open(root)
    truth = dataset.ground_truth()
    assert list(truth.keys) == [f"interhand/test/{id}" for id in (326750, 286291, 680801, 471953)]
    assert list(truth.hand_type) == ["interacting", "interacting", "left", "right"]
    for sample in dataset:
        image = sample.image.read()
        assert image.shape[1::-1] == sample.camera.size
        pixels = np.concatenate([sample.camera.project(hand.joints) for hand in sample.hands])
        valid = np.concatenate([hand.joints_valid for hand in sample.hands])
        assert np.abs(format.boxes_of(pixels[None], valid[None])[0] - sample.box).max() < 0.01
        assert all(0.6 < hand.joints[0, 2] < 1.3 for hand in sample.hands)
    # The thumb that points up, seen: its tip is above all others.
    right = dataset[3].hand(Side.RIGHT)
    heights = dataset[3].camera.project(right.joints)[:, 1]
    assert heights.argmin() == OPENPOSE21.index("thumb4")
    found = list(dataset.audit())
    assert not [f for f in found if f.kind == "fault"]
    text = " ".join(f.what for f in found if f.kind == "missing")
    assert all(name in text for name in ("MANO", "skeleton.txt", "RootNet", "aid_human_annot_test"))


def test_without_a_split_the_first_that_is_there_is_opened(scene: Scene, tmp_path: Path) -> None:
    root = _copy(scene, tmp_path)
    assert _open(root).split == "test"
    assert DATASETS.get("interhand").splits(root) == ["test"]  # type: ignore[misc]
