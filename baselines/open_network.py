"""Opens a network by name with its weights: those of a file, those that ship, or random ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from handbench.baselines.convert_handoccnet import convert, is_published, published_config
from handbench.baselines.folding import fold_batch_norm
from handbench.baselines.hand_trainable import make_trainable
from handbench.baselines.ifvonet_config import SOFT, IFVONetConfig
from handbench.baselines.network_model import NetworkModel
from handbench.baselines.networks import configure, split_variant
from handbench.baselines.shipped import shipped
from handbench.baselines.weights import SUFFIX, check_config, load_state, read_tensors, read_weights
from handbench.config import to_dict
from handbench.errors import HandbenchError
from handbench.models import ModelOptions, file_sha256


class _Stored(NamedTuple):
    """A file of weights: its tensors, the settings to build with, its hash, what it was trained on."""

    state: dict[str, Tensor]
    config: IFVONetConfig
    sha256: str
    train_data: str = ""


def open_network(name: str, options: ModelOptions) -> NetworkModel:
    """Makes a model of a network.

    Settings that were asked for hold; then, where they change no layer, those of the file of weights; then
    those of the name.

    Raises:
        HandbenchError: for an unknown variant, weights of another network, or a hand model that is missing.
    """
    row, asked = split_variant(name, options.variant)
    trainable = make_trainable(name, options.variant)
    path = options.weights or shipped(row, options.training)
    if path is None:
        return trainable.model(trainable.build(options.seed), options.device, trained=False)
    stored = _stored(row, asked, path, trainable.name)
    if stored.config.hand_model == "mano":
        raise HandbenchError(f"{path} is of MANO", f"write {name}:hand_model=mano:DIR, DIR with MANO_RIGHT")
    trainable = replace(trainable, config=stored.config)
    network = trainable.build(options.seed)
    load_state(network, stored.state, path)
    model = trainable.model(network, options.device, sha256=stored.sha256)
    model.train_data = stored.train_data
    fold_batch_norm(model.network)
    return model


def _stored(row: str, asked: Mapping[str, Any], path: Path, name: str) -> _Stored:
    """Reads a file of weights for a network."""
    if path.suffix != SUFFIX:
        state = read_tensors(path)
        if row != "handoccnet" or not is_published(state):
            raise HandbenchError(
                f"{path} is no safetensors file, and no published HandOccNet for {name!r}",
                f"weights are *{SUFFIX} with a JSON beside them",
            )
        published = to_dict(published_config(configure(row, asked)))
        return _Stored(convert(state), configure(row, published, asked), file_sha256(path))
    weights = read_weights(path)
    check_config(weights, to_dict(configure(row, asked)), name, SOFT)
    kept = {key: value for key, value in weights.info["config"].items() if key in SOFT}
    return _Stored(
        weights.state, configure(row, kept, asked), weights.sha256, str(weights.info.get("data", ""))
    )
