"""What makes HDR fast changes nothing: norms folded, layers made plain, crops of a picture at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from painted_models import there
from present import present
from small_hdrnet import scene, small_network
from test_hdr_pipeline import Centre, pipeline
from torch import Tensor, nn

from handbench.baselines import hand_crops
from handbench.baselines.detnet import DetNet
from handbench.baselines.folding import fold_batch_norm
from handbench.baselines.hasm_trainable import make_trainable
from handbench.baselines.hdr_model import HdrModel
from handbench.baselines.hdrnet_trainable import make_trainable as make_painter
from handbench.baselines.mirror_layers import MirrorConv, MirrorNorm
from handbench.baselines.shpe_trainable import make_shpe
from handbench.datasets import load_dataset
from handbench.loaders import batches
from handbench.synth.generate import SynthOptions, generate


def mask_network(name: str, variant: str) -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    network = make_trainable(name, variant).build()
    images, boxes = scene(2, 64)[0], torch.tensor([[10.0, 12, 20, 30], [30, 20, 25, 20]]).expand(2, 2, 4)
    return network, lambda n: n(images, boxes).logits


def painter() -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    images, masks = scene()
    return small_network(), lambda n: n.complete(images, masks)


def tiny_painter() -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    images, masks = scene()
    network = make_painter("hdrnet-tiny", "size=64").build()
    return network, lambda n: n.complete(images, masks)


def pose() -> tuple[nn.Module, Callable[[nn.Module], Tensor]]:
    network = make_shpe("shpe-tiny").build()
    assert isinstance(network, DetNet)
    images = scene(1, network.inputs.size[0])[0][:, None]
    return network, lambda n: torch.cat([part.flatten() for part in n(images)])


CASES: dict[str, Callable[[], tuple[nn.Module, Callable[[nn.Module], Tensor]]]] = {
    "segformer": lambda: mask_network("hasm", "b0,size=64,hidden=16"),
    "mirror": lambda: mask_network("hasm-tiny", "size=64"),
    "hdrnet": painter,
    "painter": tiny_painter,
    "detnet": pose,
}


@pytest.mark.parametrize("case", CASES)
def test_folded_networks_predict_the_same(case: str) -> None:
    network, predict = CASES[case]()
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d | MirrorNorm):
                for part, low in ((module.weight, 0.5), (module.running_var, 0.5), (module.bias, -0.2)):
                    assert part is not None
                    part.copy_(low + torch.rand(part.shape, generator=draw))
                assert module.running_mean is not None
                module.running_mean.normal_(std=0.2, generator=draw)
        network.eval()
        wanted = predict(network)
        fold_batch_norm(network)
        found = predict(network)
    assert float(wanted.std()) > 1e-3
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-3 * float(wanted.std()))
    norms = sum(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    # The first one of the mirror network follows a sum.
    assert norms == (case == "mirror")
    assert not any(isinstance(module, MirrorConv | MirrorNorm) for module in network.modules())
    fold_batch_norm(network)
    assert torch.equal(predict(network), found), "what is folded stays"


def test_several_crops_of_a_picture_are_those_one_by_one() -> None:
    draw = torch.Generator().manual_seed(0)
    pictures = torch.rand(3, 2, 40, 50, generator=draw)
    boxes = torch.tensor([[10.0, 8, 20, 24], [25, 20, 12, 20]]).repeat(3, 1)
    affines = hand_crops.crop_affines(boxes, 1.4, 24, torch.tensor([False, True]).repeat(3))
    found = hand_crops.sample(pictures, affines.reshape(3, 2, 2, 3), (24, 16))
    assert found.shape == (3, 2, 2, 16, 24)
    for i in range(3):
        one_by_one = hand_crops.sample(pictures[[i, i]], affines[2 * i : 2 * i + 2], (24, 16))
        assert torch.allclose(found[i], one_by_one, atol=1e-6)


def test_cameras_follow_their_pictures() -> None:
    K = torch.tensor([[[500.0, 2.0, 60.0], [0, 480.0, 50.0], [0, 0, 1]]])
    affine = torch.tensor([[[-0.5, 0.0, 30.0], [0.0, 0.5, 3.0]]])
    point = torch.tensor([0.1, -0.2, 1.0])
    with torch.autocast("cpu", torch.bfloat16):
        moved = hand_crops.moved_camera(K, affine)
    assert moved.dtype == torch.float32
    pixel = K[0] @ point
    expected = affine[0, :, :2] @ pixel[:2] + affine[0, :, 2]
    torch.testing.assert_close((moved[0] @ point)[:2], expected)


def test_half_precision_moves_no_pixel(tmp_path: Path) -> None:
    """Under autocast networks are rounded, places are not: half precision counts pixels up to 256."""
    generate(tmp_path, SynthOptions(renderer="raster", overrides=("size=128",)), 6, workers=0, quiet=True)
    model = pipeline("masks=gt")
    batch = next(iter(batches(load_dataset("aih", tmp_path, quiet=True), model.inputs, batch_size=6)))
    exact = HdrModel(replace(model.stages, pose=Centre()), "hdr-tiny")
    plain = exact.predict(batch)
    with torch.autocast("cpu", torch.bfloat16):
        half, own = exact.predict(batch), model.predict(batch)
    for first, second, third in zip(plain, half, own, strict=True):
        for one, other, posed in zip(first.hands, second.hands, third.hands, strict=True):
            assert np.array_equal(present(one.amodal_mask), present(other.amodal_mask))
            if one.box is not None:
                assert np.array_equal(one.box, there(other.box))
                assert np.array_equal(there(one.joints_2d), there(other.joints_2d))
                assert np.abs(present(one.image).astype(float) - present(other.image)).mean() < 2
                assert np.isfinite(there(posed.joints)).all() and there(posed.joints).any()
