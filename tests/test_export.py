"""AIH as the authors' plain files: read back equal, and pasted by the official recipe as by ours."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from aih_parts import KEYS, make_parts, overlap, psnr
from conftest import Run
from trusted_tree import one_line, typed

from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.export import open_parts
from handbench.formats.aih_plain import render_files, render_folder
from handbench.loaders.aih import AihDataset
from handbench.store.record import Record
from handbench.types import HandAnnotation, Sample, Side


def records_of(root: Path) -> tuple[AihDataset, list[Record]]:
    data = load_dataset("aih", root, quiet=True)
    assert isinstance(data, AihDataset)
    return data, list(data.store)


def whole(hand: HandAnnotation) -> np.ndarray:
    assert hand.amodal_mask is not None
    return hand.amodal_mask.read()


def seen(hand: HandAnnotation) -> np.ndarray:
    assert hand.visible_mask is not None
    return hand.visible_mask.read()


def assert_equal(a: Sample, b: Sample) -> None:
    """Compares all that both layouts have."""
    assert {hand.side for hand in a.hands} == {hand.side for hand in b.hands}
    for one in a.hands:
        two = b.hand(one.side)
        assert two is not None and one.params is not None and two.params is not None
        np.testing.assert_array_equal(whole(one), whole(two))
        np.testing.assert_array_equal(seen(one), seen(two))
        for name in ("joints", "joints_valid", "joints_2d", "visibility", "box", "occlusion"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=name)
        for name in ("pose", "betas", "transl"):
            np.testing.assert_array_equal(getattr(one.params, name), getattr(two.params, name))
        np.testing.assert_array_equal((one.camera or a.camera).K, (two.camera or b.camera).K)
        assert (one.camera is None) == (two.camera is None)
    for name in ("recording", "tips", "target_side", "depth_order", "kind"):
        assert a.meta[name] == b.meta[name], name
    np.testing.assert_array_equal(a.image.read(), b.image.read())
    np.testing.assert_array_equal(a.meta["target_image"].read(), b.meta["target_image"].read())


def test_whole_samples_are_read_back_equal(handbench: Run, composites: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain"
    done = handbench("data", "export", composites, "--out", out)
    data, records = records_of(composites)
    single = [i for i, record in enumerate(records) if "target_image" in record.names]
    pasted = sum(records[i].fields["part"] == "syn" for i in single)
    first, second = done.stdout.splitlines()
    reference = f"aih-plain:{out}@split=train,branch=machine,part=render"
    told = f"{len(single)} samples ({len(single) - pasted} rendered, {pasted} pasted)"
    assert first == f"train: AIH_render: {told}; read them with {reference}"
    assert second == f"train: left out: {len(records) - len(single)} pairs, which have no picture of one hand"
    plain = load_dataset(reference, quiet=True)
    assert len(plain) == len(single) and not plain.coverage.partial
    found = {int(sample.key.rsplit("/", 1)[1]): sample for sample in plain}
    for i in single:
        record, side = records[i], Side(records[i].fields["target_side"])
        files = render_files(render_folder(out, "machine", "train"), side, f"{i:08d}")
        for name in ("image", "target_image"):
            assert files[name].read_bytes() == record.blob(name)
        assert_equal(data[i], found[i])
    truth = plain.ground_truth()
    assert truth.tips == "smplx" and set(truth.recordings) <= set(data.ground_truth().recordings)
    notes = [json.loads(line) for line in (render_folder(out, "machine", "train") / "handbench.jsonl").open()]
    paste = {note["id"]: note.get("paste") for note in notes}
    row = next(i for i in single if records[i].fields["part"] == "syn")
    key = f"{records[row].fields['target_side'][0]}_images/{row:08d}"
    assert paste[key]["target"] == records[row].fields["paste"]["target"]


def test_a_table_gives_the_same_files(composites: Path, table: Path, tmp_path: Path) -> None:
    typed("export", composites / "train", "--out", tmp_path / "a", "--quiet")
    typed("export", f"aih:{table}", "--out", tmp_path / "b", "--quiet", "--branch", "human")
    one, two = (
        render_folder(tmp_path / name, branch, "train") for name, branch in (("a", "machine"), ("b", "human"))
    )
    names = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    assert names == {path.relative_to(two) for path in two.rglob("*") if path.is_file()} and len(names) > 200
    assert all((one / name).read_bytes() == (two / name).read_bytes() for name in names)


def said(records: Sequence[Record]) -> list[int]:
    """Returns the records that the official recipe can say."""
    return [record.id for record in records if record.fields["part"] == "syn"
            and record.fields["source"]["other"] and not record.fields["paste"]["target_front"]]  # fmt: skip


def compare(ours: Dataset, plain: Dataset, rows: Sequence[int]) -> tuple[float, float]:
    """Returns the least overlap of whole masks, and how far joints are apart at most [px]."""
    shares, gaps = [], []
    assert len(plain) == len(rows)
    for i, b in zip(rows, plain, strict=True):
        a = ours[i]
        assert a.meta["target_side"] == b.meta["target_side"] and len(b.hands) == 2
        for one in a.hands:
            two = b.hand(one.side)
            assert two is not None and one.joints_2d is not None and two.joints_2d is not None
            shares.append(overlap(whole(one), whole(two)))
            gaps.append(np.abs(one.joints_2d - two.joints_2d).max())
            pixels = (two.camera or b.camera).project(two.joints)
            gaps.append(np.abs(pixels - two.joints_2d).max())
    return min(shares), float(max(gaps))


def test_crops_and_recipes_paste_the_same_hands(handbench: Run, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain"
    found = json.loads(handbench("data", "export", table, "--out", out, "--syn", "crops", "--json").stdout)
    (split,) = found["splits"]
    data, records = records_of(table)
    rows = said(records)
    alone = [r for r in records if r.fields["part"] == "syn" and r.fields["source"]["other"] is None]
    left = {reason: count for reason, count in split["left_out"].items() if "no recipe" in reason}
    assert split["recipes"] == len(rows) > 10 and sum(left.values()) > len(alone) > 0
    assert left["with the target alone, which no recipe can say"] == len(alone)
    assert split["armless"] == sum(records[i].fields["paste"]["arm"] for i in rows)
    written = split["recipes"] + split["rendered"] + sum(split["left_out"].values())
    assert split["pasted"] == 0 and written == len(records)
    plain = load_dataset(f"aih-plain:{out}@part=syn,colour=none", quiet=True)
    share, gap = compare(data, plain, rows)
    assert share > 0.99 and gap < 0.01
    used = {
        paste[name] for paste in (records[i].fields["paste"] for i in rows) for name in ("target", "other")
    }
    assert split["crops"] == len(used)
    for i, sample in zip(rows, plain, strict=True):
        source = records[i].fields["source"]
        assert sample.meta["recording"] == source["target"]["capture"] and sample.meta["tips"] == "smplx"
        assert sample.meta["occlusion_rate"] == source["overlap_other"]
        assert sample.meta["crops"][sample.meta["target_side"]] == source["target"]["cutout"]
    # Rendered samples lie beside them.
    assert len(load_dataset("aih-plain", out, part="render", quiet=True)) == split["rendered"] > 0


def test_the_original_recipe_gives_the_same_pictures(tmp_path: Path) -> None:
    """Where crops have no rim and masks are rounded, as the official reader has it, only JPEG is between."""
    keys = (*KEYS[:3], "syn.cutouts.margin=0", "syn.paste.mask=threshold")
    root = make_parts(tmp_path / "aih", "composites", "syn-original", keys)
    typed("export", root, "--out", tmp_path / "plain", "--syn", "crops", "--quiet")
    data, records = records_of(root)
    plain = load_dataset("aih-plain", tmp_path / "plain", colour="stored", quiet=True)
    rows = said(records)
    assert len(rows) == len(records) == len(plain)
    share, gap = compare(data, plain, rows)
    assert share > 0.99 and gap < 0.01
    alike = [psnr(a.image.read(), b.image.read()) for a, b in zip(data, plain, strict=True)]
    alone = [psnr(a.meta["target_image"].read(), b.meta["target_image"].read())
             for a, b in zip(data, plain, strict=True)]  # fmt: skip
    assert np.median(alike) > 39 and min(alike) > 33 and min(alone) > 39


def test_what_is_there_is_not_lost(composites: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain"
    for split in ("train", "val"):
        shutil.copytree(composites / "train", tmp_path / "two" / split)
    typed("export", tmp_path / "two", "--out", out, "--quiet")
    val = render_folder(out, "machine", "val") / "handbench.jsonl"
    assert val.is_file() and render_folder(out, "machine", "train").is_dir()
    with pytest.raises(HandbenchError, match=r"is not empty \(choose another, or --on-existing overwrite"):
        typed("export", table, "--out", out)
    mine = out / "notes.txt"
    mine.write_text("mine")
    before = val.stat().st_mtime_ns
    typed("export", table, "--out", out, "--quiet", "--syn", "crops", "--on-existing", "overwrite")
    # Pasted samples went to AIH_syn: none of the former run is left beside them.
    data = load_dataset("aih-plain", out, branch="machine", quiet=True)
    syn = {key.split("/")[2] for key in data.keys}
    assert syn == {"syn", "render"} and mine.read_text() == "mine" and val.stat().st_mtime_ns == before
    render = sum(key.split("/")[2] == "render" for key in data.keys)
    assert render == sum(
        r.fields["part"] == "render" and r.fields["kind"] != "pair" for r in records_of(table)[1]
    )
    with pytest.raises(HandbenchError, match="is a file"):
        typed("export", table, "--out", mine)


def test_errors(handbench: Run, composites: Path, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "none"
    lone = shutil.copytree(table / "train", tmp_path / "lone" / "train")
    (tmp_path / "empty").mkdir()
    for words, message in (
        ((tmp_path / "empty",), "holds no dataset of handbench"),
        ((composites / "cutouts" / "train",), "'cutouts/1', expected 'aih/1'"),
        ((composites, "--split", "val"), "has no split 'val' (there is train)"),
        ((composites, "--split", "eval"), "give train, val, test"),
        ((f"aih:{composites}@split=train", "--split", "train"), "the split is said twice"),
        ((lone, "--syn", "crops"), "needs its cut-outs"),
        ((f"aih-plain:{tmp_path}",), "no samples of part=both"),
    ):
        with pytest.raises(HandbenchError) as error:
            typed("export", *words, "--out", out)
        assert message in str(error.value)
    assert not out.exists()
    assert "needs its cut-outs" in one_line(handbench("data", "export", lone, "--out", out, check=2))
    # Composites need their cut-outs for crops alone; a reference says where these lie, and what is taken.
    bare = shutil.copytree(composites / "train", tmp_path / "bare" / "train")
    place = composites / "cutouts"
    typed(
        "export", f"aih:{bare}@cutouts={place},limit=20", "--out", tmp_path / "c", "--syn", "crops", "--quiet"
    )
    typed("export", f"aih:{bare}@every=2,kind=right", "--out", tmp_path / "d", "--quiet")
    (part,) = open_parts(bare, ())
    assert part.split == "train" and len(part.ids) == len(part.store)
