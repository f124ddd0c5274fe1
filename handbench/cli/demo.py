"""``handbench demo``: the tour."""

from __future__ import annotations

import time
from pathlib import Path

import click


@click.command()
@click.option("--out", default=Path("out/demo"), show_default=True, type=click.Path(path_type=Path))
@click.option("--num", default=240, show_default=True, help="Number of records.")
def demo(out: Path, num: int) -> None:
    """The tour: make a small AIH dataset with what is built in, look at it, score models on it.

    It needs no licensed data, no GPU and no network. The first run compiles its kernels, about a minute.

    \b
    Example:
      handbench demo --out out/demo
    """
    from handbench.errors import CorruptError
    from handbench.show.sheet import write_sheet
    from handbench.show.stats import gather
    from handbench.store import open_store, verify_store
    from handbench.synth.generate import SynthOptions, generate

    folder = out / "aih"
    click.echo(f"1. handbench synth-aih --out {folder} --num {num}")
    started = time.perf_counter()
    (made,) = generate(folder, SynthOptions(), num=num)
    digest = made.run.manifest.digest if made.run.manifest else "unfinished"
    click.echo(f"   {num} records in {time.perf_counter() - started:.1f} s, digest {digest}")
    click.echo(f"2. handbench data verify {folder} --deep")
    verdict = verify_store(folder, deep=True)
    click.echo(f"   {verdict.checked} records decoded and checked, {len(verdict.faults)} faults")
    if verdict.faults:
        raise CorruptError(str(verdict.faults[0]), f"remove {folder} and run the demo again")
    sheet = out / "sheet.png"
    click.echo(f"3. handbench data show {folder} --out {sheet}")
    write_sheet(folder, sheet, num=24)
    click.echo(f"4. handbench data stats {folder}")
    for line in gather(open_store(folder)).lines():
        click.echo(f"   {line}")
    _score(out, folder)
    click.echo(f"\nOpen {sheet}: each row is a picture, its target alone, four masks, and the skeletons.")
    click.echo(f"Open {out / 'board' / 'leaderboard.html'}: these results beside the published ones.")
    click.echo(f"Next, with pasted hands and in splits: handbench synth-aih --recipe both --out {out}/both")


def _score(out: Path, data: Path) -> None:
    """Evaluates two reference models on the records, and builds the leaderboard."""
    from handbench.evaluate import evaluate
    from handbench.leaderboard.board import build

    results = out / "results"
    for number, model in ((5, "mean-hand"), (6, "oracle-noise:5")):
        click.echo(f"{number}. handbench evaluate --model {model} --data aih:{data} --results {results}")
        score = evaluate(model, f"aih:{data}", results=results, quiet=True).scored.score
        for figure in [f for f in score.figures if not f.stratum and f.subset == "all"][:3]:
            click.echo(f"   {figure.metric.name} {figure.value:.2f} {figure.metric.unit}")
    click.echo(f"7. handbench leaderboard build {results} --out {out / 'board'}")
    board = build([results], out / "board")
    click.echo(f"   {board.rows:,} rows, measured here and published")
