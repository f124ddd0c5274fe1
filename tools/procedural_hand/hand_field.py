"""The hand as one implicit surface: fingers, palm, muscles and webs, in rest or with bent fingers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from dimensions import WRIST, Dimensions, Finger, bone_frames, finger_joints
from implicit import Ellipsoid, Field, Slab, Tube, dense_profile, smooth_max, smooth_min

Array = npt.NDArray[np.float64]
FINGER_BLEND = 6.0
PALM_BLEND = 12.0
KNUCKLE_BLEND = 5.0


def stations(finger: Finger) -> tuple[Array, Array]:
    """Return the places (S,) [mm] along a finger and its sections there (S, 3)."""
    marks = np.concatenate([[0.0], np.cumsum(finger.lengths)])
    u = np.array([s.u for s in finger.sections])
    where = np.interp(u, np.arange(4), marks)
    where += np.minimum(u, 0.0) * finger.lengths[0]
    values = np.array([(s.half_width, s.back, s.pad) for s in finger.sections])
    return where, values


def finger_pieces(finger: Finger) -> list[Tube]:
    """Return the three tubes of a finger in its rest pose, each along one bone."""
    where, values = dense_profile(*stations(finger))
    joints, frames = finger_joints(finger), bone_frames(finger)
    marks = np.concatenate([[0.0], np.cumsum(finger.lengths)])
    pieces = []
    for bone in range(3):
        start, end = (float(np.interp(marks[bone + k], where, values[:, 1])) for k in (0, 1))
        length = finger.lengths[bone]
        if bone == 2:
            end = 0.62 * float(values[-1, 0] + values[-1, 2]) + 1.0
            length -= end
        pieces.append(
            Tube(joints[bone], frames[bone], length, where, values, float(marks[bone]), (start, end), 2.3)
        )
    return pieces


def finger_field(pieces: Sequence[Field]) -> Field:
    """Return the union of a finger's tubes."""

    def field(points: Array) -> Array:
        value = pieces[0](points)
        for piece in pieces[1:]:
            value = smooth_min(value, piece(points), 1.5)
        return value

    return field


def _frame(axis: Array, dorsal: Array) -> Array:
    axis = axis / np.linalg.norm(axis)
    dorsal = dorsal - axis * (dorsal @ axis)
    dorsal = dorsal / np.linalg.norm(dorsal)
    return np.stack([np.cross(dorsal, axis), dorsal, axis])


def _ray(start: Array, end: Array, sections: Array, caps: tuple[float, float]) -> Tube:
    """Return a metacarpal tube from start to end with sections (S, 4): share of the length, three sizes."""
    length = float(np.linalg.norm(end - start))
    where, values = dense_profile(sections[:, 0] * length, sections[:, 1:])
    return Tube(start, _frame(end - start, np.array([0.0, 1.0, 0.0])), length, where, values, 0.0, caps)


def place(dims: Dimensions, x: float, y: float, z: float) -> Array:
    """Return a place of the palm, moved with the palm's length, thickness and width about the wrist."""
    factors = np.array([dims.palm_length, dims.palm_thickness, dims.palm_width])
    return np.asarray(WRIST + (np.array([x, y, z]) - WRIST) * factors)


def palm_parts(dims: Dimensions) -> list[Field]:
    """Return the implicit parts of the palm, wrist, muscles and webs."""
    thick, wide = dims.palm_thickness, dims.palm_width
    joints = {f.name: finger_joints(f) for f in dims.fingers}
    carpus = {"index": (78.0, 6.0, 17.0), "middle": (78.0, 8.0, 8.0), "ring": (78.0, 6.5, -2.0),
              "little": (79.0, 5.5, -11.0)}  # fmt: skip
    parts: list[Field] = []
    for name, half in (("index", 10.5), ("middle", 10.0), ("ring", 9.6), ("little", 9.2)):
        mcp = joints[name][0]
        back = 7.6 * dims.knuckles if name != "little" else 6.6 * dims.knuckles
        sections = np.array(
            [
                (0.0, half * wide, 10.0 * thick, 22.0 * thick),
                (0.5, (half - 0.2) * wide, 8.8 * thick, 19.0 * thick),
                (0.8, (half + 0.4) * wide, 8.2 * thick, 18.0 * thick),
                (1.0, half * wide, back * thick, 17.5 * thick),
            ]
        )
        parts.append(_ray(place(dims, *carpus[name]), mcp, sections, (10.0, 9.0)))
    return parts + muscle_parts(dims) + wrist_parts(dims)


KNUCKLE_TOPS = (8.6, 9.0, 8.2, 7.2)


def tendon_line(dims: Dimensions, finger: int) -> tuple[Array, Array]:
    """Return where the tendon on the back of a long finger's metacarpal starts and where it ends."""
    joints = finger_joints(dims.fingers[finger])
    frame = _frame(joints[1] - joints[0], np.array([0.0, 1.0, 0.0]))
    rise = KNUCKLE_TOPS[finger] * dims.knuckles * dims.palm_thickness
    root = place(dims, 80.0, 14.6, 6.0 + 0.22 * (dims.fingers[finger].base[2] - WRIST[2]) / dims.palm_width)
    return root, np.asarray(joints[0] + frame[1] * (rise - 2.4))


def knuckle_parts(dims: Dimensions) -> list[Field]:
    """Return the heads of the metacarpals under the skin of the back, and the tendons that lead to them."""
    parts: list[Field] = []
    for index, finger in enumerate(dims.fingers[:4]):
        joints = finger_joints(finger)
        frame = _frame(joints[1] - joints[0], np.array([0.0, 1.0, 0.0]))
        rise = KNUCKLE_TOPS[index] * dims.knuckles * dims.palm_thickness
        centre = joints[0] + frame[1] * (rise - 8.0) - frame[2]
        parts.append(Ellipsoid(centre, np.array([7.2, 8.0, 10.0]), frame))
        sections = np.array([(0.0, 2.2, 2.2, 2.2), (1.0, 2.6, 2.4, 2.4)])
        parts.append(_ray(*tendon_line(dims, index), sections, (8.0, 4.0)))
    return parts


def muscle_parts(dims: Dimensions) -> list[Field]:
    """Return thenar and hypothenar, the fold between thumb and index, and the webs of the fingers."""
    thumb = finger_joints(dims.fingers[4])
    index = finger_joints(dims.fingers[0])
    little = finger_joints(dims.fingers[3])
    thick = dims.palm_thickness
    middle_of_bone = 0.55 * thumb[0] + 0.45 * thumb[1] + np.array([4.0, -7.0, -6.0])
    axis = thumb[1] - thumb[0]
    thenar = Ellipsoid(
        middle_of_bone,
        np.array([17.0, 15.0, 31.0]) * np.array([1.0, dims.thenar, 1.0]),
        _frame(axis, np.array([0.0, 1.0, 0.0])),
    )
    heel = place(dims, 62.0, -9.0, -17.0)
    hypothenar = Ellipsoid(
        heel,
        np.array([13.5, 13.3 * dims.hypothenar * thick, 34.0]),
        _frame(little[0] + np.array([0.0, -8.0, 2.0]) - heel, np.array([0.0, 1.0, 0.0])),
    )
    corner = place(dims, 66.0, -7.0, 14.0)
    fold = Slab(np.array([index[0] + [8.0, -5.0, 0.0], 0.25 * thumb[0] + 0.75 * thumb[1], corner]), 8.0)
    return [thenar, hypothenar, fold, *web_parts(dims)]


def web_parts(dims: Dimensions) -> list[Field]:
    """Return the webs between neighbouring fingers."""
    parts: list[Field] = []
    for near, far in zip(dims.fingers[:3], dims.fingers[1:4], strict=True):
        a, b = finger_joints(near), finger_joints(far)
        reach = 0.5 * (near.web * near.lengths[0] + far.web * far.lengths[0]) - 2.0
        start = (a[0] + b[0]) / 2 + np.array([4.0, -4.0, 0.0])
        ahead = (a[1] - a[0]) / near.lengths[0] + (b[1] - b[0]) / far.lengths[0]
        end = start + ahead / 2 * reach + np.array([0.0, -2.0, 0.0])
        sections = np.array([(0.0, 8.0, 7.0, 9.0), (0.6, 8.0, 5.5, 8.0), (1.0, 8.0, 4.0, 6.5)])
        parts.append(_ray(start, end, sections, (8.0, 5.0)))
    return parts


def wrist_parts(dims: Dimensions) -> list[Field]:
    """Return the wrist: an oval tube that runs out of the hand."""
    half, deep = dims.wrist_half
    thick = dims.palm_thickness
    start = WRIST + np.array([50.0, -2.0, -3.0])
    end = place(dims, 76.0, 1.0, 3.0)
    sections = np.array(
        [
            (0.0, half, deep * thick, deep * thick),
            (0.5, half, deep * thick * 0.95, deep * thick),
            (1.0, half + 1.0, 12.0 * thick, 21.0 * thick),
        ]
    )
    # The head of the ulna shows on the back of the wrist, above the little finger.
    ulna = Ellipsoid(place(dims, 112.0, 14.5, -10.5), np.array([10.0, 8.5, 9.0]), np.eye(3))
    return [_ray(start, end, sections, (20.0, 12.0)), ulna]


def palm_field(dims: Dimensions) -> Field:
    """Return the smooth union of the palm's parts, hollowed in the middle."""
    parts, knuckles = palm_parts(dims), knuckle_parts(dims)
    hollow = Ellipsoid(place(dims, 42.0, -39.5, 1.0), np.array([34.0, 17.0, 17.0]), np.eye(3))

    def field(points: Array) -> Array:
        value = parts[0](points)
        for part in parts[1:]:
            value = smooth_min(value, part(points), PALM_BLEND)
        for part in knuckles:
            value = smooth_min(value, part(points), KNUCKLE_BLEND)
        return smooth_max(value, -hollow(points), 14.0)

    return field


def hand_field(dims: Dimensions) -> Field:
    """Return the whole hand in rest: each finger blends with the palm, never with another finger."""
    palm = palm_field(dims)
    fingers = [finger_field(finger_pieces(f)) for f in dims.fingers]

    def field(points: Array) -> Array:
        base = palm(points)
        value = base
        for finger in fingers:
            value = np.minimum(value, smooth_min(base, finger(points), FINGER_BLEND))
        return value

    return field


def one_finger_field(dims: Dimensions, index: int) -> Field:
    """Return one finger blended with the palm, without the other fingers."""
    palm = palm_field(dims)
    finger = finger_field(finger_pieces(dims.fingers[index]))
    return lambda points: smooth_min(palm(points), finger(points), FINGER_BLEND)
