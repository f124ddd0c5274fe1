"""The prediction file: what is written is read, what others write is read, what is wrong is named."""

from __future__ import annotations

import dataclasses
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handbench.errors import CorruptError, HandbenchError
from handbench.formats.predictions import read_predictions, read_provenance, write_predictions
from handbench.formats.predictions_fields import FIELDS, HAND_FIELDS
from handbench.predictions import HandPredictions, Predictions
from handbench.skeleton import HO3D21, OPENPOSE21
from handbench.types import Side

SIZE = (13, 5)


def draw(rng: np.random.Generator, n: int, names: set[str], sides: tuple[Side, ...]) -> Predictions:
    """Returns predictions with these columns; about a third of the rows is NaN."""

    def column(name: str, shape: tuple[Any, ...]) -> Any:
        known: dict[str, tuple[Any, ...]] = {"vertices": (778, 3), "image": (*SIZE[::-1], 3)}
        width = known.get(name, ((SIZE[0] * SIZE[1] + 7) // 8,) if "mask" in name else shape)
        if name in ("has_mask", "has_image"):
            return rng.random(n) < 0.5
        if name in ("image", "amodal_mask", "visible_mask"):
            return rng.integers(0, 256, (n, *width)).astype(np.uint8)
        values = rng.random((n, *width)).astype(np.float64 if name in ("K", "crop") else np.float32)
        values[rng.random(n) < 0.3] = np.nan
        return values

    hands = {
        side: HandPredictions(**{k: column(k, f.shape) for k, f in HAND_FIELDS.items() if k in names})
        for side in sides
    }
    more = {k: column(k, f.shape) for k, f in FIELDS.items() if k in names or k == "crop"}
    keys = [f"sätze/{i}" * (1 + i % 3) for i in range(n)]
    return Predictions(keys, hands, "root_relative", **more, mask_size=SIZE, tips="ho3d", split="test")


def assert_same(found: Predictions, wanted: Predictions) -> None:
    assert list(found.keys) == list(wanted.keys)
    assert set(found.hands) == set(wanted.hands)
    pairs = [(found, wanted)] + [(found.hands[s], wanted.hands[s]) for s in wanted.hands]
    for a, b in pairs:
        for field in dataclasses.fields(b):
            mine, theirs = getattr(a, field.name), getattr(b, field.name)
            if isinstance(theirs, np.ndarray):
                np.testing.assert_array_equal(mine, theirs, err_msg=field.name)
            elif field.name in ("space", "tips", "split", "mask_size", "hand_model", "provenance"):
                assert mine == theirs, field.name


@settings(max_examples=40)
@given(
    n=st.integers(0, 6), seed=st.integers(0, 99), names=st.sets(st.sampled_from([*HAND_FIELDS, *FIELDS])),
    sides=st.sampled_from([(), (Side.LEFT,), (*Side,)]),
)  # fmt: skip
def test_what_is_written_is_read(
    n: int, seed: int, names: set[str], sides: tuple[Side, ...], tmp_path_factory: pytest.TempPathFactory
) -> None:
    # Flags stand beside what they are about: without them they follow the crop.
    names |= {"has_mask"} if names & {"amodal_mask", "visible_mask"} else set()
    names |= {"has_image"} if "image" in names else set()
    wanted = draw(np.random.default_rng(seed), n, names, sides)
    wanted = dataclasses.replace(wanted, provenance={"a": {"b": 1}})
    path = write_predictions(tmp_path_factory.mktemp("file") / "a.h5", wanted)
    found = read_predictions(path)
    used = {
        s: h
        for s, h in wanted.hands.items()
        if any(getattr(h, k) is not None for k in names & {*HAND_FIELDS})
    }
    kept = {side: found.hands.get(side, HandPredictions()) for side in used}
    assert_same(dataclasses.replace(found, hands=kept), dataclasses.replace(wanted, hands=used))
    assert read_provenance(path) == {"a": {"b": 1}}
    assert [p.name for p in path.parent.iterdir()] == ["a.h5"]
    without = read_predictions(path, without=("vertices", "image", "crop", "amodal_mask", "visible_mask"))
    assert without.crop is None and all(hand.vertices is None for hand in without.hands.values())


def strangers(path: Path, joints: Any, **attributes: Any) -> Path:
    with h5py.File(path, "w") as file:
        file["keys"] = np.array([f"k{i}" for i in range(len(joints))], dtype=h5py.string_dtype())
        file["right/joints"] = joints
        file.attrs.update({"space": "camera", **attributes})
    return path


def test_a_strangers_file_reads(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).random((3, 21, 3))
    found = read_predictions(strangers(tmp_path / "a.h5", joints))
    assert list(found.keys) == ["k0", "k1", "k2"] and list(found.hands) == [Side.RIGHT]
    np.testing.assert_array_equal(found.hands[Side.RIGHT].joints, joints)
    assert (found.tips, found.space, found.provenance) == ("", "camera", {})
    other = read_predictions(
        strangers(tmp_path / "b.h5", joints.astype(">f2"), joint_order=np.bytes_("HO3D21"))
    )
    tip = other.hands[Side.RIGHT].joints
    assert tip is not None and tip.dtype == np.float32
    np.testing.assert_array_equal(
        tip[:, OPENPOSE21.index("thumb4")], joints[:, HO3D21.index("thumb4")].astype(np.float16)
    )


def test_masks_of_a_stranger_are_where_the_crop_is(tmp_path: Path) -> None:
    with h5py.File(strangers(tmp_path / "a.h5", np.zeros((2, 21, 3))), "r+") as file:
        file["images/left"] = np.zeros((2, 4, 6, 3), np.uint8)
        file["masks/left_amodal"] = np.zeros((2, 3), np.uint8)
        file["crop"] = np.stack([np.eye(2, 3), np.full((2, 3), np.nan)])
        file["extra/mine"] = "not read"
    found = read_predictions(tmp_path / "a.h5")
    left = found.hands[Side.LEFT]
    assert left.has_mask is not None and left.has_image is not None and left.joints is None
    assert left.has_mask.tolist() == left.has_image.tolist() == [True, False]
    assert found.mask_size == (6, 4)


def edit(name: str, value: Any) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        if name.startswith("@"):
            file.attrs[name[1:]] = value
            return
        if name in file:
            del file[name]
        if value is not None:
            file[name] = value

    return change


def torn(value: float, *at: int) -> Any:
    joints = np.zeros((2, 21, 3), np.float32)
    joints[at] = value
    return joints


def remove_space(file: h5py.File) -> None:
    del file.attrs["space"]


def zeros(*shape: int) -> Any:
    return np.zeros(shape)


def half_a_mesh() -> Any:
    mesh = zeros(2, 778, 3)
    mesh[1, :9] = np.nan
    return mesh


BAD: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "20 joints": (
        edit("right/joints", zeros(2, 20, 3)),
        r"right/joints has shape \(2, 20, 3\), expected \(2, 21, 3\) \(20 joints: add the wrist",
    ),
    "42 joints": (edit("left/joints", zeros(2, 42, 3)), r"42 joints: write each hand into its own group"),
    "779 vertices": (edit("left/vertices", zeros(2, 779, 3)), r"left/vertices has 779 vert.*expected 778"),
    "fewer rows": (edit("right/joints", zeros(1, 21, 3)), r"there are 2 keys"),
    "integers": (
        edit("right/joints", zeros(2, 21, 3).astype(int)), r"right/joints holds integer values, expected flo",
    ),
    "no keys": (edit("keys", None), r"no keys"),
    "keys are numbers": (edit("keys", np.arange(2)), r"keys are int64"),
    "keys are Latin": (edit("keys", np.array([b"\xe4", b"b"])), r"keys are no UTF-8"),
    "schema": (edit("@schema", "handbench.predictions/2"), r"schema is 'handbench.predictions/2'"),
    "no space": (remove_space, r"no attribute space"),
    "space": (edit("@space", "world"), r"space is 'world'"),
    "order": (edit("@joint_order", "MANO16"), r"joint_order MANO16 has other joints"),
    "unknown order": (edit("@joint_order", "OPENPOSE"), r"did you mean 'OPENPOSE21'"),
    "box source": (edit("@box_source", "detect"), r"box_source is 'detect'.*'detected'"),
    "attribute": (edit("@tips", 3), r"attribute tips is "),
    "provenance": (edit("@provenance", "{"), r"provenance is no JSON"),
    "infinite": (edit("right/joints", torn(np.inf, 1)), r"right/joints is infinite in row 1 \(1 rows\)"),
    "part of a joint": (edit("right/joints", torn(np.nan, 0, 3, 1)), r"NaN in a part of row 0"),
    "part of a mesh": (edit("right/vertices", half_a_mesh()), r"right/vertices is NaN in a part of row 1"),
    "handedness": (edit("handedness", np.array([[0, 1], [0.5, 1.5]])), r"handedness of row 1 is no prob"),
    "misspelt": (edit("right/joint", zeros(2, 21, 3)), r"unknown field 'right/joint' .did you mean 'joints'"),
    "misspelt group": (edit("rigth/joints", zeros(2, 21, 3)), r"unknown field 'rigth' .did you mean 'right'"),
    "group": (edit("crop/a", zeros(2)), r"crop is a group"),
    "column": (edit("left", zeros(2)), r"left is a dataset"),
    "mask without crop": (
        edit("masks/right_amodal", zeros(2, 3).astype(np.uint8)), r"masks/right_amodal without crop",
    ),
    "mask size": (edit("@mask_size", np.array([1.5, 2])), r"attribute mask_size"),
    "other file": (edit("left/joints", h5py.ExternalLink("b.h5", "x")), r"joints links to another file"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_named(case: str, tmp_path: Path) -> None:
    change, words = BAD[case]
    path = strangers(tmp_path / "a.h5", np.zeros((2, 21, 3)))
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(HandbenchError, match=words) as error:
        read_predictions(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert not isinstance(error.value, CorruptError)


def test_columns_that_lie_elsewhere_or_fill_the_memory_are_refused(tmp_path: Path) -> None:
    path = strangers(tmp_path / "a.h5", np.zeros((2, 21, 3)))
    with h5py.File(path, "r+") as file:
        place = [(str(tmp_path / "raw"), 0, h5py.h5f.UNLIMITED)]
        file.create_dataset("left/joints", (2, 21, 3), "f4", external=place)
    with pytest.raises(HandbenchError, match="left/joints is no plain column"):
        read_predictions(path)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file.attrs["space"] = "camera"
        file.create_dataset("keys", (1 << 45,), "S8", chunks=(1 << 20,))
    with pytest.raises(HandbenchError, match="of memory are free"):
        read_predictions(tmp_path / "b.h5")


def test_damage_is_told_from_what_is_no_file(tmp_path: Path) -> None:
    path = strangers(tmp_path / "a.h5", np.zeros((2000, 21, 3)))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorruptError, match=r"a\.h5 is damaged"):
        read_predictions(path)
    # A byte of the whole file at a time: the same answer or one line, never another error or a crash.
    hand = HandPredictions(joints=np.zeros((2, 21, 3), np.float32))
    path = write_predictions(tmp_path / "b.h5", Predictions(["a", "b"], {Side.RIGHT: hand}))
    whole = path.read_bytes()
    errors = 0
    for at in range(0, len(whole), 5):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            found = read_predictions(path)
            joints = found.hands[Side.RIGHT].joints
            assert list(found.keys) == ["a", "b"] and joints is not None and not joints.any()
        except HandbenchError:
            errors += 1
    assert errors > 20
    path.write_bytes(b"PK\x03\x04 not HDF5")
    with pytest.raises(HandbenchError, match="no HDF5 file"):
        read_predictions(path)
    with pytest.raises(HandbenchError, match="is not there"):
        read_predictions(tmp_path / "c.h5")
    with pytest.raises(HandbenchError, match="is a folder"):
        read_predictions(tmp_path)
    with pytest.raises(HandbenchError, match=r"no field 'joint'.*'joints'"):
        read_predictions(strangers(tmp_path / "d.h5", np.zeros((2, 21, 3))), without=("joint",))


def test_a_wrong_file_is_not_written(tmp_path: Path) -> None:
    hand = HandPredictions(joints=np.zeros((1, 20, 3)))
    with pytest.raises(HandbenchError, match="expected \\(1, 21, 3\\)"):
        write_predictions(tmp_path / "a.h5", Predictions(["a"], {Side.RIGHT: hand}))
    masks = HandPredictions(visible_mask=np.zeros((1, 3), np.uint8))
    odd = Predictions(["a"], {Side.RIGHT: masks}, crop=np.zeros((1, 2, 3)), mask_size=(4, 4))
    with pytest.raises(HandbenchError, match=r"masks/right_visible has rows of shape .3,., expected .2,."):
        write_predictions(tmp_path / "a.h5", odd)
    with pytest.raises(HandbenchError, match="no folder"):
        write_predictions(tmp_path / "none" / "a.h5", Predictions([], {}))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    path = strangers(tmp_path / "a.h5", np.zeros((2, 21, 3)))
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from handbench.formats.predictions import write_predictions\n"
        "from handbench.predictions import HandPredictions, Predictions\n"
        "from handbench.types import Side\n"
        "from handbench.errors import PartialError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))\n"
        "hand = HandPredictions(vertices=np.zeros((99, 778, 3), np.float32))\n"
        "try:\n"
        "    write_predictions(sys.argv[1], Predictions([str(i) for i in range(99)], {Side.LEFT: hand}))\n"
        "except PartialError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.stdout.startswith(f"cannot write {path}"), done.stdout + done.stderr
    assert len(read_predictions(path)) == 2 and [p.name for p in tmp_path.iterdir()] == ["a.h5"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
