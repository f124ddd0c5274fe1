"""``handbench models``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from handbench.models import ModelEntry, VariantEntry


def _facts(entry: ModelEntry | VariantEntry) -> list[str]:
    """Returns size, work and what is reproduced, as far as they are known."""
    size = f"{entry.parameters / 1e6:.1f} M parameters" if entry.parameters is not None else ""
    work = f"{entry.flops / 1e9:.1f} GFLOP an item" if entry.flops is not None else ""
    return [part for part in (size, work, entry.reproduces) if part]


@click.command(epilog="Example: handbench models --json")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def models(as_json: bool) -> None:
    """List the models that predict, evaluate and train know, and the filters that may follow them."""
    import json

    from handbench.metrics.filter_predictions import FILTERS
    from handbench.models import MODELS

    entries = {name: MODELS.get(name) for name in MODELS}
    if as_json:
        rows = []
        for name, entry in entries.items():
            every: list[tuple[str, ModelEntry | VariantEntry]] = [("", entry), *entry.variants.items()]
            for variant, facts in every:
                rows.append({
                    "name": f"{name}:{variant}" if variant else name, "variant": entry.variant,
                    "about": entry.about, "needs": entry.needs, "trainable": entry.trainable is not None,
                    "parameters": facts.parameters, "flops": facts.flops, "reproduces": facts.reproduces,
                })  # fmt: skip
        click.echo(json.dumps({"models": rows, "filters": FILTERS.names()}, indent=2))
        return
    names = {name: f"{name}:{entry.variant}" if entry.variant else name for name, entry in entries.items()}
    width = max(map(len, names.values()))
    for name, entry in entries.items():
        needs = "can be trained" if entry.trainable else f"needs {entry.needs}"
        click.echo(f"{names[name]:{width}}  {entry.about} ({', '.join([*_facts(entry), needs])})")
        for variant, facts in entry.variants.items():
            click.echo(f"{f'{name}:{variant}':{width}}  ({', '.join(_facts(facts))})")
    click.echo(f"{'NAME+FILTER':{width}}  any of them, filtered over time: {', '.join(FILTERS.names())}")
