"""Opens SHPE or InterNet by name with its weights: those of a file, those that ship, or random ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from handbench.baselines.internet_model import InterNetModel
from handbench.baselines.internet_trainable import InterNetTrainable, make_internet
from handbench.baselines.open_network import shipped
from handbench.baselines.pose_networks import configure, soft, split_pose
from handbench.baselines.shpe_model import ShpeModel
from handbench.baselines.shpe_trainable import ShpeTrainable, make_shpe
from handbench.baselines.weights import SUFFIX, check_config, load_state, read_weights
from handbench.config import to_dict
from handbench.errors import HandbenchError
from handbench.models import ModelOptions


def make_pose(name: str, variant: str = "") -> ShpeTrainable | InterNetTrainable:
    """Makes the trainable of a name of ``pose_networks.NETWORKS`` and the text after its colon.

    Raises:
        HandbenchError: for settings that it does not have.
    """
    return make_shpe(name, variant) if name.startswith("shpe") else make_internet(name, variant)


def open_pose(name: str, options: ModelOptions) -> ShpeModel | InterNetModel:
    """Makes a model of a network.

    Settings that were asked for hold; then, where they change no layer, those of the file of weights; then
    those of the name.

    Raises:
        HandbenchError: for settings that it does not have, or weights of another network.
    """
    trainable = make_pose(name, options.variant)
    row, asked = split_pose(name, options.variant)
    path = options.weights or shipped(row, options.training)
    if path is None:
        return trainable.model(trainable.build(options.seed), options.device, trained=False)
    if path.suffix != SUFFIX:
        raise HandbenchError(
            f"{path} is no safetensors file", f"weights are *{SUFFIX} with a JSON beside them"
        )
    weights = read_weights(path)
    kind = soft(trainable.config)
    check_config(weights, to_dict(trainable.config), trainable.name, kind)
    kept = {key: value for key, value in weights.info["config"].items() if key in kind}
    config: Any = configure(row, kept, asked)
    trainable = replace(trainable, config=config)
    network = trainable.build(options.seed)
    load_state(network, weights.state, path)
    model = trainable.model(network, options.device, sha256=weights.sha256)
    model.train_data = str(weights.info.get("data", ""))
    return model
