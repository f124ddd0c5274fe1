"""What decides a prediction file: model, weights, data, settings. A cached file is used if all agree."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

from handbench.config import content_hash
from handbench.datasets import Dataset
from handbench.formats.predictions_fields import SCHEMA
from handbench.models import Model
from handbench.subset import Subset


def identity_of(model: Model, name: str, dataset: Dataset, filters: Sequence[str] = ()) -> dict[str, str]:
    """Returns what decides the predictions of a model on a dataset, in the order in which it is compared.

    Args:
        model: opened.
        name: as the user spells it, without filters.
        dataset: that is predicted.
        filters: that follow the model.
    """
    identity = {
        "schema": SCHEMA,
        "model": name,
        "weights": model.weights_sha256 or "none",
        "dataset": dataset.name,
        "split": dataset.split,
        "data": dataset.fingerprint,
        "samples": _keys_hash(dataset.keys),
        "data options": content_hash(_plain(_options(dataset))),
        "config": content_hash(_plain(model_settings(model, dataset))),
    }
    return {**identity, "filters": "+".join(filters)} if filters else identity


def model_settings(model: Model, dataset: Dataset) -> dict[str, Any]:
    """Returns all settings that decide predictions beside the weights."""
    return {
        "inputs": None if model.inputs is None else dataclasses.asdict(model.inputs),
        "space": model.space,
        "tips": model.tips,
        "hand_model": model.hand_model,
        "trained": model.trained,
        "settings": dict(getattr(model, "settings", {})),
        "box_source": box_source(model, dataset),
        "root_source": root_source(model),
    }


def root_source(model: Model) -> str:
    """Returns where the model says that its absolute depth is from."""
    return str(getattr(model, "root_source", ""))


def box_source(model: Model, dataset: Dataset) -> str:
    """Returns where the boxes of a model's crops are from: ``gt``, ``detected``, or empty for no boxes."""
    if model.inputs is None or model.inputs.crop == "full":
        return ""
    # InterHand2.6M's loader can take the boxes that RootNet's authors detected.
    return "gt" if getattr(_options(dataset), "boxes", "gt") == "gt" else "detected"


def _options(dataset: Dataset) -> Any:
    """Returns the options that a dataset was opened with; None where its loader does not keep them."""
    while isinstance(dataset, Subset):
        dataset = dataset.whole
    return getattr(dataset, "options", None)


def _plain(value: Any) -> Any:
    """Returns plain values that can be hashed: dataclasses as mappings, what JSON does not know as text."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _keys_hash(keys: Sequence[str]) -> str:
    digest = hashlib.blake2b("\0".join(keys).encode(), digest_size=8)
    return f"{len(keys)}:{digest.hexdigest()}"
