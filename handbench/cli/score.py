"""``handbench score``: the numbers of a prediction file."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--protocol", required=True, help="A name, or an id with options: ho3d_v2/root=gt/tips=ho3d.")
@click.option("--gt", metavar="DIR|REF", help="Folder of the data, or NAME:PATH[@key=value,...].")
@click.option("--split", default="", help="Split of the data; the protocol's own by default.")
@click.option("--subset", default="", help="Score only this subset that the annotation names, e.g. close.")
@click.option("--partial", is_flag=True, help="Score the samples that were predicted; marked, never ranked.")
@click.option("--unit", default="m", show_default=True, type=click.Choice(["m", "cm", "mm"]),
              help="Unit of the lengths in FILE.")  # fmt: skip
@click.option("--force", is_flag=True, help="Score in spite of what diagnosis found.")
@click.option("--explain", is_flag=True, help="Say in words what is aligned, averaged and counted.")
@click.option(
    "--json", "out", type=click.Path(path_type=Path), help="Write all numbers to this file; - prints."
)
@click.option(
    "--samples", type=click.Path(path_type=Path), help="Write the values of each sample: FILE.csv.gz."
)
@click.option(
    "--results", type=click.Path(path_type=Path), help="Keep the result in this folder for the leaderboard."
)
@click.option("--model", default="", help="With --results: the name that the rows carry.")
@click.option("--train-data", default="", help="With --results: what the model was trained on.")
def score(
    file: Path, protocol: str, gt: str | None, split: str, subset: str, partial: bool, unit: str, force: bool,
    explain: bool, out: Path | None, samples: Path | None, results: Path | None, model: str, train_data: str,
) -> None:  # fmt: skip
    """Score FILE: predictions of any model in our HDF5 form, or an official HO-3D pred.json.

    A file that is wrong (millimetres, another frame or joint order, a mirrored hand, missing frames) is
    named as such and not scored.

    \b
    Examples:
      handbench score pred.h5 --protocol interhand --gt InterHand2.6M --split test
      handbench score pred.json --protocol ho3d_v2 --gt HO3D_v2 --json out.json
      handbench score pred.h5 --protocol ho3d_v3 --gt HO3D_v3 --explain
    """
    import orjson

    from handbench.cli.score_text import score_dict, score_lines
    from handbench.errors import HandbenchError
    from handbench.score import score_file

    if results is not None and not model:
        raise HandbenchError("--results needs a name for the rows", "add --model NAME")
    scored = score_file(file, protocol, gt, split, subset, partial, force, unit)
    if out is not None:
        text = orjson.dumps(score_dict(scored), option=orjson.OPT_INDENT_2)
        if str(out) == "-":
            click.echo(text.decode())
            return
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(text + b"\n")
    for line in score_lines(scored):
        click.echo(line)
    if explain:
        click.echo("\nWhat this protocol does:")
        for line in scored.protocol.explain():
            click.echo(f"  {line}")
    if samples is not None:
        from handbench.evaluate import keep_samples

        keep_samples(scored, samples)
        click.echo(f"\n{samples}: {len(scored.score.keys):,} samples")
    if results is not None:
        from handbench.evaluate import keep_result

        folder = keep_result(scored, results, model, train_data, f"handbench score {file.name}")
        click.echo(f"\n{folder}: kept for `handbench leaderboard build {results}`")
