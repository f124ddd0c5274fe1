"""Where a point of the skin lies on the hand: along which finger, on its back or its pad, where on the palm.

All of it follows from the rest joints, tips and weights, so it holds for any hand in MANO's format, right
or left: the frame is distal, radial (towards the thumb), dorsal (out of the back).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel
from handbench.hands.skin_atlas import at_texels
from handbench.hands.topology import vertex_normals
from handbench.skeleton import tip_vertices
from handbench.types import Side

Float32 = npt.NDArray[np.float32]

# Bones of MANO16 for thumb, index, middle, ring, little, in the order of the tips.
_BASES = (13, 1, 4, 10, 7)
# The thumb's back looks up, outward and a little towards the wrist (distal, radial, dorsal).
_THUMB_BACK = np.array([-0.42, 0.64, 0.64])


@dataclass(frozen=True, eq=False)
class FingerCoords:
    """Coordinates of the P texels in one finger's terms.

    Attributes:
        share: (P,) skinning weight of the finger's bones, 0 to 1.
        along: (P,) bones from the base: 0 MCP (thumb CMC), 1 PIP, 2 DIP, 3 tip.
        lengths: (3,) bone lengths [mm]; the last reaches to the tip vertex.
        lateral: (P,) offset towards the thumb's side [mm].
        height: (P,) offset towards the back [mm].
        half_width: half the breadth of the last bone [mm].
        facing: (P,) cosine between the skin's normal and the finger's back.
    """

    share: Float32
    along: Float32
    lengths: FloatArray
    lateral: Float32
    height: Float32
    half_width: float
    facing: Float32


@dataclass(frozen=True, eq=False)
class SkinCoords:
    """Coordinates of the P used texels of a model's atlas.

    Attributes:
        place: (P, 3) distal, radial, dorsal from the wrist [mm], scaled to a hand of 185 mm.
        normal: (P, 3) skin normal in the same frame.
        palm: (P, 2) on the palm: 0 at the wrist to 1 at the middle knuckle; radial offset over the breadth
            between the index and the little knuckle.
        facing: (P,) cosine between the normal and the back of whatever part the texel is on.
        fingers: thumb, index, middle, ring, little.
    """

    place: Float32
    normal: Float32
    palm: Float32
    facing: Float32
    fingers: tuple[FingerCoords, ...]


def _unit(v: FloatArray) -> FloatArray:
    return np.asarray(v / np.linalg.norm(v))


def hand_axes(joints: FloatArray, side: Side) -> FloatArray:
    """Returns the rows distal, radial, dorsal (3, 3) of a hand's rest joints (16, 3)."""
    distal = _unit(joints[4] - joints[0])
    radial = joints[1] - joints[7]
    radial = _unit(radial - distal * (radial @ distal))
    dorsal = np.cross(distal, radial)
    return np.stack([distal, radial, dorsal if side is Side.RIGHT else -dorsal])


def skin_coords(model: HandModel) -> SkinCoords:
    """Returns the coordinates of every used texel of a model's atlas."""
    joints = np.asarray(model.rest_joints)
    tips = model.v_template[tip_vertices("smplx", model.side)]
    axes = hand_axes(joints, model.side)
    length = float(np.linalg.norm(tips[2] - joints[0]))
    scale = 185.0 / length

    def local(points: FloatArray) -> FloatArray:
        return np.asarray((points - joints[0]) @ axes.T * scale)

    vertices = local(model.v_template)
    normals = vertex_normals(model.v_template, model.faces) @ axes.T
    shares = np.stack([model.weights[:, b : b + 3].sum(1) for b in _BASES], axis=1)
    table = np.concatenate([vertices, normals, shares], axis=1)
    texel = at_texels(table, model.faces)
    place, share = texel[:, :3], np.clip(texel[:, 6:], 0.0, 1.0)
    normal = texel[:, 3:6] / np.maximum(np.linalg.norm(texel[:, 3:6], axis=1, keepdims=True), 1e-6)
    rest = local(joints)
    fingers = tuple(
        _finger(
            np.concatenate([rest[b : b + 3], local(tips[f : f + 1])]),
            _THUMB_BACK if f == 0 else np.array([0.0, 0.0, 1.0]),
            (place, normal, share[:, f]),
            (vertices, shares[:, f]),
        )
        for f, b in enumerate(_BASES)
    )
    breadth = abs(rest[1, 1] - rest[7, 1])
    palm = np.stack([place[:, 0] / rest[4, 0], place[:, 1] / breadth], axis=1)
    free = np.clip(1.0 - share.sum(1), 0.0, 1.0)
    facing = free * normal[:, 2] + sum(share[:, f] * fingers[f].facing for f in range(5))
    return SkinCoords(place, normal, palm, facing.astype(np.float32), fingers)


def _chain_place(points: FloatArray, chain: FloatArray, back: FloatArray) -> tuple[FloatArray, ...]:
    """Returns along, lateral, height (N,) of points relative to a finger's four joints."""
    along = np.full(len(points), -1.0)
    lateral, height = np.zeros(len(points)), np.zeros(len(points))
    for bone in range(3):
        step = chain[bone + 1] - chain[bone]
        size = np.linalg.norm(step)
        axis = step / size
        up = _unit(back - axis * (back @ axis))
        side = np.cross(up, axis)
        offset = points - chain[bone]
        t = offset @ axis / size
        # A point belongs to the last bone whose start it has passed; before the base it counts backwards.
        here = (t >= 0) if bone else np.ones(len(points), dtype=bool)
        top = 1.0 if bone < 2 else 1.6
        along = np.where(here, bone + np.minimum(t, top), along)
        lateral = np.where(here, offset @ side, lateral)
        height = np.where(here, offset @ up, height)
    return along, lateral, height


def _finger(
    chain: FloatArray,
    back: FloatArray,
    texel: tuple[Float32, Float32, Float32],
    vertex: tuple[FloatArray, FloatArray],
) -> FingerCoords:
    place, normal, share = texel
    along, lateral, height = _chain_place(place.astype(np.float64), chain, back)
    v_along, v_lateral, _ = _chain_place(vertex[0], chain, back)
    last = (vertex[1] > 0.6) & (v_along > 2.05) & (v_along < 2.75)
    half_width = float(np.abs(v_lateral[last]).max()) if last.any() else 8.0
    axis = _unit(chain[3] - chain[1])
    up = _unit(back - axis * (back @ axis))
    facing = normal @ up.astype(np.float32)
    return FingerCoords(
        share,
        along.astype(np.float32),
        np.linalg.norm(np.diff(chain, axis=0), axis=1),
        lateral.astype(np.float32),
        height.astype(np.float32),
        half_width,
        facing.astype(np.float32),
    )
