"""``handbench data show``: a contact sheet of samples."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="Examples: handbench data show aih --num 24; "
    "handbench data show ho3d:~/HO3D_v3@split=train --out sheet.jpg"
)
@click.argument("target", nargs=-1, required=True)
@click.option("--out", default=Path("sheet.png"), show_default=True, type=click.Path(path_type=Path))
@click.option(
    "--num", default=24, show_default=True, help="Number of samples, spread evenly over the dataset."
)
@click.option("--ids", default=None, help="These samples instead, by place: 0,17,300.")
@click.option("--keys", default=None, help="These samples instead, by key: interhand/test/7,...")
@click.option("--zoom", is_flag=True, help="Cut each picture of a dataset to its hands.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A key of the dataset's loader.")
def show(
    target: tuple[str, ...],
    out: Path,
    num: int,
    ids: str | None,
    keys: str | None,
    zoom: bool,
    settings: tuple[str, ...],
) -> None:
    """Draw a contact sheet of samples, with their keys.

    TARGET is the FOLDER of a store (picture, target alone, four masks, skeletons; of cut-outs: photograph,
    outline, what is pasted), or a dataset as NAME ROOT or NAME:PATH@key=value,...: joints in finger colours,
    invalid ones hollow, boxes, masks, object corners.
    """
    from handbench.cli.data_target import find_target, store_kind
    from handbench.errors import HandbenchError

    found = find_target(target, settings, drawn=True)
    try:
        chosen = None if ids is None else [int(word) for word in ids.split(",")]
    except ValueError:
        raise HandbenchError(f"cannot read --ids {ids!r}", "write 0,17,300") from None
    if isinstance(found, Path):
        if keys is not None:
            raise HandbenchError("--keys names samples of a dataset, not of a store's folder", "use --ids")
        click.echo(f"{_show_store(found, store_kind(found), out, num, chosen)} on {out}")
        return
    from handbench.show.dataset_sheet import choose, write_dataset_sheet

    dataset = found.open()
    places = choose(dataset, num, chosen, None if keys is None else keys.split(","))
    drawn, bad = write_dataset_sheet(dataset, places, out, zoom)
    for line in bad:
        click.echo(f"cannot be shown: {line}", err=True)
    click.echo(f"{drawn} samples on {out}")


def _show_store(folder: Path, kind: str, out: Path, num: int, ids: list[int] | None) -> str:
    from handbench.store.kinds import CUTOUTS

    if kind == CUTOUTS:
        from handbench.show.cutout_sheet import write_cutout_sheet

        return f"{write_cutout_sheet(folder, out, num, ids)} cut-outs"
    from handbench.show.sheet import write_sheet

    return f"{write_sheet(folder, out, num, ids)} samples"
