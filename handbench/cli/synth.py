"""``handbench synth-aih``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import (
    hand_model_option,
    overrides_option,
    renderer_option,
    run_options,
)

if TYPE_CHECKING:
    from handbench.compose.paste import Mode
    from handbench.store.existing import OnExisting
    from handbench.synth.syn_record import Keep


@click.command("synth-aih")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Folder of the dataset (one a split)."
)
@click.option("--num", default=2000, show_default=True, help="Number of records; a scene gives three.")
@click.option(
    "--recipe",
    default="render",
    show_default=True,
    help="render, syn (pasted photographs), both, syn-original, or a recipe's .toml file.",
)
@click.option(
    "--images",
    default="procedural",
    show_default=True,
    help="Photographs of single hands to paste: procedural, interhand:DIR, or cutouts:DIR.",
)
@click.option(
    "--poses",
    default="sampler",
    show_default=True,
    help="sampler, tzionas:DIR[@sequences=01-07], or interhand:DIR.",
)
@click.option(
    "--keep",
    default="composites",
    show_default=True,
    type=click.Choice(["composites", "table"]),
    help="Pasted samples as pictures, or as a table that the reader composes.",
)
@click.option(
    "--paste",
    default=None,
    type=click.Choice(["feathered", "hard"]),
    help="Edge of a pasted hand.  [default: the recipe's feathered]",
)
@click.option("--split", default=None, help="With syn and both: make this split alone.")
@click.option(
    "--size", default=None, type=int, help="Side of a picture in pixels.  [default: the recipe's 256]"
)
@click.option("--shards", default=None, help="Make only these shards of the whole: 3, 0-7 or 0-7,12.")
@run_options("shards")
@renderer_option()
@hand_model_option()
@click.option(
    "--backgrounds",
    default="auto",
    show_default=True,
    help="procedural, a folder of jpg and png, interhand:DIR, or auto: frames of the photographs, else"
    " procedural.",
)
@overrides_option("p_absent=0, or render.p_absent=0 and syn.p_alone=0 of both")
def synth_aih(
    out: Path,
    num: int,
    recipe: str,
    seed: int,
    workers: int,
    renderer: str,
    images: str,
    poses: str,
    keep: Keep,
    paste: Mode | None,
    split: str | None,
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
    and MANO parameters. Rendered scenes (AIH_Render) give a right-centred, a left-centred and a pair record;
    pasted ones (AIH_Syn) put a cut-out hand into the photograph of another. --recipe syn and both write the
    splits train, val and test. The same command continues after an interruption. All keys of a recipe:
    handbench config show both

    \b
    Examples:
      handbench synth-aih --out out/train --num 3000
      handbench synth-aih --out out/real --poses tzionas:tzionas_hands --num 2000 --workers 2
      handbench synth-aih --out out/both --recipe both --num 3000
      handbench synth-aih --out out/real --recipe both --images interhand:DIR --poses interhand:DIR
      handbench synth-aih --out out/dark --num 300 --set effects.p_low_light=1.0
    """
    from handbench.synth.generate import SynthOptions, generate, report_dict, summary

    options = SynthOptions(
        recipe=recipe,
        overrides=overrides,
        seed=seed,
        renderer=renderer,
        images=images,
        poses=poses,
        backgrounds=backgrounds,
        hand_model=hand_model,
        keep=keep,
        paste=paste,
        size=size,
    )
    report = generate(out, options, num, workers, shards, on_existing, quiet=quiet or as_json, split=split)
    if as_json:
        click.echo(json.dumps(report_dict(report), indent=2))
        return
    for line in summary(report):
        click.echo(line)
