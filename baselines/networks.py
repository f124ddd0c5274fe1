"""The named networks: every row of IFVONet's tables IV to VII, HandOccNet, HandOcc(V), the tiny ones.

No torch here: ``handbench models`` lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from handbench.baselines.ifvonet_config import IFVONetConfig
from handbench.baselines.variants import configured, split_row

FULL = IFVONetConfig()

HANDOCCNET = IFVONetConfig(
    family="handoccnet", frames=1, supervise="current", unused_smooth=True, loss="handoccnet_mse",
    pose_start="zero", init="small",
)  # fmt: skip

# Table IV without PDV and VOF has the global branch alone; its fusion of GOR+PDV has no name, see fusion.py.
VARIANTS: dict[str, dict[str, Any]] = {
    "iv-tf": {
        "pdv": 0,
        "attn_occ": "softmax",
        "attn_hand": "softmax",
        "attn_combine": "mul",
        "fusion": "none",
    },
    "iv-gor": {"pdv": 0, "fusion": "none"},
    "iv-gor-pdv": {"fusion": "concat"},
    "v-softmax-softmax": {"attn_occ": "softmax", "attn_hand": "softmax", "attn_combine": "mul"},
    "v-fit": {"attn_occ": "softmax", "attn_hand": "sigmoid_gate", "attn_combine": "mul"},
    "v-softmax-bn": {"attn_occ": "softmax"},
    "vi-none": {"pdv": 0},
    "vi-3": {"pdv": 3, "frames": 3},
    "vii-add": {"fusion": "add"},
    "vii-mul": {"fusion": "mul"},
}
"""What each row of the paper's ablation tables changes of the full network."""

TINY: dict[str, Any] = {
    "size": 128, "backbone": "resnet18", "width": 32, "channels": 64, "mano_hidden": (512, 256),
    "vof_mid": 32, "loss_weights": (1.0, 1.0, 20.0, 200.0, 5.0),
}  # fmt: skip

NETWORKS: dict[str, IFVONetConfig] = {
    "handoccnet": HANDOCCNET,
    # The text: HandOccNet "extended to a video version with two adjacent image inputs"; t is supervised.
    "handoccnet-v": replace(HANDOCCNET, frames=2, loss="paper_l1", pose_start="mean", init="default"),
    # As many parameters as ifvonet, and its supervision: what differs is what is done with them.
    "handoccnet-v:siamese": IFVONetConfig(family="handoccnet", siamese=True, backbone="resnet101"),
    "ifvonet": FULL,
    **{f"ifvonet:{name}": replace(FULL, **changes) for name, changes in VARIANTS.items()},
    "ifvonet-tiny": replace(FULL, **TINY, global_input="features"),
    "handoccnet-v-tiny": IFVONetConfig(family="handoccnet", **TINY),
}
"""Name -> settings."""

REPRODUCES = {
    "handoccnet": "HandOccNet (CVPR 2022)",
    "handoccnet-v": "HandOcc(V) of IFVONet tables I and II",
    "handoccnet-v:siamese": "control with ifvonet's number of parameters",
    "ifvonet": "IFVONet tables I to III, last rows of IV, V, VII, middle of VI",
    "ifvonet:iv-tf": "IFVONet table IV, TF",
    "ifvonet:iv-gor": "IFVONet table IV, GOR",
    "ifvonet:iv-gor-pdv": "IFVONet table IV, GOR+PDV",
    "ifvonet:v-softmax-softmax": "IFVONet table V, softmax and softmax",
    "ifvonet:v-fit": "IFVONet table V, softmax and sigmoid (FIT)",
    "ifvonet:v-softmax-bn": "IFVONet table V, softmax and BN",
    "ifvonet:vi-none": "IFVONet table VI, two frames without variation",
    "ifvonet:vi-3": "IFVONet table VI, three frames",
    "ifvonet:vii-add": "IFVONet table VII, addition",
    "ifvonet:vii-mul": "IFVONet table VII, multiplication",
}
"""Name -> paper and table."""


def split_variant(name: str, text: str) -> tuple[str, dict[str, Any]]:
    """Splits the text after ``NAME:`` into a row's name and settings.

    Args:
        name: of the model, e.g. ``ifvonet``.
        text: ``ROW``, ``ROW,KEY=VALUE,...`` or ``KEY=VALUE,...``.

    Returns:
        The name of :data:`NETWORKS`, and the settings that were asked for.

    Raises:
        HandbenchError: for an unknown row or something that is no setting.
    """
    return split_row(NETWORKS, name, text)


def configure(row: str, *settings: Mapping[str, Any]) -> IFVONetConfig:
    """Returns the settings of a network of :data:`NETWORKS` with others over them, the last first.

    Raises:
        HandbenchError: for an unknown key, a value of the wrong kind, or settings that contradict each other.
    """
    return configured(NETWORKS[row], *settings)
