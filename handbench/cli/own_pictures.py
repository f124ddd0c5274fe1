"""The options of ``handbench predict`` for pictures of one's own, and the reference that they make."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from handbench.datasets import DataRef

F = TypeVar("F", bound=Callable[..., Any])


def own_options(command: F) -> F:
    """Adds what says where hands are in one's own pictures, what camera took them, and what is drawn."""
    options = [
        click.option(
            "--boxes", default="", metavar="BOXES",
            help="With --images: \"x,y,w,h\" in pixels or full for one hand in all, or a .csv or .json.",
        ),
        click.option(
            "--side", default="right", show_default=True, type=click.Choice(["right", "left"]),
            help="The hand of a single box.",
        ),
        click.option(
            "--focal", default=None, type=float,
            help="Focal length in pixels; 1.2 times the longer side by default.",
        ),
        click.option("--K", "K", default="", metavar="FX,FY,CX,CY", help="Intrinsics in pixels."),
        click.option(
            "--separate", is_flag=True, help="The pictures are no frames of a video, whatever their names."
        ),
        click.option(
            "--no-box", default="error", show_default=True, type=click.Choice(["error", "skip"]),
            help="What to do with a picture without a box.",
        ),
        click.option(
            "--overlay", default=None, type=click.Path(path_type=Path),
            help="Folder to draw every prediction in: mesh, 2D joints, side view; an mp4 of a video.",
        ),
        click.option(
            "--hand-model", default="", metavar="MODEL",
            help="Triangles of drawn meshes: procedural or mano:DIR; by default what the model says.",
        ),
    ]  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def reference(data: str | None, images: Path | None, own: Mapping[str, Any]) -> DataRef:
    """Returns the reference to the data that were named, one way or the other.

    Args:
        data: of ``--data``.
        images: of ``--images``.
        own: ``boxes``, ``side``, ``focal``, ``K``, ``separate``, ``no_box`` as typed.

    Raises:
        HandbenchError: for both, for none, or for options of pictures beside ``--data``.
    """
    from handbench.datasets import DataRef
    from handbench.errors import HandbenchError

    if (data is None) == (images is None):
        what = "neither --data nor --images" if data is None else "both --data and --images"
        raise HandbenchError(f"{what} is given", "give one of them")
    if images is None:
        unused = [f"--{name}" for name in ("boxes", "focal", "K", "separate") if own[name]]
        if unused:
            raise HandbenchError(f"{unused[0]} is for --images", "a dataset has its own: leave it out")
        assert data is not None
        return DataRef.parse(data)
    if own["focal"] is not None and not own["focal"] > 0:
        raise HandbenchError(f"--focal {own['focal']:g}", "give a focal length above 0 pixels")
    options = {
        "boxes": own["boxes"], "side": own["side"], "focal": f"{own['focal'] or 0:g}", "K": own["K"],
        "video": "no" if own["separate"] else "auto", "no_box": own["no_box"],
    }  # fmt: skip
    return DataRef("images", str(images), {name: value for name, value in options.items() if value})
