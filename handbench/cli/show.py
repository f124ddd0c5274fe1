"""``handbench show``: figures."""

from __future__ import annotations

import click

from handbench.cli.lazy import LazyGroup

_COMMANDS = {
    "compare": ("handbench.cli.show_compare:compare", "What several models say of a few samples."),
    "hdr": ("handbench.cli.show_hdr:hdr", "Masks, completed pictures and poses of the pipeline HDR."),
}


@click.group(cls=LazyGroup, table=_COMMANDS)
def show() -> None:
    """Draw figures of predictions."""
