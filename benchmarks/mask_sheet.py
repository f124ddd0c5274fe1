"""A sheet of held-out pictures with the four masks of a model beside the true ones.

    python benchmarks/mask_sheet.py --data aih:DIR@split=test --out docs/images/hasm_tiny.jpg

Of each sample three tiles: the picture, true masks, predicted masks. What is seen of a hand is filled, the
whole hand has a line about it: red the right one, blue the left one. Samples are evenly spaced, not chosen.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from handbench.arrays import BoolArray, ImageArray
from handbench.baselines.hasm import mask_labels
from handbench.baselines.hasm_config import BRANCHES
from handbench.datasets import DataRef
from handbench.loaders import batches
from handbench.models import MODELS, open_model
from handbench.subset import Subset

COLOURS = {"r": (40, 40, 230), "l": (230, 90, 30)}
"""BGR."""

TILES = 12
"""In a row."""


def drawn(picture: ImageArray, masks: dict[str, BoolArray], zoom: int) -> ImageArray:
    """Returns a picture (h, w, 3) BGR, enlarged, with masks (h, w) by branch."""
    size = (picture.shape[1] * zoom, picture.shape[0] * zoom)
    out: ImageArray = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
    large = {
        name: cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        for name, mask in masks.items()
    }
    for side, colour in COLOURS.items():
        seen = large[f"{side}_visible"] > 0
        out[seen] = (0.5 * out[seen] + 0.5 * np.array(colour)).astype(np.uint8)
    for side, colour in COLOURS.items():
        lines, _ = cv2.findContours(large[f"{side}_amodal"], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(out, lines, -1, colour, 2)
    return out


def sheet(model: Any, data: Any, trainable: Any, zoom: int) -> ImageArray:
    """Returns the sheet of all samples of the data, three tiles each, four samples a row."""
    rows, row = [], []
    for batch in batches(data, trainable.train_inputs, 1):
        found = model.masks(batch.without_labels(boxes=True))
        picture = np.ascontiguousarray(batch.images[0, 0].permute(1, 2, 0).numpy()[..., ::-1])
        true = dict(zip(BRANCHES, (mask_labels(batch)[0] == 1).numpy(), strict=True))
        said = {}
        for s, side in enumerate("rl"):
            said[f"{side}_amodal"] = found.amodal[0, s].cpu().numpy()
            said[f"{side}_visible"] = found.visible[0, s].cpu().numpy()
        empty = {name: np.zeros_like(mask) for name, mask in true.items()}
        row += [drawn(picture, masks, zoom) for masks in (empty, true, said)]
        if len(row) == TILES:
            rows.append(np.concatenate(row, axis=1))
            row = []
    if row:
        row += [np.zeros_like(row[0])] * (TILES - len(row))
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows)


def main() -> None:
    """Draws a sheet of sixteen samples."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True, help="aih:DIR@split=test")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--model", default="hasm-tiny")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--zoom", type=int, default=1)
    args = parser.parse_args()
    data = DataRef.parse(args.data).open()
    some = Subset(data, np.linspace(0, len(data) - 1, 16).astype(int).tolist())
    base, _, variant = args.model.partition(":")
    make = MODELS.get(base).trainable
    assert make is not None
    drawing = sheet(open_model(args.model, args.weights), some, make(variant), args.zoom)
    cv2.imwrite(str(args.out), drawing, [cv2.IMWRITE_JPEG_QUALITY, 82])
    print(f"{args.out}: {drawing.shape[1]} x {drawing.shape[0]} px")


if __name__ == "__main__":
    main()
