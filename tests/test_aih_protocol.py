"""AIH's protocol on pasted and rendered samples: perfect predictions, and what each corruption changes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aih_parts import KEYS

from handbench.datasets import DataRef, Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.ground_truth import COVERS, GroundTruth
from handbench.loaders.pack import pack
from handbench.loaders.pack_record import PackSettings
from handbench.metrics.crop_sampling import sample_mask, sample_picture
from handbench.metrics.mask_controls import convex_hull, visible_as_amodal
from handbench.metrics.protocols import open_protocol
from handbench.metrics.score import Score
from handbench.predictions import HandPredictions, Predictions
from handbench.synth.generate import SynthOptions, generate
from handbench.types import Side

SIDES = (Side.RIGHT, Side.LEFT)
Masks = dict[Side, np.ndarray]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small pictures of both parts."""
    folder = tmp_path_factory.mktemp("aih")
    options = SynthOptions(
        "both", (*KEYS, "render.size=96", "syn.size=96"), seed=2, renderer="raster", keep="composites"
    )
    generate(folder, options, 60, 0, quiet=True)
    return folder


@pytest.fixture(scope="module")
def data(root: Path) -> Dataset:
    return load_dataset("aih", root, split="train", quiet=True)


@pytest.fixture(scope="module")
def truth(data: Dataset) -> GroundTruth:
    return data.ground_truth()


@pytest.fixture(scope="module")
def masks(data: Dataset) -> dict[str, Masks]:
    """(N, h, w) of each side; empty where a sample lacks the hand."""
    width, height = data[0].camera.size
    out = {
        kind: {s: np.zeros((len(data), height, width), bool) for s in SIDES} for kind in ("amodal", "visible")
    }
    for i, sample in enumerate(data):
        for hand in sample.hands:
            assert hand.amodal_mask is not None and hand.visible_mask is not None
            out["amodal"][hand.side][i] = hand.amodal_mask.read()
            out["visible"][hand.side][i] = hand.visible_mask.read()
    return out


def packed(mask: np.ndarray) -> np.ndarray:
    return np.packbits(mask.reshape(len(mask), -1), axis=1)


def with_masks(
    truth: GroundTruth, amodal: Masks, visible: Masks, crop: Any = ((1, 0, 0), (0, 1, 0)), **columns: Any
) -> Predictions:
    height, width = amodal[Side.RIGHT].shape[1:]
    hands = {
        side: HandPredictions(
            amodal_mask=packed(amodal[side]), visible_mask=packed(visible[side]),
            **{name: value[side] for name, value in columns.items()},
        )
        for side in SIDES
    }  # fmt: skip
    crops = np.tile(np.array(crop, dtype=np.float32), (len(truth), 1, 1))
    return Predictions(truth.keys, hands, crop=crops, mask_size=(width, height))


def poses(truth: GroundTruth) -> Predictions:
    return Predictions(truth.keys, {s: HandPredictions(joints=truth.hands[s].joints.copy()) for s in SIDES})


def run(truth: GroundTruth, found: Predictions, text: str = "aih") -> Score:
    return open_protocol(text).resolve(truth, found).score(truth, found)


def picture_columns(
    data: Dataset,
) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, np.ndarray]]]:
    """Returns the true target pictures (N, h, w, 3), which there are, and both holes of each."""
    width, height = data[0].camera.size
    images, has, holes = np.zeros((len(data), height, width, 3), np.uint8), np.zeros(len(data), bool), []
    for i, sample in enumerate(data):
        side = Side(sample.meta["target_side"])
        hand, alone = sample.hand(side), sample.meta["target_image"]
        empty = np.zeros((height, width), bool)
        if alone is None or hand is None or hand.amodal_mask is None or hand.visible_mask is None:
            holes.append((empty, empty))
            continue
        whole = hand.amodal_mask.read()
        images[i], has[i] = alone.read(), True
        holes.append((whole & ~hand.visible_mask.read(), sample.meta["removed"].read() & ~whole))
    return images, has, holes


def test_perfect_predictions(data: Dataset, truth: GroundTruth, masks: dict[str, Masks]) -> None:
    images, has, holes = picture_columns(data)
    assert has.any() and any(hole.any() for hole, _ in holes)
    found = with_masks(
        truth, masks["amodal"], masks["visible"], joints={s: truth.hands[s].joints for s in SIDES},
        image=dict.fromkeys(SIDES, images), has_image=dict.fromkeys(SIDES, has),
    )  # fmt: skip
    score = run(truth, found)
    assert score.protocol == "aih/root=wrist/scale=none/tips=unstated" and score.n_scored > 50
    assert [f.metric.name for f in score.figures[:2]] == ["MPJPE", "PA-MPJPE"]
    for figure in score.figures:
        wanted = {"mm": 0.0, "%": 100.0, "dB": 100.0, "1": 1.0, "grey levels": 0.0}[figure.metric.unit]
        if figure.metric.name.startswith(("missing", "phantom")):
            wanted = 0.0
        assert figure.value == pytest.approx(wanted, abs=1e-6), figure
    names = {(figure.metric.name, figure.stratum) for figure in score.figures}
    assert {("MPJPE", "hidden joints"), ("MPJPE", "cause other"), ("IoU-hidden", "targets"),
            ("PSNR-deocclusion", ""), ("SSIM-removal", ""), ("phantom hands", "")} <= names  # fmt: skip
    assert any(stratum.startswith("occlusion") for _, stratum in names)
    assert open_protocol("aih").resolve(truth, found).explain()


def test_pose_by_what_hides_it(truth: GroundTruth) -> None:
    """Each joint is moved by as many mm as its cause's number: the strata read them off."""
    found = poses(truth)
    moved, wrist_free = {}, 0
    for side, hand in truth.hands.items():
        assert hand.covered_by is not None and hand.visibility is not None
        joints = hand.joints.copy()
        away = np.where(hand.covered_by > 0, hand.covered_by + 1, 0) / 1000
        away[:, 0] = 0
        joints[..., 0] += away
        moved[side] = HandPredictions(joints=joints)
        wrist_free += int(hand.joints_valid[:, 1:].sum())
    score = run(truth, dataclasses.replace(found, hands=moved))
    for code, cause in enumerate(COVERS[1:], start=1):
        covers = [np.asarray(hand.covered_by)[:, 1:] for hand in truth.hands.values()]
        there = np.concatenate(covers) == code
        stratum = f"cause {cause}"
        if there.any():
            assert score.value("MPJPE", stratum=stratum) == pytest.approx(code + 1)
        else:
            assert stratum not in {figure.stratum for figure in score.figures}
    assert (
        score.value("MPJPE", stratum="visible joints") < 1e-3 < score.value("MPJPE", stratum="hidden joints")
    )
    table = next(f for f in score.figures if f.metric.name == "MPJPE")
    assert table.counts.sum() == wrist_free
    hidden = [np.asarray(hand.visibility)[:, 1:] < 0.5 for hand in truth.hands.values()]
    figure = next(f for f in score.figures if (f.metric.name, f.stratum) == ("MPJPE", "hidden joints"))
    assert figure.counts.sum() == sum(int(part.sum()) for part in hidden)


def test_targets_and_their_occlusion(data: Dataset, truth: GroundTruth) -> None:
    """Targets are 3 mm off at each joint but the wrist, others 7 mm."""
    about = np.array([[s.meta["kind"] in (side.value, "pair") for side in SIDES] for s in data])
    hands = {}
    for k, side in enumerate(SIDES):
        joints = truth.hands[side].joints.copy()
        joints[:, 1:, 0] += np.where(about[:, k], 0.003, 0.007)[:, None]
        hands[side] = HandPredictions(joints=joints)
    score = run(truth, Predictions(truth.keys, hands))
    assert score.value("MPJPE", stratum="targets") == pytest.approx(3, abs=1e-6)
    assert score.value("MPJPE", stratum="others") == pytest.approx(7, abs=1e-6)
    counted = 0
    for figure in score.figures:
        if figure.metric.name == "MPJPE" and figure.stratum.startswith("occlusion"):
            assert figure.value == pytest.approx(3, abs=1e-6)
            counted += int(figure.counts.sum())
    wanted = sum(
        20
        for i, s in enumerate(data)
        for k, side in enumerate(SIDES)
        if about[i, k] and s.hand(side) is not None
    )
    assert counted == wanted


def test_controls_of_masks(truth: GroundTruth, masks: dict[str, Masks]) -> None:
    visible = masks["visible"]
    score = run(truth, with_masks(truth, {s: visible_as_amodal(visible[s]) for s in SIDES}, visible))
    assert score.value("IoU-visible") == 100 and score.value("IoU-hidden") == 0
    assert (
        30 < score.value("IoU-amodal") < 100 and score.value("BF-amodal") < score.value("BF-visible") == 100
    )
    ratios = []
    for side in SIDES:
        a, v = masks["amodal"][side], visible[side]
        ratios += [(a[i] & v[i]).sum() / a[i].sum() for i in range(len(a)) if a[i].any()]
    assert score.value("IoU-amodal") == pytest.approx(100 * np.mean(ratios), abs=1e-9)
    hulls = {s: convex_hull(visible[s]) for s in SIDES}
    assert all((hulls[s] >= visible[s]).all() and hulls[s].any() for s in SIDES)
    hull = run(truth, with_masks(truth, hulls, visible))
    assert 0 < hull.value("IoU-hidden") < 60 and "MPJPE" not in {f.metric.name for f in hull.figures}


def test_crops_are_followed_and_end_at_the_picture(truth: GroundTruth, masks: dict[str, Masks]) -> None:
    """A crop that is shifted by whole pixels and reaches beyond the picture."""
    cut: dict[str, Masks] = {}
    for kind, sides in masks.items():
        cut[kind] = {}
        for side, mask in sides.items():
            whole = np.zeros((len(mask), mask.shape[1] + 30, mask.shape[2] + 9), bool)
            whole[:, 20 : 20 + mask.shape[1], 4 : 4 + mask.shape[2]] = mask
            whole[:, :20] = True  # a model may paint what it likes there
            cut[kind][side] = whole
    score = run(truth, with_masks(truth, cut["amodal"], cut["visible"], crop=((1, 0, 4), (0, 1, 20))))
    assert all(score.value(f"IoU-{kind}") == 100 for kind in ("amodal", "visible", "hidden"))
    wrong = run(truth, with_masks(truth, cut["amodal"], cut["visible"], crop=((1, 0, 0), (0, 1, 20))))
    assert wrong.value("IoU-amodal") < 99


def test_holes_are_looked_at_one_by_one(data: Dataset, truth: GroundTruth, masks: dict[str, Masks]) -> None:
    images, has, holes = picture_columns(data)
    for which, name, other in ((0, "deocclusion", "removal"), (1, "removal", "deocclusion")):
        painted = images.copy()
        for i, hole in enumerate(holes):
            part = hole[which]
            painted[i][part] = np.where(images[i][part] < 128, images[i][part] + 10, images[i][part] - 10)
        found = with_masks(
            truth, masks["amodal"], masks["visible"], image=dict.fromkeys(SIDES, painted),
            has_image=dict.fromkeys(SIDES, has),
        )  # fmt: skip
        score = run(truth, found)
        assert score.value(f"L1-{name}") == pytest.approx(10) and score.value(f"L1-{other}") == 0
        assert score.value(f"PSNR-{name}") == pytest.approx(20 * np.log10(25.5))
        scored = next(f for f in score.figures if f.metric.name == f"L1-{name}").n_scored
        assert scored == sum(bool(hole[which].any()) for hole in holes)


def test_phantoms_and_missing_hands(truth: GroundTruth, masks: dict[str, Masks]) -> None:
    present = np.stack([truth.hands[side].joints_valid.any(axis=1) for side in SIDES], axis=1)
    absent = int((~present).sum())
    assert absent > 3
    row, k = np.argwhere(~present)[0]
    found = poses(truth)
    assert run(truth, found).value("phantom hands") == 0
    joints = found.hands[SIDES[k]].joints
    assert joints is not None
    joints[row] = 0.5
    score = run(truth, found)
    assert score.value("phantom hands") == pytest.approx(100 / absent) and score.notes[-1].endswith(
        "by joints"
    )
    seen = np.where(present, 0.9, 0.2)
    seen[np.argwhere(~present)[1][0], np.argwhere(~present)[1][1]] = 0.6
    told = dataclasses.replace(found, handedness=seen)
    assert run(truth, told).value("phantom hands") == pytest.approx(100 / absent)
    amodal = {s: mask.copy() for s, mask in masks["amodal"].items()}
    amodal[SIDES[k]][row, 3, 3] = True
    by_masks = run(truth, with_masks(truth, amodal, masks["visible"]))
    assert by_masks.value("phantom hands") == pytest.approx(100 / absent)
    # Hands that are there and were not predicted.
    lost = np.flatnonzero(present[:, 0])[:2]
    right = found.hands[Side.RIGHT].joints
    assert right is not None
    right[lost] = np.nan
    score = run(truth, found)
    assert score.value("missing hands") == pytest.approx(200 / present.sum())
    assert "2 of" in score.warnings[0]
    some = with_masks(truth, masks["amodal"], masks["visible"], has_mask={s: present[:, 1] for s in SIDES})
    gone = int((present & ~present[:, 1:]).sum())
    assert some.crop is not None
    some.crop[~present[:, 1]] = np.nan  # no mask, no crop
    assert run(truth, some).value("missing masks") == pytest.approx(100 * gone / present.sum())


def test_packed_pictures_are_followed_to_their_source(
    root: Path, truth: GroundTruth, masks: dict[str, Masks], tmp_path: Path
) -> None:
    """A pack at half the size: the crop of the original picture still finds its masks."""
    width = masks["amodal"][Side.RIGHT].shape[2]
    settings = PackSettings(width // 2, 1.0, 1.0, "picture", "both", 95, True, False)
    pack(DataRef("aih", str(root), {"split": "train"}), tmp_path / "p", settings, workers=0, quiet=True)
    half = load_dataset("packed", tmp_path / "p", quiet=True).ground_truth()
    rows = np.array([list(truth.keys).index(key) for key in half.keys])
    found = with_masks(truth, masks["amodal"], masks["visible"]).take(rows)
    score = run(half, found)
    assert 90 < score.value("IoU-amodal") < 100
    with pytest.raises(HandbenchError, match="its crop is no affine"):
        run(half, dataclasses.replace(found, crop=np.zeros((len(rows), 2, 3), np.float32)))


def test_what_cannot_be_scored_is_named(truth: GroundTruth, masks: dict[str, Masks]) -> None:
    found = with_masks(truth, masks["amodal"], masks["visible"])
    free = dataclasses.replace(poses(truth), space="scale_free")
    nothing = {s: HandPredictions(joints=np.full((len(truth), 21, 3), np.nan)) for s in SIDES}
    for columns, predicted, word in (
        (dataclasses.replace(truth, labels=None), found, "has no masks"),
        (truth, dataclasses.replace(found, crop=None), "without crop or size"),
        (truth, dataclasses.replace(found, hands={}), "no joints, masks or pictures"),
        (truth, free, "scale=gt-bone or hand-model"),
        (truth, Predictions(truth.keys, nothing), "no valid samples: nothing of 60"),
    ):
        with pytest.raises(HandbenchError, match=word):
            run(columns, predicted)
    assert run(truth, free, "aih/scale=gt-bone").value("MPJPE") < 1e-6


def test_sampling_in_a_crop() -> None:
    rng = np.random.default_rng(0)
    affine = np.array([[0.8, 0.3, 5.0], [-0.2, 1.1, 3.0]])
    v, u = np.mgrid[:50, :70]
    ramp = np.repeat((u + 2 * v)[..., None], 3, axis=2).astype(np.uint8)
    mask = rng.random((50, 70)) < 0.5
    size = (90, 80)
    picture, there = sample_picture(ramp, affine, size), sample_mask(mask, affine, size)
    back = np.linalg.inv(np.vstack([affine, [0, 0, 1]]))
    for b in range(0, 80, 3):
        for a in range(0, 90, 3):
            x, y, _ = back @ [a, b, 1]
            if 0 <= x <= 69 and 0 <= y <= 49:
                assert (np.abs(picture[b, a] - (x + 2 * y)) <= 0.5 + 1e-6).all()
                assert there[b, a] == mask[int(np.floor(y + 0.5)), int(np.floor(x + 0.5))]
            elif x < -0.5 or y < -0.5 or x > 69.5 or y > 49.5:
                assert not there[b, a] and not picture[b, a].any()
