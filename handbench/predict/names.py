"""Models and the filters that follow them, by name: ``NAME[:VARIANT][+FILTER...]``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from handbench.errors import HandbenchError
from handbench.metrics.filter_predictions import FILTERS
from handbench.model_names import base_name, split_training, split_variant
from handbench.models import MODELS, Model, check_trained, open_model


@dataclass(frozen=True)
class Opened:
    """A model that is ready.

    Attributes:
        model: the model.
        name: as the user spells it, without filters.
        filters: that follow it, in their order.
        device: that it runs on.
    """

    model: Model
    name: str
    filters: tuple[str, ...]
    device: str


def split_name(text: str) -> tuple[str, tuple[str, ...]]:
    """Splits ``NAME[:VARIANT][@TRAINING][+FILTER...]`` into the model and its filters, in their order.

    Raises:
        HandbenchError: for an unknown filter, with the nearest known one.
    """
    filters: list[str] = []
    base = text
    while "+" in base:
        front, _, last = base.rpartition("+")
        if last not in FILTERS:
            # A variant may hold a plus sign (a path), and so may a training; a model's name does not.
            if base.removeprefix(base_name(base)).startswith("+"):
                FILTERS.get(last)
            break
        base, filters = front, [last, *filters]
    return base, tuple(filters)


def with_stages(text: str, oracle: str = "", pose: str = "", boxes: str = "") -> str:
    """Returns the name of a pipeline with a stage exchanged, as if it were written after its colon.

    Args:
        text: ``NAME[:VARIANT][@TRAINING][+FILTER...]``.
        oracle: ``masks``: they are the annotation's.
        pose: a model of one hand.
        boxes: where the hands are, ``detect``; empty for what the name says.

    Raises:
        HandbenchError: for a model without such stages.
    """
    settings = ["masks=gt"] * (oracle == "masks") + [f"pose={pose}"] * bool(pose)
    settings += [f"boxes={boxes}"] * bool(boxes)
    if not settings:
        return text
    base, filters = split_name(text)
    whole, training = split_training(base)
    name, variant = split_variant(whole)
    if not MODELS.get(name).stages:
        raise HandbenchError(
            f"model {name!r} is no pipeline of stages", "leave --oracle and --pose out, or take hdr"
        )
    label = [f"@{training}"] if training else []
    return "".join(
        [f"{name}:{','.join([variant] * bool(variant) + settings)}", *label, *(f"+{f}" for f in filters)]
    )


def home_of(text: str) -> str:
    """Returns the kind of data that a model is made for, see :mod:`handbench.heldout`.

    Raises:
        HandbenchError: for an unknown model or filter.
    """
    return MODELS.get(base_name(split_name(text)[0])).home


def open_any(
    model: Model | str,
    weights: Path | str | None = None,
    device: str | None = None,
    seed: int = 0,
    random_init: bool = False,
) -> Opened:
    """Opens a model by name, or takes one that is open.

    Args:
        model: ``NAME[:VARIANT][+FILTER...]``, or a model.
        weights: file of weights.
        device: where it runs; by default a GPU where there is one and the model looks at pictures. A model
            that is open already is where it is: its ``device``, or the CPU.
        seed: of random weights.
        random_init: take a model without trained weights.

    Raises:
        HandbenchError: see :func:`handbench.models.open_model`.
    """
    if isinstance(model, str):
        base, filters = split_name(model)
        blind = MODELS.get(base_name(base)).needs != "pictures"
        chosen = device or ("cpu" if blind else _best_device())
        return Opened(open_model(base, weights, chosen, seed, random_init), base, filters, chosen)
    name = str(getattr(model, "name", type(model).__name__))
    check_trained(model, name, random_init)
    return Opened(model, name, (), device or str(getattr(model, "device", "cpu")))


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
