"""HDR on a GPU: the same hands as on the CPU, no needless waits, graphs that replay what was computed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from painted_models import there
from present import present

from handbench.baselines.hdr_model import HdrModel
from handbench.baselines.hdr_stages import open_stages
from handbench.datasets import load_dataset
from handbench.loaders import Batch, batches
from handbench.models import ModelOptions
from handbench.synth.generate import SynthOptions, generate

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="a GPU is missing"),
]

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def pipeline(device: str, variant: str = "masks=gt") -> HdrModel:
    return HdrModel(open_stages("hdr-tiny", ModelOptions(variant, device=device, seed=3)), "hdr-tiny", device)


@pytest.fixture(scope="module")
def batch(tmp_path_factory: pytest.TempPathFactory) -> Batch:
    root = tmp_path_factory.mktemp("aih")
    generate(root, SynthOptions(renderer="raster", overrides=("size=128",)), 9, workers=0, quiet=True)
    return next(iter(batches(load_dataset("aih", root, quiet=True), pipeline("cpu").inputs, batch_size=9)))


def test_a_gpu_finds_the_same_hands(batch: Batch) -> None:
    count = 0
    for one, other in zip(pipeline("cpu").predict(batch), pipeline("cuda").predict(batch), strict=True):
        for first, second in zip(one.hands, other.hands, strict=True):
            assert np.array_equal(present(first.amodal_mask), present(second.amodal_mask))
            assert (first.image is None) == (second.image is None)
            if first.image is not None:
                assert there(first.box) == pytest.approx(there(second.box))
                assert np.abs(first.image.astype(float) - present(second.image)).mean() < 1
                count += 1
    assert count > 6


def test_nothing_waits_before_hands_are_counted_or_while_they_are_painted(batch: Batch) -> None:
    model = pipeline("cuda", "masks=hasm")
    moved = batch.to("cuda")
    canvas = moved.images[:, 0]
    given = pipeline("cuda").find_masks(canvas, moved)
    hands = model.cut(canvas, given)
    # Kernels and windows that are made once.
    model.find_masks(canvas, moved)
    model.complete(hands, canvas)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        model.find_masks(canvas, moved)
        done = model.complete(hands, canvas)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert done.after.is_cuda and done.hole.any()


@pytest.mark.parametrize("name", ["hasm-tiny", "hasm:b0", "hdrnet-tiny", "hdrnet", "shpe-tiny"])
def test_no_step_of_training_waits(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from network_timing import open_trainable, synthetic_batch
    from train import Way, make_stepper

    trainable, device = open_trainable(name), torch.device("cuda")
    stepper = make_stepper(trainable, Way("bf16", 2), device)
    batch = synthetic_batch(trainable.train_inputs, 2, device)
    # The mask networks look once whether there is any mask.
    for _ in range(2):
        stepper(batch, 1e-5)
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        stepper(batch, 1e-5)
    finally:
        torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("kind", ["hasm", "hdrnet", "pose", "pipeline"])
def test_graphs_replay_what_was_computed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from hdr_work import opened, pipeline_call, stage_call
    from infer import Way
    from infer_hdr import numbers

    device = torch.device("cuda")
    found = []
    for how in ("eager", "graph"):
        way = replace(Way("bf16", 2), how=how)
        with torch.no_grad():
            stages = opened("hdr-tiny", way, device)
            if kind == "pipeline":
                call = pipeline_call(stages, "hdr-tiny", way, device)
            else:
                call = stage_call(stages, kind, way, device)
            call()
            found.append(torch.cat([part.flatten() for part in numbers(call())]))
    assert float((found[0] - found[1]).abs().mean()) < 0.02 * float(found[0].abs().mean())
