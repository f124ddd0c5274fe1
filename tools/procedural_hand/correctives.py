"""Pose correctives: displacements, linear in R - I of each joint, that keep bent joints full.

Linear blend skinning pulls the skin of a bent joint towards the joint. Here each joint is bent to many
angles, the implicit hand is bent with it, the skinned vertices are moved onto it, and the moves are
explained by R - I with a ridge regression. Only vertices that two bones share are touched.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from dimensions import MANO_BONE, Dimensions, bone_frames, finger_joints
from hand_field import FINGER_BLEND, finger_pieces, palm_field
from implicit import Ellipsoid, Field, project, smooth_min
from scipy import sparse
from scipy.spatial.transform import Rotation

Array = npt.NDArray[np.float64]

FLEXIONS = np.deg2rad([-15.0, 15.0, 30.0, 45.0, 60.0, 75.0, 90.0, 105.0])
SPREADS = np.deg2rad([-15.0, 15.0])
RIDGE = 0.01
LIMIT = 8.0
BULGE = 16.0
HEAD = 2.2


def joint_rotations(frame: Array, finger: int, joint: int) -> list[Array]:
    """Return rotations (3, 3) that the joint makes in life: bending, and for a base spreading as well."""
    lateral, dorsal, axis = frame
    bends = FLEXIONS[:-1] if (joint == 2 or finger == 4) else FLEXIONS
    if finger == 4 and joint == 0:
        bends = np.deg2rad([-20.0, 15.0, 30.0, 45.0])
    out = [Rotation.from_rotvec(lateral * b).as_matrix() for b in bends]
    if joint == 0:
        for s in SPREADS * (2.0 if finger == 4 else 1.0):
            spread = Rotation.from_rotvec(dorsal * s)
            out += [(spread * Rotation.from_rotvec(lateral * b)).as_matrix() for b in (0.0, 0.7)]
        if finger == 4:
            out += [Rotation.from_rotvec(axis * s).as_matrix() for s in (-0.4, 0.4)]
    return out


def bent_field(dims: Dimensions, finger: int, joint: int, rotation: Array, palm: Field) -> Field:
    """Return one finger and the palm with the finger bent at one joint."""
    shape = dims.fingers[finger]
    pivot = finger_joints(shape)[joint]
    pieces = finger_pieces(shape)
    # Flesh cannot be compressed: what the bend squeezes out of the fold fills it, the more the sharper.
    bulge = BULGE * (3.0 - float(np.trace(rotation))) / 2.0
    dorsal = bone_frames(shape)[joint, 1]
    inward = -(dorsal + rotation @ dorsal)
    inward /= max(float(np.linalg.norm(inward)), 1e-6)

    head = Ellipsoid(
        pivot + dorsal * (0.8 + HEAD * bulge / BULGE), np.array([6.6, 8.0, 8.0]), bone_frames(shape)[joint]
    )

    def field(points: Array) -> Array:
        back = (points - pivot) @ rotation + pivot
        moved = np.min([piece(back) for piece in pieces[joint:]], axis=0)
        fold = np.clip(((points - pivot) @ inward) / 7.0, 0.0, 1.0)
        if joint == 0:
            base = palm(points)
            if finger < 4:
                # A bent knuckle shows the round head of its metacarpal.
                base = smooth_min(base, head(points), 4.0)
            plain = smooth_min(base, moved, FINGER_BLEND)
            return np.asarray(plain + fold * (smooth_min(base, moved, FINGER_BLEND + bulge) - plain))
        still = np.min([piece(points) for piece in pieces[:joint]], axis=0)
        value = np.minimum(still, moved)
        value += fold * (smooth_min(still, moved, max(bulge, 0.1)) - value)
        return smooth_min(palm(points), value, FINGER_BLEND) if finger == 4 else value

    return field


def skinned(points: Array, share: Array, pivot: Array, rotation: Array) -> tuple[Array, Array]:
    """Return vertices bent by linear blend skinning, and the blended matrices (N, 3, 3)."""
    blend = np.eye(3) + share[:, None, None] * (rotation - np.eye(3))
    moved = np.einsum("nij,nj->ni", blend, points - pivot) + pivot
    return moved, blend


def joint_corrective(
    dims: Dimensions, points: Array, share: Array, finger: int, joint: int, palm: Field
) -> Array:
    """Return (N, 3, 9): the displacement of each point per entry of R - I of one joint [mm]."""
    shape = dims.fingers[finger]
    pivot, frame = finger_joints(shape)[joint], bone_frames(shape)[joint]
    rest = project(bent_field(dims, finger, joint, np.eye(3), palm), points, 4, 2.0) - points
    features, targets = [], []
    for rotation in joint_rotations(frame, finger, joint):
        moved, blend = skinned(points, share, pivot, rotation)
        onto = project(bent_field(dims, finger, joint, rotation, palm), moved, 6, 2.0)
        step = np.linalg.solve(blend, (onto - moved)[..., None])[..., 0] - rest
        size = np.linalg.norm(step, axis=1, keepdims=True)
        features.append((rotation - np.eye(3)).ravel())
        targets.append(step * np.minimum(1.0, LIMIT / np.maximum(size, 1e-9)))
    x, y = np.array(features), np.array(targets)
    gram = x.T @ x + RIDGE * np.eye(9)
    return np.asarray(np.einsum("fs,snc->ncf", np.linalg.solve(gram, x.T), y))


def make_correctives(dims: Dimensions, points: Array, weights: Array, links: sparse.csr_matrix) -> Array:
    """Return the correctives (V, 3, 135) [mm] of the 15 joints in MANO's order."""
    out = np.zeros((len(points), 3, 15, 9))
    palm = palm_field(dims)
    degree = np.asarray(links.sum(1))
    for finger, shape in enumerate(dims.fingers):
        start = MANO_BONE[shape.name]
        for joint in range(3):
            share = weights[:, start + joint : start + 3].sum(1)
            window = 4.0 * share * (1.0 - share)
            touched = window > 0.02
            found = np.zeros((len(points), 27))
            found[touched] = joint_corrective(
                dims, points[touched], share[touched], finger, joint, palm
            ).reshape(-1, 27)
            found *= np.clip(window * 5.0, 0.0, 1.0)[:, None]
            mean = links @ found / degree
            found[touched] = 0.8 * found[touched] + 0.2 * mean[touched]
            found[np.abs(found).max(1) < 0.02] = 0.0
            out[:, :, start + joint - 1] = found.reshape(-1, 3, 9)
    return out.reshape(len(points), 3, 135)
