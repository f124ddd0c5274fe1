"""The main job: records that agree with themselves, whatever made them, and errors that say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import Run

from handbench.arrays import BoolArray
from handbench.compose.effects import EffectsSettings, apply_effects, draw_effects
from handbench.compose.pictures import record_two
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.store import Record, open_store
from handbench.store.record import encode_record
from handbench.synth.aih_record import RecordMaker
from handbench.synth.generate import SynthOptions, generate, resolve
from handbench.synth.recipe import AihRecipe
from handbench.types import HandParams, Side

NUM = 90
OPTIONS = SynthOptions(renderer="raster", overrides=("p_absent=0.2",))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("aih")
    generate(root, OPTIONS, NUM, quiet=True)
    return root


@pytest.fixture(scope="module")
def records(dataset: Path) -> list[Record]:
    return list(open_store(dataset))


@pytest.fixture(scope="module")
def maker() -> RecordMaker:
    made = resolve(AihRecipe(p_absent=0.2), OPTIONS)[0]()
    assert isinstance(made, RecordMaker)
    return made


def masks_of(record: Record, side: Side) -> tuple[BoolArray, BoolArray]:
    name = "target" if record.fields["target_side"] == side.value else "other"
    return record.mask(f"{name}_amodal"), record.mask(f"{name}_visible")


def test_a_sample_depends_on_its_id_alone(records: list[Record], maker: RecordMaker) -> None:
    for sample in (77, 3, 40, 4, 0):
        assert maker(sample)[0] == records[sample].data


def test_workers_and_shards_do_not_enter(dataset: Path, tmp_path: Path) -> None:
    """300 records in two shards by two workers begin with the same 90."""
    (report,) = [found.run for found in generate(tmp_path / "two", OPTIONS, 300, workers=2, quiet=True)]
    assert report.manifest is not None and len(report.manifest.shards) == 2
    long, short = open_store(tmp_path / "two"), open_store(dataset)
    assert [record.checksum for record in long[:NUM]] == [record.checksum for record in short]


def test_masks_and_occlusion_agree(records: list[Record]) -> None:
    hands = 0
    for record in records:
        for side in Side:
            amodal, visible = masks_of(record, side)
            assert not (visible & ~amodal).any()
            hand = record.fields["hands"][side.value]
            if hand is None:
                assert not amodal.any()
            elif amodal.any():
                hands += 1
                assert hand["occlusion"] == pytest.approx(1 - visible.sum() / amodal.sum())
        assert not (record.mask("target_visible") & record.mask("other_visible")).any()
    assert hands > NUM


def test_parameters_give_joints_and_joints_give_pixels(records: list[Record]) -> None:
    for record in records[:30]:
        for side in Side:
            hand = record.fields["hands"][side.value]
            if hand is None:
                continue
            params = HandParams(side, hand["pose"], hand["betas"], hand["transl"])
            mesh = forward_one(load_hand_model("procedural", side), params)
            np.testing.assert_allclose(mesh.joints21, hand["joints"], atol=2e-6)
            pixels = mesh.joints21 @ hand["K"].T
            np.testing.assert_allclose(pixels[:, :2] / pixels[:, 2:], hand["joints_2d"], atol=0.01)
            # The amodal mask is where the vertices are.
            amodal, _ = masks_of(record, side)
            points = mesh.vertices @ hand["K"].T
            points = points[:, :2] / points[:, 2:]
            inside = ((points > 2) & (points < amodal.shape[0] - 3)).all(axis=1)
            columns, rows = np.rint(points[inside]).astype(int).T
            near = cv2.dilate(amodal.astype(np.uint8), np.ones((3, 3), np.uint8))
            assert near[rows, columns].all()


def test_visibility_and_causes_sum_to_one(records: list[Record]) -> None:
    for record in records:
        for hand in record.fields["hands"].values():
            if hand is not None:
                total = hand["visibility"] + hand["visibility_causes"].sum(axis=1)
                np.testing.assert_allclose(total, 1, atol=1e-5)
                assert all((cause == "") == (seen > 0.5) for cause, seen in zip(
                    hand["covered_by"], hand["visibility"], strict=True))  # fmt: skip


def test_hidden_joints_lie_in_hidden_skin(records: list[Record]) -> None:
    """Where the other hand covers most of a joint's ball, the joint's pixel is not of the visible mask."""
    checked = 0
    for record in records:
        for side in Side:
            hand = record.fields["hands"][side.value]
            if hand is None:
                continue
            _, visible = masks_of(record, side)
            for joint in np.flatnonzero(hand["visibility_causes"][:, 1] > 0.95):
                x, y = np.rint(hand["joints_2d"][joint]).astype(int)
                checked += 1
                assert not visible[y, x]
    assert checked > 20


def test_target_picture_equals_the_picture_outside_what_was_removed(maker: RecordMaker) -> None:
    """Before JPEG, bit for bit, and nothing gets darker where the other hand no longer casts a shadow."""
    for sample in (0, 1, 6, 7, 12, 13, 18, 19):
        draft = maker.scenes.draft(sample // 3)
        target = Side.RIGHT if sample % 3 == 0 else Side.LEFT
        rng = np.random.default_rng(sample)
        scene = draft.crop((100.0, 100.0, 300.0, 300.0), 256)
        layers = maker.renderer.render(scene)
        effects = draw_effects(rng, EffectsSettings(p_motion_blur=0.5, p_defocus=0.5))
        whole = layers.compose(scene, layers.names)
        alone = layers.compose(scene, [part.name for part in scene.parts if part.hand is target])
        first, second, removed = record_two(whole, alone, effects)
        np.testing.assert_array_equal(first, apply_effects(whole, effects))
        np.testing.assert_array_equal(second, apply_effects(alone, effects))
        np.testing.assert_array_equal(first[~removed], second[~removed])
        if target.value in layers.names:
            nearest = layers.visible(layers.names)
            index = layers.names.index(target.value)
            seen = cv2.erode((nearest == index).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
            # On what is seen of the target only light may differ.
            assert (alone[seen].astype(int) >= whole[seen].astype(int) - 1).all()


def test_pair_records_have_no_target(records: list[Record]) -> None:
    for record in records:
        assert ("target_image" in record.names) == (record.fields["kind"] != "pair")


def test_scenes_with_one_hand_or_none_are_there(records: list[Record]) -> None:
    present = [
        sum(hand is not None for hand in record.fields["hands"].values())
        for record in records
        if record.fields["kind"] == "pair"
    ]
    assert {0, 1, 2} >= set(present) and min(present) < 2 and present.count(2) > len(present) / 2


def test_manifest_histograms_count_the_records(dataset: Path, records: list[Record]) -> None:
    statistics = open_store(dataset).manifest.statistics
    assert sum(statistics["kind"].values()) == NUM
    pairs = [record for record in records if record.fields["kind"] == "pair"]
    two = [r for r in pairs if all(hand is not None for hand in r.fields["hands"].values())]
    without = [record for record in two if not record.fields["source"]["object"]]
    assert sum(statistics["occlusion"].values()) == len(without)
    assert sum(statistics["hands"].values()) == len(pairs)


def test_as_a_user_types_it(handbench: Run, tmp_path: Path) -> None:
    out = tmp_path / "aih"
    first = handbench("synth-aih", "--out", out, "--num", 6, "--renderer", "raster", "--json")
    assert json.loads(first.stdout)["made"] == 6
    again = handbench("synth-aih", "--out", out, "--num", 6, "--renderer", "raster", "--json")
    assert json.loads(again.stdout)["kept"] == 6
    assert "sound: 6 samples" in handbench("data", "verify", out, "--deep").stdout
    handbench("data", "show", out, "--out", tmp_path / "sheet.png", "--num", 4)
    sheet = cv2.imread(str(tmp_path / "sheet.png"))
    assert sheet is not None and sheet.std() > 20
    stats = handbench("data", "stats", out, "--plot", tmp_path / "stats.png").stdout
    assert "records            6" in stats
    assert cv2.imread(str(tmp_path / "stats.png")) is not None


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--num", "0"], "--num 0"),
        (["--set", "crop.scal=2"], "did you mean 'crop.scale'"),
        (["--set", "p_absent=2"], "p_absent is 2"),
        (["--set", "crop.scale=inf"], "crop.scale is inf"),
        (["--set", "view.fov=[50, 15]"], "smaller value first"),
        (["--set", "people.betas_std=nan"], "people.betas_std is nan"),
        (["--set", 'forearm.cloths=["denin"]'], "did you mean 'denim'"),
        (["--seed", "-1"], "--seed -1"),
        (["--recipe", "rendr"], "did you mean 'render'"),
        (["--renderer", "rastor"], "did you mean 'raster'"),
        (["--poses", "tzionas:/nowhere"], "/nowhere"),
        (["--poses", "sampel"], "sampler"),
        (["--backgrounds", "EMPTY"], "no jpg or png images"),
        (["--hand-model", "mano:EMPTY"], "MANO_RIGHT"),
        (["--out", "FILE"], "FILE"),
    ],
)
def test_bad_input_gets_one_line_and_exit_2(
    handbench: Run, tmp_path: Path, words: list[str], says: str
) -> None:
    (tmp_path / "EMPTY").mkdir()
    (tmp_path / "FILE").write_text("")
    paths = [
        word.replace("EMPTY", str(tmp_path / "EMPTY")).replace("FILE", str(tmp_path / "FILE"))
        for word in words
    ]
    out = [] if "--out" in words else ["--out", tmp_path / "aih"]
    done = handbench("synth-aih", *out, "--num", 3, "--renderer", "raster", *paths, check=2)
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr


def test_a_shard_of_another_recipe_is_refused(handbench: Run, tmp_path: Path) -> None:
    out = tmp_path / "aih"
    handbench("synth-aih", "--out", out, "--num", 3, "--renderer", "raster")
    done = handbench(
        "synth-aih", "--out", out, "--num", 3, "--renderer", "raster", "--set", "p_absent=0.5", check=2
    )
    assert "recipe hash" in done.stderr
    assert "sound" in handbench("data", "verify", out).stdout


def test_records_survive_their_own_codec(records: list[Record]) -> None:
    for record in records[:5]:
        blobs = {name: record.blob(name) for name in record.names}
        assert encode_record(record.id, blobs, record.fields) == record.data
