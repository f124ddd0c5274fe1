"""The readers of tracked motion and of the skinned scan, on a small hand written in the real layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tracked_motion import bone_names, write_tracked

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.formats.motion import read_motion, read_skeleton
from handbench.formats.scan import read_limits, read_scan
from handbench.formats.tzionas import list_sequences, motion_path, read_tzionas_joints
from handbench.geometry import axis_angle_to_matrix
from handbench.skeleton import OPENPOSE21
from handbench.types import Side

FRAMES = 3


def write_hand(root: Path, sequence: str, letter: str) -> FloatArray:
    """Writes a random motion and its skeleton; returns the poses (rows, B, 3, 4) in mm."""
    shape = (FRAMES + 1, len(bone_names(letter)), 3)
    rng = np.random.default_rng([1, ord(letter)])
    turns, places = axis_angle_to_matrix(rng.normal(size=shape)), rng.normal(size=shape) * 100
    poses = np.concatenate([turns, places[..., None]], axis=-1)
    write_tracked(root / sequence, letter, poses, [10.0 + bone for bone in range(shape[1])])
    return poses


@pytest.mark.parametrize("side", list(Side))
def test_joints_come_from_the_right_bones_in_metres(tmp_path: Path, side: Side) -> None:
    letter = "R" if side is Side.RIGHT else "L"
    poses = write_hand(tmp_path, "01", letter)
    track = read_tzionas_joints(tmp_path, "01", side)
    assert track.joints.shape == (FRAMES, 21, 3)
    assert (
        track.valid.sum() == 19
        and not track.valid[[OPENPOSE21.index("wrist"), OPENPOSE21.index("thumb1")]].any()
    )
    assert np.isfinite(track.joints[:, track.valid]).all() and np.isnan(track.joints[:, ~track.valid]).all()
    names = bone_names(letter)
    index3 = names.index(f"{letter}Fing.3_2")
    np.testing.assert_allclose(
        track.joints[:, OPENPOSE21.index("index3")], poses[1:, index3, :, 3] / 1000, atol=1e-6
    )
    tip = poses[1:, index3] @ np.array([10 + index3, 0, 0, 1.0]) / 1000
    np.testing.assert_allclose(track.joints[:, OPENPOSE21.index("index4")], tip, atol=1e-6)


def test_sequences_need_every_hand_asked_for(tmp_path: Path) -> None:
    write_hand(tmp_path, "01", "R"), write_hand(tmp_path, "01", "L"), write_hand(tmp_path, "08", "R")
    assert list_sequences(tmp_path) == ["01"]
    assert list_sequences(tmp_path, (Side.RIGHT,)) == ["01", "08"]
    with pytest.raises(HandbenchError, match="no sequence"):
        list_sequences(tmp_path / "01")


@pytest.mark.parametrize("with_skeleton", [True, False])
def test_a_file_cut_anywhere_names_file_bone_and_line(tmp_path: Path, with_skeleton: bool) -> None:
    write_hand(tmp_path, "01", "R")
    path = motion_path(tmp_path, "01", Side.RIGHT)
    if not with_skeleton:
        path.with_suffix(".SKEL").unlink()
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    cuts = [len("".join(lines[:n])) for n in (7, 8, len(lines) - 1)] + [len(text) // 2, len(text) - 30]
    for cut in cuts:
        if text[:cut].endswith("\n") and with_skeleton is False and cut == cuts[1]:
            continue
        path.write_text(text[:cut])
        with pytest.raises(
            HandbenchError, match=r"Model_Hand_R\.MOTION: lines? \d+.*(bone|rotation)"
        ) as caught:
            read_motion(path)
        assert "\n" not in str(caught.value)


def test_missing_and_damaged_files_are_named(tmp_path: Path) -> None:
    write_hand(tmp_path, "01", "R")
    path = motion_path(tmp_path, "01", Side.RIGHT)
    with pytest.raises(HandbenchError, match="does not exist"):
        read_motion(tmp_path / "none.MOTION")
    good = path.read_text()
    for bad, words in (
        ("nan 0 0 0 1 0 0 0 1 0 0 0", "line 3: expected bone 'RFing.0_Hand', found 'nan 0"),
        ("2 0 0 0 1 0 0 0 1 0 0 0", "line 3: bone 'Lower Arm R' has no valid rotation"),
        ("1 0 0 0 1 0 0 0 1 0 0", "line 3: bone 'Lower Arm R' has 11 numbers"),
        ("a b c d e f g h i j k l", "line 3: expected bone 'RFing.0_Hand', found 'a b"),
    ):
        lines = good.splitlines()
        lines[2] = bad
        path.write_text("\n".join(lines))
        with pytest.raises(HandbenchError, match=words):
            read_motion(path)
    path.with_suffix(".SKEL").write_text("4\nRoot\nLower Arm R\n")
    with pytest.raises(HandbenchError, match="ends inside a bone"):
        read_skeleton(path.with_suffix(".SKEL"))


def test_a_scan_follows_the_motion(tmp_path: Path) -> None:
    poses = write_hand(tmp_path, "01", "R")
    motion = read_motion(motion_path(tmp_path, "01", Side.RIGHT))
    off = tmp_path / "Model_Hand_R.OFF"
    off.write_text("OFF\n4 4 0\n0 0 0\n10 0 0\n0 10 0\n0 0 10\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n")
    names = bone_names("R")
    weights = np.zeros((4, 20))
    weights[:3, 5], weights[3, 0] = 2.0, 1.0
    rows = "\n".join(" ".join(str(x) for x in row) for row in weights)
    (tmp_path / "Model_Hand_R.SKIN").write_text(f"20\n{' '.join(names)} \n{rows}\n")
    scan = read_scan(off)
    posed = scan.pose(motion, 1)
    full = [np.vstack([poses[row, 5], [0, 0, 0, 1]]) for row in (2, 0)]
    expected = full[0] @ np.linalg.inv(full[1]) @ np.array([10, 0, 0, 1.0])
    np.testing.assert_allclose(posed[1], expected[:3] / 1000, atol=2e-6)
    with pytest.raises(HandbenchError, match="no frame 3"):
        scan.pose(motion, 3)
    off.write_text(off.read_text()[:-5])
    with pytest.raises(HandbenchError, match="cut short"):
        read_scan(off)


def test_limits_are_read_with_free_axes(tmp_path: Path) -> None:
    path = tmp_path / "x.LIMITS"
    block = "RFing.0_0\n0 1 0 1\n1 0 0\n0 1 0\n0 0 1\n-5 5\n-95 20\n-3.40282e+38 3.40282e+38\n"
    path.write_text(f"{block}\n{block.replace('0_0', '0_1')}")
    limits = read_limits(path)["RFing.0_1"]
    assert limits.free.tolist() == [True, False, True]
    assert limits.degrees[1].tolist() == [-95, 20] and limits.degrees[2].tolist() == [-np.inf, np.inf]
