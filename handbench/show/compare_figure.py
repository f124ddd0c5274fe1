"""The figure of a comparison: a row a model under the picture and the annotation, the worst joint marked.

As in the figures of IFVONet and HandOccNet: frame t - 1, frame t, a side view.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handbench.arrays import ImageArray
from handbench.show import marks
from handbench.show.compare import Block, Said
from handbench.show.compare_panels import (
    CELL,
    joint_words,
    joints_panel,
    mark,
    mesh_panel,
    nothing,
    side_panel,
    side_view,
    views,
)
from handbench.show.draw import INK, PAPER
from handbench.show.lettering import fitted, tag, text_width, write
from handbench.show.mesh_faces import MeshFaces
from handbench.show.mesh_picture import SKIN, TRUE_SKIN, meshes_of
from handbench.show.placement import project
from handbench.skeleton import FINGERS
from handbench.types import Side

NAMES, GAP, HEAD, TITLE = 196, 6, 34, 40
_GREY = (96, 98, 102)


def draw_figure(blocks: Sequence[Block], faces: MeshFaces, gap: int = 1) -> ImageArray:
    """Draws all blocks under each other.

    Args:
        blocks: see :func:`handbench.show.compare.gather`.
        faces: finds triangles.
        gap: frames between t and the earlier one.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    width = NAMES + 4 * (CELL + GAP) + GAP
    pieces = []
    for block in blocks:
        pieces.append(_title(block, width))
        pieces.append(_row(_label("picture"), *_input(block, gap)))
        head = np.full((HEAD, width, 3), PAPER, np.uint8)
        names = (f"frame t − {gap}", "frame t: mesh", "frame t: joints", "side view, camera on the left")
        for k, text in enumerate(names):
            write(head, text, (NAMES + GAP + k * (CELL + GAP) + 2, HEAD - 10), 15, _GREY)
        pieces.append(head)
        pieces += [_row(_label(*_words(said)), *cells) for said, cells in _rows(block, faces)]
    pieces.append(np.full((GAP, width, 3), PAPER, np.uint8))
    return np.concatenate(pieces)


def _title(block: Block, width: int) -> ImageArray:
    out = np.full((TITLE, width, 3), PAPER, np.uint8)
    out[6:8, GAP : width - GAP] = (200, 201, 203)
    write(out, fitted(block.key, width - 4 * GAP, 18, True), (GAP + 4, TITLE - 8), 18, INK, bold=True)
    return out


def _row(label: ImageArray, *cells: ImageArray) -> ImageArray:
    edge = np.full((CELL, GAP, 3), PAPER, np.uint8)
    parts = [label]
    for cell in cells:
        parts += [edge, marks.frame(cell)]
    row = np.concatenate([*parts, edge], axis=1)
    return np.concatenate([row, np.full((GAP, row.shape[1], 3), PAPER, np.uint8)])


def _label(name: str, *lines: str) -> ImageArray:
    """Draws the name of a row, broken where it is long, and lines below."""
    out = np.full((CELL, NAMES, 3), PAPER, np.uint8)
    y = 30
    for piece in _broken(name, NAMES - 3 * GAP):
        write(out, piece, (GAP + 4, y), 16, INK, bold=True)
        y += 22
    for text in lines:
        for piece in _wrapped(text, NAMES - 2 * GAP):
            write(out, fitted(piece, NAMES - 2 * GAP, 14), (GAP + 4, y + 4), 14, _GREY)
            y += 21
    return out


def _wrapped(text: str, width: int) -> list[str]:
    """Breaks a line between words."""
    lines = [""]
    for word in text.split(" "):
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and text_width(longer, 14) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def _broken(text: str, width: int) -> list[str]:
    """Breaks a name into at most six lines, after a mark where there is one."""
    lines: list[str] = []
    rest = text
    while rest and len(lines) < 6:
        count = len(rest)
        while count > 1 and text_width(rest[:count], 16, bold=True) > width:
            count -= 1
        stops = [i + 1 for i, letter in enumerate(rest[:count]) if letter in "-:,+=_/"]
        if count < len(rest) and stops and stops[-1] > count // 3:
            count = stops[-1]
        lines.append(rest[:count])
        rest = rest[count:]
    return lines


def _words(said: Said) -> list[str]:
    lines = [said.name]
    if said.error is not None:
        lines.append(f"mean error {said.error:.1f} mm")
    if said.worst is not None:
        lines.append(f"{joint_words(said.worst.joint)} {said.worst.error:.1f}\N{NO-BREAK SPACE}mm")
    if not said.now:
        lines.append("no hand predicted")
    elif said.name != "ground truth":
        lines += sorted({hand.how for hand in said.now})
    return lines


def _input(block: Block, gap: int) -> list[ImageArray]:
    now, before = views(block)
    first = nothing(f"no frame t − {gap}") if before is None else before.image.copy()
    second = now.image.copy()
    if before is not None:
        tag(first, f"t − {gap}", (6, 6))
    tag(second, "t", (6, 6))
    return [first, second, _notes(block.facts, block.truth is not None)]


def _notes(facts: Sequence[str], annotated: bool) -> ImageArray:
    """Draws the facts of a sample, and what colours and marks mean."""
    out = np.full((CELL, 2 * CELL + GAP, 3), PAPER, np.uint8)
    y = 34
    for text in facts[:6]:
        write(out, fitted(text, out.shape[1] - 40, 15), (20, y), 15)
        y += 23
    y = CELL - 124
    x = 20
    for name, color in zip(FINGERS, marks.FINGERS, strict=True):
        a, b = np.array([x + 4.0, y]), np.array([x + 26.0, y])
        marks.line(out, a, b, INK, 6)
        marks.line(out, a, b, color, 3)
        write(out, name, (x + 36, y + 5), 14, _GREY)
        x += 58 + text_width(name, 14)
    y, x = y + 30, 20
    for name, color in (
        ("right hand", SKIN[Side.RIGHT]),
        ("left hand", SKIN[Side.LEFT]),
        ("annotated hand", TRUE_SKIN),
    ):
        out[y - 8 : y + 8, x : x + 26] = color
        marks.frame(out[y - 8 : y + 8, x : x + 26])
        write(out, name, (x + 36, y + 5), 14, _GREY)
        x += 58 + text_width(name, 14)
    y += 34
    if not annotated:
        write(out, "No joint is annotated here: there are no errors.", (20, y + 5), 14, _GREY)
        return out
    marks.ring(out, np.array([33.0, y - 1]), 11)
    write(out, "the joint with the largest error; a line leads to where it should be", (56, y + 5), 14, _GREY)
    write(out, "Errors in mm, with the predicted wrist put on the true one.", (20, y + 34), 14, _GREY)
    return out


def _rows(block: Block, faces: MeshFaces) -> list[tuple[Said, list[ImageArray]]]:
    now, before = views(block)
    everything = ([block.truth] if block.truth else []) + list(block.said)
    side = side_view(block, now)
    found = []
    for said in everything:
        true = said is block.truth
        color = TRUE_SKIN if true else None
        meshes = meshes_of(said.now, faces, said.hand_model, color)
        old = meshes_of(said.before, faces, said.hand_model, color)
        first = nothing("no earlier frame") if before is None else mesh_panel(before, old, said.before)
        cells = [
            first,
            mesh_panel(now, meshes, said.now),
            joints_panel(now, said.now),
            side_panel(side, block, said, faces),
        ]
        if said.worst is not None:
            hand = said.now[said.worst.hand]
            assert hand.joints is not None
            ends = np.stack([hand.joints[said.worst.joint], said.worst.truth])
            for cell in cells[1:3]:
                mark(cell, now.moved(project(ends, np.asarray(block.sample.camera.K))), said)
        found.append((said, cells))
    return found
