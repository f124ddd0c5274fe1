"""The SHPE that ships: better than a mean hand on hands that it has not seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from handbench.datasets import DataRef
from handbench.evaluate import evaluate
from handbench.synth.generate import SynthOptions, generate


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> DataRef:
    """Pictures of two hands, of people and poses that no training saw."""
    folder = tmp_path_factory.mktemp("aih") / "test"
    generate(folder, SynthOptions(seed=1009, renderer="raster"), 36, quiet=True)
    return DataRef.parse(f"aih:{folder}")


def error(model: str, hands: DataRef, results: Path) -> float:
    """Returns MPJPE [mm], the length from wrist to middle MCP given."""
    done = evaluate(model, hands, "aih/scale=gt-bone", results, quiet=True)
    return next(f.value for f in done.scored.score.figures if f.metric.name == "MPJPE" and not f.stratum)


def test_it_beats_the_mean_hand(hands: DataRef, tmp_path: Path) -> None:
    names = ("mean-hand", "shpe-tiny", "shpe-tiny:mask-input")
    mean, alone, told = (error(model, hands, tmp_path) for model in names)
    assert alone < 0.85 * mean
    # Told the true masks.
    assert told < 0.5 * mean
