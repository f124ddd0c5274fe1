"""What the keys of a recipe may be: shares, ranges and names, checked before any work."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from handbench.config import flatten
from handbench.errors import HandbenchError
from handbench.registry import nearest

ANY = 1e6
LIMITS: dict[str, tuple[float, float]] = {
    "size": (32, 2048),
    "crop.scale": (0.5, 10),
    "crop.pair_scale": (0.5, 10),
    "crop.scale_jitter": (0, 0.5),
    "crop.center": (0, 1),
    "people.betas_std": (0, 3),
    "people.betas_limit": (0, 5),
    "sampler.touching": (0, 1),
    "sampler.touch_gap": (-0.005, 0.05),
    "sampler.tries": (1, ANY),
    "motion.touching": (0, 1),
    "motion.mirrored": (0, 1),
    "motion.shape": (0, 3),
    "view.occlusion.low": (0, 1),
    "view.occlusion.high": (0, 1),
    "view.distance": (0.15, 20),
    "view.fov": (1, 120),
    "view.arm_angle": (0, 90),
    "view.any_roll": (0, 1),
    "view.candidates": (4, 1000),
    "view.scenes": (1, 1000),
    "backgrounds.pictures": (1, 1000),
    "backgrounds.side": (64, 2048),
    "backgrounds.crop": (0.05, 1),
    "backgrounds.brightness": (0.01, 10),
    "forearm.length": (0.05, 0.5),
    "forearm.girth": (0.3, 3),
    "forearm.cuff": (-0.02, 0.3),
    "forearm.looseness": (0, 0.05),
    "occluders.hidden": (0, 1),
    "occluders.gap": (0, 0.5),
    "lights.adaptation": (0, 1),
    "lights.exposure": (0.01, 10),
    "lights.shadow": (0, 1),
    "cutouts.scale": (1, 6),
    "cutouts.margin": (0, 128),
    "cutouts.quality": (50, 100),
    "cutouts.max_bad": (0, 1),
    "cutouts.arm.agreement": (0, 1),
    "cutouts.rule.fit_error": (0, 1),
    "cutouts.rule.inside": (0, 1),
    "cutouts.rule.light": (0, 255),
    "cutouts.rule.agreement": (0, 1),
    "cutouts.rule.contrast": (0, 1),
    "cutouts.outline.band": (0.01, 0.3),
    "cutouts.outline.window": (0.02, 1),
    "cutouts.outline.contrast": (0.5, 255),
    "cutouts.outline.rounds": (0, 10),
    "photographs": (8, ANY),
    "move.shift": (0, 0.5),
    "move.scale": (0, 0.9),
    "move.degrees": (0, 180),
    "move.other_shift": (0, 1),
    "overlap.low": (0, 1),
    "overlap.high": (0, 1),
    "overlap.bins": (1, 100),
    "overlap.tries": (1, 10_000),
    "overlap.pairs": (1, 10_000),
    "paste.gain": (0, 0.9),
    "paste.shadow": (0, 0.95),
    "match.light": (0, 1),
    "effects.exposure_stops": (-10, 4),
    "effects.low_light_stops": (-10, 4),
    "effects.motion_length": (0, 100),
    "effects.defocus_sigma": (0, 20),
    "effects.noise_read": (0, 100),
    "effects.noise_shot": (0, 10),
    "effects.low_light_noise": (0, 100),
    "effects.jpeg_quality": (1, 100),
}
"""Dotted key -> smallest and largest value; of each end where the key is a range. Other numbers are 0 or
more, and names that begin with ``p_`` are shares of 1."""

SIGNED = ("effects.midtone", "effects.contrast", "cutouts.arm.evidence", "cutouts.arm.skin")
"""Keys without limits of their own that may be negative."""


def check_limits(recipe: Any, names: Mapping[str, Collection[str]], prefix: str = "") -> None:
    """Checks every number and name of a recipe.

    Args:
        recipe: the settings.
        names: dotted key -> the words that its list may hold.
        prefix: stands before the keys in errors.

    Raises:
        HandbenchError: naming the key, its value and what it may be.
    """
    for key, value in flatten(asdict(recipe)):
        if isinstance(value, tuple) and value and all(isinstance(item, (int, float)) for item in value):
            for item in value:
                _check_number(key, item, value, prefix)
            if len(value) == 2 and value[0] > value[1]:
                raise HandbenchError(f"{prefix}{key} is {value}", "give the smaller value first")
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            _check_number(key, value, value, prefix)
        elif key in names:
            if not value:
                raise HandbenchError(
                    f"{prefix}{key} is empty", f"choose from: {', '.join(sorted(names[key]))}"
                )
            for word in value:
                if word not in names[key]:
                    raise HandbenchError(f"{prefix}{key} has no {word!r}", nearest(word, list(names[key])))


def _check_number(key: str, number: float, value: object, prefix: str) -> None:
    if key.split(".")[-1].startswith("p_"):
        low, high = 0.0, 1.0
    else:
        low, high = LIMITS.get(key, (-ANY if key in SIGNED else 0.0, ANY))
    # Written so that NaN, which compares false, is refused too.
    if not low <= number <= high:
        raise HandbenchError(f"{prefix}{key} is {value}", f"give {low:g} to {high:g}")
