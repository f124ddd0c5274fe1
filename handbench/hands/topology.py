"""MANO's mesh: its one open loop at the wrist, its volume and normals, and which hand it is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, IndexArray
from handbench.errors import HandbenchError
from handbench.skeleton import MANO16
from handbench.types import Side

LOOP_LENGTH = 16


def wrist_loop(faces: npt.NDArray[np.int32], source: str) -> IndexArray:
    """Returns the (16,) vertices of the open edge at the wrist, in winding direction, the smallest first.

    Raises:
        HandbenchError: when the mesh has any other open edge, naming ``source``.
    """
    edges = {
        (int(a), int(b)) for a, b in np.concatenate([faces, np.roll(faces, -1, axis=1)], axis=1)[:, [0, 3]]
    }
    edges |= {(int(a), int(b)) for a, b in faces[:, [1, 2]]} | {(int(a), int(b)) for a, b in faces[:, [2, 0]]}
    following = {a: b for a, b in edges if (b, a) not in edges}
    loop = [min(following)] if following else []
    while loop and len(loop) <= LOOP_LENGTH and following.get(loop[-1], loop[0]) != loop[0]:
        loop.append(following[loop[-1]])
    if len(loop) != LOOP_LENGTH or len(following) != LOOP_LENGTH:
        raise HandbenchError(
            f"{source}: the mesh has {len(following)} open edges, expected one loop of {LOOP_LENGTH}",
            "is this a MANO hand, open at the wrist?",
        )
    return np.array(loop, dtype=np.int64)


def close_faces(faces: npt.NDArray[np.int32], loop: IndexArray) -> npt.NDArray[np.int32]:
    """Closes the open edge with a fan of triangles that face outward, behind the other faces."""
    fan = np.stack([np.full(len(loop) - 2, loop[0]), loop[2:], loop[1:-1]], axis=1)
    return np.concatenate([faces, fan.astype(np.int32)])


def signed_volume(vertices: FloatArray, closed_faces: npt.NDArray[np.int32]) -> float:
    """Returns the volume [m^3] of a closed mesh, negative where its faces point inward."""
    a, b, c = (vertices[closed_faces[:, i]] for i in range(3))
    return float(np.sum(a * np.cross(b, c)) / 6.0)


def vertex_normals(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> FloatArray:
    """Returns the unit normals (V, 3) of a mesh, faces weighted by area; outward where its faces are."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    sums = np.zeros_like(vertices)
    for k in range(3):
        np.add.at(sums, faces[:, k], across)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12))


def mirrored_axis(
    rest_joints: FloatArray, vertices: FloatArray, closed_faces: npt.NDArray[np.int32]
) -> Side | None:
    """Returns which hand a rest mesh is, by its rest frame: a right hand's fingers point along -x.

    A mesh that was mirrored without turning its faces is inside out: None.
    """
    if signed_volume(vertices, closed_faces) <= 0:
        return None
    bases = [MANO16.index(f"{finger}1") for finger in ("index", "middle", "ring", "little")]
    return Side.RIGHT if rest_joints[bases, 0].mean() < rest_joints[0, 0] else Side.LEFT


def has_unmirrored_shapes(
    v_template: FloatArray, shapedirs: FloatArray, right_shapedirs: FloatArray | None = None
) -> bool:
    """Tells whether a left hand carries the right hand's shape directions unmirrored (smplx issue 48).

    With the right hand's directions at hand they are compared, as InterHand2.6M's tools do. Without, the
    direction that comes nearest to a change of size decides: unmirrored, it grows the hand along y and z and
    shrinks it along x.

    Args:
        v_template: (778, 3) of the left hand.
        shapedirs: (778, 3, 10) of the left hand.
        right_shapedirs: (778, 3, 10) of the right hand of the same model, or None.
    """
    if right_shapedirs is not None:
        difference = np.abs(shapedirs[:, 0] - right_shapedirs[:, 0]).sum()
        return bool(difference < 0.1 * np.abs(right_shapedirs[:, 0]).sum())
    centred = v_template - v_template.mean(axis=0)
    growth = np.einsum("vc,vcb->cb", centred, shapedirs)
    along_x, across = growth[0], growth[1] + growth[2]
    size = int(np.argmax(np.abs(along_x) + np.abs(across)))
    return bool(along_x[size] * across[size] < 0)
