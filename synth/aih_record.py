"""One AIH record: a crop of a scene, drawn, composed twice, annotated and encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from handbench.arrays import FloatArray
from handbench.compose.effects import Effects, EffectsSettings, draw_effects
from handbench.hands.visibility import flesh_thickness
from handbench.store.masks import encode_mask
from handbench.store.record import encode_record
from handbench.store.statistics import Statistics, bin_label
from handbench.synth.aih_scene import FRAME, SceneDraft, SceneMaker
from handbench.synth.annotation import annotate_hand, measure_overlap
from handbench.synth.crop import box_in_crop, crop_box, points_box
from handbench.synth.pictures import encode_pictures
from handbench.synth.scene import Renderer
from handbench.types import Side

KINDS = ("right", "left", "pair")
"""The three records of a scene; record i is kind i % 3 of scene i // 3."""


class RecordMaker:
    """Makes the records of a dataset from its scenes.

    Args:
        scenes: draws scenes.
        renderer: draws pictures.
    """

    def __init__(self, scenes: SceneMaker, renderer: Renderer) -> None:
        self.scenes, self.renderer = scenes, renderer
        self._flesh = {side: flesh_thickness(model) for side, model in scenes.models.items()}
        self._draft: SceneDraft | None = None

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns the record of a sample and what it adds to the manifest's histograms."""
        number = sample_id // len(KINDS)
        return self.make(sample_id, number, KINDS[sample_id % len(KINDS)], number)

    def make(
        self, sample_id: int, number: int, kind: str, scene_id: int, part: str = ""
    ) -> tuple[bytes, Statistics]:
        """Makes one record of a scene.

        Args:
            sample_id: its id.
            number: which of the generator's scenes it shows.
            kind: ``right``, ``left`` or ``pair``.
            scene_id: what the record calls the scene.
            part: ``render`` in a dataset of two parts.
        """
        if self._draft is None or self._draft.scene_id != number:
            self._draft = self.scenes.draft(number)
        draft, recipe = self._draft, self.scenes.recipe
        rng = self.scenes.rng("record", sample_id)
        target = Side.RIGHT if kind == "pair" else Side(kind)
        box = self.crop(draft, kind, rng)
        scene = draft.crop(box, recipe.size)
        layers = self.renderer.render(scene)
        nearest = layers.visible(layers.names)
        overlap = measure_overlap(layers, nearest)
        effects = draw_effects(rng, self._effects(draft), recipe.size)
        blobs = encode_pictures(scene, layers, effects, None if kind == "pair" else target)
        for name, side in (("target", target), ("other", target.other)):
            blobs[f"{name}_amodal"] = encode_mask(overlap.amodal[side])
            blobs[f"{name}_visible"] = encode_mask(overlap.visible[side])
        hands = {
            side.value: annotate_hand(
                draft.hands[side],
                scene,
                layers,
                nearest,
                overlap,
                box_in_crop(draft.boxes[side], box, recipe.size),
                self._flesh[side],
            )
            if side in draft.hands
            else None
            for side in Side
        }
        fields = {
            "scene_id": scene_id,
            "kind": kind,
            "target_side": target.value,
            "size": list(scene.size),
            "crop": np.asarray(box),
            "hands": hands,
            "hand_model": self.scenes.models[target].name,
            "occlusion": overlap.occlusion[target],
            "depth_order": overlap.order,
            "source": _sources(draft),
            "effects": _effect_fields(effects),
        }
        counts = dict(_statistics(fields))
        if part:
            fields["part"] = part
            counts["part"] = {part: 1}
        return encode_record(sample_id, blobs, fields), counts

    def _effects(self, draft: SceneDraft) -> EffectsSettings:
        """Returns the keys of a scene's effects: what is dim already is not taken in low light."""
        settings = self.scenes.recipe.effects
        return replace(settings, p_low_light=0.0) if draft.notes["lights"] == "dim" else settings

    def crop(
        self, draft: SceneDraft, kind: str, rng: np.random.Generator
    ) -> tuple[float, float, float, float]:
        """Draws the crop about the target or about both hands; an absent target is looked for somewhere."""
        settings = self.scenes.recipe.crop
        boxes = draft.boxes
        if kind == "pair":
            corners = [box[:2] for box in boxes.values()] + [box[:2] + box[2:] for box in boxes.values()]
            box = points_box(np.array(corners)) if corners else _nowhere(rng)
            return crop_box(box, settings.pair_scale, rng, settings)
        found = boxes.get(Side(kind))
        if found is None:
            # An absent target: a detector's false alarm looks near the other hand, or anywhere.
            other = boxes.get(Side(kind).other)
            found = _nowhere(rng) if other is None else _beside(other, rng)
        return crop_box(found, settings.scale, rng, settings)


def _nowhere(rng: np.random.Generator) -> FloatArray:
    side = FRAME * rng.uniform(0.25, 0.5)
    return np.array([*rng.uniform(0.1 * FRAME, 0.9 * FRAME - side, 2), side, side])


def _beside(box: FloatArray, rng: np.random.Generator) -> FloatArray:
    longer = max(box[2:])
    centre = box[:2] + 0.5 * box[2:] + longer * rng.uniform(-0.7, 0.7, 2)
    return np.array([*(centre - longer / 2), longer, longer])


def _sources(draft: SceneDraft) -> dict[str, Any]:
    """Returns where a record's scene comes from, as plain values."""
    meta, view = draft.poses, draft.view
    poses = {
        "source": "",
        "kind": "no hands",
        "frame": -1,
        "mirrored": False,
        "gap": None,
        "penetration": 0.0,
    }
    if meta is not None:
        gap = float(meta.gap) if np.isfinite(meta.gap) else None
        poses = {
            "source": meta.source, "kind": meta.kind, "frame": meta.frame, "mirrored": meta.mirrored,
            "gap": gap, "penetration": float(meta.penetration),
        }  # fmt: skip
    camera = {}
    if view is not None:
        camera = {
            "distance": view.distance,
            "occlusion_drawn": view.target,
            "occlusion_coarse": view.expected,
        }
    skin = {side.value: draft.people.skin[side].melanin for side in draft.hands}
    return {
        "poses": poses, "view": camera, "melanin": skin, "two_people": draft.people.two, **draft.notes
    }  # fmt: skip


def _effect_fields(effects: Effects) -> dict[str, Any]:
    return {
        "motion": list(effects.motion),
        "defocus": effects.defocus,
        "low_light": effects.low_light,
        "jpeg_quality": effects.jpeg_quality,
    }


def _statistics(fields: Mapping[str, Any]) -> Statistics:
    """Counts one record: scene facts on the pair record, target facts on the others."""
    poses = fields["source"]["poses"]
    hands = [hand for hand in fields["hands"].values() if hand is not None]
    counts: dict[str, dict[str, int]] = {"kind": {fields["kind"]: 1}}
    for hand in hands:
        counts.setdefault("box", {})
        label = bin_label(float(max(hand["box"][2:])) / fields["size"][0], 0.05)
        counts["box"][label] = counts["box"].get(label, 0) + 1
    if fields["kind"] != "pair":
        if fields["occlusion"] is not None:
            counts["target_occlusion"] = {bin_label(fields["occlusion"], 0.05): 1}
        return counts
    counts["hands"] = {str(len(hands)): 1}
    counts["poses"] = {poses["kind"]: 1}
    for name in ("background", "lights", "forearm", "object"):
        counts[name] = {fields["source"][name] or "none": 1}
    if len(hands) == 2:
        worst = max(hand["occlusion"] for hand in hands)
        # The stated distribution is of hands over hands; objects are drawn on top of it.
        name = "occlusion_with_object" if fields["source"]["object"] else "occlusion"
        counts[name] = {bin_label(worst, 0.05): 1}
        counts["gap_mm"] = {bin_label(min(1000 * poses["gap"], 60.0), 1.0): 1}
        counts["penetration_mm"] = {bin_label(1000 * poses["penetration"], 0.5): 1}
        counts["depth_order"] = {fields["depth_order"]: 1}
    return counts
