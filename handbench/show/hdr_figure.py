"""The figure of ``handbench show hdr``: strips of samples under each other, and what colours mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from handbench.arrays import ImageArray
from handbench.show import marks
from handbench.show.draw import INK, PAPER
from handbench.show.hdr_panels import CELL, TINTS, hatch, panels, seen_by
from handbench.show.hdr_strip import Row, Strip
from handbench.show.lettering import fitted, text_width, write
from handbench.skeleton import FINGERS
from handbench.types import Side

NAMES, GAP, TITLE, HEAD, FOOT = 140, 8, 40, 32, 44
COLUMNS = (
    "input", "right hand: whole", "right hand: seen", "left hand: whole", "left hand: seen",
    "right hand: completed", "left hand: completed", "both poses",
)  # fmt: skip
WIDTH = NAMES + len(COLUMNS) * (CELL + GAP)
_GREY, _WARNING = (96, 98, 102), (190, 60, 0)


def draw_figure(strips: Sequence[Strip], name: str, about: str, warning: str = "") -> ImageArray:
    """Draws strips under each other.

    Args:
        strips: see :func:`handbench.show.hdr_gather.gather`.
        name: of the pipeline.
        about: a line about it.
        warning: a line that is more important than that, or empty.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    pieces = [_title(name, warning or about, _WARNING if warning else _GREY)]
    for strip in strips:
        pieces.append(_heading(strip))
        for i, row in enumerate(strip.rows):
            first = _facts(strip.agreement) if i else marks.frame(seen_by(strip))
            pieces.append(_row(row, [first, *map(marks.frame, panels(strip, row))]))
    return np.concatenate([*pieces, _legend()])


def _paper(height: int, width: int = WIDTH) -> ImageArray:
    return np.full((height, width, 3), PAPER, np.uint8)


def _title(name: str, about: str, color: tuple[int, int, int]) -> ImageArray:
    out = _paper(TITLE)
    name = fitted(name, WIDTH // 2, 20, bold=True)
    write(out, name, (GAP, 28), 20, INK, bold=True)
    start = 3 * GAP + text_width(name, 20, bold=True)
    write(out, fitted(about, WIDTH - start - GAP, 17), (start, 28), 17, color)
    return out


def _heading(strip: Strip) -> ImageArray:
    """Draws the key of a sample, and below it what its columns show."""
    out = _paper(TITLE + HEAD)
    out[4:6, GAP : WIDTH - GAP] = (200, 201, 203)
    write(out, fitted(strip.key, WIDTH - 2 * GAP, 18, True), (GAP, TITLE - 8), 18, INK, bold=True)
    for k, text in enumerate(COLUMNS):
        write(out, text, (NAMES + k * (CELL + GAP) + 2, TITLE + HEAD - 10), 17, _GREY)
    return out


def _row(row: Row, cells: Sequence[ImageArray]) -> ImageArray:
    out = _paper(CELL + GAP)
    write(out, row.name, (GAP, 24), 18, INK, bold=True)
    for k, line in enumerate(row.lines):
        write(out, fitted(line, NAMES - GAP, 16), (GAP, 52 + 23 * k), 16, _GREY)
    for k, cell in enumerate(cells):
        left = NAMES + k * (CELL + GAP)
        out[:CELL, left : left + CELL] = cell
    return out


def _facts(lines: Sequence[str]) -> ImageArray:
    """Draws how far the row above is from this one."""
    out = _paper(CELL, CELL)
    if lines:
        write(out, "prediction against annotation", (4, 16), 15, _GREY)
    for k, line in enumerate(lines, 1):
        heading = line.endswith(" hand")
        write(out, line, (4 if heading else 18, 16 + 22 * k), 15, INK if heading else _GREY, heading)
    return out


def _legend() -> ImageArray:
    """Draws what colours mean: sides, hidden parts, fingers."""
    out = _paper(FOOT)
    x, y = NAMES + 2, FOOT // 2 - 2
    for side in Side:
        for words, hidden in ((f"{side.value} hand", False), ("its hidden part", True)):
            swatch = out[y - 9 : y + 9, x : x + 30]
            swatch[:] = TINTS[side]
            if hidden:
                hatch(swatch, TINTS[side])
            marks.frame(swatch)
            x = _words(out, words, x + 40, y)
    for name, color in zip(FINGERS, marks.FINGERS, strict=True):
        a, b = np.array([x + 3.0, y]), np.array([x + 27.0, y])
        marks.line(out, a, b, INK, 6)
        marks.line(out, a, b, color, 3)
        x = _words(out, name, x + 38, y)
    for side in Side:
        marks.disc(out, np.array([x + 8.0, y]), 7.5, INK)
        marks.disc(out, np.array([x + 8.0, y]), 6.0, marks.SIDES[side])
        x = _words(out, f"wrist of the {side.value} hand", x + 24, y)
    return out


def _words(out: ImageArray, text: str, x: int, y: int) -> int:
    """Writes words and returns where the next ones begin."""
    write(out, text, (x, y + 6), 16, _GREY)
    return x + text_width(text, 16) + 28
