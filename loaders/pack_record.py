"""One packed record: a sample's picture and masks cut with a margin, its labels moved along."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import resize_affine
from handbench.errors import BadSampleError
from handbench.loaders.batch_labels import SIDES, LabelRows, complete, fill_sample
from handbench.loaders.batch_pictures import show, show_mask
from handbench.loaders.batch_sources import SamplePicture
from handbench.loaders.crop import chained, follow_intrinsics, inverse, move_box, snapped, union_box
from handbench.loaders.packed_fields import labels_array
from handbench.store.masks import encode_mask
from handbench.types import Sample

_PLAIN = (str, int, float, bool)


@dataclass(frozen=True)
class PackSettings:
    """How pictures are packed.

    Attributes:
        size: [px] width of a crop at rest; of the longer side of a whole picture.
        scale: width of the crop over the longer side of the hands' box, as the model's inputs will have it.
        margin: the stored picture is this much wider than the crop.
        about: ``hands``: a square about all hands taken; ``picture``: the whole picture, never enlarged.
        sides: hands that it is about: ``right``, ``left`` or ``both``.
        quality: of the JPEG.
        masks: whether masks are stored.
        vertices: whether vertices are stored (9 KB a hand).
    """

    size: int
    scale: float
    margin: float
    about: Literal["hands", "picture"]
    sides: Literal["right", "left", "both"]
    quality: int
    masks: bool
    vertices: bool


def stored_width(size: int, margin: float) -> int:
    """Returns the width [px] of a stored picture: of the crop's parity, so that it lies on whole pixels."""
    width = int(np.ceil(size * margin - 1e-9))
    return width + (width - size) % 2


def origin_affine(rows: LabelRows, settings: PackSettings) -> tuple[FloatArray, tuple[int, int]]:
    """Returns the affine (2, 3) from a sample's picture to the stored one, and the latter's (width, height).

    Args:
        rows: one row, completed.
        settings: of the pack.

    Raises:
        BadSampleError: when a crop about hands finds none.
    """
    if settings.about == "picture":
        factor = min(1.0, settings.size / float(rows.size[0].max()))
        width, height = (max(1, round(factor * float(side))) for side in rows.size[0])
        sizes = rows.size[0]
        return resize_affine(width / float(sizes[0]), height / float(sizes[1])), (width, height)
    wanted = np.array([settings.sides != "left", settings.sides != "right"])
    x, y, w, h = union_box(np.where(wanted[:, None], rows.box[0], np.nan)).tolist()
    if not max(w, h) > 0:
        raise BadSampleError("no hand to crop about", "pack the whole picture")
    factor, width = settings.size / (max(w, h) * settings.scale), stored_width(settings.size, settings.margin)
    middle = (width - 1) / 2
    moved = [[factor, 0.0, middle - factor * (x + w / 2)], [0.0, factor, middle - factor * (y + h / 2)]]
    return snapped(np.array([moved]))[0], (width, width)


def resampled(image: ImageArray, affine: FloatArray, size: tuple[int, int]) -> ImageArray:
    """Returns a picture (h, w, 3) shrunk and shifted by ``affine``, without aliasing; black beyond it."""
    out = np.zeros((size[1], size[0], 3), np.uint8)
    if image.shape[2] == 4:
        image = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2RGB), np.uint8)
    factor = float(affine[0, 0])
    if factor < 0.75:
        small = tuple(max(1, round(factor * side)) for side in image.shape[1::-1])
        done = resize_affine(small[0] / image.shape[1], small[1] / image.shape[0])
        image = np.asarray(cv2.resize(image, small, interpolation=cv2.INTER_AREA), np.uint8)
        affine = snapped(chained(affine, inverse(done))[None])[0]
    show(image, affine, out)
    return out


def pack_sample(sample: Sample, settings: PackSettings) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Returns the blobs and fields of a sample's record, without what the whole dataset knows of it.

    Raises:
        BadSampleError: when its picture does not open or there is no hand.
    """
    rows = LabelRows.empty(1, settings.vertices)
    fill_sample(rows, 0, sample)
    boxes = LabelRows.empty(1)
    fill_sample(boxes, 0, sample)
    complete(boxes)
    affine, size = origin_affine(boxes, settings)
    picture = SamplePicture(sample)
    blobs = {"image": _jpeg(resampled(picture.pixels(), affine, size), settings.quality)}
    target = picture.target
    alone = None if target is None else picture.target_pixels(target)
    if alone is not None:
        blobs["target_image"] = _jpeg(resampled(alone, affine, size), settings.quality)
    if settings.masks:
        blobs |= _mask_blobs(sample, picture, affine, size)
    rows.K = follow_intrinsics(rows.K, affine, np.eye(3))
    rows.joints_2d = rows.joints_2d @ affine[:, :2].T + affine[:, 2]
    rows.box = move_box(rows.box, affine)
    fields: dict[str, Any] = {
        "key": sample.key,
        "recording": str(sample.meta.get("recording", "")),
        "camera": str(sample.meta.get("camera", "")),
        "frame": int(sample.meta.get("frame", 0)),
        "size": list(size),
        "source_size": [int(side) for side in sample.camera.size],
        "origin": affine,
        "K": follow_intrinsics(sample.camera.K, affine, np.eye(3)),
        "sides": rows.hand_valid[0].tolist(),
        "labels": labels_array(rows, 0),
        "meta": _plain(sample.meta),
    }
    if target is not None:
        fields["target_side"] = target.value
    if rows.vertices is not None:
        fields["vertices"] = rows.vertices[0]
    return blobs, fields


def _mask_blobs(
    sample: Sample, picture: SamplePicture, affine: FloatArray, size: tuple[int, int]
) -> dict[str, bytes]:
    blobs = {}
    for side in SIDES:
        for kind in ("amodal", "visible"):
            mask = picture.mask(side, kind)
            if mask is not None:
                blobs[f"{side.value}_{kind}"] = encode_mask(show_mask(mask, affine, size))
    return blobs


def _jpeg(image: ImageArray, quality: int) -> bytes:
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), (cv2.IMWRITE_JPEG_QUALITY, quality)
    )
    assert done
    return bytes(data)


def _plain(meta: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what of a sample's notes can be stored: text, numbers, and lists and maps of them."""
    own = ("recording", "camera", "frame", "origin", "source_size", "target_side")
    return {key: _value(value) for key, value in meta.items() if key not in own and _storable(value)}


def _storable(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _storable(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(_storable(item) for item in value)
    return value is None or isinstance(value, _PLAIN)


def _value(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else value
