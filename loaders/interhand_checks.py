"""Whether InterHand2.6M's numbers agree: boxes with joints, joints with pictures, MANO's fits with joints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.datasets import Finding
from handbench.formats.interhand import HAND_TYPES, SIDES, WRISTS, boxes_of, split_sides
from handbench.formats.interhand_params import add_mean
from handbench.hands.model import forward

if TYPE_CHECKING:
    from handbench.loaders.interhand import InterHand

SOME = 50_000
"""How many samples are looked at, evenly spread."""

MOMENTS = 4000
BOX_TOLERANCE = 0.05
OUTLIER = 0.03
"""A MANO fit farther than this [m] on average from the joints is listed; a usual one is about 5 mm."""


def check_validity(dataset: InterHand) -> Iterator[Finding]:
    """Compares what the annotation calls valid with what ``_joint_3d`` does, and with the hand type."""
    columns = dataset.columns
    has = np.flatnonzero(columns["step"] >= 0)
    steps = columns["step"][has]
    valid = columns["valid"][has]
    unknown = np.isnan(columns["step_world"][:, :, 0])[steps]
    filler = (valid & unknown).any(axis=1)
    differ = (valid & ~columns["step_known"][steps] & ~unknown).any(axis=1)
    gated = (valid & ~np.repeat(valid[:, list(WRISTS)], 21, axis=1)).any(axis=1)
    kind = columns["hand_type"][has]
    other = (valid[:, :21].any(axis=1) & (kind == HAND_TYPES.index("left"))) | (
        valid[:, 21:].any(axis=1) & (kind == HAND_TYPES.index("right"))
    )
    for found, what in (
        (filler, "call a joint valid whose position is the filler (1, 1, 1): it is masked"),
        (differ, "call a joint valid that joint_3d does not: the annotation is followed, as officially"),
        (gated, "lose valid joints because the hand's wrist is not valid, as officially"),
        (other, "have valid joints of a hand that hand_type does not name"),
    ):
        if found.any():
            ids = ", ".join(map(str, columns["id"][has[found]][:5].tolist()))
            yield Finding("note", "joint_valid", f"{int(found.sum())} annotations {what}, first {ids}")


def check_boxes(dataset: InterHand) -> Iterator[Finding]:
    """Projects joints: do they make the annotated boxes, are they in the picture, before the camera?"""
    columns = dataset.columns
    rows = np.flatnonzero((columns["step"] >= 0) & (columns["camera_row"] >= 0))
    rows = rows[:: max(1, len(rows) // SOME)]
    if not len(rows):
        return
    pixels, depth = _project(dataset, rows)
    valid = columns["valid"][rows] & np.isfinite(depth)
    behind = (valid & (depth <= 0)).sum()
    if behind:
        yield Finding(
            "fault", "camera", f"{behind} of {valid.sum()} joints lie behind their camera",
            "are R and campos world to camera, with z forward?",
        )  # fmt: skip
    off = np.abs(boxes_of(pixels, valid) - columns["box"][rows]).max(axis=1)
    wrong = np.flatnonzero(off > BOX_TOLERANCE)
    if len(wrong):
        worst = wrong[np.argsort(-off[wrong])][:5]
        listed = ", ".join(f"{columns['id'][rows[i]]} ({off[i]:.1f} px)" for i in worst)
        yield Finding(
            "fault", "bbox",
            f"{len(wrong)} of {len(rows)} boxes are not 1.2 x the tight box of the projected joints (more "
            f"than {BOX_TOLERANCE} px off), worst: {listed}",
            "another order, unit or frame of the joints?",
        )  # fmt: skip
    yield from _outside(dataset, rows, pixels, valid)


def _project(dataset: InterHand, rows: IndexArray) -> tuple[FloatArray, FloatArray]:
    """Returns pixels (n, 42, 2) and depth (n, 42) [m] of INTERHAND42."""
    columns = dataset.columns
    at = columns["camera_row"][rows]
    world = columns["step_world"][columns["step"][rows]]
    here = world @ columns["camera_R"][at].transpose(0, 2, 1) + columns["camera_t"][at][:, None]
    homogeneous = here @ columns["camera_K"][at].transpose(0, 2, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return homogeneous[..., :2] / homogeneous[..., 2:], here[..., 2]


def _outside(
    dataset: InterHand, rows: IndexArray, pixels: FloatArray, valid: np.typing.NDArray[np.bool_]
) -> Iterator[Finding]:
    """Names cameras most of whose joints project outside of their pictures."""
    columns = dataset.columns
    size = np.stack([columns["width"][rows], columns["height"][rows]], axis=1).astype(np.float64)
    # The stated size is wrong where it is turned: a joint is outside only where both ways say so.
    limit = np.maximum(size, size[:, ::-1])[:, None] - 0.5
    out = valid & ((pixels < -0.5) | (pixels > limit)).any(axis=-1)
    codes = columns["camera_row"][rows]
    total = np.bincount(codes, valid.sum(axis=1), minlength=len(columns["camera_R"]))
    outside = np.bincount(codes, out.sum(axis=1), minlength=len(columns["camera_R"]))
    for code in np.flatnonzero(outside > 0.5 * np.maximum(total, 1)):
        row = rows[codes == code][0]
        camera = columns["camera_names"][columns["camera"][row]]
        capture = columns["capture"][row]
        yield Finding(
            "fault", f"capture {capture} camera {camera}",
            f"{outside[code]:.0f} of {total[code]:.0f} joints project outside of the picture",
            "a wrong camera?",
        )  # fmt: skip
    if out.any():
        yield Finding(
            "note", "projection", f"{out.sum()} of {valid.sum()} valid joints lie outside of the picture"
        )


def check_mano(dataset: InterHand) -> Iterator[Finding]:
    """Compares joints of the MANO fits with the annotated ones, in the world frame."""
    columns = dataset.columns
    if "mano" not in columns:
        return
    without = int((columns["mano"] < 0).sum())
    if without:
        yield Finding("note", "MANO", f"{without} of {len(columns['mano'])} annotations have no MANO record")
    if not dataset.models:
        yield Finding("note", "MANO", "the fits are not compared with the joints", "name hand_model=mano:DIR")
        return
    pairs = np.unique(np.stack([columns["mano"], columns["step"]], axis=1), axis=0)
    pairs = pairs[(pairs >= 0).all(axis=1)]
    pairs = pairs[:: max(1, len(pairs) // MOMENTS)]
    for i, side in enumerate(SIDES):
        known = split_sides(columns["step_known"][pairs[:, 1]])[:, i].all(axis=1)
        some = pairs[columns["mano_has"][pairs[:, 0], i] & known]
        if not len(some):
            continue
        pose = add_mean(columns["mano_pose"][some[:, 0], i], dataset.models[side])
        joints = np.concatenate([
            forward(
                dataset.models[side], pose[part], columns["mano_shape"][some[part, 0], i],
                columns["mano_trans"][some[part, 0], i], "interhand",
            ).joints21
            for part in np.array_split(np.arange(len(some)), len(some) // 256 + 1) if len(part)
        ])  # fmt: skip
        off = np.linalg.norm(joints - split_sides(columns["step_world"][some[:, 1]])[:, i], axis=-1).mean(
            axis=1
        )
        yield from _residuals(dataset, side.value, off, some[:, 1])


def _residuals(dataset: InterHand, side: str, off: FloatArray, steps: IndexArray) -> Iterator[Finding]:
    columns, median = dataset.columns, float(np.nanmedian(off))
    kind, hint = ("note", "") if median < OUTLIER / 2 else ("fault", "another hand model, side or unit?")
    what = (
        f"{side} hand: MANO joints are {median * 1e3:.2f} mm from the annotated ones (median of {len(off)})"
    )
    yield Finding("fault" if kind == "fault" else "note", "MANO", what, hint)
    for i in np.argsort(-np.nan_to_num(off))[:10]:
        if off[i] > OUTLIER:
            row = int(np.flatnonzero(columns["step"] == steps[i])[0])
            where = f"capture {columns['capture'][row]} frame {columns['frame'][row]} {side}"
            yield Finding("fault", where, f"MANO joints are {off[i] * 1e3:.1f} mm from the annotated ones")
