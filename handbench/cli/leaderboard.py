"""``handbench leaderboard``: rows of results, ranked, checked, compared and published."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    import pandas

_PATHS = click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
_REPORTED = click.option(
    "--reported/--no-reported", default=True, show_default=True,
    help="Also the published numbers that come with the package.",
)  # fmt: skip


@click.group()
def leaderboard() -> None:
    """Rank, check, compare and publish results beside the published numbers.

    PATHS are result folders (what evaluate writes), folders of them, or board CSVs. Without any, the folder
    ``results`` is read where it is there.

    \b
    Examples:
      handbench leaderboard show --dataset ho3d_v2
      handbench leaderboard build results --out board
      handbench leaderboard compare results/A results/B --by occlusion
    """


@leaderboard.command()
@_PATHS
@click.option("--out", default=Path("leaderboard-out"), show_default=True, type=click.Path(path_type=Path),
              help="Folder for the three files.")  # fmt: skip
def build(paths: tuple[Path, ...], out: Path) -> None:
    """Write leaderboard.csv, leaderboard.md and the self-contained leaderboard.html.

    Rows that `check` refuses are left off and named; parts of the data stay, marked and never ranked.

    \b
    Example:
      handbench leaderboard build results --out board
    """
    from handbench.leaderboard.board import build as build_board

    board = build_board(paths or None, out)
    for problem in board.left_out:
        click.echo(f"left out: {problem}", err=True)
    click.echo(f"{board.rows:,} rows on {board.csv}, {board.markdown} and {board.html}")


@leaderboard.command()
@_PATHS
@click.option("--dataset", default="", help="Data, e.g. ho3d_v2 (also those of other fingerprints).")
@click.option("--protocol", default="", help="Start of the protocol id, e.g. ho3d_v2/root=gt.")
@click.option("--metric", multiple=True, help="A metric, e.g. PA-MPJPE; may be given again.")
@click.option("--kind", default=None, type=click.Choice(["measured", "reported"]), help="One kind alone.")
@click.option("--model", multiple=True, help="A model, e.g. ifvonet or ifvonet:iv-tf; may be given again.")
@click.option("--strata", is_flag=True, help="Also the numbers of finer parts of the data.")
@_REPORTED
@click.option("--json", "as_json", is_flag=True, help="Print the rows as JSON.")
def show(
    paths: tuple[Path, ...], dataset: str, protocol: str, metric: tuple[str, ...], kind: str | None,
    model: tuple[str, ...], strata: bool, reported: bool, as_json: bool,
) -> None:  # fmt: skip
    """Print rows, ranked within one dataset, split, subset, protocol id and metric.

    \b
    Examples:
      handbench leaderboard show --dataset ho3d_v2 --metric PA-MPJPE
      handbench leaderboard show results --kind measured --model ifvonet-tiny
    """
    import orjson

    from handbench.errors import HandbenchError
    from handbench.leaderboard.lists import terminal_lines
    from handbench.leaderboard.table import read, rows_of

    frame = read(paths or None, reported=reported)
    kept = frame[_chosen(frame, dataset, protocol, metric, kind, model, strata)]
    if not len(kept):
        raise HandbenchError(
            f"none of {len(frame):,} rows is left", "loosen the filters, or name other PATHS"
        )
    if as_json:
        rows = [row.to_dict() for row in rows_of(kept)]
        click.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode())
        return
    for line in terminal_lines(kept):
        click.echo(line)


@leaderboard.command()
@_PATHS
@_REPORTED
def check(paths: tuple[Path, ...], reported: bool) -> None:
    """Say what keeps rows off the board; exit 2 when there is anything.

    Measured rows need provenance that matches what lies beside them, whole data, the official counts and
    trained weights; reported rows need a source.

    \b
    Example:
      handbench leaderboard check results
    """
    from handbench.errors import HandbenchError
    from handbench.leaderboard.board import read_results, result_paths
    from handbench.leaderboard.check import check as find_problems
    from handbench.leaderboard.table import read

    places = result_paths(paths or None)
    frame = read(places, reported=reported)
    problems = find_problems(frame, read_results(places))
    for problem in problems:
        click.echo(str(problem))
    if problems:
        rows = len({problem.index for problem in problems})
        raise HandbenchError(f"{rows:,} of {len(frame):,} rows are refused", "each line above says why")
    click.echo(f"{len(frame):,} rows, nothing refused")


@leaderboard.command()
@click.argument("a", type=click.Path(path_type=Path))
@click.argument("b", type=click.Path(path_type=Path))
@click.option("--metric", default="", help="One metric; all that both have, where none is named.")
@click.option("--subset", default="all", show_default=True, help="The part that the protocol names.")
@click.option("--by", default="", help="A line for each stratum, e.g. occlusion, sequence or joint.")
@click.option("--json", "as_json", is_flag=True, help="Print the lines as JSON.")
def compare(a: Path, b: Path, metric: str, subset: str, by: str, as_json: bool) -> None:
    """Compare two result folders, paired on the recordings that both have.

    The interval of the difference and its p-value draw whole recordings, never frames. Below 10 common
    recordings the answer is 'not resolvable'. Results by other protocols or on other data are refused.

    \b
    Examples:
      handbench leaderboard compare results/A results/B
      handbench leaderboard compare results/A results/B --metric PA-MPJPE --by occlusion
    """
    import orjson

    from handbench.leaderboard.compare import compare as compare_results

    found = compare_results(a, b, metric, subset, by)
    if as_json:
        click.echo(orjson.dumps(found.to_dict(), option=orjson.OPT_INDENT_2).decode())
        return
    for line in found.words():
        click.echo(line)


@leaderboard.command()
@click.argument("name", metavar="ifvonet|hdr")
@_PATHS
def paper(name: str, paths: tuple[Path, ...]) -> None:
    """Print a paper's tables in their own shape as Markdown, published and measured side by side.

    \b
    Examples:
      handbench leaderboard paper ifvonet
      handbench leaderboard paper hdr results > hdr.md
    """
    from handbench.leaderboard.paper import paper_tables
    from handbench.leaderboard.table import read

    click.echo(paper_tables(name, read(paths or None)), nl=False)


def _chosen(
    frame: pandas.DataFrame, dataset: str, protocol: str, metric: tuple[str, ...], kind: str | None,
    model: tuple[str, ...], strata: bool,
) -> pandas.Series[bool]:  # fmt: skip
    """Returns which rows the filters keep."""
    import pandas

    from handbench.leaderboard.names import base_dataset, full_name

    kept = frame["protocol"].str.startswith(protocol)
    if dataset:
        kept &= (frame["dataset"] == dataset) | (frame["dataset"].map(base_dataset) == dataset)
    if metric:
        kept &= frame["metric"].isin(metric)
    if kind:
        kept &= frame["kind"] == kind
    if model:
        full = [full_name(m, v) for m, v in zip(frame["model"], frame["variant"], strict=True)]
        kept &= frame["model"].isin(model) | pandas.Series(full, frame.index, dtype="str").isin(model)
    return kept if strata else kept & (frame["stratum"] == "")
