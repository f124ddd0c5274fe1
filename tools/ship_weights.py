"""Puts the weights of a run among those that ship: fp16, with their JSON. Any model that is trained.

python tools/ship_weights.py out/runs/ifvonet-tiny
python tools/ship_weights.py out/runs/hasm-tiny "synthetic aih, both recipes"    words of the data
"""

from __future__ import annotations

import sys
from pathlib import Path

from handbench.baselines.shipped import SHIPPED
from handbench.baselines.variants import configured
from handbench.baselines.weights import Weights, read_weights, save_weights
from handbench.errors import HandbenchError
from handbench.models import MODELS, open_model

LIMIT = 8 << 20
KEPT = ("recipe", "recipe_source", "steps", "seconds", "seed", "precision", "processes")


def ship(run: Path, folder: Path, data: str = "") -> Weights:
    """Ships a run's weights under its model's name, once they open as that model.

    Args:
        run: folder of the run.
        folder: where weights that ship lie.
        data: what it was trained on, in words; by default the run's references.

    Raises:
        HandbenchError: for a run without weights, a model that is not registered, settings of no name, or
            a file that is too large: it is deleted.
    """
    weights = read_weights(run / "weights.safetensors")
    info = weights.info
    name = str(info["model"])
    base, _, row = name.partition(":")
    entry = MODELS.get(base)
    if entry.trainable is None or (row and row not in entry.variants):
        raise HandbenchError(f"{run} is of {name!r}", "ship the weights of a named row of a model")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name.replace(':', '-')}.safetensors"
    more = {key: info[key] for key in KEPT} | {"trained_by": info["code"]}
    config = configured(entry.trainable(row).config, info["config"])
    half = save_weights(
        path, weights.state, name, config, data or info["data"], info["metrics"], half=True, more=more
    )
    size = path.stat().st_size
    if size > LIMIT:
        path.unlink()
        path.with_suffix(".json").unlink()
        raise HandbenchError(f"{path} would have {size:,} bytes", f"at most {LIMIT:,} ship")
    open_model(name, path)
    return half


def main() -> None:
    """Ships the run that the command names."""
    try:
        made = ship(Path(sys.argv[1]), SHIPPED, *sys.argv[2:3])
    except HandbenchError as error:
        sys.exit(f"error: {error}")
    words = f"{made.path.stat().st_size / 1e6:.2f} MB, {made.info['data']}, {made.info['steps']} steps"
    print(f"{made.path.name}: {words}")


if __name__ == "__main__":
    main()
