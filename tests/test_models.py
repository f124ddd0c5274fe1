"""Models: what they see, how their answers get back to the picture, and the reference baselines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import painted_dataset
import pytest
from conftest import Run
from hypothesis import given
from hypothesis import strategies as st
from painted_dataset import DOT, FRAMES, Painted, PaintedOptions, boxes, paint
from painted_models import Looks, Pointer, there
from third_party import install

from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions, read_provenance
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.inputs import Inputs
from handbench.metrics.protocols import open_protocol
from handbench.models import MODELS, BlindBatch, ModelEntry, open_model
from handbench.placing import boxes_to_picture, points_to_picture, unmirror
from handbench.predict import predict, split_name
from handbench.predictions import HandPrediction, Prediction
from handbench.types import Side

DOCS = Path(__file__).resolve().parent.parent / "docs" / "models.md"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return paint(tmp_path_factory.mktemp("painted") / "data")


@pytest.fixture
def data(root: Path) -> Painted:
    return Painted(root, PaintedOptions())


@pytest.fixture(scope="module")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with the model of docs/models.md, installed beside handbench by its entry point."""
    folder = tmp_path_factory.mktemp("site")
    text = DOCS.read_text().partition("## Add a model")[2]
    assert len(install(folder, text, "blob", "handbench.models").splitlines()) < 50
    return folder


def test_a_third_partys_model_runs_on_pictures(
    root: Path, third_party: Path, tmp_path: Path, handbench: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = json.loads(handbench("models", "--json", PYTHONPATH=str(third_party)).stdout)
    assert "blob" in [model["name"] for model in listed["models"]]
    monkeypatch.syspath_prepend(str(third_party))
    out = predict("blob", f"painted:{root}", tmp_path / "a.h5", batch_size=5, quiet=True)
    found = read_predictions(out)
    assert list(found.keys) == Painted(root, PaintedOptions()).keys and found.box_source == "gt"
    for side in Side:
        mine = found.hands[side]
        assert mine.box is not None and mine.joints_2d is not None and mine.joints is not None
        for k in range(FRAMES):
            if side not in boxes(k):
                assert np.isnan(mine.box[k]).all() and np.isnan(mine.joints_2d[k]).all()
                continue
            x, y, w, h = boxes(k)[side]
            # The crop is finer than the picture; a pixel of it is at most 0.83 of the picture's.
            np.testing.assert_allclose(mine.box[k], [x, y, w - 1, h - 1], atol=1.7)
            np.testing.assert_allclose(mine.joints_2d[k, 0], [x + (w - 1) / 2, y + (h - 1) / 2], atol=0.9)
    # It can be scored: the mean hand, a left one mirrored.
    right, left = (there(found.hands[side].joints)[1] for side in (Side.RIGHT, Side.LEFT))
    np.testing.assert_allclose(left, right * [-1, 1, 1], atol=1e-6)
    truth = Painted(root, PaintedOptions()).ground_truth()
    score = open_protocol("interhand").resolve(truth, found).score(truth, found)
    assert score.n_scored == FRAMES and 0 < score.value("MPJPE") < 500


def test_left_hands_are_shown_mirrored_and_put_back(data: Painted, tmp_path: Path) -> None:
    model = Pointer()
    found = read_predictions(predict(model, data, tmp_path / "a.h5", quiet=True))
    assert model.labels == 0
    for side in Side:
        mine = found.hands[side]
        assert mine.joints is not None and mine.joints_2d is not None
        for k in (k for k in range(FRAMES) if side in boxes(k)):
            x, y, w, h = boxes(k)[side]
            zoom = 128 / (1.5 * max(w, h))
            offset = np.array([w // 2 - w / 2, h // 2 - h / 2]) + DOT
            np.testing.assert_allclose(mine.joints[k, 5, :2], zoom * offset, atol=1.0)
            np.testing.assert_allclose(
                mine.joints_2d[k, 5], np.array([x + w // 2, y + h // 2]) + DOT, atol=0.6
            )


@given(seed=st.integers(0, 999))
def test_crops_are_undone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    affine = rng.normal(0, 1, (3, 2, 3)) + np.array([[2, 0, 5], [0, 2, -7]])
    if np.abs(np.linalg.det(affine[:, :, :2])).min() < 0.05:
        return
    pixels = rng.random((3, 21, 2)) * 100
    shown = np.stack([[a[:, :2] @ p + a[:, 2] for p in row] for a, row in zip(affine, pixels, strict=True)])
    np.testing.assert_allclose(points_to_picture(shown, affine), pixels, atol=1e-7)
    scaled = np.tile([[-2.0, 0, 300], [0, 0.5, 3]], (3, 1, 1))
    box = boxes_to_picture(np.array([[10.0, 20, 30, 40]]), scaled[:1])
    np.testing.assert_allclose(box, [[130, 34, 15, 80]])


def test_a_mirrored_hand_is_the_other_hand_of_the_model() -> None:
    rng = np.random.default_rng(0)
    pose, betas, transl = rng.normal(0, 0.4, (1, 48)), rng.normal(0, 1, 10), rng.normal(0, 1, 3)
    shown = forward(load_hand_model("procedural", Side.RIGHT), pose, betas, transl)
    hand = HandPrediction(
        Side.RIGHT, shown.joints21[0], shown.vertices[0], pose=pose[0], betas=betas, transl=transl
    )
    real = unmirror(hand)
    assert real.side is Side.LEFT and real.pose is not None and real.transl is not None
    model = load_hand_model("procedural", Side.LEFT)
    mesh = forward(model, np.asarray(real.pose, float)[None], betas, np.asarray(real.transl, float))
    np.testing.assert_allclose(mesh.joints21[0], there(real.joints), atol=1e-9)
    np.testing.assert_allclose(mesh.vertices[0], there(real.vertices), atol=1e-9)


def test_the_oracle_is_perfect(data: Painted, tmp_path: Path) -> None:
    found, truth = (
        read_predictions(predict("oracle", data, tmp_path / "a.h5", quiet=True)),
        data.ground_truth(),
    )
    assert (found.tips, found.space, found.root_source) == ("ho3d", "camera", "gt")
    for side in Side:
        mine, theirs = found.hands[side], truth.hands[side]
        np.testing.assert_array_equal(mine.joints, theirs.joints.astype(np.float32))
        np.testing.assert_array_equal(mine.vertices, theirs.vertices)
        np.testing.assert_array_equal(mine.box, theirs.box)
        assert mine.has_mask is not None and mine.amodal_mask is not None and mine.visible_mask is not None
        for k in range(FRAMES):
            hand = data.read(k).hand(side)
            assert mine.has_mask[k] == (hand is not None)
            if hand is not None and hand.visible_mask is not None:
                bits = np.unpackbits(mine.visible_mask[k], count=320 * 240).reshape(240, 320)
                np.testing.assert_array_equal(bits, hand.visible_mask.read())
    assert found.mask_size == (320, 240) and found.crop is not None and found.relative_root is not None
    np.testing.assert_array_equal(found.crop[1], np.eye(2, 3))
    right, left = truth.hands[Side.RIGHT].joints[:, 0], truth.hands[Side.LEFT].joints[:, 0]
    np.testing.assert_allclose(found.relative_root, left - right, atol=1e-7)
    np.testing.assert_array_equal(found.handedness, [[1, 0] if k % 3 == 0 else [1, 1] for k in range(FRAMES)])


def test_noise_has_its_size_and_depends_on_the_key_alone(data: Painted, tmp_path: Path) -> None:
    one = read_predictions(predict("oracle-noise:5", data, tmp_path / "a.h5", quiet=True))
    two = read_predictions(predict("oracle-noise:5", data, tmp_path / "b.h5", batch_size=3, quiet=True))
    truth = data.ground_truth()
    for side in Side:
        a, b, real = one.hands[side], two.hands[side], truth.hands[side]
        np.testing.assert_array_equal(a.joints, b.joints)
        np.testing.assert_array_equal(a.vertices, b.vertices)
        assert a.vertices is not None and a.joints is not None and real.vertices is not None
        noise = a.vertices - real.vertices
        assert abs(np.nanstd(noise) * 1000 - 5) < 0.1 and abs(np.nanmean(noise)) < 1e-4
        assert abs(np.nanstd(a.joints - real.joints) * 1000 - 5) < 0.6
        np.testing.assert_array_equal(np.isnan(a.joints[..., 0]), ~real.joints_valid)
    first = one.take(np.arange(1, 2)).hands
    assert not np.array_equal(there(first[Side.RIGHT].joints), there(first[Side.LEFT].joints))


def test_zero_and_the_mean_hand_answer_what_is_asked(data: Painted, tmp_path: Path) -> None:
    zero = read_predictions(predict("zero", data, tmp_path / "a.h5", quiet=True))
    assert zero.space == "camera"
    for side in Side:
        there = np.array([side in boxes(k) for k in range(FRAMES)])
        mine = zero.hands[side]
        assert mine.joints is not None and mine.vertices is not None and mine.vertices.shape[1] == 778
        assert not mine.joints[there].any() and np.isnan(mine.joints[~there]).all()
        assert not mine.vertices[there].any() and np.isnan(mine.vertices[~there]).all()
    mean = read_predictions(predict("mean-hand", data, tmp_path / "b.h5", quiet=True))
    assert (mean.space, mean.tips, mean.hand_model) == ("root_relative", "smplx", "procedural")
    for side, right in ((Side.RIGHT, 1), (Side.LEFT, -1)):
        joints = mean.hands[side].joints
        assert joints is not None and not joints[1, 0].any()
        assert joints[1, 12, 1] < -0.12, "the middle finger points up"
        assert right * joints[1, 4, 0] > 0.03, "the thumb points outwards"
    plain = load_hand_model("procedural", Side.RIGHT)
    up = mean.hands[Side.RIGHT].vertices
    assert up is not None
    shift = forward(plain, np.r_[np.zeros(3), plain.hands_mean][None], np.zeros(10), np.zeros(3))
    rest = shift.vertices[0] - shift.joints21[0, 0]
    # Rest: fingers -x, palm -y, thumb +z. Upright: fingers -y, palm -z, thumb +x.
    np.testing.assert_allclose(up[1], rest[:, [2, 0, 1]], atol=1e-7)


class Peek(Looks):
    """Needs no pictures; notes what it is given."""

    inputs = None

    def __init__(self) -> None:
        self.batches: list[BlindBatch] = []

    def predict(self, batch: BlindBatch) -> list[Prediction]:
        self.batches.append(batch)
        hands = [
            [s for s, there in zip((Side.RIGHT, Side.LEFT), row, strict=True) if there] for row in batch.asked
        ]
        return [
            Prediction(key, tuple(HandPrediction(side, np.zeros((21, 3))) for side in sides))
            for key, sides in zip(batch.keys, hands, strict=True)
        ]


def test_a_blind_model_sees_no_annotation(data: Painted, tmp_path: Path) -> None:
    model = Peek()
    found = read_predictions(predict(model, data, tmp_path / "a.h5", batch_size=9, quiet=True))
    assert [len(batch) for batch in model.batches] == [9, 5] and all(b.truth is None for b in model.batches)
    assert model.batches[0].vertices == 778 and model.batches[0].size == (0, 0)
    np.testing.assert_array_equal(model.batches[0].box[1], [boxes(1)[Side.RIGHT], boxes(1)[Side.LEFT]])
    left = found.hands[Side.LEFT].joints
    assert left is not None
    np.testing.assert_array_equal(np.isnan(left[:, 0, 0]), [k % 3 == 0 for k in range(FRAMES)])


class Sees(Pointer):
    """Declares that it sees the annotation."""

    needs_ground_truth = True
    inputs = Inputs(crop="full", sides="both", size=(64, 48), masks=("target_amodal",))

    def predict(self, batch: Any) -> list[Prediction]:
        self.labels += int(batch.hand_valid.sum())
        assert batch.vertices is not None and batch.mask_names == ("target_amodal",)
        return [Prediction(key) for key in batch.keys]


def test_only_oracles_see_labels(data: Painted, tmp_path: Path) -> None:
    model = Sees()
    out = predict(model, data, tmp_path / "a.h5", quiet=True)
    assert model.labels == sum(len(boxes(k)) for k in range(FRAMES))
    found = read_predictions(out)
    assert read_provenance(out)["needs_ground_truth"] is True and len(found) == FRAMES and not found.hands
    assert found.box_source == ""


def untrained() -> ModelEntry:
    return ModelEntry("for tests", lambda options: type("Untrained", (Pointer,), {"trained": False})())


UNTRAINED = untrained()


def test_names_of_models(tmp_path: Path) -> None:
    assert split_name("mean-hand") == ("mean-hand", ())
    assert split_name("oracle-noise:5+savgol+one-euro") == ("oracle-noise:5", ("savgol", "one-euro"))
    assert split_name("mean-hand:mano:a+b") == ("mean-hand:mano:a+b", ())
    MODELS.register("untrained", "test_models:UNTRAINED")
    for name, words in (
        ("mean-hnd", "unknown model 'mean-hnd' .did you mean 'mean-hand'"),
        ("zero:1", "model 'zero' has no variants"), ("oracle-noise", "oracle-noise:5 has 5 mm"),
        ("oracle-noise:x", "name the noise in mm"), ("oracle-noise:-1", "name the noise in mm"),
        ("mean-hand:manno", "unknown hand model 'manno'"), ("untrained", "has no trained weights"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=words):
            open_model(name)
    with pytest.raises(HandbenchError, match=r"unknown filter 'savgl' .did you mean 'savgol'"):
        split_name("zero+savgl")
    with pytest.raises(HandbenchError, match="'zero' has no weights to load"):
        open_model("zero", weights=tmp_path)
    with pytest.raises(HandbenchError, match="no file of weights"):
        open_model("untrained", weights=tmp_path / "w.safetensors", random_init=True)
    open_model("untrained", random_init=True)


def test_what_needs_no_pictures_needs_no_torch(root: Path, tmp_path: Path) -> None:
    code = (
        "import sys, handbench.baselines, handbench.baselines.oracle, handbench.models\n"
        f"sys.path.insert(0, {str(Path(painted_dataset.__file__).parent)!r})\n"
        "import painted_dataset\n"
        "from handbench.predict import predict\n"
        f"predict('mean-hand', 'painted:{root}', {str(tmp_path / 'a.h5')!r}, quiet=True)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_weights_that_are_random_are_refused(data: Painted, tmp_path: Path) -> None:
    class Untrained(Pointer):
        trained = False

    with pytest.raises(HandbenchError, match=r"'looks' has no trained weights .*--random-init"):
        predict(Untrained(), data, tmp_path / "a.h5", quiet=True)
    out = predict(Untrained(), data, tmp_path / "a.h5", random_init=True, quiet=True)
    assert read_provenance(out)["random_init"] is True
