"""HDRNet on AIH: what its batches are, training, and what it predicts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from small_hdrnet import small_config, small_network

from handbench.baselines.counting import count_parameters
from handbench.baselines.hdr_masks import dilate
from handbench.baselines.hdrnet_network import masks_in_order
from handbench.baselines.hdrnet_trainable import RECIPE, HDRNetTrainable, make_trainable, open_hdrnet
from handbench.baselines.hdrnet_trainable import inputs_of as model_inputs
from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.inputs import MASKS
from handbench.loaders import Batch, batches
from handbench.models import ModelOptions
from handbench.synth.generate import SynthOptions, generate
from handbench.train import train
from handbench.train.options import TrainOptions, resolve
from handbench.train.step import make_optimiser


@pytest.fixture(scope="module")
def aih(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    root = tmp_path_factory.mktemp("aih") / "train"
    generate(root, SynthOptions(renderer="raster", overrides=("size=96",)), 18, workers=0, quiet=True)
    return load_dataset("aih", root, quiet=True)


@pytest.fixture(scope="module")
def batch(aih: Dataset) -> Batch:
    """Crops of target hands with the target alone, as in training."""
    inputs = dataclasses.replace(model_inputs(small_config()), target_image=True)
    return next(iter(batches(aih, inputs, batch_size=8, augment="handoccnet", shuffle=True, seed=1)))


def test_the_judge_learns_at_a_tenth_of_the_rate() -> None:
    from handbench.train.ddp import Ranks
    from handbench.train.step import Stepper

    how = resolve(TrainOptions("hdrnet", ("aih:x",), Path("out")), RECIPE)
    network = small_network()
    stepper = Stepper(network, how, Ranks(0, 1, torch.device("cpu")), "fp32", compiled=False)
    first, second = stepper.optimiser.param_groups
    assert (first["betas"], second["betas"]) == ((0.9, 0.999), (0.0, 0.9))
    before = [parameter.detach().clone() for parameter in network.parameters()]
    # Adam's first step is as long as the rate.
    for parameter in network.parameters():
        parameter.grad = torch.ones_like(parameter)
    for group in stepper.optimiser.param_groups:
        group["lr"] = 1e-3 * group.get("scale", 1.0)
    stepper.optimiser.step()
    after = [parameter.detach() for parameter in network.parameters()]
    moved = [float((a - b).abs().max()) for a, b in zip(before, after, strict=True)]
    count = len(list(network.generator.parameters()))
    assert moved[:count] == pytest.approx([1e-3] * count, rel=0.01)
    assert moved[count:] == pytest.approx([1e-4] * 5, rel=0.01)
    plain = make_optimiser(how, network.generator)
    assert len(plain.param_groups) == 1


def test_batches_are_of_targets(aih: Dataset, batch: Batch) -> None:
    """One item a picture, about the hand that it names, shown as a right one; pairs have none."""
    loop = batches(aih, make_trainable("hdrnet-tiny").inputs, batch_size=64)
    sides = [aih[i].meta["target_side"] if aih[i].meta["kind"] != "pair" else "" for i in range(len(aih))]
    there = [any(hand.side.value == side for hand in aih[i].hands) for i, side in enumerate(sides)]
    (whole,) = list(loop)
    assert list(whole.keys) == [aih.keys[i] for i, found in enumerate(there) if found]
    assert 0 < len(whole) < len(aih)
    assert (batch.side == 0).all() and batch.flipped.any() and not batch.flipped.all()
    network = small_network(mask_noise=0.0)
    images, masks, target, known = network.prepare(batch)
    assert known.all() and images.shape == target.shape == (8, 3, 64, 64)
    told = network.masks(masks)
    apart = (images - target).abs().mean(dim=1, keepdim=True)
    inside, outside = (
        (apart * part).sum() / part.sum() for part in (told.l_invisible, 1 - dilate(told.hole))
    )
    assert inside > 3 * outside, "the target's picture differs where the other hand is"
    assert told.r_invisible.any()
    middle = masks[:, 0].float().mean(dim=0)
    assert middle[24:40, 24:40].mean() > 2 * middle.mean(), "the target lies in the middle"
    spoilt = small_network(mask_noise=1.0).prepare(batch)[1]
    assert (spoilt != masks).any() and torch.equal(
        small_network(mask_noise=1.0).eval().prepare(batch)[1], masks
    )


def test_a_hole_that_is_not_filled_keeps_the_picture(batch: Batch) -> None:
    """Without removal the other hand is what the output should have there; the same for de-occlusion."""
    plain = small_network(mask_noise=0.0)
    told = plain.masks(plain.prepare(batch)[1])
    for name, hole in (("removal", told.l_invisible), ("deocclusion", told.r_invisible)):
        network = small_network(mask_noise=0.0, **{name: False})
        images, masks, target, known = network.prepare(batch)
        out = network(images, masks, target, known)
        where = (hole > 0).expand_as(images)
        assert torch.equal(out.target[where], images[where]) and where.any()
        assert torch.equal(out.target[~where], target[~where])
        assert not (out.l_invisible if name == "removal" else out.r_invisible).any()


def test_it_learns_to_paint(batch: Batch) -> None:
    """A few steps on one batch bring the holes nearer to the truth than what is there."""
    network = small_network(mask_noise=0.0, adversarial=0.0)
    network.train()
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    prepared = network.prepare(batch)
    losses = []
    for _ in range(40):
        terms = network.loss(network(*prepared), batch)
        losses.append((terms["hole_deocclusion"] + terms["hole_removal"]).item())
        optimiser.zero_grad()
        sum(terms.values()).backward()  # type: ignore[union-attr]
        optimiser.step()
    assert min(losses[-5:]) < 0.4 * losses[0]


def test_predictions(batch: Batch) -> None:
    """The picture of the crop with its hole filled, by the side that it is of, and the rest as it came."""
    network = small_network()
    model = HDRNetTrainable("hdrnet", small_config(), RECIPE).model(network)
    assert model.needs_ground_truth and model.parameters == count_parameters(network.generator)
    assert model.settings["off"] and model.settings["masks"] == "gt"
    found = model.predict(batch)
    told = network.masks(masks_in_order(batch))
    kept = (dilate(told.hole) < 0.5)[:, 0].numpy()
    assert not kept.all()
    for i, prediction in enumerate(found):
        (hand,) = prediction.hands
        assert hand.side.value == ("left" if batch.flipped[i] else "right")
        assert prediction.crop is not None and np.array_equal(prediction.crop, batch.affine[i, 0].numpy())
        shown = batch.images[i, 0].permute(1, 2, 0).numpy()
        assert hand.image is not None and hand.image.dtype == np.uint8
        assert np.array_equal(hand.image[kept[i]], shown[kept[i]])
        assert kept[i].all() or not np.array_equal(hand.image[~kept[i]], shown[~kept[i]])
    nobody = dataclasses.replace(batch, side=torch.full_like(batch.side, -1))
    assert not any(prediction.hands for prediction in model.predict(nobody))
    turned = dataclasses.replace(batch, mask_names=MASKS[::-1])
    assert torch.equal(masks_in_order(turned), batch.masks().flip(1))


def test_data_without_targets(batch: Batch, aih: Dataset) -> None:
    network = small_network()
    with pytest.raises(HandbenchError, match="no pictures of the target alone"):
        network.prepare(dataclasses.replace(batch, target_images=None))
    with pytest.raises(HandbenchError, match="without masks other_visible"):
        masks_in_order(dataclasses.replace(batch, mask_names=MASKS[:3]))

    class Nameless(type(aih)):  # type: ignore[misc]
        def ground_truth(self) -> Any:
            return dataclasses.replace(super().ground_truth(), subsets={})

    nameless = Nameless(aih.root, aih.options)  # type: ignore[attr-defined]
    with pytest.raises(HandbenchError, match="does not name the hand that a picture is about"):
        batches(nameless, network.inputs)


def test_training_through_the_loop(aih: Dataset, tmp_path: Path) -> None:
    """Weights, a log and previews with the completed picture; validation finds both holes."""
    ref = f"aih:{aih.root}"
    options = TrainOptions(
        "hdrnet-tiny:no-transformer,adversarial=0.1", (ref,), tmp_path / "run", val=ref, steps=2,
        batch_size=4, workers=0, preview_every=2, quiet=True,
    )  # fmt: skip
    report = train(options)
    assert (
        report.steps == 2
        and report.losses["discriminator"] > 0
        and {"level_removal", "elsewhere"} < set(report.losses)
    )
    assert {"PSNR-deocclusion", "SSIM-removal", "L1-removal"} <= set(report.validation)
    sheet = cv2.imread(str(tmp_path / "run" / "previews" / "step-00000002.jpg"))
    assert sheet is not None and sheet.shape[1] == 4 * 192
    again: Any = open_hdrnet("hdrnet-tiny", ModelOptions("no-transformer,adversarial=0.1", report.weights))
    assert again.train_data == "synthetic aih/train" and again.network.config.attend == ()
