"""Weights of any trained model ship in fp16 under its name, and open; what cannot ship is refused."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from handbench.baselines.weights import read_weights, save_weights
from handbench.errors import HandbenchError
from handbench.models import MODELS

_FILE = Path(__file__).parents[1] / "tools" / "ship_weights.py"
MORE: dict[str, Any] = {"steps": 3, "seconds": 1.5, "seed": 0, "precision": "fp32", "processes": 1}
MORE |= {"recipe": {}, "recipe_source": "a test"}


def tool() -> Any:
    spec = importlib.util.spec_from_file_location("ship_weights", _FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run_of(name: str, folder: Path, model: str = "") -> Path:
    base, _, row = name.partition(":")
    make = MODELS.get(base).trainable
    assert make is not None
    trainable = make(row)
    folder.mkdir()
    state = trainable.build(1).state_dict()
    save_weights(
        folder / "weights.safetensors", state, model or name, trainable.config, "aih:x", {}, more=MORE
    )
    return folder


@pytest.mark.parametrize(
    "name", ["hasm-tiny", "hdrnet-tiny", "shpe-tiny", "shpe-tiny:mask-input", "ifvonet-tiny"]
)
def test_what_is_trained_ships(name: str, tmp_path: Path) -> None:
    made = tool().ship(run_of(name, tmp_path / "run"), tmp_path / "assets", "made data")
    again = read_weights(tmp_path / "assets" / f"{name.replace(':', '-')}.safetensors")
    assert again.sha256 == made.sha256 and again.info["dtype"] == "float16"
    assert (again.info["model"], again.info["data"], again.info["steps"]) == (name, "made data", 3)
    assert again.path.stat().st_size <= 8 << 20


def test_what_cannot_ship_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ship, assets = tool(), tmp_path / "assets"
    run = run_of("hasm-tiny", tmp_path / "run")
    monkeypatch.setattr(ship, "LIMIT", 1 << 20)
    with pytest.raises(HandbenchError, match="at most 1,048,576 ship"):
        ship.ship(run, assets)
    assert not list(assets.iterdir())
    with pytest.raises(HandbenchError, match="ship the weights of a named row"):
        ship.ship(run_of("hasm-tiny", tmp_path / "row", "hasm-tiny:crop=full"), assets)
    with pytest.raises(HandbenchError, match="no file of weights"):
        ship.ship(tmp_path, assets)
