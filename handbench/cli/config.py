"""``handbench config``: the keys of recipes and their values."""

from __future__ import annotations

import json

import click


@click.group()
def config() -> None:
    """Show what a recipe says."""


@config.command()
@click.argument("recipe", default="render")
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change a key.")
def show(recipe: str, overrides: tuple[str, ...]) -> None:
    """Print all keys of a recipe with their values, after overrides.

    \b
    Example:
      handbench config show render --set crop.scale=1.8
    """
    from handbench.config import content_hash, to_dict
    from handbench.synth.dataset_recipe import load_recipe

    values = to_dict(load_recipe(recipe, overrides))
    click.echo(json.dumps(values, indent=2))
    click.echo(f"hash of these values: {content_hash(values)}", err=True)
