"""``handbench data``: look at datasets and verify them."""

from __future__ import annotations

from pathlib import Path

import click

_SHOWN = 20
"""Faults that verify prints."""


@click.group()
def data() -> None:
    """Look at datasets and verify them."""


@data.command(epilog="Example: handbench data verify aih --deep")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--deep", is_flag=True, help="Decode every picture, mask and joint too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(folder: Path, deep: bool, as_json: bool) -> None:
    """Find every byte of a dataset that differs from what was written.

    Checks sizes, the hash of each file, the checksum of each record, counts and the dataset's digest, and
    names shard and sample of each fault. Exits with 4 when there is a fault, 3 when it is unfinished.
    """
    import orjson

    from handbench.errors import CorruptError, PartialError
    from handbench.store import verify_store

    verdict = verify_store(folder, deep)
    digest = verdict.manifest.digest if verdict.manifest else None
    if as_json:
        content = {
            "sound": not verdict.faults,
            "finished": not verdict.unfinished,
            "samples": verdict.checked,
            "size": verdict.size,
            "digest": digest,
            "faults": verdict.faults,
        }
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        for fault in verdict.faults[:_SHOWN]:
            click.echo(fault)
        if len(verdict.faults) > _SHOWN:
            click.echo(f"... and {len(verdict.faults) - _SHOWN} more; --json lists all")
    if verdict.faults:
        raise CorruptError(
            f"{folder}: {len(verdict.faults)} faults",
            "remove the folder of each shard named, then run the command that made them: it makes only those",
        )
    if verdict.unfinished:
        raise PartialError(
            f"{folder}: its {verdict.checked} samples are sound, but it is unfinished",
            "run the command that makes it again: it continues",
        )
    if not as_json:
        click.echo(f"sound: {verdict.checked} samples, {verdict.size / 1e6:.1f} MB, digest {digest}")


@data.command(epilog="Example: handbench data show aih --out sheet.png --num 24")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--out", default=Path("sheet.png"), show_default=True, type=click.Path(path_type=Path))
@click.option(
    "--num", default=24, show_default=True, help="Number of samples, spread evenly over the dataset."
)
@click.option("--ids", default=None, help="These samples instead: 0,17,300.")
def show(folder: Path, out: Path, num: int, ids: str | None) -> None:
    """Draw a contact sheet: picture, target alone, four masks, skeletons and ids of each sample."""
    from handbench.errors import HandbenchError
    from handbench.show.sheet import write_sheet

    try:
        chosen = None if ids is None else [int(word) for word in ids.split(",")]
    except ValueError:
        raise HandbenchError(f"cannot read --ids {ids!r}", "write 0,17,300") from None
    click.echo(f"{write_sheet(folder, out, num, chosen)} samples on {out}")


@data.command(epilog="Example: handbench data stats aih --plot stats.png")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--plot", default=None, type=click.Path(path_type=Path), help="Also plot to this picture.")
@click.option("--json", "as_json", is_flag=True, help="Print the manifest's histograms as JSON.")
def stats(folder: Path, plot: Path | None, as_json: bool) -> None:
    """Print (and plot) what a dataset contains: occlusion, poses, sizes, what covers the joints."""
    import orjson

    from handbench.show.stats import gather
    from handbench.show.stats import plot as plot_stats
    from handbench.store import open_store

    store = open_store(folder)
    if as_json:
        click.echo(orjson.dumps(store.manifest.statistics, option=orjson.OPT_INDENT_2).decode())
        return
    found = gather(store)
    for line in found.lines():
        click.echo(line)
    if plot is not None:
        plot_stats(found, plot)
        click.echo(f"plot on {plot}")
