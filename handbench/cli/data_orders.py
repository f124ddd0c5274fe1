"""``handbench data orders``: every joint order and fingertip set."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(epilog="Example: handbench data orders --out orders.png")
@click.option("--out", default=None, type=click.Path(path_type=Path), help="Also draw them to this picture.")
@click.option("--json", "as_json", is_flag=True, help="Print orders and tip sets as JSON.")
def orders(out: Path | None, as_json: bool) -> None:
    """Print every joint order as a table, and the fingertip sets; draw each order's numbers on a hand.

    Inside handbench there is OPENPOSE21; all others are converted where files are read and written.
    """
    from handbench.skeleton import ORDERS, TIP_SETS
    from handbench.types import Side

    if as_json:
        import orjson

        content = {
            "orders": {name: list(order.names) for name, order in ORDERS.items()},
            "tip_sets": {
                name: {side.value: list(ids) for side, ids in sides.items()}
                for name, sides in TIP_SETS.items()
            },
        }
        click.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    else:
        columns = list(ORDERS.values())
        width = max(len(joint) for order in columns for joint in order.names) + 2
        click.echo("     " + "".join(f"{order.name:<{width}}" for order in columns).rstrip())
        for row in range(max(map(len, columns))):
            cells = [order.names[row] if row < len(order) else "" for order in columns]
            click.echo((f"{row:>3}  " + "".join(f"{cell:<{width}}" for cell in cells)).rstrip())
        click.echo("\nfingertip sets: the vertices that stand for the tips")
        click.echo(f"{'':<11} {'hand':<6} thumb  index  middle  ring  little")
        for name, sides in TIP_SETS.items():
            same = sides[Side.RIGHT] == sides[Side.LEFT]
            for side in (Side.RIGHT,) if same else tuple(Side):
                label = "both" if same else side.value
                t, i, m, r, s = sides[side]
                click.echo(f"{name:<11} {label:<6} {t:<6} {i:<6} {m:<7} {r:<5} {s}")
    if out is not None:
        from handbench.show.orders import draw_orders

        draw_orders(out)
        click.echo(f"picture on {out}", err=as_json)
