"""``handbench train``: data and a model in, weights and a log out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from handbench.errors import HandbenchError

F = TypeVar("F", bound=Callable[..., Any])

_OPTIMISATION = (
    click.option("--epochs", type=click.IntRange(1), help="Passes over the data."),
    click.option("--steps", type=click.IntRange(1), help="Steps, in place of --epochs."),
    click.option("--max-minutes", type=float, help="Train for at most this long; the schedule is fitted in."),
    click.option("--batch-size", type=click.IntRange(1), help="Items of a step, over all processes."),
    click.option("--lr", type=float, help="Learning rate at the start."),
    click.option("--milestones", metavar="E,E", help="Epochs at which the rate falls."),
    click.option("--gamma", type=float, help="What the rate is multiplied by there."),
    click.option("--optimiser", type=click.Choice(["adam", "adamw"])),
    click.option("--weight-decay", type=float),
    click.option("--clip-norm", type=float, help="Greatest norm of the gradient; 0 for no clipping."),
    click.option("--augment", help="Augmentation preset: none, ifvonet, handoccnet, full."),
)  # fmt: skip

_RUNNING = (
    click.option("--seed", default=0, show_default=True, help="Seed of weights, order and augmentation."),
    click.option("--seeds", type=click.IntRange(1), help="Train this many seeds; report mean and spread."),
    click.option("--workers", type=click.IntRange(0), help="Processes that make batches."),
    click.option("--device", help="cpu, cuda, cuda:1; by default a GPU where there is one."),
    click.option("--precision", type=click.Choice(["bf16", "tf32", "fp32"]), help="bf16 on GPUs, else fp32."),
    click.option("--compile/--no-compile", "compiled", default=None, help="By default on a GPU."),
    click.option("--log-every", default=10, show_default=True, type=click.IntRange(1), help="Steps."),
    click.option("--save-every", type=click.IntRange(1), help="Steps; by default every five minutes."),
    click.option("--preview-every", type=click.IntRange(0), help="Steps; 0 for none; by default ten a run."),
    click.option("--on-existing", default="resume", show_default=True,
                 type=click.Choice(["resume", "error", "overwrite"]), help="What to do with a run in --out."),
    click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
    click.option("--quiet", is_flag=True, help="No progress."),
)  # fmt: skip


def _with(*options: Callable[[F], F]) -> Callable[[F], F]:
    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


@click.command()
@click.option("--model", required=True, metavar="NAME", help="NAME[:VARIANT]: see handbench models.")
@click.option("--data", "data", required=True, multiple=True, metavar="REF",
              help="NAME:PATH[@key=value,...]; several are mixed.")  # fmt: skip
@click.option("--mix", metavar="W:W", help="Weights of the data, as 1:1; by default their numbers of items.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder of the run.")
@click.option("--val", default="", metavar="REF", help="Evaluate on this at the end.")
@click.option("--hand-model", default="", help="procedural, or mano:DIR.")
@click.option("--vgg", default="", metavar="FILE", help="Local VGG16 weights, for losses on features.")
@click.option("--pretrained", type=click.Path(path_type=Path), help="Local checkpoint of the backbone.")
@_with(*_OPTIMISATION)
@_with(*_RUNNING)
def train(**asked: Any) -> None:
    """Train a model. What is not given is as in the model's recipe.

    A run that was stopped or killed goes on with the same command. Several GPUs: start it with torchrun.

    \b
    Examples:
      handbench train --model ifvonet --data ho3d:HO3D_v2@split=train --out runs/ifvonet
      handbench train --model ifvonet-tiny --data ho3d:made@split=train --out runs/tiny --max-minutes 30
      torchrun --nproc-per-node 2 --no-python handbench train --model ifvonet --data ... --out runs/two
    """
    from handbench.train import TrainOptions, train_seeds
    from handbench.train import train as run
    from handbench.train.ddp import is_first

    seeds, as_json = asked.pop("seeds"), asked.pop("as_json")
    asked["compile"] = asked.pop("compiled")
    asked["mix"] = _numbers(asked["mix"], ":", "--mix") or ()
    asked["milestones"] = _numbers(asked["milestones"], ",", "--milestones")
    options = TrainOptions(**{**asked, "data": tuple(asked["data"]), "quiet": asked["quiet"] or as_json})
    if seeds is None:
        reports, spreads = [run(options)], None
    else:
        reports, spreads = train_seeds(options, seeds)
    if is_first():
        _print(reports, spreads, as_json)


def _numbers(text: str | None, between: str, name: str) -> tuple[float, ...] | None:
    if text is None:
        return None
    try:
        return tuple(float(word) for word in text.split(between))
    except ValueError:
        raise HandbenchError(f"{name} {text!r}", f"give numbers with {between!r} between them") from None


def _print(reports: Any, spreads: Any, as_json: bool) -> None:
    import dataclasses

    import orjson

    if as_json:
        found: dict[str, Any] = {"runs": [dataclasses.asdict(report) for report in reports]}
        if spreads is not None:
            found["numbers"] = {
                name: {"mean": s.mean, "std": s.std, "values": s.values, "unit": s.unit}
                for name, s in spreads.items()
            }
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str).decode())
        return
    for report in reports:
        rate = f", {report.rate:.0f} samples a second" if report.rate else ""
        click.echo(f"{report.model}: {report.steps} steps in {report.seconds:.0f} s{rate}")
        for name, value in report.validation.items():
            click.echo(f"  {name:<14} {value:8.3f} {report.units[name]}")
        click.echo(f"  weights: {report.weights}")
    for name, s in (spreads or {}).items():
        around = "" if s.std is None else f" +- {s.std:.3f}"
        click.echo(f"  {name:<14} {s.mean:8.3f}{around} {s.unit}  over {len(s.values)} seeds")
