"""``handbench synth-hic``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import backgrounds_option, renderer_option, run_options

if TYPE_CHECKING:
    from handbench.store.existing import OnExisting


@click.command("synth-hic")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the dataset.")
@click.option(
    "--motion", required=True, metavar="tzionas:DIR", help="The tracked hands: NN/*.MOTION and mesh/*.OFF."
)
@click.option("--sequences", default="all", show_default=True, help="all, or 01-07+15.")
@click.option(
    "--views",
    default="native",
    show_default=True,
    help="native, or +N: the sensor's view and N resampled ones.",
)
@click.option("--every", default=1, show_default=True, help="Draw each k-th frame.")
@click.option(
    "--label-every", default=5, show_default=True, help="Label each k-th frame number, as HIC does."
)
@run_options("views", "Seed of views, skin, light and surroundings.")
@renderer_option()
@backgrounds_option()
def synth_hic(
    out: Path,
    motion: str,
    sequences: str,
    views: str,
    every: int,
    label_every: int,
    seed: int,
    workers: int,
    renderer: str,
    backgrounds: str,
    on_existing: OnExisting,
    as_json: bool,
    quiet: bool,
) -> None:
    """Draw real tracked motion with its own scanned hands, in the layout of HIC: a test set.

    Pictures of 640x480 from the sensor's view and from others, 28-row 2D labels, cameras, visibility of the
    joints; 3D joints, meshes and objects are the motion's own. Only for tests: never train on it. The same
    command continues after an interruption.

    \b
    Examples:
      handbench synth-hic --motion tzionas:tzionas_hands --out out/hic --sequences 01-07
      handbench synth-hic --motion tzionas:tzionas_hands --out out/shift --views +3 --every 3 --workers 2
    """
    from dataclasses import asdict

    from handbench.errors import HandbenchError
    from handbench.synth.hic_tree import HicPlan
    from handbench.synth.hic_tree import synth_hic as run

    extra = views.removeprefix("+")
    if views != "native" and not extra.isdecimal():
        raise HandbenchError(f"--views {views}", "give native, or +N for N resampled views")
    if not motion.startswith("tzionas:") or motion == "tzionas:":
        raise HandbenchError(f"--motion {motion}", "give tzionas:DIR, the folder of the tracked hands")
    plan = HicPlan(motion.removeprefix("tzionas:"), every, label_every, seed, renderer, backgrounds)
    report = run(
        out, plan, sequences, 0 if views == "native" else int(extra), workers, on_existing, quiet or as_json
    )
    if as_json:
        click.echo(json.dumps(asdict(report), indent=2))
        return
    rate = report.pictures / report.seconds if report.seconds > 0 else 0.0
    click.echo(
        f"{report.pictures} pictures, {report.labelled} with 2D labels, of {len(report.sequences)} sequences "
        f"and {report.views} views each ({report.seconds:.1f} s, {rate:.0f} a second)"
    )
    click.echo("test only: this set heads the board's hand-shift column and is never trained on")
