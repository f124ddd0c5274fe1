"""Published HandOccNet checkpoints as weights of ``handoccnet``: names map one to one, no number changes.

python -m handbench.baselines.convert_handoccnet snapshot_demo.pth.tar handoccnet.safetensors
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.networks import NETWORKS
from handbench.baselines.weights import load_state, read_tensors, save_weights
from handbench.errors import HandbenchError

_DEPTH = 4

# (published, ours); the first that matches from the start holds.
_RULES: tuple[tuple[str, str], ...] = (
    (r"backbone\.layer0\.0\.", "features.fpn.resnet.conv1."),
    (r"backbone\.layer0\.1\.", "features.fpn.resnet.bn1."),
    (r"backbone\.layer([1-4])\.0\.", r"features.fpn.resnet.layer\1."),
    (r"backbone\.toplayer\.", "features.fpn.lateral5."),
    (r"backbone\.latlayer1\.", "features.fpn.lateral4."),
    (r"backbone\.latlayer2\.", "features.fpn.lateral3."),
    (r"backbone\.latlayer3\.", "features.fpn.lateral2."),
    (r"backbone\.smooth([23])\.", r"features.fpn.smooth\1."),
    (r"backbone\.attention_module\.spatial\.", "features.gate."),
    (r"FIT\.conv1\.0\.", "features.fit.tail.conv1."),
    (r"FIT\.conv1\.2\.", "features.fit.tail.conv2."),
    (r"FIT\.conv2\.0\.", "features.fit.tail.past."),
    (r"FIT\.layers\.(\d+)\.", r"features.fit.layers.\1."),
    (r"SET\.layers\.(\d+)\.", r"features.set.layers.\1."),
    (r"regressor\.hand_regHead\.betas$", "heatmaps.temperature"),
    (r"regressor\.hand_regHead\.res\.0\.0\.", "heatmaps.after."),
    (r"regressor\.hand_regHead\.fc\.0\.block\.", "heatmaps.encode."),
    (r"regressor\.hand_regHead\.score\.0\.", "heatmaps.score."),
    (r"regressor\.hand_Encoder\.heatmap_conv\.", "encoder.heat."),
    (r"regressor\.hand_Encoder\.encoding_conv\.", "encoder.encoding."),
    (r"regressor\.hand_Encoder\.reg\.(\d+)\.", r"encoder.units.\1."),
    (r"regressor\.mano_regHead\.mano_base_layer\.", "mano.shared."),
    (r"regressor\.mano_regHead\.pose_reg\.", "mano.pose."),
    (r"regressor\.mano_regHead\.shape_reg\.", "mano.shape."),
)
_HOURGLASS = re.compile(r"regressor\.hand_regHead\.hg\.0\.hg\.(\d+)\.(\d)\.0\.")
# Which of a level's units is what, by its place; level 0 is the coarsest there, the finest here.
_UNITS = {"0": "skip", "1": "down", "2": "up"}
_LAYER: tuple[tuple[str, str], ...] = (
    ("encode_value.", "value."), ("encode_query2.", "gate_query."), ("encode_key2.", "gate_key."),
    ("encode_query.", "query."), ("encode_key.", "key."), ("norm2.", "norm."), ("mlp.fc1.", "mlp.0."),
    ("mlp.fc2.", "mlp.2."), ("q_embedding", "query_position.map"), ("k_embedding", "key_position.map"),
)  # fmt: skip
# A residual unit of the encoder counts its normalisations from none, the hourglass's from one.
_ENCODER_UNIT = {"bn": "bn1", "bn1": "bn2", "bn2": "bn3"}
_DROPPED = re.compile(r"regressor\.(hand_regHead\.(uu|vv)$|mano_regHead\.mano_layer\.)")


def published_config(config: IFVONetConfig) -> IFVONetConfig:
    """Returns the settings of published weights: MANO, fingers relative to its mean pose, manopth's tips."""
    return replace(
        config, pose_offset="hands_mean", pose_start="zero", tips="manopth",
        hand_model=config.hand_model if config.hand_model.startswith("mano") else "mano",
    )  # fmt: skip


def is_published(state: Mapping[str, Tensor]) -> bool:
    """Tells whether tensors have the names of a published HandOccNet checkpoint."""
    return "backbone.toplayer.weight" in state and "regressor.mano_regHead.pose_reg.weight" in state


def convert(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Renames the tensors of a published checkpoint; buffers that our network makes itself are dropped.

    Raises:
        HandbenchError: for a name that HandOccNet does not have.
    """
    return {ours: tensor for name, tensor in state.items() if (ours := our_name(name)) is not None}


def our_name(name: str) -> str | None:
    """Returns our name of a published tensor; None for what is dropped.

    Raises:
        HandbenchError: for a name that HandOccNet does not have.
    """
    if _DROPPED.match(name):
        return None
    found = _HOURGLASS.match(name)
    if found is not None:
        level, unit = _DEPTH - 1 - int(found[1]), found[2]
        place = f"{_UNITS[unit]}.{level}." if unit in _UNITS else "bottom."
        return f"heatmaps.hourglass.{place}{name[found.end() :]}"
    for pattern, ours in _RULES:
        if re.match(pattern, name):
            return _inner(re.sub(f"^{pattern}", ours, name))
    raise HandbenchError(f"a published HandOccNet has no {name!r}", "is it a checkpoint of another network?")


def _inner(name: str) -> str:
    """Renames what lies within a layer of FIT or SET, or a unit of the encoder."""
    if re.match(r"features\.(fit|set)\.layers\.", name):
        for theirs, ours in _LAYER:
            if f".{theirs}" in name:
                return name.replace(theirs, ours)
    unit = re.match(r"encoder\.units\.\d+\.", name)
    if unit is not None:
        part, dot, rest = name[unit.end() :].partition(".")
        return unit[0] + _ENCODER_UNIT.get(part, part) + dot + rest
    return name


def convert_file(path: Path, out: Path) -> None:
    """Writes a published checkpoint as weights of ``handoccnet``.

    Raises:
        HandbenchError: when it does not open, or its names or shapes are not HandOccNet's.
    """
    from handbench.baselines.hand_network import HandNetwork
    from handbench.baselines.hand_trainable import inputs_of

    config = published_config(NETWORKS["handoccnet"])
    state = convert(read_tensors(path))
    # Any hand model has the same shapes; MANO need not be at hand to convert.
    any_hand = replace(config, hand_model="procedural")
    load_state(HandNetwork(any_hand, inputs_of(any_hand)), state, path)
    save_weights(out, state, "handoccnet", config, more={"converted_from": path.name})


def main(words: list[str] | None = None) -> int:
    """Converts a checkpoint to safetensors with its JSON; returns the exit status."""
    arguments = sys.argv[1:] if words is None else words
    if len(arguments) != 2:
        print("usage: convert_handoccnet CHECKPOINT OUT.safetensors", file=sys.stderr)
        return 2
    try:
        convert_file(Path(arguments[0]), Path(arguments[1]))
    except HandbenchError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
