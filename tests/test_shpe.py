"""SHPE: DetNet's size, targets, losses, reading of maps, and what becomes of it in the picture."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain_dataset import PlainDataset, write_plain

from handbench.baselines.counting import count_forward
from handbench.baselines.detnet import DetNet, DetNetOutputs, decode, peak_offset
from handbench.baselines.detnet_loss import DetNetTargets, detnet_loss, detnet_targets
from handbench.baselines.pose_entries import COUNTS
from handbench.baselines.shpe_trainable import ShpeTrainable, inputs_of, make_shpe
from handbench.baselines.trainable import Network
from handbench.baselines.weights import save_weights
from handbench.errors import HandbenchError
from handbench.loaders import Batch, batches
from handbench.metrics.protocols import open_protocol
from handbench.models import MODELS, open_model
from handbench.prediction_columns import columns_of
from handbench.types import Side

SMALL = "size=64,width=4,blocks=[1,1,1],features=8,init=he"


def small(more: str = "") -> ShpeTrainable:
    return make_shpe("shpe", SMALL + more)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


@pytest.fixture(scope="module")
def labelled(plain: PlainDataset) -> Batch:
    """Right and (mirrored) left hands, augmented as in training: some joints leave the crop."""
    loop = batches(plain, small(",crop_scale=1.2").train_inputs, 8, augment="shpe", shuffle=True)
    return next(iter(loop))


def test_size_is_the_specified_one() -> None:
    """13.0 M parameters and 55 GMAC at 256 pixels, counted from the official layers."""
    for name in ("shpe", "shpe-tiny"):
        config, entry = make_shpe(name).config, MODELS.get(name)
        make = functools.partial(DetNet, config, inputs_of(config))
        picture, masks = (1, 1, 3, config.size, config.size), (1, 4, config.size, config.size)
        assert count_forward(make, picture) == COUNTS[name] == (entry.parameters, entry.flops)
        config, row = make_shpe(name, "mask-input").config, entry.variants["mask-input"]
        make = functools.partial(DetNet, config, inputs_of(config))
        told = count_forward(make, picture, masks)
        assert told == COUNTS[f"{name}:mask-input"] == (row.parameters, row.flops)
    parameters, operations = COUNTS["shpe"]
    assert parameters == pytest.approx(13.0e6, rel=0.01)
    assert operations / 2 == pytest.approx(55e9, rel=0.01)
    assert 2 * COUNTS["shpe-tiny"][0] < 8e6


def test_layers_are_the_specified_ones() -> None:
    inputs = make_shpe("shpe").inputs
    with torch.device("meta"):
        network = DetNet(make_shpe("shpe").config, inputs)
        maps = network.backbone(torch.zeros(1, 3, 256, 256))
    assert maps.shape == (1, 256, 64, 64)
    seen = [getattr(network, name).inner[0].in_channels for name in ("heat", "delta", "location")]
    assert seen == [258, 279, 342]
    dilations = [block.conv2.dilation[0] for block in (*network.backbone.stage2, *network.backbone.stage3)]
    assert dilations == [2] * 4 + [4] * 6 and len(network.backbone.stage1) == 3
    assert inputs.scale == 2.0 and inputs.mirror_left


def reference(batch: Batch, b: int, exact: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The specification's formulas, one joint at a time: heat (21, 16, 16) and the rest by name."""
    parents = [0, *(p for f in range(5) for p in (0, 4 * f + 1, 4 * f + 2, 4 * f + 3))]
    joints, said = batch.joints[b, 0].numpy(), batch.joints_valid[b, 0].numpy()
    heat, out = np.zeros((21, 16, 16)), {key: np.zeros((21, 3)) for key in ("delta", "location")}
    valid = {key: np.zeros(21, bool) for key in ("heat", "delta", "location")}
    for j in range(21):
        x, y = (batch.joints_2d[b, 0, j].numpy() + 0.5) / 4
        valid["heat"][j] = bool(batch.joints_2d_valid[b, 0, j]) and 0 <= x < 16 and 0 <= y < 16
        cx, cy = (x - 0.5, y - 0.5) if exact else (int(x), int(y))
        for row in range(16):
            for column in range(16):
                square = (column - cx) ** 2 + (row - cy) ** 2
                heat[j, row, column] = math.exp(-square / (2 * 2.5**2))
        p = parents[j]
        if said[j] and said[p]:
            bone = joints[j] - joints[p]
            out["delta"][j] = bone / max(np.linalg.norm(bone), 1e-12)
            valid["delta"][j] = valid["heat"][j]
        if said[j] and said[0] and said[9]:
            out["location"][j] = (joints[j] - joints[0]) / np.linalg.norm(joints[9] - joints[0])
            valid["location"][j] = valid["heat"][j]
    return heat, {**out, **{f"{key}_valid": value for key, value in valid.items()}}


@pytest.mark.parametrize("centre", ["cell", "exact"])
def test_targets_are_the_formulas(labelled: Batch, centre: str) -> None:
    targets = detnet_targets(small(f",heat_centre={centre}").config, labelled)
    for b in range(len(labelled)):
        heat, rest = reference(labelled, b, centre == "exact")
        valid = rest["heat_valid"]
        np.testing.assert_allclose(targets.heat[b, valid], heat[valid], atol=1e-5)
        for name in ("heat_valid", "delta_valid", "location_valid"):
            assert np.array_equal(getattr(targets, name)[b], rest[name]), name
        for name in ("delta", "location"):
            valid = rest[f"{name}_valid"]
            np.testing.assert_allclose(getattr(targets, name)[b, valid], rest[name][valid], atol=1e-4)
    assert not targets.heat_valid.all() and 0 < labelled.flipped.sum() < len(labelled)
    assert (targets.location_valid != targets.delta_valid).any()


def random_outputs(count: int) -> DetNetOutputs:
    generator = torch.Generator().manual_seed(2)
    shapes = ((count, 21, 16, 16), (count, 21, 3, 16, 16), (count, 21, 3, 16, 16))
    return DetNetOutputs(*(torch.rand(shape, generator=generator) for shape in shapes))


@pytest.mark.parametrize("loss", ["norm", "squares", "entropy"])
def test_losses_by_hand(labelled: Batch, loss: str) -> None:
    config = small(f",loss={loss}").config
    targets, out = detnet_targets(config, labelled), random_outputs(len(labelled))
    terms = detnet_loss(config, out, targets)
    for name, weight in (("heat", 1), ("delta", 1), ("location", 5)):
        total, valid = 0.0, getattr(targets, f"{name}_valid")
        for b, j in valid.nonzero().tolist():
            p, heat = getattr(out, name)[b, j].double(), targets.heat[b, j].double()
            error = p - heat if name == "heat" else (p - getattr(targets, name)[b, j][:, None, None]) * heat
            if (loss, name) == ("entropy", "heat"):
                entropy = [-(heat * q.log() + (1 - heat) * (1 - q).log()).nan_to_num() for q in (p, heat)]
                total += float((entropy[0] - entropy[1]).sum())
            else:
                total += float((error**2).sum())
        expected = total**0.5 / int(valid.sum()) if loss == "norm" else total / (21 * len(labelled))
        assert terms[name].item() == pytest.approx(weight * expected, rel=1e-4), name


def test_squares_of_a_batch_are_the_mean_of_its_halves(labelled: Batch) -> None:
    """What several processes compute is what one does; the official norm is not so."""
    out = random_outputs(8)
    for loss, same in (("squares", True), ("norm", False)):
        config = small(f",loss={loss}").config

        def of(start: int, stop: int, config: Any = config) -> torch.Tensor:
            part = DetNetOutputs(*(value[start:stop] for value in out))
            terms = detnet_loss(config, part, detnet_targets(config, labelled.part(start, stop)))
            return torch.stack(list(terms.values()))

        assert torch.allclose(of(0, 8), (of(0, 4) + of(4, 8)) / 2, rtol=1e-4) is same


@pytest.mark.parametrize("loss", ["norm", "squares"])
def test_labels_that_are_not_valid_may_be_anything(labelled: Batch, loss: str) -> None:
    network = small(f",loss={loss}").build()
    for share in (4, 8):
        said, seen = labelled.joints_valid.clone(), labelled.joints_2d_valid.clone()
        joints, pixels = labelled.joints.clone(), labelled.joints_2d.clone()
        said[:share], seen[:share], joints[:share], pixels[:share] = False, False, torch.nan, torch.nan
        broken = dataclasses.replace(
            labelled, joints=joints, joints_valid=said, joints_2d=pixels, joints_2d_valid=seen
        )
        network.zero_grad()
        terms = network.loss(network(*network.prepare(broken)), broken)
        sum(terms.values()).backward()  # type: ignore[union-attr]
        assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
        assert (sum(terms.values()) > 0) == (share < 8)


def test_gradients_reach_everything(labelled: Batch) -> None:
    for more in ("", ",pool=true,init=small"):
        network = small(more).build()
        assert isinstance(network, Network)
        sum(network.loss(network(*network.prepare(labelled)), labelled).values()).backward()  # type: ignore[union-attr]
        idle = [name for name, p in network.named_parameters() if p.grad is None or not (p.grad != 0).any()]
        assert not idle


def test_maps_are_read_where_the_heat_is_greatest() -> None:
    out = random_outputs(3)
    found = decode(out)
    for b in range(3):
        wrist = None
        for j in range(21):
            heat = out.heat[b, j].tolist()
            value, row, column = max((heat[r][c], r, c) for r in range(16) for c in range(16))
            here = out.location[b, j, :, row, column]
            wrist = here if wrist is None else wrist
            torch.testing.assert_close(found.joints[b, j], here - wrist)
            assert found.joints_2d[b, j].tolist() == [(column + 0.5) / 16, (row + 0.5) / 16]
            assert found.score[b, j].item() == pytest.approx(value)
    spread = decode(out, read="heat").joints
    for b, j in ((0, 4), (2, 20)):
        weight = [out.heat[b, k].double().square() / out.heat[b, k].double().square().sum() for k in (j, 0)]
        mean, wrist = ((out.location[b, k] * w).sum(dim=(1, 2)) for k, w in zip((j, 0), weight, strict=True))
        torch.testing.assert_close(spread[b, j].double(), mean - wrist, atol=1e-5, rtol=0)
    refined = decode(out, "refined")
    assert torch.equal(refined.joints, found.joints)
    assert (refined.joints_2d - found.joints_2d).abs().max() <= 0.5 / 16 + 1e-6


def test_the_peak_of_a_gaussian_is_found_between_cells() -> None:
    centres = torch.tensor([3.3, 7.0, 9.49, 12.75, 0.1, 15.2])
    lines = torch.exp(-((torch.arange(16) - centres[:, None]) ** 2) / (2 * 1.3**2))
    peaks = lines.argmax(dim=1)
    expected = torch.cat([centres[:4] - peaks[:4], torch.zeros(2)])
    torch.testing.assert_close(peak_offset(lines, peaks), expected, atol=1e-4, rtol=0)


def perfect(targets: DetNetTargets) -> DetNetOutputs:
    n = targets.heat.shape[-1]
    spread = [value[..., None, None].expand(-1, -1, -1, n, n) for value in (targets.delta, targets.location)]
    return DetNetOutputs(targets.heat, spread[0], spread[1])


def test_perfect_maps_score_as_a_perfect_hand(plain: PlainDataset) -> None:
    """Both hands, the left ones mirrored on the way: nothing is lost but the unit, and pixels to a cell."""
    trainable = small(",size=128,heat_centre=exact,decode=refined,sigma=1.5")
    model, found = trainable.model(trainable.build()), []
    for batch in batches(plain, trainable.inputs, 4):
        found += model.read(perfect(detnet_targets(trainable.config, batch)), batch)
        for b, prediction in enumerate(found[-len(batch) :]):
            hand, sample = prediction.hands[0], plain.samples[plain.keys.index(prediction.key)]
            truth = sample.hand(hand.side)
            assert truth is not None and truth.side == (Side.LEFT if batch.flipped[b] else Side.RIGHT)
            off = np.asarray(hand.joints_2d) - sample.camera.project(truth.joints)
            assert np.abs(off)[truth.joints_valid].max() < 0.05
    columns = columns_of(plain.keys, found, model.space)
    told = plain.ground_truth()
    with pytest.raises(HandbenchError, match="scale-free predictions have no length"):
        open_protocol("interhand").resolve(told, columns)
    protocol = open_protocol("interhand/scale=gt-bone").resolve(told, columns)
    score = protocol.score(told, columns)
    assert score.figures[0].value < 0.01 and score.figures[0].n_scored > 5


def test_a_mirrored_left_hand_is_the_mirror_image(plain: PlainDataset) -> None:
    """The same crop, said to be of a mirrored picture, gives the other hand, mirrored."""
    trainable = small()
    model = trainable.model(trainable.build())
    batch = next(iter(batches(plain, trainable.inputs, 4)))
    at = int((batch.side == 0).nonzero()[0])
    one = dataclasses.replace(batch.part(at, at + 1), flipped=torch.zeros(1, dtype=torch.bool))
    mirror = torch.tensor([[-1.0, 0, 319], [0, 1, 0], [0, 0, 1]])
    other = dataclasses.replace(one, flipped=~one.flipped, affine=one.affine @ mirror)
    hand: Any
    mirrored: Any
    (hand,), (mirrored,) = (model.predict(item)[0].hands for item in (one, other))
    assert (hand.side, mirrored.side) == (Side.RIGHT, Side.LEFT)
    np.testing.assert_allclose(mirrored.joints * [-1, 1, 1], hand.joints, atol=1e-7)
    assert np.abs(hand.joints[0]).max() == 0 < np.abs(hand.joints).max()
    np.testing.assert_allclose(319 - mirrored.joints_2d[:, 0], hand.joints_2d[:, 0], atol=1e-3)
    np.testing.assert_allclose(mirrored.score, hand.score)


def test_weights_come_back(tmp_path: Path, plain: PlainDataset) -> None:
    trainable = small(",decode=refined")
    network = trainable.build(3)
    path = tmp_path / "w.safetensors"
    save_weights(path, network.state_dict(), trainable.name, trainable.config, "made", half=True)
    with pytest.raises(HandbenchError, match="width=4 in the file, 64 asked for"):
        open_model("shpe", path)
    words = SMALL.removesuffix(",init=he")
    model: Any = open_model(f"shpe:{words}", path)
    assert model.trained and model.train_data == "made" and model.settings["decode"] == "refined"
    assert open_model(f"shpe:{words},decode=cell", path).settings["decode"] == "cell"  # type: ignore[attr-defined]
    batch = next(iter(batches(plain, trainable.inputs, 4)))
    with torch.no_grad():
        first, second = (n(batch.normalised(trainable.inputs)) for n in (network.eval(), model.network))
    torch.testing.assert_close(first.heat, second.heat, atol=2e-2, rtol=0)
    (tmp_path / "w.pt").write_bytes(b"x")
    for name, other, message in (
        ("shpe-tiny", tmp_path / "w.pt", "no safetensors file"), ("shpe", None, "has no trained weights"),
    ):  # fmt: skip
        with pytest.raises(HandbenchError, match=message):
            open_model(name, other)
    with pytest.raises(HandbenchError, match="leave --pretrained out"):
        trainable.build(pretrained=path)
