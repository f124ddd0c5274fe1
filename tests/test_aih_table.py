"""A table of recipes: reads as its composites, sample by sample and in batches; what is missing is named."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from aih_parts import NUM, make_parts, write_store
from conftest import Run
from trusted_tree import one_line

from handbench.compose.blobs import PICTURES
from handbench.compose.pictures import encode_jpeg
from handbench.compose.table import ComposedRecord, open_samples
from handbench.datasets import load_dataset
from handbench.errors import BadSampleError, CorruptError, HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.inputs import MASKS, Inputs
from handbench.loaders import batches
from handbench.loaders.aih import AihDataset
from handbench.store import open_store
from handbench.store.shardinfo import DATA, read_shard_info
from handbench.types import Side


def fields_equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(fields_equal(a[key], b[key]) for key in a)
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return bool(a == b)


def test_a_table_reads_as_its_composites(composites: Path, table: Path) -> None:
    rows, whole = open_samples(table / "train"), open_samples(str(composites / "train"))
    assert len(rows) == len(whole) == NUM and rows.manifest.digest != whole.manifest.digest
    composed = 0
    for row, record in zip(rows, whole, strict=True):
        assert row.names == record.names and fields_equal(row.fields, record.fields)
        assert isinstance(row, ComposedRecord) == (record.fields["part"] == "syn")
        composed += isinstance(row, ComposedRecord)
        quality = record.fields["effects"]["jpeg_quality"]
        for name in record.names:
            assert row.blob(name) == record.blob(name)
            if name in PICTURES:
                picture = row.image(name)
                assert record.image(name).shape == picture.shape == (256, 256, 3)
                if isinstance(row, ComposedRecord):  # the very pixels that were compressed
                    assert encode_jpeg(picture, quality) == record.blob(name)
            else:
                np.testing.assert_array_equal(row.mask(name), record.mask(name))
                assert row.bits(name)[1] == (256, 256)
                np.testing.assert_array_equal(row.bits(name)[0], record.bits(name)[0])
    assert 30 < composed < NUM


def test_a_record_is_composed_once_and_travels_small(table: Path) -> None:
    store = open_samples(table / "train")
    row = next(row for row in store if isinstance(row, ComposedRecord))
    assert row.image("image").base is row.image("image").base and "composed" in vars(row)
    sent = pickle.dumps((row, store))
    again, other = pickle.loads(sent)
    assert len(sent) < 20_000 and "composed" not in vars(again)
    np.testing.assert_array_equal(again.image("target_image"), row.image("target_image"))
    np.testing.assert_array_equal(other[row.id].mask("removed"), row.mask("removed"))
    with pytest.raises(KeyError, match=f"record {row.id} has no 'depth'; it has image, target_image"):
        row.blob("depth")
    for read in (row.image, row.mask, row.bits):
        with pytest.raises(KeyError):
            read("depth")


def test_the_loader_gives_equal_samples(composites: Path, table: Path) -> None:
    one, two = (load_dataset("aih", root, quiet=True) for root in (composites, table))
    assert one.keys == two.keys
    for i, (a, b) in enumerate(zip(one, two, strict=True)):
        assert a.meta["part"] == b.meta["part"] and a.meta["tips"] == "smplx"
        assert a.meta["recording"] == b.meta["recording"] and a.meta["captures"] == b.meta["captures"]
        np.testing.assert_array_equal(a.camera.K, b.camera.K)
        for hand, same in zip(a.hands, b.hands, strict=True):
            assert hand.amodal_mask is not None and same.amodal_mask is not None
            np.testing.assert_array_equal(hand.amodal_mask.read(), same.amodal_mask.read())
            assert (hand.camera is None) == (same.camera is None)
        picture = b.image.read()
        assert picture.flags.writeable and np.abs(a.image.read().astype(int) - picture).mean() < 4, i
    again = pickle.loads(pickle.dumps(two))
    np.testing.assert_array_equal(again[0].image.read(), two[0].image.read())


def test_pasted_samples_say_whose_hands_they_show(table: Path) -> None:
    data = load_dataset("aih", table, quiet=True)
    assert isinstance(data, AihDataset)
    cutouts = open_store(table / "cutouts" / "train")
    truth = data.ground_truth()
    subsets = truth.subsets
    assert (
        subsets["syn"].sum() + subsets["render"].sum() == NUM and not (subsets["syn"] & subsets["pair"]).any()
    )
    apart = 0
    for i, sample in enumerate(data):
        meta, record = sample.meta, data.store[data.id(i)]
        assert truth.recordings[i] == meta["recording"] and subsets[meta["part"]][i]
        np.testing.assert_array_equal(truth.K[i], sample.camera.K)
        if meta["part"] == "render":
            assert meta["recording"] == f"scene {meta['scene_id']}" and not meta["persons"]
            continue
        source = record.fields["source"]
        target = cutouts[source["target"]["cutout"]].fields
        assert meta["recording"] == target["capture"] and meta["frame"] == target["frame"]
        assert meta["persons"][meta["target_side"]] == target["person"]
        assert set(meta["persons"]) == set(meta["captures"]) == {hand.side.value for hand in sample.hands}
        for hand in sample.hands:
            camera = hand.camera or sample.camera
            assert hand.joints_2d is not None
            assert np.abs(camera.project(hand.joints) - hand.joints_2d).max() < 0.01
            apart += hand.camera is not None
    assert apart > 10  # the other hand has the camera of its own photograph


def other_tips(fields: dict[str, Any], name: str) -> dict[str, Any]:
    source = {role: None if whose is None else {**whose, "tips": name}
              for role, whose in fields["source"].items() if role in ("target", "other")}  # fmt: skip
    return {**fields, "source": {**fields["source"], **source}}


def test_tips_are_told_where_they_differ(composites: Path, tmp_path: Path) -> None:
    """Photographs of InterHand2.6M have other fingertips than our own renderings."""
    records = [
        ({name: bytes(record.blob(name)) for name in record.names}, record.fields)
        for record in open_store(composites / "train")
    ]
    pasted = [record for record in records if record[1]["part"] == "syn"]
    syn = [(blobs, other_tips(fields, "interhand")) for blobs, fields in pasted[:4]]
    render = [record for record in records if record[1]["part"] == "render"][:3]

    def truth(name: str, chosen: list[Any]) -> GroundTruth:
        return load_dataset("aih", write_store(tmp_path / name, chosen, "aih/1"), quiet=True).ground_truth()

    assert truth("syn", syn).tips == "interhand" and truth("render", render).tips == "smplx"
    assert truth("both", syn + render).tips == "mixed"
    sample = load_dataset("aih", tmp_path / "both", quiet=True)[0]
    assert sample.meta["tips"] == "interhand"
    del syn[0][1]["source"]["target"]["capture"]
    with pytest.raises(BadSampleError, match="'capture' is missing"):
        load_dataset("aih", write_store(tmp_path / "bad", syn, "aih/1"), quiet=True)[0]


@pytest.mark.parametrize("augment", ["none", "full"])
def test_batches_are_equal(composites: Path, table: Path, augment: str) -> None:
    inputs = Inputs(sides="both", masks=MASKS, crop="full", target_image=True)
    loops = (
        batches(load_dataset("aih", root, quiet=True), inputs, batch_size=20, workers=workers, shuffle=False,
                augment=augment, seed=1)
        for root, workers in ((composites, 0), (table, 2))
    )  # fmt: skip
    seen = 0
    for a, b in zip(*loops, strict=True):
        seen += len(a)
        assert list(a.keys) == list(b.keys)
        for name in ("K", "K_hands", "joints", "joints_2d", "joints_valid", "visibility", "pose", "betas",
                     "transl", "box", "occlusion", "hand_valid", "mask_bits", "affine", "side"):  # fmt: skip
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        pasted = ~np.isclose(a.K_hands[:, 0].numpy(), a.K_hands[:, 1].numpy()).all(axis=(1, 2))
        assert pasted.any()
        assert a.target_images is not None and b.target_images is not None
        for one, two in ((a.images, b.images), (a.target_images, b.target_images)):
            assert (one.float() - two.float()).abs().mean() < 3
    assert seen == NUM


def test_cut_outs_that_are_not_there_are_named(composites: Path, table: Path, tmp_path: Path) -> None:
    alone = shutil.copytree(table / "train", tmp_path / "alone" / "train")
    with pytest.raises(HandbenchError) as error:
        open_samples(alone)
    wanted = tmp_path / "alone" / "cutouts" / "train"
    assert str(error.value) == (
        f"{alone} needs its cut-outs, which are not in {wanted} (put them or a link to them there, or write"
        " aih:DIR@cutouts=FOLDER)"
    )
    others = make_parts(
        tmp_path / "others", "table", keys=("syn.photographs=8", "splits.val=0", "splits.test=0")
    )
    with pytest.raises(
        HandbenchError, match=r"holds other cut-outs \(digest \w+\) than .*alone/train was made"
    ):
        load_dataset(f"aih:{alone}@cutouts={others / 'cutouts'}", quiet=True)
    with pytest.raises(HandbenchError, match="'aih/1', expected 'cutouts/1'"):
        open_samples(alone, composites / "train")
    # The folder of a split, of all splits, and a link where they are looked for.
    for place in (table / "cutouts" / "train", table / "cutouts"):
        assert len(load_dataset(f"aih:{alone}@cutouts={place}", quiet=True)) == NUM
    wanted.parent.symlink_to(table / "cutouts")
    assert isinstance(open_samples(alone)[0], ComposedRecord)
    with pytest.raises(HandbenchError, match="'cutouts/1', expected 'aih/1' or 'aih-table/1'"):
        open_samples(wanted)


def test_damage_is_named(handbench: Run, table: Path, tmp_path: Path) -> None:
    root = shutil.copytree(table, tmp_path / "t")
    row = open_samples(root / "train")[0]
    assert isinstance(row, ComposedRecord)
    shard = root / "cutouts" / "train" / "shards" / "00000"
    info = read_shard_info(shard)
    content = bytearray((shard / DATA).read_bytes())
    content[int(info.offsets[row.paste.target] + info.lengths[row.paste.target] // 2)] ^= 255
    (shard / DATA).chmod(0o644)
    (shard / DATA).write_bytes(content)
    with pytest.raises(CorruptError, match="differs from its checksum"):
        row.image("image")
    with pytest.raises(BadSampleError, match=rf"aih/train/{row.id:08d} image: .*differs from its checksum"):
        load_dataset("aih", root, quiet=True)[row.id].image.read()
    done = handbench("data", "verify", root / "train", "--deep", check=4)
    assert "shard 00000: sample 0: cannot be composed: " in done.stdout, done.stdout
    shutil.rmtree(root / "cutouts")
    done = handbench("data", "verify", root / "train", "--deep", check=4)
    assert f"{root / 'train'} needs its cut-outs" in done.stdout
    assert "remove the folder" not in done.stderr
    # Bytes and fields are as they were written: without --deep nothing is composed.
    handbench("data", "verify", root / "train")


def test_rows_that_make_no_sense_are_named(table: Path, tmp_path: Path, handbench: Run) -> None:
    rows = [row for row in open_store(table / "train") if not row.names]
    digest = open_store(table / "train").manifest.spec.sources["cutouts"]
    fields = [dict(rows[0].fields) for _ in range(3)]
    fields[0]["paste"] = {**fields[0]["paste"], "target": 99}
    fields[1]["paste"] = {"target": 1}
    fields[2]["occlusion"] = 0.987654
    out = write_store(
        tmp_path / "train", [({}, f) for f in fields], "aih-table/1", sources={"cutouts": digest}
    )
    store = open_samples(out, table / "cutouts")
    for i, word in enumerate(("has no cut-out 99", "row of sample 1 makes no sense")):
        with pytest.raises(CorruptError, match=word):
            store[i].image("image")
    (tmp_path / "cutouts").symlink_to(table / "cutouts")
    done = handbench("data", "verify", out, "--deep", check=4)
    assert "sample 0: cannot be composed" in done.stdout and "has no cut-out 99" in done.stdout
    told = write_store(
        tmp_path / "told" / "train", [({}, fields[2])], "aih-table/1", sources={"cutouts": digest}
    )
    (tmp_path / "told" / "cutouts").symlink_to(table / "cutouts")
    done = handbench("data", "verify", told, "--deep", check=4)
    assert "when it is composed, its row says 0.987654" in done.stdout


def test_the_commands_read_both_kinds(handbench: Run, composites: Path, table: Path, tmp_path: Path) -> None:
    texts = []
    for root in (composites, table):
        out = tmp_path / root.name / "sheet.png"
        done = handbench("data", "show", root / "train", "--num", 6, "--out", out)
        assert done.stdout.strip() == f"6 samples on {out}"
        sheet = cv2.imread(str(out))
        assert sheet is not None and sheet.std() > 20
        texts.append(handbench("data", "stats", root / "train", "--plot", out.with_name("stats.png")).stdout)
        assert "sound: 60 samples" in handbench("data", "verify", root / "train", "--deep").stdout
        assert "sound: 60 of 60" in handbench("data", "verify", f"aih:{root}", "--deep", "--all").stdout
    first, second = (text.splitlines()[:-1] for text in texts)
    assert first == second and any(line.startswith("overlap, pasted pairs") for line in first)
    parts = json.loads(handbench("data", "stats", table / "train", "--json").stdout)["part"]
    assert sum(parts.values()) == NUM and min(parts.values()) > 10
    done = handbench("data", "show", table, check=2)
    assert f"it looks like aih (write aih {table} or aih:{table})" in one_line(done)
    done = handbench("data", "stats", f"aih:{table}", "--json")
    assert set(json.loads(done.stdout)["subsets"]) >= {"syn", "render", Side.RIGHT.value}
