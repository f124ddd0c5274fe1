"""SHPE told the masks: the control that knows what HDR knows and paints nothing."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from handbench.baselines.shpe_trainable import ShpeTrainable, make_shpe
from handbench.baselines.weights import save_weights
from handbench.datasets import Dataset, load_dataset
from handbench.errors import HandbenchError
from handbench.inputs import MASKS, Inputs
from handbench.loaders import batches
from handbench.models import open_model
from handbench.predictions import Prediction
from handbench.synth.generate import SynthOptions, generate

SMALL = "size=64,width=4,blocks=[1,1,1],features=8,init=he"


def small(more: str = "") -> ShpeTrainable:
    return make_shpe("shpe", SMALL + more)


@pytest.fixture(scope="module")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """AIH: hands that hide each other, with their masks."""
    folder = tmp_path_factory.mktemp("aih") / "train"
    generate(folder, SynthOptions(overrides=("size=96",), seed=3, renderer="raster"), 12, quiet=True)
    return load_dataset("aih", folder, quiet=True)


@dataclasses.dataclass
class Light:
    """What a pipeline hands on: what is shown and how it was cut, nothing else."""

    keys: tuple[str, ...]
    images: torch.Tensor
    side: torch.Tensor
    flipped: torch.Tensor
    affine: torch.Tensor

    def normalised(self, inputs: Inputs) -> torch.Tensor:
        mean, std = (torch.tensor(value)[:, None, None] for value in (inputs.mean, inputs.std))
        return (self.images / 255 - mean) / std


def joints_of(prediction: Prediction) -> np.ndarray:
    (hand,) = prediction.hands
    assert hand.joints is not None
    return np.asarray(hand.joints)


def test_masks_are_told_and_in_training_spoilt(masked: Dataset) -> None:
    told = small(",mask_input=true,mask_noise=1")
    batch = next(iter(batches(masked, told.train_inputs, 8)))
    network = told.build()
    assert sum(p.numel() for p in network.parameters()) - sum(
        p.numel() for p in small().build().parameters()
    ) == 4 * 4 * 49  # fmt: skip
    torch.manual_seed(0)
    images, spoilt = network.train().prepare(batch)
    true = network.eval().prepare(batch)[1]
    assert torch.equal(true, batch.masks()) and true.any(dim=3).any(dim=2)[:, :3].any(dim=0).all()
    assert spoilt.shape == true.shape and (spoilt != true).any() and not (spoilt[:, 1] & ~spoilt[:, 0]).any()
    # Every mask, and nothing else, changes what the backbone sees.
    seen: list[torch.Tensor] = []
    network.backbone.register_forward_pre_hook(lambda module, args: seen.append(args[0]))
    network(images, true)
    assert torch.equal(seen[0][:, :3], images[:, 0])
    assert torch.equal(seen[0][:, 3:], torch.where(true, 1.0, -1.0))
    sum(network.loss(network.train()(images, spoilt), batch).values()).backward()  # type: ignore[union-attr]
    grad = network.backbone.stem[0].weight.grad
    assert isinstance(grad, torch.Tensor) and (grad.abs().amax(dim=(0, 2, 3)) > 0).all()


def test_a_pipeline_gives_masks_a_row_takes_the_annotation(masked: Dataset) -> None:
    told, plain = small(",mask_input=true"), small()
    model, other = told.model(told.build()), plain.model(plain.build())
    assert model.needs_ground_truth and model.settings["masks"] == "gt" and told.inputs.masks == MASKS
    assert not other.needs_ground_truth and not plain.inputs.masks
    batch = next(iter(batches(masked, told.inputs, 8)))
    light: Any = Light(batch.keys, batch.images, batch.side, batch.flipped, batch.affine)
    same, wrong = model.predict_with(light, batch.masks()), model.predict_with(light, ~batch.masks())
    for one, two, three in zip(model.predict(batch), same, wrong, strict=True):
        np.testing.assert_array_equal(joints_of(one), joints_of(two))
        assert np.abs(joints_of(one) - joints_of(three)).max() > 1e-3
    for one, two in zip(other.predict(batch), other.predict(light), strict=True):
        np.testing.assert_array_equal(joints_of(one), joints_of(two))
    with pytest.raises(HandbenchError, match="without masks target_amodal"):
        model.predict(batch.without_labels())
    with pytest.raises(HandbenchError, match="sees no masks"):
        other.predict_with(light, batch.masks())


def test_weights_are_of_one_kind_of_input(tmp_path: Path) -> None:
    told, path = make_shpe("shpe", f"mask-input,{SMALL}"), tmp_path / "w.safetensors"
    save_weights(path, told.build().state_dict(), told.name, told.config, "made", half=True)
    model: Any = open_model(f"shpe:mask-input,{SMALL}", path)
    assert model.trained and model.needs_ground_truth
    with pytest.raises(HandbenchError, match="mask_input=True in the file, False asked for"):
        open_model(f"shpe:{SMALL}", path)
