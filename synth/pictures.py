"""The pictures of a record: all of the scene, the target alone, and where the two may differ."""

from __future__ import annotations

from typing import Any

import cv2
import numba as nb
import numpy as np

from handbench.arrays import BoolArray, ImageArray
from handbench.errors import HandbenchError
from handbench.store.masks import encode_mask
from handbench.synth.effects import Effects, apply_effects
from handbench.synth.layers import RenderLayers
from handbench.synth.scene import HandScene
from handbench.types import Side


def encode_pictures(
    scene: HandScene, layers: RenderLayers, effects: Effects, target: Side | None
) -> dict[str, bytes]:
    """Composes and encodes the pictures of one record.

    Args:
        scene: what is shown.
        layers: of the scene.
        effects: what the camera does, to both pictures alike: the same blur, noise field and tone.
        target: whose picture alone is wanted, with its own arm and ring and without the other hand, its arm,
            its shadow and objects; None for a pair.

    Returns:
        ``image``; with a target also ``target_image``, and the mask ``removed``: outside it the two pictures
        are equal before JPEG.
    """
    whole = layers.compose(scene, layers.names)
    blobs = {"image": _jpeg(apply_effects(whole, effects), effects.jpeg_quality)}
    if target is not None:
        alone = layers.compose(scene, [part.name for part in scene.parts if part.hand is target])
        blobs["target_image"] = _jpeg(apply_effects(alone, effects), effects.jpeg_quality)
        blobs["removed"] = encode_mask(differ(whole, alone, effects.blur_radius))
    return blobs


def differ(first: ImageArray, second: ImageArray, reach: int) -> BoolArray:
    """Returns where two pictures may differ once blur has spread by ``reach`` pixels, (h, w) bool."""
    found = _differ(np.ascontiguousarray(first), np.ascontiguousarray(second))
    if reach > 0:
        side = 2 * reach + 1
        found = cv2.dilate(found, np.ones((side, side), np.uint8))
    return np.asarray(found).view(np.bool_)


@nb.njit(cache=True, nogil=True)
def _differ(first: Any, second: Any) -> Any:
    height, width = first.shape[:2]
    out = np.zeros((height, width), dtype=np.uint8)
    for y in range(height):
        for x in range(width):
            if (
                first[y, x, 0] != second[y, x, 0]
                or first[y, x, 1] != second[y, x, 1]
                or first[y, x, 2] != second[y, x, 2]
            ):
                out[y, x] = 1
    return out


def _jpeg(image: ImageArray, quality: int) -> bytes:
    """Encodes RGB as JPEG, 4:2:0; without OPTIMIZE, which triples the time for a twentieth of the bytes."""
    ok, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not ok:
        raise HandbenchError("a picture could not be encoded as JPEG")
    return bytes(data.tobytes())
