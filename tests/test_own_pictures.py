"""One's own pictures: what is read of a folder and a video, boxes, frame pairs, overlays, bad input."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Run

from handbench.cli.predict import predict
from handbench.datasets import Dataset, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.orientation import exif_orientation, upright
from handbench.formats.predictions import read_predictions
from handbench.inputs import Inputs
from handbench.loaders.own_files import places_of
from handbench.predict import run
from handbench.predictions import HandPrediction, Prediction, Space
from handbench.types import Side

SIZE = (160, 120)
BOX = "40,30,70,60"


def picture(shade: int = 90) -> np.ndarray:
    image = np.full((*SIZE[::-1], 3), (30, 60, shade), np.uint8)
    cv2.ellipse(image, (75 + shade // 10, 60), (28, 20), 20, 0, 360, (210, 160, 120), -1)
    return image


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Frames 1, 2, 4 and 10 of a video, and a text beside them."""
    root = tmp_path_factory.mktemp("own") / "walk"
    root.mkdir()
    for number in (1, 2, 4, 10):
        assert cv2.imwrite(str(root / f"f{number}.png"), picture(20 * number)[..., ::-1])
    (root / "notes.txt").write_text("mine")
    return root


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven frames, each 30 brighter than the one before."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 12.0, SIZE)
    for k in range(7):
        writer.write(np.full((*SIZE[::-1], 3), 20 + 30 * k, np.uint8))
    writer.release()
    return path


def own(root: Path, boxes: str = BOX, **options: Any) -> Dataset:
    return load_dataset("images", root, quiet=True, boxes=boxes, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("order", "<>")
def test_turned_photographs_are_shown_as_opencv_shows_them(
    orientation: int, order: str, tmp_path: Path
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (4, 6, 3), np.uint8)
    data = cv2.imencode(".jpg", cv2.resize(noise, (48, 32), interpolation=cv2.INTER_NEAREST))[1].tobytes()
    entry = struct.pack(order + "HHIHH", 0x0112, 3, 1, orientation, 0)
    tiff = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff + data[2:]
    wanted = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
    plain = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    assert wanted is not None and plain is not None
    turned = upright(np.asarray(plain, np.uint8), exif_orientation(data))
    np.testing.assert_array_equal(turned, wanted)
    (tmp_path / "a.jpg").write_bytes(data)
    sample = own(tmp_path, "full")[0]
    assert sample.camera.size == wanted.shape[1::-1]
    assert np.abs(sample.image.read().astype(int) - wanted).mean() < 2


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xd8\xff\xe1\x00\x0aExif\0\0", b"\xff\xd8\xff\xe1\x00\x20Exif\0\0XX"]
)
def test_a_header_without_orientation_is_upright(data: bytes) -> None:
    assert exif_orientation(data) == 1


def test_a_folder_in_natural_order_is_a_video_by_its_numbers(folder: Path) -> None:
    data = own(folder)
    assert list(data.keys) == [f"images/walk/f{k}.png" for k in (1, 2, 4, 10)]
    assert [data.previous_index(i) for i in range(4)] == [None, 0, None, None]
    assert [data.previous_index(i, 2) for i in range(4)] == [None, None, 1, None]
    assert [own(folder, video="no").previous_index(i) for i in range(4)] == [None] * 4
    sample = data[1]
    assert sample.hands[0].side is Side.RIGHT and sample.hands[0].box is not None
    assert sample.hands[0].box.tolist() == [40, 30, 70, 60]
    np.testing.assert_array_equal(sample.camera.K, [[192, 0, 79.5], [0, 192, 59.5], [0, 0, 1]])
    np.testing.assert_array_equal(own(folder, focal=300.0)[0].camera.K[0], [300, 0, 79.5])
    np.testing.assert_array_equal(own(folder, K="200,210,80,61")[0].camera.K[1], [0, 210, 61])
    text = f"images:{folder}@boxes=40:30:70:60,side=left,limit=2"
    assert [hand.side for hand in load_dataset(text, quiet=True)[1].hands] == [Side.LEFT]
    whole = own(folder, "full")[0].hands[0].box
    assert whole is not None and whole.tolist() == [-0.5, -0.5, 160, 120]


def test_names_tell_which_pictures_are_one_video() -> None:
    places = places_of(["a_000.jpg", "a_003.jpg", "a_006.jpg", "a_007.jpg", "b_003.jpg", "cat.jpg"])
    assert [(place.video, place.frame) for place in places[:3]] == [("a_#", 0), ("a_#", 1), ("a_#", 2)]
    assert [place.video for place in places[3:]] == ["", "", ""]


def test_other_pictures_or_boxes_have_another_fingerprint(folder: Path, tmp_path: Path) -> None:
    found = {own(folder).fingerprint, own(folder, "41,30,70,60").fingerprint}
    found |= {own(folder, side="left").fingerprint, own(folder, focal=300.0).fingerprint}
    other = tmp_path / "walk"
    other.mkdir()
    for path in folder.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    assert own(other).fingerprint in found and len(found) == 4
    cv2.imwrite(str(other / "f2.png"), picture(1))
    assert own(other).fingerprint not in found


def test_boxes_of_a_file(folder: Path, tmp_path: Path) -> None:
    rows: list[tuple[str, str, list[float]]] = [
        ("f1.png", "right", [1, 2, 30, 40]),
        ("f1.png", "left", [60.5, 2, 30, 40]),
    ]
    rows += [("f1.png", "right", [100, 60, 30, 40]), ("f10.png", "left", [5, 6, 7, 8])]
    rows += [(name, "right", [9, 9, 9, 9]) for name in ("f2.png", "f4.png")]
    table = tmp_path / "boxes.csv"
    lines = [",".join(map(str, (name, side, *box))) for name, side, box in rows]
    table.write_text("\n".join(["file,side,x,y,w,h", *lines]))
    listed = tmp_path / "boxes.json"
    listed.write_text(json.dumps([{"file": name, "side": side, "box": box} for name, side, box in rows]))
    data = own(folder, str(table))
    assert data.fingerprint == own(folder, str(listed)).fingerprint
    assert [key.rpartition("/")[2] for key in data.keys] == [
        "f1.png",
        "f1.png#2",
        "f2.png",
        "f4.png",
        "f10.png",
    ]
    assert [[hand.side.value for hand in sample.hands] for sample in data[:2]] == [
        ["right", "left"],
        ["right"],
    ]
    truth = data.ground_truth()
    left = truth.hands[Side.LEFT].box
    assert left is not None and left[0].tolist() == [60.5, 2, 30, 40]
    assert np.isnan(left[1]).all() and truth.frames is not None
    listed.write_text(json.dumps([dict(file="f1.png", side="right", x=1, y=2, w=3, h=4)]))
    kept = own(folder, str(listed), no_box="skip")
    assert [len(sample.hands) for sample in kept] == [1, 0, 0, 0]


def test_frames_of_a_video_in_any_order(clip: Path) -> None:
    data = own(clip)
    assert len(data) == 7 and data.keys[3] == "images/clip/000003" and data.previous_index(3, 2) == 1

    def shade(index: int) -> float:
        return float(data[index].image.read().mean())

    for index in (0, 5, 4, 6, 0, 3):
        assert abs(shade(index) - (20 + 30 * index)) < 8
    # A forked process reads the same file from another place, and leaves its parent's place alone.
    child = os.fork()
    if not child:
        os._exit(0 if abs(shade(1) - 50) < 8 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0 and abs(shade(4) - 140) < 8


class Watcher:
    """Says the brightness of both frames of its pair in place of joints."""

    inputs = Inputs(frames=2, size=(32, 32))
    space: Space = "root_relative"
    tips, hand_model, name = "", "", "watcher"
    needs_ground_truth, trained, weights_sha256 = False, True, ""

    def predict(self, batch: Any) -> list[Prediction]:
        shades = batch.images.float().mean(dim=(2, 3, 4)).numpy()
        return [
            Prediction(key, (HandPrediction(Side.RIGHT, joints_2d=np.tile(pair, (21, 1))),))
            for key, pair in zip(batch.keys, shades, strict=True)
        ]


def test_video_models_see_the_frame_before(clip: Path, folder: Path, tmp_path: Path) -> None:
    found = read_predictions(run(Watcher(), own(clip, "full"), tmp_path / "a.h5", workers=2, quiet=True).path)
    seen = found.hands[Side.RIGHT].joints_2d
    assert seen is not None
    now = 20 + 30 * np.arange(7)
    # The first frame stands for the one before it; crops are 1.5 times the box, black around the picture.
    share = seen[6, 0, 0] / 200
    np.testing.assert_allclose(seen[:, 0], share * np.stack([now, [20, *now[:-1]]], axis=1), atol=3)
    single = read_predictions(
        run(Watcher(), own(clip, "full", video="no"), tmp_path / "b.h5", quiet=True).path
    )
    alone = single.hands[Side.RIGHT].joints_2d
    assert alone is not None and np.array_equal(alone[:, 0, 0], alone[:, 0, 1])


def test_predict_pictures_as_typed(folder: Path, tmp_path: Path, handbench: Run) -> None:
    out, drawn = tmp_path / "own.h5", tmp_path / "drawn"
    words = ("predict", "--model", "mean-hand", "--images", folder, "--boxes", BOX, "--out", out)
    said = handbench(*words, "--overlay", drawn)
    assert "4 pictures, hands: 4 right, 0 left" in said.stderr and f"{drawn}: 4 overlays" in said.stdout
    found = read_predictions(out)
    assert list(found.keys) == [f"images/walk/f{k}.png" for k in (1, 2, 4, 10)]
    assert found.hands[Side.RIGHT].vertices is not None
    sheets = {path.name: cv2.imread(str(path)) for path in drawn.iterdir()}
    assert sorted(sheets) == ["f1.png", "f10.png", "f2.png", "f4.png"]
    # Blue of the mesh, in the middle of the box as the third panel shows it.
    sheet = sheets["f2.png"]
    assert sheet is not None and sheet.shape == (488, 560 + 3 * 420 + 5 * 6, 3)
    blue, _, red = sheet[62 + 210, 560 + 420 + 3 * 6 + 210].astype(int)
    assert blue > red + 20


def test_predict_a_video_as_typed(clip: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "own.h5", tmp_path / "drawn"
    words = ["--model", "ifvonet-tiny+one-euro", "--random-init", "--images", clip, "--boxes", BOX]
    said = invoke(*words, "--out", out, "--json", "--overlay", drawn)
    assert json.loads(said)["drawn"] == 7
    film = cv2.VideoCapture(str(drawn / "clip.mp4"))
    assert (film.get(cv2.CAP_PROP_FRAME_COUNT), film.get(cv2.CAP_PROP_FPS)) == (7, 12)
    assert len(list(drawn.glob("00000*.jpg"))) == 7


def invoke(*words: object) -> str:
    done = CliRunner().invoke(predict, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def refused(root: Path, *words: object, model: str = "mean-hand") -> str:
    with pytest.raises(HandbenchError) as error:
        invoke("--model", model, "--images", root, "--out", root.parent / "x.h5", *words)
    assert "\n" not in str(error.value) and error.value.hint
    return str(error.value)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no --boxes: where are the hands?"),
        (("--boxes", "160,30,70,60"), "the box 160,30,70,60 lies outside its picture of 160 x 120 pixels"),
        (("--boxes", "-80,30,70,60"), "lies outside its picture"),
        (("--boxes", "40,30,0,60"), "the box 40,30,0,60 has no area"),
        (("--boxes", "40,30,nan,60"), "has no area"),
        (("--boxes", "40,30,70,sixty"), "holds something that is no number"),
        (("--boxes", "nowhere.csv"), "no file of boxes nowhere.csv"),
        (("--boxes", BOX, "--focal", "-5"), "--focal -5"),
        (("--boxes", BOX, "--K", "1,2,3"), "--K '1,2,3'"),
        (("--boxes", BOX, "--K", "0,2,3,4"), "focal lengths are above 0"),
        (("--boxes", BOX, "--K", "9,9,3,4", "--focal", "7"), "--K and --focal are both given"),
        (("--boxes", BOX, "--data", "aih:x"), "both --data and --images is given"),
    ],
)
def test_options_that_cannot_be(words: tuple[str, ...], message: str, folder: Path) -> None:
    assert message in refused(folder, *words)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "file,side,x,y,w\nf1.png,right,1,2,3", "the first line has no column 'h'"),
        ("a.csv", "file,side,x,y,w,h\nf1.png,both,1,2,3,4", "a.csv line 2: side is 'both'"),
        ("a.csv", "file,side,x,y,w,h\nf1.png,left,1,2,,4", "a.csv line 2: w is ''"),
        ("a.csv", "file,side,x,y,w,h\nf3.png,left,1,2,3,4", "there is no picture 'f3.png' (did you mean 'f"),
        ("a.csv", "file,side,x,y,w,h\nf1.png,left,1,200,3,4", "a.csv line 2: the box 1,200,3,4 lies outside"),
        ("a.csv", "file,side,x,y,w,h\nf1.png,left,1,2,3,4", "3 of 4 pictures have no box"),
        ("a.csv", "frame,side,x,y,w,h\n1,left,1,2,3,4", "a.csv line 2 has no 'file'"),
        ("a.csv", "file,side,x,y,w,h\n", "holds no box"),
        ("a.json", "{", "is no JSON"),
        ("a.json", "{}", "holds no list"),
        ("a.json", "[3]", "entry 0 is no object"),
        ("a.txt", "f1.png right 1 2 3 4", "is neither .csv nor .json"),
    ],
)
def test_files_of_boxes_that_cannot_be(
    name: str, text: str, message: str, folder: Path, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)
    assert message in refused(folder, "--boxes", tmp_path / name)
    (tmp_path / name).write_bytes(b"\xff\xfe\xfa")
    assert "cannot be read" in refused(folder, "--boxes", tmp_path / name)


def broken(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    empty = tmp_path / "empty"
    empty.mkdir()
    yield empty, "no jpg or png picture"
    (empty / "IMG_1.HEIC").write_bytes(b"x")
    yield empty, "convert .heic to jpg"
    (empty / "a.png").write_bytes(b"<html>")
    yield empty, "a.png: not a picture"
    (empty / "a.png").write_bytes(b"")
    yield empty, "a.png: the file is empty"
    yield tmp_path / "none.mp4", "no folder or file"
    film = tmp_path / "film.mp4"
    film.write_bytes(b"no film")
    yield film, "the video does not open"


def test_pictures_and_videos_that_cannot_be(tmp_path: Path, folder: Path, handbench: Run) -> None:
    for root, message in broken(tmp_path):
        assert message in refused(root, "--boxes", "full")
    done = handbench("predict", "--model", "zero", "--images", tmp_path / "film.mp4", "--boxes", "full",
                     "--out", tmp_path / "x.h5", check=2)  # fmt: skip
    assert done.stderr.count("\n") == 1 and "does not open" in done.stderr
    for name, data in (("cut", (folder / "f1.png").read_bytes()[:120]), ("other", None)):
        root = tmp_path / name
        root.mkdir()
        (root / "a.png").write_bytes(data or (folder / "f1.png").read_bytes())
        sample = own(root, "full")[0]
        if data is None:
            cv2.imwrite(str(root / "a.png"), picture()[:50])
        with pytest.raises(BadSampleError, match="changed since" if data is None else "cut short or damaged"):
            sample.image.read()
    message = "1 of 1 samples cannot be read, more than 0.001 of them"
    assert message in refused(tmp_path / "cut", "--boxes", "full", "--random-init", model="ifvonet-tiny")
    root = tmp_path / "two"
    root.mkdir()
    for k in (1, 2):
        cv2.imwrite(str(root / f"{k}.png"), picture()[: 50 * k])
    assert "--K is of pictures of one size, these have 2" in refused(
        root, "--boxes", "full", "--K", "9,9,3,4"
    )
    assert own(root, "full").previous_index(1) is None


def test_a_video_has_frames_not_files(clip: Path, tmp_path: Path) -> None:
    boxes = tmp_path / "boxes.json"
    for row, message in (
        ({"file": "000001"}, "a video's boxes name a frame"),
        ({"frame": "one"}, "frame is 'one'"),
        ({"frame": 7}, "there is no picture '7'"),
    ):
        boxes.write_text(json.dumps([{**row, "side": "right", "box": [1, 2, 3, 4]}]))
        assert message in refused(clip, "--boxes", boxes)


def test_models_and_places_that_cannot_be(folder: Path, tmp_path: Path) -> None:
    assert "one's own pictures have none" in refused(folder, "--boxes", BOX, model="oracle-noise:8")
    assert "has no videos for the filter" in refused(
        folder, "--boxes", BOX, "--separate", model="mean-hand+one-euro"
    )
    (tmp_path / "file").write_text("")
    assert "choose another --overlay" in refused(folder, "--boxes", BOX, "--overlay", tmp_path / "file")
    for words, message in (
        ((), "neither --data nor --images is given"),
        (("--data", "aih:x", "--boxes", "full"), "--boxes is for --images"),
    ):
        with pytest.raises(HandbenchError, match=message):
            invoke("--model", "zero", "--out", tmp_path / "y.h5", *words)


def test_a_fork_of_a_fork_does_not_wait_for_the_parents_video(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    code = (
        "import multiprocessing, sys, cv2, numpy\n"
        "from pathlib import Path\n"
        "from handbench.loaders.own_video import VideoFrame\n"
        "path = Path(sys.argv[1])\n"
        "out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*'mp4v'), 25, (64, 48))\n"
        "[out.write(numpy.full((48, 64, 3), 40 * k, numpy.uint8)) for k in range(5)]\n"
        "out.release()\n"
        "frame = VideoFrame(path, 2, (64, 48))\n"
        "fork = multiprocessing.get_context('fork')\n"
        "def inner(): frame.read()\n"
        "def outer():\n"
        "    child = fork.Process(target=inner)\n"
        "    child.start()\n"
        "    child.join()\n"
        "    sys.exit(child.exitcode)\n"
        "frame.read()\n"
        "first = fork.Process(target=outer)\n"
        "first.start()\n"
        "first.join(60)\n"
        "assert first.exitcode == 0, first.exitcode\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
