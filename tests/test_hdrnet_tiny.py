"""The shipped weights of hdrnet-tiny fill holes better than OpenCV does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from handbench.baselines.fill import fill_telea
from handbench.baselines.hdrnet_network import masks_in_order, to_bytes
from handbench.baselines.hdrnet_trainable import make_trainable
from handbench.datasets import load_dataset
from handbench.loaders import batches
from handbench.metrics.pictures import all_hole_errors
from handbench.models import open_model
from handbench.synth.generate import SynthOptions, generate


def _pictures(x: Tensor) -> Any:
    return x.permute(0, 2, 3, 1).numpy()


def test_shipped_weights_beat_telea(tmp_path: Path) -> None:
    """Both holes of pasted hands, told the same masks, on backgrounds and people that were not trained on."""
    asked = (
        "syn.photographs=32", "splits.train=0.5", "splits.val=0", "splits.test=0.5", "syn.p_alone=0",
    )  # fmt: skip
    generate(tmp_path, SynthOptions("syn", asked, seed=5, renderer="raster"), 64, 0, quiet=True, split="test")
    data = load_dataset("aih", tmp_path / "test", quiet=True)
    model: Any = open_model("hdrnet-tiny")
    assert model.trained and model.train_data
    (batch,) = batches(data, make_trainable("hdrnet-tiny").train_inputs, 64)
    masks = masks_in_order(batch)
    told = model.network.masks(masks)
    done = _pictures(to_bytes(model.complete(batch.normalised(model.inputs)[:, 0], masks), model.inputs))
    assert batch.target_images is not None
    before, truth = _pictures(batch.images[:, 0]), _pictures(batch.target_images)
    telea = fill_telea(before, told.hole[:, 0].numpy() > 0)
    for hole, least in ((told.r_invisible, 1.5), (told.l_invisible, 0.4)):
        where = hole[:, 0].numpy() > 0
        ours, theirs, nothing = (
            all_hole_errors(pictures, truth, where)[:, 0] for pictures in (done, telea, before)
        )
        assert np.isfinite(ours).sum() >= 10
        assert np.nanmean(ours - theirs) > least and np.nanmean(ours - nothing) > 2
