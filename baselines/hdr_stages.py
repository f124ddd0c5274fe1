"""Opens the stages of the pipeline HDR, each with its own weights."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handbench.baselines.hasm_model import HasmModel
from handbench.baselines.hdr_config import HDRS, HdrConfig
from handbench.baselines.hdrnet_config import HDRNETS, HDRNetConfig, configure
from handbench.baselines.hdrnet_model import HDRNetModel
from handbench.baselines.variants import configured, split_row
from handbench.baselines.weights import SUFFIX
from handbench.errors import HandbenchError
from handbench.model_names import base_name, split_training, split_variant
from handbench.models import MODELS, ModelOptions, open_model


@dataclass(frozen=True)
class Stages:
    """The models of a pipeline; None where its settings ask for none.

    Attributes:
        config: of the pipeline.
        hasm: pictures to masks.
        holes: settings that say which holes there are, and how large a hand's crop is.
        hdrnet: fills them.
        pose: crops of one hand to its pose.
    """

    config: HdrConfig
    hasm: HasmModel | None
    holes: HDRNetConfig
    hdrnet: HDRNetModel | None
    pose: Any

    @property
    def models(self) -> dict[str, Any]:
        """Those that there are, by stage."""
        found = {"hasm": self.hasm, "hdrnet": self.hdrnet, "pose": self.pose}
        return {stage: model for stage, model in found.items() if model is not None}

    @property
    def told(self) -> bool:
        """Whether the mask network takes the hands' boxes."""
        return self.hasm is not None and self.hasm.inputs.boxes

    @property
    def weights_sha256(self) -> str:
        """Of all stages."""
        parts = [f"{stage}:{model.weights_sha256}" for stage, model in self.models.items()]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def hdr_config(name: str, options: ModelOptions) -> HdrConfig:
    """Returns the settings of ``NAME:VARIANT@TRAINING``; the training is that of the pose stage.

    Raises:
        HandbenchError: for an unknown row, or settings that it does not have.
    """
    row, asked = split_row(HDRS, name, options.variant)
    config = configured(HDRS[row], asked)
    return replace(config, pose=f"{config.pose}@{options.training}") if options.training else config


def open_stages(name: str, options: ModelOptions) -> Stages:
    """Opens what a pipeline is made of.

    A stage's weights are ``STAGE.safetensors`` or ``STAGE/weights.safetensors`` in the folder of weights,
    ``STAGE`` being its name (``hasm-tiny``) or that without its size (``hasm``); else those that ship.

    Raises:
        HandbenchError: for settings that it does not have, a pose stage that does not see one hand in one
            frame, or a folder in which there is nothing for any stage.
    """
    config = hdr_config(name, options)
    wanted = [config.pose]
    wanted += [config.hasm] if config.masks == "hasm" else []
    wanted += [config.hdrnet] if config.fill == "hdrnet" else []
    folder = options.weights
    if folder is not None and not any(_stage_file(folder, stage) for stage in wanted):
        words = ", ".join(f"{base_name(stage)}{SUFFIX}" for stage in wanted)
        raise HandbenchError(f"{folder} has no weights of a stage of {name}", f"put there {words}")

    def stage(which: str) -> Any:
        weights = None if folder is None else _stage_file(folder, which)
        return open_model(which, weights, options.device, options.seed, random_init=True)

    row, asked = split_row(HDRNETS, *split_variant(split_training(config.hdrnet)[0]))
    hasm = stage(config.hasm) if config.masks == "hasm" else None
    hdrnet = stage(config.hdrnet) if config.fill == "hdrnet" else None
    pose = stage(config.pose)
    _check_pose(config.pose, pose)
    holes = configure(row, asked) if hdrnet is None else hdrnet.network.config
    return Stages(config, hasm, holes, hdrnet, pose)


def untrained(stages: Stages) -> Sequence[str]:
    """Returns the names of the stages that have random weights."""
    names = {"hasm": stages.config.hasm, "hdrnet": stages.config.hdrnet, "pose": stages.config.pose}
    return [names[stage] for stage, model in stages.models.items() if not model.trained]


def _stage_file(folder: Path, stage: str) -> Path | None:
    base = base_name(stage)
    exact = split_training(stage)[0].replace(":", "-")
    names = dict.fromkeys((exact, base, base.removesuffix("-tiny")))
    paths = [
        folder / form.format(name) for name in names for form in (f"{{}}{SUFFIX}", f"{{}}/weights{SUFFIX}")
    ]
    return next((path for path in paths if path.is_file()), None)


def _check_pose(name: str, pose: Any) -> None:
    """Refuses a pose stage that crops of one hand are not enough for."""
    inputs = pose.inputs
    entry = MODELS.get(base_name(name))
    if inputs is None or inputs.crop != "hand" or entry.needs != "pictures":
        raise HandbenchError(f"pose={name!r} looks at no crops of one hand", "name shpe or handoccnet")
    if inputs.frames != 1:
        raise HandbenchError(
            f"pose={name!r} looks at {inputs.frames} frames, the pipeline completes one", "name handoccnet"
        )
    if inputs.size[0] != inputs.size[1]:
        raise HandbenchError(f"pose={name!r} looks at crops of {inputs.size}", "name a model of square crops")
