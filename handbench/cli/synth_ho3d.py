"""``handbench synth-ho3d``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import hand_model_option, overrides_option, renderer_option, run_options

if TYPE_CHECKING:
    from handbench.formats.ho3d_tree import Version
    from handbench.store.existing import OnExisting


@click.command("synth-ho3d")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the tree.")
@click.option(
    "--version", default="v3", show_default=True, type=click.Choice(["v2", "v3"]), help="Which layout."
)
@click.option("--takes", default=10, show_default=True, help="Training takes.")
@click.option("--eval-takes", default=5, show_default=True, help="Evaluation takes.")
@click.option("--frames", default=300, show_default=True, help="Frames of a take, at 30 a second.")
@click.option("--cameras", default=4, show_default=True, help="Cameras of a take; each gives a sequence.")
@click.option(
    "--strata",
    default="plain,fast,low-light,second-hand,occlusion",
    show_default=True,
    help="What is special about the takes, in turn.",
)
@click.option("--flow/--no-flow", default=True, show_default=True, help="Write the true optical flow.")
@run_options("takes")
@renderer_option("raster")
@hand_model_option()
@overrides_option("missing=0")
def synth_ho3d(
    out: Path,
    version: Version,
    takes: int,
    eval_takes: int,
    frames: int,
    cameras: int,
    strata: str,
    seed: int,
    workers: int,
    renderer: str,
    hand_model: str,
    flow: bool,
    on_existing: OnExisting,
    overrides: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Synthesise video of a hand that handles objects, in HO-3D's official layout.

    Every take is seen by several fixed cameras. Training and evaluation share no person, kind of object,
    grasp, surface or light. Flow, visibility and whole masks lie beside, in OUT/extra. The same command
    continues after an interruption.

    \b
    Examples:
      handbench synth-ho3d --out ho3d --takes 10 --eval-takes 5 --workers 2
      handbench synth-ho3d --out small --takes 1 --eval-takes 0 --frames 60 --cameras 1 --no-flow
      handbench synth-ho3d --out v2 --version v2 --strata plain,fast --set depth_noise=0.002
    """
    from handbench.synth.ho3d import Ho3dSynthOptions, generate_ho3d

    options = Ho3dSynthOptions(
        version=version,
        takes=takes,
        eval_takes=eval_takes,
        frames=frames,
        cameras=cameras,
        strata=tuple(name.strip() for name in strata.split(",") if name.strip()),
        seed=seed,
        renderer=renderer,
        hand_model=hand_model,
        flow=flow,
        overrides=overrides,
    )
    report = generate_ho3d(out, options, workers, on_existing, quiet=quiet or as_json)
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
        return
    rate = report.made / report.seconds if report.seconds > 0 else 0.0
    click.echo(f"made {report.made} images in {report.seconds:.1f} s ({rate:.0f} a second)")
    listed = ", ".join(f"{count} lines in {split}.txt" for split, count in report.listed.items())
    click.echo(f"{report.images} images in {report.out}, {listed}; spec {report.spec_hash}")
