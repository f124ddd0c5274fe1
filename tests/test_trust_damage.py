"""Verification finds each damage: numbers, shapes, pictures, columns, what is missing."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from types import SimpleNamespace

import cv2
import ho3d_trees
import numpy as np
import pytest
from conftest import REAL_DATA, missing
from trusted_hands import (
    NUM,
    Change,
    Hands,
    Still,
    damaged,
    each_hand,
    faults,
    only,
    params_of,
)
from trusted_tree import write_tree

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.datasets import Coverage, Finding, load_dataset
from handbench.errors import BadSampleError, CorruptError
from handbench.formats.ho3d_released import VERTS, XYZ
from handbench.progress import Progress
from handbench.trust.verify import verify_dataset
from handbench.types import HandAnnotation, Sample


@pytest.fixture
def hands(tmp_path: Path) -> Hands:
    return Hands(tmp_path)


def camera(K: FloatArray) -> Change:
    return lambda sample: dataclasses.replace(sample, camera=Camera(K, (320, 240)))


def test_numbers_that_are_none_are_found(hands: Hands) -> None:
    """B.6 case 5."""

    def hole(hand: HandAnnotation) -> FloatArray:
        joints = np.array(hand.joints)
        joints[[4, 8], 1] = np.inf
        return joints

    one = "hands/test/5"
    cases: list[tuple[Change, str, str]] = [
        (only(one, each_hand(joints=hole)), "numbers", "thumb4, index4 are valid but not finite"),
        (only(one, each_hand(joints=lambda hand: np.where(np.arange(21)[:, None] < 3, 1.0, hand.joints))),
         "numbers", "3 valid right joints lie at one place, (1, 1, 1): a filler"),
        (only(one, each_hand(params=lambda hand: params_of(hand, betas=np.full(10, np.nan)))), "numbers",
         "right MANO parameters are not finite"),
        (only(one, each_hand(box=lambda hand: np.array([3.0, 4, 0, 9]))), "numbers",
         "box (3, 4, 0, 9) has no area"),
        (camera(np.full((3, 3), np.nan)), "numbers", "camera K is (nan"),
        (camera(np.array([[1.25, 0, 0.5], [0, 1.6, 0.5], [0, 0, 1]])), "numbers", "looks normalised"),
        (camera(np.array([[400.0, 0, 9161], [0, 400, 118], [0, 0, 1]])), "projection", "project to about (9"),
        (only(one, each_hand(joints=lambda hand: hand.joints - [0, 0, 0.75])), "frame", "behind the camera"),
        (only(one, each_hand(joints=lambda hand: hand.joints + [[0, 0, 0.4 * (j == 8)] for j in range(21)])),
         "bones", "right bone index3 to index4 is 4"),
    ]  # fmt: skip
    for change, name, words in cases:
        found = faults(damaged(hands, change))
        assert words in found[name], (found, words)


def test_wrong_shapes_are_named(hands: Hands) -> None:
    """B.6 case 7."""
    for change, words in (
        (each_hand(joints=lambda hand: hand.joints[:20]), "right joints has shape (20, 3), expected (21, 3)"),
        (
            each_hand(vertices=lambda hand: np.zeros((779, 3))),
            "vertices has shape (779, 3), expected (778, 3)",
        ),
    ):
        report = damaged(hands, change)
        assert words in faults(report)["shapes"] and report.checks["shapes"].looked == 2 * NUM


def test_pictures_that_do_not_open_are_listed(hands: Hands) -> None:
    """B.6 cases 1 to 4: cut, damaged inside, HTML, empty, another size, black, gone."""
    jpeg = (hands.root / "00.jpg").read_bytes()
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), np.uint8)
    inside = bytearray(cv2.imencode(".jpg", noise)[1].tobytes())
    inside[len(inside) // 2 : len(inside) // 2 + 32] = b"\xff\xd9" * 16
    black = cv2.imencode(".jpg", np.zeros((240, 320, 3), np.uint8))[1].tobytes()
    small = cv2.imencode(".jpg", np.full((120, 320, 3), 99, np.uint8))[1].tobytes()
    damage = {
        0: (jpeg[:200], "JPEG without a picture|does not decode"),
        1: (b"<!DOCTYPE html>", "starts with b'<!DOC"),
        2: (b"", "empty"),
        3: (small, "320 x 120 pixels, expected 320 x 240"),
        4: (black, "all black"),
    }
    for i, (data, _) in damage.items():
        (hands.root / f"{i:02d}.jpg").write_bytes(data)
    report = verify_dataset(hands)
    found = {f.where: f.what for f in report.checks["pictures"].examples}
    assert report.checks["pictures"].counts == {"fault": 5} and report.exit_code == 4
    for i, (_, words) in damage.items():
        assert re.search(words, found[f"hands/test/{i}"]), found
    (hands.root / "00.jpg").write_bytes(bytes(inside))
    for i in (1, 2, 3, 4):
        (hands.root / f"{i:02d}.jpg").write_bytes(jpeg)
    assert faults(verify_dataset(hands)) == {}
    assert "damaged JPEG" in faults(verify_dataset(hands, deep=True))["pictures"]


def test_one_bad_picture_is_one_fault(tmp_path: Path) -> None:
    """The format's own check and the strict reading would tell it again."""
    root = write_tree(tmp_path / "interhand")
    first, *_, last = sorted(root.glob("images/**/*.jpg"))
    first.write_bytes(b"<html>404</html>")
    last.write_bytes(last.read_bytes()[:200])
    for deep in (False, True):
        report = verify_dataset(load_dataset("interhand", root, quiet=True), deep=deep)
        assert report.count("fault") == 2 and not report.checks["format"].counts.get("fault")
    tree = ho3d_trees.write_tree(tmp_path / "ho3d")
    sequence, frame = ho3d_trees.FRAMES[0]
    small = cv2.imencode(".jpg", np.full((240, 320, 3), 99, np.uint8))[1].tobytes()
    for data in (b"", small):
        (tree.root / "train" / sequence / "rgb" / f"{frame}.jpg").write_bytes(data)
        report = verify_dataset(load_dataset("ho3d", tree.root, quiet=True), deep=True)
        assert report.checks["pictures"].counts == {"fault": 1}
        assert not [f for f in report.checks["format"].examples if f.where.endswith(f"{sequence}/{frame}")]


def test_other_findings_about_a_bad_picture_stay(hands: Hands) -> None:
    (hands.root / "03.jpg").write_bytes(b"")
    hands.findings = (
        Finding("fault", "hands/test/3", f"{hands.root / '03.jpg'}: starts with 'x'"),
        Finding("fault", "hands/test/3", "the labels are another frame's"),
    )
    report = verify_dataset(hands)
    assert report.count("fault") == 2 and faults(report)["format"] == "the labels are another frame's"


def test_masks_and_depth_are_looked_at_deep(hands: Hands) -> None:
    whole, seen = np.zeros((240, 320), bool), np.zeros((240, 320), bool)
    seen[3, 4] = True
    change = each_hand(amodal_mask=lambda hand: Still(whole), visible_mask=lambda hand: Still(seen))
    assert "1 visible pixels of the right hand" in faults(damaged(hands, change, deep=True))["pictures"]
    change = each_hand(amodal_mask=lambda hand: Still(whole[:9]))
    assert "has shape (9, 320)" in faults(damaged(hands, change, deep=True))["pictures"]
    assert not faults(damaged(hands, change))


def test_a_sample_that_does_not_read_is_a_finding(hands: Hands) -> None:
    def change(sample: Sample) -> Sample:
        if sample.key == "hands/test/4":
            raise BadSampleError("meta.pkl: handPose has shape (45,), expected (48,)", "copy it again")
        if sample.key == "hands/test/6":
            raise KeyError("camMat")
        if sample.key == "hands/test/7":
            raise CorruptError("shards/00000: sample 7: differs from its checksum", "make it again")
        return sample

    check = damaged(hands, change, deep=False).checks["reading"]
    assert {f.where: f.what for f in check.examples} == {
        "hands/test/4": "meta.pkl: handPose has shape (45,), expected (48,)",
        "hands/test/6": "does not read: KeyError: 'camMat'",
        "hands/test/7": "shards/00000: sample 7: differs from its checksum",
    }


def test_columns_are_compared_with_samples(hands: Hands) -> None:
    change = only("hands/test/8", each_hand(joints=lambda hand: hand.joints + 0.001))
    found = faults(damaged(hands, change, deep=True))
    assert "joints differ by 1 mm from ground_truth()" in found["truth"]
    change = only("hands/test/8", each_hand(joints_valid=lambda hand: np.arange(21) > 5))
    assert "21 joints valid in ground_truth(), 15 here" in faults(damaged(hands, change, deep=True))["truth"]


def test_coverage_and_the_formats_own_findings_set_the_status(hands: Hands) -> None:
    hands.findings = (Finding("missing", "skeleton.txt", "is not there"), Finding("note", "x", "y"))
    report = verify_dataset(hands, num=7)
    assert report.exit_code == 0 and report.count("missing") == 1 and report.looked == 7
    hands.coverage = Coverage(NUM, 100, ("60 pictures",))
    assert verify_dataset(hands, num=7).exit_code == 3
    hands.findings = (Finding("fault", "sums", "differ"),)
    report = verify_dataset(hands, num=None)
    assert report.exit_code == 4 and report.looked == NUM and faults(report) == {"format": "differ"}


def test_an_evaluation_split_lacks_what_scores_need(tmp_path: Path) -> None:
    tree = ho3d_trees.write_tree(tmp_path, "v3", "evaluation")
    lacks = []
    for name in ("", XYZ, VERTS):
        (tmp_path / name).unlink() if name else ho3d_trees.write_released(tree)
        report = verify_dataset(load_dataset("ho3d", tmp_path, quiet=True, split="evaluation"))
        found = [f for f in report.checks["format"].examples if "scores on this machine" in f.what]
        assert {f.kind for f in found} <= {"missing"}
        lacks.append([Path(f.where).name for f in found])
    assert lacks == [[], [XYZ], [XYZ, VERTS]]


def test_keys_are_unique(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Hands, "keys", ["hands/test/0"] * NUM)
    assert "39 keys are there more than once: hands/test/0" in faults(verify_dataset(hands, num=1))["keys"]


def test_many_samples_are_judged_in_parts(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    change = each_hand(joints=lambda hand: 1000 * hand.joints)
    whole = damaged(hands, change, num=None)
    monkeypatch.setattr("handbench.trust.verify.CHUNK", 16)
    parts = damaged(hands, change, num=None)
    looked = {name: check.looked for name, check in whole.checks.items()}
    assert {name: check.looked for name, check in parts.checks.items()} == looked
    told = [finding.what.split(":")[0] for finding in parts.checks["units"].examples]
    assert told == ["32 of 32 hands", "32 of 32 hands", "16 of 16 hands"]


def test_hands_without_anything_are_no_error(hands: Hands) -> None:
    bare = each_hand(
        joints=lambda hand: np.full((21, 3), np.nan), joints_valid=lambda hand: np.zeros(21, bool),
        box=lambda hand: None, params=lambda hand: None, joints_2d=lambda hand: None,
    )  # fmt: skip
    report = damaged(hands, lambda sample: dataclasses.replace(bare(sample), box=None))
    assert not faults(report)
    silent = {name for name, check in report.checks.items() if check.verdict == "-"}
    assert silent >= {"units", "order", "frame", "sides", "bones", "projection", "boxes", "labels", "mano"}
    assert not faults(damaged(hands, lambda sample: dataclasses.replace(sample, hands=())))


def test_real_frames_are_sound() -> None:
    root = REAL_DATA / "interhand2.6m_real4"
    if not root.is_dir():
        missing("the four real frames (set HANDBENCH_REAL_DATA)")
    report = verify_dataset(load_dataset("interhand", root, quiet=True), deep=True)
    assert faults(report) == {} and report.checks["boxes"].looked == 6
    lacks = " ".join(f.what for f in report.checks["format"].examples if f.kind == "missing")
    assert "MANO" in lacks and "skeleton.txt" in lacks
    motion = load_dataset("hic", REAL_DATA / "tzionas_hands", quiet=True, every=9)
    assert faults(verify_dataset(motion)) == {}


def test_progress_waits_until_it_knows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where output is no terminal: no line for short work, no guessed rate, few lines for long work."""
    now = [100.0]
    monkeypatch.setattr("handbench.progress.time", SimpleNamespace(monotonic=lambda: now[0]))

    def said(total: int, seconds: float, start: float = 0.0, step: int = 1) -> list[str]:
        with Progress(total, "work") as progress:
            now[0] += start
            for _ in range(0, total, step):
                progress.advance(step)
                now[0] += seconds * step / total
        return capsys.readouterr().err.splitlines()

    assert said(1000, 0.1) == said(1000, 1.9) == []
    assert said(4, 0.4, start=30.0)[0] == "work: 1/4 samples (25 %)"
    lines = said(1000, 10.0)
    assert lines[0] == "work: 202/1000 samples (20 %), 100 a second, 8 s left" and len(lines) == 4
    lines = said(1000, 1000.0)
    assert len(lines) == 20 and lines[0] == "work: 50/1000 samples (5 %), 1 a second, 950 s left"
    assert lines[-1] == "work: 1000/1000 samples (100 %), 1 a second"
