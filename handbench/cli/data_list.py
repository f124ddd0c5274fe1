"""``handbench data list`` and ``howto``: what loads, its keys, and where to get it."""

from __future__ import annotations

import click


@click.command(name="list", epilog="Example: handbench data list --json")
@click.option("--json", "as_json", is_flag=True, help="Print the datasets as JSON.")
def list_datasets(as_json: bool) -> None:
    """List the datasets that load, with the keys of each: default and meaning."""
    import textwrap

    from handbench.trust.catalogue import COMMON, catalogue

    entries = catalogue()
    if as_json:
        import orjson

        click.echo(orjson.dumps(entries, option=orjson.OPT_INDENT_2).decode())
        return
    for entry in entries:
        click.echo(f"{entry.name:<12} {entry.about}")
        for key in entry.keys:
            click.echo(f"    {key.name}={key.default}")
            click.echo(textwrap.fill(key.meaning, 100, initial_indent=" " * 8, subsequent_indent=" " * 8))
        click.echo()
    click.echo("every dataset also takes")
    for key in COMMON:
        click.echo(f"    {key.name}={key.default:<8}{key.meaning}")
    click.echo("\nwrite NAME:PATH@key=value,key=value; `handbench data howto NAME` tells where to get one")


@click.command(epilog="Example: handbench data howto interhand")
@click.argument("name")
def howto(name: str) -> None:
    """Print licence, source and tree of a dataset, what of it is needed for what, and what to type."""
    from handbench.trust.catalogue import howto_text

    click.echo(howto_text(name))
