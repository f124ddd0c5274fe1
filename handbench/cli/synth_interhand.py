"""``handbench synth-interhand``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import hand_model_option, renderer_option, run_options

if TYPE_CHECKING:
    from handbench.store.existing import OnExisting


@click.command("synth-interhand")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the dataset.")
@click.option(
    "--splits", default="train=4,val=2,test=4", show_default=True, help="Takes of each split; four a person."
)
@click.option("--frames", default=60, show_default=True, help="Pictures of each camera of a take.")
@click.option("--cameras", default=8, show_default=True, help="Cameras of the dome; two of five are grey.")
@click.option("--fps", default=30, show_default=True, help="5 or 30 pictures a second.")
@click.option(
    "--poses", default="sampler", show_default=True, help="sampler, or tzionas:DIR[@sequences=01-07]."
)
@click.option(
    "--size", default="mixed", show_default=True, help="334x512, 512x334, or mixed: each camera its own."
)
@click.option(
    "--root-noise", default=0.02, show_default=True, help="Noise on the root depths of rootnet_output [m]."
)
@click.option(
    "--human", default=0.25, show_default=True, help="Share of ids in the lists of human annotation."
)
@run_options("takes")
@renderer_option()
@hand_model_option()
def synth_interhand(
    out: Path,
    splits: str,
    frames: int,
    cameras: int,
    fps: int,
    poses: str,
    size: str,
    hand_model: str,
    seed: int,
    workers: int,
    renderer: str,
    root_noise: float,
    human: float,
    on_existing: OnExisting,
    as_json: bool,
    quiet: bool,
) -> None:
    """Synthesise single and interacting hands from many cameras, in the layout of InterHand2.6M v1.0.

    Each person has four takes: two of both hands, one of either. All cameras of the studio see the same
    motion. Pictures and the official annotation files with cameras, 3D joints and MANO parameters, in the
    official units and frames. The same command continues after an interruption.

    \b
    Examples:
      handbench synth-interhand --out out/ih --splits train=8,val=4,test=4 --frames 60 --cameras 8
      handbench synth-interhand --out out/real --poses tzionas:tzionas_hands --splits test=4 --workers 2
    """
    from dataclasses import asdict

    from handbench.synth.interhand_plan import InterhandPlan
    from handbench.synth.interhand_tree import synth_interhand as run

    plan = InterhandPlan(frames, cameras, fps, poses, size, hand_model, seed, renderer)
    report = run(out, plan, splits, workers, on_existing, quiet or as_json, root_noise, human)
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
        return
    for split, count in report.pictures.items():
        click.echo(f"{split}: {count} pictures of {report.takes[split]} takes")
    total = sum(report.pictures.values())
    rate = total / report.seconds if report.seconds > 0 else 0.0
    click.echo(f"{total} pictures in the tree ({report.seconds:.1f} s, {rate:.0f} a second)")
