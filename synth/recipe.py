"""The recipe of AIH_Render: every choice of the generator as a key, with a hash."""

from __future__ import annotations

from dataclasses import dataclass, field

from handbench.compose.effects import EffectsSettings
from handbench.errors import HandbenchError
from handbench.skeleton import FINGERS
from handbench.synth.backgrounds import FAMILIES, BackgroundSettings
from handbench.synth.crop import CropSettings
from handbench.synth.forearm_texture import CLOTHS
from handbench.synth.forearm_wear import ForearmSettings
from handbench.synth.lights import RIGS, LightSettings
from handbench.synth.occluders import TEST_OBJECTS, TRAIN_OBJECTS, OccluderSettings
from handbench.synth.pairs import SamplerConfig
from handbench.synth.people import PeopleSettings
from handbench.synth.recipe_limits import check_limits
from handbench.synth.recorded_pairs import MotionConfig
from handbench.synth.views import ViewConfig

GENERATOR = 1
"""Raised whenever the same recipe gives other pictures, so that old and new shards never mix."""


@dataclass(frozen=True)
class AihRecipe:
    """Keys of AIH_Render. The paper does not publish its own settings; the name says so.

    Attributes:
        name: the recipe's name.
        size: side of a picture [px].
        p_absent: share of scenes with one hand or none.
        p_none: share of those that have none.
        crop: where a record looks.
        people: shape and skin.
        sampler: how sampled hands interact.
        motion: how recorded hands are drawn.
        view: viewpoint and occlusion.
        backgrounds: what lies behind.
        forearm: forearms and what they wear.
        occluders: objects and rings.
        lights: light and shadow.
        effects: exposure, blur, noise, JPEG quality.
    """

    name: str = "aih-r1 (reconstructed)"
    size: int = 256
    p_absent: float = 0.1
    p_none: float = 0.25
    crop: CropSettings = field(default_factory=CropSettings)
    people: PeopleSettings = field(default_factory=PeopleSettings)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    motion: MotionConfig = field(default_factory=MotionConfig)
    view: ViewConfig = field(default_factory=ViewConfig)
    backgrounds: BackgroundSettings = field(default_factory=BackgroundSettings)
    forearm: ForearmSettings = field(default_factory=ForearmSettings)
    occluders: OccluderSettings = field(default_factory=OccluderSettings)
    lights: LightSettings = field(default_factory=LightSettings)
    effects: EffectsSettings = field(default_factory=EffectsSettings)


def check_recipe(recipe: AihRecipe, prefix: str = "") -> AihRecipe:
    """Returns the recipe when its numbers and names make sense; ``prefix`` stands before keys in errors.

    Raises:
        HandbenchError: naming the key, its value and its range.
    """
    names = {
        "backgrounds.families": FAMILIES.names(),
        "forearm.cloths": CLOTHS,
        "lights.rigs": tuple(RIGS),
        "occluders.objects": (*TRAIN_OBJECTS, *TEST_OBJECTS),
        "occluders.ring_fingers": FINGERS[1:],
    }
    check_limits(recipe, names, prefix)
    occlusion, wear = recipe.view.occlusion, recipe.forearm
    if occlusion.low > occlusion.high:
        raise HandbenchError(
            f"{prefix}view.occlusion is {occlusion.low} to {occlusion.high}", "give low <= high, both 0 to 1"
        )
    if wear.p_bare + wear.p_sleeve + wear.p_none <= 0:
        raise HandbenchError(
            f"{prefix}forearm.p_bare, p_sleeve and p_none are all 0", "give one of them a share"
        )
    return recipe
