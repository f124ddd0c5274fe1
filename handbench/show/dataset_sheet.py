"""The contact sheet of any dataset: every tile a sample with its annotation, labelled by its key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from handbench.arrays import ImageArray
from handbench.datasets import Dataset
from handbench.errors import BadSampleError, HandbenchError
from handbench.show import draw
from handbench.show.sample import draw_sample
from handbench.types import Sample

TILE, GAP, LABEL, FOOT = 320, 8, 32, 20
MOST = 1000
_LEGEND = (
    "dots: joints, thumb red, index orange, middle green, ring blue, little violet; "
    "hollow: not valid; dark centre: covered"
)
_LEGEND_2 = "wrist, box and masks blue: right hand, orange: left; white box: the sample's; green: object"


def choose(
    dataset: Dataset, num: int, ids: Sequence[int] | None = None, keys: Sequence[str] | None = None
) -> list[int]:
    """Returns which samples to draw: by place, by key, or ``num`` of them spread evenly.

    Raises:
        HandbenchError: for a sample that is not there, or more than a sheet shows.
    """
    total = len(dataset)
    if keys is not None:
        return [dataset.find(key) for key in keys]
    if ids is not None:
        for place in ids:
            if not 0 <= place < total:
                raise HandbenchError(f"no sample {place}", f"give 0 to {total - 1}")
        return list(ids)
    if not 1 <= num <= MOST:
        raise HandbenchError(f"--num {num}: a sheet shows 1 to {MOST} samples", "see others by --ids")
    count = min(num, total)
    return [i * total // count for i in range(count)]


def write_dataset_sheet(
    dataset: Dataset, places: Sequence[int], out: Path, zoom: bool = False
) -> tuple[int, list[str]]:
    """Draws samples into a PNG or JPEG, each whole or cut to its hands (``zoom``).

    Returns:
        How many samples are on it, and what was wrong with those that are not.

    Raises:
        HandbenchError: when no sample can be drawn, or the place cannot be written.
    """
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise HandbenchError(
            f"--out {out}: a sheet is a PNG or JPEG", "give a name that ends in .png or .jpg"
        )
    tiles, bad = [], []
    for place in places:
        try:
            tiles.append(_tile(dataset.read(place), zoom))
        except BadSampleError as error:
            bad.append(f"{dataset.keys[place]}: {error}")
    if not tiles:
        raise HandbenchError(f"no sample of {len(places)} can be shown{': ' + bad[0] if bad else ''}", "")
    write_picture(_page(tiles), out)
    return len(tiles), bad


def _tile(sample: Sample, zoom: bool) -> ImageArray:
    tile = np.full((TILE + LABEL, TILE, 3), draw.PAPER, np.uint8)
    tile[LABEL:] = draw_sample(sample, TILE, TILE, zoom)
    draw.write_label(tile, _cut(sample.key), (1, 13), 0.38)
    meta = sample.meta
    words = [str(meta[name]) for name in ("recording", "camera", "frame") if name in meta]
    draw.write_label(tile, _cut("  ".join(words)), (1, 27), 0.34, draw.FAINT)
    return tile


def _cut(text: str, most: int = 52) -> str:
    return text if len(text) <= most else "..." + text[3 - most :]


def _page(tiles: Sequence[ImageArray]) -> ImageArray:
    columns = min(len(tiles), 4 if len(tiles) <= 24 else 6)
    rows = -(-len(tiles) // columns)
    height, width = tiles[0].shape[:2]
    least = 3 * (TILE + GAP) + GAP
    page = np.full(
        (rows * (height + GAP) + GAP + 2 * FOOT, max(columns * (width + GAP) + GAP, least), 3),
        draw.PAPER,
        np.uint8,
    )
    for i, tile in enumerate(tiles):
        top, left = GAP + (i // columns) * (height + GAP), GAP + (i % columns) * (width + GAP)
        page[top : top + height, left : left + width] = tile
    draw.write_label(page, _LEGEND, (GAP, page.shape[0] - FOOT - 6), 0.38, draw.FAINT)
    draw.write_label(page, _LEGEND_2, (GAP, page.shape[0] - 8), 0.38, draw.FAINT)
    return page


def write_picture(image: ImageArray, path: Path, quality: int = 92) -> None:
    """Writes (h, w, 3) RGB as PNG or JPEG, making its folder.

    Raises:
        HandbenchError: when the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        options = (
            [cv2.IMWRITE_PNG_COMPRESSION, 9]
            if path.suffix.lower() == ".png"
            else [cv2.IMWRITE_JPEG_QUALITY, quality]
        )
        ok, data = cv2.imencode(path.suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
        assert ok
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise HandbenchError(f"cannot write {path}: {error.strerror}", "choose another --out") from None
