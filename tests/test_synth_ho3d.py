"""synth-ho3d as typed: the official tree, what lies beside it, and the same bytes however it was made."""

from __future__ import annotations

import hashlib
import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from conftest import Run

from handbench.cli.synth_ho3d import synth_ho3d
from handbench.datasets import load_dataset
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.synth.ho3d import Ho3dSynthOptions, generate_ho3d
from handbench.synth.ho3d_extra import read_amodal
from handbench.synth.ho3d_labels import Ho3dLabels
from handbench.synth.ho3d_motion import TakeSpec, plan_take
from handbench.synth.ho3d_plan import plan_takes
from handbench.synth.performers import Skins
from handbench.synth.raster import RasterRenderer
from handbench.synth.take import Take
from handbench.synth.video_recipe import VideoRecipe
from handbench.synth.video_stage import Stage, Staging
from handbench.types import Side

FRAMES, CAMERAS = 10, 2
SMALL = ("--frames", str(FRAMES), "--cameras", str(CAMERAS), "--quiet", "--set", "missing=0.1",
         "--set", "unannotated=0.1")  # fmt: skip
TAKES = ("--takes", "1", "--eval-takes", "1", "--strata", "plain")
SPEC = TakeSpec("v3", 0, FRAMES, True, VideoRecipe(missing=0.1, unannotated=0.1))


@pytest.fixture(scope="module")
def skins() -> Skins:
    return Skins({side: load_hand_model("procedural", side) for side in Side})


@pytest.fixture(scope="module")
def takes(skins: Skins) -> dict[str, Take]:
    return {plan.base: plan_take(plan, SPEC, skins) for plan in plan_takes(1, 1, CAMERAS, ("plain",))}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("ho3d") / "tree"
    words = (sys.executable, "-m", "handbench.cli.main", "synth-ho3d", "--out", str(out), *TAKES, *SMALL)
    subprocess.run(words, check=True)
    return out


def digest(out: Path) -> dict[str, str]:
    """Every file but the one that tells time and machine."""
    return {
        str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("handbench.json", "lock")
    }


def stage_of(
    base: str, split: str, stratum: str, take: Take, skins: Skins, recipe: VideoRecipe | None = None
) -> Stage:
    staging = Staging(0, base, split, stratum, CAMERAS, recipe or SPEC.recipe)
    return Stage(take, staging, skins, RasterRenderer())


def test_the_tree_is_the_official_one(tree: Path) -> None:
    names = {path.name for path in tree.iterdir()}
    assert names == {".units", "calibration", "evaluation", "evaluation.txt", "evaluation_verts.json",
                     "evaluation_xyz.json", "extra", "handbench.json", "train", "train.txt"}  # fmt: skip
    assert {path.name for path in (tree / "train").iterdir()} == {"PLN10", "PLN11"}
    assert {path.name for path in (tree / "evaluation").iterdir()} == {"PLNX10", "PLNX11"}
    assert {path.name for path in (tree / "train/PLN10").iterdir()} == {"rgb", "depth", "meta", "seg"}
    assert {path.name for path in (tree / "evaluation/PLNX10").iterdir()} == {"rgb", "depth", "meta"}
    about = json.loads((tree / "handbench.json").read_text())
    train, test = about["takes"]["PLN1"], about["takes"]["PLNX1"]
    of_train = {train["kind"], train["light"], *train["surfaces"]}
    assert not of_train & {test["kind"], test["light"], *test["surfaces"]}
    for split, base in (("train", "PLN1"), ("evaluation", "PLNX1")):
        lines = (tree / f"{split}.txt").read_text().split()
        sequences = about["takes"][base]["sequences"]
        annotated = [f"{name}/{k:04d}" for name, found in sequences.items() for k in found["annotated"]]
        assert sorted(lines) == sorted(annotated)
        assert (lines == annotated) == (split == "evaluation")
        for name, found in sequences.items():
            ids = found["annotated"] + found["unannotated"]
            for kind in ("rgb", "depth", "meta"):
                files = {path.stem for path in (tree / split / name / kind).iterdir()}
                assert files == {f"{k:04d}" for k in ids}
            # Some ids do not exist, some frames have files and no annotation.
            assert len(ids) < FRAMES and found["unannotated"]


def unpickled(folder: Path, line: str) -> Any:
    """Our own file, read as the official scripts do."""
    sequence, frame = line.split("/")
    return pickle.loads((folder / sequence / "meta" / f"{frame}.pkl").read_bytes(), encoding="latin1")


def test_metas_have_the_official_keys_and_shapes(tree: Path) -> None:
    meta = unpickled(tree / "train", (tree / "train.txt").read_text().split()[0])
    shapes = {key: np.shape(value) for key, value in meta.items() if isinstance(value, np.ndarray)}
    assert shapes == {
        "handPose": (48,), "handBeta": (10,), "handTrans": (3,), "handJoints3D": (21, 3), "camMat": (3, 3),
        "objRot": (3, 1), "objTrans": (3,), "objCorners3D": (8, 3), "objCorners3DRest": (8, 3),
        "handVertContact": (778,), "handVertIntersec": (778,), "handVertDist": (778,),
        "handVertObjSurfProj": (778, 3),
    }  # fmt: skip
    assert set(meta) - set(shapes) == {"objName", "objLabel", "camIDList"}
    assert meta["handJoints3D"][:, 2].max() < 0 and meta["handVertContact"].dtype == bool
    about = json.loads((tree / "handbench.json").read_text())
    sequence, found = next(iter(about["takes"]["PLN1"]["sequences"].items()))
    bare = unpickled(tree / "train", f"{sequence}/{found['unannotated'][0]:04d}")
    assert set(bare) == set(meta) and all(value is None for value in bare.values())
    test = unpickled(tree / "evaluation", (tree / "evaluation.txt").read_text().split()[0])
    assert test["handJoints3D"].shape == (3,) and test["handBoundingBox"].shape == (4,)
    assert not {"handPose", "handBeta", "handVertDist"} & set(test)
    xyz = json.loads((tree / "evaluation_xyz.json").read_text())
    assert np.abs(np.array(xyz[0][0]) - test["handJoints3D"]).max() < 1e-6
    assert len(xyz) == len((tree / "evaluation.txt").read_text().split())


def test_what_the_loader_reads_is_the_scene(tree: Path, takes: dict[str, Take], skins: Skins) -> None:
    stage = stage_of("PLN1", "train", "plain", takes["PLN1"], skins)
    labels = Ho3dLabels(takes["PLN1"], skins.models[Side.RIGHT], ("a", "b"))
    data: Any = load_dataset("ho3d", tree, quiet=True, version="v3", split="train")
    assert len(data) == len((tree / "train.txt").read_text().split())
    for index in (0, len(data) // 2):
        sample = data.read(index)
        camera, frame = int(sample.meta["camera"]), sample.meta["frame"]
        eye, drawn = stage.cameras[camera], stage.picture(camera, frame)
        assert sample.meta["recording"] == "PLN1"
        np.testing.assert_allclose(sample.camera.K, eye.K, atol=1e-9)
        hand = sample.hands[0]
        np.testing.assert_allclose(hand.joints, eye.to_camera(labels.joints[frame]), atol=1e-6)
        assert np.array_equal(hand.visible_mask.read(), drawn.hand)
        depth = sample.depth.read()
        assert np.abs(depth - drawn.depth).max() <= 0.5 * 0.000125 + 1e-6
        jpeg = sample.image.read().astype(int) - drawn.picture
        assert np.abs(jpeg).mean() < 3.0
        amodal = read_amodal(tree / "extra" / sample.meta["sequence"])[frame]
        assert np.array_equal(amodal, drawn.amodal) and amodal.sum() > 500
    assert [finding for finding in data.audit() if finding.kind == "fault"] == []


def test_resume_and_workers_give_the_same_bytes(tree: Path, tmp_path: Path, handbench: Run) -> None:
    out = tmp_path / "tree"
    shutil.copytree(tree, out)
    # As a kill between two takes leaves it: one take is not there, the lists are old.
    (out / ".units/PLN1.json").unlink()
    shutil.rmtree(out / "train/PLN11")
    (out / "train.txt").unlink()
    words = ("synth-ho3d", "--out", out, *TAKES, *SMALL)
    handbench(*words, "--workers", "2")
    assert digest(out) == digest(tree)
    again = refused(*words, "--on-existing", "error")
    assert "already holds 2 units" in again
    other = refused(*words, "--seed", "1")
    assert "was made with other settings" in other


def refused(command: str, *words: object) -> str:
    """The line that a command is refused with; in this process, which has all compiled."""
    result = CliRunner().invoke(synth_ho3d, [str(word) for word in words])
    assert command == "synth-ho3d" and isinstance(result.exception, HandbenchError), result.output
    return str(result.exception)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--strata", "plain,slow"), "unknown stratum 'slow'"),
        (("--strata", "plain,plain"), "name each once"),
        (("--cameras", "11"), "a sequence's name ends in its camera's digit"),
        (("--takes", "0", "--eval-takes", "0"), "ask for at least one take"),
        (("--takes", "-1"), "--takes -1"),
        (("--frames", "1"), "--frames 1"),
        (("--set", "unannotated=2"), "recipe key 'unannotated' is 2"),
        (("--set", "depth_noise=-1"), "recipe key 'depth_noise' is -1"),
        (("--set", "jpeg_quality=0"), "recipe key 'jpeg_quality' is 0"),
        (("--set", 'train.objects=["mug"]'), "train and test share objects: mug"),
        (("--set", "train.rooms=garden"), "recipe key 'rooms' is 'garden'"),
    ],
)
def test_bad_options_are_one_line(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    assert message in refused("synth-ho3d", "--out", tmp_path / "t", *words)
    assert not (tmp_path / "t").exists()


def test_v2_has_png_pictures_and_an_archive_of_segmentations(tmp_path: Path) -> None:
    out = tmp_path / "v2"
    recipe = ("missing=0", "unannotated=0")
    options = Ho3dSynthOptions("v2", 1, 0, frames=3, cameras=1, flow=False, overrides=recipe)
    generate_ho3d(out, options, 0, quiet=True)
    assert {path.name for path in (out / "train/PLN10").iterdir()} == {"rgb", "depth", "meta"}
    assert np.asarray(cv2.imread(str(out / "train/PLN10/rgb/0001.png"))).shape == (480, 640, 3)
    seg = np.asarray(cv2.imread(str(out / "HO3D_v2_segmentations_rendered/train/PLN10/seg/0001.jpg")))
    assert seg.shape == (120, 160, 3)
    # The thresholds that the official readers use: blue object, red hand.
    assert ((seg[..., 2] > 230) & (seg[..., 0] < 10)).sum() > 50
    assert not (out / "extra/PLN10/flow").exists()
    sample = load_dataset("ho3d", out, quiet=True, version="v2", split="train").read(0)
    assert sample.image.read().shape == (480, 640, 3)
