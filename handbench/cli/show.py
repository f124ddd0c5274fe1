"""``handbench show``: figures."""

from __future__ import annotations

import click

from handbench.cli.lazy import LazyGroup

_COMMANDS = {
    "compare": ("handbench.cli.show_compare:compare", "What several models say of a few samples."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def show() -> None:
    """Draw figures of predictions."""
