"""Forearms: bare, in a sleeve, or none. They go with a hand and belong to no hand mask."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray, IndexArray
from handbench.hands.model import HandModel
from handbench.synth import forearm_mesh as mesh
from handbench.synth import forearm_rim
from handbench.synth.forearm_band import make_band
from handbench.synth.forearm_texture import SIDE, SKIN_ROWS, arm_texture
from handbench.synth.forearm_upper import upper_arm
from handbench.synth.forearm_wear import Wear
from handbench.synth.scene import Part
from handbench.types import Side

_SKIN_STATIONS = np.array([-0.006, 0.0, 0.006, 0.015, 0.027, 0.042, 0.062, 0.09, 0.13, 0.18, 1.0])
# The end is rounded as a bent elbow is: stations after the last ring, and how far they draw in [m].
_ELBOW = (np.array([0.0, 0.012, 0.020]), np.array([0.0, -0.008, -0.024]))
_Piece = tuple[FloatArray, npt.NDArray[np.float32]]  # vertices of rings, and pixels of face corners
_TRIES = 10  # directions of an arm
_SLEEVE_RING = 0.035  # distance of a sleeve's rings [m]


def rim_colors(model: HandModel, texture: ImageArray, uv: npt.NDArray[np.float32]) -> ImageArray:
    """Samples a hand's skin around its open wrist.

    Args:
        model: the hand model.
        texture: (S, S, 3) sRGB of the hand.
        uv: (1538, 3, 2) pixels of the texture for each face corner.

    Returns:
        (16, 3) uint8 sRGB, one for each vertex of the loop.
    """
    return _mean_colors(texture, uv.reshape(-1, 2), *_rim_corners(model))


@lru_cache(maxsize=8)
def _rim_corners(model: HandModel) -> tuple[IndexArray, IndexArray]:
    """Returns the face corners at the rim, and which of its 16 vertices each is."""
    corners = model.faces.ravel()
    rows = np.flatnonzero(np.isin(corners, model.wrist_loop))
    place = {int(vertex): i for i, vertex in enumerate(model.wrist_loop)}
    return rows, np.array([place[int(vertex)] for vertex in corners[rows]], dtype=np.int64)


@numba.njit(cache=True, nogil=True)
def _mean_colors(
    texture: ImageArray, uv: npt.NDArray[np.float32], rows: IndexArray, order: IndexArray
) -> ImageArray:
    total, counts = np.zeros((forearm_rim.AROUND, 3)), np.zeros((forearm_rim.AROUND, 1))
    last = texture.shape[0] - 1
    for i in range(len(rows)):
        x = min(max(int(np.rint(uv[rows[i], 0])), 0), last)
        y = min(max(int(np.rint(uv[rows[i], 1])), 0), last)
        counts[order[i]] += 1
        for c in range(3):
            total[order[i], c] += texture[y, x, c]
    return np.rint(total / counts).astype(np.uint8)


def make_forearm(
    model: HandModel,
    vertices: FloatArray,
    joints16: FloatArray,
    rng: np.random.Generator,
    wear: Wear,
    skin: ImageArray,
    direction: FloatArray | None = None,
    others: FloatArray | None = None,
    gloss: float = 0.15,
) -> tuple[Part, ...]:
    """Makes the forearm of a posed hand: it shares the rim's positions and leaves it without a kink.

    Args:
        model: the hand model; its side is the arm's.
        vertices: (778, 3) of the hand, camera frame [m].
        joints16: (16, 3) MANO16 of the hand, camera frame [m].
        rng: the scene's generator.
        wear: what the person wears.
        skin: (3,) or (16, 3) sRGB of the skin at the wrist (`rim_colors`).
        direction: (3,) unit vector from wrist to elbow, camera frame; drawn in the wrist's range when None.
        others: (N, 3) points that the arm must not run through (the other hand), camera frame [m].
        gloss: of the skin.

    Returns:
        The arm (``right_arm``; beyond the elbow too where that may show), with a watch or bracelet
        (``right_band``) where it is worn; empty for none, and where nothing leaves room for 10 cm of arm.
    """
    if wear.kind == "none":
        return ()
    others = None if others is None else np.ascontiguousarray(others, dtype=np.float64)
    rim = forearm_rim.wrist_rim(model, vertices, joints16)
    found = _clear_direction(rng, rim, joints16, wear, direction, others)
    if found is None:
        return ()
    aim, length = found
    colors = np.ascontiguousarray(np.broadcast_to(np.asarray(skin, np.uint8), (forearm_rim.AROUND, 3)))
    side = model.side
    arm = _arm_part(rng, rim, aim, length, wear, colors, gloss, side, others)
    if wear.band is not side or length < 0.1:
        return (arm,)
    return arm, make_band(rng, rim, aim, wear, side)


def _clear_direction(
    rng: np.random.Generator,
    rim: forearm_rim.WristRim,
    joints16: FloatArray,
    wear: Wear,
    direction: FloatArray | None,
    others: FloatArray | None,
) -> tuple[FloatArray, float] | None:
    """Tries the wanted direction, then drawn ones; keeps the first that is clear, or the clearest."""
    draws = rng.standard_normal((_TRIES, 2))
    view = rim.center / max(float(np.linalg.norm(rim.center)), 1e-9)
    # A tenth may sink in, as flesh gives way: the other hand often holds this wrist.
    radius = 0.9 * forearm_rim.rim_radius(rim)
    stations = np.arange(-1.0, round(wear.length / 0.015) + 1.0) * 0.015
    best: tuple[FloatArray, float] | None = None
    best_value = 0.10
    frame: FloatArray | None = None
    for trial in range(0 if direction is not None else 1, _TRIES + 1):
        wanted = direction is not None and trial == 0
        if direction is not None and trial == 0:
            aim = np.asarray(direction, np.float64)
        else:
            frame = forearm_rim.wrist_frame(joints16) if frame is None else frame
            bend, aside = draws[trial - 1]
            aim = _bent(frame, wear.flexion * _cut(bend, 3), wear.deviation * _cut(aside, 2))
        length = wear.length
        if others is not None and len(others):
            points, _ = mesh.spine(rim.center, rim.frame, aim, stations)
            length = min(length, mesh.clear_length(points, stations, radius, others))
        towards = 0.0 if wanted else max(0.0, -float(aim @ view) - 0.35)
        value = length * (1 - 0.5 * towards)
        if value > best_value:
            best, best_value = (aim, length), value
        if length >= wear.length - 1e-9 and towards == 0.0:
            break
    return best


def _cut(value: float, limit: float) -> float:
    return float(min(max(value, -limit), limit))


def _bent(frame: FloatArray, flexion: float, deviation: float) -> FloatArray:
    """Turns the straight arm by degrees of flexion and of deviation."""
    f, d = np.deg2rad(flexion), np.deg2rad(deviation)
    along, normal, side = frame
    straight = -along * np.cos(d) + side * np.sin(d)
    return np.asarray(straight * np.cos(f) + normal * np.sin(f))


def _arm_part(
    rng: np.random.Generator,
    rim: forearm_rim.WristRim,
    aim: FloatArray,
    length: float,
    wear: Wear,
    colors: ImageArray,
    gloss: float,
    side: Side,
    others: FloatArray | None,
) -> Part:
    sleeved = wear.kind == "sleeve" and length > wear.cuff + 0.03
    pieces = [_skin(rim, aim, min(length, wear.cuff + 0.03) if sleeved else length, wear)]
    if sleeved:
        pieces.append(_sleeve(rim, aim, length, wear))
    elbow = pieces[-1][0][-3 * forearm_rim.AROUND : -2 * forearm_rim.AROUND]
    beyond = upper_arm(rng, elbow, aim, others)
    if beyond is not None and length >= wear.length:
        vertices, _, stations = beyond
        low, high = (SKIN_ROWS + 2, SIDE - 1) if sleeved else (SKIN_ROWS // 2, SKIN_ROWS - 1)
        # The pattern turns back at the elbow, where it ended.
        rows = high - np.clip(np.abs(stations) / 0.32, 0, 1) * (high - low)
        pieces.append((vertices, mesh.tube_uv(rows, SIDE)))
    cloth_colors = np.asarray([wear.first, wear.second], np.uint8)
    return Part(
        name=f"{side.value}_arm",
        vertices=np.concatenate([vertices for vertices, _ in pieces]),
        faces=mesh.joined_faces(tuple(len(vertices) // forearm_rim.AROUND for vertices, _ in pieces)),
        hand=side,
        texture=arm_texture(colors, wear.cloth, wear.print_index, *cloth_colors),
        uv=np.concatenate([uv for _, uv in pieces]),
        gloss=0.0 if wear.kind == "sleeve" else gloss,
    )


def _skin(rim: forearm_rim.WristRim, aim: FloatArray, reach: float, wear: Wear) -> _Piece:
    """Makes the bare arm from the rim on."""
    stations = np.concatenate([_SKIN_STATIONS[reach - 0.008 > _SKIN_STATIONS], reach + _ELBOW[0]])
    offsets = np.zeros((len(stations), forearm_rim.AROUND))
    offsets[-len(_ELBOW[1]) :] = _ELBOW[1][:, None]
    vertices, _ = mesh.tube(rim, aim, stations, wear.girth, offsets, True)
    return vertices, mesh.tube_uv(np.clip(stations / 0.34, 0, 1) * (SKIN_ROWS - 1), SIDE)


def _sleeve(rim: forearm_rim.WristRim, aim: FloatArray, length: float, wear: Wear) -> _Piece:
    """Makes the sleeve from its turned-in edge to the elbow."""
    start = wear.cuff
    body = np.linspace(start + 0.004, length, max(3, round((length - start) / _SLEEVE_RING)))
    rings = np.concatenate([[start + 0.012, start], body, length + _ELBOW[0][1:]])
    vertices, _ = mesh.tube(rim, aim, rings, wear.girth, _sleeve_offsets(rings, wear), False)
    rows = SKIN_ROWS + 1 + np.clip((rings - start) / 0.35, 0, 1) * (SIDE - SKIN_ROWS - 2)
    return vertices, mesh.tube_uv(rows, SIDE)


def _sleeve_offsets(rings: FloatArray, wear: Wear) -> FloatArray:
    """Returns how far the cloth stands off the skin, (n, 16) [m]: a turned-in edge, then wrinkles."""
    along = np.arange(len(rings))[:, None]
    around = np.arange(forearm_rim.AROUND)[None, :] * (2 * np.pi / forearm_rim.AROUND)
    phase = wear.print_index % 97
    wrinkle = np.sin(1.9 * along + phase + 1.3 * np.sin(around + phase)) + 0.6 * np.sin(
        2 * around + 0.8 * along
    )
    offsets = wear.looseness * (1.2 + 0.28 * wrinkle) + 0.0015
    offsets[0] = 0.4 * wear.looseness
    offsets[1] = 1.0 * wear.looseness
    offsets[2] = 1.25 * wear.looseness + 0.001
    offsets[-len(_ELBOW[1]) :] += _ELBOW[1][:, None]
    return np.asarray(offsets)
