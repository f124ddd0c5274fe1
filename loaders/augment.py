"""Augmentation as settings, and the numbers drawn for one item: they depend on (seed, epoch, item) alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.inputs import Inputs
from handbench.registry import nearest
from handbench.seeding import rng_for

PATCHES = 3
"""Occluders that an item has at most."""
_NORMALS, _PATCH = 2, 10
_UNIFORMS = 16 + _PATCH * PATCHES


@dataclass(frozen=True)
class Augment:
    """Settings of augmentation; the defaults are HandOccNet's (its training code on HO-3D).

    Attributes:
        scale: the crop's side is multiplied by 1 + scale * clip(N(0, 1), -1, 1).
        rotation: [rad]; the picture is turned by rotation * clip(N(0, 1), -2, 2).
        p_rotation: share of items that are turned.
        shift: the crop moves by U(-shift, shift) of its side in x and in y.
        p_flip: share of items that are mirrored; left and right hands change places.
        gain: each colour channel is multiplied by U(1 - gain, 1 + gain).
        brightness: U(-brightness, brightness) of the full range is added.
        contrast: values move away from, or towards, mid-grey by U(1 - contrast, 1 + contrast).
        noise: standard deviation of the noise [grey levels].
        p_occlude: share of items that get one to three occluders (rectangles and ellipses).
        occluder: (least, greatest) area of an occluder as a share of the crop.
    """

    scale: float = 0.25
    rotation: float = math.radians(30)
    p_rotation: float = 0.6
    shift: float = 0.0
    p_flip: float = 0.0
    gain: float = 0.2
    brightness: float = 0.0
    contrast: float = 0.0
    noise: float = 0.0
    p_occlude: float = 0.0
    occluder: tuple[float, float] = (0.02, 0.15)

    def __post_init__(self) -> None:
        for name in ("p_rotation", "p_flip", "p_occlude"):
            if not 0 <= getattr(self, name) <= 1:
                raise HandbenchError(f"augment: {name}={getattr(self, name)}", "a share is 0 to 1")
        for name in ("scale", "shift", "gain", "contrast", "brightness"):
            if not 0 <= getattr(self, name) < 1:
                raise HandbenchError(f"augment: {name}={getattr(self, name)}", "give 0 to below 1")
        if not 0 <= self.rotation <= math.pi or not 0 <= self.noise <= 64:
            raise HandbenchError(
                f"augment: rotation={self.rotation}, noise={self.noise}", "give 0 to pi, and 0 to 64"
            )
        if not 0 < self.occluder[0] <= self.occluder[1] <= 1:
            raise HandbenchError(f"augment: occluder={self.occluder}", "give least and greatest share")

    def margin(self) -> float:
        """Returns how much wider than the crop a stored picture must be, so that no draw leaves it.

        A square turned by a reaches |cos a| + |sin a| of its half side; shift adds to it, scale widens both.
        """
        turn = min(2 * self.rotation, math.pi / 4) if self.p_rotation > 0 else 0.0
        reach = math.cos(turn) + math.sin(turn)
        return (1 + self.scale) * (reach + 2 * self.shift)

    def check(self, inputs: Inputs) -> None:
        """Refuses flips for a model that sees one side only.

        Raises:
            HandbenchError: naming the settings.
        """
        if self.p_flip > 0 and (inputs.sides != "both" or inputs.mirror_left):
            seen = "right hands" if inputs.mirror_left else f"{inputs.sides} hands"
            raise HandbenchError(
                f"augment: p_flip={self.p_flip} would show other hands to a model of {seen}",
                "set p_flip to 0, or the model's sides to both",
            )


NONE = Augment(scale=0.0, rotation=0.0, p_rotation=0.0, gain=0.0)

PRESETS = {
    "none": NONE,
    "handoccnet": Augment(),
    "ifvonet": Augment(gain=0.0),
    "interhand": Augment(rotation=math.radians(45), shift=0.15, p_flip=0.5),
    "shpe": Augment(rotation=math.radians(45), shift=0.15),
    "shpe-tiny": Augment(shift=0.05),
    "hasm": Augment(scale=0.5, p_rotation=0.0, shift=0.1, p_flip=0.5, brightness=0.125, contrast=0.5),
    "hasm-tiny": Augment(
        scale=0.1, rotation=math.radians(20), p_rotation=0.5, shift=0.04, p_flip=0.5, gain=0.1
    ),
    "full": Augment(shift=0.05, p_flip=0.5, brightness=0.1, contrast=0.2, noise=4.0, p_occlude=0.5),
}
"""Named settings: HandOccNet's, IFVONet's, InterHand2.6M's (also HDR's), the same without flips for HDR's
pose network, which sees right hands only, HDR's mask network's, a mild one, everything at once."""


def named(settings: Augment | str | None) -> Augment:
    """Returns settings by name; None is no augmentation.

    Raises:
        HandbenchError: for an unknown name.
    """
    if isinstance(settings, Augment):
        return settings
    name = settings or "none"
    if name not in PRESETS:
        raise HandbenchError(f"no augmentation {name!r}", nearest(name, list(PRESETS)))
    return PRESETS[name]


@dataclass(frozen=True, slots=True)
class Draws:
    """What was drawn for B items.

    Attributes:
        scale: (B,) factor of the crop's side.
        rotation: (B,) [rad], clockwise as seen.
        shift: (B, 2) share of the crop's side.
        flip: (B,) bool.
        colour: (B, 3, 4) affine of RGB values, 0 to 255: what a channel becomes of the three and 1.
        noise: (B, 2) place in the noise tile, 0 to 1.
        patches: (B, PATCHES, 10) uniforms of each occluder.
        count: (B,) int, occluders of each item.
    """

    scale: FloatArray
    rotation: FloatArray
    shift: FloatArray
    flip: np.ndarray[tuple[int], np.dtype[np.bool_]]
    colour: FloatArray
    noise: FloatArray
    patches: FloatArray
    count: np.ndarray[tuple[int], np.dtype[np.int64]]

    def row(self, i: int) -> Draws:
        """Returns the draws of one item, as a batch of one."""
        return Draws(*(getattr(self, field.name)[i : i + 1] for field in fields(self)))


def draw(settings: Augment, seed: int, epoch: int, names: Sequence[tuple[str, str]]) -> Draws:
    """Draws the augmentation of B items.

    Every item takes the same count of numbers whatever the settings, so that changing one setting leaves the
    draws of the others as they are.

    Args:
        settings: of the augmentation.
        seed: of the run.
        epoch: of the run.
        names: (key, side) of each item: the stream's name, so that packed data draw what their source draws.
    """
    normal, uniform = np.zeros((len(names), _NORMALS)), np.full((len(names), _UNIFORMS), 0.5)
    # Without augmentation no number counts, and opening streams would cost a tenth of the time.
    for i, (key, side) in enumerate(names if settings != NONE else ()):
        rng = rng_for(seed, "augment", epoch, key, side)
        rng.standard_normal(out=normal[i])
        rng.random(out=uniform[i])
    even = 2 * uniform - 1
    turned = uniform[:, 0] < settings.p_rotation
    occluded = uniform[:, 10] < settings.p_occlude
    return Draws(
        scale=1 + settings.scale * np.clip(normal[:, 0], -1, 1),
        rotation=np.where(turned, settings.rotation * np.clip(normal[:, 1], -2, 2), 0.0),
        shift=settings.shift * even[:, 1:3],
        flip=uniform[:, 3] < settings.p_flip,
        colour=_colour(settings, even[:, 4:9]),
        noise=uniform[:, 12:14],
        patches=uniform[:, 16:].reshape(-1, PATCHES, _PATCH),
        count=np.where(occluded, 1 + (PATCHES * uniform[:, 11]).astype(np.int64), 0),
    )


def _colour(settings: Augment, even: FloatArray) -> FloatArray:
    """Returns (B, 3, 4): gains first, then contrast about mid-grey, then brightness."""
    contrast = 1 + settings.contrast * even[:, 3]
    out = np.zeros((len(even), 3, 4))
    out[:, range(3), range(3)] = contrast[:, None] * (1 + settings.gain * even[:, :3])
    out[:, :, 3] = (127.5 * (1 - contrast) + 255 * settings.brightness * even[:, 4])[:, None]
    return out
