"""Weights on disk: what is refused and why, ImageNet checkpoints, published HandOccNet checkpoints."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Run
from ho3d_trees import write_tree
from safetensors.torch import save_file
from small_networks import SMALL, pictures, small_network
from torch import Tensor

from handbench.baselines import open_network as opening
from handbench.baselines import shipped as shipping
from handbench.baselines.convert_handoccnet import convert, main, our_name
from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.hand_trainable import inputs_of
from handbench.baselines.imagenet import load_imagenet
from handbench.baselines.networks import NETWORKS
from handbench.baselines.resnet import ResNet
from handbench.baselines.weights import load_state, read_tensors, read_weights, save_weights, sidecar
from handbench.errors import CorruptError, HandbenchError
from handbench.models import ModelOptions, open_model

TINY_SETTINGS = ",".join(
    f"{key}={json.dumps(value)}" for key, value in SMALL.items() if not isinstance(value, list)
)


def save_small(path: Path, row: str = "ifvonet", **changes: Any) -> HandNetwork:
    network = small_network(row, seed=5, mano_hidden=[1024, 512], **changes)
    save_weights(path, network.state_dict(), row, network.config, "ho3d:x", {"mpjpe": 1.5})
    return network


def open_small(path: Path | None, more: str = "", name: str = "ifvonet") -> Any:
    variant = ",".join(filter(None, [more, TINY_SETTINGS] if "=" not in more else [TINY_SETTINGS, more]))
    return opening.open_network(name, ModelOptions(variant, path))


def test_there_and_back(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    network = save_small(path, prev_gap=5).eval()
    model = open_small(path)
    assert model.trained and model.weights_sha256 == read_weights(path).sha256
    # What changes no layer is as it was trained, unless something else is asked for.
    assert model.inputs.gap == 5 and open_small(path, "prev_gap=10").inputs.gap == 10
    images = pictures(network)
    with torch.no_grad():
        torch.testing.assert_close(
            model.network(images).vertices, network(images).vertices, rtol=0, atol=1e-6
        )
    info = read_weights(path).info
    assert info["model"] == "ifvonet" and info["data"] == "ho3d:x" and info["metrics"] == {"mpjpe": 1.5}
    assert info["config"]["hand_model"] == "procedural" and info["code"]["handbench"]


def test_half_precision_is_half_as_large(tmp_path: Path) -> None:
    network = small_network()
    for half in (True, False):
        save_weights(tmp_path / f"{half}.safetensors", network.state_dict(), "x", network.config, half=half)
    sizes = [(tmp_path / f"{half}.safetensors").stat().st_size for half in (True, False)]
    assert sizes[0] < 0.6 * sizes[1]
    fresh = small_network(seed=1)
    load_state(fresh, read_tensors(tmp_path / "True.safetensors"), "x")
    for mine, saved in zip(fresh.parameters(), network.parameters(), strict=True):
        assert mine.dtype == torch.float32
        torch.testing.assert_close(mine, saved, rtol=1e-3, atol=1e-4)


def test_tiny_networks_ship_small(tmp_path: Path) -> None:
    for name in ("ifvonet-tiny", "handoccnet-v-tiny"):
        config = NETWORKS[name]
        state = HandNetwork(config, inputs_of(config)).state_dict()
        save_weights(tmp_path / "tiny.safetensors", state, name, config, half=True)
        assert (tmp_path / "tiny.safetensors").stat().st_size <= 8e6


def test_fp16_keeps_statistics_of_any_size(tmp_path: Path) -> None:
    network = small_network()
    state = network.state_dict()
    large = {name for name in state if name.endswith("running_var")}
    for name in large:
        state[name].fill_(1e6)
    kept = save_weights(tmp_path / "w.safetensors", state, "ifvonet", network.config, half=True).state
    assert large and all(torch.equal(kept[name], state[name]) for name in large)
    assert kept["mano.pose.weight"].dtype == torch.float16


def test_another_configuration_names_the_first_keys(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_small(path)
    with pytest.raises(HandbenchError) as caught:
        open_small(path, "iv-gor")
    assert "pdv=2 in the file, 0 asked for, fusion=dynamic in the file, none asked for" in str(caught.value)
    with pytest.raises(HandbenchError, match=r"size=64 in the file, 256 asked for.*and \d+ more"):
        opening.open_network("ifvonet", ModelOptions("", path))


def test_files_that_do_not_belong(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    network = save_small(path)
    with pytest.raises(HandbenchError, match="no file of weights"):
        read_tensors(tmp_path / "none.safetensors")
    with pytest.raises(HandbenchError, match=r"written as \*\.safetensors"):
        save_weights(tmp_path / "w.pt", network.state_dict(), "x", small_network().config)
    with pytest.raises(HandbenchError, match="not finite"):
        save_weights(
            tmp_path / "nan.safetensors", {"a": torch.tensor(torch.nan)}, "x", small_network().config
        )
    state = read_tensors(path)
    with pytest.raises(HandbenchError, match=r"holds unknown a"):
        load_state(network, {**state, "a": torch.zeros(1)}, path)
    first = next(iter(state))
    with pytest.raises(HandbenchError, match=f"lacks {first}"):
        load_state(network, {key: value for key, value in state.items() if key != first}, path)
    with pytest.raises(HandbenchError, match=rf"{first} has shape \(3,\), expected"):
        load_state(network, {**state, first: torch.zeros(3)}, path)
    save_file({key: value + 1 for key, value in state.items()}, path)
    with pytest.raises(CorruptError, match=r"not the file that w\.json was written for"):
        read_weights(path)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(HandbenchError, match="no safetensors file"):
        read_tensors(path)
    sidecar(path).write_text(sidecar(path).read_text().replace("ho3d", "ho4d"))
    save_file(state, path)
    with pytest.raises(CorruptError, match="damaged"):
        read_weights(path)
    sidecar(path).unlink()
    with pytest.raises(HandbenchError, match=r"has no w\.json beside it"):
        read_weights(path)


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.mark}",)


@pytest.mark.parametrize(
    ("form", "message"), [("torch", "holds an object, posix.system"), ("pickle", "is no torch checkpoint")]
)
def test_a_malicious_checkpoint_is_refused_in_one_line(
    tmp_path: Path, handbench: Run, form: str, message: str
) -> None:
    path, mark = tmp_path / "evil.pth", tmp_path / "mark"
    if form == "torch":
        torch.save({"network": {"a": torch.zeros(1)}, "epoch": Evil(mark)}, path)
    else:
        path.write_bytes(pickle.dumps(Evil(mark)))
    with pytest.raises(HandbenchError, match="is refused: it " + message):
        read_tensors(path)
    tree = write_tree(tmp_path / "tree").root
    done = handbench(
        "predict",
        "--model",
        "handoccnet",
        "--weights",
        path,
        "--data",
        f"ho3d:{tree}",
        "--out",
        tmp_path / "o.h5",
        check=2,
    )
    # What is said of the data comes first; the error is the last line.
    assert "is refused" in done.stderr.strip().splitlines()[-1]
    assert "Traceback" not in done.stderr and not mark.exists()


def test_other_pickles(tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    path.write_bytes(b"no checkpoint at all")
    with pytest.raises(HandbenchError, match="no torch checkpoint"):
        read_tensors(path)
    for content, message in (([1, 2], "no mapping"), ({}, "no mapping"), ({"a": 3}, "'a' is no tensor")):
        torch.save(content, path)
        with pytest.raises(HandbenchError, match=message):
            read_tensors(path)
    torch.save({"epoch": 3, "network": {"module.a": torch.ones(2)}}, path)
    assert list(read_tensors(path)) == ["a"]
    with pytest.raises(HandbenchError, match="no safetensors file, and no published HandOccNet"):
        opening.open_network("handoccnet", ModelOptions("", path))


def torchvision_state(layout: str) -> dict[str, Tensor]:
    """A checkpoint as torchvision writes it: our backbone's names, and the classifier."""
    state = {key: torch.rand(value.shape) for key, value in ResNet(layout).state_dict().items()}
    state = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    return {**state, "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}


def test_torchvision_names() -> None:
    """A sample of the published names and shapes, one of each kind."""
    state = {key: tuple(value.shape) for key, value in ResNet("resnet50").state_dict().items()}
    published = {
        "conv1.weight": (64, 3, 7, 7), "bn1.running_var": (64,), "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1), "layer1.0.downsample.1.bias": (256,),
        "layer2.3.conv2.weight": (128, 128, 3, 3), "layer3.5.bn3.weight": (1024,),
        "layer4.2.conv3.weight": (2048, 512, 1, 1), "layer4.0.downsample.0.weight": (2048, 1024, 1, 1),
    }  # fmt: skip
    assert {key: state[key] for key in published} == published
    assert len(state) == 318 and sum(p.numel() for p in ResNet("resnet50").parameters()) == 23_508_032
    assert sum(p.numel() for p in ResNet("resnet18").parameters()) == 11_176_512
    assert sum(p.numel() for p in ResNet("resnet101").parameters()) == 42_500_160


def test_imagenet_fills_every_backbone(tmp_path: Path) -> None:
    path = tmp_path / "resnet18.pth"
    state = torchvision_state("resnet18")
    torch.save(state, path)
    network = small_network(width=64)
    assert load_imagenet(network, path) == 2
    features: Any = network.features
    alone, both = features.frame_fpns[0].resnet, features.global_fpn.resnet
    torch.testing.assert_close(alone.conv1.weight, state["conv1.weight"])
    # The same picture twice gives what one gives.
    image = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(
        both.conv1(torch.cat([image, image], 1)), alone.conv1(image), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(HandbenchError, match=r"does not fit: conv1\.weight has shape"):
        load_imagenet(small_network(), path)
    with pytest.raises(HandbenchError, match="holds unknown layer1"):
        torch.save(torchvision_state("resnet50"), tmp_path / "50.pth")
        load_imagenet(small_network(width=64), tmp_path / "50.pth")
    torch.save({"conv2.weight": torch.zeros(1)}, path)
    with pytest.raises(HandbenchError, match="holds no ResNet"):
        load_imagenet(network, path)


def published_shapes() -> dict[str, tuple[int, ...]]:
    """Names and shapes of a HandOccNet checkpoint, spelt out from its layer lists (spec section 3.1)."""
    shapes: dict[str, tuple[int, ...]] = {}

    def conv(name: str, outputs: int, inputs: int, size: int = 1, bias: bool = True) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs, size, size)
        if bias:
            shapes[f"{name}.bias"] = (outputs,)

    def linear(name: str, outputs: int, inputs: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (outputs, inputs), (outputs,)

    def norm(name: str, channels: int, running: bool = True) -> None:
        for part in ("weight", "bias", *(("running_mean", "running_var") if running else ())):
            shapes[f"{name}.{part}"] = (channels,)
        if running:
            shapes[f"{name}.num_batches_tracked"] = ()

    conv("backbone.layer0.0", 64, 3, 7, bias=False)
    norm("backbone.layer0.1", 64)
    before = 64
    for stage, (count, inner) in enumerate(((3, 64), (4, 128), (6, 256), (3, 512)), start=1):
        for i in range(count):
            block = f"backbone.layer{stage}.0.{i}"
            for j, (o, n, size) in enumerate(
                ((inner, before, 1), (inner, inner, 3), (4 * inner, inner, 1)), 1
            ):
                conv(f"{block}.conv{j}", o, n, size, bias=False)
                norm(f"{block}.bn{j}", o)
            if i == 0:
                conv(f"{block}.downsample.0", 4 * inner, before, bias=False)
                norm(f"{block}.downsample.1", 4 * inner)
            before = 4 * inner
    for name, inputs in (("toplayer", 2048), ("latlayer1", 1024), ("latlayer2", 512), ("latlayer3", 256)):
        conv(f"backbone.{name}", 256, inputs)
    conv("backbone.smooth2", 256, 256, 3)
    conv("backbone.smooth3", 256, 256, 3)
    conv("backbone.attention_module.spatial.conv", 1, 2, 7, bias=False)
    norm("backbone.attention_module.spatial.bn", 1)
    for which in ("FIT", "SET"):
        for i in range(2):
            layer = f"{which}.layers.{i}"
            gates = ("encode_query2", "encode_key2") if which == "FIT" else ()
            for name in ("encode_value", "encode_query", "encode_key", *gates):
                conv(f"{layer}.{name}", 256, 256)
            norm(f"{layer}.norm2", 256, running=False)
            linear(f"{layer}.mlp.fc1", 1024, 256)
            linear(f"{layer}.mlp.fc2", 256, 1024)
            shapes[f"{layer}.q_embedding"] = shapes[f"{layer}.k_embedding"] = (1, 256, 32, 32)
    conv("FIT.conv1.0", 256, 512, 3)
    conv("FIT.conv1.2", 256, 256, 3)
    conv("FIT.conv2.0", 256, 512)
    head = "regressor.hand_regHead"
    units = [f"{head}.hg.0.hg.{level}.{j}.0" for level in range(4) for j in range(4 if level == 0 else 3)]
    for unit in (*units, f"{head}.res.0.0"):
        for j, (channels, outputs, size) in enumerate(((256, 128, 1), (128, 128, 3), (128, 256, 1)), 1):
            norm(f"{unit}.bn{j}", channels)
            conv(f"{unit}.conv{j}", outputs, channels, size)
    conv(f"{head}.fc.0.block.0", 256, 256)
    norm(f"{head}.fc.0.block.1", 256)
    conv(f"{head}.score.0", 21, 256)
    shapes[f"{head}.betas"] = (21, 1)
    shapes[f"{head}.uu"] = shapes[f"{head}.vv"] = (32, 32)
    conv("regressor.hand_Encoder.heatmap_conv", 256, 21)
    conv("regressor.hand_Encoder.encoding_conv", 256, 256)
    for i in range(8):
        unit = f"regressor.hand_Encoder.reg.{i}"
        for name, channels in (("bn", 256), ("bn1", 128), ("bn2", 128)):
            norm(f"{unit}.{name}", channels)
        for j, (channels, outputs, size) in enumerate(((256, 128, 1), (128, 128, 3), (128, 256, 1)), 1):
            conv(f"{unit}.conv{j}", outputs, channels, size)
    linear("regressor.mano_regHead.mano_base_layer.0", 1024, 1024)
    linear("regressor.mano_regHead.mano_base_layer.2", 512, 1024)
    linear("regressor.mano_regHead.pose_reg", 96, 512)
    linear("regressor.mano_regHead.shape_reg", 10, 512)
    shapes["regressor.mano_regHead.mano_layer.th_v_template"] = (1, 778, 3)
    return shapes


def test_published_names_are_all_of_ours() -> None:
    shapes = published_shapes()
    mapped = {ours: shape for name, shape in shapes.items() if (ours := our_name(name)) is not None}
    with torch.device("meta"):
        network = HandNetwork(NETWORKS["handoccnet"], inputs_of(NETWORKS["handoccnet"]))
    assert mapped == {key: tuple(value.shape) for key, value in network.state_dict().items()}
    assert len(shapes) - len(mapped) == 3
    # The finest level is the last there and the first here; an encoder unit counts its norms from none.
    assert (
        our_name("regressor.hand_regHead.hg.0.hg.3.1.0.bn1.weight") == "heatmaps.hourglass.down.0.bn1.weight"
    )
    assert (
        our_name("regressor.hand_regHead.hg.0.hg.0.3.0.conv2.bias") == "heatmaps.hourglass.bottom.conv2.bias"
    )
    assert our_name("regressor.hand_Encoder.reg.5.bn.weight") == "encoder.units.5.bn1.weight"
    with pytest.raises(HandbenchError, match=r"has no 'backbone\.layer5'"):
        convert({"backbone.layer5": torch.zeros(1)})


def test_a_published_checkpoint_becomes_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = {f"module.{name}": torch.zeros(shape) for name, shape in published_shapes().items()}
    state["module.FIT.layers.1.q_embedding"] += 3
    path, out = tmp_path / "snapshot.pth.tar", tmp_path / "handoccnet.safetensors"
    torch.save({"epoch": 69, "network": state, "optimizer": {}}, path)
    assert main([str(path), str(out)]) == 0
    weights = read_weights(out)
    assert weights.state["features.fit.layers.1.query_position.map"].mean() == 3
    config = weights.info["config"]
    assert (config["pose_offset"], config["tips"], config["hand_model"]) == ("hands_mean", "manopth", "mano")
    # Its hand is MANO's, which nobody may ship: the file says so, wherever it is opened from.
    for file in (path, out):
        with pytest.raises(HandbenchError, match="write handoccnet:hand_model=mano:DIR"):
            open_model("handoccnet", file)
        with pytest.raises(HandbenchError, match="missing"):
            open_model(f"handoccnet:hand_model=mano:{tmp_path / 'missing'}", file)
    opened: Any = open_model("handoccnet:hand_model=procedural", path)
    assert opened.tips == "manopth" and opened.network.config.pose_offset == "hands_mean"
    assert opened.network.state_dict()["features.fit.layers.1.query_position.map"].mean() == 3
    assert main(["one"]) == 2 and main([str(tmp_path / "none"), str(out)]) == 2
    assert "no file of weights" in capsys.readouterr().err


def test_random_weights_are_refused_unless_asked_for() -> None:
    with pytest.raises(HandbenchError, match="has no trained weights"):
        open_model(f"ifvonet:{TINY_SETTINGS}")
    model: Any = open_model(f"ifvonet:{TINY_SETTINGS}", random_init=True, seed=3)
    assert not model.trained and model.weights_sha256 == "" and model.parameters > 0
    assert isinstance(model.network, HandNetwork) and model.settings["size"] == 64


def test_shipped_weights_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = HandNetwork(NETWORKS["ifvonet-tiny"], inputs_of(NETWORKS["ifvonet-tiny"]))
    save_weights(
        tmp_path / "ifvonet-tiny.safetensors", network.state_dict(), "ifvonet-tiny", network.config, half=True
    )
    monkeypatch.setattr(shipping, "SHIPPED", tmp_path)
    model: Any = open_model("ifvonet-tiny:prev_gap=2")
    assert model.trained and model.inputs.gap == 2
    assert model.settings["prev_gap"] == 2
