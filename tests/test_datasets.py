"""References, options and subsets of datasets; pictures and paths that are checked before they are used."""

from __future__ import annotations

import dataclasses
import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from handbench.datasets import DATASETS, Coverage, DataRef, Dataset, Loader, load_dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import ImageFile, check_image, decode_image
from handbench.formats.paths import inside
from handbench.ground_truth import GroundTruth, HandTruth
from handbench.store.columns import cached_columns, stamp
from handbench.types import Sample, Side


@dataclasses.dataclass(frozen=True)
class _Options:
    split: str = "test"
    fps: int = 5
    mesh: bool = False
    scale: float = 1.0


class _Numbers(Dataset):
    """Thirty frames whose joints hold their own number; frame 7 is missing."""

    def __init__(self, root: Path, options: _Options) -> None:
        self.name, self.split, self.root, self.options = "numbers", options.split, root, options
        self.fingerprint = "f"
        self.frames = [i for i in range(31) if i != 7]
        self.coverage = Coverage(30, 31, ("frame 7",))

    @property
    def keys(self) -> Sequence[str]:
        return [f"numbers/{self.split}/{frame}" for frame in self.frames]

    def read(self, index: int) -> Sample:
        from handbench.camera import Camera

        return Sample(self.keys[index], ImageFile(self.root / "x.png"), Camera(np.eye(3), (4, 4)))

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        wanted = self.frames[index] - gap
        return self.frames.index(wanted) if wanted in self.frames else None

    def ground_truth(self) -> GroundTruth:
        n = len(self.frames)
        joints = np.broadcast_to(np.array(self.frames, float)[:, None, None], (n, 21, 3))
        hand = HandTruth(joints, np.ones((n, 21), bool))
        return GroundTruth(
            "numbers", self.split, self.keys, ["r"] * n, np.tile(np.eye(3), (n, 1, 1)), {Side.RIGHT: hand},
            subsets={"even": np.array(self.frames) % 2 == 0},
        )  # fmt: skip


NUMBERS = Loader(_Options, _Numbers, "handbench.loaders:howto/ho3d.md", "numbers")


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    DATASETS.register("numbers", f"{__name__}:NUMBERS")
    return "numbers"


@pytest.mark.parametrize(
    ("text", "name", "path", "options"),
    [
        ("ho3d:/d", "ho3d", "/d", {}),
        ("interhand:a/b@split=test,fps=5", "interhand", "a/b", {"split": "test", "fps": "5"}),
        ("hic:/odd@place/x", "hic", "/odd@place/x", {}),
        ("hic:/odd@place@sequences=01-07", "hic", "/odd@place", {"sequences": "01-07"}),
        ("aih:C:/x", "aih", "C:/x", {}),
    ],
)
def test_a_reference_reads_and_writes(text: str, name: str, path: str, options: dict[str, str]) -> None:
    ref = DataRef.parse(text)
    assert (ref.name, ref.path, dict(ref.options)) == (name, path, options)
    assert str(ref) == text
    assert pickle.loads(pickle.dumps(ref)) == ref


@pytest.mark.parametrize(
    "text", ["", "interhand", "interhand:", ":x", "ho3d:/d@=3", "ho3d:/d@a=1,b", "x:/d@split"]
)
def test_a_bad_reference_is_refused(text: str) -> None:
    with pytest.raises(HandbenchError, match=r"NAME:PATH|key=value"):
        DataRef.parse(text)


def test_options_are_typed_and_checked(numbers: str, tmp_path: Path) -> None:
    found = load_dataset(f"{numbers}:{tmp_path}@fps=30,mesh=true,scale=2", quiet=True)
    assert isinstance(found, _Numbers)
    assert found.options == _Options("test", 30, True, 2.0)
    for words, message in (
        ({"fsp": 3}, "did you mean 'fps'"), ({"fps": "x"}, "a number"), ({"mesh": "maybe"}, "true or false"),
        ({"limit": "0"}, "1 or more"), ({"every": "x"}, "1 or more"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=message):
            load_dataset(numbers, tmp_path, quiet=True, **words)
    with pytest.raises(HandbenchError, match="is no name of a dataset"):
        load_dataset(tmp_path)  # type: ignore[arg-type]
    (tmp_path / "file").touch()
    with pytest.raises(HandbenchError, match="no folder"):
        load_dataset(numbers, tmp_path / "file", quiet=True)
    with pytest.raises(HandbenchError, match="howto numbers"):
        load_dataset(numbers, tmp_path / "none", quiet=True)
    with pytest.raises(HandbenchError, match="did you mean 'numbers'"):
        load_dataset("NUMBERZ", tmp_path, quiet=True)


def test_what_was_resolved_is_printed(
    numbers: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    load_dataset(numbers, tmp_path)
    assert "partial: 30 of 31" in capsys.readouterr().err


def test_a_subset_keeps_keys_rows_and_videos_together(numbers: str, tmp_path: Path) -> None:
    whole = load_dataset(numbers, tmp_path, quiet=True)
    some = load_dataset(numbers, tmp_path, quiet=True, every=3, limit=4)
    assert list(some.keys) == [f"numbers/test/{i}" for i in (0, 3, 6, 10)]
    truth = some.ground_truth()
    assert truth.partial and some.coverage.partial
    assert truth.hands[Side.RIGHT].joints[:, 0, 0].tolist() == [0, 3, 6, 10]
    assert truth.subsets["even"].tolist() == [True, False, True, True]
    before = some.previous(3, 1)
    assert before is not None and before.key == "numbers/test/9"
    assert some.previous_index(2, 3) == 1 and some.previous_index(2, 1) is None
    assert whole.previous(whole[7], 1) is None
    assert [sample.key for sample in some] == [sample.key for sample in some[:]]
    with pytest.raises(IndexError):
        some[4]


def test_pictures_that_do_not_open_are_named(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(0, 255, (40, 60, 3), np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    path = tmp_path / "x.jpg"
    cases = {
        b"": "empty",
        b"<html><body>404": r"starts with b'<html",
        jpeg[: len(jpeg) // 2]: "does not decode",
        jpeg[:30]: "without a picture",
        _with_size(jpeg, 65500, 65500): "65500 x 65500 pixels is refused",
        cv2.imencode(".jpg", image[:20])[1].tobytes(): "60 x 20 pixels, expected 60 x 40",
    }
    for data, message in cases.items():
        path.write_bytes(data)
        with pytest.raises(BadSampleError, match=message) as error:
            ImageFile(path, (60, 40)).read()
        assert str(path) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(BadSampleError, match="No such file"):
        ImageFile(tmp_path / "none.jpg").read()
    path.write_bytes(jpeg)
    assert ImageFile(path, (60, 40)).read().shape == (40, 60, 3)
    png = cv2.imencode(".png", image)[1].tobytes()
    assert np.array_equal(decode_image(png, "x", (60, 40)), image[..., ::-1])


def test_damage_inside_a_jpeg_is_found_by_the_strict_check() -> None:
    image = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    jpeg = bytearray(cv2.imencode(".jpg", image)[1].tobytes())
    check_image(bytes(jpeg), "x.jpg")
    jpeg[len(jpeg) // 2 : len(jpeg) // 2 + 32] = b"\xff\xd9" * 16
    with pytest.raises(BadSampleError, match=r"x\.jpg: damaged JPEG"):
        check_image(bytes(jpeg), "x.jpg")


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\0b", "", "..", r"a\..\b"])
def test_no_path_of_an_annotation_leaves_the_root(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadSampleError, match="leaves"):
        inside(tmp_path, name, "data.json: file_name")


def test_a_plain_path_stays(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/./b/../c..jpg", "x") == tmp_path / "a/c..jpg"


def test_columns_are_built_once_and_mapped(tmp_path: Path) -> None:
    calls = []

    def build() -> dict[str, npt.NDArray[Any]]:
        calls.append(1)
        return {"big": np.arange(10_000), "none": np.zeros((0, 3)), "name": np.array(["a", "bc"])}

    source = tmp_path / "annotation.json"
    source.write_text("{}")
    key = stamp([source], "schema 1")
    first, second = (cached_columns("test", key, build) for _ in range(2))
    assert len(calls) == 1
    for found in (first, second):
        assert all(np.array_equal(found[name], column) for name, column in build().items())
    assert not second["big"].flags.writeable
    source.write_text("{ }")
    assert stamp([source], "schema 1") != key != stamp([source], "schema 2")


def _with_size(jpeg: bytes, width: int, height: int) -> bytes:
    at = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:at] + struct.pack(">HH", height, width) + jpeg[at + 4 :]
