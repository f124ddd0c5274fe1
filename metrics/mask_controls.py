"""Controls that a model of amodal masks must beat: masks made of the visible ones alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from handbench.arrays import BoolArray


def visible_as_amodal(visible: BoolArray) -> BoolArray:
    """Returns the visible masks (N, h, w) as if nothing were hidden."""
    return visible.copy()


def convex_hull(visible: BoolArray) -> BoolArray:
    """Returns the convex hulls of visible masks (N, h, w); an empty mask stays empty."""
    from skimage.morphology import convex_hull_image

    hull: Callable[[BoolArray], BoolArray] = convex_hull_image
    hulls = [hull(mask) if mask.any() else mask for mask in visible]
    return np.array(hulls, dtype=np.bool_).reshape(visible.shape)
