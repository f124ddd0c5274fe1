"""HO-3D trees of the procedural hand through the loader: equal to what was put into them, or named."""

from __future__ import annotations

import dataclasses
import json
import os
import pickle
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from ho3d_trees import FRAMES, K, Tree, make_scene, meta_of, write_frame, write_released, write_tree

from handbench import load_dataset
from handbench.arrays import FloatArray
from handbench.datasets import Dataset, Finding
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats import ho3d, ho3d_tree
from handbench.formats.ho3d_extra import ABOUT, FOLDER, LABELS
from handbench.formats.ho3d_meta import write_meta
from handbench.formats.ho3d_released import XYZ, write_released_gt
from handbench.formats.ho3d_seg import encode_seg
from handbench.loaders.ho3d import Ho3d
from handbench.loaders.ho3d_metas import DAMAGED, EMPTY, GOOD, read_all, read_metas
from handbench.types import Sample, Side

ANNOTATED = [line for line in FRAMES if line != ("ABF10", "0007")]
Copy = Callable[..., Tree]


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], Tree]:
    folder = tmp_path_factory.mktemp("ho3d")
    kinds: list[tuple[ho3d_tree.Version, ho3d_tree.Split]] = [
        ("v2", "train"), ("v3", "train"), ("v3", "evaluation")
    ]  # fmt: skip
    return {(v, s): write_tree(folder / f"{v}_{s}", v, s) for v, s in kinds}


@pytest.fixture
def copy(trees: dict[tuple[str, str], Tree], tmp_path: Path) -> Copy:
    """Gives a tree that a test may damage."""

    def make(version: str = "v3", split: str = "train") -> Tree:
        tree = trees[version, split]
        shutil.copytree(tree.root, tmp_path / "tree")
        return dataclasses.replace(tree, root=tmp_path / "tree")

    return make


def opened(tree: Tree, **options: str) -> Dataset:
    return load_dataset("ho3d", tree.root, quiet=True, version=tree.version, split=tree.split, **options)


def meta_path(tree: Tree, sequence: str, frame: str) -> Path:
    return ho3d_tree.meta_path(tree.root, tree.split, sequence, frame)


@pytest.mark.parametrize("version", ["v2", "v3"])
def test_a_training_split_comes_back(trees: dict[tuple[str, str], Tree], version: str) -> None:
    tree = trees[version, "train"]
    dataset = opened(tree, hand_model="procedural")
    assert list(dataset.keys) == [f"ho3d_{version}/train/{s}/{f}" for s, f in ANNOTATED]
    for sample, line in zip(dataset, ANNOTATED, strict=True):
        scene = tree.scenes[line]
        (hand,), (thing,) = sample.hands, sample.objects
        assert hand.side is Side.RIGHT and hand.params is not None and hand.joints_valid.all()
        assert np.abs(hand.joints - scene.mesh.joints21).max() < 1e-9
        assert hand.vertices is not None and np.abs(hand.vertices - scene.mesh.vertices).max() < 1e-9
        assert np.abs(hand.params.transl - scene.params.transl).max() < 1e-9
        np.testing.assert_array_equal(sample.camera.K, K)
        pixels = sample.camera.project(hand.joints)
        size = pixels.max(axis=0) - pixels.min(axis=0)
        assert hand.box is not None
        np.testing.assert_allclose(hand.box, [*pixels.min(axis=0), *size], atol=1e-9)
        np.testing.assert_allclose(thing.R, scene.object_R, atol=1e-9)
        assert thing.corners is not None and thing.corners_rest is not None
        assert thing.name == "019_pitcher_base"
        np.testing.assert_allclose(thing.corners, scene.corners, atol=1e-12)
        np.testing.assert_allclose(thing.corners_rest @ thing.R.T + thing.t, thing.corners, atol=1e-9)
        assert hand.visible_mask is not None and thing.visible_mask is not None and sample.depth is not None
        most = 0 if version == "v3" else 0.005
        assert (hand.visible_mask.read() != scene.hand).mean() <= most
        assert (thing.visible_mask.read() != scene.thing).mean() <= most
        assert np.abs(sample.depth.read() - scene.depth).max() < ho3d.DEPTH_SCALE
        picture = sample.image.read()
        assert picture.shape == (480, 640, 3)
        assert np.abs(picture[scene.hand].mean(axis=0) - (210, 160, 130)).max() < 8
        assert sample.meta["contact_vertices"] == 31


def test_recordings_and_frames_before(trees: dict[tuple[str, str], Tree]) -> None:
    dataset = opened(trees["v3", "train"])
    meta = {line: dataset[i].meta for i, line in enumerate(ANNOTATED)}
    assert meta["ABF11", "0001"]["recording"] == meta["ABF10", "0000"]["recording"] == "ABF1"
    assert (meta["ABF11", "0001"]["camera"], meta["SM1", "0012"]["camera"]) == ("1", "0")
    assert meta["SM1", "0012"]["frame"] == 12

    def before(line: tuple[str, str], gap: int) -> tuple[str, str] | None:
        index = dataset.previous_index(ANNOTATED.index(line), gap)
        return None if index is None else ANNOTATED[index]

    # The list is not in order of time, and ids have gaps.
    assert before(("ABF10", "0001"), 1) == ("ABF10", "0000")
    assert before(("ABF10", "0003"), 2) == ("ABF10", "0001")
    assert before(("ABF10", "0003"), 1) is None
    assert before(("ABF11", "0001"), 1) is None
    assert before(("ABF10", "0000"), 1) is None
    assert before(("SM1", "0012"), 2) == ("SM1", "0010")
    found = dataset.previous(dataset[ANNOTATED.index(("ABF10", "0003"))], 3)
    assert isinstance(found, Sample) and found.key.endswith("ABF10/0000")


def test_an_evaluation_split_has_wrist_and_box(trees: dict[tuple[str, str], Tree]) -> None:
    tree = trees["v3", "evaluation"]
    dataset = opened(tree)
    assert {f.kind for f in dataset.audit()} <= {"note", "missing"}
    truth = dataset.ground_truth().hands[Side.RIGHT]
    assert truth.vertices is None and truth.pose is None
    for i, line in enumerate(ANNOTATED):
        hand, scene = dataset[i].hands[0], tree.scenes[line]
        assert hand.joints_valid.tolist() == [True] + [False] * 20
        np.testing.assert_allclose(hand.joints[0], scene.mesh.joints21[0], atol=1e-12)
        assert np.isnan(hand.joints[1:]).all() and hand.params is None and hand.vertices is None
        pixels = dataset[i].camera.project(scene.mesh.vertices)
        size = pixels.max(axis=0) - pixels.min(axis=0)
        assert hand.box is not None
        np.testing.assert_allclose(hand.box, [*pixels.min(axis=0), *size], atol=1e-9)
        assert truth.box is not None
        np.testing.assert_array_equal(truth.box[i], hand.box)
        # The posed box is not in the file: it follows from the rest box.
        corners = dataset[i].objects[0].corners
        assert corners is not None
        np.testing.assert_allclose(corners, scene.corners, atol=1e-9)


def test_the_released_truth_fills_an_evaluation_split(copy: Copy) -> None:
    tree = copy("v3", "evaluation")
    without = opened(tree).fingerprint
    write_released(tree)
    dataset = opened(tree)
    assert dataset.fingerprint != without
    truth = dataset.ground_truth()
    assert (truth.tips, truth.partial, truth.dataset) == ("ho3d", True, "ho3d_v3")
    assert list(truth.recordings[:3]) == ["ABF1"] * 3
    hand = truth.hands[Side.RIGHT]
    assert hand.joints_valid.all() and hand.vertices is not None
    for i, line in enumerate(ANNOTATED):
        mesh, read = tree.scenes[line].mesh, dataset[i].hands[0]
        for joints, vertices in ((hand.joints[i], hand.vertices[i]), (read.joints, read.vertices)):
            assert np.abs(joints - mesh.joints21).max() < 1e-6
            assert vertices is not None and np.abs(vertices - mesh.vertices).max() < 1e-6
    assert not [f for f in dataset.audit() if f.kind == "fault"]


def test_what_is_missing_is_counted_and_left_out(copy: Copy) -> None:
    tree = copy()
    meta_path(tree, "SM1", "0010").unlink()
    ho3d_tree.rgb_path(tree.root, "v3", "train", "SM1", "0012").unlink()
    ho3d_tree.depth_path(tree.root, "train", "ABF11", "0001").unlink()
    dataset = opened(tree)
    assert [key.split("/", 2)[2] for key in dataset.keys] == [
        "ABF10/0003",
        "ABF10/0001",
        "ABF11/0001",
        "ABF10/0000",
    ]
    assert (dataset.coverage.present, dataset.coverage.expected, dataset.coverage.partial) == (
        4,
        83_325,
        True,
    )
    text = "\n".join(dataset.summary())
    for words in (
        "train.txt lists 7 frames, the official one 83,325",
        "without meta/*.pkl: 1 of the list, first SM1/0010",
        "not annotated (every field None): 1 of the list, first ABF10/0007", "without a picture: 1",
    ):  # fmt: skip
        assert words in text
    assert dataset[2].depth is None
    assert any("no depth map for 1 of 4" in f.what for f in dataset.audit())


def test_annotation_alone_is_enough_for_scoring(copy: Copy) -> None:
    tree = copy()
    for sequence in ("ABF10", "ABF11", "SM1"):
        shutil.rmtree(tree.root / "train" / sequence / "rgb")
    dataset = opened(tree)
    assert (len(dataset), dataset.coverage.present) == (6, 0)
    assert dataset.ground_truth().hands[Side.RIGHT].joints_valid.all()
    with pytest.raises(BadSampleError, match=r"0003\.jpg: No such file"):
        dataset[0].image.read()


def test_a_sequence_that_is_missing_as_a_whole(copy: Copy) -> None:
    tree = copy()
    shutil.rmtree(tree.root / "train" / "SM1")
    assert len(opened(tree)) == 4


class _Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch ran",)


def test_a_bad_annotation_costs_one_sample(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = copy()
    monkeypatch.chdir(tree.root)
    scene = tree.scenes["SM1", "0012"]
    path = meta_path(tree, "SM1", "0012")
    at = ANNOTATED.index(("SM1", "0012"))
    good = meta_of(scene, False)
    assert good.hand_pose is not None
    write_meta(path, dataclasses.replace(good, hand_pose=good.hand_pose * np.nan))
    dataset = opened(tree)
    assert len(dataset) == 6 and dataset.coverage.present == 5
    with pytest.raises(
        BadSampleError, match=r"SM1/meta/0012\.pkl: handPose holds values that are not finite"
    ):
        dataset[at]
    assert not dataset.ground_truth().hands[Side.RIGHT].joints_valid[at].any()
    assert dataset[at - 1].hands[0].joints_valid.all()
    path.write_bytes(pickle.dumps(_Evil()))
    dataset = opened(tree)
    with pytest.raises(BadSampleError, match=r"the pickle names posix\.system, which is refused"):
        dataset[at]
    assert any(f.kind == "fault" and "posix.system" in f.what for f in dataset.audit())
    # Mended behind the back of an open dataset: it says so; opened again, it is good.
    write_meta(path, good)
    with pytest.raises(BadSampleError, match="changed since the dataset was opened"):
        dataset[at]
    assert opened(tree)[at].hands[0].joints_valid.all()
    assert not (tree.root / "ran").exists()


def test_a_bad_picture_is_named(copy: Copy) -> None:
    tree = copy()
    dataset = opened(tree)
    rgb = ho3d_tree.rgb_path(tree.root, "v3", "train", "ABF10", "0003")
    data = rgb.read_bytes()
    depth = ho3d_tree.depth_path(tree.root, "train", "ABF10", "0003")
    seg = ho3d_tree.seg_path(tree.root, "v3", "train", "ABF10", "0003")
    small = cv2.imencode(".jpg", np.zeros((240, 320, 3), np.uint8))[1].tobytes()
    for content, words in (
        (b"", "the file is empty"), (b"<html>not found</html>", "not a picture"),
        (data[:100], "cut short"), (small, "320 x 240 pixels, expected 640 x 480"),
    ):  # fmt: skip
        rgb.write_bytes(content)
        with pytest.raises(BadSampleError, match=f"ABF10/rgb/0003.jpg: .*{words}"):
            dataset[0].image.read()
    depth.write_bytes(depth.read_bytes()[:60])
    seg.write_bytes(seg.read_bytes()[:60])
    sample = dataset[0]
    mask = sample.hands[0].visible_mask
    assert sample.depth is not None and mask is not None
    for reader in (sample.depth.read, mask.read):
        with pytest.raises(BadSampleError, match=r"0003\.png: does not decode"):
            reader()
    assert any("320 x 240" in f.what for f in dataset.audit())


def test_lists_that_do_not_fit_are_refused(copy: Copy) -> None:
    tree = copy("v3", "evaluation")
    (tree.root / "evaluation.txt").write_text("ABF10/0000\n../../../etc/0001\n")
    with pytest.raises(HandbenchError, match=r"evaluation\.txt:2: path .* leaves"):
        opened(tree)
    lines = [(f"S{i // 10_000}", f"{i % 10_000:04d}") for i in range(11_524)]
    ho3d_tree.write_split(tree.root, "evaluation", lines)
    with pytest.raises(
        HandbenchError, match=r"lists 11,524 frames: that is HO-3D v2, not v3 \(open it with version=v2"
    ):
        opened(tree)
    ho3d_tree.write_split(tree.root, "evaluation", FRAMES)
    write_released_gt(tree.root, np.zeros((6, 21, 3)), np.zeros((6, 778, 3)))
    with pytest.raises(HandbenchError, match=r"evaluation_xyz.json: 6 rows, but evaluation.txt lists 7"):
        opened(tree)
    with pytest.raises(HandbenchError, match="unknown hand model 'smpl'"):
        load_dataset("ho3d", tree.root, quiet=True, split="evaluation", hand_model="smpl")
    with pytest.raises(HandbenchError, match="'version' is 'v4'"):
        load_dataset("ho3d", tree.root, quiet=True, version="v4")


def test_it_travels_to_workers_by_path(trees: dict[tuple[str, str], Tree]) -> None:
    dataset = opened(trees["v3", "train"])
    data = pickle.dumps(dataset)
    assert len(data) < 1000
    again = pickle.loads(data)
    assert isinstance(again, Ho3d)
    assert (again.keys, again.fingerprint, again.coverage) == (
        dataset.keys,
        dataset.fingerprint,
        dataset.coverage,
    )
    np.testing.assert_array_equal(again[3].hands[0].joints, dataset[3].hands[0].joints)
    assert pickle.loads(pickle.dumps(dataset[3])).key == dataset[3].key
    assert dataset.find(dataset.keys[4]) == 4
    with pytest.raises(HandbenchError, match="no sample 'x'"):
        dataset.find("x")


def _swap_colours(tree: Tree) -> None:
    for path in tree.root.glob("train/*/seg/*.png"):
        picture = cv2.imread(str(path))
        assert picture is not None
        cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]))


def test_swapped_colours_are_noticed(copy: Copy) -> None:
    tree = copy()
    _swap_colours(tree)
    dataset = opened(tree)
    mask = dataset[0].hands[0].visible_mask
    assert mask is not None
    np.testing.assert_array_equal(mask.read(), tree.scenes[ANNOTATED[0]].hand)
    # Colours that have nothing to do with hand and object decide nothing, and no mask is made up.
    half = np.arange(640) % 2 == 0
    for path in tree.root.glob("train/*/seg/*.png"):
        path.unlink()
        seg = encode_seg(np.tile(half, (480, 1)), np.tile(~half, (480, 1)), "v3")
        cv2.imwrite(str(path), seg)
    dataset = opened(tree)
    assert dataset[0].hands[0].visible_mask is None
    assert any(f.kind == "fault" and "cannot tell hand from object" in f.what for f in dataset.audit())


def _faults(tree: Tree) -> list[Finding]:
    return [f for f in opened(tree, hand_model="procedural").audit() if f.kind == "fault"]


def _rewrite(tree: Tree, change: Callable[[FloatArray], FloatArray]) -> None:
    for sequence, frame in ANNOTATED:
        good = meta_of(tree.scenes[sequence, frame], False)
        write_meta(
            meta_path(tree, sequence, frame), dataclasses.replace(good, hand_joints=change(good.hand_joints))
        )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda joints: joints * 1000, "the median bone has .* m, expected"),
        (lambda joints: joints * [1, -1, -1], "the hand is behind the camera in 6 samples"),
        (lambda joints: joints[ho3d.FROM_HO3D21], "OPENPOSE21 already"),
        (
            lambda joints: joints + 0.02 * (np.arange(21) == 3)[:, None],
            "the procedural hand is not the data's",
        ),
    ],
)
def test_mixed_up_conventions_are_named(
    copy: Copy, change: Callable[[FloatArray], FloatArray], words: str
) -> None:
    tree = copy()
    _rewrite(tree, change)
    assert any(re.search(words, f"{f.what} {f.remedy}") for f in _faults(tree))


def test_a_good_tree_has_no_fault_and_an_outlier_is_listed(copy: Copy) -> None:
    tree = copy()
    assert _faults(tree) == []
    assert any("gaps in the ids" in f.what for f in opened(tree).audit())
    good = meta_of(tree.scenes["SM1", "0012"], False)
    joints = good.hand_joints.copy()
    joints[8] += 0.01
    write_meta(meta_path(tree, "SM1", "0012"), dataclasses.replace(good, hand_joints=joints))
    (fault,) = _faults(tree)
    assert "1 samples beyond 5 mm, first SM1/0012" in fault.what


def test_wrists_in_millimetres_and_pictures_of_the_other_version_are_named(copy: Copy) -> None:
    tree = copy("v3", "evaluation")
    for line in ANNOTATED:
        good = meta_of(tree.scenes[line], True)
        write_meta(meta_path(tree, *line), dataclasses.replace(good, hand_joints=good.hand_joints * 1000))
    rgb = ho3d_tree.rgb_path(tree.root, "v3", "evaluation", "SM1", "0012")
    picture = cv2.imread(str(rgb))
    assert picture is not None and cv2.imwrite(str(rgb.with_suffix(".png")), picture)
    findings = [f"{f.kind}: {f.what} {f.remedy}" for f in opened(tree).audit()]
    assert any("fault: the median wrist is" in line and "millimetres?" in line for line in findings)
    assert any(
        "1 pictures are no .jpg as in v3, first SM1/0012 is it version=v2?" in line for line in findings
    )


def test_a_released_wrist_that_differs_is_named(copy: Copy) -> None:
    tree = copy("v3", "evaluation")
    write_released(tree)
    scenes = [tree.scenes[line] for line in reversed(FRAMES)]
    xyz = np.stack([ho3d.joints_to_opengl(scene.mesh.joints21) for scene in scenes])
    write_released_gt(tree.root, xyz, np.stack([s.mesh.vertices for s in scenes]))
    faults = [f for f in opened(tree).audit() if f.kind == "fault"]
    assert any(f.where == XYZ and "from the pickle's" in f.what for f in faults)


def test_v2_segmentations_may_lie_beside_the_tree(copy: Copy) -> None:
    tree = copy("v2")
    shutil.move(tree.root / ho3d_tree.V2_SEGMENTATION, tree.root.parent / ho3d_tree.V2_SEGMENTATION)
    assert opened(tree)[0].hands[0].visible_mask is not None
    shutil.rmtree(tree.root.parent / ho3d_tree.V2_SEGMENTATION)
    assert opened(tree)[0].hands[0].visible_mask is None


def test_a_frame_that_comes_later_is_seen(copy: Copy) -> None:
    tree = copy()
    write_frame(tree, "SM1", "0011", make_scene(40))
    ho3d_tree.write_split(tree.root, "train", [*FRAMES, ("SM1", "0011")])
    dataset = opened(tree)
    assert len(dataset) == 7
    assert dataset.previous_index(ANNOTATED.index(("SM1", "0012"))) == 6


def test_a_synthetic_tree_tells_its_strata_and_what_is_seen(copy: Copy) -> None:
    tree = copy()
    about = {
        "schema": "handbench.ho3d/1",
        "version": "v3",
        "takes": {"ABF1": {"stratum": "fast"}, "SM1": {"stratum": "plain"}},
    }
    (tree.root / ABOUT).write_text(json.dumps(about))
    seen = np.linspace(0, 1, 8)
    visibility = np.linspace(0, 1, 8 * 21).reshape(8, 21)
    for sequence in ("ABF10", "SM1"):
        folder = tree.root / FOLDER / sequence
        folder.mkdir(parents=True)
        flags = np.arange(8) % 2 == 1
        np.savez(
            folder / LABELS, id=np.arange(8), visibility=visibility, seen=seen, held=flags, hidden=~flags
        )
    dataset = opened(tree)
    assert "synthetic" in dataset.summary()[0] and dataset.coverage.expected == 7
    sample = dataset[0]
    assert sample.key.endswith("ABF10/0003")
    assert {k: sample.meta[k] for k in ("stratum", "held", "hidden")} == {
        "stratum": "fast", "held": True, "hidden": False
    }  # fmt: skip
    assert sample.hands[0].visibility is not None and sample.hands[0].occlusion == pytest.approx(1 - seen[3])
    np.testing.assert_array_equal(sample.hands[0].visibility, visibility[3])
    truth = dataset.ground_truth()
    of_hand = truth.hands[Side.RIGHT].visibility
    assert truth.partial and of_hand is not None
    assert {name: rows.tolist() for name, rows in truth.subsets.items()} == {
        "fast": [True] * 4 + [False] * 2, "plain": [False] * 4 + [True] * 2,
        "held": [True, True] + [False] * 4, "hidden": [False] * 3 + [True] + [False] * 2,
    }  # fmt: skip
    assert np.isnan(of_hand[ANNOTATED.index(("SM1", "0012"))]).all()
    with pytest.raises(HandbenchError, match=r"handbench\.json says v3, not v2 \(open it with version=v3\)"):
        load_dataset("ho3d", tree.root, quiet=True, version="v2")
    (tree.root / FOLDER / "SM1" / LABELS).write_bytes(b"PK")
    with pytest.raises(HandbenchError, match=r"SM1/labels\.npz: "):
        opened(tree)
    np.savez(
        tree.root / FOLDER / "SM1" / LABELS,
        id=np.arange(8),
        visibility=seen,
        seen=seen,
        held=seen,
        hidden=seen,
    )
    with pytest.raises(HandbenchError, match=r"labels\.npz: 8 ids, visibility \(8,\)"):
        opened(tree)
    (tree.root / ABOUT).write_text("{")
    with pytest.raises(HandbenchError, match=r"handbench\.json: "):
        opened(tree)


def test_annotations_read_in_processes_are_the_same(copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    tree = copy()
    meta_path(tree, "SM1", "0012").write_bytes(b"broken")
    paths = [str(meta_path(tree, *line)) for line in FRAMES]
    counts: list[int] = []
    alone = read_metas(paths, counts.append)
    assert alone["state"].tolist() == [GOOD, GOOD, GOOD, GOOD, DAMAGED, EMPTY, GOOD]
    assert sum(counts) == 7

    def both() -> None:
        counts.clear()
        found = read_all(paths, counts.append, workers=2)
        assert found.keys() == alone.keys() and sum(counts) == 7
        for name, values in alone.items():
            np.testing.assert_array_equal(found[name], values)

    both()
    # A process that does not start costs time alone.
    monkeypatch.setattr(sys, "executable", str(tree.root / "nothing"))
    both()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    both()
