"""hasm-tiny's network: mirrored pictures, the boxes that it is told, that it learns."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import torch
from painted_dataset import FRAMES, Painted, PaintedOptions, paint
from torch import Tensor
from torch.nn import functional as F

from handbench.baselines.hasm import IGNORED, HasmNetwork, mask_labels, mask_losses
from handbench.baselines.hasm_config import BRANCHES, NETWORKS
from handbench.baselines.hasm_model import HasmModel
from handbench.baselines.hasm_trainable import HASM_RECIPE, HasmTrainable, make_trainable
from handbench.baselines.mirror_layers import MirrorBlock, MirrorNorm, join
from handbench.baselines.told_boxes import INVENTED, MOVED, WITHHELD, rectangles, spoilt
from handbench.errors import HandbenchError
from handbench.loaders import Augment, Batch, batches

TINY = dataclasses.replace(NETWORKS["hasm-tiny"], size=64, scale=1.0, least=0.0)
STILL = Augment(scale=0, p_rotation=0, gain=0)
EXCHANGED = [2, 3, 0, 1]


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Painted:
    return Painted(paint(tmp_path_factory.mktemp("painted") / "p"), PaintedOptions())


def seen(dataset: Painted, augment: Augment = STILL) -> Batch:
    inputs = HasmTrainable("hasm-tiny", TINY, HASM_RECIPE).train_inputs
    return next(iter(batches(dataset, inputs, FRAMES, augment, seed=3)))


def network(seed: int = 0) -> HasmNetwork:
    return HasmTrainable("hasm-tiny", TINY, HASM_RECIPE).build(seed)


def exchanged(halves: Tensor) -> Tensor:
    return torch.cat(halves.chunk(2, dim=1)[::-1], dim=1)


def test_a_mirrored_picture_gives_the_other_hands() -> None:
    torch.manual_seed(0)
    net = network()
    # Statistics of the halves differ after training by chance, and must not matter.
    for part in net.modules():
        if isinstance(part, MirrorNorm):
            part.running_mean.normal_(0, 0.3)
            part.running_var.uniform_(0.5, 1.5)
            part.weight.data.uniform_(0.5, 1.5)
    net.eval()
    images = torch.randn(2, 3, 64, 96)
    boxes = torch.tensor([[[10.0, 5, 30, 40], [50, 20, 30, 30]], [[3, 3, 40, 40], [0, 0, 0, 0]]])
    mirrored = boxes.flip(1)
    mirrored[..., 0] = torch.where(mirrored[..., 2] > 0, 95 - mirrored[..., 0] - mirrored[..., 2], 0)
    with torch.no_grad():
        one, other = net(images, boxes).logits, net(images.flip(-1), mirrored).logits
        untold = net(images).logits
    assert one.shape == (2, 4, 2, 16, 24) and one.std() > 0.1
    torch.testing.assert_close(other.flip(-1)[:, EXCHANGED], one)
    # What is told matters.
    assert not torch.allclose(untold, one, atol=0.1)


def test_layers_keep_duals() -> None:
    torch.manual_seed(1)
    block = MirrorBlock(2, 3)
    block.second[1].weight.data.fill_(1.0)  # type: ignore[operator]
    block.eval()
    x, y = torch.randn(2, 4, 6, 8), torch.randn(2, 2, 6, 8)
    torch.testing.assert_close(exchanged(block(exchanged(x).flip(-1)).flip(-1)), block(x))
    torch.testing.assert_close(exchanged(join(exchanged(x), exchanged(y))), join(x, y))


def test_rectangles() -> None:
    boxes = torch.tensor([[[2.0, 1, 3, 2], [0, 0, 0, 0]], [[torch.nan] * 4, [-4, 2, 100, 1]]])
    found = rectangles(boxes, (5, 8))
    expected = torch.zeros(2, 2, 5, 8)
    expected[0, 0, 1:4, 2:6] = 1
    expected[1, 1, 2:4] = 1
    assert torch.equal(found, expected)


def test_boxes_are_spoilt_in_training() -> None:
    torch.manual_seed(0)
    boxes = torch.tensor([[[20.0, 10, 40, 30], [0, 0, 0, 0]]]).expand(4000, 2, 4)
    told = spoilt(boxes, (64, 96))
    there = told[..., 2] > 0
    assert there[:, 0].float().mean() == pytest.approx(1 - WITHHELD, abs=0.02)
    assert there[:, 1].float().mean() == pytest.approx(INVENTED * (1 - WITHHELD), abs=0.02)
    # Withheld are both or none.
    assert not there[~there[:, 0], 1].any()
    kept = told[there[:, 0], 0]
    edges = torch.stack([kept[:, 0] - 20, (kept[:, :1] + kept[:, 2:3])[:, 0] - 60], dim=1) / 40
    assert 0.9 * MOVED < edges.abs().max() <= MOVED and abs(edges.mean()) < 0.01
    invented = told[there[:, 1], 1]
    ends = invented[:, :2] + invented[:, 2:]
    assert invented.min() >= 0 and (ends <= torch.tensor([96, 64])).all() and invented[:, 0].std() > 10


def test_what_is_prepared(painted: Painted) -> None:
    batch = seen(painted, dataclasses.replace(STILL, p_flip=0.5))
    net = network().eval()
    _, boxes = net.prepare(batch)
    assert torch.equal(boxes[..., 2] > 0, batch.hand_valid) and (~batch.hand_valid).any()
    # What a tested model is given of them is the same.
    assert torch.equal(net.prepare(batch.without_labels(boxes=True))[1], boxes)
    assert not net.prepare(batch.without_labels())[1].any()
    labels = mask_labels(batch)
    for s, branch in enumerate((2, 0)):
        inside = rectangles(boxes, (64, 64))[:, s] > 0
        hand = labels[:, branch] == 1
        assert (hand & inside).sum() > 0.9 * hand.sum()
    torch.manual_seed(0)
    assert not torch.equal(net.train().prepare(batch)[1], boxes)


def test_coarse_labels_are_shares() -> None:
    torch.manual_seed(0)
    logits, labels = torch.randn(2, 4, 2, 4, 4), torch.randint(0, 2, (2, 4, 16, 16), dtype=torch.uint8)
    labels[1, 2:] = IGNORED
    found = mask_losses(logits, labels, 4)
    margin = logits[:, :, 1] - logits[:, :, 0]
    share = labels.float().reshape(2, 4, 4, 4, 4, 4).mean(dim=(3, 5))
    plain = F.softplus(margin) - margin * share
    plain[1, 2:] = 0
    torch.testing.assert_close(torch.stack(list(found.values())), plain.mean(dim=(0, 2, 3)))


def test_it_learns_and_predicts(painted: Painted) -> None:
    torch.manual_seed(0)
    net, batch = network(1).train(), seen(painted)
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    totals = []
    for step in range(60):
        optimiser.param_groups[0]["lr"] = 5e-3 * min(0.1 + step / 10, 1, 2 - step / 30)
        terms = net.loss(net(*net.prepare(batch)), batch)
        total = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        totals.append(float(total.detach()))
    assert tuple(terms) == BRANCHES and totals[-1] < 0.3 * totals[0]
    model = HasmModel(net, "hasm-tiny")
    masks, untold = model.masks(batch), model.segment(net.prepare(batch)[0])
    labels = mask_labels(batch)
    for s, branch in enumerate((2, 0)):
        true = labels[:, branch] == 1
        both, either = (masks.amodal[:, s] & true).sum(), (masks.amodal[:, s] | true).sum()
        assert both / either > 0.75
    assert not torch.equal(untold.amodal, masks.amodal)


def test_settings_that_make_no_sense(tmp_path: Path) -> None:
    with pytest.raises(HandbenchError, match=r"hasm-tiny has no encoder to load .leave --pretrained out"):
        make_trainable("hasm-tiny").build(0, tmp_path)
    with pytest.raises(HandbenchError, match=r"mirror with boxes=False"):
        make_trainable("hasm-tiny", "boxes=false")
    trainable: Any = make_trainable("hasm-tiny")
    assert trainable.inputs.boxes and not make_trainable("hasm").inputs.boxes
