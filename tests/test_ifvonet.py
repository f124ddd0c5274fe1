"""IFVONet, HandOccNet and their variants: sizes, switches, frames, labels, predictions."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from plain_dataset import PlainDataset, write_plain
from small_networks import pictures, small_config, small_network, small_trainable

from handbench.baselines.counting import count_flops, count_parameters, fake_network
from handbench.baselines.entries import COUNTS
from handbench.baselines.folding import fold_batch_norm
from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.hand_trainable import inputs_of, make_trainable
from handbench.baselines.losses import HANDOCCNET_WEIGHTS
from handbench.baselines.networks import NETWORKS, VARIANTS
from handbench.baselines.outputs import HandOutputs
from handbench.baselines.trainable import Network
from handbench.errors import HandbenchError
from handbench.loaders import Batch, batches
from handbench.models import MODELS

ABLATIONS = ["ifvonet", *(f"ifvonet:{name}" for name in VARIANTS)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(tmp_path_factory.mktemp("plain") / "p"))


@pytest.fixture(scope="module")
def labelled(plain: PlainDataset) -> Batch:
    """Right and (mirrored) left hands of two frames, augmented as in training."""
    inputs = small_trainable().train_inputs
    loop = batches(plain, inputs, batch_size=6, augment="ifvonet", shuffle=True)
    return next(iter(loop))


def test_sizes_are_the_published_ones() -> None:
    """The specification's counts in millions, from HandOccNet's layer lists."""
    with torch.device("meta"):
        parts = HandNetwork(NETWORKS["handoccnet"], inputs_of(NETWORKS["handoccnet"])).parts()
    counts = {name: count_parameters(part) for name, part in parts.items()}
    counts["fpn"] += counts.pop("gate")
    expected = {"fpn": 25.67, "fit": 4.66, "set": 2.50, "heatmaps": 3.08, "encoder": 1.79, "mano": 1.63}
    assert {name: round(count / 1e6, 2) for name, count in counts.items()} == expected
    assert sum(counts.values()) == pytest.approx(39.3e6, rel=0.01)
    assert COUNTS["handoccnet-v:siamese"][0] == pytest.approx(COUNTS["ifvonet"][0], rel=0.03)


def test_registered_counts_are_counted() -> None:
    for name, config in NETWORKS.items():
        base, _, variant = name.partition(":")
        facts = MODELS.get(base).variants[variant] if variant else MODELS.get(base)
        with torch.device("meta"):
            assert count_parameters(HandNetwork(config, inputs_of(config))) == facts.parameters, name
    for name in ("ifvonet", "handoccnet-v-tiny"):
        assert count_flops(fake_network(NETWORKS[name])) == COUNTS[name][1], name


def test_flops_by_hand() -> None:
    """Two 1x1 convolutions more, of C to C at 8 x 8 places, are 2 x 2 C^2 64."""
    own, shared = (fake_network(small_config(norm_proj=kind)) for kind in ("own", "shared"))
    assert count_flops(own) - count_flops(shared) == 2 * 2 * 16**2 * 64


SWITCHES: dict[str, tuple[str, dict[str, Any]]] = {
    # name: row, changes
    **{name: (name, {}) for name in ABLATIONS},
    "handoccnet": ("handoccnet", {}),
    "handoccnet-v": ("handoccnet-v", {}),
    "siamese": ("handoccnet-v:siamese", {}),
    "current": ("ifvonet", {"global_input": "current"}),
    "mean": ("ifvonet", {"global_input": "mean"}),
    "features": ("ifvonet", {"global_input": "features"}),
    "own backbones": ("ifvonet", {"share_frame_backbone": False}),
    "gated": ("ifvonet", {"frame_feat": "gated"}),
    "pdv own": ("ifvonet", {"pdv_share": False}),
    "pdv positions": ("ifvonet", {"pdv_positions": True}),
    "pdv residual": ("ifvonet", {"pdv_residual": True}),
    "sig literal": ("ifvonet", {"sig_norm": "none"}),
    "sig mean": ("ifvonet", {"sig_norm": "mean"}),
    "product": ("ifvonet", {"attn_combine": "mul"}),
    "no hand score": ("ifvonet", {"attn_hand": "none"}),
    "literal product": ("ifvonet:v-softmax-softmax", {"softmax_product": "literal"}),
    "sig per query": ("ifvonet", {"sig_map": "per_query"}),
    "norm per query": ("ifvonet", {"norm_map": "per_query"}),
    "norm volume": ("ifvonet", {"norm_map": "volume"}),
    "norm nam": ("ifvonet", {"norm_map": "nam"}),
    "norm shared": ("ifvonet", {"norm_proj": "shared"}),
    "gor twice": ("ifvonet", {"gor_depth": 2}),
    "gor tail": ("ifvonet", {"gor_tail": "fit_concat"}),
    "gor attended": ("ifvonet", {"gor_residual": "attended"}),
    "gor positions": ("ifvonet", {"gor_positions": True}),
    "set": ("ifvonet", {"use_set": True}),
    "vof channel": ("ifvonet", {"vof_map": "channel"}),
    "paper head": ("ifvonet", {"mano_head": "paper"}),
    "three joint": ("ifvonet:vi-3", {"pdv_three": "joint"}),
    "one frame out": ("ifvonet", {"supervise": "current"}),
    "mean offset": ("ifvonet", {"pose_offset": "hands_mean"}),
}


def gradients(row: str, changes: dict[str, Any]) -> tuple[HandOutputs, set[str], set[str]]:
    """Returns outputs, and the names of trained parameters with and without a gradient."""
    network = small_network(row, **changes)
    assert isinstance(network, Network)
    out = network(pictures(network, 3))
    weights = torch.Generator().manual_seed(1)
    torch.autograd.backward([(v * torch.randn(v.shape, generator=weights)).sum() for v in out])
    some, none = set[str](), set[str]()
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            alive = parameter.grad is not None and bool((parameter.grad != 0).any())
            (some if alive else none).add(name)
    return out, some, none


def flat(outputs: HandOutputs) -> torch.Tensor:
    return outputs.vertices[:, 0].detach().flatten()


def test_every_switch_changes_the_computation() -> None:
    """With the same seed no two settings predict the same; all that is built gets a gradient."""
    found = {name: gradients(*switch) for name, switch in SWITCHES.items()}
    for name, (_, some, none) in found.items():
        # A bias before a normalisation moves nothing.
        idle = {key for key in none if not key.endswith(("mix.bias", "reason.0.bias", "vary.0.bias"))}
        idle -= {key for key in idle if key.endswith(("conv1.bias", "conv2.bias", "encode.0.bias"))}
        assert not idle, f"{name}: {sorted(idle)[:5]}"
        assert len(some) > 100, name
    names = list(found)
    for i, first in enumerate(names):
        for second in names[:i]:
            same = torch.equal(flat(found[first][0]), flat(found[second][0]))
            assert not same, f"{first} = {second}"


@pytest.mark.parametrize(
    ("row", "has", "lacks"),
    [
        ("ifvonet", ("frame_fpns", "pdv", "vof.reason", "query_hand", "hand.bn"), ("hand.mix.nothing",)),
        ("ifvonet:iv-tf", ("query_hand",), ("frame_fpns", "pdv", "vof", "hand.bn")),
        ("ifvonet:iv-gor", ("hand.bn",), ("frame_fpns", "pdv", "vof")),
        ("ifvonet:iv-gor-pdv", ("pdv", "vof.reduce"), ("vof.reason",)),
        ("ifvonet:v-softmax-softmax", ("query_hand", "vof.reason"), ("hand.bn",)),
        ("ifvonet:v-fit", ("query_hand", "vof.reason"), ("hand.bn",)),
        ("ifvonet:v-softmax-bn", ("hand.bn", "vof.reason"), ()),
        ("ifvonet:vi-none", ("frame_fpns", "vof.reason"), ("pdv",)),
        ("ifvonet:vii-add", ("pdv", "vof.reduce"), ("vof.reason",)),
        ("ifvonet:vii-mul", ("pdv", "vof.reduce"), ("vof.reason",)),
    ],
)
def test_which_parameters_an_ablation_trains(row: str, has: tuple[str, ...], lacks: tuple[str, ...]) -> None:
    some = gradients(row, {})[1]
    for part in has:
        assert any(part in name for name in some), part
    for part in lacks:
        assert not any(f"features.{part}" in name or f".{part}" in name for name in some), part


@pytest.mark.parametrize("row", [*ABLATIONS, "handoccnet-v", "handoccnet-v:siamese"])
def test_the_previous_frame_matters(row: str) -> None:
    network = small_network(row).eval()
    images = pictures(network)
    repeated, swapped = images.clone(), images.clone()
    repeated[:, 1:] = images[:, :1]
    swapped[:, 0], swapped[:, 1] = images[:, 1], images[:, 0]
    with torch.no_grad():
        plain = flat(network(images))
        assert not torch.allclose(plain, flat(network(repeated)), atol=1e-7)
        assert not torch.allclose(plain, flat(network(swapped)), atol=1e-7)


def test_handoccnet_sees_one_frame() -> None:
    network = small_network("handoccnet")
    assert network.inputs.frames == 1 and network.features.fpn.resnet.conv1.in_channels == 3  # type: ignore[union-attr]


def test_the_seed_decides_the_weights_and_nothing_else() -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first = small_network(seed=1)
    assert torch.equal(torch.rand(1), expected)
    second, other = small_network(seed=1), small_network(seed=2)
    images = pictures(first)
    for network in (first, second, other):
        network.eval()
    with torch.no_grad():
        assert torch.equal(flat(first(images)), flat(second(images)))
        assert torch.equal(flat(first(images)), flat(first(images)))
        assert not torch.equal(flat(first(images)), flat(other(images)))


def test_the_mean_pose_is_where_training_starts() -> None:
    """All biases but that of the pose are 0, so an untrained network poses near the mean hand."""
    network = small_network(init="small").eval()
    with torch.no_grad():
        out = network(pictures(network))
    mean = network.hand.hands_mean.reshape(15, 3)
    from handbench.baselines.rotation_maps import axis_angle_from_rotations

    assert (axis_angle_from_rotations(out.pose[0, 0, 1:]) - mean).abs().max() < 0.05


@pytest.mark.parametrize("offset", ["none", "hands_mean"])
def test_targets_are_the_annotation(labelled: Batch, offset: str) -> None:
    """Joints by our layer are the dataset's, turned and mirrored with the picture; so are pixels."""
    network = small_network(tips="smplx", pose_offset=offset)
    targets = network.targets(labelled)
    assert targets.vertices.shape == (6, 2, 778, 3) and labelled.flipped.any() and not labelled.flipped.all()
    for f, labels in enumerate((labelled, *labelled.earlier)):
        for b in torch.nonzero(targets.valid[:, f])[:, 0].tolist():
            seen = labels.joints_valid[b, 0]
            assert seen.sum() == 20
            # MANO's frame: the same joints, but not translated.
            shift = labels.joints[b, 0] - targets.joints[b, f]
            torch.testing.assert_close(shift[seen], shift[seen].mean(dim=0).expand(20, 3), rtol=0, atol=2e-5)
            image = labels.joints[b, 0, seen] @ labels.K[b].T
            pixels = targets.joints_2d[b, f, seen] * 64 - 0.5
            torch.testing.assert_close(pixels, image[:, :2] / image[:, 2:], rtol=0, atol=0.05)
            assert torch.equal(targets.joints_2d_valid[b, f], seen)


@pytest.mark.parametrize("loss", ["paper_l1", "handoccnet_mse", "weighted"])
def test_losses_by_hand(labelled: Batch, loss: str) -> None:
    weights = (1.0, 2.0, 0.5, 1.0, 1.0) if loss == "weighted" else (1.0,) * 5
    loss = "paper_l1" if loss == "weighted" else loss
    network = small_network(loss=loss, loss_weights=weights)
    images = network.prepare(labelled)[0]
    assert images.shape == (6, 2, 3, 64, 64) and images.max() <= 1
    out = network(images)
    terms, targets = network.loss(out, labelled), network.targets(labelled)
    mm, px = 0.0, 0.0
    for f in range(2):
        for b in range(6):
            joints = (out.joints[b, f] - targets.joints[b, f]).detach() * targets.valid[b, f]
            pixels = (out.joints_2d[b, f] - targets.joints_2d[b, f]).detach()
            pixels = pixels * targets.joints_2d_valid[b, f, :, None]
            if loss == "paper_l1":
                mm += float(joints.abs().mean()) * 1000 / 6
                px += float(pixels.abs().mean()) * 64 / 6
            else:
                mm += float(joints.square().mean()) * 1e4 / 6
                px += float(pixels.square().mean()) * 100 / 6
    assert set(terms) == set(HANDOCCNET_WEIGHTS)
    assert terms["joints"].item() == pytest.approx(weights[1] * mm, rel=1e-4)
    assert terms["joints_2d"].item() == pytest.approx(weights[2] * px, rel=1e-4)


def test_the_loss_of_a_batch_is_the_mean_of_its_halves(labelled: Batch) -> None:
    """Also where some labels are missing: what several processes compute is what one does."""
    invalid = labelled.params_valid.clone()
    invalid[0] = False
    batch = dataclasses.replace(labelled, params_valid=invalid)
    network = small_network().eval()
    out = network(network.prepare(batch)[0])
    whole = network.loss(out, batch)
    halves = []
    for cut in (slice(0, 3), slice(3, 6)):
        part = HandOutputs(*(value[cut] for value in out))
        halves.append(network.loss(part, batch.part(cut.start, cut.stop)))
    for name, value in whole.items():
        torch.testing.assert_close(value, (halves[0][name] + halves[1][name]) / 2)
    everything = network.loss(out, labelled)
    assert whole["pose"].item() < everything["pose"].item()


def test_labels_that_are_not_valid_may_be_anything(labelled: Batch) -> None:
    broken = dataclasses.replace(
        labelled, params_valid=torch.zeros_like(labelled.params_valid),
        joints_2d=torch.full_like(labelled.joints_2d, torch.nan),
        joints_2d_valid=torch.zeros_like(labelled.joints_2d_valid),
    )  # fmt: skip
    network = small_network()
    terms = network.loss(network(network.prepare(broken)[0]), broken)
    sum(terms.values()).backward()  # type: ignore[union-attr]
    assert all(p.grad.isfinite().all() for p in network.parameters() if p.grad is not None)
    later = [terms[name].item() for name in ("vertices", "joints", "pose", "shape", "joints_2d")]
    # The second frame's labels still count.
    assert all(value > 0 for value in later)


def test_autocast_keeps_hand_and_losses_in_fp32(labelled: Batch) -> None:
    network = small_network()
    with torch.autocast("cpu", torch.bfloat16):
        out = network(*network.prepare(labelled))
    assert {value.dtype for value in out} == {torch.float32}
    assert {term.dtype for term in network.loss(out, labelled).values()} == {torch.float32}


def test_the_current_frame_in_place_of_the_earlier_one(plain: PlainDataset) -> None:
    video, control = small_trainable(), small_trainable(prev_frame="repeated")
    batch = next(iter(batches(plain, video.inputs, batch_size=4)))
    still = dataclasses.replace(batch, images=batch.images[:, :1].expand_as(batch.images))
    seen = video.model(video.build())
    found = [control.model(control.build()).predict(batch), seen.predict(still), seen.predict(batch)]
    joints = [np.stack([one.hands[0].joints for one in some]) for some in found]  # type: ignore[misc]
    assert abs(joints[0] - joints[1]).max() < 1e-6 < abs(joints[0] - joints[2]).max()


def test_predictions_come_back_to_the_picture(plain: PlainDataset) -> None:
    """A mirrored crop gives the other hand, mirrored; pixels of the crop become pixels of the picture."""
    trainable = small_trainable(tips="smplx")
    model = trainable.model(trainable.build())
    batch = next(iter(batches(plain, trainable.inputs, batch_size=4)))
    right = int((batch.side == 0).nonzero()[0])
    one = batch.part(right, right + 1)
    one = dataclasses.replace(one, flipped=torch.zeros_like(one.flipped))
    mirror = torch.tensor([[-1.0, 0, 319], [0, 1, 0], [0, 0, 1]])
    affine = one.affine @ mirror
    other = dataclasses.replace(one, flipped=torch.ones_like(one.flipped), affine=affine)
    plain_hand: Any
    mirrored: Any
    (plain_hand,), (mirrored,) = (model.predict(item)[0].hands for item in (one, other))
    assert plain_hand.side.value == "right" and mirrored.side.value == "left"
    flip = [-1, 1, 1]
    for name in ("joints", "vertices"):
        torch.testing.assert_close(
            torch.as_tensor(getattr(mirrored, name) * flip),
            torch.as_tensor(getattr(plain_hand, name)).double(),
        )
    assert abs(plain_hand.joints[0]).max() == 0
    torch.testing.assert_close(
        torch.as_tensor(319 - mirrored.joints_2d[:, 0]),
        torch.as_tensor(plain_hand.joints_2d[:, 0]),
        atol=1e-3,
        rtol=0,
    )
    with torch.no_grad():
        shares = trainable.build().eval()(one.normalised(trainable.inputs)).joints_2d[0, 0].numpy()
    placed = plain_hand.joints_2d @ one.affine[0, 0, :, :2].numpy().T + one.affine[0, 0, :, 2].numpy()
    torch.testing.assert_close(
        torch.as_tensor(placed), torch.as_tensor(shares * 64 - 0.5), atol=1e-3, rtol=0, check_dtype=False
    )


@pytest.mark.parametrize(
    ("name", "variant", "message"),
    [
        ("ifvonet", "iv-gro", "did you mean 'iv-gor'"),
        ("ifvonet-tiny", "x", "has no variant 'x'"),
        ("ifvonet", "prev_gap=0", "prev_gap=0"),
        ("ifvonet", "prev_gap=often", "a whole number"),
        ("ifvonet", "sig_nrom=none", "did you mean 'sig_norm'"),
        ("ifvonet", "frames=1", "2 or 3 frames"),
        ("ifvonet", "frames=4", "1 to 3 frames"),
        ("ifvonet", "pdv=3", "pdv=3 with frames=2"),
        ("ifvonet", "size=100", "multiple of 32"),
        ("ifvonet", "fusion=none", "which pdv or global_input"),
        ("ifvonet", "heads=3", "channels divide"),
        ("ifvonet", "hourglass_depth=6", "too often"),
        ("handoccnet", "siamese=true", "frames=1"),
    ],
)
def test_wrong_settings(name: str, variant: str, message: str) -> None:
    with pytest.raises(HandbenchError, match=message):
        make_trainable(name, variant)


def test_settings_after_the_name() -> None:
    trainable = make_trainable("ifvonet", "iv-gor-pdv,prev_gap=5,prev_crop=own,sides=right")
    assert trainable.config.fusion == "concat" and trainable.inputs.gap == 5
    assert trainable.inputs.prev_crop == "own" and not trainable.inputs.mirror_left
    assert trainable.train_inputs.supervise == "all" and trainable.inputs.supervise == "current"
    assert make_trainable("handoccnet").train_inputs.clip and not make_trainable("ifvonet").train_inputs.clip
    assert small_config().resolution == 8


@pytest.mark.parametrize("row", ["ifvonet", "handoccnet", "handoccnet-v:siamese"])
@pytest.mark.parametrize("backbone", ["resnet18", "resnet50"])
def test_folded_networks_predict_the_same(row: str, backbone: str) -> None:
    network = small_network(row, backbone=backbone).train()
    images = pictures(network, 4)
    with torch.no_grad():
        for _ in range(20):
            network(images)
        network.eval()
        norms = sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
        wanted = network(images)
        fold_batch_norm(network)
        left = sum(isinstance(module, torch.nn.BatchNorm2d) for module in network.modules())
        assert left < 0.4 * norms
        for one, other in zip(network(images), wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
        assert not torch.equal(network(images).vertices, network(images.flip(0)).vertices)


def test_compiles_as_one_graph() -> None:
    """Nothing in forward depends on numbers of the data, and torch.compile traces all of it."""
    network = small_network()
    images = pictures(network)
    compiled = torch.compile(network, backend="eager", fullgraph=True)
    torch.testing.assert_close(compiled(images).vertices, network(images).vertices, rtol=0, atol=1e-5)
