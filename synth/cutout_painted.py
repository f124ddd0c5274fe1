"""Photographs of single hands of our own: rendered, so that masks and joints are exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from handbench.compose.cutout import NOMINAL
from handbench.compose.effects import EffectsSettings, apply_effects, draw_effects
from handbench.hands.library import load_hand_model
from handbench.hands.visibility import flesh_thickness, self_seen
from handbench.store.job import Produce
from handbench.store.record import encode_record
from handbench.store.statistics import Statistics
from handbench.synth.aih_scene import SceneDraft, SceneMaker
from handbench.synth.backgrounds import open_backgrounds
from handbench.synth.crop import points_box
from handbench.synth.cutout_encode import encode_cutout, hand_entry, score
from handbench.synth.cutout_job import counts_of
from handbench.synth.cutout_recipe import CutoutSettings
from handbench.synth.layers import RenderLayers
from handbench.synth.occluders import OccluderSettings
from handbench.synth.recipe import AihRecipe
from handbench.synth.renderers import make_renderer
from handbench.synth.scene import HandScene, Renderer
from handbench.synth.sources import open_poses
from handbench.types import Side


@dataclass(frozen=True)
class PaintedJob:
    """Opens models, poses and renderer in a worker.

    Attributes:
        recipe: of AIH_Render, with the split's own backgrounds and lights.
        settings: of the cut-outs.
        split: names the random streams, pictures and people.
        seed: the user's seed.
        hand_model: ``procedural`` or ``mano:DIR``.
        renderer: resolved.
    """

    recipe: AihRecipe
    settings: CutoutSettings
    split: str
    seed: int
    hand_model: str
    renderer: str

    def __call__(self) -> Produce:
        """Returns the function that makes records."""
        recipe = single_hands(self.recipe)
        models = {side: load_hand_model(self.hand_model, side) for side in Side}
        scenes = SceneMaker(
            recipe, f"photographs {self.split}", self.seed, self.hand_model,
            open_poses("sampler", models, recipe), open_backgrounds("procedural", recipe.backgrounds),
        )  # fmt: skip
        return _Painter(scenes, make_renderer(self.renderer), self.settings, self.split)


def single_hands(recipe: AihRecipe) -> AihRecipe:
    """Returns the recipe of scenes with one hand and nothing in front of it."""
    occluders: OccluderSettings = replace(recipe.occluders, p_object=0.0)
    return replace(recipe, p_absent=1.0, p_none=0.0, occluders=occluders)


class _Painter:
    def __init__(self, scenes: SceneMaker, renderer: Renderer, settings: CutoutSettings, split: str) -> None:
        self._scenes, self._renderer, self._settings, self._split = scenes, renderer, settings, split
        self._flesh = {side: flesh_thickness(model) for side, model in scenes.models.items()}

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns the record of one cut-out."""
        draft = self._scenes.draft(sample_id)
        (side,) = draft.hands
        hand, settings = draft.hands[side], self._settings
        size = NOMINAL + 2 * settings.margin
        scene = draft.crop(_square(draft, side, settings), size)
        layers = self._renderer.render(scene)
        rng = self._scenes.rng("photograph", sample_id)
        effects = draw_effects(rng, EffectsSettings(p_low_light=0.0), size)
        picture = apply_effects(layers.compose(scene, layers.names), effects)
        mask = layers.mask(side.value).astype(np.uint8)
        seen = self_seen(hand.joints, self._flesh[side], scene.K, layers.depth(side.value))
        model = self._scenes.models[side]
        quality = {
            "fit_error": 0.0, "inside": 1.0, "agreement": 1.0, "contrast": 1.0,
            "pixels": float(max(cv2.boundingRect(mask)[2:])),
        }  # fmt: skip
        fields: dict[str, Any] = {
            "key": f"procedural/{self._split}/{sample_id:08d}", "side": side.value,
            **_whose(draft, self._split), "margin": settings.margin, "border": settings.border,
            "hand_model": model.name, "tips": "smplx",
            "quality": quality,
            "score": score(quality),
        }  # fmt: skip
        entry = hand_entry(model, hand.params, hand.joints, np.ones(21, dtype=np.bool_), scene.K, seen)
        blobs = encode_cutout(picture, mask, _arm(layers, scene, side), fields, entry, settings.quality)
        return encode_record(sample_id, blobs, fields), counts_of(fields)


def _arm(layers: RenderLayers, scene: HandScene, side: Side) -> npt.NDArray[np.uint8] | None:
    """Returns the mask of what is seen of the forearm and of what it wears; None where there is none."""
    nearest = layers.visible(layers.names)
    own = [i for i, part in enumerate(scene.parts) if part.hand is side and not part.is_hand]
    arm = np.isin(nearest, own).astype(np.uint8)
    return arm if arm.any() else None


def _square(draft: SceneDraft, side: Side, settings: CutoutSettings) -> tuple[float, float, float, float]:
    x, y, w, h = points_box(draft.camera.project(draft.hands[side].vertices)).tolist()
    longer = max(w, h) * settings.scale * (NOMINAL + 2 * settings.margin) / NOMINAL
    return x + (w - longer) / 2, y + (h - longer) / 2, longer, longer


def _whose(draft: SceneDraft, split: str) -> Mapping[str, Any]:
    """Says where a painted photograph comes from: each shows another person."""
    name = f"{split} person {draft.scene_id}"
    return {
        "person": name, "capture": name, "recording": f"{split} scene {draft.scene_id}", "camera": "",
        "frame": 0, "grey": False,
    }  # fmt: skip
