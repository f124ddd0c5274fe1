"""``handbench data``, as typed: what it prints, what it draws, how it ends."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from conftest import REAL_DATA, Run, missing
from trusted_hands import NUM, SIZE, Hands, Still, each_hand

from handbench.camera import Camera
from handbench.cli.data import data
from handbench.cli.data_target import parse_target
from handbench.datasets import DATASETS, DataRef, Loader
from handbench.errors import HandbenchError
from handbench.formats.interhand import boxes_of
from handbench.formats.interhand_write import (
    annotation_record,
    image_record,
    joints_record,
    write_annotations,
    write_skeleton,
)
from handbench.show.dataset_sheet import write_dataset_sheet
from handbench.show.dataset_stats import gather_numbers
from handbench.show.sample import draw_sample
from handbench.trust.catalogue import catalogue, howto_text, option_keys
from handbench.types import Side

STEPS = 8


def write_tree(root: Path, unit: float = 1.0, exchange: bool = False, **names: str) -> Path:
    """Writes an InterHand2.6M tree of the sound hands.

    ``unit`` spoils its unit, ``exchange`` its sides, ``names`` its paths (``image3="../x.jpg"``).
    """
    source = Hands(root / "pictures")
    images, annotations, steps = [], [], []
    for i in range(STEPS):
        sample = source.read(i)
        camera = sample.camera
        valid = {side: np.ones(21, bool) for side in Side}
        sides = {hand.side: hand.side.other if exchange else hand.side for hand in sample.hands}
        world = {sides[hand.side]: unit * (hand.joints - camera.t) @ camera.R for hand in sample.hands}
        image = image_record(i, SIZE, 0, 0, "take0", "400001", i)
        pixels = np.concatenate([camera.project(hand.joints) for hand in sample.hands])
        path = root / "images" / "test" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((root / "pictures" / f"{i:02d}.jpg").read_bytes())
        images.append({**image, "file_name": names.get(f"image{i}", image["file_name"])})
        annotations.append(annotation_record(i, boxes_of(pixels[None], np.ones((1, 42), bool))[0], valid))
        steps.append((0, i, joints_record(world, valid)))
    cameras = {0: {"400001": Camera(source.camera.K, SIZE, source.camera.R, source.camera.t)}}
    write_annotations(root, "test", images, annotations, cameras, steps)
    write_skeleton(root)
    return root


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def real() -> Path:
    root = REAL_DATA / "interhand2.6m_real4"
    if not root.is_dir():
        missing("the four real frames (set HANDBENCH_REAL_DATA)")
    return root


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """Returns the error, which is one line."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("handbench:")]
    assert len(lines) == 1 and "Traceback" not in done.stderr, done.stderr
    return lines[0]


def typed(*words: object) -> None:
    """Runs a command of the group in this process; errors come as exceptions."""
    data.main([str(word) for word in words], standalone_mode=False)


def test_the_group_answers_without_loading_anything_heavy(handbench: Run) -> None:
    code = (
        "import sys; from handbench.cli.data import data\n"
        "data.main(['--help'], standalone_mode=False)\n"
        "assert not {'numpy', 'cv2', 'numba', 'matplotlib', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    for name in ("howto", "list", "orders", "pack", "show", "stats", "verify"):
        assert re.search(rf"^  {name} ", done.stdout, re.MULTILINE)
        assert "xample" in handbench("data", name, "--help").stdout
    assert "No such command" in handbench("data", "lisst", check=2).stderr


def test_list_shows_every_dataset_with_its_keys(handbench: Run) -> None:
    entries = json.loads(handbench("data", "list", "--json").stdout)
    assert [entry["name"] for entry in entries] == DATASETS.names()
    for entry in entries:
        assert entry["about"] and "does not import" not in entry["about"]
        assert all(key["meaning"] for key in entry["keys"]), entry
    text = handbench("data", "list").stdout
    assert "    split=test\n        train, val or test." in text and "    limit=" in text


def test_a_loader_that_does_not_import_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DATASETS._entries, "broken", "handbench.nowhere:LOADER")
    entry = next(entry for entry in catalogue() if entry.name == "broken")
    assert entry.about == "does not import: No module named 'handbench.nowhere'"


def test_meanings_come_from_the_docstring() -> None:
    from trusted_hands import Options

    keys = {key.name: (key.default, key.meaning) for key in option_keys(Options)}
    assert keys["fps"] == ("5", "frames a second; a meaning that goes on in a second line.")
    assert keys["mesh"] == ("false", "give vertices.")


@pytest.mark.parametrize("name", DATASETS.names())
def test_howto_tells_what_is_needed(name: str) -> None:
    text = howto_text(name)
    for head in ("Licence", "Get it", "Tree", "Needed for what", "Common problems", "First commands"):
        assert f"\n{head}" in text, head
    assert max(map(len, text.splitlines())) <= 116


def test_every_command_of_a_howto_exists(handbench: Run) -> None:
    """What a text tells to type is typed with --help."""
    said = {
        line.split("handbench ")[1].split("  ")[0]
        for name in DATASETS.names()
        for line in howto_text(name).splitlines()
        if line.strip().startswith("handbench ")
    }
    assert len(said) > 15
    helps: dict[tuple[str, ...], str] = {}
    for line in said:
        words = line.split()
        command = tuple(words[:2] if words[0] == "data" else words[:1])
        if command not in helps:
            helps[command] = handbench(*command, "--help").stdout
        for option in (word for word in words if word.startswith("--")):
            assert option in helps[command], line


def test_howto_errors(handbench: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "did you mean 'ho3d'?" in one_line(handbench("data", "howto", "ho3", check=2))
    assert handbench("data", "howto", "interhand").stdout.startswith("InterHand2.6M\n")
    bare = Loader(dict, lambda root, options: None, "handbench.loaders:howto/none.md", "")  # type: ignore[arg-type,return-value]
    monkeypatch.setattr(DATASETS, "get", lambda name: bare)
    with pytest.raises(HandbenchError, match=r"no text handbench\.loaders:howto/none\.md"):
        howto_text("bare")


def test_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hic:odd").mkdir()
    assert parse_target(["aih"]) == Path("aih")
    assert parse_target(["hic:odd"]) == Path("hic:odd")
    assert parse_target(["hic:d@mesh=true"], ["views=1"]) == DataRef(
        "hic", "d", {"mesh": "true", "views": "1"}
    )
    assert parse_target(["hic", "d@mesh=true"]) == DataRef("hic", "d", {"mesh": "true"})
    assert parse_target(["hick:d"]) == DataRef("hick", "d")
    for words, settings, message in (
        (["a", "b", "c"], [], "3 names of data"),
        (["aih"], ["split=val"], "no meaning for the store"),
        (["hic:d"], ["views"], "key=value"),
    ):
        with pytest.raises(HandbenchError, match=message):
            parse_target(words, settings)


def test_verify_says_sound(handbench: Run, tree: Path) -> None:
    done = handbench("data", "verify", "interhand", tree, "--deep", "--all")
    assert done.stdout.splitlines()[-1].startswith(f"sound: {STEPS} of {STEPS} samples looked at")
    assert re.search(r"^units +ok +16 hands", done.stdout, re.MULTILINE)
    content = json.loads(handbench("data", "verify", f"interhand:{tree}@limit=3", "--json", check=3).stdout)
    assert content["sound"] and content["looked"] == 3 and content["coverage"]["expected"] == STEPS
    partial = handbench("data", "verify", "interhand", tree, "--set", "every=2", check=3)
    assert f"4 of {STEPS} samples" in one_line(partial)


def test_verify_names_sides_and_units_that_are_mixed_up(handbench: Run, tmp_path: Path) -> None:
    """From the file to the exit status; B.6 case 9 is refused by the loader itself."""
    done = handbench("data", "verify", "interhand", write_tree(tmp_path / "a", exchange=True), check=4)
    assert re.search(r"sides +fault +16 hands; 1 fault", done.stdout), done.stdout
    assert "left and right are exchanged" in done.stdout and "1 fault (" in one_line(done)
    done = handbench("data", "verify", "interhand", write_tree(tmp_path / "b", unit=1e-3), check=2)
    assert "seems to be in metres" in one_line(done)


def test_verify_reads_no_picture_outside_the_root(handbench: Run, tmp_path: Path) -> None:
    """B.6 case 31."""
    root = write_tree(tmp_path / "tree", image3="../../../secret.jpg", image5="/etc/passwd")
    (tmp_path / "secret.jpg").write_bytes((root / "pictures" / "00.jpg").read_bytes())
    done = handbench("data", "verify", "interhand", root, "--json", check=4)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    faults = [e["what"] for e in checks["format"]["examples"] if e["kind"] == "fault"]
    assert ["../../../secret.jpg' leaves" in faults[0], "/etc/passwd' leaves" in faults[1]] == [True, True]
    assert checks["reading"]["looked"] == STEPS - 2 and checks["pictures"]["counts"] == {}


def test_verify_errors(handbench: Run, tree: Path) -> None:
    for words, message in (
        (["interhand", tree / "none"], "no folder"),
        (["interhund", tree], "did you mean 'interhand'"),
        (["interhand", tree, "--set", "spilt=test"], "did you mean 'split'"),
        (["interhand", tree, "--set", "split=val"], "val"),
        (["a", "b", "c"], "3 names of data"),
        ([tree], str(tree)),
        (["interhand", tree, "--set", "split"], "write --set key=value"),
    ):
        with pytest.raises(HandbenchError, match=re.escape(message)):
            typed("verify", *words)
    assert "no folder" in one_line(handbench("data", "verify", "interhand", tree / "none", check=2))


def test_real_frames_lack_files_without_failing(handbench: Run, real: Path) -> None:
    done = handbench("data", "verify", "interhand", real)
    assert "MANO" in done.stdout and "skeleton.txt" in done.stdout
    assert "sound: 4 of 4 samples" in done.stdout


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
        ((tmp_path, "--keys", "a"), "use --ids"),
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
