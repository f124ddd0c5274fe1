"""Opens a trainable as a model: weights of a file, those that ship, or random ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping
from typing import Any

from handbench.baselines.folding import fold_batch_norm
from handbench.baselines.shipped import shipped
from handbench.baselines.variants import configured
from handbench.baselines.weights import SUFFIX, check_config, load_state, read_weights
from handbench.config import to_dict
from handbench.errors import HandbenchError
from handbench.models import Model, ModelOptions


def open_trained(
    trainable: Any, options: ModelOptions, row: str, asked: Mapping[str, Any], soft: Collection[str]
) -> Model:
    """Makes a model of a trainable, whose configuration holds for the network.

    Settings that were asked for hold; then, where they change no layer, those of the file of weights; then
    those of the row.

    Args:
        trainable: a dataclass that keeps to :class:`handbench.baselines.trainable.Trainable`.
        options: what the user chose.
        row: name of the registered settings, by which weights ship.
        asked: settings that the user wrote.
        soft: names of the settings that change no layer.

    Raises:
        HandbenchError: for weights that are none, or another network's.
    """
    path = options.weights or shipped(row, options.training)
    if path is None:
        return _model(trainable, trainable.build(options.seed), options, trained=False)
    if path.suffix != SUFFIX:
        raise HandbenchError(
            f"{path} is no safetensors file", f"weights are *{SUFFIX} with a JSON beside them"
        )
    weights = read_weights(path)
    check_config(weights, to_dict(trainable.config), trainable.name, soft)
    kept = {key: value for key, value in weights.info["config"].items() if key in soft}
    trainable = dataclasses.replace(trainable, config=configured(trainable.config, kept, asked))
    network = trainable.build(options.seed)
    load_state(network, weights.state, path)
    model: Any = _model(trainable, network, options, sha256=weights.sha256)
    model.train_data = str(weights.info.get("data", ""))
    return model  # type: ignore[no-any-return]


def _model(trainable: Any, network: Any, options: ModelOptions, **more: Any) -> Model:
    model = trainable.model(network, options.device, **more)
    # It predicts; nothing is trained or saved any more.
    fold_batch_norm(model.network)
    return model  # type: ignore[no-any-return]
