"""``handbench data cutouts``: hands cut out of photographs, packed once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import hand_model_option, overrides_option, run_options

if TYPE_CHECKING:
    from handbench.store.existing import OnExisting


@click.command(
    epilog="Examples: handbench data cutouts interhand:InterHand2.6M --out out/cutouts --workers 2; "
    "handbench synth-aih --recipe both --images cutouts:out/cutouts --out out/aih"
)
@click.argument("ref")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Gets a store of cut-outs for each split."
)
@run_options("shards", seed="")
@hand_model_option()
@overrides_option("cutouts.rule.side=60")
def cutouts(
    ref: str,
    out: Path,
    workers: int,
    on_existing: OnExisting,
    hand_model: str,
    overrides: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Cut single hands out of the photographs of a dataset, for pasting.

    REF is interhand:DIR[@split=train,...]. The hand model is fitted to each moment's joints (or the annotated
    MANO parameters are taken), drawn into each picture and made to follow the outline there. Pictures that
    cannot be used are counted by reason. The same command continues after an interruption. Keys: the parts
    cutouts and splits of `handbench config show both`.
    """
    from handbench.synth.cutout_stores import RunOptions, cut_dataset

    run = RunOptions(workers, on_existing, quiet or as_json)
    found, notes = cut_dataset(ref, out, overrides, hand_model, run)
    if as_json:
        result = {split: {"num": len(store), **store.manifest.statistics} for split, store in found.items()}
        click.echo(json.dumps(result, indent=2))
        return
    for line in notes:
        click.echo(line)
