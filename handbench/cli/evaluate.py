"""``handbench evaluate``: predict, score, one result for the leaderboard."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import stage_options
from handbench.interrupts import stop_signals

if TYPE_CHECKING:
    from handbench.predict import OnExisting


@click.command()
@click.option("--model", required=True, metavar="NAME", help="NAME[:VARIANT][+FILTER]: see handbench models.")
@click.option(
    "--data", metavar="REF", help="NAME:PATH[@key=value,...]; the built-in held-out set by default."
)
@click.option("--protocol", help="A name or an id with options; by default the one made for the data.")
@click.option("--results", default=Path("results"), show_default=True, type=click.Path(path_type=Path),
              help="Folder of results and prediction files.")  # fmt: skip
@click.option("--subset", default="", help="Score only this subset that the annotation names, e.g. close.")
@click.option(
    "--weights", default=None, type=click.Path(path_type=Path),
    help="File of trained weights; of a pipeline the folder of its stages'.",
)  # fmt: skip
@stage_options
@click.option("--random-init", is_flag=True, help="Run a model without trained weights; never on a board.")
@click.option("--seed", default=0, show_default=True, help="Seed of random weights.")
@click.option("--batch-size", default=None, type=click.IntRange(1), help="By default what memory holds.")
@click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0), help="Processes that make batches."
)
@click.option("--device", default=None, help="cpu, cuda, cuda:1; by default a GPU where there is one.")
@click.option("--on-existing", default="resume", show_default=True,
              type=click.Choice(["resume", "error", "overwrite"]),
              help="What to do with predictions that are there.")  # fmt: skip
@click.option("--force", is_flag=True, help="Score in spite of what diagnosis found.")
@click.option("--explain", is_flag=True, help="Say in words what the protocol does.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
@stop_signals(raises=True)
def evaluate(
    model: str, data: str | None, protocol: str | None, results: Path, subset: str, weights: Path | None,
    oracle: str, pose: str, random_init: bool, seed: int, batch_size: int | None, workers: int,
    device: str | None, on_existing: OnExisting, force: bool, explain: bool, as_json: bool, quiet: bool,
) -> None:  # fmt: skip
    """Predict a dataset with a model, score it, and keep a row for the leaderboard.

    Predictions that are there are used again where model, weights, data and settings agree; an interrupted
    run continues.

    \b
    Examples:
      handbench evaluate --model mean-hand
      handbench evaluate --model oracle-noise:5+one-euro --data ho3d:HO3D_v3@split=evaluation
      handbench evaluate --model hdr-tiny --oracle masks --data aih:aih/test
      handbench leaderboard build results --out board
    """
    import orjson

    from handbench.cli.score_text import score_dict, score_lines
    from handbench.evaluate import evaluate as run
    from handbench.predict.names import with_stages

    model = with_stages(model, oracle, pose)
    done = run(
        model, data, protocol, results, subset, weights, batch_size, workers, device, seed, random_init,
        on_existing, force, quiet or as_json,
    )  # fmt: skip
    if as_json:
        content = score_dict(done.scored) | {"result": str(done.folder), "reused": done.reused}
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
        return
    click.echo(f"{model}: {done.predictions}{' (was there already)' if done.reused else ''}")
    for line in score_lines(done.scored):
        click.echo(line)
    if explain:
        click.echo("\nWhat this protocol does:")
        for line in done.scored.protocol.explain():
            click.echo(f"  {line}")
    click.echo(f"\n{done.folder}: kept for `handbench leaderboard build {results}`")
