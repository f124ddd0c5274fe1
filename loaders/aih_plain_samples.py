"""Makes the samples of an official AIH tree."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera, apply_affine
from handbench.formats.aih_plain import SIZE, render_files
from handbench.formats.aih_plain_compose import whole_affine
from handbench.formats.aih_plain_notes import note_id, read_note
from handbench.formats.images import ImageFile, image_size, read_bytes
from handbench.loaders.aih_fields import (
    SIDES,
    RecordArrays,
    RecordOrigin,
    nominal_intrinsics,
    picture_intrinsics,
    record_arrays,
    record_origin,
)
from handbench.loaders.aih_plain_index import RenderGroup, SynGroup
from handbench.loaders.aih_plain_refs import Paste, PastedImage, PastedMask, ValueMask
from handbench.types import HandAnnotation, HandParams, Ref, Sample, Side

Masks = Mapping[Side, tuple[Ref[BoolArray] | None, Ref[BoolArray] | None]]


def render_sample(group: RenderGroup, at: int, key: str) -> Sample:
    """Returns a rendered sample; nothing is mirrored, so 1 is the right hand also about a left one.

    Raises:
        BadSampleError: when its line of ``handbench.jsonl``, or its picture's header, is damaged.
    """
    side, name = group.side, group.names[at]
    files = render_files(group.folder, side, name)
    place = group.note(at)
    fields = None if place is None else read_note(group.folder, place)
    arrays = None if fields is None else record_arrays(fields, key)
    origin = None if fields is None else record_origin(fields, key)
    size = image_size(read_bytes(files["image"]), str(files["image"])) if arrays is None else arrays.size
    image = ImageFile(files["image"], size)
    visible = {Side.RIGHT: ValueMask(files["visible"], 1, 2), Side.LEFT: ValueMask(files["visible"], 2, 2)}
    # The official layout has no amodal mask of the other hand; our own trees have.
    other = (
        ValueMask(files["other_amodal"]) if fields is not None and files["other_amodal"].is_file() else None
    )
    masks: Masks = {
        side: (ValueMask(files["amodal"]), visible[side]),
        side.other: (other, visible[side.other]),
    }
    meta = {
        "recording": origin.recording if origin else f"{group.branch} {side.value} {name}",
        "camera": side.value, "frame": 0, "part": "render", "branch": group.branch, "kind": side.value,
        "target_side": side.value, "target_image": ImageFile(files["target_image"], size),
        "depth_order": fields["depth_order"] if fields else None, "tips": origin.tips if origin else "",
    }  # fmt: skip
    if arrays is None:
        hands = tuple(_without_joints(s, masks) for s in SIDES)
        return Sample(key, image, Camera(nominal_intrinsics(size), size), hands, meta=meta)
    found = [_annotated(arrays, s, masks, None) for s in SIDES]
    own = Camera(picture_intrinsics(arrays), size)
    hands = tuple(_with_camera(hand, arrays, own) for hand in found if hand is not None)
    return Sample(key, image, own, hands, meta=meta)


def syn_sample(group: SynGroup, at: int, key: str, gain: tuple[float, float, float]) -> Sample:
    """Returns a pasted sample; each hand has the camera of its own photograph, moved as its crop was.

    Raises:
        BadSampleError: when a line of ``handbench.jsonl`` is damaged.
    """
    recipe = group.recipe(at)
    target, crops = recipe.target, group.crops(recipe)
    paste = Paste(group.folder, target, crops, (recipe.target_move, recipe.other_move), gain)
    front = PastedMask(paste, "other_amodal")
    masks: Masks = {
        target: (PastedMask(paste, "target_amodal"), PastedMask(paste, "target_visible")),
        target.other: (front, front),
    }
    hands: dict[Side, HandAnnotation] = {}
    origins: dict[Side, RecordOrigin] = {}
    for side, crop, move in zip((target, target.other), crops, paste.moves, strict=True):
        place = group.notes.get(note_id(side, str(crop)))
        affine = whole_affine(move, target is Side.LEFT)
        fields = None if place is None else read_note(group.folder, place)
        hand = None if fields is None else _annotated(record_arrays(fields, key), side, masks, affine)
        hands[side] = hand or _without_joints(side, masks)
        if fields is not None:
            origins[side] = record_origin(fields, key)
    origin = origins.get(target)
    tips = {origin.tips for origin in origins.values()}
    meta = {
        "recording": origin.recording if origin else f"{group.branch} {target.value} {crops[0]}",
        "camera": target.value, "frame": 0, "part": "syn", "branch": group.branch, "kind": target.value,
        "target_side": target.value, "target_image": PastedImage(paste, alone=True),
        "depth_order": target.other.value,
        "crops": {target.value: crops[0], target.other.value: crops[1]}, "colour_gain": gain,
        "occlusion_rate": recipe.occlusion_rate, "tips": "mixed" if len(tips) > 1 else "".join(tips),
    }  # fmt: skip
    own = hands[target].camera or Camera(nominal_intrinsics(SIZE), SIZE)
    hands[target] = dataclasses.replace(hands[target], camera=None)
    return Sample(key, PastedImage(paste), own, tuple(hands[s] for s in SIDES), meta=meta)


def _with_camera(hand: HandAnnotation, arrays: RecordArrays, own: Camera) -> HandAnnotation:
    """Gives a hand the camera of its own photograph, where it has one."""
    K = arrays.K[SIDES.index(hand.side)]
    return hand if (own.K == K).all() else dataclasses.replace(hand, camera=Camera(K, arrays.size))


def _without_joints(side: Side, masks: Masks) -> HandAnnotation:
    amodal, visible = masks[side]
    nothing, invalid = np.full((21, 3), np.nan), np.zeros(21, dtype=np.bool_)
    return HandAnnotation(side, nothing, invalid, amodal_mask=amodal, visible_mask=visible)


def _annotated(
    arrays: RecordArrays, side: Side, masks: Masks, affine: FloatArray | None
) -> HandAnnotation | None:
    """Returns a hand with the annotation of its record; an affine moves its camera, pixels and box."""
    row = SIDES.index(side)
    if not arrays.present[row]:
        return None
    camera, pixels, box = None, arrays.joints_2d[row], arrays.box[row]
    seen: FloatArray | None = arrays.visibility[row]
    if affine is not None:
        camera = Camera(arrays.K[row], arrays.size).warp(affine, SIZE)
        moved = apply_affine(affine, pixels)
        box, pixels = _moved_box(box, pixels, moved, affine), moved
        # What covers a joint was measured in the crop, before another hand was pasted over it.
        seen = None
    amodal, visible = masks[side]
    return HandAnnotation(
        side,
        arrays.joints[row],
        arrays.joints_valid[row],
        joints_2d=pixels,
        visibility=seen,
        params=HandParams(side, arrays.pose[row], arrays.betas[row], arrays.transl[row]),
        box=box,
        amodal_mask=amodal,
        visible_mask=visible,
        camera=camera,
        occlusion=float(arrays.occlusion[row]) if affine is None else None,
    )


def _moved_box(box: FloatArray, before: FloatArray, after: FloatArray, affine: FloatArray) -> FloatArray:
    """Returns the box of a hand that was moved and turned: about its joints, with the margin it had before.

    Turning the box itself would make it up to 1.4 times as large as the hand.
    """
    reach = np.concatenate([before.min(axis=0) - box[:2], box[:2] + box[2:] - before.max(axis=0)])
    margin = float(reach.mean()) * float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    low, high = after.min(axis=0) - margin, after.max(axis=0) + margin
    return np.concatenate([low, high - low])
