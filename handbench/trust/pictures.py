"""Pictures that do not open, have another size, show nothing, or are damaged inside."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from handbench.datasets import Finding
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.images import check_image, read_bytes
from handbench.types import Sample

BLACK = 4
"""A picture whose brightest value is not above this shows nothing (InterHand2.6M issue 134)."""


def check_picture(sample: Sample, deep: bool) -> Iterator[Finding]:
    """Gives what is wrong with the picture, masks and depth of a sample.

    Args:
        sample: of any dataset.
        deep: decode JPEGs strictly, which finds damage in their middle, and read masks and depth too.
    """
    image = yield from _read(sample.image, sample.key, "picture")
    if image is not None:
        width, height = sample.camera.size
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            words = f"picture has shape {image.shape} of {image.dtype}, expected (h, w, 3) of uint8"
            yield Finding("fault", sample.key, words)
        elif image.shape[:2] != (height, width):
            words = f"picture is {image.shape[1]} x {image.shape[0]} px, the camera's is {width} x {height}"
            yield Finding("fault", sample.key, words, "boxes and K are of another picture")
        elif image.max() <= BLACK:
            yield Finding("fault", sample.key, "picture is all black", "leave this sample out")
    if deep:
        if image is not None:
            yield from _strictly(sample)
        yield from _maps(sample, None if image is None else image.shape[:2])


def _strictly(sample: Sample) -> Iterator[Finding]:
    path = getattr(sample.image, "path", None)
    if isinstance(path, Path):
        try:
            check_image(read_bytes(path), str(path))
        except BadSampleError as error:
            yield Finding("fault", sample.key, error.message, error.hint)


def _maps(sample: Sample, size: tuple[int, ...] | None) -> Iterator[Finding]:
    refs: list[tuple[str, Any]] = [("depth", sample.depth)]
    for hand in sample.hands:
        for name in ("amodal_mask", "visible_mask"):
            refs.append((f"{hand.side.value} {name}", getattr(hand, name)))
    refs.extend((f"mask of {thing.name}", thing.visible_mask) for thing in sample.objects)
    found: dict[str, Any] = {}
    for name, ref in refs:
        if ref is None:
            continue
        found[name] = value = yield from _read(ref, sample.key, name)
        if value is not None and size is not None and value.shape != size:
            yield Finding("fault", sample.key, f"{name} has shape {value.shape}, the picture {size}")
    for side in ("right", "left"):
        whole, seen = found.get(f"{side} amodal_mask"), found.get(f"{side} visible_mask")
        if whole is not None and seen is not None and whole.shape == seen.shape and (seen & ~whole).any():
            n = int((seen & ~whole).sum())
            yield Finding(
                "fault", sample.key, f"{n} visible pixels of the {side} hand outside its amodal mask"
            )


def _read(ref: Any, key: str, name: str) -> Generator[Finding, None, Any]:
    """Reads a reference; gives a finding where it cannot, and returns the value or None."""
    try:
        return ref.read()
    except HandbenchError as error:
        yield Finding("fault", key, error.message, error.hint)
    except Exception as error:  # a reader of third parties: verification goes on
        yield Finding("fault", key, f"{name} does not read: {type(error).__name__}: {error}")
    return None
