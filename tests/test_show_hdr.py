"""The strips of the pipeline HDR: what is drawn where, the truth in the same crop, and bad input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner
from conftest import Run

from handbench.cli.show_hdr import hdr
from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.loaders import batches
from handbench.models import open_model
from handbench.predict import run
from handbench.show import marks
from handbench.show.hdr_agreement import agreement
from handbench.show.hdr_figure import FOOT, GAP, HEAD, NAMES, TITLE, WIDTH, draw_figure
from handbench.show.hdr_gather import gather
from handbench.show.hdr_panels import CELL, TINTS, panels, seen_by
from handbench.show.hdr_strip import Row, ShownHand, Strip, window_of
from handbench.show.view import whole
from handbench.subset import Subset
from handbench.synth.generate import SynthOptions, generate
from handbench.types import Side

ROW = CELL + GAP
SAMPLE = TITLE + HEAD + 2 * ROW
WHITE = (250, 250, 250)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("aih") / "test"
    generate(found, SynthOptions(renderer="raster", overrides=("size=128",)), 12, workers=0, quiet=True)
    return found


@pytest.fixture(scope="module")
def aih(root: Path) -> Dataset:
    return load_dataset("aih", root, quiet=True)


def photo(path: Path, size: tuple[int, int] = (300, 200)) -> Path:
    noise = np.random.default_rng(0).integers(0, 255, (size[1], size[0], 3), np.uint8)
    assert cv2.imwrite(str(path), cv2.GaussianBlur(noise, (0, 0), 5))
    return path


def typed(*words: object) -> str:
    done = CliRunner().invoke(hdr, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def cell(figure: np.ndarray, sample: int, row: int, column: int) -> np.ndarray:
    top = TITLE + sample * SAMPLE + TITLE + HEAD + row * ROW
    left = NAMES + column * ROW
    return figure[top : top + CELL, left : left + CELL]


def test_as_typed(root: Path, tmp_path: Path, handbench: Run) -> None:
    out = tmp_path / "strip.png"
    words = ("--data", f"aih:{root}", "--oracle", "masks", "--random-init", "--out", out)
    said = handbench("show", "hdr", "00000000", "00000004", *words).stdout
    figure = cv2.imread(str(out))
    assert figure is not None and figure.shape == (TITLE + 2 * SAMPLE + FOOT, WIDTH, 3)
    assert "2 of aih, hdr-tiny:masks=gt" in said and len(said.splitlines()) in (3, 4)
    for sample in (0, 1):
        for column in range(1, 5):
            # Masks of the annotation, once through the pipeline and once into the same crop.
            assert (cell(figure, sample, 0, column) == cell(figure, sample, 1, column)).mean() > 0.995
        assert (cell(figure, sample, 0, 7) != cell(figure, sample, 1, 7)).mean() > 0.01
    assert "hdr" in handbench("show", "--help").stdout


def test_the_truth_is_in_the_crop_that_the_pipeline_saw(aih: Dataset) -> None:
    model = open_model("hdr-tiny:masks=gt", random_init=True)
    assert model.inputs is not None
    rows = range(8)
    batch = next(iter(batches(aih, model.inputs, batch_size=8)))
    targets = 0
    for i, strip in enumerate(gather(aih, rows, model)):
        assert (strip.crop == batch.images[i, 0].permute(1, 2, 0).numpy()).all()
        sample = aih.read(i)
        assert strip.key == sample.key and set(strip.rows[1].hands) == {hand.side for hand in sample.hands}
        for side, hand in strip.rows[1].hands.items():
            s = list(Side).index(side)
            assert hand.pixels is not None and hand.whole is not None and hand.seen is not None
            np.testing.assert_allclose(hand.pixels, batch.joints_2d[i, s].numpy(), atol=0.01)
            said = strip.rows[0].hands[side]
            assert said.whole is not None and (said.whole != hand.whole).mean() < 2e-3
            if hand.picture is None:
                continue
            targets += 1
            assert sample.meta["target_side"] == side.value
            # Where the target is seen in the picture, its own picture shows the same.
            apart = np.abs(hand.picture.astype(float) - strip.crop)[hand.seen]
            assert apart.mean() < 6
    assert targets > 3


def test_strips_show_what_predict_writes(aih: Dataset, tmp_path: Path) -> None:
    """Also where the mask network is told boxes; without a bias even random weights find hands."""
    model: Any = open_model("hdr-tiny:hasm=hasm-tiny:least=0", random_init=True)
    assert model.inputs.boxes
    with torch.no_grad():
        for name, parameter in model.stages.hasm.network.named_parameters():
            if name.endswith("masks.bias"):
                parameter.zero_()
    part = Subset(aih, range(4))
    run(model, part, tmp_path / "p.h5", random_init=True, quiet=True)
    written = read_predictions(tmp_path / "p.h5")
    counted = 0
    for i, strip in enumerate(gather(aih, range(4), model)):
        for side, hand in strip.rows[0].hands.items():
            columns = written.hands[side]
            assert columns.amodal_mask is not None and hand.whole is not None
            assert (np.packbits(hand.whole) == columns.amodal_mask[i]).all()
            counted += int(hand.whole.any())
    assert counted > 1


def drawn(rows: Sequence[Row], window: tuple[float, float, float, float] | None = None) -> Strip:
    crop = np.full((CELL, CELL, 3), (120, 100, 80), np.uint8)
    crop[:, ::7] = 160
    return Strip("key", crop, rows, window or whole(crop.shape), [], None)


def area(x0: int, x1: int) -> np.ndarray:
    out = np.zeros((CELL, CELL), np.bool_)
    out[40:200, x0:x1] = True
    return out


def test_what_stands_in_which_panel() -> None:
    pixels = np.full((21, 2), np.nan)
    pixels[0] = (60, 70)
    picture = np.random.default_rng(0).integers(0, 255, (CELL, CELL, 3), np.uint8)
    hand = ShownHand(area(50, 150), area(50, 100), picture, pixels)
    row = Row("predicted", [], {Side.LEFT: hand}, "not predicted")
    strip = drawn([row])
    found = panels(strip, row)
    assert len(found) == 7
    whole_mask, seen, orange = found[2], found[3], np.array(TINTS[Side.LEFT])

    def near(piece: np.ndarray) -> np.ndarray:
        return np.asarray(np.abs(piece.astype(int) - orange).max(axis=2) < 60)

    inner = np.s_[50:190, 110:145]
    assert near(whole_mask[50:190, 60:95]).all() and near(seen[50:190, 60:95]).all()
    stripes = near(whole_mask[inner])
    assert 0.4 < stripes.mean() < 0.6 and np.all(whole_mask[inner][~stripes] == WHITE)
    assert (seen[inner].max(axis=2) < 80).all(), "what is hidden is not seen"
    assert (whole_mask[210:].max(axis=2) < 80).all() and (found[5] == picture).all()
    # The right hand is not there: three equal panels that say so, and nothing of its colour.
    assert (found[0] == found[1]).all() and (found[0] == found[4]).all()
    assert (found[0][CELL // 2 - 18 : CELL // 2 + 18].max(axis=2) > 200).any()
    poses = (found[6] != strip.crop).any(axis=2)
    assert tuple(found[6][70, 60]) == marks.SIDES[Side.LEFT] and 20 < poses.sum() < 400


def test_nothing_known_is_said(aih: Dataset) -> None:
    unknown = Row("annotated", [], {Side.RIGHT: ShownHand(), Side.LEFT: ShownHand()}, "not annotated")
    found = panels(drawn([unknown]), unknown)
    assert all((panel == found[0]).all() for panel in found)
    none = Row("predicted", [], {}, "not predicted")
    right, _, left, *_, poses = panels(drawn([none]), none)
    assert (right != left).any() and (left != poses).any() and (right != found[0]).any()
    hidden = ShownHand(area(50, 150), np.zeros((CELL, CELL), np.bool_))
    row = Row("predicted", [], {Side.RIGHT: hidden}, "not predicted")
    assert (panels(drawn([row]), row)[1] != right).any()


def test_small_hands_are_drawn_larger() -> None:
    crop = np.zeros((256, 256, 3), np.uint8)
    small = np.zeros((256, 256), np.bool_)
    small[100:140, 30:60] = True
    row = Row("predicted", [], {Side.RIGHT: ShownHand(small, small)}, "")
    x, y, w, h = window_of(crop, [row])
    assert w == h == pytest.approx(54) and x < 29 and x + w > 61 and y < 99 and y + h > 141
    strip = drawn([row], (x, y, w, h))
    assert strip.zoomed and np.all(seen_by(strip) == WHITE, axis=2).sum() > 100
    grown = panels(strip, row)[1]
    assert (grown.max(axis=2) > 200).sum() > 10 * small.sum()
    assert window_of(crop, [Row("predicted", [], {}, "")]) == whole(crop.shape)


def test_agreement_is_counted_by_hand() -> None:
    pixels = np.zeros((21, 2))
    true = Row("", [], {Side.RIGHT: ShownHand(area(50, 150), area(50, 100), None, pixels)}, "")
    said = Row(
        "", [], {Side.RIGHT: ShownHand(area(50, 125), area(50, 100), None, pixels + np.array([6, 8]))}, ""
    )
    assert agreement(said, true, 2.0) == [
        "right hand", "IoU whole 0.75", "IoU seen 1.00", "IoU hidden 0.50",
        "joints 5.0 px off",
    ]  # fmt: skip
    assert agreement(said, true, 2.0, masks=False)[1:] == ["joints 5.0 px off"]
    assert agreement(said, Row("", [], {}, ""), 1.0) == []


def test_all_that_is_compared_fits() -> None:
    hands = {side: ShownHand(area(50, 150), area(50, 100), None, np.zeros((21, 2))) for side in Side}
    row = Row("annotated", [], hands, "")
    strip = replace(drawn([row, row]), agreement=agreement(row, row, 1.0))
    figure = draw_figure([strip], "hdr-tiny", "")
    facts = cell(figure, 0, 1, 0)
    dark = np.flatnonzero((facts < 180).any(axis=(1, 2)))
    assert len(strip.agreement) == 10 and CELL - 24 < dark[-1] < CELL - 6


def test_pictures_of_ones_own(tmp_path: Path) -> None:
    a, b = photo(tmp_path / "a.png"), photo(tmp_path / "b.jpg", (90, 260))
    out = tmp_path / "own.png"
    said = typed(a, b, "--random-init", "--out", out, "--model", "hdr-tiny:absent=centre")
    assert f"  {a}: " in said and "boxes=detect" in said
    assert "makes hands up" in said or "random weights of hasm-tiny" in said
    figure = cv2.imread(str(out))
    assert figure is not None and figure.shape[0] == TITLE + 2 * (SAMPLE - ROW) + FOOT, "no annotated row"
    assert typed(a, "--random-init", "--out", out, "--quiet") == ""
    (tmp_path / "boxes.csv").write_text("file,side,x,y,w,h\na.png,left,90,40,120,110\n")
    data = f"images:{tmp_path}@boxes={tmp_path}/boxes.csv,no_box=skip"
    assert "boxes=detect" not in typed("a.png", "--data", data, "--random-init", "--out", out)


def test_real_frames_have_joints_and_no_masks(real_frames: Path) -> None:
    data = load_dataset("interhand", real_frames, quiet=True, split="test")
    strips = gather(data, range(len(data)), open_model("hdr-tiny", random_init=True))
    for strip, sample in zip(strips, data, strict=True):
        for hand in sample.hands:
            shown = strip.rows[1].hands[hand.side]
            assert shown.whole is None and shown.picture is None and shown.pixels is not None
            inside = (shown.pixels > 0) & (shown.pixels < 255)
            assert inside[hand.joints_valid].all()
    with pytest.raises(HandbenchError, match="has no masks of its hands"):
        gather(data, [0], open_model("hdr-tiny:masks=gt", random_init=True))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("nowhere.jpg",), "no file nowhere.jpg (name jpg or png files, or samples of data with --data REF)"),
        (("{tmp}",), "is a folder (name the pictures in it)"),
        (("{tmp}/text.jpg",), "text.jpg: not a picture"),
        (("{tmp}/cut.png",), "cut.png: does not decode"),
        (("{tmp}/a.png",) * 9, "9 pictures (name 1 to 8)"),
        (("{tmp}/a.png", "--oracle", "masks"), "one's own pictures have no annotation"),
        (("{tmp}/a.png", "--model", "shpe-tiny"), "model 'shpe-tiny' is no pipeline of stages"),
        (("{tmp}/a.png", "--model", "hdrr"), "unknown model 'hdrr'"),
        (("{tmp}/a.png", "--model", "hdr-tiny+one-euro"), "a filter needs videos (leave +one-euro out)"),
        (("{tmp}/a.png", "--weights", "{tmp}/none"), "no folder of weights"),
        (("{tmp}/a.png", "--out", "fig.jpg"), "--out fig.jpg: a figure is a PNG"),
        (("99", "--data", "aih:{root}"), "no sample '99' in aih test"),
        (("a.png", "--data", "images:{tmp}/own@boxes={tmp}/b.csv,no_box=skip"), "has no box about a hand"),
    ],
)
def test_what_cannot_be_drawn(words: Sequence[str], message: str, root: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    photo(tmp_path / "own" / "a.png")
    photo(tmp_path / "own" / "b.png")
    (tmp_path / "b.csv").write_text("file,side,x,y,w,h\nb.png,left,10,10,80,90\n")
    (tmp_path / "text.jpg").write_text("no picture")
    whole_png = photo(tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole_png[:400])
    given = [word.format(tmp=tmp_path, root=root) for word in words]
    with pytest.raises(HandbenchError) as error:
        typed("--random-init", "--out", tmp_path / "f.png", *given)
    assert message in str(error.value) and "\n" not in str(error.value)
