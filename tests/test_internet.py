"""InterNet: its size, targets, losses, ways to read volumes, and where its hands are put."""

from __future__ import annotations

import dataclasses
import functools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from plain_dataset import CAMERA, PlainDataset, write_plain

from handbench.baselines.counting import count_forward, count_parameters
from handbench.baselines.internet import InterNet, InterNetOutputs
from handbench.baselines.internet_decode import decode
from handbench.baselines.internet_loss import InterNetTargets, internet_loss, internet_targets
from handbench.baselines.internet_place import hand_depths, pair_depths
from handbench.baselines.internet_trainable import InterNetTrainable, inputs_of, make_internet
from handbench.baselines.pose_entries import COUNTS
from handbench.baselines.resnet import ResNet
from handbench.baselines.trainable import Network
from handbench.baselines.weights import save_weights
from handbench.errors import HandbenchError
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward
from handbench.loaders import Augment, Batch, batches
from handbench.metrics.protocols import open_protocol
from handbench.models import MODELS, open_model
from handbench.prediction_columns import columns_of

SMALL = "size=64,backbone=resnet18,width=4,channels=6,bins=16,hidden=8"


def small(more: str = "") -> InterNetTrainable:
    return make_internet("internet", SMALL + more)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


@pytest.fixture(scope="module")
def labelled(plain: PlainDataset) -> Batch:
    """Pairs and right hands alone, augmented as in training: some joints leave the crop."""
    loop = batches(plain, small(",crop_scale=1.1").train_inputs, 8, augment="interhand", shuffle=True)
    return next(iter(loop))


def test_size_is_the_specified_one() -> None:
    """ResNet-50, two heads of three 4x4 transposed convolutions, and two pairs of linear layers."""
    for name in ("internet", "internet-tiny"):
        config = make_internet(name).config
        make = functools.partial(InterNet, config, inputs_of(config))
        found = count_forward(make, (1, 1, 3, config.size, config.size))
        assert found == COUNTS[name] == (MODELS.get(name).parameters, MODELS.get(name).flops)
    head = 16 * (2048 + 256 + 256) * 256 + 3 * 2 * 256 + (256 + 1) * 21 * 64
    linear = 2 * (2048 + 1) * 512 + 513 * 64 + 513 * 2
    with torch.device("meta"):
        backbone = count_parameters(ResNet("resnet50"))
        config = make_internet("internet").config
        out = InterNet(config, inputs_of(config))(torch.zeros(1, 1, 3, 256, 256))
    assert COUNTS["internet"][0] == backbone + 2 * head + linear
    assert out.right.shape == out.left.shape == (1, 21, 64, 64, 64)
    assert out.root.shape == (1,) and out.handedness.shape == (1, 2)


def gaussian(cells: tuple[int, int, int], centre: np.ndarray, sigma: float) -> np.ndarray:
    """(depth, y, x), the formula at every cell."""
    width, height, depth = cells
    z, y, x = np.mgrid[:depth, :height, :width]
    square = (x - centre[0]) ** 2 + (y - centre[1]) ** 2 + (z - centre[2]) ** 2
    return np.asarray(np.exp(-square / (2 * sigma**2)))


def test_targets_are_the_formulas(labelled: Batch) -> None:
    """Cells of 4 pixels; depth bin (z / 200 + 1) / 2 x 64 [mm] from the wrist; valid within the volume."""
    config = small(",bins=64,sigma=1.5").config
    targets = internet_targets(config, labelled)
    outside = 0
    for b in range(len(labelled)):
        joints, said = labelled.joints[b].numpy(), labelled.joints_valid[b].numpy()
        for s in range(2):
            for j in range(21):
                place = np.zeros(3)
                place[:2] = (labelled.joints_2d[b, s, j].numpy() + 0.5) / 4 - 0.5
                place[2] = (1000 * (joints[s, j, 2] - joints[s, 0, 2]) / 200 + 1) / 2 * 64
                inside = all(-0.5 <= v < 15.5 for v in place[:2]) and 0 <= place[2] < 64
                outside += bool(said[s, j]) and not inside
                valid = bool(said[s, j] and said[s, 0] and inside)
                assert targets.valid[b, s, j].item() is valid
                if valid and j % 5 == 0:
                    x, y, z = (line[b, s, j].numpy() for line in targets.lines)
                    found = z[:, None, None] * y[None, :, None] * x[None, None]
                    np.testing.assert_allclose(found, gaussian((16, 16, 64), place, 1.5), atol=1e-4)
        both = bool(said[:, 0].all())
        assert targets.root_valid[b].item() is both
        if both:
            apart = 1000 * (joints[1, 0, 2] - joints[0, 0, 2])
            assert targets.root[b].item() == pytest.approx((apart / 200 + 1) / 2 * 64, abs=1e-3)
    assert torch.equal(targets.handedness.bool(), labelled.hand_valid) and targets.handedness_valid.all()
    assert outside and not targets.root_valid.all()


def test_pasted_hands_have_no_depth_in_common(labelled: Batch) -> None:
    K = labelled.K_hands.clone()
    K[:, 1, 0, 0] *= 1.01
    config = small().config
    assert internet_targets(config, labelled).root_valid.any()
    assert not internet_targets(config, dataclasses.replace(labelled, K_hands=K)).root_valid.any()


def test_a_flipped_picture_has_mirrored_targets(plain: PlainDataset) -> None:
    """Hands change places, cells their order, and the relative depth its sign."""
    trainable = small()
    still = Augment(scale=0.0, rotation=0.0, p_rotation=0.0, gain=0.0)
    flip = dataclasses.replace(still, p_flip=1.0)
    plainly, flipped = (
        internet_targets(trainable.config, next(iter(batches(plain, trainable.inputs, 8, augment=how))))
        for how in (still, flip)
    )
    valid = plainly.valid
    assert torch.equal(valid.flip(1), flipped.valid) and valid.any()
    for axis, line in enumerate(plainly.lines):
        other = flipped.lines[axis].flip(1)
        other = other.flip(-1) if axis == 0 else other
        torch.testing.assert_close(other[valid], line[valid], atol=1e-3, rtol=0)
    both = plainly.root_valid
    torch.testing.assert_close(flipped.root[both], 64 - plainly.root[both], atol=1e-3, rtol=0)
    assert torch.equal(flipped.handedness, plainly.handedness.flip(1))


def random_outputs(count: int, cells: tuple[int, int, int] = (16, 16, 16)) -> InterNetOutputs:
    generator = torch.Generator().manual_seed(2)
    shapes = ((count, 21, *cells), (count, 21, *cells), (count,), (count, 2))
    right, left, root, hands = (torch.randn(shape, generator=generator) for shape in shapes)
    return InterNetOutputs(100 * right, 100 * left, 20 + 5 * root, hands)


def test_losses_by_hand(labelled: Batch) -> None:
    config = small().config
    targets, out = internet_targets(config, labelled), random_outputs(len(labelled))
    heat = root = hands = 0.0
    for b in range(len(labelled)):
        for s, volumes in enumerate((out.right, out.left)):
            for j in range(21):
                if targets.valid[b, s, j]:
                    x, y, z = (line[b, s, j].numpy() for line in targets.lines)
                    target = 255 * z[:, None, None] * y[None, :, None] * x[None, None]
                    heat += float(((volumes[b, j].numpy() - target) ** 2).mean()) / 42
            probability = 1 / (1 + math.exp(-out.handedness[b, s].item()))
            hands -= math.log(probability if labelled.hand_valid[b, s] else 1 - probability) / 2
        if targets.root_valid[b]:
            root += abs(out.root[b].item() - targets.root[b].item())
    terms = internet_loss(out, targets, config.peak)
    for name, total in (("heat", heat), ("root", root), ("handedness", hands)):
        assert terms[name].item() == pytest.approx(total / len(labelled), rel=1e-4), name


def test_the_loss_of_a_batch_is_the_mean_of_its_halves(labelled: Batch) -> None:
    config, out = small().config, random_outputs(8)

    def of(start: int, stop: int) -> torch.Tensor:
        part = InterNetOutputs(*(value[start:stop] for value in out))
        targets = internet_targets(config, labelled.part(start, stop))
        return torch.stack(list(internet_loss(part, targets, 255.0).values()))

    torch.testing.assert_close(of(0, 8), (of(0, 4) + of(4, 8)) / 2)


def test_gradients_reach_everything_whatever_is_not_valid(labelled: Batch) -> None:
    network = small().build()
    assert isinstance(network, Network)
    said, joints, pixels = labelled.joints_valid.clone(), labelled.joints.clone(), labelled.joints_2d.clone()
    for share in (2, 8):
        said[:share], joints[:share], pixels[:share] = False, torch.nan, torch.nan
        batch = dataclasses.replace(labelled, joints=joints, joints_valid=said, joints_2d=pixels)
        network.zero_grad()
        terms = network.loss(network(*network.prepare(batch)), batch)
        sum(terms.values()).backward()  # type: ignore[union-attr]
        grads = {name: p.grad for name, p in network.named_parameters()}
        assert all(grad is not None and grad.isfinite().all() for grad in grads.values())
        if share == 2:
            assert not [name for name, grad in grads.items() if not (grad != 0).any()]  # type: ignore[union-attr]
        else:
            assert terms["heat"] == terms["root"] == 0 < terms["handedness"]


def plain_decode(volume: np.ndarray, how: str) -> list[int]:
    """The specification in loops: x, y, z of the greatest cell."""
    depth, height, width = volume.shape
    if how == "mmpose":
        cells = [(z, y, x) for z in range(depth) for y in range(height) for x in range(width)]
        z, y, x = max(cells, key=lambda cell: volume[cell])
        return [x, y, z] if volume[z, y, x] > 0 else [-1, -1, -1]
    column = {
        (y, x): max(range(depth), key=lambda z: volume[z, y, x]) for y in range(height) for x in range(width)
    }
    rows = {x: max(range(height), key=lambda y: volume[column[y, x], y, x]) for x in range(width)}
    x = max(range(width), key=lambda x: volume[column[rows[x], x], rows[x], x])
    return [x, rows[x], column[rows[x], x]]


@pytest.mark.parametrize("how", ["official", "mmpose"])
def test_volumes_are_read_as_published(how: Any) -> None:
    """Also where cells are equal, and where nothing is above 0."""
    rng = np.random.default_rng(0)
    volumes = rng.integers(-5, 3, (4, 21, 3, 5, 4)).astype(np.float32)
    volumes[0] -= 10
    places, heat = decode(torch.from_numpy(volumes), how)
    for b in range(4):
        for j in range(21):
            assert places[b, j].tolist() == plain_decode(volumes[b, j], how)
    np.testing.assert_array_equal(heat.numpy(), volumes.max(axis=(2, 3, 4)))


def test_the_ways_to_read_differ_where_they_should() -> None:
    rng = np.random.default_rng(0)
    ties = torch.from_numpy(rng.integers(0, 2, (1, 21, 3, 5, 4)).astype(np.float32))
    assert not torch.equal(decode(ties, "official")[0], decode(ties, "mmpose")[0])
    centres = [np.array([5.3, 2.6, 9.45]), np.array([8.0, 7.2, 3.9])]
    volumes = np.stack([255 * gaussian((12, 10, 16), centre, 1.4) for centre in centres])
    found, heat = decode(torch.from_numpy(volumes[None]), "refined")
    np.testing.assert_allclose(found[0], centres, atol=1e-3)
    assert (heat > 150).all()


def test_hands_stand_where_they_are_as_large_as_the_mean_hand() -> None:
    for depth in (0.35, 0.8, 1.7):
        pose = np.random.default_rng(1).normal(0, 0.4, (1, 48))
        zero = np.zeros(10)
        joints = forward(load_hand_model("procedural"), pose, zero, np.zeros(3)).joints21[0]
        joints = joints - joints[0] + np.array([0.05, -0.02, depth])
        found = hand_depths(CAMERA.K[None], CAMERA.project(joints)[None], (joints[:, 2] - depth)[None])
        assert found[0] == pytest.approx(depth, rel=1e-6)
    # No depth makes a bone along the ray shorter.
    long = hand_depths(CAMERA.K[None], np.full((1, 21, 2), 5.0), np.linspace(0, 2, 21)[None])
    assert 0.1 <= long[0] <= 5
    sizes, there = np.array([[0.5, 0.7], [0.5, 0.7], [0.15, 0.15]]), np.array([[1, 1], [1, 0], [1, 1]])
    pair = pair_depths(sizes[:, 0], sizes[:, 1], np.array([0.1, 0.1, -0.2]), there)
    np.testing.assert_allclose(pair, [[0.55, 0.65], [0.5, 0.6], [0.3, 0.1]])


def perfect(targets: InterNetTargets) -> InterNetOutputs:
    volumes = [
        255 * torch.einsum("bjx,bjy,bjz->bjzyx", *(line[:, s] for line in targets.lines)) for s in range(2)
    ]
    return InterNetOutputs(volumes[0], volumes[1], targets.root, 40 * targets.handedness - 20)


def test_perfect_volumes_score_as_perfect_hands(plain: PlainDataset) -> None:
    """Through crop, decoding, rays and the protocol's root: nothing is lost."""
    trainable = small(",size=128,bins=32,decode=refined,sigma=1.5")
    model, found, values = trainable.model(trainable.build()), [], {}
    for batch in batches(plain, trainable.inputs, 4):
        found += model.read(perfect(internet_targets(trainable.config, batch)), batch)
    columns = columns_of(plain.keys, found, model.space)
    columns = dataclasses.replace(columns, root_source=model.root_source)
    truth = plain.ground_truth()
    for name in ("interhand/root=gt", "interhand"):
        score = open_protocol(name).resolve(truth, columns).score(truth, columns)
        values[name] = {figure.metric.name: figure.value for figure in reversed(score.figures)}
    assert values["interhand/root=gt"]["MPJPE"] < 0.1 < values["interhand"]["MPJPE"] < 30
    assert values["interhand/root=gt"]["MRRPE"] < 0.1 < values["interhand"]["MRRPE"] < 30
    assert values["interhand"]["handedness"] == 100
    for prediction in found:
        right, left = (hand.joints for hand in prediction.hands)
        assert right is not None and left is not None
        assert prediction.root_depth is not None and prediction.relative_root is not None
        if sum(hand.joints_valid[0] for hand in plain.samples[plain.keys.index(prediction.key)].hands) == 2:
            np.testing.assert_allclose([right[0, 2], left[0, 2]], prediction.root_depth, rtol=1e-3)
            np.testing.assert_allclose(prediction.relative_root, left[0] - right[0], atol=1e-6)


def test_weights_come_back_and_a_backbone_is_loaded(tmp_path: Path) -> None:
    trainable = small(",decode=mmpose")
    path = tmp_path / "w.safetensors"
    save_weights(path, trainable.build(3).state_dict(), trainable.name, trainable.config, "made")
    model: Any = open_model(f"internet:{SMALL}", path)
    assert model.trained and model.settings["decode"] == "mmpose" and model.train_data == "made"
    with pytest.raises(HandbenchError, match="is of 'internet:"):
        open_model("internet-tiny", path)
    backbone = ResNet("resnet18", 4)
    torch.save(backbone.state_dict(), tmp_path / "r.pth")
    network = trainable.build(3, tmp_path / "r.pth")
    assert torch.equal(network.backbone.conv1.weight, backbone.conv1.weight)


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("size=100", "multiple of 32"),
        ("bins=0", "1 or more"),
        ("depth_range=0", "above 0"),
        ("decode=soft", "'decode' is 'soft'"),
    ],
)
def test_wrong_settings(variant: str, message: str) -> None:
    with pytest.raises(HandbenchError, match=message):
        make_internet("internet", variant)
