"""A left hand in the scene: it hovers beside the object, steadies it, or passes in front of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numba
import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from handbench.arrays import FloatArray
from handbench.hands.anatomy import palm_frame
from handbench.hands.model import HandModel
from handbench.hands.rotations import about, exponential, logarithm
from handbench.synth.grasp_hand import hand_spheres
from handbench.synth.grasp_solid import make_field, signed_distances
from handbench.synth.pose_sampler import HandPoser
from handbench.synth.poses import rest_wrist
from handbench.synth.take import TABLE_Y, HandTrack, Take
from handbench.synth.take_contact import track_vertices
from handbench.synth.take_curves import eased, tremor
from handbench.synth.take_plan import ELBOW, arm_directions
from handbench.types import Side

LEFT_ELBOW = ELBOW * (-1.0, 1.0, 1.0)

CLEAR = 0.0015
"""The left hand comes no nearer to object and right hand than this [m]."""

_SWEEPS = 4
_SOFT = 5.0


@dataclass(frozen=True)
class Visit:
    """One way in which the left hand takes part.

    Attributes:
        forward: (3,) where its fingers point, world.
        normal: (3,) where its palm faces.
        side: (3,) from the object towards the hand: it is moved along this to keep its distance.
        shapes: archetypes with weights.
        gap: least and greatest distance that it keeps [m].
        touch: share of the time in which it touches.
        follow: share of the object's motion that it follows.
    """

    forward: tuple[float, float, float]
    normal: tuple[float, float, float]
    side: tuple[float, float, float]
    shapes: dict[str, float]
    gap: tuple[float, float]
    touch: float
    follow: float


VISITS: dict[str, Visit] = {
    "beside": Visit(
        (-0.55, 0.05, -0.8), (-0.8, 0.15, 0.5), (0.95, 0.05, 0.1), {"relaxed": 1, "open": 1, "cup": 1},
        (0.01, 0.06), 0.0, 0.5,
    ),
    "steady": Visit(
        (-0.6, 0.0, -0.75), (-0.75, 0.1, 0.6), (0.95, 0.1, 0.0), {"relaxed": 1, "cup": 1, "point": 0.7},
        (0.004, 0.03), 0.55, 0.85,
    ),
    "front": Visit(
        (-0.85, -0.1, -0.45), (-0.45, 0.1, 0.85), (0.55, 0.05, -0.8), {"open": 1, "relaxed": 1, "spread": 1},
        (0.008, 0.05), 0.0, 0.6,
    ),
}  # fmt: skip
"""How often each is drawn is the same."""


def second_hand(rng: np.random.Generator, take: Take, models: Mapping[Side, HandModel]) -> Take | None:
    """Adds a left hand to a take; None where it could not be kept clear of object and right hand.

    Args:
        rng: the take's stream.
        take: without a left hand.
        models: of both sides.
    """
    model = models[Side.LEFT]
    visit = VISITS[sorted(VISITS)[int(rng.integers(len(VISITS)))]]
    rotation, pose = _shape(rng, model, take, visit)
    wrist0 = rest_wrist(model, take.betas)
    side = np.array(visit.side) / np.linalg.norm(visit.side)
    base = _course(rng, take, visit, side) + wrist0 - _middle(model, take, pose, rotation)
    wanted = _distance(rng, len(take), visit)
    gap_of = _Gaps(model, models[Side.RIGHT], take, pose)
    base[:, 1] -= max(gap_of.lowest(base - wrist0) - TABLE_Y + 0.004, 0.0)
    shift = np.zeros(len(take))
    for _ in range(_SWEEPS):
        gap = gap_of(base + shift[:, None] * side - wrist0)
        shift = gaussian_filter1d(shift + 0.8 * (wanted - gap), _SOFT, mode="nearest")
    for _ in range(_SWEEPS):
        gap = gap_of(base + shift[:, None] * side - wrist0)
        missing = maximum_filter1d(np.maximum(CLEAR - gap, 0.0), 13, mode="nearest")
        shift = shift + 1.15 * gaussian_filter1d(missing, 3.0, mode="nearest")
    transl = base + shift[:, None] * side - wrist0
    if gap_of(transl).min() < -0.001:
        return None
    arm = arm_directions(transl + wrist0, rotation, palm_frame(model)[0], LEFT_ELBOW)
    return replace(take, other=HandTrack(Side.LEFT, take.betas, pose, transl, arm))


def _shape(
    rng: np.random.Generator, model: HandModel, take: Take, visit: Visit
) -> tuple[FloatArray, FloatArray]:
    """Returns the root's rotation (T, 3, 3) and the pose (T, 48) [rad]."""
    count = len(take)
    poser = HandPoser(model, hand_spheres(model))
    time = np.arange(count, dtype=np.float64)
    knots = np.arange(0.0, count + 80.0, 70.0)
    limited = poser.anatomy.clamp_angles
    angles = limited(poser.draw(rng, take.betas, visit.shapes, 0.8))
    course = np.repeat(angles[None], count, axis=0)
    for start in knots[1:]:
        new = 0.5 * angles + 0.5 * limited(poser.draw(rng, take.betas, visit.shapes, 0.8))
        share = eased(time, start - 50.0, start)
        course += share[:, None, None] * (new - angles)
        angles = new
    forward, normal = np.array(visit.forward), np.array(visit.normal)
    forward /= np.linalg.norm(forward)
    normal = normal - forward * (normal @ forward)
    normal /= np.linalg.norm(normal)
    world = np.stack([forward, normal, np.cross(normal, forward)], axis=1)
    tilt = about(forward, np.deg2rad(15.0) * rng.standard_normal()) @ exponential(
        0.12 * rng.standard_normal(3)
    )
    base = tilt @ world @ np.stack(palm_frame(model), axis=1).T
    sway = np.deg2rad(6.0) * tremor(rng, count, 3, 1 / 150, 1 / 50) + np.deg2rad(0.12) * tremor(
        rng, count, 3, 1 / 30, 1 / 5
    )
    rotation = np.array([exponential(turn) @ base for turn in sway])
    roots = np.array([logarithm(R) for R in rotation])
    return rotation, np.concatenate([roots, poser.anatomy.pose_from_angles(course)], axis=1)


def _middle(model: HandModel, take: Take, pose: FloatArray, rotation: FloatArray) -> FloatArray:
    """Returns where the middle of the fingers lies (T, 3) [m] with no translation."""
    track = HandTrack(Side.LEFT, take.betas, pose, np.zeros((len(take), 3)), np.zeros((len(take), 3)))
    return np.asarray(track_vertices(model, track)[:, ::6].mean(axis=1))


def _course(rng: np.random.Generator, take: Take, visit: Visit, side: FloatArray) -> FloatArray:
    """Returns where the middle of the left hand would be, (T, 3) [m], before its distance is set."""
    mean = take.object_t.mean(axis=0)
    followed = mean + visit.follow * (take.object_t - mean)
    smooth = gaussian_filter1d(followed, 4.0, axis=0, mode="nearest")
    drift = 0.012 * tremor(rng, len(take), 3, 1 / 140, 1 / 45) + 0.0003 * tremor(
        rng, len(take), 3, 1 / 30, 1 / 5
    )
    out = smooth + drift + 0.10 * side
    out[:, 1] = np.minimum(out[:, 1], TABLE_Y - 0.06)
    return np.asarray(out)


def _distance(rng: np.random.Generator, count: int, visit: Visit) -> FloatArray:
    """Returns the distance that the hand keeps (T,) [m]; it comes and leaves with the right hand."""
    time = np.arange(count, dtype=np.float64)
    near, far = visit.gap
    wave = 0.5 + 0.35 * tremor(rng, count, 1, 1 / 160, 1 / 60)[:, 0]
    wanted = near + (far - near) * np.clip(wave, 0.0, 1.5)
    if visit.touch > 0.0:
        length = visit.touch * count
        start = rng.uniform(0.2, 0.9 - visit.touch) * count
        inside = eased(time, start, start + 20) * (1 - eased(time, start + length - 20, start + length))
        wanted = wanted + inside * (0.001 - wanted)
    away = 1.0 - eased(time, 0.0, 50.0) + eased(time, count - 50.0, count - 1.0)
    return np.asarray(gaussian_filter1d(wanted + 0.06 * away, 2.0, mode="nearest"))


class _Gaps:
    """Measures how far the left hand stays from object, right hand and table."""

    def __init__(self, model: HandModel, right: HandModel, take: Take, pose: FloatArray) -> None:
        self._take, self._field = take, make_field(take.solid)
        zeros = np.zeros((len(take), 3))
        self._vertices = track_vertices(model, HandTrack(Side.LEFT, take.betas, pose, zeros, zeros))
        left, own = hand_spheres(model), hand_spheres(right)
        self._left = np.array([left.place(v) for v in self._vertices])
        self._right = np.array([own.place(v) for v in track_vertices(right, take.right)])

    def lowest(self, transl: FloatArray) -> float:
        """Returns the greatest y of the left hand with these translations (T, 3) [m]: y points down."""
        return float((self._vertices[:, :, 1].max(axis=1) + transl[:, 1]).max())

    def __call__(self, transl: FloatArray) -> FloatArray:
        """Returns the least gap (T,) [m] of the left hand with these translations (T, 3)."""
        take, out = self._take, np.empty(len(transl))
        for k, shift in enumerate(transl):
            local = (self._vertices[k] + shift - take.object_t[k]) @ take.object_R[k]
            out[k] = min(
                float(signed_distances(local, *self._field).min()),
                _sphere_gap(self._left[k], shift, self._right[k]),
            )
        return out


@numba.njit(cache=True, nogil=True)
def _sphere_gap(a: FloatArray, shift: FloatArray, b: FloatArray) -> float:
    best = np.inf
    for i in range(len(a)):
        x, y, z = a[i, 0] + shift[0], a[i, 1] + shift[1], a[i, 2] + shift[2]
        for j in range(len(b)):
            dx, dy, dz = x - b[j, 0], y - b[j, 1], z - b[j, 2]
            best = min(best, np.sqrt(dx * dx + dy * dy + dz * dz) - a[i, 3] - b[j, 3])
    return float(best)
