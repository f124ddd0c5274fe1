"""``handbench hand``: convert MANO's files, look at the hand models."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def hand() -> None:
    """Convert MANO files, look at the hand models."""


@hand.command(epilog="Example: handbench hand convert ~/mano_v1_2/models --out mano")
@click.argument("mano_dir", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Folder for the .npz files.")
@click.option(
    "--left-shapedirs",
    type=click.Choice(["fix", "keep"]),
    default="fix",
    show_default=True,
    help="What to do where the left file has the right hand's shape directions (smplx issue 48).",
)
def convert(mano_dir: Path, out: Path, left_shapedirs: str) -> None:
    """Convert MANO_RIGHT.pkl and MANO_LEFT.pkl into .npz files that load without chumpy.

    Nothing that a pickle names is run; a file that names anything but MANO's own classes is refused. The
    .npz files record the pickle's sha256 and what was done about the left hand's shape directions.
    """
    from handbench.errors import HandbenchError
    from handbench.hands.mano import convert_mano, find_mano_file, load_mano_file
    from handbench.types import Side

    if not mano_dir.is_dir():
        raise HandbenchError(f"{mano_dir} is no folder", "name the folder that holds MANO_RIGHT.pkl")
    missing: list[HandbenchError] = []
    for side in Side:
        try:
            find_mano_file(mano_dir, side, ("pkl",))
        except HandbenchError as absent:
            missing.append(absent)
            continue
        path = convert_mano(mano_dir, side, out, left_shapedirs)
        model = load_mano_file(path, side, left_shapedirs)
        shapes = f", shape directions {model.left_shapedirs}" if side is Side.LEFT else ""
        click.echo(f"{path} ({path.stat().st_size / 1e6:.1f} MB{shapes}; pickle sha256 {model.sha256})")
    if len(missing) == 2:
        raise missing[0]
    for error in missing:
        click.echo(f"left out: {error}", err=True)


@hand.command(epilog="Example: handbench hand show --model procedural --out hand.png")
@click.option("--model", "spec", default="procedural", show_default=True, help="procedural or mano:DIR.")
@click.option("--side", type=click.Choice(["right", "left"]), default="right", show_default=True)
@click.option("--betas", default="", help="Up to ten numbers with commas, such as 2,0,-1.")
@click.option("--melanin", default=0.3, show_default=True, type=click.FloatRange(0, 1), help="Skin, 0 light.")
@click.option("--size", default=320, show_default=True, type=click.IntRange(32, 2048), help="Pixels a view.")
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Write a picture from four sides.")
def show(spec: str, side: str, betas: str, melanin: float, size: int, out: Path | None) -> None:
    """Print what a hand model measures, and draw it at rest, half closed and as a fist, from four sides."""
    import numpy as np

    from handbench.cli.hand_picture import describe, draw_sheet
    from handbench.errors import HandbenchError
    from handbench.hands.library import load_hand_model
    from handbench.types import Side

    try:
        numbers = [float(word) for word in betas.split(",")] if betas else []
    except ValueError:
        raise HandbenchError(f"--betas {betas!r} is no list of numbers", "write for example 2,0,-1") from None
    if len(numbers) > 10 or not np.isfinite(numbers).all():
        raise HandbenchError(f"--betas {betas!r}: expected at most ten finite numbers")
    shape = np.array(numbers + [0.0] * (10 - len(numbers)))
    model = load_hand_model(spec, Side(side))
    click.echo(describe(model, shape))
    if out is not None:
        draw_sheet(model, shape, melanin, size, out)
        click.echo(f"picture: {out}")
