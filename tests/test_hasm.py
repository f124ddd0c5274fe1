"""HASM: sizes, decoder and losses beside plain ones, labels by side under flips, masks as predictions."""

from __future__ import annotations

import dataclasses
import functools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from painted_dataset import FRAMES, Painted, PaintedOptions, paint
from torch import Tensor
from torch.nn import functional as F

from handbench.arrays import BoolArray
from handbench.baselines.counting import count_forward, count_parameters
from handbench.baselines.hasm import (
    IGNORED,
    HasmNetwork,
    HasmOutputs,
    MaskDecoder,
    decode_masks,
    mask_labels,
    mask_losses,
)
from handbench.baselines.hasm_config import BRANCHES, MIT, NETWORKS, HasmConfig
from handbench.baselines.hasm_entries import COUNTS
from handbench.baselines.hasm_model import HasmModel, mask_box
from handbench.baselines.hasm_trainable import HASM_RECIPE, HasmTrainable, inputs_of, make_trainable
from handbench.baselines.mit import STRIDES, MixTransformer, load_mit
from handbench.baselines.trainable import Network
from handbench.baselines.weights import save_weights
from handbench.errors import HandbenchError
from handbench.formats.predictions import read_predictions
from handbench.inputs import MASKS
from handbench.loaders import Augment, Batch, batches
from handbench.metrics.masks import unpack_masks
from handbench.models import MODELS, open_model
from handbench.placing import points_to_picture
from handbench.predict import predict
from handbench.predictions import Prediction
from handbench.types import HandAnnotation, Sample, Side

SIDES = (Side.RIGHT, Side.LEFT)
FLIPPED = Augment(scale=0.2, rotation=0.5, p_rotation=0.5, p_flip=0.5)
SMALL = HasmConfig(mit="tiny", size=64, hidden=8, scale=1.25, drop_path=0.0, least=0.0)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Painted:
    return Painted(paint(tmp_path_factory.mktemp("painted") / "p"), PaintedOptions())


def small(seed: int = 0, **changes: Any) -> HasmTrainable:
    return HasmTrainable("hasm", dataclasses.replace(SMALL, **changes), HASM_RECIPE)


def labelled(dataset: Painted, augment: Augment | None = None, **changes: Any) -> Batch:
    inputs = small(**changes).train_inputs
    return next(iter(batches(dataset, inputs, FRAMES, augment or FLIPPED, seed=3)))


def test_sizes_are_the_published_ones() -> None:
    """SegFormer's table 6 has the encoders in millions; the decoder is counted by hand."""
    published = {"b1": 13.1, "b2": 24.2, "b3": 44.0, "b4": 60.8, "b5": 81.4}
    for name, config in NETWORKS.items():
        with torch.device("meta"):
            network = HasmNetwork(config, inputs_of(config))
        base, _, variant = name.partition(":")
        entry = MODELS.get(base)
        assert count_parameters(network) == (entry.variants[variant] if variant else entry).parameters, name
        if variant in published:
            found = count_parameters(network.encoder) / 1e6
            assert found == pytest.approx(published[variant], abs=0.1), name
    branch = 1024 * 256 + 2 * 256 + 256 * 2 + 2
    decoder = MaskDecoder((64, 128, 320, 512), 256, 0.1)
    assert count_parameters(decoder) == (64 + 128 + 320 + 512 + 4) * 256 + 4 * branch
    assert NETWORKS["hasm"] == NETWORKS["hasm:b5"]
    for name in ("hasm:b0", "hasm-tiny"):
        config = NETWORKS[name]
        size = (1, 3, config.size, config.size)
        assert count_forward(functools.partial(HasmNetwork, config, inputs_of(config)), size) == COUNTS[name]


def test_tiny_ships_small(tmp_path: Path) -> None:
    network = make_trainable("hasm-tiny").build()
    path = tmp_path / "tiny.safetensors"
    save_weights(path, network.state_dict(), "hasm-tiny", network.config, half=True)
    assert path.stat().st_size < 8e6


def test_the_decoder_is_four_separate_branches() -> None:
    torch.manual_seed(0)
    decoder = MaskDecoder((4, 6, 10, 16), 5, 0.3).eval()
    for tensor in (*decoder.parameters(), decoder.norm.running_mean, decoder.norm.running_var):
        assert tensor is not None
        tensor.data.uniform_(0.1, 1.0).mul_(torch.randn(tensor.shape).sign() if tensor.ndim > 1 else 1)
    maps = [torch.randn(2, c, 16 // 2**k, 16 // 2**k) for k, c in enumerate((4, 6, 10, 16))]
    enlarged = []
    for project, features in zip(decoder.project, maps, strict=True):
        assert isinstance(project, torch.nn.Conv2d)
        tokens = F.linear(features.permute(0, 2, 3, 1), project.weight[:, :, 0, 0], project.bias)
        enlarged.append(F.interpolate(tokens.permute(0, 3, 1, 2), (16, 16), mode="bilinear"))
    joined = torch.cat(enlarged[::-1], dim=1)
    assert decoder.norm.running_mean is not None and decoder.norm.running_var is not None
    found = decoder(maps)
    assert found.shape == (2, 4, 2, 16, 16)
    for k in range(4):
        own, two = slice(5 * k, 5 * k + 5), slice(2 * k, 2 * k + 2)
        hidden = F.conv2d(joined, decoder.fuse.weight[own])
        mean, var = decoder.norm.running_mean[own], decoder.norm.running_var[own]
        hidden = F.relu(
            F.batch_norm(hidden, mean, var, decoder.norm.weight[own], decoder.norm.bias[own], eps=1e-5)
        )
        assert decoder.classify.bias is not None
        plain = F.conv2d(hidden, decoder.classify.weight[two], decoder.classify.bias[two])
        torch.testing.assert_close(found[:, k], plain)


def test_the_encoder_is_the_librarys() -> None:
    from transformers.models.segformer import SegformerConfig, SegformerModel

    encoder = MixTransformer(MIT["tiny"], drop_path=0.1).eval()
    settings = SegformerConfig(hidden_sizes=list(MIT["tiny"].widths), depths=list(MIT["tiny"].depths))
    whole: Any = SegformerModel(settings)
    whole.eval()
    whole.stages.load_state_dict(encoder.stages.state_dict())
    images = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        found, expected = encoder(images), whole(images, output_hidden_states=True).hidden_states
    assert expected is not None and len(found) == len(expected) == 4
    for k, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        assert mine.shape == (2, MIT["tiny"].widths[k], 64 // STRIDES[k], 96 // STRIDES[k])
        torch.testing.assert_close(mine, theirs)
        # What comes next wants it so.
        assert mine.is_contiguous(memory_format=torch.channels_last)


def test_losses_are_four_cross_entropies() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 2, 8, 8, requires_grad=True)
    labels = torch.randint(0, 2, (3, 4, 32, 32), dtype=torch.uint8)
    labels[0, 1], labels[2, :, :7] = IGNORED, IGNORED
    terms = mask_losses(logits, labels)
    assert tuple(terms) == BRANCHES == ("l_amodal", "l_visible", "r_amodal", "r_visible")
    plain = []
    for k in range(4):
        large = F.interpolate(logits[:, k], (32, 32), mode="bilinear")
        total = F.cross_entropy(large, labels[:, k].long(), ignore_index=IGNORED, reduction="sum")
        plain.append(total / labels[:, k].numel())
    torch.testing.assert_close(torch.stack(list(terms.values())), torch.stack(plain))
    # The loss of a batch is the mean of those of its items; what is unknown moves nothing.
    items = torch.stack([whole(mask_losses(logits[i : i + 1], labels[i : i + 1])) for i in range(3)])
    torch.testing.assert_close(whole(terms), items.mean())
    (gradient,) = torch.autograd.grad(whole(terms), logits)
    assert not gradient[0, 1].any() and gradient[0, 0].all() and not gradient[2, :, :, 0].any()


def test_gradients_reach_all() -> None:
    network = small().build()
    assert isinstance(network, Network)
    labels = torch.randint(0, 2, (2, 4, 64, 64), dtype=torch.uint8)
    out = network(torch.randn(2, 3, 64, 64))
    assert isinstance(out, HasmOutputs) and out.logits.shape == (2, 4, 2, 16, 16)
    whole(mask_losses(out.logits, labels)).backward()  # type: ignore[no-untyped-call]
    # Biases of keys move nothing under a softmax, but for rounding.
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert not [name for name in still if not name.endswith("k_proj.bias")]


def whole(terms: dict[str, Tensor]) -> Tensor:
    return torch.stack(list(terms.values())).sum()


def warped(mask: BoolArray, affine: Tensor) -> BoolArray:
    flat = cv2.warpAffine(
        mask.astype(np.uint8), affine.numpy().astype(float), (64, 64), flags=cv2.INTER_NEAREST
    )
    return np.asarray(flat, bool)


def plain_labels(dataset: Painted, batch: Batch, i: int) -> Iterator[tuple[str, BoolArray]]:
    """The true masks of one item, warped as its picture was, by the side that they look like."""
    sample = dataset.read(dataset.keys.index(batch.keys[i]))
    for side in SIDES:
        shown = side.other if batch.flipped[i] else side
        hand = sample.hand(side)
        for kind in ("amodal", "visible"):
            ref = None if hand is None else getattr(hand, f"{kind}_mask")
            mask = np.zeros((64, 64), bool) if ref is None else warped(ref.read(), batch.affine[i, 0])
            yield f"{shown.value[0]}_{kind}", mask


@pytest.mark.parametrize("crop", ["pair", "full"])
def test_labels_change_sides_in_mirrored_pictures(painted: Painted, crop: str) -> None:
    batch = labelled(painted, crop=crop)
    assert 3 < batch.flipped.sum() < 11 and batch.mask_names == MASKS
    labels = mask_labels(batch)
    assert labels.dtype == torch.uint8 and labels.shape == (FRAMES, 4, 64, 64)
    alone = set()
    for i in range(FRAMES):
        for name, expected in plain_labels(painted, batch, i):
            found = labels[i, BRANCHES.index(name)].numpy()
            # The absent hand's are 0, not unknown.
            assert set(np.unique(found)) <= {0, 1} and np.array_equal(found == 1, expected), (i, name)
            s, kind = "rl".index(name[0]), name[2:]
            assert expected.any() == batch.hand_valid[i, s]
            if kind == "amodal" and expected.any():
                x, y, w, h = batch.box[i, s].tolist()
                rows, columns = np.nonzero(expected)
                assert x - 1 <= columns.min() and columns.max() <= x + w + 1
                assert y - 1 <= rows.min() and rows.max() <= y + h + 1
            if not expected.any():
                alone.add((bool(batch.flipped[i]), name))
    # Of a picture of a right hand alone the left one is absent, mirrored the right one.
    assert alone == {
        (flip, f"{'r' if flip else 'l'}_{kind}") for flip in (False, True) for kind in ("amodal", "visible")
    }


class Unmasked(Painted):
    """The same without masks of some sides."""

    without: tuple[Side, ...] = ()

    def read(self, index: int) -> Sample:
        sample = super().read(index)

        def bare(hand: HandAnnotation) -> HandAnnotation:
            return dataclasses.replace(hand, amodal_mask=None, visible_mask=None)

        hands = tuple(bare(hand) if hand.side in self.without else hand for hand in sample.hands)
        return dataclasses.replace(sample, hands=hands)


def test_what_has_no_mask_is_unknown(painted: Painted) -> None:
    some = Unmasked(painted.root, PaintedOptions())
    some.without = (Side.RIGHT,)
    batch = labelled(some, Augment(scale=0, p_rotation=0))
    left, right = mask_labels(batch)[:, :2], mask_labels(batch)[:, 2:]
    assert (right == IGNORED).all()
    both = batch.hand_valid.all(dim=1)
    assert (left[both] <= 1).all() and left[both].flatten(2).any(dim=2).all()
    # An absent hand beside one of unknown masks: such data may leave hands out.
    assert 3 < both.sum() < FRAMES and (left[~both] == IGNORED).all()
    some.without = SIDES
    network = small().build()
    batch = labelled(some)
    with pytest.raises(HandbenchError, match="none of the hands of the first 14 items has a mask"):
        network.loss(network(*network.prepare(batch)), batch)


def test_it_learns_and_predicts(painted: Painted, tmp_path: Path) -> None:
    """From painted pictures, through the batcher: masks of both hands, none of the absent one."""
    trainable = small(hidden=32, dropout=0.0, scale=1.0)
    network = trainable.build(1).train()
    batch = labelled(painted, Augment(scale=0, p_rotation=0), scale=1.0)
    optimiser = torch.optim.AdamW(network.parameters(), lr=6e-3)
    losses = []
    for step in range(50):
        optimiser.param_groups[0]["lr"] = 6e-3 * min(0.1 + step / 10, 1, 2 - step / 25)
        terms = network.loss(network(*network.prepare(batch)), batch)
        total = whole(terms)
        optimiser.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        losses.append(float(total.detach()))
    # A tenth of the pixels is a hand at the start; more of this picture is.
    assert 4 * np.log(1 / 0.9) < losses[0] < 4 * np.log(2) and losses[-1] < 0.1 * losses[0]
    predict(trainable.model(network), painted, tmp_path / "p.h5", quiet=True)
    found = read_predictions(tmp_path / "p.h5")
    assert found.mask_size == (64, 64) and found.crop is not None and found.handedness is not None
    for s, side in enumerate(SIDES):
        true = [painted.read(i).hand(side) for i in range(FRAMES)]
        there = np.array([hand is not None for hand in true])
        column = found.hands[side]
        assert column.has_mask is not None and column.has_mask.all() and column.box is not None
        for name in ("amodal_mask", "visible_mask"):
            packed = getattr(column, name)
            masks = unpack_masks(packed, (64, 64))
            assert np.array_equal(masks.any(axis=(1, 2)), there)
            expected = [
                warped(getattr(true[i], name).read(), torch.from_numpy(found.crop[i]))
                for i in np.flatnonzero(there).tolist()
            ]
            assert np.mean(list(map(overlap, masks[there], expected))) > 0.8, (side, name)
        assert np.array_equal(found.handedness[:, s] > 0.5, there)
        assert np.array_equal(np.isfinite(column.box).all(axis=1), there)
        boxes = [hand.box for hand in true if hand is not None]
        assert np.abs(column.box[there] - boxes).max() < 8


def overlap(a: BoolArray, b: BoolArray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_masks_are_the_likelier_class() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 2, 8, 8)
    logits[2, :, 1] -= 20
    found = decode_masks(logits, (32, 48))
    for hand, pair in enumerate((("r_amodal", "r_visible"), ("l_amodal", "l_visible"))):
        for mask, branch in zip((found.amodal, found.visible), pair, strict=True):
            large = F.interpolate(logits[:, BRANCHES.index(branch)], (32, 48), mode="bilinear")
            assert torch.equal(mask[:, hand], large.argmax(dim=1) == 1)
    assert torch.equal(found.presence > 0.5, found.amodal.flatten(2).any(dim=2))
    assert not found.amodal[2].any() and (found.presence[2] < 1e-3).all()


def test_a_few_pixels_are_no_hand() -> None:
    logits = torch.zeros(1, 4, 2, 32, 32)
    logits[:, :, 0] = 4.0
    logits[:, 2:, 0, :3, :3], logits[:, :2, 0, :8, :8] = -4.0, -4.0
    kept, least = decode_masks(logits, (32, 32)), decode_masks(logits, (32, 32), least=0.02)
    assert kept.amodal.flatten(2).sum(2).tolist() == [[9, 64]]
    # A fiftieth of the picture is 20 pixels.
    assert least.amodal.flatten(2).sum(2).tolist() == least.visible.flatten(2).sum(2).tolist() == [[0, 64]]
    assert least.presence[0, 0] < 0.5 < least.presence[0, 1]


def test_a_mirrored_picture_is_predicted_of_the_other_hands(painted: Painted) -> None:
    model = HasmModel(small().build(2), "hasm")
    batch = labelled(painted).without_labels()
    one, other = (model.predict(b) for b in (batch, dataclasses.replace(batch, flipped=~batch.flipped)))
    shown = model.masks(batch)
    for i, (a, b) in enumerate(zip(one, other, strict=True)):
        assert a.handedness is not None and b.handedness is not None
        assert np.array_equal(a.handedness, b.handedness[::-1])
        for hand in a.hands:
            twin = next(found for found in b.hands if found.side is hand.side.other)
            assert hand.amodal_mask is not None and twin.amodal_mask is not None
            assert np.array_equal(hand.amodal_mask, twin.amodal_mask)
            s = SIDES.index(hand.side.other if batch.flipped[i] else hand.side)
            assert np.array_equal(hand.amodal_mask, shown.amodal[i, s].numpy())
            check_box(a, hand.box, hand.amodal_mask)


def check_box(prediction: Prediction, box: Any, mask: BoolArray) -> None:
    """The box is about all pixels of the mask, in the original picture."""
    assert prediction.crop is not None
    if box is None:
        assert not mask.any() and mask_box(mask) is None
        return
    points = points_to_picture(np.argwhere(mask)[:, ::-1].astype(float), prediction.crop)
    assert (points >= box[:2]).all() and (points <= box[:2] + box[2:]).all()


def test_box_of_a_mask() -> None:
    mask = np.zeros((9, 7), bool)
    mask[2, 3] = mask[5, 4] = True
    assert mask_box(mask) is not None and np.array_equal(mask_box(mask), [2.5, 1.5, 2, 4])  # type: ignore[arg-type]


def test_weights_there_and_back(tmp_path: Path) -> None:
    network = make_trainable("hasm-tiny", "least=0.01").build(4)
    path = tmp_path / "w.safetensors"
    save_weights(path, network.state_dict(), "hasm-tiny:least=0.01", network.config, "aih:x")
    model: Any = open_model("hasm-tiny", path)
    assert model.trained and model.train_data == "aih:x" and model.settings["least"] == 0.01
    assert open_model("hasm-tiny:least=0.03", path).settings["least"] == 0.03  # type: ignore[attr-defined]
    images = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        found, expected = model.network(images).logits, network.eval()(images).logits
    # Its norms are folded.
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
    with pytest.raises(HandbenchError, match=r"=mirror in the file, segformer asked .*open it as hasm-tiny"):
        open_model("hasm:b0", path)
    (tmp_path / "w.pth").write_bytes(b"x")
    with pytest.raises(HandbenchError, match="is no safetensors file"):
        open_model("hasm-tiny", tmp_path / "w.pth")
    with pytest.raises(HandbenchError, match="'hasm' has no trained weights"):
        open_model("hasm")


def test_the_seed_decides() -> None:
    before = torch.get_rng_state()
    one, same, other = (small().build(seed).state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(one[key], same[key]) for key in one)
    assert not torch.equal(one["encoder.stages.0.patch_embeddings.proj.weight"],
                           other["encoder.stages.0.patch_embeddings.proj.weight"])  # fmt: skip


def test_a_local_encoder(tmp_path: Path) -> None:
    from transformers.models.segformer import SegformerConfig, SegformerForImageClassification

    mit = MIT["tiny"]
    settings = SegformerConfig(hidden_sizes=list(mit.widths), depths=list(mit.depths))
    SegformerForImageClassification(settings).save_pretrained(tmp_path / "mit")
    network = small().build(0, tmp_path / "mit")
    again = small().build(1, tmp_path / "mit" / "model.safetensors")
    fresh = small().build(0)
    for key, value in network.encoder.state_dict().items():
        assert torch.equal(value, again.encoder.state_dict()[key])
    name = "stages.2.blocks.0.attention.q_proj.weight"
    assert not torch.equal(network.encoder.state_dict()[name], fresh.encoder.state_dict()[name])
    assert torch.equal(network.decoder.fuse.weight, fresh.decoder.fuse.weight)
    with torch.device("meta"):
        large = MixTransformer(MIT["b1"])
    with pytest.raises(HandbenchError, match="mit does not fit"):
        load_mit(large, tmp_path / "mit")
    with pytest.raises(HandbenchError, match="no config"):
        load_mit(fresh.encoder, tmp_path)
    (tmp_path / "mit" / "model.safetensors").unlink()
    with pytest.raises(HandbenchError, match="holds no SegFormer"):
        load_mit(fresh.encoder, tmp_path / "mit")


def test_without_transformers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name == "transformers" or name.startswith("transformers."):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(HandbenchError, match=r"needs transformers \(pip install handbench\[hdr\]\)"):
        small().build()


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        ("b7", "no variant 'b7'"),
        ("size=100", "size=100 .give a multiple of 32"),
        ("hidden=0", "hidden=0"),
        ("dropout=1.0", "dropout=1.0 .a share"),
        ("mit=b9", "'mit' is 'b9'"),
        ("depth=3", "unknown key 'depth'"),
        ("coarse=3", "coarse=3 .choose 1, 2 or 4"),
        ("boxes=true", "segformer with boxes=True"),
    ],
)
def test_settings_that_make_no_sense(variant: str, words: str) -> None:
    make = MODELS.get("hasm").trainable
    assert make is not None
    with pytest.raises(HandbenchError, match=words):
        make(variant)
