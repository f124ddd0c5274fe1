"""The contact sheet of a store of cut-outs: every tile a photographed hand and what is pasted of it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.compose.cutout import Cutout, cutout_of
from handbench.show import draw
from handbench.show.sheet import choose_ids, write_png
from handbench.store import open_store
from handbench.store.dataset import Store

TILE, GAP, LABEL = 224, 6, 34
MOST_REJECTED = 4
"""Rejected pictures on a sheet of samples that nobody named."""

_GREY, _BLANK = 128, 232
_HAND, _ARM = (64, 200, 255), (255, 205, 70)
_LEGEND = (
    "each cut-out: the photograph with outline (blue: hand, yellow: forearm) and joints (hollow: not"
    " annotated, dark: hidden by the hand itself); what is pasted of it"
)


def write_cutout_sheet(folder: Path, out: Path, num: int = 24, ids: list[int] | None = None) -> int:
    """Draws a contact sheet of a store of cut-outs into a PNG.

    Args:
        folder: of the store.
        out: the PNG.
        num: number of cut-outs, spread evenly. Of rejected pictures ``MOST_REJECTED`` are shown, as text;
            the others give way to the next good one.
        ids: these records instead, rejected or not.

    Returns:
        How many records are on it.

    Raises:
        HandbenchError: when there is no such store or record, or the place cannot be written.
        CorruptError: when a picture does not decode.
    """
    store = open_store(folder)
    chosen = choose_ids(folder, len(store), out, num, ids)
    if ids is None:
        chosen = _mostly_good(store, chosen)
    tiles = [_tile(store, number) for number in chosen]
    write_png(_page(tiles, _headline(store)), out)
    return len(tiles)


def _mostly_good(store: Store, chosen: Sequence[int]) -> list[int]:
    """Returns the first good record at or behind each, and the first few rejected ones met, at the end."""
    good: list[int] = []
    rejected: list[int] = []
    for start in chosen:
        for number in range(max(start, good[-1] + 1 if good else 0), len(store)):
            if "bad" not in store[number].fields:
                good.append(number)
                break
            if number not in rejected:
                rejected.append(number)
    return good + rejected[:MOST_REJECTED]


def _headline(store: Store) -> str:
    counts = store.manifest.statistics.get("cutouts", {})
    told = ", ".join(f"{name} {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1]))
    return f"{len(store)} pictures: {told}"


def _tile(store: Store, number: int) -> ImageArray:
    record = store[number]
    tile = np.full((LABEL + TILE, 2 * TILE + GAP, 3), draw.PAPER, np.uint8)
    fields = record.fields
    draw.write_label(tile, f"{number:08d}  {_cut(str(fields['key']))}", (2, 13), 0.38)
    if "bad" in fields:
        tile[LABEL:] = _BLANK
        draw.write_label(tile, f"rejected: {fields['bad']}", (10, LABEL + 28), 0.5)
        for line, words in enumerate(textwrap.wrap(str(fields["what"]), 62)[:9]):
            draw.write_label(tile, words, (10, LABEL + 52 + 18 * line), 0.37)
        return tile
    cutout = cutout_of(record)
    words = (
        f"{cutout.side.value}  {fields['person']}  score {fields['score']:.2f}"
        f"  agreement {fields['quality']['agreement']:.2f}{'  grey camera' if fields['grey'] else ''}"
    )
    draw.write_label(tile, words, (2, 28), 0.36, draw.FAINT)
    tile[LABEL:, :TILE] = _photograph(cutout)
    tile[LABEL:, TILE + GAP :] = draw.fit(_alone(cutout), TILE)
    return tile


def _photograph(cutout: Cutout) -> ImageArray:
    """Draws the stored picture with outlines and joints, (TILE, TILE, 3)."""
    picture = np.ascontiguousarray(cutout.picture()[..., :3])
    factor = TILE / len(picture)
    tile = draw.fit(picture, TILE)
    if cutout.arm is not None:
        _outline(tile, cutout.arm, _ARM)
    _outline(tile, cutout.mask, _HAND)
    hand = cutout.annotation()
    points = factor * (hand["joints_2d"].astype(np.float64) + 0.5) - 0.5
    shown = np.where(hand["joints_valid"][:, None], points, np.nan)
    tile = draw.draw_skeleton(tile, shown, hand["self_seen"][:21])
    _hollow(tile, points[~hand["joints_valid"]])
    return tile


def _outline(tile: ImageArray, mask: npt.NDArray[np.uint8], color: tuple[int, int, int]) -> None:
    small = cv2.resize(mask, (TILE, TILE), interpolation=cv2.INTER_NEAREST)
    edges, _ = cv2.findContours(small, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(tile, edges, -1, color, 1, cv2.LINE_AA)


def _hollow(tile: ImageArray, points: FloatArray) -> None:
    for x, y in points[np.isfinite(points).all(axis=1)].tolist():
        cv2.circle(tile, (round(x), round(y)), 3, draw.PAPER, 1, cv2.LINE_AA)


def _alone(cutout: Cutout) -> ImageArray:
    """Draws hand and forearm on grey, (S, S, 3): the pixels that a paste takes."""
    side = len(cutout.mask)
    out = np.full((side, side, 3), _GREY, np.uint8)
    x, y, w, h = cutout.paste_box
    window = slice(y, y + h), slice(x, x + w)
    mask = cutout.mask if cutout.arm is None else cutout.mask | cutout.arm
    inside = mask[window].view(np.bool_)
    out[window][inside] = cutout.hand()[..., :3][inside]
    return out


def _cut(text: str, most: int = 52) -> str:
    return text if len(text) <= most else "..." + text[3 - most :]


def _page(tiles: Sequence[ImageArray], headline: str) -> ImageArray:
    columns = min(len(tiles), 2 if len(tiles) <= 8 else 3)
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[:2]
    margin, foot = 3 * GAP, 24
    page = np.full(
        (foot + rows * (height + 2 * GAP) + foot + margin, columns * (width + margin) + margin, 3),
        draw.PAPER,
        np.uint8,
    )
    draw.write_label(page, headline, (margin, foot - 6), 0.42)
    for i, tile in enumerate(tiles):
        top = foot + GAP + (i // columns) * (height + 2 * GAP)
        left = margin + (i % columns) * (width + margin)
        page[top : top + height, left : left + width] = tile
    for line, words in enumerate(textwrap.wrap(_LEGEND, max(width * columns // 6, 60))[:2]):
        draw.write_label(page, words, (margin, page.shape[0] - 26 + 16 * line), 0.36, draw.FAINT)
    return page
