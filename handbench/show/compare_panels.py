"""The panels of a comparison: part of the picture, meshes, joints, side view, the worst joint marked."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.show import marks
from handbench.show.compare import WRIST, Block, Said
from handbench.show.draw import FAINT, INK
from handbench.show.lettering import tag, text_width, write
from handbench.show.mesh_faces import MeshFaces
from handbench.show.mesh_picture import GROUND, TRUE_SKIN, Mesh, SideView, draw_meshes, meshes_of
from handbench.show.placement import PlacedHand
from handbench.show.view import View, open_view, window_about
from handbench.skeleton import OPENPOSE21

CELL = 340
"""Side of a panel [px]."""

_RING = 18.0
_ROOM, _WIDER = 1.3, 0.35


def views(block: Block) -> tuple[View, View | None]:
    """Returns the panels of frame t and of the earlier one, of the same part of the picture."""
    shown = [np.asarray(hand.box) for hand in block.sample.hands if hand.box is not None]
    shown += _areas(block.truth.now if block.truth else [])
    said = _areas([hand for one in block.said for hand in one.now])
    if shown:
        # What models say widens the window, but not so far that the hand becomes small.
        low, high = _corners(shown)
        reach = _WIDER * float((high - low).max())
        said = [np.concatenate([np.clip(c, low - reach, high + reach) for c in _corners([a])]) for a in said]
        said = [np.concatenate([a[:2], a[2:] - a[:2]]) for a in said]
    boxes = np.array(shown + said).reshape(-1, 4)
    window = window_about(boxes, block.image.shape, _ROOM)
    now = open_view(block.image, np.asarray(block.sample.camera.K), window, (CELL, CELL))
    if block.earlier is None:
        return now, None
    return now, open_view(block.earlier, block.earlier_K, window, (CELL, CELL))


def _areas(hands: Sequence[PlacedHand]) -> list[FloatArray]:
    """Returns x, y, w, h [px] about the joints of each hand."""
    found = []
    for hand in hands:
        if hand.pixels is not None and np.isfinite(hand.pixels).any():
            low, high = np.nanmin(hand.pixels, axis=0), np.nanmax(hand.pixels, axis=0)
            found.append(np.concatenate([low, high - low]))
    return found


def _corners(boxes: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Returns the left upper and right lower corner [px] of all boxes together."""
    stacked = np.array(boxes)
    return stacked[:, :2].min(axis=0), (stacked[:, :2] + stacked[:, 2:]).max(axis=0)


def nothing(text: str) -> ImageArray:
    """Draws an empty panel that says why."""
    out = np.full((CELL, CELL, 3), GROUND, np.uint8)
    write(out, text, ((CELL - text_width(text, 15)) // 2, CELL // 2), 15, FAINT)
    return out


def mesh_panel(view: View, meshes: Sequence[Mesh], hands: Sequence[PlacedHand]) -> ImageArray:
    """Draws meshes; skeletons where there are none."""
    if meshes or not hands:
        return draw_meshes(view.image.copy(), view.K, meshes)
    return joints_panel(view, hands)


def joints_panel(view: View, hands: Sequence[PlacedHand]) -> ImageArray:
    """Draws skeletons over a part of the picture."""
    out = view.image.copy()
    for hand in hands:
        if hand.pixels is not None:
            marks.skeleton(out, view.moved(hand.pixels), hand.side)
    return out


def side_view(block: Block, view: View) -> SideView | None:
    """Returns the side view that all rows of a block share: about the true hands where there are any."""
    rows = [block.truth] if block.truth else block.said
    known = [_solid(hand) for said in rows for hand in said.now]
    every = [points for points in known if points is not None]
    if not every:
        return None
    points = np.concatenate(every)
    low, high = points.min(axis=0), points.max(axis=0)
    reach = _WIDER * float((high - low).max())
    for said in block.said:
        for hand in said.now:
            moved = _solid(_on_wrist(hand, block.truth))
            if moved is not None:
                every.append(np.clip(moved, low - reach, high + reach))
    return SideView.beside(np.concatenate(every), view.K, view.size)


def _solid(hand: PlacedHand) -> FloatArray | None:
    """Returns the known points (N, 3) [m] of a hand, or None."""
    points = hand.vertices if hand.vertices is not None else hand.joints
    return None if points is None else np.asarray(points[np.isfinite(points).all(axis=1)])


def side_panel(side: SideView | None, block: Block, said: Said, faces: MeshFaces) -> ImageArray:
    """Draws the hands of a row from the side, their wrists on the true ones, and the worst joint."""
    if side is None or not said.now:
        return nothing("nothing in 3D")
    hands = [_on_wrist(hand, block.truth) for hand in said.now]
    color = TRUE_SKIN if said is block.truth else None
    meshes = meshes_of(hands, faces, said.hand_model, color)
    out = side.draw(meshes)
    for hand in hands if not meshes else ():
        if hand.joints is not None:
            marks.skeleton(out, side.pixels(hand.joints), hand.side)
    if said.worst is not None:
        joints = hands[said.worst.hand].joints
        assert joints is not None
        shift = joints[WRIST] - _wrist(said.now[said.worst.hand])
        ends = np.stack([joints[said.worst.joint], said.worst.truth + shift])
        mark(out, side.pixels(ends), said)
    return out


def _wrist(hand: PlacedHand) -> FloatArray:
    assert hand.joints is not None
    return np.asarray(hand.joints[WRIST])


def _on_wrist(hand: PlacedHand, truth: Said | None) -> PlacedHand:
    """Returns a hand whose wrist is on the annotated one, where there is one."""
    true = next((h for h in truth.now if h.side is hand.side), None) if truth else None
    if true is None or hand.joints is None:
        return hand
    shift = _wrist(true) - _wrist(hand)
    vertices = None if hand.vertices is None else hand.vertices + shift
    return dataclasses.replace(hand, joints=hand.joints + shift, vertices=vertices)


def mark(cell: ImageArray, ends: FloatArray, said: Said) -> None:
    """Marks the worst joint: a ring about where it is said to be, a line to where it is, the error."""
    assert said.worst is not None
    is_at, should = ends
    away = is_at - should
    length = float(np.linalg.norm(away))
    marks.line(cell, is_at, should, INK, 5)
    marks.line(cell, is_at, should, (255, 255, 255), 2)
    finger = marks.FINGERS[(said.worst.joint - 1) // 4]
    for at, color in ((should, (255, 255, 255)), (is_at, finger)):
        marks.disc(cell, at, 5.5, INK)
        marks.disc(cell, at, 4.0, color)
    marks.ring(cell, is_at, _RING)
    text = f"{joint_words(said.worst.joint)} {said.worst.error:.0f} mm"
    width = text_width(text, 13) + 8
    # Beyond the ring, away from the line: above or below it.
    above = length > 1 and away[1] < 0
    top = is_at[1] - _RING - 30 if above else is_at[1] + _RING + 8
    if not 0 <= top <= cell.shape[0] - 24:
        top = is_at[1] + _RING + 8 if above else is_at[1] - _RING - 30
    tag(cell, text, (int(is_at[0] - width / 2), int(top)))


def joint_words(joint: int) -> str:
    """Returns a joint of OPENPOSE21 in words: ``index finger tip``, ``thumb joint 1``."""
    name = OPENPOSE21.names[joint]
    if name == "wrist":
        return name
    finger = name[:-1] if name.startswith("thumb") else f"{name[:-1]} finger"
    return f"{finger} tip" if name[-1] == "4" else f"{finger} joint {name[-1]}"
