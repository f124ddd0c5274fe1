"""A store of cut-outs is shown, counted and checked by the data commands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from aih_parts import write_store
from conftest import Run
from trusted_tree import one_line, typed

from handbench.compose.cutout import cutout_of
from handbench.errors import HandbenchError
from handbench.show.cutout_sheet import GAP, LABEL, TILE
from handbench.show.cutout_stats import read_cutout_stats
from handbench.store import open_store
from handbench.store.fields import encode_fields
from handbench.store.record import Record
from handbench.synth.cutout_painted import PaintedJob
from handbench.synth.cutout_recipe import CutoutSettings
from handbench.synth.cutout_stores import RunOptions, paint_photographs
from handbench.synth.recipe import AihRecipe

HOLE = {"key": "interhand/train/17", "bad": "tiny", "what": "31 px, 40 are asked"}
GOOD = {"cutouts": {"good": 1}, "fault": {"no": 1}, "side": {"right": 1}, "person": {"a": 1},
        "score": {"0.60": 1}, "agreement": {"0.85": 1}, "fit_mm": {"1.5": 1}}  # fmt: skip


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("painted") / "train"
    job = PaintedJob(AihRecipe(), CutoutSettings(), "sheet", 0, "procedural", "raster")
    paint_photographs(out, job, 10, RunOptions(0, quiet=True))
    return out


def blobs_of(record: Record) -> dict[str, bytes]:
    return {name: bytes(record.blob(name)) for name in record.names}


@pytest.fixture(scope="module")
def holed(painted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten records, six of them rejected."""
    records: list[tuple[dict[str, bytes], dict[str, Any]]] = []
    counts = []
    for record in open_store(painted):
        hole = record.id % 5 in (1, 2, 4)
        records.append(({}, HOLE) if hole else (blobs_of(record), record.fields))
        counts.append({"cutouts": {"tiny": 1}, "fault": {"yes": 1}} if hole else GOOD)
    return write_store(tmp_path_factory.mktemp("holed") / "train", records, "cutouts/1", counts)


def read_png(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture[..., ::-1])


def test_a_tile_shows_the_photograph_and_what_is_pasted(
    handbench: Run, painted: Path, tmp_path: Path
) -> None:
    out = tmp_path / "new" / "sheet.png"
    done = handbench("data", "show", painted, "--ids", "3", "--out", out)
    assert done.stdout.strip() == f"1 cut-outs on {out}"
    sheet = read_png(out)
    cutout = cutout_of(open_store(painted)[3])
    left, top = 3 * GAP, 24 + GAP + LABEL
    photograph = sheet[top : top + TILE, left : left + TILE].astype(int)
    alone = sheet[top : top + TILE, left + TILE + GAP :][:, :TILE].astype(int)
    small = cv2.resize(cutout.picture()[..., :3], (TILE, TILE), interpolation=cv2.INTER_AREA).astype(int)
    mask = cutout.mask if cutout.arm is None else cutout.mask | cutout.arm
    inside = cv2.resize(mask * 255, (TILE, TILE), interpolation=cv2.INTER_AREA)
    # Away from outline and joints the photograph is itself; the hand alone is its pixels on grey.
    far = cv2.dilate(mask, np.ones((15, 15))) == 0
    far = cv2.resize(far.astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_NEAREST) > 0
    assert far.any() and np.abs(photograph - small)[far].max() <= 1
    assert (alone[inside == 0] == 128).all()
    assert np.abs(alone - small)[inside == 255].mean() < 4
    x, y = np.rint((cutout.annotation()["joints_2d"][8] + 0.5) * TILE / len(mask) - 0.5).astype(int)
    assert np.abs(photograph[y, x] - small[y, x]).max() > 20


def test_rejected_pictures_are_few_and_told(handbench: Run, holed: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.png"
    typed("show", holed, "--num", 10, "--out", out)
    # Four good ones, and four of the six rejected.
    done = handbench("data", "show", holed, "--num", 10, "--out", out)
    assert done.stdout.strip() == f"8 cut-outs on {out}"
    typed("show", holed, "--ids", "1", "--out", out)
    tile = read_png(out)[24 + GAP + LABEL :][:TILE, 3 * GAP :][:, : 2 * TILE]
    assert (tile == 232).all(axis=-1).mean() > 0.9 and (
        tile.max(axis=-1) < 100
    ).sum() > 100  # text on a blank
    for words, message in (
        (("--ids", "10"), "has no sample 10"), (("--num", "0"), "1 to 1000"),
        (("--keys", "interhand/train/17"), "use --ids"), (("--out", "x.jpg"), "a sheet is a PNG"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=message):
            typed("show", holed, *words)
    assert "is a PNG" in one_line(handbench("data", "show", holed, "--out", "x.gif", check=2))


def test_stats_of_cut_outs(handbench: Run, holed: Path, painted: Path, tmp_path: Path) -> None:
    plot = tmp_path / "new" / "plot.png"
    lines = handbench("data", "stats", holed, "--plot", plot).stdout.splitlines()
    assert lines[0].split(maxsplit=1)[1] == "10, 4 good (40.0 %)"
    assert lines[1].split(maxsplit=2)[2] == "tiny 6; 6 of them faulty data"
    assert any(line.startswith("error of the fit [mm]") and "p50 1.5" in line for line in lines)
    assert read_png(plot).std() > 20
    assert json.loads(handbench("data", "stats", holed, "--json").stdout)["cutouts"] == {"good": 4, "tiny": 6}
    stats = read_cutout_stats(open_store(painted).manifest)
    assert stats.pictures == 10 and sum(stats.sides.values()) == 10 and len(stats.people) == 10


def test_deep_verification_finds_what_cannot_be_pasted(handbench: Run, painted: Path, tmp_path: Path) -> None:
    good = list(open_store(painted))
    notes = [cutout_of(record).annotation() for record in good]
    lost = {**notes[0], "joints": np.full((21, 3), np.nan, np.float32)}
    wide = [0, 0, *good[1].fields["paste_box"][2:]]
    broken = {**blobs_of(good[3]), "hand": b"\xff\xd8\xff\xe0nothing"}
    records = [
        ({**blobs_of(good[0]), "annotation": encode_fields(lost)}, good[0].fields),
        (blobs_of(good[1]), {**good[1].fields, "paste_box": wide}),
        ({name: blob for name, blob in blobs_of(good[2]).items() if name != "mask"}, good[2].fields),
        (broken, good[3].fields),
        ({}, HOLE),
        (blobs_of(good[4]), good[4].fields),
    ]
    folder = write_store(tmp_path / "train", records, "cutouts/1")
    handbench("data", "verify", folder)
    told = handbench("data", "verify", folder, "--deep", check=4).stdout.splitlines()
    for sample, words in ((0, "joints is not finite"), (1, "pixels of its mask lie outside its box"),
                          (2, "is no cut-out"), (3, "does not decode")):  # fmt: skip
        assert any(f"sample {sample}: " in line and words in line for line in told), told
    assert not any(f"sample {sample}: " in line for line in told for sample in (4, 5))
    handbench("data", "verify", painted, "--deep")
