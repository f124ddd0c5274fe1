"""Objects in front of or between the hands, and rings on fingers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel
from handbench.synth.forearm_wear import METALS
from handbench.synth.scene import Part
from handbench.synth.solids import make_solid
from handbench.types import Side

TEST_OBJECTS: tuple[str, ...] = ("mug", "apple", "pen")
TRAIN_OBJECTS: tuple[str, ...] = ("ball", "bottle", "box", "can", "phone")

_FINGERS = {"index": 1, "middle": 4, "little": 7, "ring": 10}  # MANO16 index of each proximal phalanx


@dataclass(frozen=True, slots=True)
class OccluderSettings:
    """Holds what objects and rings are drawn from.

    Attributes:
        p_object: share of scenes with an object.
        objects: names of the objects.
        hidden: share of one hand that the object is to hide.
        gap: between the object and what it hides [m].
        p_ring: share of hands with a ring.
        ring_fingers: fingers that wear one.
    """

    p_object: float = 0.15
    objects: tuple[str, ...] = TRAIN_OBJECTS
    hidden: tuple[float, float] = (0.05, 0.5)
    gap: tuple[float, float] = (0.002, 0.06)
    p_ring: float = 0.15
    ring_fingers: tuple[str, ...] = ("ring", "ring", "middle", "index", "little")


def make_objects(
    rng: np.random.Generator, settings: OccluderSettings, hands: Mapping[Side, FloatArray]
) -> tuple[Part, ...]:
    """Draws whether there is an object, and puts it where it hides about the drawn share of one hand.

    Args:
        rng: the scene's generator.
        settings: what to draw from.
        hands: the (778, 3) vertices of each hand, camera frame [m].

    Returns:
        One part such as ``object_mug``, of no hand, or nothing. It touches no hand: it lies before all that
        it hides, which puts it between the hands where the nearer one is beside it.
    """
    if rng.random() >= settings.p_object or not hands:
        return ()
    solid = make_solid(rng, settings.objects)
    turned = solid.vertices @ _any_rotation(rng).T
    sides = sorted(hands, key=lambda side: side.value)
    target = hands[sides[int(rng.integers(len(sides)))]]
    wanted = float(rng.uniform(*settings.hidden))
    gap = float(rng.uniform(*settings.gap))
    points = np.concatenate([target, *(hands[side] for side in sides if hands[side] is not target)])
    center = _placed(rng, turned, points, len(target), wanted, gap)
    if center is None:
        return ()
    name = f"object_{solid.kind}"
    return (Part(name, turned + center, solid.faces, None, colors=solid.colors, gloss=solid.gloss),)


def _placed(
    rng: np.random.Generator, body: FloatArray, points: FloatArray, count: int, wanted: float, gap: float
) -> FloatArray | None:
    """Tries four places before the target (the first `count` points); keeps the best."""
    half = float(np.abs(body[:, 2]).max())
    picks = rng.integers(count, size=4)
    aside = rng.normal(0, 0.02, (4, 2))
    # A few points each will do for the search; the place that is kept is settled with all of them.
    fan = np.arange(20) * (2 * np.pi / 20)
    hull = body[(body[:, :2] @ np.stack([np.cos(fan), np.sin(fan)])).argmax(axis=0)]
    coarse, coarse_count = np.concatenate([points[:count:3], points[count::3]]), -(-count // 3)
    best: FloatArray | None = None
    best_miss = np.inf
    for pick, shift in zip(picks, aside, strict=True):
        center = points[pick].copy()
        center[:2] += shift
        for _ in range(2):
            center = _before(hull, half, center, coarse, coarse_count, gap)
        share = float(_covered(hull + center, coarse[:coarse_count]).mean())
        if center[2] > 0.12 and abs(share - wanted) < best_miss:
            best, best_miss = center, abs(share - wanted)
    if best is None:
        return None
    for _ in range(2):
        best = _before(body, half, best, points, count, gap)
    return best if best[2] > 0.12 else None


@numba.njit(cache=True, nogil=True)
def _before(
    body: FloatArray, half: float, center: FloatArray, points: FloatArray, count: int, gap: float
) -> FloatArray:
    """Moves a body along its line of sight to just before what it hides of the target, or of all points."""
    covered = _covered(body + center, points)
    behind, met = np.inf, np.inf
    for i in range(len(points)):
        if covered[i]:
            met = min(met, points[i, 2])
            behind = met if i < count else behind
    depth = center[2] if behind == np.inf else behind - gap - half
    for i in range(len(points)):
        if covered[i] and abs(points[i, 2] - depth) < half + 0.002:
            depth = met - gap - half
            break
    return np.asarray(center * (depth / center[2]))


def covered_by(body: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    """Tells which (N, 3) points lie on lines of sight through the convex outline of a body (V, 3)."""
    return np.asarray(_covered(np.ascontiguousarray(body), np.ascontiguousarray(points)), np.bool_)


@numba.njit(cache=True, nogil=True)
def _covered(body: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    outline = _convex_outline(_flat(body))
    return _inside(outline, _flat(points))


@numba.njit(cache=True, nogil=True)
def _flat(points: FloatArray) -> FloatArray:
    """Returns where (N, 3) points lie on the plane of depth 1, (N, 2)."""
    out = np.empty((len(points), 2))
    for i in range(len(points)):
        out[i, 0], out[i, 1] = points[i, 0] / points[i, 2], points[i, 1] / points[i, 2]
    return out


@numba.njit(cache=True, nogil=True)
def _convex_outline(points: FloatArray) -> FloatArray:
    """Returns the convex hull of (N, 2) points, counter-clockwise (Andrew's monotone chain)."""
    ordered = points[np.argsort(points[:, 0], kind="mergesort")]
    for i in range(1, len(ordered)):
        k = i
        while k > 0 and ordered[k, 0] == ordered[k - 1, 0] and ordered[k, 1] < ordered[k - 1, 1]:
            ordered[k, 1], ordered[k - 1, 1] = ordered[k - 1, 1], ordered[k, 1]
            k -= 1
    count = np.empty(2, np.int64)
    chains = _chains(ordered, count)
    return np.concatenate((chains[0, : count[0] - 1], chains[1, : count[1] - 1]))


@numba.njit(cache=True, nogil=True)
def _chains(points: FloatArray, count: npt.NDArray[np.int64]) -> FloatArray:
    n = points.shape[0]
    out = np.empty((2, n, 2))
    for c in range(2):
        k = 0
        for i in range(n):
            p = points[i] if c == 0 else points[n - 1 - i]
            while k >= 2:
                a, b = out[c, k - 2], out[c, k - 1]
                if (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0]) > 0:
                    break
                k -= 1
            out[c, k] = p
            k += 1
        count[c] = k
    return out


@numba.njit(cache=True, nogil=True)
def _inside(outline: FloatArray, points: FloatArray) -> npt.NDArray[np.bool_]:
    out = np.ones(points.shape[0], np.bool_)
    for i in range(points.shape[0]):
        for k in range(outline.shape[0]):
            a, b = outline[k], outline[(k + 1) % outline.shape[0]]
            if (b[0] - a[0]) * (points[i, 1] - a[1]) - (b[1] - a[1]) * (points[i, 0] - a[0]) < 0:
                out[i] = False
                break
    return out


def _any_rotation(rng: np.random.Generator) -> FloatArray:
    """Draws a rotation, uniform over all, from a unit quaternion."""
    w, x, y, z = (q := rng.standard_normal(4)) / np.sqrt(q @ q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )


@lru_cache(maxsize=16)
def _finger_vertices(model: HandModel, joint: int) -> npt.NDArray[np.int64]:
    """Returns the vertices that a proximal phalanx moves most."""
    return np.flatnonzero(model.weights.argmax(axis=1) == joint)


def make_ring(
    rng: np.random.Generator,
    settings: OccluderSettings,
    model: HandModel,
    vertices: FloatArray,
    joints16: FloatArray,
) -> tuple[Part, ...]:
    """Draws whether a hand wears a ring, and lays it close around the finger as it is posed.

    Args:
        rng: the scene's generator.
        settings: what to draw from.
        model: the hand model.
        vertices: (778, 3) of the hand, camera frame [m].
        joints16: (16, 3) MANO16 of the hand, camera frame [m].

    Returns:
        One part named ``right_ring`` or ``left_ring``, of that hand, or nothing.
    """
    u = rng.random(5)
    if u[0] >= settings.p_ring:
        return ()
    joint = _FINGERS[settings.ring_fingers[int(u[1] * len(settings.ring_fingers))]]
    base, end = joints16[joint], joints16[joint + 1]
    axis = end - base
    length = float(np.sqrt(axis @ axis))
    axis = axis / length
    skin = vertices[_finger_vertices(model, joint)]
    along = (skin - base) @ axis
    at = (0.5 + 0.15 * u[2]) * length
    near = skin[np.abs(along - at) < 0.16 * length]
    if len(near) < 6:
        return ()
    half, thick = 0.0012 + 0.0025 * u[3], 0.0009 + 0.0008 * u[4]
    shape = _ring_mesh(near, base + at * axis, axis, half, thick)
    metal = np.asarray(METALS[int(rng.integers(3))], np.uint8)
    faces = _ring_faces(len(shape) // 6)
    colors = np.tile(metal, (len(shape), 1))
    return (Part(f"{model.side.value}_ring", shape, faces, model.side, colors=colors, gloss=0.8),)


def _ring_mesh(
    near: FloatArray, center: FloatArray, axis: FloatArray, half: float, thick: float
) -> FloatArray:
    """Follows the finger's own outline, 20 cross-sections of 6 vertices: (120, 3) [m]."""
    x = np.cross(axis, [0.0, 0.0, 1.0] if abs(axis[2]) < 0.9 else [1.0, 0.0, 0.0])
    x /= np.sqrt(x @ x)
    y = np.cross(axis, x)
    flat = near - center
    flat = flat - np.outer(flat @ axis, axis)
    center = center + flat.mean(axis=0)
    flat = flat - flat.mean(axis=0)
    angles, reach = np.arctan2(flat @ y, flat @ x), np.sqrt((flat**2).sum(axis=1))
    turn = np.arange(20) * (2 * np.pi / 20)
    close = np.exp(-((np.angle(np.exp(1j * (turn[:, None] - angles))) / 0.45) ** 2)) + 1e-6
    radius = (close * reach).sum(axis=1) / close.sum(axis=1)
    radius = 0.5 * (radius + radius.mean()) + 0.0002
    section = np.deg2rad(np.arange(6) * 60)
    out = radius[:, None] + thick * (0.6 + np.cos(section))
    circle = np.cos(turn)[:, None] * x + np.sin(turn)[:, None] * y
    ring = center + circle[:, None] * out[..., None] + (half * np.sin(section))[None, :, None] * axis
    return np.asarray(ring.reshape(-1, 3))


@lru_cache(maxsize=4)
def _ring_faces(sections: int) -> npt.NDArray[np.int32]:
    k, i = np.meshgrid(np.arange(sections), np.arange(6), indexing="ij")
    a, b = k * 6 + i, k * 6 + (i + 1) % 6
    c, d = (a + 6) % (6 * sections), (b + 6) % (6 * sections)
    return np.stack([np.stack([a, c, b], -1), np.stack([b, c, d], -1)], 2).reshape(-1, 3).astype(np.int32)
