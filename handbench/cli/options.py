"""Options that several commands share, spelt and explained once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def run_options(pieces: str, seed: str = "Seed of all random streams.") -> Callable[[F], F]:
    """Adds what every command has that makes a dataset: seed, workers, what to do with what is there, output.

    Args:
        pieces: what one worker makes at a time and a later run keeps: ``shards``, ``takes``, ``views``.
        seed: help of ``--seed``; empty for a command that draws nothing.
    """
    options = [
        click.option(
            "--workers", default=1, show_default=True, type=click.IntRange(1),
            help=f"Worker processes; they share out the {pieces}.",
        ),
        click.option(
            "--on-existing", default="resume", show_default=True,
            type=click.Choice(["resume", "error", "overwrite"]),
            help=f"What to do with {pieces} that are there.",
        ),
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--quiet", is_flag=True, help="No progress."),
    ]  # fmt: skip
    if seed:
        options.insert(0, click.option("--seed", default=0, show_default=True, help=seed))

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def renderer_option(default: str = "auto") -> Callable[[F], F]:
    """Adds ``--renderer``."""
    words = "raster (no GL), pyrender (EGL), or auto, which measures once."
    return click.option("--renderer", default=default, show_default=True, help=words)


def hand_model_option() -> Callable[[F], F]:
    """Adds ``--hand-model``."""
    return click.option(
        "--hand-model", default="procedural", show_default=True, help="procedural, or mano:DIR."
    )


def backgrounds_option() -> Callable[[F], F]:
    """Adds ``--backgrounds``."""
    words = "procedural, or a folder of jpg and png."
    return click.option("--backgrounds", default="procedural", show_default=True, help=words)


def overrides_option(example: str) -> Callable[[F], F]:
    """Adds ``--set KEY=VALUE``, given any number of times."""
    words = f"Change a recipe key, e.g. {example}."
    return click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help=words)


def stage_options(command: F) -> F:
    """Adds ``--oracle`` and ``--pose``, which exchange stages of a pipeline."""
    words = "Of a pipeline: take this stage from the annotation."
    command = click.option("--pose", default="", metavar="NAME", help="Of a pipeline: its pose stage.")(
        command
    )
    return click.option(
        "--oracle", default="", type=click.Choice(["", "masks"]), metavar="masks", help=words
    )(command)
