"""Puts the weights of a run among those that ship: fp16, with their JSON.

python tools/ship_weights.py out/runs/ifvonet-tiny
python tools/ship_weights.py out/runs/ifvonet-tiny "synthetic ho3d_v3/train"    words of the data
"""

from __future__ import annotations

import sys
from pathlib import Path

from handbench.baselines.networks import configure
from handbench.baselines.open_network import SHIPPED
from handbench.baselines.weights import read_weights, save_weights

LIMIT = 8 << 20
KEPT = ("recipe", "recipe_source", "steps", "seconds", "seed", "precision", "processes")


def main() -> None:
    """Ships a run's weights under its model's name."""
    weights = read_weights(Path(sys.argv[1]) / "weights.safetensors")
    info = weights.info
    name, data = info["model"], (sys.argv[2:] or [info["data"]])[0]
    SHIPPED.mkdir(exist_ok=True)
    path = SHIPPED / f"{name}.safetensors"
    more = {key: info[key] for key in KEPT} | {"trained_by": info["code"]}
    config = configure(name, info["config"])
    save_weights(path, weights.state, name, config, data, info["metrics"], half=True, more=more)
    if path.stat().st_size > LIMIT:
        sys.exit(f"{path} has {path.stat().st_size:,} bytes, at most {LIMIT:,} ship")
    print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB, {data}, {info['steps']} steps")


if __name__ == "__main__":
    main()
