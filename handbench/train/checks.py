"""What a run refuses before any work, and what makes it the run that it is."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np

from handbench.baselines.trainable import Trainable
from handbench.config import to_dict
from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.models import MODELS, file_sha256
from handbench.subset import Subset, is_synthetic
from handbench.train.options import Optimisation, Precision, TrainOptions

_PROBED = 1000
_FEW = 0.5


def open_trainable(options: TrainOptions) -> tuple[str, Trainable]:
    """Returns the full name of the model that is trained, and what it offers to training.

    Raises:
        HandbenchError: for an unknown model, or one that is not trained.
    """
    name, _, variant = options.model.partition(":")
    entry = MODELS.get(name)
    if entry.trainable is None:
        able = [other for other in MODELS if MODELS.get(other).trainable is not None]
        raise HandbenchError(f"model {name!r} is not trained", f"choose of {', '.join(able) or 'none'}")
    for key in ("hand_model", "vgg"):
        if getattr(options, key):
            variant = ",".join(filter(None, (variant, f"{key}={getattr(options, key)}")))
    full = f"{name}:{variant}" if variant else name
    return full, cast(Trainable, entry.trainable(variant))


def check_frames(dataset: Dataset, trainable: Trainable, quiet: bool) -> None:
    """Refuses data without earlier frames for a model that sees several.

    Raises:
        HandbenchError: naming data and model.
    """
    inputs = trainable.train_inputs
    if inputs.frames < 2:
        return
    chosen, whole = np.arange(len(dataset)), dataset
    while isinstance(whole, Subset):
        chosen, whole = np.asarray(whole.indices)[chosen], whole.whole
    probed = chosen[np.unique(np.linspace(0, len(chosen) - 1, min(_PROBED, len(chosen))).astype(int))]
    found = [whole.previous_index(int(index), inputs.gap) is not None for index in probed]
    where = f"{dataset.name} {dataset.split}"
    if not any(found):
        raise HandbenchError(
            f"{where}: no sample has a frame {inputs.gap} before it, {trainable.name} sees {inputs.frames}",
            "train on video (ho3d, synth-ho3d), choose another prev_gap, or a model of one frame",
        )
    share = float(np.mean(found))
    if share < _FEW and not quiet:
        print(
            f"{where}: {100 * share:.0f} % of the samples have a frame {inputs.gap} before them; in the"
            " others the frame itself stands for it",
            file=sys.stderr,
        )


def identity_of(
    name: str,
    trainable: Trainable,
    datasets: Sequence[Dataset],
    options: TrainOptions,
    how: Optimisation,
    precision: Precision,
) -> dict[str, Any]:
    """Returns the plain values that decide a run, in the order in which they are compared.

    What does not change what is computed, or where it is computed, is no part of it.
    """
    weights = options.mix or (None,) * len(datasets)
    return {
        "model": name,
        "config": to_dict(trainable.config),
        "inputs": to_dict(trainable.train_inputs),
        "data": {
            str(k): {**_data(dataset), "weight": weight}
            for k, (dataset, weight) in enumerate(zip(datasets, weights, strict=True))
        },
        "optimisation": to_dict(how),
        "max_minutes": options.max_minutes,
        "seed": options.seed,
        "precision": precision,
        "pretrained": _pretrained(options.pretrained),
    }


def train_data(datasets: Sequence[Dataset]) -> str:
    """Returns what a model was trained on, in words: no path."""
    made = {True: "synthetic ", False: ""}
    return " + ".join(f"{made[is_synthetic(each)]}{each.name}/{each.split}" for each in datasets)


def _data(dataset: Dataset) -> Mapping[str, Any]:
    keys = hashlib.blake2b("\0".join(dataset.keys).encode(), digest_size=8).hexdigest()
    return {
        "name": f"{dataset.name}/{dataset.split}", "fingerprint": dataset.fingerprint,
        "samples": len(dataset), "keys": keys,
    }  # fmt: skip


def _pretrained(path: Path | None) -> str:
    if path is None:
        return "none"
    if not path.is_file():
        raise HandbenchError(f"no file of weights {path}", "check --pretrained")
    return file_sha256(path)
