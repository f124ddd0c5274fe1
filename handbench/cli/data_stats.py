"""``handbench data stats``: what a dataset contains."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="Examples: handbench data stats aih --plot stats.png; handbench data stats ho3d ~/HO3D_v3"
)
@click.argument("target", nargs=-1, required=True)
@click.option("--plot", default=None, type=click.Path(path_type=Path), help="Also plot to this picture.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A key of the dataset's loader.")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON.")
def stats(target: tuple[str, ...], plot: Path | None, settings: tuple[str, ...], as_json: bool) -> None:
    """Print (and plot) what a dataset contains: hands, sizes, depths, occlusion, motion per frame.

    TARGET is the FOLDER of a store (its JSON is the manifest's histograms), or a dataset as NAME ROOT or
    NAME:PATH@key=value,....
    """
    import orjson

    from handbench.cli.data_target import find_target

    found = find_target(target, settings, drawn=True)
    if isinstance(found, Path):
        _store_stats(found, plot, as_json)
        return
    from handbench.show.dataset_stats import gather_numbers, plot_numbers

    numbers = gather_numbers(found.open())
    if as_json:
        click.echo(orjson.dumps(numbers.as_dict(), option=orjson.OPT_INDENT_2).decode())
    else:
        for line in numbers.lines():
            click.echo(line)
    if plot is not None:
        plot_numbers(numbers, plot)
        click.echo(f"plot on {plot}", err=as_json)


def _store_stats(folder: Path, plot: Path | None, as_json: bool) -> None:
    import orjson

    from handbench.store import open_store
    from handbench.store.kinds import CUTOUTS

    store = open_store(folder)
    if as_json:
        click.echo(orjson.dumps(store.manifest.statistics, option=orjson.OPT_INDENT_2).decode())
    if store.manifest.spec.kind == CUTOUTS:
        from handbench.show.cutout_stats import plot_cutouts, read_cutout_stats

        cutouts = read_cutout_stats(store.manifest)
        _print(cutouts.lines(), as_json)
        if plot is not None:
            plot_cutouts(cutouts, plot)
    elif plot is not None or not as_json:
        from handbench.show.stats import gather
        from handbench.show.stats import plot as plot_stats

        found = gather(store)
        _print(found.lines(), as_json)
        if plot is not None:
            plot_stats(found, plot)
    if plot is not None:
        click.echo(f"plot on {plot}", err=as_json)


def _print(lines: list[str], as_json: bool) -> None:
    for line in [] if as_json else lines:
        click.echo(line)
