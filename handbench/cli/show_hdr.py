"""``handbench show hdr``."""

from __future__ import annotations

from pathlib import Path

import click

from handbench.cli.options import stage_options


@click.command()
@click.argument("what", nargs=-1, required=True, metavar="IMAGE|KEY...")
@click.option("--data", default=None, metavar="REF", help="NAME:PATH[@key=value,...]; then KEYs are named.")
@click.option(
    "--model", default="hdr-tiny", show_default=True, metavar="NAME", help="A pipeline: NAME[:VARIANT]."
)
@click.option(
    "--weights", default=None, type=click.Path(path_type=Path), help="Folder of its stages' trained weights."
)
@stage_options
@click.option("--random-init", is_flag=True, help="Run it without trained weights.")
@click.option(
    "--out", default=Path("hdr.png"), show_default=True, type=click.Path(path_type=Path), help="The figure."
)
@click.option("--device", default=None, help="cpu, cuda, cuda:1; by default a GPU where there is one.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def hdr(
    what: tuple[str, ...], data: str | None, model: str, weights: Path | None, oracle: str, pose: str,
    random_init: bool, out: Path, device: str | None, quiet: bool,
) -> None:  # fmt: skip
    """Draw what the pipeline HDR makes of pictures: masks, completed pictures, poses.

    Of each picture: the crop that the pipeline saw, the whole and the visible mask of both hands, each hand
    alone and completed, both skeletons; below it the same of the annotation, where there is one. KEYs are
    samples of --data (a whole key, or an end that only one has); without --data, jpg and png of your own, in
    which the hands are detected.

    \b
    Examples:
      handbench show hdr photo.jpg --out strip.png
      handbench show hdr 00000012 00000345 --data aih:aih@split=test --oracle masks
      handbench show hdr test/7 --data interhand:InterHand2.6M --model hdr --weights runs/hdr
    """
    from handbench.show.hdr_run import draw_strips

    drawn = draw_strips(what, data, model, weights, oracle, pose, random_init, device, out)
    if not quiet:
        for line in drawn:
            click.echo(line)
