"""What a renderer gives: one layer a part, and pictures and id maps composed from any of them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.synth.scene import HandScene


class RenderLayers(Protocol):
    """The layers of one scene. Each part lies in a layer of its own, as if the others did not exist.

    ``names`` are the scene's parts in its order; ``size`` is (width, height).
    """

    names: tuple[str, ...]
    size: tuple[int, int]

    def mask(self, name: str) -> npt.NDArray[np.bool_]:
        """Gives the part's own mask at pixel centres, (h, w) bool: for a hand, its amodal mask."""
        ...

    def depth(self, name: str) -> npt.NDArray[np.float32]:
        """Gives the part's own depth at pixel centres, (h, w) float32 z [m], inf where it is not."""
        ...

    def visible(self, names: Collection[str]) -> npt.NDArray[np.int8]:
        """Gives the id map of these parts, (h, w) int8: index into ``self.names`` of the nearest, or -1."""
        ...

    def compose(self, scene: HandScene, names: Collection[str]) -> npt.NDArray[np.uint8]:
        """Gives the picture of the background and these parts, (h, w, 3) uint8 sRGB."""
        ...


def compose(layers: RenderLayers, scene: HandScene, names: Collection[str]) -> npt.NDArray[np.uint8]:
    """Composes background and the named parts as if no other part existed, their shadows included.

    Args:
        layers: what ``render(scene)`` gave.
        scene: the same scene (its background and lights).
        names: the parts to show; an empty collection gives the background.

    Returns:
        (h, w, 3) uint8 sRGB, anti-aliased.

    Raises:
        HandbenchError: an unknown name.
    """
    return layers.compose(scene, names)


def visible(layers: RenderLayers, names: Collection[str]) -> npt.NDArray[np.int8]:
    """Tells which of the named parts is seen at each pixel centre.

    Returns:
        (h, w) int8: index into ``layers.names`` of the nearest named part, -1 where there is none.
    """
    return layers.visible(names)


def chosen_parts(known: tuple[str, ...], names: Collection[str]) -> npt.NDArray[np.int32]:
    """Gives the indices of the named parts, in the scene's order.

    Raises:
        HandbenchError: an unknown name.
    """
    for name in names:
        if name not in known:
            raise HandbenchError(
                f"no part {name!r} in this scene", f"its parts: {', '.join(known) or 'none'}"
            )
    return np.array([i for i, name in enumerate(known) if name in names], np.int32)
