"""Packs: equal to their source, keys and labels exactly, pictures within JPEG."""

from __future__ import annotations

import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from plain_dataset import CAMERA, PlainDataset, write_plain
from present import present

from handbench.datasets import Coverage, DataRef, load_dataset
from handbench.errors import CorruptError, HandbenchError, PartialError
from handbench.inputs import MASKS, Inputs
from handbench.loaders import Augment, batches
from handbench.loaders.augment import PRESETS
from handbench.loaders.batch_sources import StoreSource, open_source
from handbench.loaders.pack import pack, report_dict, summary
from handbench.loaders.pack_record import PackSettings, stored_width
from handbench.store import open_store
from handbench.synth.generate import SynthOptions, generate

MARGIN = Augment().margin()
CROPS = PackSettings(96, 1.5, MARGIN, "hands", "right", 98, True, False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


@pytest.fixture(scope="module")
def packed(source: PlainDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "out"
    pack(DataRef("plain", str(source.root)), out, CROPS, workers=0, quiet=True)
    return out


def test_default_inputs_fit_the_data_and_every_flip(source: PlainDataset, packed: Path) -> None:
    """Left hands are items too; a pack about right hands has no others."""
    loop = batches(source, batch_size=32, augment="full")
    sides = [side for batch in loop for side in batch.side.tolist()]
    assert loop.inputs == Inputs(sides="both") and len(sides) == 18 and set(sides) == {0, 1}
    assert batches(f"packed:{packed}").inputs == Inputs(sides="right")
    with pytest.raises(HandbenchError, match=r"p_flip=0\.5 would show other hands to a model of right"):
        batches(f"packed:{packed}", augment="full")


def test_a_plain_pack_trains_with_full_augmentation(handbench: object, tmp_path: Path) -> None:
    """The README's two steps."""
    generate(
        tmp_path / "t", SynthOptions(renderer="raster", overrides=("size=96",)), 6, workers=0, quiet=True
    )
    handbench("data", "pack", f"aih:{tmp_path / 't'}", "--out", tmp_path / "out")  # type: ignore[operator]
    ref = f"packed:{tmp_path / 'out'}"
    recipe = load_dataset(ref, quiet=True).store.manifest.spec.recipe  # type: ignore[attr-defined]
    assert recipe["margin"] == PRESETS["full"].margin() > PRESETS["handoccnet"].margin()
    loop = batches(ref, batch_size=32, augment="full", workers=2)
    assert sum(len(batch) for batch in loop) == loop.items > 6


def test_samples_equal_their_source(source: PlainDataset, packed: Path) -> None:
    found = load_dataset("packed", packed, quiet=True)
    assert list(found.keys) == source.keys and len(found) == 11
    assert (found.name, found.split, found.fingerprint) == ("plain", "train", "plain")
    assert stored_width(96, MARGIN) == 170 == found[0].camera.size[0]
    for mine, theirs in zip(found, source, strict=True):
        assert mine.meta["note"] == "x" and mine.meta["frame"] == theirs.meta["frame"]
        assert mine.meta["source_size"] == CAMERA.size
        affine = mine.meta["origin"]
        assert np.abs(mine.camera.K - CAMERA.warp(affine, (170, 170)).K).max() < 1e-9
        assert [hand.side for hand in mine.hands] == [hand.side for hand in theirs.hands]
        for a, b in zip(mine.hands, theirs.hands, strict=True):
            assert np.array_equal(a.joints, b.joints, equal_nan=True)
            assert np.array_equal(a.joints_valid, b.joints_valid)
            assert np.array_equal(present(a.visibility), present(b.visibility)) and a.occlusion == b.occlusion
            assert a.params is not None and b.params is not None
            for name in ("pose", "betas", "transl"):
                assert np.array_equal(getattr(a.params, name), getattr(b.params, name))
            assert (a.box is None) == (b.box is None) and a.joints_2d is None
            assert a.amodal_mask is not None and a.amodal_mask.read().shape == (170, 170)
    before = [found.previous_index(i) for i in range(11)]
    assert before == [source.previous_index(i) for i in range(11)]
    assert found.previous_index(8, gap=2) == source.previous_index(8, gap=2)
    again = pickle.loads(pickle.dumps(found))
    assert list(again.keys) == source.keys


def test_ground_truth_equals_the_source(source: PlainDataset, packed: Path) -> None:
    mine, theirs = load_dataset("packed", packed, quiet=True).ground_truth(), source.ground_truth()
    assert list(mine.keys) == list(theirs.keys) and list(mine.recordings) == list(theirs.recordings)
    assert mine.hand_type == theirs.hand_type and mine.tips == "smplx" and not mine.partial
    assert np.array_equal(mine.subsets["two"], theirs.subsets["two"])
    assert set(mine.videos) == {"take/0"} and mine.frames is not None
    assert mine.frames.tolist() == source.frames and mine.labels is not None
    assert mine.labels(2).hands[0].amodal_mask is not None
    for side, hand in theirs.hands.items():
        assert np.array_equal(mine.hands[side].joints, hand.joints, equal_nan=True)
        assert np.array_equal(mine.hands[side].joints_valid, hand.joints_valid)
    assert np.array_equal(present(mine.hand_type_valid), present(theirs.hand_type_valid))


@pytest.mark.parametrize("augment", [None, "handoccnet"])
def test_batches_equal_those_of_the_source(source: PlainDataset, packed: Path, augment: str | None) -> None:
    """The same crops, draws, labels and places in the original picture; pixels within JPEG and resampling."""
    found = load_dataset("packed", packed, quiet=True)
    assert isinstance(open_source(found)[0], StoreSource)
    inputs = Inputs(size=(96, 96), masks=MASKS, frames=2)
    (mine,), (theirs,) = (
        list(batches(data, inputs, batch_size=11, augment=augment, seed=4)) for data in (found, source)
    )
    assert mine.keys == theirs.keys
    for name in ("affine", "K", "joints", "joints_2d", "pose", "transl", "box"):
        assert torch.allclose(getattr(mine, name), getattr(theirs, name), atol=2e-3), name
    assert torch.equal(mine.frame_valid, theirs.frame_valid)
    inside = slice(8, -8)
    apart = (mine.images.float() - theirs.images.float()).abs()[:, 0, :, inside, inside]
    assert apart.mean() < 2.0
    assert (mine.masks() != theirs.masks()).float().mean() < 0.01


def test_without_augmentation_stored_pixels_are_copied(packed: Path) -> None:
    found = load_dataset("packed", packed, quiet=True)
    batch = next(iter(batches(found, Inputs(size=(96, 96)), batch_size=11)))
    for i in range(11):
        image = found[i].image.read()
        assert np.array_equal(batch.images[i, 0].permute(1, 2, 0).numpy(), image[37:133, 37:133])


def test_aih_packs_with_its_targets(tmp_path: Path) -> None:
    generate(
        tmp_path / "train", SynthOptions(renderer="raster", overrides=("size=96",)), 12, workers=0, quiet=True
    )
    source = load_dataset("aih", tmp_path / "train", quiet=True)
    whole = PackSettings(96, 1.5, 1.0, "picture", "both", 98, True, False)
    pack(DataRef("aih", str(tmp_path / "train")), tmp_path / "out", whole, workers=0, quiet=True)
    found = load_dataset("packed", tmp_path / "out", quiet=True)
    assert list(found.keys) == list(source.keys)
    inputs = Inputs(crop="full", size=(96, 96), masks=MASKS, target_image=True, mirror_left=True)
    for mine, theirs in zip(batches(found, inputs), batches(source, inputs), strict=True):
        assert torch.equal(present(mine.mask_bits), present(theirs.mask_bits))
        assert torch.equal(mine.side, theirs.side)
        assert torch.allclose(mine.joints, theirs.joints, atol=1e-6)
        assert (mine.images.float() - theirs.images.float()).abs().mean() < 2.0
        apart = present(mine.target_images).float() - present(theirs.target_images).float()
        assert apart.abs().mean() < 2.0


def test_bad_samples_leave_holes(tmp_path: Path) -> None:
    root = write_plain(tmp_path / "p")
    (root / "0004.jpg").write_bytes(b"")
    ref = DataRef("plain", str(root))
    with pytest.raises(PartialError, match=r"1 of 11 samples is bad, more than 0.001 of them.*0004.jpg"):
        pack(ref, tmp_path / "out", CROPS, workers=0, quiet=True)
    report = pack(ref, tmp_path / "out", CROPS, workers=0, quiet=True, max_bad=0.1)
    assert report.kept == 11 and report_dict(report)["bad"] == 1
    lines = summary(report)
    assert lines[0].startswith("packed 10 samples; 0 records made in 0.0 s (0 a second), 11 kept")
    assert lines[-1] == "1 sample was bad and left out"
    found = load_dataset("packed", tmp_path / "out", quiet=True)
    assert len(found) == 10 and "plain/train/0004" not in found.keys
    assert found.coverage.partial and "1 sample was bad when packed" in found.summary()
    assert found.ground_truth().partial and len(found.ground_truth()) == 10
    assert found[4].key == "plain/train/0006"


@pytest.mark.parametrize("content", [b"", b"<html>not here</html>", bytes(range(256)) * 9])
def test_the_first_sample_may_be_bad(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    """Its small record lies in a page that later writes copy, so that old copies of it stay in the file."""
    monkeypatch.setattr("handbench.store.shard._BATCH", 2)
    root = write_plain(tmp_path / "p")
    (root / "0000.jpg").write_bytes(content)
    pack(DataRef("plain", str(root)), tmp_path / "out", CROPS, workers=0, quiet=True, max_bad=0.1)
    found = load_dataset("packed", tmp_path / "out", quiet=True)
    assert len(found) == 10 and found[0].key == "plain/train/0001"
    assert sum(len(batch) for batch in batches(found, Inputs(size=(96, 96)))) == 10


def test_subsets_other_settings_and_damage(source: PlainDataset, tmp_path: Path) -> None:
    ref = DataRef("plain", str(source.root), {"every": "3", "limit": "3"})
    out = tmp_path / "out"
    pack(ref, out, CROPS, workers=0, quiet=True)
    found = load_dataset("packed", out, quiet=True)
    assert list(found.keys) == [source.keys[i] for i in (0, 3, 6)] and found.coverage.partial
    with pytest.raises(HandbenchError, match="recipe hash"):
        pack(DataRef("plain", str(source.root), {"limit": "3"}), out, CROPS, workers=0, quiet=True)
    data = out / "shards" / "00000" / "data.mdb"
    content = bytearray(data.read_bytes())
    at = content.find(b"\xff\xd8\xff") + 500
    content[at] ^= 1
    data.write_bytes(content)
    with pytest.raises(CorruptError, match="differs from its checksum"):
        list(batches(load_dataset("packed", out, quiet=True), Inputs(size=(96, 96))))


@pytest.mark.parametrize(
    ("coverage", "partial"),
    [
        (Coverage(11, 20, ("9 pictures are not there",)), True),
        (Coverage(11, 11, (), 9999), True),
        (Coverage(30, 30), False),
        (Coverage(11, 11), True),
        (Coverage(9, 11, ("2 pictures are not there",)), True),
    ],
)
def test_what_the_source_lacks_is_kept(
    source: PlainDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coverage: Coverage, partial: bool
) -> None:
    """Coverage and ground truth say the same as the source's, whichever of the two is partial."""
    truth = replace(source.ground_truth(), partial=partial)
    monkeypatch.setattr(
        PlainDataset, "coverage", property(lambda self: coverage, lambda self, _: None), False
    )
    monkeypatch.setattr(PlainDataset, "ground_truth", lambda self: truth)
    pack(DataRef("plain", str(source.root)), tmp_path / "out", CROPS, workers=0, quiet=True)
    found = load_dataset("packed", tmp_path / "out", quiet=True)
    assert found.coverage == coverage and len(found) == 11
    assert found.ground_truth().partial == partial


def test_a_pack_that_does_not_tell_its_source_opens(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(packed)
    for key in ("samples", "present", "official", "partial"):
        del store.manifest.spec.recipe["source"][key]
    monkeypatch.setattr("handbench.loaders.packed.open_store", lambda root: store)
    found = load_dataset("packed", packed, quiet=True)
    assert found.coverage == Coverage(11, 11) and not found.ground_truth().partial


def test_margins() -> None:
    assert Augment().margin() == pytest.approx(1.25 * math.sqrt(2))
    assert Augment(rotation=0, scale=0).margin() == 1.0
    assert Augment(rotation=math.radians(5), scale=0.1, shift=0.1).margin() == pytest.approx(
        1.1 * (math.cos(math.radians(10)) + math.sin(math.radians(10)) + 0.2)
    )
    # Of the crop's parity, so that it lies on whole pixels.
    assert [stored_width(256, m) for m in (1.0, 1.001, 1.5, 1.7678)] == [256, 258, 384, 454]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (PackSettings(4, 1.5, 1, "hands", "right", 95, True, False), "--size 4"),
        (PackSettings(96, 1.5, 9, "hands", "right", 95, True, False), "--margin 9"),
        (
            PackSettings(96, 1.5, 1, "hands", "right", 0, True, False),
            r"^--quality 0 \(give a JPEG quality of 1 to 100\)$",
        ),
        (PackSettings(96, 1.5, 1, "hands", "right", 101, True, False), "^--quality 101 "),
        (
            PackSettings(0, 1.5, 1, "hands", "right", 95, True, False),
            r"^--size 0 \(give a width of 8 to 8192",
        ),
        (PackSettings(96, 0, 1, "hands", "right", 95, True, False), "^--scale 0 "),
    ],
)
def test_settings_are_checked(source: PlainDataset, tmp_path: Path, wrong: PackSettings, words: str) -> None:
    with pytest.raises(HandbenchError, match=words):
        pack(DataRef("plain", str(source.root)), tmp_path / "out", wrong, workers=0, quiet=True)


def test_command_line(handbench: object, tmp_path: Path) -> None:
    generate(
        tmp_path / "train", SynthOptions(renderer="raster", overrides=("size=96",)), 9, workers=0, quiet=True
    )
    words = ("data", "pack", f"aih:{tmp_path / 'train'}@kind=right", "--out", tmp_path / "out")
    done = json.loads(handbench(*words, "--size", 64, "--augment", "none", "--json").stdout)  # type: ignore[operator]
    assert done["made"] == done["manifest"]["num"] > 0
    assert done["manifest"]["spec"]["kind"] == "packed/1"
    text = handbench(*words, "--size", 64, "--augment", "none").stdout  # type: ignore[operator]
    assert f"packed {done['made']} samples; 0 records made in 0.0 s (0 a second), {done['made']} kept" in text
    assert "pictures of 64 px: a crop of 64 px (scale 1.5) with a margin of 1" in text
    error = handbench("data", "pack", "aih:/nowhere", "--out", tmp_path / "x", check=2)  # type: ignore[operator]
    assert error.stderr.count("\n") == 1
    again = handbench(*words, "--size", 32, check=2)  # type: ignore[operator]
    assert "recipe.margin" in again.stderr or "recipe.size" in again.stderr
