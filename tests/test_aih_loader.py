"""Our AIH shards as a dataset: equal to the scenes that were rendered, whatever is asked for."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from handbench.datasets import Dataset, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.ground_truth import COVERS
from handbench.loaders.aih import AihDataset
from handbench.loaders.aih_fields import record_arrays
from handbench.store import open_store
from handbench.store.manifest import make_manifest, write_manifest
from handbench.store.plan import DatasetSpec
from handbench.store.record import Record, encode_record
from handbench.store.shard import ShardWriter
from handbench.synth.aih_record import RecordMaker
from handbench.synth.annotation import measure_overlap
from handbench.synth.generate import SynthOptions, generate, resolve
from handbench.synth.recipe import AihRecipe
from handbench.types import Side

NUM = 60
OPTIONS = SynthOptions(renderer="raster", overrides=("p_absent=0.3",), seed=5)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("aih")
    generate(folder / "val", OPTIONS, NUM, quiet=True)
    return folder


def write_store(folder: Path, records: list[bytes], kind: str = "aih/1") -> Path:
    """Writes a finished store of ready records."""
    with ShardWriter(folder, 0, range(len(records)), DatasetSpec(kind, "0" * 16, 0)) as writer:
        for i, record in enumerate(records):
            writer.add(i, record, {})
        info = writer.publish()
    write_manifest(folder, make_manifest([info]))
    return folder


def test_samples_equal_the_scenes_that_were_rendered(root: Path) -> None:
    data = load_dataset("aih", root, split="val", quiet=True)
    maker = resolve(AihRecipe(p_absent=0.3), OPTIONS)[0]()
    assert isinstance(maker, RecordMaker) and len(data) == NUM and not data.coverage.partial
    hands = 0
    for i, record in enumerate(open_store(root / "val")):
        sample = data[i]
        assert sample.key == f"aih/val/{i:08d}"
        draft = maker.scenes.draft(i // 3)
        box = tuple(record.fields["crop"].tolist())
        scene = draft.crop(box, maker.scenes.recipe.size)
        layers = maker.renderer.render(scene)
        overlap = measure_overlap(layers, layers.visible(layers.names))
        assert {hand.side for hand in sample.hands} == set(draft.hands)
        for hand in sample.hands:
            hands += 1
            placed = draft.hands[hand.side]
            assert np.abs(hand.joints - placed.joints).max() < 1e-5  # 0.01 mm
            assert hand.joints_valid.all() and hand.params is not None
            np.testing.assert_allclose(hand.params.pose, placed.params.pose, atol=1e-6)
            np.testing.assert_array_equal((hand.camera or sample.camera).K, scene.K)
            assert hand.joints_2d is not None
            away = np.abs(hand.joints_2d - (hand.camera or sample.camera).project(hand.joints))
            assert away.max() < 0.01
            assert hand.amodal_mask is not None and hand.visible_mask is not None
            np.testing.assert_array_equal(hand.amodal_mask.read(), overlap.amodal[hand.side])
            np.testing.assert_array_equal(hand.visible_mask.read(), overlap.visible[hand.side])
    assert hands > NUM


def test_the_target_picture_differs_only_where_it_says(root: Path) -> None:
    data = load_dataset("aih", root / "val", kind="left", quiet=True)
    assert [sample.key for sample in data][:2] == ["aih/val/00000001", "aih/val/00000004"]
    for sample in data:
        whole, alone = sample.image.read(), sample.meta["target_image"].read()
        assert whole.shape == alone.shape == (*sample.camera.size[::-1], 3)
        outside = ~sample.meta["removed"].read()
        # JPEG spreads a difference over its own block of 16 pixels.
        apart = np.abs(whole.astype(int) - alone.astype(int))[outside]
        assert apart.mean() < 4 and sample.meta["target_side"] == "left"
    pair = load_dataset("aih", root, split="val", kind="pair", quiet=True)[0]
    assert pair.meta["target_image"] is None and pair.meta["kind"] == "pair"


def test_ground_truth_equals_the_samples(root: Path) -> None:
    data = load_dataset("aih", root, split="val", quiet=True)
    truth = data.ground_truth()
    for i, sample in enumerate(data):
        assert truth.keys[i] == sample.key and truth.recordings[i] == sample.meta["recording"]
        np.testing.assert_array_equal(truth.K[i], sample.camera.K)
        for side, column in truth.hands.items():
            hand = sample.hand(side)
            assert bool(column.joints_valid[i].any()) == (hand is not None)
            if hand is None:
                assert np.isnan(column.joints[i]).all()
                assert column.covered_by is not None and (column.covered_by[i] == -1).all()
                continue
            np.testing.assert_array_equal(column.joints[i], hand.joints)
            assert hand.params is not None and column.pose is not None and column.box is not None
            np.testing.assert_array_equal(column.pose[i], hand.params.pose)
            np.testing.assert_array_equal(column.box[i], hand.box)
            assert column.occlusion is not None and column.covered_by is not None
            assert column.occlusion[i] == np.float32(hand.occlusion)
            words = [COVERS[code] if code else "" for code in column.covered_by[i].tolist()]
            assert words == sample.meta["covered_by"][side.value]
        name = sample.meta["kind"]
        assert truth.subsets[name][i] and bool(truth.subsets["two_hands"][i]) == (len(sample.hands) == 2)
    assert truth.labels is not None and truth.labels(3).key == truth.keys[3]
    strata = np.sum([mask for name, mask in truth.subsets.items() if name.startswith("occlusion")], axis=0)
    known = [sample.meta["occlusion"] is not None for sample in data]
    np.testing.assert_array_equal(strata, known)
    assert truth.hand_type.count("interacting") == truth.subsets["two_hands"].sum()


def test_a_dataset_travels_small(root: Path) -> None:
    data = load_dataset("aih", root, split="val", kind="right", quiet=True)
    assert isinstance(data, AihDataset)
    data.ground_truth()
    sent = pickle.dumps(data)
    again: Dataset = pickle.loads(sent)
    assert len(sent) < 20_000 and again.keys == data.keys
    sample = pickle.loads(pickle.dumps(again[2]))
    np.testing.assert_array_equal(sample.image.read(), data[2].image.read())
    assert data.id(2) == 6 and data.store[6].id == 6


def _drop_K(fields: dict[str, Any]) -> None:
    del fields["hands"]["right"]["K"]


def _twenty(fields: dict[str, Any]) -> None:
    fields["hands"]["right"]["joints"] = fields["hands"]["right"]["joints"][:20]


def _nan(fields: dict[str, Any]) -> None:
    fields["hands"]["right"]["joints"] = np.full((21, 3), np.nan, np.float32)


@pytest.mark.parametrize(
    ("damage", "word"),
    [(_drop_K, "'K' is missing"), (_twenty, r"right joints has shape \(20, 3\), expected \(21, 3\)"),
     (_nan, "joint or K is not finite")],
)  # fmt: skip
def test_a_damaged_field_is_named(
    root: Path, tmp_path: Path, damage: Callable[[dict[str, Any]], None], word: str
) -> None:
    source = next(r for r in open_store(root / "val") if r.fields["hands"]["right"] is not None)
    fields = pickle.loads(pickle.dumps(source.fields))
    damage(fields)
    blobs = {name: source.blob(name) for name in source.names}
    write_store(tmp_path / "s", [encode_record(0, blobs, fields)])
    data = load_dataset("aih", tmp_path / "s", quiet=True)
    with pytest.raises(BadSampleError, match=word) as error:
        data[0]
    assert "aih/all/00000000" in str(error.value)
    covers = pickle.loads(pickle.dumps(source.fields))
    covers["hands"]["right"]["covered_by"] = ["sleeve"] * 21
    write_store(tmp_path / "c", [encode_record(0, blobs, covers)])
    with pytest.raises(BadSampleError, match="right covered_by"):
        load_dataset("aih", tmp_path / "c", quiet=True).ground_truth()
    # A picture that does not decode is found when it is read.
    write_store(
        tmp_path / "p", [encode_record(0, {**blobs, "image": b"\xff\xd8\xff\xe0junk"}, source.fields)]
    )
    with pytest.raises(BadSampleError, match="00000000 image"):
        load_dataset("aih", tmp_path / "p", quiet=True)[0].image.read()


def test_hands_of_two_photographs_keep_their_cameras(root: Path, tmp_path: Path) -> None:
    source = next(r for r in open_store(root / "val") if all(r.fields["hands"].values()))
    fields = pickle.loads(pickle.dumps(source.fields))
    other = "left" if fields["target_side"] == "right" else "right"
    fields["hands"][other]["K"] = fields["hands"][other]["K"] * np.array([[2.0], [2.0], [1.0]])
    blobs = {name: source.blob(name) for name in source.names}
    write_store(tmp_path / "s", [encode_record(0, blobs, fields)])
    sample = load_dataset("aih", tmp_path / "s", quiet=True)[0]
    cameras = {hand.side: hand.camera for hand in sample.hands}
    assert cameras[Side(fields["target_side"])] is None
    found = cameras[Side(other)]
    assert found is not None and found.K[0, 0] == 2 * sample.camera.K[0, 0]
    arrays = record_arrays(fields, "x")
    assert arrays.present.all() and arrays.joints.shape == (2, 21, 3)


def test_what_is_no_aih_is_refused(root: Path, tmp_path: Path) -> None:
    empty = encode_record(0, {}, {})
    write_store(tmp_path / "packed", [empty], kind="packed/1")
    with pytest.raises(HandbenchError, match=r"'packed/1', expected 'aih/1'"):
        load_dataset("aih", tmp_path / "packed", quiet=True)
    with pytest.raises(HandbenchError, match="no split 'test'"):
        load_dataset("aih", root / "val", split="test", quiet=True)
    with pytest.raises(HandbenchError, match="holds no dataset"):
        load_dataset("aih", tmp_path, split="val", quiet=True)
    with pytest.raises(HandbenchError, match="'kind' is 'middle'"):
        load_dataset("aih", root, split="val", kind="middle", quiet=True)
    assert isinstance(open_store(root / "val")[0], Record)
