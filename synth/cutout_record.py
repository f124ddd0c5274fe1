"""One photographed hand as a cut-out: fitted, refined, judged and encoded; or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.camera import apply_affine, warped_intrinsics
from handbench.compose.cutout import NOMINAL
from handbench.errors import BadSampleError
from handbench.formats.images import ImageFile, decode_strictly, image_size, read_bytes
from handbench.hands.model import HandMesh, HandModel, forward_one
from handbench.hands.visibility import flesh_thickness, self_seen
from handbench.synth.crop import points_box
from handbench.synth.cutout_arm import find_arm
from handbench.synth.cutout_crop import cut_square, fill_beyond, square_affine
from handbench.synth.cutout_encode import encode_cutout, hand_entry, score
from handbench.synth.cutout_measure import hand_light
from handbench.synth.cutout_recipe import CutoutSettings
from handbench.synth.cutout_view import HandView, view_hand, wrist_in_picture
from handbench.synth.moment_fit import FEWEST_JOINTS
from handbench.synth.outline import Outline, refine_outline
from handbench.synth.poses import move_params, rest_wrist
from handbench.synth.raster import RasterRenderer
from handbench.types import HandParams, Sample, Side

_BLACK = 8


class Unusable(Exception):
    """A picture gives no cut-out.

    Args:
        reason: a key of ``cutout_recipe.FAULTS`` or ``REJECTED``.
        what: one line.
    """

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


@dataclass(frozen=True)
class Photograph:
    """A picture of one hand and its fit.

    Attributes:
        sample: from the dataset.
        side: the hand that it shows.
        params: the fit, world frame; None where there is none.
        error: of the fit [m].
        joints: (21, 3) [m] as annotated, world frame; NaN where not valid.
        valid: (21,) bool.
        tips: the fingertip set of these joints.
        source: where it is from: person, capture, recording, camera, frame, grey.
    """

    sample: Sample
    side: Side
    params: HandParams | None
    error: float
    joints: FloatArray
    valid: BoolArray
    tips: str
    source: Mapping[str, Any]


class CutoutCutter:
    """Makes cut-outs of one process.

    Args:
        models: the right and the left hand.
        settings: keys.
    """

    def __init__(self, models: Mapping[Side, HandModel], settings: CutoutSettings) -> None:
        self.models, self.settings = models, settings
        self._renderer = RasterRenderer()
        self._flesh = {side: flesh_thickness(model) for side, model in models.items()}

    def cut(self, photo: Photograph) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Returns the blobs and fields of a cut-out (schema ``cutouts/1``, docs/formats.md).

        Raises:
            Unusable: when the picture is at fault, or the cut-out is not good enough.
        """
        rule = self.settings.rule
        # First the picture: one of another size makes nonsense of all that follows.
        image = read_photograph(photo.sample)
        size = (image.shape[1], image.shape[0])
        mesh, params = self._in_camera(photo)
        box = points_box(photo.sample.camera.project(mesh.vertices))
        _check_box(box, size, rule.side)
        affine = square_affine(box, self.settings.scale, self.settings.margin)
        side = NOMINAL + 2 * self.settings.margin
        K = warped_intrinsics(photo.sample.camera.K, affine)
        view = view_hand(self._renderer, self.models[photo.side], mesh, K, (side, side))
        inside = _share_inside(view.mask, affine, size)
        _demand(
            inside >= rule.inside, "border", f"{inside:.2f} of the hand lies inside, {rule.inside} are asked"
        )
        square = cut_square(image, affine, side)
        light = hand_light(square, view.mask)
        _demand(
            light.mean() >= rule.light, "dark", f"brightness {light.mean():.0f}, {rule.light:g} are asked"
        )
        outline = refine_outline(square, view.mask, view.arm, view.beyond, self.settings.outline)
        self._judge(outline)
        joints = photo.sample.camera.to_camera(photo.joints)
        return self._encode(photo, params, mesh, joints, K, affine, size, square, view, outline, inside)

    def _judge(self, outline: Outline) -> None:
        rule = self.settings.rule
        _demand(
            outline.agreement >= rule.agreement, "outline",
            f"agrees with the fit by {outline.agreement:.2f}, {rule.agreement} are asked",
        )  # fmt: skip
        _demand(
            outline.contrast >= rule.contrast, "contrast",
            f"contrast {outline.contrast:.2f}, {rule.contrast} are asked",
        )  # fmt: skip

    def _in_camera(self, photo: Photograph) -> tuple[HandMesh, HandParams]:
        limit = self.settings.rule.fit_error
        K, told = photo.sample.camera.K, int(photo.valid.sum())
        _demand(K[0, 0] > 0 and K[1, 1] > 0, "annotation", f"a focal length of {K[0, 0]:g}, {K[1, 1]:g} px")
        _demand(told >= FEWEST_JOINTS, "no_joints", f"{told} joints are annotated")
        if photo.params is None:
            raise Unusable("fit", "the fit failed")
        # Written so that NaN is refused too.
        _demand(
            photo.error <= limit, "fit", f"off by {1000 * photo.error:.1f} mm, {1000 * limit:g} are allowed"
        )
        model, camera = self.models[photo.side], photo.sample.camera
        params = move_params(photo.params, camera.R, camera.t, rest_wrist(model, photo.params.betas))
        return forward_one(model, params), params

    def _encode(
        self, photo: Photograph, params: HandParams, mesh: HandMesh, joints: FloatArray, K: FloatArray,
        affine: FloatArray, size: tuple[int, int], square: ImageArray, view: HandView, outline: Outline,
        inside: float,
    ) -> tuple[dict[str, bytes], dict[str, Any]]:  # fmt: skip
        settings, model = self.settings, self.models[photo.side]
        valid = photo.valid & np.isfinite(joints).all(axis=-1)
        joints = np.where(valid[:, None], joints, mesh.joints21)
        quality = {
            "fit_error": photo.error if np.isfinite(photo.error) else 0.0,
            "inside": inside,
            "agreement": outline.agreement,
            "contrast": outline.contrast,
            "pixels": float(max(points_box(photo.sample.camera.project(mesh.vertices))[2:])),
        }
        fields: dict[str, Any] = {
            "key": photo.sample.key,
            "side": photo.side.value,
            **photo.source,
            "margin": settings.margin,
            "border": settings.border,
            "hand_model": model.name,
            "tips": photo.tips,
            "quality": quality,
            "score": score(quality),
        }  # fmt: skip
        seen = self_seen(mesh.joints21, self._flesh[photo.side], K, view.depth)
        hand = hand_entry(model, params, joints, valid, K, seen)
        wrist, along = wrist_in_picture(model, mesh, K)
        arm = find_arm(square, outline.mask, wrist, along, settings.arm)
        whole = outline.mask if arm is None else outline.mask | arm
        square = fill_beyond(square, affine, size, whole, settings.border)
        return encode_cutout(square, outline.mask, arm, fields, hand, settings.quality), fields


def read_photograph(sample: Sample) -> ImageArray:
    """Decodes a sample's picture (h, w, 3) strictly.

    Raises:
        Unusable: when it is missing, cut short, of another size than the annotation says, or black.
    """
    reference, told = sample.image, sample.meta.get("annotated_size")
    try:
        if not isinstance(reference, ImageFile):
            image = reference.read()
        else:
            if not reference.path.is_file():
                raise Unusable("missing", f"{reference.path} is not there")
            data = read_bytes(reference.path)
            size = image_size(data, str(reference.path))
            # The camera's own size may be that of another picture of its folder.
            width, height = sample.camera.size if told is None else told
            if size != (width, height):
                what = f"{reference.path}: {size[0]} x {size[1]} px, annotated {width} x {height}"
                raise Unusable("size", what)
            image = decode_strictly(data, str(reference.path))
    except BadSampleError as error:
        raise Unusable("truncated", str(error)) from None
    if image.max(initial=0) <= _BLACK:
        raise Unusable("black", f"no pixel is brighter than {_BLACK}")
    return image


def _demand(holds: bool | np.bool_, reason: str, what: str) -> None:
    if not holds:
        raise Unusable(reason, what)


def _check_box(box: FloatArray, size: tuple[int, int], least: float) -> None:
    x, y, w, h = box.tolist()
    _demand(bool(np.isfinite(box).all()), "fit", "the hand is behind the camera")
    _demand(x < size[0] and y < size[1] and x + w > 0 and y + h > 0, "empty", "the hand lies outside")
    _demand(max(w, h) >= least, "tiny", f"{max(w, h):.0f} px, {least:g} are asked")


def _share_inside(mask: npt.NDArray[np.uint8], affine: FloatArray, size: tuple[int, int]) -> float:
    """Returns the share of a mask's pixels that come from inside the photograph of (width, height)."""
    total = int(mask.sum())
    if not total:
        raise Unusable("empty", "nothing of the hand is drawn")
    corners = apply_affine(affine, np.array([[-0.5, -0.5], [size[0] - 0.5, size[1] - 0.5]]))
    (x0, y0), (x1, y1) = np.ceil(corners[0]).astype(int), np.ceil(corners[1]).astype(int)
    return float(mask[max(y0, 0) : max(y1, 0), max(x0, 0) : max(x1, 0)].sum()) / total
