"""What verification can say of a HIC tree: labels against the tracked joints, pictures against the motion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.datasets import Finding
from handbench.errors import HandbenchError
from handbench.formats.hic import SENSOR_K, stated_intrinsics
from handbench.formats.json_stream import read_small_json
from handbench.formats.tzionas import motion_path
from handbench.store.columns import Columns
from handbench.types import Side

FAR = 25.0
"""A label's mean distance [px] from the tracked joints beyond which something is mixed up; the one real frame
at hand has 4 px on the right hand and 6 px on the left."""

TWO_HANDS = ("01", "02", "03", "04", "05", "06", "07", "16", "17", "18")
"""The sequences in which both hands are tracked; in all others it is the right one."""

MADE = "handbench.json"
"""What a synthetic tree says of itself."""


def audit_hic(root: Path, columns: Columns, camera: Callable[[int], Camera]) -> Iterator[Finding]:
    """Gives what is missing or does not fit.

    Args:
        root: of the tree.
        columns: of the index.
        camera: of a row.
    """
    yield from _missing(root, columns)
    yield from _motions(root, columns)
    yield from _made(root)
    for row in np.flatnonzero(columns["labelled"] & (columns["row"] >= 0)):
        where = f"{columns['sequence'][row]}/{columns['view'][row]}/{columns['frame'][row]:03d}"
        joints = columns["joints"][columns["row"][row]]
        view = camera(int(row))
        pixels = view.project(view.to_camera(joints))
        yield from _compare(where, columns["labels"][row], pixels)


def _missing(root: Path, columns: Columns) -> Iterator[Finding]:
    stated = stated_intrinsics(root)
    if stated is not None and np.abs(stated - np.array(SENSOR_K)).max() > 1e-6:
        what = f"states fx {stated[0, 0]:g}, cx {stated[0, 2]:g}; expected 525 and 319.5, which is used"
        yield Finding("fault", str(root / "Cameras.txt"), what, "is it another camera's file?")
    if not columns["pictured"].any():
        yield Finding("missing", str(root), "no pictures (NN/1/rgb/000.png)", "fetch the zips of the dataset")
    lost = columns["labelled"] & ~columns["pictured"]
    if lost.any():
        first = int(np.flatnonzero(lost)[0])
        yield Finding(
            "missing",
            f"{columns['sequence'][first]}/{columns['view'][first]}/rgb/{columns['frame'][first]:03d}.png",
            f"{int(lost.sum())} labels have no picture",
            "unpack the zip again",
        )
    for sequence in np.unique(columns["sequence"][columns["row"] < 0]):
        if sequence in ("12", "13", "14"):
            yield Finding("note", str(sequence), "has no tracked motion, here and officially", "")
            continue
        n = int(((columns["sequence"] == sequence) & (columns["row"] < 0)).sum())
        yield Finding(
            "missing", f"{sequence}/Model_Hand_R.MOTION", f"{n} pictures have no tracked joints", ""
        )


def _motions(root: Path, columns: Columns) -> Iterator[Finding]:
    """Gives the hands that have no motion though the sequence, or its other hand, has one."""
    for sequence in np.unique(columns["sequence"][columns["row"] >= 0]).tolist():
        sides = (Side.RIGHT, Side.LEFT) if sequence in TWO_HANDS else (Side.RIGHT,)
        for side in sides:
            path = motion_path(root, sequence, side)
            if not path.is_file():
                what = f"is not there: the {side.value} hand of {sequence} has no valid joints"
                yield Finding("missing", f"{sequence}/{path.name}", what, "unpack the zip again")


def _made(root: Path) -> Iterator[Finding]:
    """Gives a synthetic tree's description that does not parse."""
    path = root / MADE
    if not path.is_file():
        return
    try:
        content = read_small_json(path)
    except HandbenchError as error:
        what = "does not parse: " + error.message.removeprefix(f"{path}: ")
        yield Finding("fault", str(path), what, "make the tree again")
        return
    if not isinstance(content, dict) or "schema" not in content:
        what = "does not say its schema, expected handbench.synth_hic/1"
        yield Finding("fault", str(path), what, "make the tree again")


def _compare(where: str, labels: FloatArray, pixels: FloatArray) -> Iterator[Finding]:
    for s, name in enumerate(("right", "left")):
        own = _distance(labels[s], pixels[s])
        if not own > FAR:
            continue
        other = _distance(labels[s], pixels[1 - s])
        what = f"{name} labels lie {own:.0f} px from the tracked joints"
        if other < FAR:
            what += f", {other:.0f} px from the other hand's: the sides are exchanged"
            yield Finding("fault", where, what, "exchange rows 0 to 13 with 14 to 27")
        else:
            yield Finding("fault", where, what, "another frame's labels, or another order of rows")


def _distance(labels: FloatArray, pixels: FloatArray) -> float:
    away = np.linalg.norm(labels - pixels, axis=1)
    return float(np.nanmean(away)) if np.isfinite(away).any() else float("nan")
