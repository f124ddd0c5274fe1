"""``synth-hic``: tracked motion drawn with its own scan, read back by the loader of HIC."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import REAL_DATA, Run, missing

from handbench.camera import Camera
from handbench.cli.synth_hic import synth_hic as command
from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.formats.hic import SENSOR_K, SIZE, read_labels, read_visibility
from handbench.formats.tzionas import read_tzionas_joints
from handbench.hands.contact import is_inside
from handbench.synth.backgrounds import open_backgrounds
from handbench.synth.hic_motion import Recording, open_recording, skinned
from handbench.synth.hic_scene import BACKGROUNDS, SEEN, ViewPainter
from handbench.synth.hic_tree import HicPlan, synth_hic
from handbench.synth.hic_views import draw_views
from handbench.synth.lights import sample_lights
from handbench.synth.renderers import make_renderer
from handbench.synth.studio import seen_lights
from handbench.types import Side

ROOT = REAL_DATA / "tzionas_hands"
EVERY = 90


def plan(motion: Path = ROOT) -> HicPlan:
    return HicPlan(str(motion), every=EVERY, labels=1, renderer="raster")


@pytest.fixture(scope="module")
def recording() -> Recording:
    if not ROOT.is_dir():
        missing("the real motion (set HANDBENCH_REAL_DATA)")
    return open_recording(ROOT, "07", 0)


@pytest.fixture(scope="module")
def tree(recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hic") / "hic"
    synth_hic(out, plan(), "07+17", views=1, workers=0, quiet=True)
    return out


def test_the_loader_gives_back_the_motion(tree: Path) -> None:
    data = load_dataset("hic", tree, quiet=True, sequences="all", mesh=True)
    assert {key.split("/")[1] for key in data.keys} == {"07", "07.2", "17", "17.2"}
    for name in ("07", "17"):
        source = open_recording(ROOT, name, 0)
        cameras = dict(zip(("1", "2"), draw_views(source, 1, 0), strict=True))
        tracks = {side: read_tzionas_joints(ROOT, name, side) for side in Side}
        for sample in data:
            if sample.meta["recording"] != name:
                continue
            camera, frame = cameras[sample.meta["camera"]], int(sample.meta["frame"])
            for field in ("K", "R", "t"):
                np.testing.assert_allclose(getattr(sample.camera, field), getattr(camera, field), atol=1e-12)
            assert len(sample.hands) == 2
            for hand in sample.hands:
                joints = camera.to_camera(tracks[hand.side].joints[frame])
                assert np.abs(hand.joints - joints)[hand.joints_valid].max() < 1e-5
                tracked = source.hands[hand.side]
                drawn = camera.to_camera(skinned(tracked.scan, tracked.motion, frame))
                assert hand.vertices is not None and np.abs(hand.vertices - drawn).max() < 1e-5
            assert [thing.name for thing in sample.objects] == (["Pipe_Gray"] if name == "17" else [])


def test_labels_are_the_joints_that_are_seen(tree: Path, recording: Recording) -> None:
    painter = ViewPainter(
        recording, draw_views(recording, 1, 0)[1], "2", 0, open_backgrounds("procedural", BACKGROUNDS),
        make_renderer("raster"),
    )  # fmt: skip
    data = load_dataset("hic", tree, quiet=True, sequences="07", views="2")
    table = read_visibility(tree / "07/2")
    assert table is not None
    hidden = 0
    for frame in range(0, len(recording), EVERY):
        drawn = painter.draw(frame)
        sample = data[data.find(f"hic/07.2/{frame:03d}")]
        np.testing.assert_array_equal(sample.image.read(), drawn.image)
        labels = read_labels(tree / f"07/2/joints_2D_GT/{frame:03d}.txt")
        for s, side in enumerate((Side.RIGHT, Side.LEFT)):
            joints = recording.hands[side].joints[frame]
            pixels = painter.camera.project(painter.camera.to_camera(joints))
            np.testing.assert_array_equal(table[frame, s], drawn.visibility[side])
            seen = drawn.visibility[side] >= SEEN
            # HIC has rows for 14 joints of a hand: no wrist, no tips, no base of the thumb.
            rows = [j for j in range(21) if j not in (0, 1, 4, 8, 12, 16, 20)]
            labelled = np.isfinite(labels[side]).all(axis=1)
            np.testing.assert_array_equal(np.flatnonzero(labelled), [j for j in rows if seen[j]])
            assert np.abs(labels[side] - pixels)[labelled].max() <= 0.5
            hidden += sum(not seen[j] for j in rows)
    assert hidden > 10


def test_views_surround_the_motion_and_see_all_of_it(recording: Recording) -> None:
    views = draw_views(recording, 4, 0)
    np.testing.assert_array_equal(views[0].K, np.array(SENSOR_K))
    np.testing.assert_array_equal(views[0].R, np.eye(3))
    for few, many in zip(draw_views(recording, 2, 0), views, strict=False):
        np.testing.assert_array_equal(few.R, many.R)
    joints = np.concatenate([hand.joints[:, hand.valid] for hand in recording.hands.values()], axis=1)
    ways = []
    for view in views:
        seen = view.to_camera(joints)
        pixels = view.project(seen)
        assert seen[..., 2].min() > 0.1
        assert ((pixels > 0) & (pixels < np.array(SIZE))).all()
        ways.append(-view.R.T @ view.t - joints.mean(axis=(0, 1)))
    units = np.array(ways) / np.linalg.norm(ways, axis=1, keepdims=True)
    angles = np.arccos(np.clip(units @ units.T, -1, 1))[np.triu_indices(len(views), 1)]
    assert angles.min() > np.deg2rad(20)


def test_the_arm_goes_on_where_the_scan_ends(recording: Recording) -> None:
    for hand in recording.hands.values():
        np.testing.assert_allclose(
            skinned(hand.scan, hand.motion, 50), hand.scan.pose(hand.motion, 50), atol=1e-12
        )
        arm, scan = hand.arm.pose(hand.motion, 50), skinned(hand.scan, hand.motion, 50)
        # It starts on the skin (a sleeve stands off by some millimetres) and reaches far behind it.
        first, last = arm[:40:4], arm[-1:]
        assert np.linalg.norm(first[:, None] - scan, axis=2).min(axis=1).max() < 0.008
        assert np.linalg.norm(last[:, None] - scan, axis=2).min() > 0.4
        inside = is_inside(hand.joints[50][hand.valid], scan, hand.scan.faces)
        assert inside.mean() > 0.75  # fingertips lie on the skin


def test_turned_light_falls_the_same_way() -> None:
    lights = sample_lights(np.random.default_rng(3))
    view = Camera(np.eye(3), SIZE, draw_turn(), np.zeros(3))
    turned = seen_lights(lights, view.R)
    normals = np.random.default_rng(0).standard_normal((20, 3))

    def ambient(sh: np.ndarray, n: np.ndarray) -> np.ndarray:
        x, y, z = n.T
        return np.asarray(sh[0] + np.outer(y, sh[1]) + np.outer(z, sh[2]) + np.outer(x, sh[3]))

    assert lights.sh is not None and turned.sh is not None
    np.testing.assert_allclose(
        ambient(turned.sh, normals @ view.R.T), ambient(lights.sh, normals), atol=1e-12
    )
    np.testing.assert_allclose(
        turned.directions @ (view.R @ normals.T), lights.directions @ normals.T, atol=1e-12
    )
    with pytest.raises(ValueError, match="order 0 and 1"):
        seen_lights(type(lights)(lights.ambient, lights.directions, lights.colors, np.ones((9, 3))), view.R)


def draw_turn() -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))
    return np.asarray(q * np.sign(np.linalg.det(q)))


def test_the_tree_is_for_tests_only_and_continues(tree: Path, tmp_path: Path, handbench: Run) -> None:
    shutil.copytree(tree, copy := tmp_path / "hic")
    manifest = json.loads((copy / "handbench.json").read_bytes())
    assert manifest["use"] == "test only" and "MIT" in manifest["source"]
    assert (copy / "LICENSE").is_file()
    before = {path: path.read_bytes() for path in copy.rglob("*.png")}
    (copy / ".units/07-2.json").unlink()
    words = ("synth-hic", "--motion", f"tzionas:{ROOT}", "--out", copy, "--every", EVERY, "--label-every", 1)
    done = handbench(*words, "--sequences", "07+17", "--views", "+1", "--renderer", "raster", "--quiet")
    assert "of 2 sequences and 2 views each" in done.stdout and "test only" in done.stdout
    assert {path: path.read_bytes() for path in copy.rglob("*.png")} == before
    # More of the same motion may be added to a tree, another person may not.
    assert synth_hic(copy, plan(), "07+17+21", views=1, workers=0, quiet=True).sequences == ("07", "17", "21")
    with pytest.raises(HandbenchError, match="other settings"):
        synth_hic(copy, HicPlan(str(ROOT), every=EVERY, seed=1, renderer="raster"), "07+17", 1, 0, quiet=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--motion", "hic"), "give tzionas:DIR"),
        (("--motion", "tzionas:/nowhere"), "no tracked hands"),
        (("--views", "many"), "give native, or +N"),
        (("--every", "0"), "--every 0"),
        (("--label-every", "0"), "--label-every 0"),
        (("--sequences", "99"), "has no sequence 99"),
        (("--sequences", "one"), "cannot read the sequences"),
    ],
)
def test_bad_input_is_one_line(tzionas: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    given = ["--out", str(tmp_path / "x"), "--motion", f"tzionas:{tzionas}", "--renderer", "raster", *words]
    done = CliRunner().invoke(command, given)
    assert isinstance(done.exception, HandbenchError)
    assert said in str(done.exception) and "\n" not in str(done.exception)
