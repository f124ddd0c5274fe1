"""``handbench predict``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from handbench.cli.options import stage_options
from handbench.cli.own_pictures import own_options
from handbench.interrupts import stop_signals

if TYPE_CHECKING:
    from handbench.predict import OnExisting


@click.command()
@click.option("--model", required=True, metavar="NAME", help="NAME[:VARIANT][+FILTER]: see handbench models.")
@click.option(
    "--data", default=None, metavar="REF", help="NAME:PATH[@key=value,...], e.g. aih:aih@limit=100."
)
@click.option(
    "--images", default=None, type=click.Path(path_type=Path),
    help="Instead of --data: a folder of jpg and png of your own, or a video file.",
)  # fmt: skip
@own_options
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The prediction file, FILE.h5.")
@click.option(
    "--weights", default=None, type=click.Path(path_type=Path),
    help="File of trained weights; of a pipeline the folder of its stages'.",
)  # fmt: skip
@stage_options
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
@stop_signals(raises=True)
def predict(
    model: str,
    data: str | None,
    images: Path | None,
    boxes: str,
    side: str,
    focal: float | None,
    K: str,
    separate: bool,
    no_box: str,
    overlay: Path | None,
    hand_model: str,
    out: Path,
    weights: Path | None,
    oracle: str,
    pose: str,
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

    Pictures of your own need boxes about the hands; --overlay draws what was predicted (docs/predict.md).

    \b
    Examples:
      handbench predict --model oracle --data aih:aih/test --out oracle.h5
      handbench predict --model mean-hand+one-euro --data ho3d:HO3D_v3@split=evaluation --out mean.h5
      handbench predict --model mean-hand --images photos --boxes boxes.csv --out own.h5 --overlay drawn
      handbench predict --model mean-hand --images clip.mp4 --boxes "120,80,200,220" --out own.h5
    """
    import json

    from handbench.cli.own_pictures import reference
    from handbench.predict import run
    from handbench.predict.names import with_stages

    own = {"boxes": boxes, "side": side, "focal": focal, "K": K, "separate": separate, "no_box": no_box}
    dataset = reference(data, images, own).open(quiet or as_json)
    chosen = with_stages(model, oracle, pose)
    report = run(
        chosen, dataset, out, batch_size, workers, device, on_existing, random_init, weights, seed, max_bad,
        base, quiet=quiet or as_json,
    )  # fmt: skip
    drawn = None
    if overlay is not None:
        from handbench.formats.predictions import read_predictions
        from handbench.show.overlay_files import write_overlays

        predictions = read_predictions(report.path)
        drawn = write_overlays(dataset, predictions, overlay, report.model, hand_model, quiet or as_json)
    if as_json:
        click.echo(json.dumps(report.to_dict() | (drawn.to_dict() if drawn else {}), indent=2))
        return
    bad = f", {report.bad} of them unreadable (NaN)" if report.bad else ""
    rate = f"{report.samples / max(report.seconds, 1e-3):,.0f} a second"
    done = "was there already" if report.reused else f"{report.seconds:.1f} s, {rate}, {report.device}"
    what = f"{report.model} on {report.dataset} {report.split}, {report.samples:,} samples{bad}"
    click.echo(f"{report.path}: {what}; {done}")
    for line in drawn.lines() if drawn else ():
        click.echo(line)
