"""``handbench data show``, ``stats`` and ``orders``: what they draw and count."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import Run
from trusted_hands import NUM, SIZE, Hands, Still, each_hand
from trusted_tree import STEPS, one_line, typed, write_tree

from handbench.errors import HandbenchError
from handbench.show.dataset_sheet import write_dataset_sheet
from handbench.show.dataset_stats import gather_numbers, plot_numbers
from handbench.show.sample import draw_sample
from handbench.types import Side


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree"))


def test_show_draws_joints_where_they_project(tmp_path: Path) -> None:
    source = Hands(tmp_path)
    sample = source.read(0)
    tile = draw_sample(sample, *SIZE)
    plain = sample.image.read()
    for hand in sample.hands:
        for u, v in np.round(source.camera.project(hand.joints)[5:9]).astype(int):
            assert np.abs(tile[v, u].astype(int) - plain[v, u]).max() > 20
    assert draw_sample(sample, 200, 400).shape == (400, 200, 3)


def test_a_cut_picture_keeps_joints_on_their_pixels(tmp_path: Path) -> None:
    source = Hands(tmp_path)
    tip = each_hand(joints=lambda hand: np.where(np.arange(21)[:, None] == 8, hand.joints, np.nan),
                    box=lambda hand: None, joints_2d=lambda hand: None)(source.read(0))  # fmt: skip
    u, v = np.round(source.camera.project(tip.hands[0].joints[8])).astype(int)
    marked = np.full((SIZE[1], SIZE[0], 3), 255, np.uint8)
    marked[v, u] = 0
    alone = dataclasses.replace(tip, image=Still(marked), box=None, hands=tip.hands[:1])
    near = draw_sample(alone, 600, 600, zoom=True).astype(int)
    places = [
        np.argwhere(mask).mean(axis=0) for mask in (near.max(axis=2) < 60, near[..., 2] < near[..., 0] - 90)
    ]
    # One pixel is 18 of the tile: the orange dot lies on the black one, in the middle.
    assert np.abs(places[0] - places[1]).max() < 11 and np.abs(places[0] - 300).max() < 30


def test_invalid_joints_are_hollow_and_bad_hands_are_left_out(tmp_path: Path) -> None:
    source = Hands(tmp_path)
    full, hollow = source.read(0), each_hand(joints_valid=lambda hand: np.arange(21) != 8)(source.read(0))
    u, v = np.round(source.camera.project(full.hands[0].joints[8])).astype(int)
    seen = each_hand(visibility=lambda hand: None)
    tiles = [draw_sample(seen(sample), *SIZE)[v, u].astype(int) for sample in (full, hollow)]
    assert np.abs(tiles[0] - tiles[1]).max() > 20
    lost = each_hand(joints=lambda hand: np.full((21, 3), np.nan), box=lambda hand: np.full(4, np.nan))
    behind = each_hand(joints=lambda hand: -hand.joints)
    assert all(draw_sample(change(full), *SIZE).shape == (*SIZE[::-1], 3) for change in (lost, behind))


def test_show_writes_png_and_jpeg(
    handbench: Run, tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ref = f"interhand:{tree}"
    for name, words, count in (
        ("a.png", (), STEPS), ("b.jpg", ("--num", 3), 3), ("c.png", ("--ids", "0,7"), 2),
        ("d.png", ("--keys", "interhand/test/2"), 1),
    ):  # fmt: skip
        out = tmp_path / "new" / name
        typed("show", ref, "--out", out, *words)
        assert capsys.readouterr().out.strip() == f"{count} samples on {out}"
        image = cv2.imread(str(out))
        assert image is not None and image.shape[0] > 300
    done = handbench("data", "show", ref, "--zoom", "--out", tmp_path / "e.png")
    assert done.stdout.startswith(f"{STEPS} samples on")


def test_show_errors(handbench: Run, tree: Path, tmp_path: Path) -> None:
    ref = f"interhand:{tree}"
    for words, message in (
        ((ref, "--ids", "0,x"), "cannot read --ids"),
        ((ref, "--ids", STEPS), f"give 0 to {STEPS - 1}"),
        ((ref, "--keys", "interhand/test/99"), "no sample 'interhand/test/99'"),
        ((ref, "--num", 0), "1 to 1000"),
        ((ref, "--out", tmp_path / "x.gif"), "PNG or JPEG"),
        ((ref, "--out", tree / "pictures" / "00.jpg" / "x.png"), "cannot write"),
        ((tmp_path, "--num", 1), "holds no dataset of handbench"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=re.escape(message)):
            typed("show", *words)
    assert "PNG or JPEG" in one_line(handbench("data", "show", ref, "--out", "x.gif", check=2))


def test_a_picture_that_does_not_open_is_told(tmp_path: Path) -> None:
    source = Hands(tmp_path / "pictures")
    (tmp_path / "pictures" / "01.jpg").write_bytes(b"<html>")
    drawn, bad = write_dataset_sheet(source, [0, 1, 2], tmp_path / "x.png")
    assert drawn == 2 and len(bad) == 1 and bad[0].startswith("hands/test/1: ")
    with pytest.raises(HandbenchError, match="no sample of 1 can be shown: hands/test/1"):
        write_dataset_sheet(source, [1], tmp_path / "y.png")


def test_stats_count_what_is_there(handbench: Run, tree: Path, tmp_path: Path) -> None:
    found = json.loads(handbench("data", "stats", f"interhand:{tree}", "--json").stdout)
    assert found["samples"] == STEPS and found["hand_types"] == {"interacting": STEPS}
    assert found["hands"] == {"right": STEPS, "left": STEPS}
    plot = tmp_path / "new" / "stats.png"
    done = handbench("data", "stats", "interhand", tree, "--plot", plot)
    assert f"plot on {plot}" in done.stdout and "distance of the wrist" in done.stdout
    assert cv2.imread(str(plot)) is not None
    with pytest.raises(HandbenchError, match="cannot write"):
        typed("stats", f"interhand:{tree}", "--plot", tree / "pictures" / "00.jpg" / "x.png")


def test_numbers_are_those_of_the_hands(tmp_path: Path) -> None:
    source = Hands(tmp_path)
    found = gather_numbers(source)
    truth = source.ground_truth()
    depth = np.concatenate([hand.joints[:, 0, 2] for hand in truth.hands.values()])
    assert np.array_equal(found.values["depth"], depth)
    joints = truth.hands[Side.RIGHT].joints
    moved = [1000 * np.linalg.norm(joints[i] - joints[i - 1], axis=1) for i in range(NUM) if i % 20]
    assert np.allclose(found.values["motion"][: 21 * len(moved)], np.concatenate(moved))
    assert set(found.values["occlusion"]) == {0.25} and found.recordings == 2
    assert found.valid == 1.0 and found.annotated == {"boxes": 2 * NUM}


def test_equal_values_are_plotted(tmp_path: Path) -> None:
    """One person's hand length: all values are equal, or differ by rounding only."""
    found = gather_numbers(Hands(tmp_path))
    for value in (95.0, 0.0, 1e6):
        found.values["size"] = np.nextafter(np.full(9, value), np.arange(9) % 2 * 1e9)
        plot_numbers(found, tmp_path / "same.png")
        assert cv2.imread(str(tmp_path / "same.png")) is not None


def test_orders_prints_and_draws(handbench: Run, tmp_path: Path) -> None:
    out = tmp_path / "orders.png"
    text = handbench("data", "orders", "--out", out).stdout
    rows = {line.split()[0]: line.split() for line in text.splitlines() if re.match(r" *\d+ ", line)}
    assert rows["16"][1:5] == ["ring4", "thumb4", "little4", "right_little4"]
    assert "manopth     left   745    317    445" in text
    image = cv2.imread(str(out))
    assert image is not None and image.shape[1] == 1200 and out.stat().st_size < 250_000
    content: dict[str, Any] = json.loads(handbench("data", "orders", "--json").stdout)
    assert content["orders"]["HO3D21"][16] == "thumb4"
    assert content["tip_sets"]["ho3d"]["left"] == [744, 333, 444, 555, 672]
    assert "PNG or JPEG" in one_line(handbench("data", "orders", "--out", tmp_path / "x.txt", check=2))
