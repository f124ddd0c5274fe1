"""The official plain-file layout of AIH (HDR, ECCV 2022): folders, pictures and masks.

``AIH_render`` holds whole samples; ``AIH_syn`` holds crops of single hands and recipes that paste two of them
(:mod:`handbench.formats.aih_plain_recipes`). Pictures are 256 x 256 JPEGs, masks PNGs of whole numbers.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import decode_image, read_bytes
from handbench.types import Side

Branch = Literal["human", "machine"]
BRANCHES: tuple[Branch, ...] = ("human", "machine")
SPLITS = ("train", "val", "test")
SIZE = (256, 256)
NOTES = "handbench.jsonl"
"""Beside the pictures of a branch and split: the rest of the annotation, which the official layout lacks."""


def render_folder(root: Path, branch: str, split: str) -> Path:
    """Returns ``AIH_render/{branch}_annot/{split}``; officially there is only ``train``."""
    return root / "AIH_render" / f"{branch}_annot" / split


def syn_folder(root: Path, branch: str, split: str) -> Path:
    """Returns ``AIH_syn/{branch}_annot/{split}``."""
    return root / "AIH_syn" / f"{branch}_annot" / split


def images_folder(folder: Path, side: Side) -> Path:
    """Returns where crops about one side lie: ``images/r_images`` or ``images/l_images``."""
    return folder / "images" / f"{side.value[0]}_images"


def labels_folder(folder: Path, side: Side) -> Path:
    """Returns where the masks of crops about one side lie: ``labels/in_r_images`` or ``in_l_images``."""
    return folder / "labels" / f"in_{side.value[0]}_images"


def render_files(folder: Path, side: Side, name: str) -> dict[str, Path]:
    """Returns the files of one rendered sample.

    Args:
        folder: from :func:`render_folder`.
        side: the hand that the crop is about.
        name: stem of the files.

    Returns:
        ``image`` (both hands), ``target_image`` (that hand alone), ``amodal`` (of that hand), ``visible`` (1
        right, 2 left) and ``other_amodal``, which only our own trees have.
    """
    images, labels = images_folder(folder, side), labels_folder(folder, side)
    return {
        "image": images / "IH" / f"{name}.jpg",
        "target_image": images / "DR_gt" / f"{name}.jpg",
        "amodal": labels / f"{side.value[0]}_amodal" / f"{name}.png",
        "visible": labels / "rl_visible" / f"{name}.png",
        "other_amodal": labels / f"{side.other.value[0]}_amodal" / f"{name}.png",
    }


def crop_files(folder: Path, side: Side, number: int) -> dict[str, Path]:
    """Returns ``image`` and ``amodal`` of one crop of a single hand; ``folder`` from :func:`syn_folder`."""
    labels = labels_folder(folder, side)
    return {
        "image": images_folder(folder, side) / f"{number}.jpg",
        "amodal": labels / f"{side.value[0]}_amodal" / f"{number}.png",
    }


def filtered_list(root: Path, branch: str, split: str, side: Side) -> Path:
    """Returns the list of a side's usable crops; recipes count in it."""
    name = f"{branch}_annot_{split}_sh_{side.value}_filtered.txt"
    return root / "AIH_syn" / "filtered_list" / name


def read_filtered_list(path: Path) -> npt.NDArray[np.int64]:
    """Reads the numbers of the crops, one a line.

    Raises:
        HandbenchError: when it is missing, or a line is no whole number.
    """
    try:
        words = path.read_text(encoding="ascii").split()
        # np.savetxt writes whole numbers as 1.2e+01 unless it is told otherwise.
        numbers = np.array(words, dtype=np.float64)
    except (OSError, UnicodeDecodeError) as error:
        raise HandbenchError(f"{path}: {error}", "is the download complete?") from None
    except ValueError as error:
        raise HandbenchError(f"{path}: expected a whole number a line: {error}", "copy it again") from None
    whole = np.rint(numbers)
    if not ((whole == numbers) & (whole >= 0) & (whole < 2**53)).all():
        raise HandbenchError(f"{path}: a number is not whole, below 0 or too large", "copy it again")
    return whole.astype(np.int64)


def write_filtered_list(path: Path, numbers: npt.NDArray[np.int64]) -> None:
    """Writes the numbers of a side's crops, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{number}\n" for number in numbers.tolist()), encoding="ascii")


def read_mask_values(path: Path, most: int) -> npt.NDArray[np.uint8]:
    """Reads a PNG of whole numbers.

    Args:
        path: the PNG.
        most: the greatest number that it may hold; a mask of 0 and 255 counts as 0 and 1.

    Returns:
        (h, w) uint8.

    Raises:
        BadSampleError: when it does not open, has more than one channel, or a greater number.
    """
    values: npt.NDArray[Any] = decode_image(read_bytes(path), str(path), flags=cv2.IMREAD_UNCHANGED)
    if values.ndim == 3 and (values[..., :1] == values[..., :3]).all():
        values = values[..., 0]
    if values.ndim != 2 or values.dtype != np.uint8:
        raise BadSampleError(f"{path}: {values.shape} {values.dtype}, expected one channel of 8 bits", "")
    top = int(values.max())
    if most == 1 and top == 255 and not ((values != 0) & (values != 255)).any():
        return np.asarray(values // 255)
    if top > most:
        raise BadSampleError(f"{path}: holds {top}, expected 0 to {most}", "is it another kind of mask?")
    return np.ascontiguousarray(values)


def write_mask_values(path: Path, values: npt.NDArray[np.uint8]) -> None:
    """Writes (h, w) whole numbers as a PNG of one channel.

    Raises:
        HandbenchError: when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    ok, data = cv2.imencode(".png", values)
    if not ok:
        raise HandbenchError(f"{path}: a mask of shape {values.shape} cannot be written as PNG")
    path.write_bytes(data.tobytes())


def official_masks(
    target_amodal: BoolArray, target_visible: BoolArray, other: BoolArray
) -> dict[str, npt.NDArray[np.float32]]:
    """Returns the masks that HDRNet is given (spec of explore_AIH.py), (h, w) of 0 and 1.

    Args:
        target_amodal: the whole target.
        target_visible: what is seen of it.
        other: the other hand, whole or visible: outside the target's amodal region both are the same.

    Returns:
        ``r_invisible`` (hole 1: the target's covered part), ``r_visible`` (1 - hole 1), ``r_modal`` (the seen
        target), ``l_invisible`` (hole 2: the other hand beside the target), ``l_visible`` (1 - hole 2), and
        ``l_modal``: the *background*, despite its name.
    """
    whole, seen, beside = (mask.astype(np.float32) for mask in (target_amodal, target_visible, other))
    hole, removed = whole * (1 - seen), (1 - whole) * beside
    return {
        "r_invisible": hole,
        "r_visible": 1 - hole,
        "r_modal": seen,
        "l_invisible": removed,
        "l_visible": 1 - removed,
        "l_modal": (1 - whole) * (1 - beside),
    }
