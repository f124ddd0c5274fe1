"""``handbench synth-aih``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import (
    backgrounds_option,
    hand_model_option,
    overrides_option,
    renderer_option,
    run_options,
)

if TYPE_CHECKING:
    from handbench.store.existing import OnExisting


@click.command("synth-aih")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the dataset (one a split)."
)
@click.option("--num", default=2000, show_default=True, help="Number of records; a scene gives three.")
@click.option(
    "--recipe", default="render", show_default=True, help="render (aih-r1), or a recipe's .toml file."
)
@click.option(
    "--poses", default="sampler", show_default=True, help="sampler, or tzionas:DIR[@sequences=01-07]."
)
@click.option(
    "--size", default=None, type=int, help="Side of a picture in pixels.  [default: the recipe's 256]"
)
@click.option("--shards", default=None, help="Make only these shards of the whole: 3, 0-7 or 0-7,12.")
@run_options("shards")
@renderer_option()
@hand_model_option()
@backgrounds_option()
@overrides_option("p_absent=0")
def synth_aih(
    out: Path,
    num: int,
    recipe: str,
    seed: int,
    workers: int,
    renderer: str,
    poses: str,
    backgrounds: str,
    hand_model: str,
    size: int | None,
    on_existing: OnExisting,
    shards: str | None,
    overrides: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Synthesise the Amodal InterHand dataset (AIH).

    A record is a picture of two hands with amodal and visible masks, the target hand alone and whole, joints
    and MANO parameters. Each scene gives a right-centred, a left-centred and a pair record. The same command
    continues after an
    interruption. All keys of the recipe: handbench config show render

    \b
    Examples:
      handbench synth-aih --out out/train --num 3000
      handbench synth-aih --out out/real --poses tzionas:tzionas_hands --num 2000 --workers 2
      handbench synth-aih --out out/dark --num 300 --set effects.p_low_light=1.0
    """
    from handbench.synth.generate import SynthOptions, generate, report_dict, summary

    options = SynthOptions(
        recipe=recipe,
        overrides=overrides if size is None else (*overrides, f"size={size}"),
        seed=seed,
        renderer=renderer,
        poses=poses,
        backgrounds=backgrounds,
        hand_model=hand_model,
    )
    report = generate(
        out, options, num=num, workers=workers, shards=shards, on_existing=on_existing, quiet=quiet or as_json
    )
    if as_json:
        click.echo(json.dumps(report_dict(report), indent=2))
        return
    for line in summary(report):
        click.echo(line)
