"""``handbench predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from handbench.predict import OnExisting


@click.command(
    epilog="Examples: handbench predict --model oracle --data aih:aih/test --out oracle.h5;"
    " handbench predict --model mean-hand+one-euro --data ho3d:HO3D_v3@split=evaluation --out mean.h5"
)
@click.option("--model", required=True, metavar="NAME", help="NAME[:VARIANT][+FILTER]: see handbench models.")
@click.option(
    "--data", required=True, metavar="REF", help="NAME:PATH[@key=value,...], e.g. aih:aih@limit=100."
)
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The prediction file, FILE.h5.")
@click.option("--weights", default=None, type=click.Path(path_type=Path), help="File of trained weights.")
@click.option("--random-init", is_flag=True, help="Run a model without trained weights.")
@click.option("--seed", default=0, show_default=True, help="Seed of random weights.")
@click.option(
    "--batch-size",
    default=None,
    type=click.IntRange(1),
    help="Items at a time; by default what memory holds.",
)
@click.option(
    "--workers", default=0, show_default=True, type=click.IntRange(0),
    help="Processes that make batches; 0 makes them here.",
)  # fmt: skip
@click.option("--device", default=None, help="cpu, cuda, cuda:1; by default a GPU where there is one.")
@click.option(
    "--base", default=None, type=click.Path(path_type=Path),
    help="Where a filtered model's own predictions are, or go; FILE.base.h5 by default.",
)  # fmt: skip
@click.option(
    "--max-bad", default=0.001, show_default=True, type=click.FloatRange(0, 1),
    help="Share of unreadable samples beyond which it fails.",
)  # fmt: skip
@click.option(
    "--on-existing", default="resume", show_default=True,
    type=click.Choice(["resume", "error", "overwrite"]), help="What to do with predictions that are there.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@click.option("--quiet", is_flag=True, help="No progress.")
def predict(
    model: str,
    data: str,
    out: Path,
    weights: Path | None,
    random_init: bool,
    seed: int,
    batch_size: int | None,
    workers: int,
    device: str | None,
    base: Path | None,
    max_bad: float,
    on_existing: OnExisting,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write a model's predictions of a dataset to one HDF5 file, which any protocol scores.

    The same command continues after an interruption. A file that is there is used where model, weights, data
    and settings agree. Every sample is in the file; what cannot be read is NaN and counted.
    """
    import json

    from handbench.predict import run

    report = run(
        model, data, out, batch_size, workers, device, on_existing, random_init, weights, seed, max_bad, base,
        quiet=quiet or as_json,
    )  # fmt: skip
    if as_json:
        click.echo(json.dumps(report.to_dict(), indent=2))
        return
    bad = f", {report.bad} of them unreadable (NaN)" if report.bad else ""
    rate = f"{report.samples / max(report.seconds, 1e-3):,.0f} a second"
    done = "was there already" if report.reused else f"{report.seconds:.1f} s, {rate}, {report.device}"
    what = f"{report.model} on {report.dataset} {report.split}, {report.samples:,} samples{bad}"
    click.echo(f"{report.path}: {what}; {done}")
