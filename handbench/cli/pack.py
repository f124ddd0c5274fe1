"""``handbench data pack``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from handbench.cli.options import run_options

if TYPE_CHECKING:
    from handbench.store.existing import OnExisting


@click.command(epilog="Example: handbench data pack ho3d:HO3D_v3@version=v3,split=train --out packed/train")
@click.argument("ref")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the pack.")
@click.option("--size", default=256, show_default=True, help="Width of a crop at rest [px].")
@click.option(
    "--scale", default=1.5, show_default=True, help="Width of the crop over the longer side of the box."
)
@click.option(
    "--augment",
    default="full",
    show_default=True,
    help="Leave the margin that this augmentation needs: none, handoccnet, full or interhand, the widest."
    " full is enough for all but interhand.",
)
@click.option("--margin", default=None, type=float, help="Stored width over --size, instead of that.")
@click.option(
    "--about",
    default="hands",
    show_default=True,
    type=click.Choice(["hands", "picture"]),
    help="Cut a square about the hands, or keep the whole picture (its longer side at most --size).",
)
@click.option(
    "--sides",
    default="both",
    show_default=True,
    type=click.Choice(["right", "left", "both"]),
    help="Hands that the square is about.",
)
@click.option("--every", default=None, type=click.IntRange(1), help="Take each k-th sample.")
@click.option("--limit", default=None, type=click.IntRange(1), help="Take the first n of these.")
@click.option("--quality", default=95, show_default=True, help="JPEG quality, 1 to 100.")
@click.option("--masks/--no-masks", default=True, show_default=True, help="Store the masks of the hands.")
@click.option("--vertices", is_flag=True, help="Store vertices too: 9 KB a hand.")
@click.option(
    "--max-bad", default=0.001, show_default=True, help="Share of bad samples beyond which it fails."
)
@run_options("shards", seed="")
def pack(
    ref: str,
    out: Path,
    size: int,
    scale: float,
    augment: str,
    margin: float | None,
    about: Literal["hands", "picture"],
    sides: Literal["right", "left", "both"],
    every: int | None,
    limit: int | None,
    quality: int,
    masks: bool,
    vertices: bool,
    workers: int,
    on_existing: OnExisting,
    max_bad: float,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a dataset, cropped and with the margin that augmentation needs, to a store that trains fast.

    REF is NAME:PATH[@key=value,...]. Keys, recordings and 3D labels stay the source's; K and pixels follow
    the crop. Open the result as packed:OUT. The same command continues after an interruption.
    """
    from handbench.datasets import DataRef
    from handbench.loaders.augment import named
    from handbench.loaders.pack import pack as run
    from handbench.loaders.pack import report_dict, summary
    from handbench.loaders.pack_record import PackSettings

    parsed = DataRef.parse(ref)
    chosen = {key: str(value) for key, value in (("every", every), ("limit", limit)) if value is not None}
    parsed = DataRef(parsed.name, parsed.path, {**parsed.options, **chosen})
    width = named(augment).margin() if margin is None else margin
    settings = PackSettings(
        size, scale, width if about == "hands" else 1.0, about, sides, quality, masks, vertices
    )
    report = run(parsed, out, settings, workers, on_existing, max_bad, quiet=quiet or as_json)
    if as_json:
        click.echo(json.dumps(report_dict(report), indent=2))
        return
    for line in summary(report):
        click.echo(line)
