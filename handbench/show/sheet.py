"""The contact sheet of an AIH dataset: every tile a sample's picture, target, masks and skeletons."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from handbench.arrays import ImageArray
from handbench.errors import HandbenchError
from handbench.show import draw
from handbench.store import open_store
from handbench.store.record import Record

TILE, GAP, LABEL = 192, 6, 18
_BLUE, _ORANGE = (88, 150, 230), (240, 150, 60)
_MASKS = (
    ("target_amodal", _BLUE, "target whole"),
    ("target_visible", _BLUE, "target seen"),
    ("other_amodal", _ORANGE, "other whole"),
    ("other_visible", _ORANGE, "other seen"),
)


def read_image(record: Record, name: str) -> ImageArray:
    """Decodes one JPEG of a record to (h, w, 3) uint8 RGB.

    Raises:
        HandbenchError: when it does not decode.
    """
    image = cv2.imdecode(np.frombuffer(record.blob(name), np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise HandbenchError(f"{name} of sample {record.id} does not decode", "handbench data verify --deep")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


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
    image = read_image(record, "image")
    blank = np.full((TILE, TILE, 3), 232, np.uint8)
    if "target_image" in record.names:
        target = draw.fit(read_image(record, "target_image"), TILE)
    else:
        target = blank
        draw.write_label(target, "pair: no target", (46, TILE // 2), 0.38, draw.FAINT)
    tiles = [draw.fit(image, TILE), target, _masks_tile(record), _overlay_tile(record, image)]
    strip = np.full((TILE + LABEL, 4 * TILE + 3 * GAP, 3), draw.PAPER, np.uint8)
    for i, tile in enumerate(tiles):
        strip[LABEL:, i * (TILE + GAP) :][:, :TILE] = tile
    fields = record.fields
    poses, hidden = fields["source"]["poses"], fields["occlusion"]
    words = f"{record.id:08d}  {fields['kind']}  scene {fields['scene_id']}  {poses['kind']}"
    if poses["frame"] >= 0:
        words += f" frame {poses['frame']}"
    if hidden is not None:
        words += f"  occlusion of the {fields['target_side']} hand {hidden:.2f}"
    draw.write_label(strip, words, (2, LABEL - 5))
    return strip


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
    """Draws a contact sheet of a dataset into a PNG.

    Args:
        folder: of the dataset.
        out: the PNG.
        num: number of samples, spread evenly.
        ids: these samples instead.

    Returns:
        How many samples are on it.

    Raises:
        HandbenchError: when there is no such dataset or sample, or the place cannot be written.
    """
    store = open_store(folder)
    if not 1 <= num <= 1000:
        raise HandbenchError(f"--num {num}: a sheet shows 1 to 1000 samples", "see others by --ids")
    if out.suffix.lower() != ".png":
        raise HandbenchError(f"--out {out}: a sheet is a PNG", "give a name that ends in .png")
    count = min(num, len(store))
    chosen = [i * len(store) // count for i in range(count)] if ids is None else ids
    for sample in chosen:
        if not 0 <= sample < len(store):
            raise HandbenchError(f"{folder} has no sample {sample}", f"give 0 to {len(store) - 1}")
    write_png(contact_sheet([store[sample] for sample in chosen]), out)
    return count if ids is None else len(ids)
