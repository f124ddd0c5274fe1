"""The contact sheet of an AIH dataset: every tile a sample's picture, target, masks and skeletons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.arrays import ImageArray
from handbench.compose.table import open_samples
from handbench.errors import HandbenchError
from handbench.show import draw
from handbench.store.record import Record

TILE, GAP, LABEL = 192, 6, 18
MOST = 1000
_BLUE, _ORANGE = (88, 150, 230), (240, 150, 60)
_MASKS = (
    ("target_amodal", _BLUE, "target whole"),
    ("target_visible", _BLUE, "target seen"),
    ("other_amodal", _ORANGE, "other whole"),
    ("other_visible", _ORANGE, "other seen"),
)


def _masks_tile(record: Record) -> ImageArray:
    half = TILE // 2
    tile = np.empty((TILE, TILE, 3), np.uint8)
    for i, (name, color, words) in enumerate(_MASKS):
        small = draw.fit(draw.mask_picture(record.mask(name), color), half)
        draw.write_label(small, words, (4, half - 5), 0.3, draw.FAINT)
        tile[(i // 2) * half :][:half, (i % 2) * half :][:, :half] = small
    return tile


def _overlay_tile(record: Record, image: ImageArray) -> ImageArray:
    factor = TILE / image.shape[0]
    tile = draw.fit((0.55 * image + 60).astype(np.uint8), TILE)
    for hand in record.fields["hands"].values():
        if hand is not None:
            points = factor * (hand["joints_2d"].astype(np.float64) + 0.5) - 0.5
            tile = draw.draw_skeleton(tile, points, hand["visibility"])
    return tile


def sample_strip(record: Record) -> ImageArray:
    """Draws one sample: image, target alone, four masks, skeletons, and a line that names it."""
    image = record.image("image")
    blank = np.full((TILE, TILE, 3), 232, np.uint8)
    if "target_image" in record.names:
        target = draw.fit(record.image("target_image"), TILE)
    else:
        target = blank
        draw.write_label(target, "pair: no target", (46, TILE // 2), 0.38, draw.FAINT)
    tiles = [draw.fit(image, TILE), target, _masks_tile(record), _overlay_tile(record, image)]
    strip = np.full((TILE + LABEL, 4 * TILE + 3 * GAP, 3), draw.PAPER, np.uint8)
    for i, tile in enumerate(tiles):
        strip[LABEL:, i * (TILE + GAP) :][:, :TILE] = tile
    words = f"{record.id:08d}  {_origin(record.fields)}"
    draw.write_label(strip, words, (2, LABEL - 5))
    return strip


def _origin(fields: dict[str, Any]) -> str:
    """Returns what a record is of, in words: its scene, or the two photographs that are pasted."""
    side, hidden = fields["target_side"], fields["occlusion"]
    occlusion = "" if hidden is None else f"  occlusion of the {side} hand {hidden:.2f}"
    source = fields["source"]
    if fields.get("part") != "syn":
        poses = source["poses"]
        frame = f" frame {poses['frame']}" if poses["frame"] >= 0 else ""
        return f"{fields['kind']}  scene {fields['scene_id']}  {poses['kind']}{frame}{occlusion}"
    target, other = source["target"], source["other"]
    if other is None:
        return f"{side}  photograph of {target['person']}, alone"
    front = "behind" if fields["paste"]["target_front"] else "in front"
    return (
        f"{side} hand of {target['person']}, {other['person']} pasted {front}, overlap"
        f" {source['overlap_target']:.2f}{occlusion}"
    )


def contact_sheet(records: list[Record], columns: int = 2) -> ImageArray:
    """Draws a page of samples.

    Args:
        records: AIH records.
        columns: samples side by side.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    strips = [sample_strip(record) for record in records]
    height, width = strips[0].shape[:2]
    rows = -(-len(strips) // columns)
    margin = 3 * GAP
    page = np.full(
        (LABEL + rows * (height + 2 * GAP) + 2 * margin, columns * (width + margin) + margin, 3),
        draw.PAPER,
        np.uint8,
    )
    for i, strip in enumerate(strips):
        top = margin + (i // columns) * (height + 2 * GAP)
        left = margin + (i % columns) * (width + margin)
        page[top : top + height, left : left + width] = strip
    legend = (
        "each sample: picture, target alone and whole, four masks, skeletons (dark centre: joint covered)"
    )
    draw.write_label(page, legend, (margin, page.shape[0] - margin), 0.4, draw.FAINT)
    return page


def write_png(image: ImageArray, path: Path) -> None:
    """Writes a picture as PNG, making its folder.

    Raises:
        HandbenchError: when the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ok, data = cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        assert ok
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise HandbenchError(f"cannot write {path}: {error.strerror}", "choose another --out") from None


def write_sheet(folder: Path, out: Path, num: int = 24, ids: list[int] | None = None) -> int:
    """Draws a contact sheet of a dataset into a PNG; a table's samples are composed.

    Args:
        folder: of the dataset.
        out: the PNG.
        num: number of samples, spread evenly.
        ids: these samples instead.

    Returns:
        How many samples are on it.

    Raises:
        HandbenchError: when there is no such dataset or sample, a table lacks its cut-outs, or the place
            cannot be written.
        CorruptError: when a picture does not decode.
    """
    store = open_samples(folder)
    chosen = choose_ids(folder, len(store), out, num, ids)
    write_png(contact_sheet([store[sample] for sample in chosen]), out)
    return len(chosen)


def choose_ids(folder: Path, total: int, out: Path, num: int, ids: list[int] | None) -> list[int]:
    """Returns the records of a store to draw, and checks what was asked for.

    Args:
        folder: of the store, for errors.
        total: how many records it has.
        out: the sheet.
        num: number of records, spread evenly.
        ids: these instead.

    Raises:
        HandbenchError: when there is no such record, or the sheet is no PNG.
    """
    if not 1 <= num <= MOST:
        raise HandbenchError(f"--num {num}: a sheet shows 1 to {MOST} samples", "see others by --ids")
    if out.suffix.lower() != ".png":
        raise HandbenchError(f"--out {out}: a sheet is a PNG", "give a name that ends in .png")
    count = min(num, total)
    chosen = [i * total // count for i in range(count)] if ids is None else ids
    for sample in chosen:
        if not 0 <= sample < total:
            raise HandbenchError(f"{folder} has no sample {sample}", f"give 0 to {total - 1}")
    return chosen
