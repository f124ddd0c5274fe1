"""``handbench data verify``: damage, missing files and mixed-up annotations."""

from __future__ import annotations

from pathlib import Path

import click

_SHOWN = 20
"""Faults that verify prints of a store."""


@click.command(
    epilog="Examples: handbench data verify aih --deep; handbench data verify interhand ~/InterHand2.6M"
)
@click.argument("target", nargs=-1, required=True)
@click.option(
    "--deep",
    is_flag=True,
    help="Decode every picture strictly, read masks and depth, compare samples with their columns.",
)
@click.option("--num", default=None, type=click.IntRange(1), help="Samples to look at.  [default: 400]")
@click.option("--all", "every", is_flag=True, help="Look at all samples.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A key of the dataset's loader.")
@click.option("--hand-model", default=None, help="What MANO parameters belong to: procedural or mano:DIR.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def verify(
    target: tuple[str, ...],
    deep: bool,
    num: int | None,
    every: bool,
    settings: tuple[str, ...],
    hand_model: str | None,
    as_json: bool,
) -> None:
    """Find damage, missing files and mixed-up annotations.

    TARGET is the FOLDER of a store: every byte that differs from what was written is found; or a dataset as
    NAME ROOT or NAME:PATH@key=value,...: pictures that do not open, joints and boxes that do not project,
    MANO parameters that do not fit, and mix-ups of units, frames, joint orders and sides, named as such.
    Exits with 0 when it is sound, 3 when it is unfinished or samples are missing, 4 when there is a fault.
    """
    from handbench.cli.data_target import find_target

    found = find_target(target, settings)
    if isinstance(found, Path):
        _verify_store(found, deep, as_json)
        return
    import orjson

    from handbench.errors import CorruptError, PartialError
    from handbench.hands.library import load_hand_model
    from handbench.trust.verify import DEFAULT_NUM, verify_dataset

    for spec in filter(None, (found.options.get("hand_model"), hand_model)):
        # Also where the tree holds no parameters, and its loader would not look.
        load_hand_model(spec)
    number = None if every else num or DEFAULT_NUM
    report = verify_dataset(found.open(), number, deep, hand_model, quiet=as_json)
    if as_json:
        click.echo(orjson.dumps(report.as_dict(), option=orjson.OPT_INDENT_2).decode())
    else:
        for line in report.lines():
            click.echo(line)
        click.echo()
    faults = report.count("fault")
    if faults:
        raise CorruptError(
            f"{found}: {faults} fault{'s' if faults > 1 else ''}", "docs/verify.md explains each"
        )
    if report.exit_code == PartialError.exit_code:
        have = report.coverage
        raise PartialError(
            f"{found}: sound, but {have.present} of {have.expected} samples",
            f"handbench data howto {found.name}",
        )
    if not as_json:
        lacks = report.count("missing")
        things = "1 thing is" if lacks == 1 else f"{lacks} things are"
        tail = f"; {things} missing that some uses need" if lacks else ""
        click.echo(f"sound: {report.looked} of {report.samples} samples looked at{tail}")


def _verify_store(folder: Path, deep: bool, as_json: bool) -> None:
    import orjson

    from handbench.errors import CorruptError, PartialError
    from handbench.store import verify_store

    verdict = verify_store(folder, deep)
    digest = verdict.manifest.digest if verdict.manifest else None
    if as_json:
        content = {
            "sound": not verdict.faults,
            "finished": not verdict.unfinished,
            "samples": verdict.checked,
            "size": verdict.size,
            "digest": digest,
            "faults": verdict.faults,
        }
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        for fault in verdict.faults[:_SHOWN]:
            click.echo(fault)
        if len(verdict.faults) > _SHOWN:
            click.echo(f"... and {len(verdict.faults) - _SHOWN} more; --json lists all")
    if verdict.faults:
        remedy = (
            "remove the folder of each shard named, then run the command that made them: it makes only those"
        )
        raise CorruptError(
            f"{folder}: {len(verdict.faults)} fault{'s' if len(verdict.faults) > 1 else ''}",
            remedy if any(fault.shard is not None for fault in verdict.faults) else "",
        )
    if verdict.unfinished:
        raise PartialError(
            f"{folder}: its {verdict.checked} samples are sound, but it is unfinished",
            "run the command that makes it again: it continues",
        )
    if not as_json:
        click.echo(f"sound: {verdict.checked} samples, {verdict.size / 1e6:.1f} MB, digest {digest}")
