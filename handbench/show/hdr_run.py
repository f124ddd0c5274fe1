"""Runs a pipeline on the samples or pictures that were named, and writes the figure of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from handbench.datasets import DataRef, Dataset
from handbench.errors import HandbenchError
from handbench.model_names import base_name
from handbench.models import MODELS, Model
from handbench.predict import open_any, split_name
from handbench.predict.names import with_stages
from handbench.show.compare_run import MOST_KEYS, find_keys
from handbench.show.hdr_figure import draw_figure
from handbench.show.hdr_gather import gather
from handbench.show.hdr_strip import Strip
from handbench.show.sheet import write_png
from handbench.types import Side


def draw_strips(
    what: Sequence[str],
    data: str | None,
    model: str,
    weights: Path | None,
    oracle: str,
    pose: str,
    random_init: bool,
    device: str | None,
    out: Path,
) -> list[str]:
    """Writes the figure of a pipeline.

    Args:
        what: keys of samples, or ends of them; without data the files of pictures.
        data: reference to data, or None.
        model: a pipeline, ``NAME[:VARIANT]``.
        weights: folder of its stages' weights.
        oracle: ``masks`` takes them from the annotation.
        pose: another pose stage, or empty.
        random_init: take random weights.
        device: where it runs.
        out: the PNG.

    Returns:
        Lines that say what was drawn.

    Raises:
        HandbenchError: for what cannot be used.
    """
    if out.suffix.lower() != ".png":
        raise HandbenchError(f"--out {out}: a figure is a PNG", "give a name that ends in .png")
    base, filters = split_name(model)
    name = base_name(base)
    if not MODELS.get(name).stages:
        raise HandbenchError(f"model {name!r} is no pipeline of stages", "take hdr or hdr-tiny")
    if filters:
        raise HandbenchError(f"{model}: a filter needs videos", f"leave +{filters[0]} out")
    dataset, rows = _open(what, data)
    # Nobody said where the hands are.
    chosen = with_stages(base, oracle, pose, "" if data is not None else "detect")
    opened = open_any(chosen, weights, device, random_init=random_init)
    strips = gather(dataset, rows, opened.model)
    about, warning = _about(opened.model)
    figure = draw_figure(strips, opened.name, about, warning)
    write_png(figure, out)
    size = f"{figure.shape[1]} x {figure.shape[0]} px"
    first = f"{out}: {len(strips)} of {dataset.name}, {opened.name}, {size}"
    return [first, *([warning] if warning else []), *map(_line, strips)]


def _about(model: Model) -> tuple[str, str]:
    """Returns what a pipeline was trained on, and why it is not to be trusted here, or empty texts."""
    trained_on, untrained = str(getattr(model, "train_data", "")), ", ".join(getattr(model, "untrained", ()))
    about = f"trained on {trained_on}" if trained_on else ""
    if untrained:
        return about, f"random weights of {untrained}: what it says means nothing"
    settings: Any = getattr(model, "settings", {})
    masks = settings.get("stages", {}).get("hasm", {})
    if settings.get("boxes") == "detect" and masks.get("boxes"):
        return about, (
            f"{settings['hasm']} was trained with boxes; without them it makes hands up: "
            "--data images:FOLDER@boxes=FILE tells them"
        )
    return about, ""


def _open(what: Sequence[str], data: str | None) -> tuple[Dataset, list[int]]:
    if data is not None:
        dataset = DataRef.parse(data).open()
        return dataset, find_keys(dataset, what)
    if len(what) > MOST_KEYS:
        raise HandbenchError(f"{len(what)} pictures", f"name 1 to {MOST_KEYS}")
    from handbench.loaders.own_loose import LoosePictures

    pictures = LoosePictures([Path(word).expanduser() for word in what])
    return pictures, list(range(len(pictures)))


def _line(strip: Strip) -> str:
    predicted = strip.rows[0]
    words = []
    for i, side in enumerate(Side):
        likely = "" if strip.handedness is None else f" ({100 * strip.handedness[i]:.0f} % likely)"
        words.append(
            f"{side.value} hand{likely}" if side in predicted.hands else f"no {side.value} hand{likely}"
        )
    return f"  {strip.key}: {', '.join(words)}"
