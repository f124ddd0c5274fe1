"""SegFormer's encoder from ``transformers``: random weights or a local folder's; nothing is fetched."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from handbench.baselines.hasm_config import Mit
from handbench.baselines.weights import load_state
from handbench.errors import HandbenchError

STRIDES = (4, 8, 16, 32)
"""Pixels of a place, by stage."""

_REMEDY = "give a folder with config.json and model.safetensors of an ImageNet MiT of the same size"


class MixTransformer(nn.Module):
    """Maps of four stages of a picture (Xie et al. 2021, SegFormer): patches 7, 3, 3, 3; heads 1, 2, 5, 8.

    Keys and values are reduced 8, 4, 2 and 1 times to a side; MLPs are four times as wide.

    Args:
        mit: channels and blocks of the stages.
        drop_path: share of residual branches dropped in the last block; it grows from 0 over the blocks.

    Raises:
        HandbenchError: when ``transformers`` is not installed.
    """

    def __init__(self, mit: Mit, drop_path: float = 0.0) -> None:
        super().__init__()
        segformer = _transformers()
        config = segformer.SegformerConfig(
            hidden_sizes=list(mit.widths), depths=list(mit.depths), num_attention_heads=[1, 2, 5, 8],
            sr_ratios=[8, 4, 2, 1], patch_sizes=[7, 3, 3, 3], strides=[4, 2, 2, 2], mlp_ratios=[4, 4, 4, 4],
            drop_path_rate=drop_path,
        )  # fmt: skip
        self.mit = mit
        self.stages: nn.ModuleList = segformer.SegformerModel(config).stages
        self.apply(_initialise)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Returns maps (B, C, h / s, w / s) for s of :data:`STRIDES` of pictures (B, 3, h, w)."""
        maps, features = [], images
        stage: Any
        for stage in self.stages:
            # As the stage's own forward, but for the last line: there, a copy turns the map channels first.
            tokens, height, width = stage.patch_embeddings(features)
            for block in stage.blocks:
                tokens = block(tokens, height, width)
            features = stage.layer_norm(tokens).reshape(-1, height, width, tokens.shape[-1]).movedim(-1, 1)
            maps.append(features)
        return maps


def load_mit(encoder: MixTransformer, path: Path | str) -> None:
    """Puts the weights of a local ``transformers`` checkpoint of SegFormer into an encoder.

    Args:
        encoder: all of its weights are replaced; a classifier or decoder in the checkpoint is left out.
        path: the folder, or the file of weights in it.

    Raises:
        HandbenchError: when there is no such checkpoint, or it is of another size.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if not (folder / "config.json").is_file():
        raise HandbenchError(f"{folder} has no config.json", _REMEDY)
    segformer = _transformers()
    try:
        model, report = segformer.SegformerModel.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError) as error:
        line = str(error).strip().partition("\n")[0][:160]
        raise HandbenchError(f"{folder} holds no SegFormer: {line}", _REMEDY) from None
    missing = sorted(report["missing_keys"])
    if missing:
        raise HandbenchError(f"{folder} holds no SegFormer: it lacks {', '.join(missing[:3])}", _REMEDY)
    load_state(encoder.stages, model.stages.state_dict(), folder)


def _initialise(part: nn.Module) -> None:
    """Starts a layer as SegFormer does: linear N(0, 0.02), convolutions by their outputs (He et al. 2015).

    The library draws convolutions from N(0, 0.02) too; the one in each MLP has nine weights a channel, so
    next to nothing would go through it.
    """
    if isinstance(part, nn.Linear):
        nn.init.normal_(part.weight, std=0.02)
    elif isinstance(part, nn.Conv2d):
        fan_out = part.kernel_size[0] * part.kernel_size[1] * part.out_channels // part.groups
        nn.init.normal_(part.weight, std=math.sqrt(2 / fan_out))
    else:
        return
    if part.bias is not None:
        nn.init.zeros_(part.bias)


def _transformers() -> Any:
    """Returns the library's SegFormer; imported here, as it takes a second and few need it."""
    try:
        from transformers.models import segformer
    except ImportError:
        raise HandbenchError("SegFormer's encoder needs transformers", "pip install handbench[hdr]") from None
    return segformer
