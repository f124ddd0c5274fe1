"""AIH_syn's recipe read plainly, as the authors' reader does it: what our composing is compared with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.formats.aih_plain import crop_files, filtered_list, syn_folder
from handbench.formats.aih_plain_recipes import PasteRecipe
from handbench.types import Side


def reference(tree: Path, recipe: PasteRecipe, gain: npt.NDArray[np.float64]) -> dict[str, npt.NDArray[Any]]:
    """The official recipe read plainly: mirror, warp, paste; everything stays mirrored for a left target."""
    folder = syn_folder(tree, "machine", "train")
    parts: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
    for side, row, move in (
        (recipe.target, recipe.target_row, recipe.target_move),
        (recipe.target.other, recipe.other_row, recipe.other_move),
    ):
        number = int(np.loadtxt(filtered_list(tree, "machine", "train", side)).astype(np.int32)[row])
        files = crop_files(folder, side, number)
        image = np.asarray(cv2.imread(str(files["image"])))[..., ::-1]
        mask = np.asarray(cv2.imread(str(files["amodal"]), cv2.IMREAD_UNCHANGED))
        if recipe.target is Side.LEFT:
            image, mask = image[:, ::-1], mask[:, ::-1]
        box = [0 + 255 * move.shift[0], 0 + 255 * move.shift[1], 255, 255]
        centre = np.array([box[0] + 0.5 * box[2], box[1] + 0.5 * box[3]], np.float32)
        turn, size = np.pi * move.degrees / 180, 255 * move.scale
        source, goal = np.zeros((3, 2), np.float32), np.zeros((3, 2), np.float32)
        for i, (x, y) in enumerate(((0.0, 0.0), (0.0, 0.5), (0.5, 0.0))):
            px, py = np.float32(x * size), np.float32(y * size)
            ray = [px * np.cos(turn) - py * np.sin(turn), px * np.sin(turn) + py * np.cos(turn)]
            source[i] = centre + np.array(ray, np.float32)
            goal[i] = np.array([128, 128], np.float32) + np.array([256 * x, 256 * y], np.float32)
        affine = cv2.getAffineTransform(source, goal).astype(np.float32)
        moved = cv2.warpAffine(image.copy(), affine, (256, 256), flags=cv2.INTER_LINEAR).astype(np.float32)
        whole = cv2.warpAffine(mask.copy(), affine, (256, 256), flags=cv2.INTER_LINEAR).astype(np.float32)
        parts.append((np.clip(moved * gain[None, None, :], 0, 255).astype(np.uint8), whole.astype(np.uint8)))
    (t, mt), (o, mo) = parts
    return {"image": o * mo[..., None] + t * (1 - mo[..., None]), "target": t, "amodal": mt, "front": mo}
