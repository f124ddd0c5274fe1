"""The work that infer_hdr.py times: each network of HDR, and the pipeline, on pictures of two hands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from infer import Way
from network_timing import graphed, make_plain, synthetic_batch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_unflatten

from handbench.baselines.canvas_masks import CanvasMasks
from handbench.baselines.detnet import decode
from handbench.baselines.hand_crops import normalised
from handbench.baselines.hdr_model import HdrModel
from handbench.baselines.hdr_stages import Stages, open_stages
from handbench.baselines.hdrnet_network import to_bytes
from handbench.baselines.shipped import shipped
from handbench.baselines.weights import load_state, read_weights
from handbench.inputs import MASKS
from handbench.loaders.batch import Batch
from handbench.model_names import split_variant
from handbench.models import MODELS, ModelOptions
from handbench.predictions import Prediction
from handbench.train.precision import autocast

STAGES = ("hasm", "hdrnet", "pose")


class TwoHands(HdrModel):
    """The pipeline, which looks for masks and goes on with given ones of two hands."""

    given: Tensor

    def find_masks(self, canvas: Tensor, batch: Any) -> CanvasMasks:
        """Does the work, and returns ``given``: (4, h, w) in the order of ``MASKS``."""
        found = super().find_masks(canvas, batch)
        pairs = (self.given[kind::2].expand(len(canvas), -1, -1, -1) for kind in (0, 1))
        amodal, visible = (pair.contiguous() for pair in pairs)
        return replace(found, amodal=amodal, visible=visible, painted=amodal, kept=visible)


class Stage(nn.Module):
    """A network from bytes to what the next stage takes, in a precision.

    Args:
        kind: one of :data:`STAGES`.
        model: of the pipeline's stages.
        way: how it is computed.
    """

    def __init__(self, kind: str, model: Any, way: Way) -> None:
        super().__init__()
        self.kind, self.way, self.model, self.inputs = kind, way, model, model.inputs
        self.network = model.network

    def forward(self, images: Tensor, masks: Tensor, boxes: Tensor) -> Any:
        """Predicts images (B, 3, h, w) uint8; masks (B, 4, h, w), boxes (B, 2, 4) for those who ask."""
        shown, network = normalised(images, self.inputs), self.network
        with autocast(self.way.precision, images.device):
            if self.kind == "hasm":
                return self.model.segment(shown, boxes if self.inputs.boxes else None)
            if self.kind == "hdrnet":
                return to_bytes(network.complete(shown, masks), self.inputs)
            return decode(network(shown[:, None]), network.config.decode)


class Replayed:
    """A forward pass that is one CUDA graph from the first call on; all calls have the same shapes."""

    def __init__(self, forward: Callable[..., Any]) -> None:
        self._forward = forward
        self._replay: Callable[..., Any] | None = None

    def __call__(self, *given: Any) -> Any:
        flat, spec = tree_flatten(given)
        tensors = [part for part in flat if isinstance(part, Tensor)]

        def work(*parts: Tensor) -> Any:
            left = iter(parts)
            filled = [next(left) if isinstance(part, Tensor) else part for part in flat]
            return self._forward(*tree_unflatten(filled, spec))

        if self._replay is None:
            # Autocast would keep rounded weights until its end, and the graph read them after that.
            half = torch.is_autocast_enabled("cuda")
            with torch.autocast("cuda", torch.bfloat16, enabled=half, cache_enabled=False):
                self._replay = graphed(work, *tensors)
        return self._replay(*tensors)


def opened(name: str, way: Way, device: torch.device) -> Stages:
    """Opens the stages with the weights that ship, else random ones, laid out as the way has it."""
    word, _, variant = name.partition(":")
    stages = open_stages(word, ModelOptions(variant, device=str(device)))
    if not way.plain:
        return stages
    c = stages.config
    names = {"hasm": c.hasm, "hdrnet": c.hdrnet, "pose": c.pose}
    models: dict[str, Any] = {stage: _unfolded(names[stage], str(device)) for stage in STAGES}
    for model in models.values():
        make_plain(model.network)
    return replace(stages, **models)


def _unfolded(name: str, device: str) -> Any:
    """Opens a model as it is trained: where models are opened, batch norm is folded."""
    word, variant = split_variant(name)
    entry, path = MODELS.get(word), shipped(name)
    assert entry.trainable is not None
    trainable = entry.trainable(variant)
    network = trainable.build()
    if path is not None:
        load_state(network, read_weights(path).state, path)
    return trainable.model(network, device)


def stage_call(stages: Stages, kind: str, way: Way, device: torch.device) -> Callable[[], Any]:
    """Returns the work of a call of one stage."""
    model: Any = stages.models[kind]
    stage = Stage(kind, model, way)
    inputs = replace(model.inputs, masks=MASKS)
    batch = synthetic_batch(inputs, way.batch, device)
    images, masks, boxes = batch.images[:, 0], batch.masks(), batch.box
    if way.plain:
        images = images.contiguous()
    forward: Callable[..., Any] = stage
    if way.how == "graph":
        forward = graphed(stage, images, masks, boxes)
    elif way.how == "compiled":
        forward = torch.compile(stage, dynamic=False)
    return lambda: forward(images, masks, boxes)


def pipeline_call(
    stages: Stages, name: str, way: Way, device: torch.device
) -> Callable[[], list[Prediction]]:
    """Returns the work of a call of the pipeline."""
    model = TwoHands(stages, name, str(device))
    batch = synthetic_batch(replace(model.inputs, masks=MASKS), way.batch, device)
    model.given = batch.masks()[0]
    blind: Batch = batch.without_labels(boxes=model.inputs.boxes)
    networks: list[Any] = [stages.hasm, stages.hdrnet, stages.pose]
    for at, stage in enumerate(networks):
        part = stage.network.generator if at == 1 else stage.network
        if way.how == "graph":
            part.forward = Replayed(part.forward)
        elif way.how == "compiled":
            part.forward = torch.compile(part.forward, dynamic=False)

    def call() -> list[Prediction]:
        with autocast(way.precision, device):
            return model.predict(blind)

    return call
