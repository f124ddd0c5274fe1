"""``handbench data export``: an AIH dataset in the authors' plain-file layout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from handbench.export import Syn
    from handbench.formats.aih_plain import Branch


@click.command(
    epilog="Examples: handbench data export out/aih --out out/plain; "
    "handbench data export aih:out/aih@split=train --out out/plain --syn crops"
)
@click.argument("target")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), help="Gets AIH_render and AIH_syn; empty."
)
@click.option(
    "--layout", default="aih-plain", show_default=True, type=click.Choice(["aih-plain"]), help="As whom."
)
@click.option(
    "--branch",
    default="machine",
    show_default=True,
    type=click.Choice(["machine", "human"]),
    help="What the layout calls the annotation.",
)
@click.option(
    "--syn",
    default="samples",
    show_default=True,
    type=click.Choice(["samples", "crops"]),
    help="Pasted samples whole in AIH_render, or as crops and recipes in AIH_syn.",
)
@click.option("--split", "splits", multiple=True, help="This split; may be repeated.  [default: all]")
@click.option(
    "--on-existing",
    default="error",
    show_default=True,
    type=click.Choice(["error", "overwrite"]),
    help="Where --out is not empty: stop, or replace these splits of this branch.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="Print no progress.")
def export(
    target: str,
    out: Path,
    layout: str,
    branch: Branch,
    syn: Syn,
    splits: tuple[str, ...],
    on_existing: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write AIH as plain files, in the authors' layout.

    TARGET is the FOLDER of an AIH dataset (one split, or all of them), or aih:DIR@key=value,.... Every record
    with a picture of its target alone becomes a sample of AIH_render, pictures byte for byte; what the layout
    has no place for goes to handbench.jsonl beside them. The rows of a table are composed. With --syn crops
    pasted samples become 256 x 256 crops of single hands and recipes in AIH_syn, which the authors' reader
    pastes: with a hard edge, no matched light and no blur; samples that it cannot say are counted.
    """
    import orjson

    from handbench.cli.data_target import USAGE, find_target, parse_target
    from handbench.errors import HandbenchError
    from handbench.export import export_aih_plain, open_parts
    from handbench.formats.aih_plain import SPLITS

    found = parse_target([target])
    if isinstance(found, Path) and not any((found / split / "manifest.json").is_file() for split in SPLITS):
        found = find_target([target])
    for split in splits:
        if split not in SPLITS:
            raise HandbenchError(f"--split {split}", f"give {', '.join(SPLITS)}")
    parts = open_parts(found, splits)
    if not parts:
        raise HandbenchError(f"{target} holds no AIH", USAGE)
    done = export_aih_plain(parts, out, branch, syn, on_existing == "overwrite", quiet or as_json)
    if as_json:
        content = {"out": str(out), "layout": layout, "splits": done}
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
        return
    for part in done:
        for line in part.lines(out):
            click.echo(line)
