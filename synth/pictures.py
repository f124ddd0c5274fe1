"""The pictures of a record: all of the scene, the target alone, and where the two may differ."""

from __future__ import annotations

from handbench.compose.effects import Effects, apply_effects
from handbench.compose.pictures import encode_jpeg, record_two
from handbench.store.masks import encode_mask
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
    if target is None:
        return {"image": encode_jpeg(apply_effects(whole, effects), effects.jpeg_quality)}
    alone = layers.compose(scene, [part.name for part in scene.parts if part.hand is target])
    image, target_image, removed = record_two(whole, alone, effects)
    return {
        "image": encode_jpeg(image, effects.jpeg_quality),
        "target_image": encode_jpeg(target_image, effects.jpeg_quality),
        "removed": encode_mask(removed),
    }
