"""The pipeline HDR: what is cut out, put back and placed; stages exchanged; what it says of nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from painted_models import there
from torch import Tensor

from handbench.baselines import hand_crops
from handbench.baselines.canvas_masks import CanvasMasks
from handbench.baselines.hdr_config import HDRS, HdrConfig
from handbench.baselines.hdr_model import SAME, HdrModel
from handbench.baselines.hdr_stages import hdr_config, open_stages
from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.inputs import Inputs
from handbench.loaders import Batch, batches
from handbench.model_names import base_name, split_training
from handbench.models import MODELS, ModelOptions, open_model
from handbench.placing import points_to_picture
from handbench.predict.names import home_of, split_name, with_stages
from handbench.predictions import HandPrediction, Prediction
from handbench.synth.generate import SynthOptions, generate
from handbench.types import Side


@pytest.fixture(scope="module")
def aih(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("aih") / "train"
    generate(root, SynthOptions(renderer="raster", overrides=("size=128",)), 12, workers=0, quiet=True)
    return load_dataset("aih", root, quiet=True)


def pipeline(variant: str = "", **changes: Any) -> HdrModel:
    """A small pipeline with random weights, the same each time."""
    variant = ",".join(filter(None, [variant, *(f"{key}={value}" for key, value in changes.items())]))
    options = ModelOptions(variant, seed=3)
    return HdrModel(open_stages("hdr-tiny", options), f"hdr-tiny:{variant}")


@pytest.fixture(scope="module")
def batch(aih: Dataset) -> Batch:
    return next(iter(batches(aih, pipeline("masks=gt").inputs, batch_size=6)))


@pytest.fixture
def sampled() -> Tensor:
    draw = np.random.default_rng(0)
    smooth = cv2.GaussianBlur(draw.uniform(0, 255, (2, 80, 60)).transpose(1, 2, 0), (0, 0), 2)
    return torch.from_numpy(smooth).permute(2, 0, 1)[:, None].float()


def test_sampling_is_opencvs(sampled: Tensor) -> None:
    boxes = torch.tensor([[10.0, 20.0, 30.0, 24.0], [25.0, 30.0, 12.0, 20.0]])
    affines = hand_crops.crop_affines(boxes, 1.3, 48, torch.tensor([False, True]))
    found = hand_crops.sample(sampled, affines, (48, 48))
    for i in range(2):
        expected = cv2.warpAffine(sampled[i, 0].numpy(), affines[i].numpy(), (48, 48), flags=cv2.INTER_LINEAR)
        # OpenCV rounds places to 1/32 of a pixel.
        assert np.abs(found[i, 0].numpy() - expected).max() < 3
    both = hand_crops.chained(hand_crops.inverse(affines), affines)
    assert torch.allclose(both, torch.eye(2, 3).expand(2, 2, 3), atol=1e-5)


def test_boxes_of_masks_are_those_of_their_pixels() -> None:
    masks = torch.zeros(3, 40, 50, dtype=torch.bool)
    masks[0, 5:9, 7:20] = True
    masks[1, 39, 49] = True
    boxes = hand_crops.mask_boxes(masks)
    assert boxes.tolist() == [[6.5, 4.5, 13, 4], [48.5, 38.5, 1, 1], [0, 0, 0, 0]]
    crop = hand_crops.sample_masks(masks[:1, None], hand_crops.crop_affines(boxes[:1], 1.0, 26), (26, 26))
    assert crop[0, 0].sum() == 26 * 8, "a crop of one box shows all of the mask"


def test_boxes_reach_those_who_ask(aih: Dataset, batch: Batch) -> None:
    """Nothing of the annotation but boxes, and those only where a model declares that it is told them."""
    plain, told = batch.without_labels(), batch.without_labels(boxes=True)
    assert not plain.box.any() and not plain.box_valid.any()
    assert torch.equal(told.box, batch.box) and torch.equal(told.box_valid, batch.box_valid)
    assert not told.joints_valid.any() and not told.hand_valid.any() and told.mask_bits is None
    crops = hand_crops.crop_affines(torch.tensor([[19.5, 9.5, 40.0, 40.0]]), 1.0, 80).expand(len(batch), 2, 3)
    moved = hand_crops.move_boxes(told.box, crops)
    there = told.box_valid
    assert torch.allclose(moved[there][:, 2:], 2 * told.box[there][:, 2:])
    middle = told.box[there][:, :2] + told.box[there][:, 2:] / 2
    found = moved[there][:, :2] + moved[there][:, 2:] / 2
    assert torch.allclose(found, 2 * (middle - torch.tensor([39.5, 29.5])) + 39.5, atol=1e-3)
    assert not moved[~there].any()


def test_recut_is_a_cut_of_the_picture(sampled: Tensor) -> None:
    """A crop of a crop shows what a crop of the picture would, and places its pixels the same."""
    boxes = torch.tensor([[10.0, 20.0, 30.0, 24.0], [20.0, 30.0, 20.0, 20.0]])
    flipped = torch.tensor([False, True])
    whole = hand_crops.crop_affines(boxes, 2.0, 120, flipped)
    images = hand_crops.sample(sampled.expand(2, 3, 80, 60), whole, (120, 120)).to(torch.uint8)
    crops = hand_crops.HandCrops(
        ("a", "b"), torch.zeros(2, dtype=torch.int64), flipped, images[:, None], whole[:, None],
        torch.eye(3).repeat(2, 1, 1), torch.ones(2, 1, dtype=torch.bool),
    )  # fmt: skip
    recut, step = crops.recut(Inputs(scale=1.2, size=(64, 64)), 2.0)
    expected = hand_crops.crop_affines(boxes, 1.2, 64, flipped)
    assert step is not None and torch.allclose(recut.affine[:, 0], expected, atol=1e-4)
    assert torch.allclose(recut.K[:, :2, :2], torch.diag_embed(torch.full((2, 2), float(step[0, 0, 0]))))
    shown = hand_crops.sample(sampled.expand(2, 3, 80, 60), expected, (64, 64))
    assert (recut.images[:, 0].float() - shown).abs().mean() < 2
    same, none = crops.recut(Inputs(scale=2.0, size=(120, 120)), 2.0)
    assert same is crops and none is None


def test_true_masks_come_back_and_say_where_the_hands_are(aih: Dataset, batch: Batch) -> None:
    model = pipeline("masks=gt", fill="none")
    assert model.needs_ground_truth and model.inputs.masks
    truth = aih.ground_truth()
    for item, found in enumerate(model.predict(batch)):
        masks = batch.masks()[item].numpy()
        for s, hand in enumerate(found.hands):
            assert hand.amodal_mask is not None and (hand.amodal_mask == masks[2 * s]).all()
            assert hand.visible_mask is not None and (hand.visible_mask == masks[2 * s + 1]).all()
            if hand.image is not None:
                picture = batch.images[item, 0].permute(1, 2, 0).numpy()
                assert (hand.image == picture).all(), "nothing was painted"
                assert hand.joints is not None and (hand.joints[0] == 0).all()
            if hand.box is not None:
                row = list(truth.keys).index(found.key)
                box = there(truth.hands[hand.side].box)[row]
                clipped = np.concatenate([np.maximum(box[:2], 0), np.minimum(box[:2] + box[2:], 127)])
                got = np.concatenate([hand.box[:2], hand.box[:2] + hand.box[2:]])
                assert np.abs(np.clip(got, 0, 127) - clipped).max() < 4


def root_of(aih: Dataset) -> Path:
    return Path(str(aih).rpartition(" in ")[2].rstrip(">"))


class Centre:
    """Says that all joints are where the middle of its crop is; keeps what it saw."""

    inputs = Inputs(crop="hand", sides="both", mirror_left=True, scale=1.4, size=(96, 96))
    space, tips, hand_model = "root_relative", "", ""
    needs_ground_truth, trained, weights_sha256 = False, True, ""

    def predict(self, batch: Any) -> list[Prediction]:
        self.seen = batch.normalised(self.inputs)
        out = []
        for i, key in enumerate(batch.keys):
            assert batch.K[i, 0, 0] > 0 and int(batch.side[i]) == 0
            pixel = points_to_picture(np.full((21, 2), 47.5), batch.affine[i, 0].numpy())
            side = Side.LEFT if batch.flipped[i] else Side.RIGHT
            out.append(Prediction(key, (HandPrediction(side, np.zeros((21, 3)), joints_2d=pixel),)))
        return out


def test_any_pose_model_sees_each_hand_in_its_middle(batch: Batch) -> None:
    stages = replace(pipeline("masks=gt,about=mask").stages, pose=Centre())
    model = HdrModel(stages, "hdr-tiny")
    hands = [hand for found in model.predict(batch) for hand in found.hands if hand.box is not None]
    assert len(hands) > 6 and {hand.side for hand in hands} == set(Side)
    for hand in hands:
        assert hand.box is not None
        middle = hand.box[:2] + hand.box[2:] / 2
        assert there(hand.joints_2d)[0] == pytest.approx(middle, abs=0.01)
    assert stages.pose.seen.shape == (len(hands), 1, 3, 96, 96)


def test_crops_about_the_datas_boxes(batch: Batch) -> None:
    """An error of the mask moves no crop: half of each mask is taken away."""
    model = HdrModel(replace(pipeline("masks=gt").stages, pose=Centre()), "hdr-tiny")
    masks = batch.masks()
    masks[..., : masks.shape[-1] // 2] = False
    bits = torch.from_numpy(np.packbits(masks.flatten(2).numpy(), axis=-1))
    shift, scale = batch.affine[:, 0, :, 2], batch.affine[:, 0, 0, 0]
    count = 0
    for i, found in enumerate(model.predict(replace(batch, mask_bits=bits))):
        for s, hand in enumerate(found.hands):
            if hand.joints_2d is not None and batch.box_valid[i, s]:
                middle = (batch.box[i, s, :2] + batch.box[i, s, 2:] / 2 - shift[i]) / scale[i]
                assert hand.joints_2d[0] == pytest.approx(middle.numpy(), abs=0.05)
                count += 1
    assert count > 3


def mirrored(batch: Batch) -> Batch:
    """The same pictures mirrored: each hand is the other one."""
    masks = batch.masks()[:, [2, 3, 0, 1]].flip(-1)
    bits = np.packbits(masks.flatten(2).numpy(), axis=-1)
    box = batch.box.flip(1).clone()
    box[..., 0] = torch.where(box[..., 2] > 0, batch.images.shape[-1] - 1 - box[..., 0] - box[..., 2], 0.0)
    return replace(batch, images=batch.images.flip(-1), mask_bits=torch.from_numpy(bits), box=box)


@pytest.mark.parametrize("fill", ["hdrnet", "mean", "telea"])
def test_mirrored_pictures_have_mirrored_hands(batch: Batch, fill: str) -> None:
    model = pipeline("masks=gt", fill=fill)
    plain = replace(batch, affine=torch.eye(2, 3).expand(len(batch), 1, 2, 3))
    turned, width = mirrored(plain), batch.images.shape[-1]
    count = 0
    for first, second in zip(model.predict(plain), model.predict(turned), strict=True):
        by_side = {hand.side: hand for hand in second.hands}
        for hand in first.hands:
            if hand.joints is None:
                continue
            twin = by_side[hand.side.other]
            assert there(twin.joints) == pytest.approx(there(hand.joints) * [-1, 1, 1], abs=0.1)
            assert hand.image is not None and twin.image is not None
            apart = np.abs(hand.image.astype(float) - twin.image[:, ::-1])
            assert apart.mean() < 0.5
            flat = there(twin.joints_2d).copy()
            flat[:, 0] = width - 1 - flat[:, 0]
            assert flat == pytest.approx(there(hand.joints_2d), abs=0.5)
            count += 1
    assert count > 6


def test_fills_change_the_holes_alone(batch: Batch) -> None:
    changed = {}
    for fill in ("none", "mean", "telea", "hdrnet"):
        model = pipeline("masks=gt", fill=fill)
        canvas = batch.images[:, 0]
        hands = model.cut(canvas, model.find_masks(canvas, batch))
        done = model.complete(hands, canvas)
        differs = (done.after.short() - done.before.short()).abs().amax(dim=1, keepdim=True) > SAME
        assert not (differs & (done.hole == 0)).any()
        changed[fill] = float(differs.float().mean())
    assert changed["none"] == 0 < min(changed["mean"], changed["telea"], changed["hdrnet"])


def test_only_what_is_sure_is_painted(batch: Batch) -> None:
    told = batch.without_labels(boxes=True)

    def found(**changes: float) -> CanvasMasks:
        return pipeline("", **changes).find_masks(batch.images[:, 0], told)

    plain, careful = found(sure=0, keep=0), found(sure=2, keep=0.5)
    assert plain.amodal.any() and torch.equal(plain.kept, plain.visible)
    assert torch.equal(plain.painted, plain.amodal | plain.visible)
    for name in ("amodal", "visible", "presence"):
        assert torch.equal(getattr(plain, name), getattr(careful, name)), "what is predicted stays the same"
    assert (plain.kept <= careful.kept).all() and careful.kept.sum() > plain.kept.sum()
    assert (careful.kept <= careful.painted).all()

    def hidden(masks: CanvasMasks) -> int:
        return int((masks.painted & ~masks.kept).sum())

    assert hidden(careful) < hidden(plain)


def test_no_hand_no_pose(batch: Batch) -> None:
    """Pictures in which the mask network sees nothing: a clear no, and the published way on demand."""
    black = replace(batch, images=torch.zeros_like(batch.images))
    for variant in ("", "boxes=detect"):
        model = pipeline(variant)
        assert model.stages.hasm is not None
        with torch.no_grad():
            for parameter in model.stages.hasm.network.parameters():
                parameter.zero_()
        for found in model.predict(black):
            assert found.handedness is not None and (found.handedness <= 0.5).all()
            for hand in found.hands:
                assert hand.joints is None and hand.box is None and hand.image is None
                assert hand.amodal_mask is not None and not hand.amodal_mask.any()
        model = HdrModel(replace(model.stages, config=replace(model.config, absent="centre")), "hdr-tiny")
        assert all(hand.joints is not None for found in model.predict(black) for hand in found.hands)


def test_what_is_written(batch: Batch) -> None:
    for write, (masks, images) in {"masks": (True, False), "pose": (False, False)}.items():
        hands = [h for p in pipeline("masks=gt", write=write).predict(batch) for h in p.hands]
        assert {hand.amodal_mask is not None for hand in hands} == {masks}
        assert any(hand.image is not None for hand in hands) is images
        assert any(hand.joints is not None for hand in hands)


def test_rows_name_their_stages() -> None:
    assert hdr_config("hdr", ModelOptions()) == HdrConfig()
    asked = hdr_config("hdr-tiny", ModelOptions("no-removal,masks=gt", training="sh+aih"))
    assert (asked.hdrnet, asked.masks, asked.pose) == ("hdrnet-tiny:no-removal", "gt", "shpe-tiny@sh+aih")
    for full, config in HDRS.items():
        name, _, row = full.partition(":")
        assert not row or row in MODELS.get(name).variants
        for stage in (config.hasm, config.hdrnet, config.pose):
            base, _, variant = split_training(stage)[0].partition(":")
            assert not variant or variant in MODELS.get(base).variants, stage
    assert not open_stages("hdr-tiny", ModelOptions("no-removal")).holes.removal
    assert not open_stages("hdr-tiny", ModelOptions("no-deocclusion,fill=mean")).holes.deocclusion


def test_names_of_trainings_and_stages() -> None:
    assert split_training("hdr:no-removal@sh+aih") == ("hdr:no-removal", "sh+aih")
    assert split_training("ifvonet:hand_model=mano:a@b/C") == ("ifvonet:hand_model=mano:a@b/C", "")
    for name in ("hdr", "hdr:a@sh+one-euro", "hdr@sh+aih", "hdr+one-euro", "hdr:b=mano:x"):
        assert base_name(name) == "hdr"
    assert split_name("hdr@sh+aih+one-euro") == ("hdr@sh+aih", ("one-euro",))
    assert (home_of("hdr-tiny@sh+aih+one-euro"), home_of("ifvonet-tiny")) == ("aih", "ho3d")
    assert with_stages("hdr-tiny", "masks") == "hdr-tiny:masks=gt"
    full = with_stages("hdr:no-removal@sh+aih+one-euro", "masks", "handoccnet")
    assert full == "hdr:no-removal,masks=gt,pose=handoccnet@sh+aih+one-euro"


def test_refusals(tmp_path: Path, batch: Batch) -> None:
    def wrong(what: Callable[[], object], words: str) -> None:
        with pytest.raises(HandbenchError, match=words):
            what()

    def opened(variant: str, weights: Path | None = None) -> Callable[[], object]:
        return lambda: open_model(f"hdr-tiny{variant}", weights)

    wrong(lambda: pipeline("pose=ifvonet-tiny"), "looks at 2 frames")
    wrong(lambda: pipeline("pose=mean-hand"), "no crops of one hand")
    wrong(lambda: pipeline("pose=hasm-tiny"), "no crops of one hand")
    wrong(lambda: pipeline("hasm=shpe"), "name hasm or hasm-tiny")
    wrong(lambda: pipeline("canvas=8"), "a canvas has 32 px")
    wrong(lambda: pipeline("fil=mean"), "fil")
    wrong(lambda: pipeline("no-such-row"), "no variant")
    wrong(opened("@nowhere"), "no trained weights of .*shpe-tiny@nowhere .*--weights FOLDER")
    wrong(opened("", tmp_path / "none"), "no folder of weights")
    wrong(opened("", tmp_path), "no weights of a stage of hdr-tiny .*shpe-tiny.safetensors")
    wrong(lambda: with_stages("shpe", "masks"), "no pipeline")
    wrong(lambda: open_model("shpe-tiny@nowhere"), "no trained weights")
    bare = replace(batch, mask_bits=torch.zeros_like(batch.mask_bits))  # type: ignore[arg-type]
    wrong(lambda: pipeline("masks=gt").predict(bare), "has a mask in the annotation .*aih:DIR")


def test_the_command_exchanges_stages(aih: Dataset, tmp_path: Path, handbench: Any) -> None:
    out, root = tmp_path / "p.h5", root_of(aih)
    words = ["--random-init", "--data", f"aih:{root}", "--quiet", "--out", out]
    handbench("predict", "--model", "hdr-tiny", "--oracle", "masks", "--pose", "shpe-tiny", *words)
    found = read_predictions(out)
    assert found.provenance["model"]["name"] == "hdr-tiny:masks=gt,pose=shpe-tiny"
    assert found.provenance["needs_ground_truth"] and found.mask_size == (256, 256)
    scored = handbench("score", out, "--protocol", "aih/scale=gt-bone", "--gt", f"aih:{root}")
    assert "IoU-amodal         100.000 %" in scored.stdout
    refused = handbench("predict", "--model", "zero", "--oracle", "masks", *words, check=2)
    assert "no pipeline" in refused.stderr
