"""``handbench models``."""

from __future__ import annotations

import click


@click.command(epilog="Example: handbench models --json")
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def models(as_json: bool) -> None:
    """List the models that predict, evaluate and train know, and the filters that may follow them."""
    import json

    from handbench.metrics.filter_predictions import FILTERS
    from handbench.models import MODELS

    entries = {name: MODELS.get(name) for name in MODELS}
    if as_json:
        rows = [
            {
                "name": name, "variant": entry.variant, "about": entry.about, "needs": entry.needs,
                "parameters": entry.parameters, "flops": entry.flops, "reproduces": entry.reproduces,
            }
            for name, entry in entries.items()
        ]  # fmt: skip
        click.echo(json.dumps({"models": rows, "filters": FILTERS.names()}, indent=2))
        return
    names = {name: f"{name}:{entry.variant}" if entry.variant else name for name, entry in entries.items()}
    width = max(map(len, names.values()))
    for name, entry in entries.items():
        size = f"{entry.parameters / 1e6:.1f} M parameters" if entry.parameters is not None else ""
        work = f"{entry.flops / 1e9:.1f} GFLOP an item" if entry.flops is not None else ""
        more = [part for part in (size, work, entry.reproduces, f"needs {entry.needs}") if part]
        click.echo(f"{names[name]:{width}}  {entry.about} ({', '.join(more)})")
    click.echo(f"{'NAME+FILTER':{width}}  any of them, filtered over time: {', '.join(FILTERS.names())}")
