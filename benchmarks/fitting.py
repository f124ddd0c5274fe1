"""Prints how well and how fast the real motion is fitted, beside the bars (3 mm, 200 hands a second).

    python benchmarks/fitting.py ../shared/data/tzionas_hands [--hand-model mano:DIR]

Sequences 01 to 07, both hands, 19 joints; one shape a side, found over all sequences.
"""

from __future__ import annotations

import time

import click
import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.formats.tzionas import read_tzionas_joints
from handbench.hands.anatomy import anatomy
from handbench.hands.fitting import estimate_betas, fit_hands
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel
from handbench.types import Side

SEQUENCES = ("01", "02", "03", "04", "05", "06", "07")
ERROR_BAR_MM, RATE_BAR = 3.0, 200.0


def print_side(model: HandModel, sequences: dict[str, FloatArray], valid: BoolArray) -> tuple[float, int]:
    """Prints one line a sequence; returns the seconds it took and the number of hands."""
    joints = np.concatenate(list(sequences.values()))
    estimate_betas(model, joints[:2], valid)
    started = time.perf_counter()
    betas = estimate_betas(model, joints, valid)
    total = time.perf_counter() - started
    print(f"{model.side.value}: shape in {total:.2f} s, betas {' '.join(f'{b:.2f}' for b in betas)}")
    for name, track in sequences.items():
        started = time.perf_counter()
        result = fit_hands(model, track, valid, betas=betas)
        seconds = time.perf_counter() - started
        total += seconds
        errors = result.mean_errors * 1000
        beyond = np.rad2deg(anatomy(model).violation(result.pose)).max()
        print(
            f"  {name}  {len(track):4d} hands  mean {errors.mean():.2f}  "
            f"95 % {np.quantile(errors, 0.95):.2f}  worst {errors.max():.2f} mm  "
            f"{len(track) / seconds:6.0f} hands/s  beyond limits {beyond:.1f} deg"
        )
    return total, len(joints)


@click.command()
@click.argument("root", type=click.Path(exists=True, file_okay=False))
@click.option("--hand-model", default="procedural", show_default=True, help="procedural or mano:DIR.")
def main(root: str, hand_model: str) -> None:
    """Fits sequences 01 to 07 of the tracked hands under ROOT."""
    seconds, hands = 0.0, 0
    for side in Side:
        tracks = [read_tzionas_joints(root, name, side) for name in SEQUENCES]
        sequences = {track.sequence: track.joints for track in tracks}
        spent, count = print_side(load_hand_model(hand_model, side), sequences, tracks[0].valid)
        seconds, hands = seconds + spent, hands + count
    print(
        f"{hands} hands in {seconds:.2f} s on one core: {hands / seconds:.0f} a second "
        f"(bar {RATE_BAR:.0f} on two cores); the bar for each mean is {ERROR_BAR_MM:.0f} mm"
    )


if __name__ == "__main__":
    main()
