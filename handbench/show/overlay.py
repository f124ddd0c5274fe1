"""The overlay of one picture: box and mesh on all of it, then larger 2D joints, mesh, and a side view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.show import marks
from handbench.show.draw import FAINT, INK, PAPER
from handbench.show.lettering import fitted, text_width, write
from handbench.show.mesh_faces import MeshFaces
from handbench.show.mesh_picture import GROUND, Mesh, SideView, draw_meshes, meshes_of
from handbench.show.placement import PlacedHand
from handbench.show.view import View, open_view, whole, window_about
from handbench.types import Side

PANEL, HEAD, GAP = 420, 62, 6
_WIDEST = 760


@dataclass(frozen=True)
class Shown:
    """What is drawn of one picture.

    Attributes:
        title: key or name.
        model: what predicted.
        image: (h, w, 3) uint8 RGB.
        K: (3, 3) intrinsics [px].
        boxes: side and (4,) x, y, w, h [px] of each hand that was asked for.
        hands: what was predicted, placed.
        hand_model: that meshes are of, as the prediction says.
    """

    title: str
    model: str
    image: ImageArray
    K: FloatArray
    boxes: Sequence[tuple[Side, FloatArray]]
    hands: Sequence[PlacedHand]
    hand_model: str = ""


def draw_overlay(shown: Shown, faces: MeshFaces, width: int | None = None) -> ImageArray:
    """Draws the panels of one picture beside each other.

    Args:
        shown: picture and hands.
        faces: finds triangles.
        width: of the first panel [px]; by default what the picture's proportions ask for. Frames of a video
            have one.

    Returns:
        (h, w, 3) uint8 RGB, h and w even.
    """
    image, meshes = shown.image, meshes_of(shown.hands, faces, shown.hand_model)
    first = width or first_width(image.shape)
    every = open_view(image, shown.K, _filled(image.shape, first), (first, PANEL))
    square = (PANEL, PANEL)
    near = open_view(image, shown.K, window_about(_areas(shown), image.shape), square)
    panels = [_picture(shown, every, meshes), _joints(shown, near), _mesh(near, meshes)]
    side = _side(shown, near, meshes)
    words = ["picture, box and mesh", "2D joints", "mesh", "side view (camera on the left)"]
    for panel in (*panels, side):
        marks.frame(panel)
    return _sheet(shown, [*panels, side], words)


def first_width(shape: tuple[int, ...]) -> int:
    """Returns the width [px] of the first panel for a picture of shape (h, w, ...); even."""
    wide = round(PANEL * shape[1] / shape[0])
    return min(max(wide, PANEL // 2), _WIDEST) // 2 * 2


def _filled(shape: tuple[int, ...], width: int) -> tuple[float, float, float, float]:
    """Returns the window of a panel that shows the picture whole, with grey beside or above it."""
    x, y, w, h = whole(shape)
    aspect = width / PANEL
    wide, high = max(w, h * aspect), max(h, w / aspect)
    return (x - (wide - w) / 2, y - (high - h) / 2, wide, high)


def _areas(shown: Shown) -> FloatArray:
    """Returns (N, 4) boxes that the larger panels are about."""
    found = [box for _, box in shown.boxes]
    if not found:
        for hand in shown.hands:
            if hand.pixels is not None:
                low, high = np.nanmin(hand.pixels, axis=0), np.nanmax(hand.pixels, axis=0)
                found.append(np.concatenate([low, high - low]))
    return np.array(found).reshape(-1, 4)


def _picture(shown: Shown, view: View, meshes: Sequence[Mesh]) -> ImageArray:
    out = draw_meshes(view.image, view.K, meshes)
    for side, area in shown.boxes:
        low, high = view.moved(np.stack([area[:2], area[:2] + area[2:]]))
        marks.box(out, np.maximum(low, 2), np.minimum(high, np.array(view.size) - 3), marks.SIDES[side])
    return out


def _joints(shown: Shown, view: View) -> ImageArray:
    out = view.image.copy()
    for hand in shown.hands:
        if hand.pixels is not None:
            marks.skeleton(out, view.moved(hand.pixels), hand.side)
    return out


def _mesh(view: View, meshes: Sequence[Mesh]) -> ImageArray:
    out = draw_meshes(view.image, view.K, meshes)
    if not meshes:
        write(out, "no mesh", (12, 24), 14, FAINT)
    return out


def _side(shown: Shown, view: View, meshes: Sequence[Mesh]) -> ImageArray:
    solid = [
        hand.vertices if hand.vertices is not None else hand.joints
        for hand in shown.hands
        if hand.vertices is not None or hand.joints is not None
    ]
    known = [values[np.isfinite(values).all(axis=1)] for values in solid if values is not None]
    points = np.concatenate(known) if known else None
    if points is None:
        out = np.full((view.size[1], view.size[0], 3), GROUND, np.uint8)
        write(out, "nothing in 3D", (12, 24), 14, FAINT)
        return out
    side = SideView.beside(points, view.K, view.size)
    out = side.draw(meshes)
    if not meshes:
        for hand in shown.hands:
            if hand.joints is not None:
                marks.skeleton(out, side.pixels(hand.joints), hand.side)
    return out


def _sheet(shown: Shown, panels: Sequence[ImageArray], words: Sequence[str]) -> ImageArray:
    width = sum(panel.shape[1] for panel in panels) + GAP * (len(panels) + 1)
    sheet = np.full((HEAD + PANEL + GAP, width + width % 2, 3), PAPER, np.uint8)
    how = sorted({f"{hand.side.value} hand: {hand.how}" for hand in shown.hands}) or ["no hand predicted"]
    title = fitted(shown.title, width // 2, 17, bold=True)
    write(sheet, title, (GAP + 2, 24), 17, INK, bold=True)
    start = GAP + text_width(title, 17, bold=True) + 20
    note = fitted(f"{shown.model}   ({'; '.join(how)})", width - start - GAP, 15)
    write(sheet, note, (start, 24), 15)
    x = GAP
    for panel, text in zip(panels, words, strict=True):
        write(sheet, text, (x + 2, HEAD - 10), 14, (96, 98, 102))
        sheet[HEAD : HEAD + PANEL, x : x + panel.shape[1]] = panel
        x += panel.shape[1] + GAP
    return sheet
