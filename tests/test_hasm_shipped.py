"""The weights of hasm-tiny that ship open, and find the masks of pictures that are made here."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from aih_parts import KEYS

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from mask_claim import MaskClaim, masks_claim, told

from handbench.datasets import Dataset, load_dataset
from handbench.formats.predictions import read_predictions
from handbench.models import open_model
from handbench.predict import predict
from handbench.synth.generate import SynthOptions, generate


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("made")
    generate(folder, SynthOptions("both", KEYS, seed=77, renderer="raster"), 30, 0, quiet=True)
    return load_dataset("aih", folder, split="train", quiet=True)


def claim(data: Dataset, folder: Path, boxes: str) -> MaskClaim:
    model: Any = open_model("hasm-tiny")
    assert model.trained and model.inputs.boxes and model.train_data
    predict(told(model, boxes), data, folder / f"{boxes}.h5", quiet=True)
    return masks_claim(data.ground_truth(), read_predictions(folder / f"{boxes}.h5"))


def test_shipped_weights_find_masks(made: Dataset, tmp_path: Path) -> None:
    exact, none = (claim(made, tmp_path, how) for how in ("exact", "none"))
    assert exact.amodal > 65 and exact.visible > 55 and exact.phantom == 0 and exact.swapped < 5
    assert exact.hidden > exact.controls["convex-hull"] + 5
    # Without boxes sides are a guess.
    assert none.visible < exact.visible - 20
