"""``synth-interhand``: the official files say what was drawn; motion is smooth and keeps hands apart."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Run
from present import present

from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.seeding import rng_for
from handbench.synth.interhand_motion import CENTRE
from handbench.synth.interhand_pairs import DEEPEST, PairMover
from handbench.synth.interhand_plan import InterhandPlan, frame_number
from handbench.synth.interhand_real import open_real
from handbench.synth.interhand_scene import render_moment, world_parts
from handbench.synth.interhand_studio import studio_cameras
from handbench.synth.interhand_takes import make_take
from handbench.synth.interhand_tree import TakeMaker, synth_interhand
from handbench.synth.pairs import PairSampler, SamplerConfig, make_posers
from handbench.synth.people import PeopleSettings, draw_people
from handbench.synth.renderers import make_renderer
from handbench.types import Side

PLAN = InterhandPlan(frames=3, cameras=4, fps=5, seed=3, renderer="raster")
WORDS = ("--frames", 3, "--cameras", 4, "--fps", 5, "--seed", 3, "--renderer", "raster", "--quiet")
MODELS = {side: load_hand_model("procedural", side) for side in Side}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("interhand") / "ih"
    synth_interhand(out, PLAN, "train=1,test=2", workers=0, quiet=True)
    return out


def official(tree: Path, kind: str) -> Any:
    return json.loads((tree / f"annotations/test/InterHand2.6M_test_{kind}.json").read_bytes())


def test_the_loader_gives_back_the_scene(tree: Path) -> None:
    maker, renderer = TakeMaker(PLAN), make_renderer("raster")
    data = {key.key: key for key in load_dataset("interhand", tree, split="test", quiet=True, mesh=True)}
    image_of = {entry["id"]: entry for entry in official(tree, "data")["images"]}
    seen = 0
    for index in (0, 1):
        capture, take = maker.capture("test", 0), maker.take("test", index)
        for k, frame in enumerate(take.frames):
            parts = world_parts(capture, frame, maker.models)
            for c, camera in enumerate(capture.cameras):
                number = frame_number(index, k, 5)
                found = [
                    i for i, entry in image_of.items()
                    if entry["camera"] == camera.name and entry["frame_idx"] == number
                ]  # fmt: skip
                assert len(found) == 1
                sample = data[f"interhand/test/{found[0]}"]
                view = camera.camera
                assert sample.camera.size == view.size
                for name in ("K", "R", "t"):
                    np.testing.assert_allclose(getattr(sample.camera, name), getattr(view, name), atol=1e-9)
                for hand in sample.hands:
                    drawn = frame[hand.side]
                    joints = forward_one(maker.models[hand.side], drawn.params, "interhand").joints21
                    valid = hand.joints_valid
                    assert np.abs(hand.joints - view.to_camera(joints))[valid].max() < 1e-5
                    assert hand.params is not None
                    mesh = forward_one(maker.models[hand.side], hand.params).vertices
                    part = next(part for part in parts if part.name == hand.side.value)
                    assert np.abs(mesh - view.to_camera(part.vertices)).max() < 1e-5
                    seen += int(valid.sum())
                picture = render_moment(renderer, capture, parts, c, number)
                assert np.abs(sample.image.read().astype(int) - picture).mean() < 4.0
    assert seen > 500


def test_files_follow_the_official_rules(tree: Path) -> None:
    data, cameras, joints = official(tree, "data"), official(tree, "camera"), official(tree, "joint_3d")
    mano = official(tree, "MANO_NeuralAnnot")
    kinds = set()
    for image, entry in zip(data["images"], data["annotations"], strict=True):
        assert (tree / "images/test" / image["file_name"]).is_file()
        assert entry["id"] == entry["image_id"] == image["id"]
        moment = joints[str(image["capture"])][str(image["frame_idx"])]
        kinds.add(entry["hand_type"])
        world, there = np.array(moment["world_coord"]), np.array(moment["joint_valid"])[:, 0]
        assert (world[~there] == 1).all()
        fields = cameras[str(image["capture"])]
        one = {name: np.array(value[image["camera"]]) for name, value in fields.items()}
        seen = (world - one["campos"]) @ one["camrot"].T
        pixels = seen[:, :2] / seen[:, 2:] * one["focal"] + one["princpt"]
        inside = ((pixels >= -0.5) & (pixels < [image["width"] - 0.5, image["height"] - 0.5])).all(axis=1)
        valid = np.array(entry["joint_valid"])[:, 0] == 1
        np.testing.assert_array_equal(valid, there & inside)
        low, high = pixels[valid].min(axis=0), pixels[valid].max(axis=0)
        box = np.concatenate([(low + high) / 2 - 0.6 * (high - low), 1.2 * (high - low)])
        np.testing.assert_allclose(entry["bbox"], box, atol=1e-6)
        record = mano[str(image["capture"])][str(image["frame_idx"])]
        present = {"right", "left"} if entry["hand_type"] == "interacting" else {entry["hand_type"]}
        assert {side for side, value in record.items() if value is not None} == present
        # A made hand is a hand's length from its wrist, in mm and in front of the camera.
        assert 500 < seen[there, 2].min() < seen[there, 2].max() < 1500
    assert kinds == {"interacting", "right"}
    skeleton = (tree / "annotations/skeleton.txt").read_text().splitlines()
    assert len(skeleton) == 43 and skeleton[1].split() == ["r_thumb4", "0", "1"]
    assert "test 0 2000" in (tree / "annotations/subject.txt").read_text().splitlines()
    assert not any("seq" in moment for moments in joints.values() for moment in moments.values())


def test_grey_cameras_truth_about_depth_and_the_manifest(tree: Path) -> None:
    data = load_dataset("interhand", tree, split="test", quiet=True)
    for sample in data:
        picture = sample.image.read().astype(int)
        grey = sample.meta["camera"].startswith("41")
        assert (np.ptp(picture, axis=2).max() == 0) == grey
        # A hand is there: the picture is brighter about its joints than at its corners.
        assert picture.max() > 90
    rootnet = json.loads((tree / "rootnet_output/rootnet_interhand2.6m_output_test.json").read_bytes())
    errors = []
    for entry, sample in zip(rootnet, data, strict=True):
        hand = sample.hands[0]
        if hand.joints_valid[0]:
            side = 0 if hand.side is Side.RIGHT else 1
            errors.append(entry["abs_depth"][side] - 1000 * hand.joints[0, 2])
        assert entry["bbox"][2] == entry["bbox"][3]
    assert 8.0 < np.std(errors) < 40.0
    assert "no network" in json.loads((tree / "handbench.json").read_bytes())["rootnet_output"]
    chosen = (tree / "annotations/aid_human_annot_test.txt").read_text().split()
    assert set(map(int, chosen)) < set(range(len(data)))
    persons = {
        split: {entry["subject"] for entry in json.loads(path.read_bytes())["images"]}
        for split in ("train", "test")
        for path in (tree / f"annotations/{split}").glob("*_data.json")
    }
    assert not persons["train"] & persons["test"]


def test_the_command_continues_and_refuses_other_settings(tree: Path, tmp_path: Path, handbench: Run) -> None:
    out = tmp_path / "tree"
    done = handbench("synth-interhand", "--out", out, "--splits", "test=1", *WORDS)
    assert "test: 12 pictures of 1 takes" in done.stdout
    before = {path: path.read_bytes() for path in out.rglob("*.jpg")}
    assert len(before) == 12
    # The same pictures as in a larger run in another process: a take depends on its number alone.
    for path, content in before.items():
        assert (tree / path.relative_to(out)).read_bytes() == content
    (out / ".units/test-00000.json").unlink()
    assert synth_interhand(out, PLAN, "test=1", workers=0, quiet=True).pictures == {"test": 12}
    assert {path: path.read_bytes() for path in out.rglob("*.jpg")} == before
    with pytest.raises(HandbenchError, match="other settings"):
        synth_interhand(out, replace(PLAN, cameras=2), "test=1", workers=0, quiet=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--splits", "exam=3"), "unknown split 'exam'"),
        (("--splits", "test=many"), "no number of takes"),
        (("--splits", "test=0"), "names no take"),
        (("--fps", "25"), "InterHand2.6M has 5 and 30"),
        (("--size", "640x480"), "give one of 334x512"),
        (("--frames", "0"), "--frames 0"),
        (("--cameras", "0"), "--cameras 0"),
        (("--human", "2"), "--human is a share"),
        (("--poses", "dance"), "give sampler, or tzionas:DIR"),
        (("--poses", "tzionas:/nowhere"), "holds no sequence"),
    ],
)
def test_bad_input_is_one_line(tmp_path: Path, words: tuple[str, ...], said: str) -> None:

    from handbench.cli.synth_interhand import synth_interhand
    from handbench.errors import HandbenchError

    done = CliRunner().invoke(synth_interhand, ["--out", str(tmp_path / "x"), "--renderer", "raster", *words])
    assert isinstance(done.exception, HandbenchError)
    assert said in str(done.exception) and "\n" not in str(done.exception)


def test_two_hands_move_smoothly_and_never_through_each_other() -> None:
    mover = PairMover(PairSampler(MODELS, make_posers(MODELS), SamplerConfig()))
    people = draw_people(rng_for(5, "people"), PeopleSettings(p_two=0.0)).betas
    track = mover.move(rng_for(5, "motion"), people, 150)
    assert len(track.kinds) >= 2
    assert max(mover.depth(frame) for frame in track.frames) <= DEEPEST
    joints = np.stack([[frame[side].joints for side in Side] for frame in track.frames])
    steps = 1000 * np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    # Real hands move by 1.6, 3.9 and 6.9 mm a frame (median, nine tenths, 99 of 100).
    assert 0.5 < np.median(steps) < 3 and np.percentile(steps, 99) < 12
    jerk = 1000 * np.linalg.norm(np.diff(joints, 2, axis=0), axis=-1)
    assert np.percentile(jerk, 99) < 2.5


def test_nothing_of_the_subject_jumps_from_frame_to_frame() -> None:
    maker = TakeMaker(PLAN)
    capture = maker.capture("test", 0)
    for number in (0, 1):
        take = make_take(
            maker.source, maker.models, lambda what: rng_for(2, what), capture.people.betas, number, 25, 1
        )
        seen = [world_parts(capture, frame, maker.models) for frame in take.frames]
        for before, after in itertools.pairwise(seen):
            assert [part.name for part in before] == [part.name for part in after]
            for one, two in zip(before, after, strict=True):
                np.testing.assert_array_equal(one.faces, two.faces)
                assert np.linalg.norm(one.vertices - two.vertices, axis=1).max() < 0.025


def test_cameras_look_at_the_hands_and_do_not_depend_on_their_number() -> None:
    few, many = studio_cameras(0, "a", 3, "mixed"), studio_cameras(0, "a", 40, "mixed")
    other = studio_cameras(0, "b", 3, "mixed")
    for one, two in zip(few, many, strict=False):
        np.testing.assert_array_equal(one.camera.K, two.camera.K)
        np.testing.assert_array_equal(one.camera.t, two.camera.t)
    assert 0.0 < np.abs(few[0].camera.t - other[0].camera.t).max() < 0.03
    assert sum(camera.grey for camera in many) == 16
    for camera in many:
        seen = camera.camera.to_camera(CENTRE)
        pixel = camera.camera.project(seen)
        assert 0.85 < seen[2] < 1.3
        assert np.abs(pixel - 0.5 * np.array(camera.camera.size)).max() < 110


def test_real_motion_in_the_studio(tzionas: Path) -> None:
    source = open_real(f"tzionas:{tzionas}@sequences=04", MODELS)
    people = draw_people(rng_for(1, "people"), PeopleSettings(p_two=0.0)).betas
    word = source.name_take(rng_for(1, "name"), "interacting", 40)
    assert word == "real04"
    frames = source.take(rng_for(1, "motion"), people, "interacting", word, 40)
    joints = np.stack([[frame[side].joints for side in Side] for frame in frames])
    assert np.abs(joints.mean(axis=(0, 1, 2)) - CENTRE).max() < 0.06
    # Forearms come from the subject, who stands behind the hands.
    assert all(frame[side].arm[2] > 0 for frame in frames for side in Side)
    # As real as it was: the distances of the joints within a hand change as in the recording.
    steps = 1000 * np.linalg.norm(np.diff(joints, axis=0), axis=-1)
    assert 0.2 < np.median(steps) < 4.0
    for frame in frames:
        for side, hand in frame.items():
            mesh = forward_one(MODELS[side], hand.params).vertices
            assert np.abs(mesh - hand.vertices).max() < 1e-9
    with pytest.raises(HandbenchError, match="no 5000 successive frames"):
        source.name_take(rng_for(1, "name"), "right", 5000)


def test_pictures_are_dark_studios(tree: Path) -> None:
    paths = sorted((tree / "images/test").rglob("*.jpg"))
    means = [present(cv2.imread(str(path))).mean() for path in paths]
    # The four real frames have means of 23 to 47.
    assert 8 < np.median(means) < 90
