"""A hand on its way to its place in a pair."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.model import HandMesh, HandModel, forward_one
from handbench.hands.rotations import logarithm, moved_points, turned
from handbench.synth.poses import PlacedHand
from handbench.types import HandParams

_ORIGIN, _UNTURNED = np.zeros(3), np.eye(3)


@dataclass(slots=True)
class HandDraft:
    """A posed hand that can still be moved and bent.

    Attributes:
        model: the hand model.
        angles: (15, 3) joint angles [rad].
        pose: (48,) of these angles, with the root at rest [rad].
        betas: (10,) shape.
        mesh: the hand where it is now [m].
        wrist: (3,) the wrist at rest [m].
        R: (3, 3) rotation from rest.
        t: (3,) translation from rest: x -> R x + t [m].
    """

    model: HandModel
    angles: FloatArray
    pose: FloatArray
    betas: FloatArray
    mesh: HandMesh
    wrist: FloatArray
    R: FloatArray
    t: FloatArray

    def place(self, mesh: HandMesh, R: FloatArray, t: FloatArray) -> None:
        """Puts a mesh that stands at rest at R x + t."""
        self.R, self.t = R, t
        self.mesh = HandMesh(
            moved_points(mesh.vertices, R, t),
            moved_points(mesh.joints16, R, t),
            moved_points(mesh.joints21, R, t),
        )

    def change_pose(self, pose: FloatArray) -> None:
        """Poses the hand anew where it stands."""
        self.pose = pose
        params = HandParams(self.model.side, pose, self.betas, _ORIGIN)
        self.place(forward_one(self.model, params), self.R, self.t)

    def placed(self, arm: FloatArray) -> PlacedHand:
        """Returns the hand as it stands, with the direction (3,) of its forearm."""
        pose = self.pose.copy()
        pose[:3] = logarithm(self.R)
        transl = turned(self.R, self.wrist) + self.t - self.wrist
        params = HandParams(self.model.side, pose, self.betas, transl)
        return PlacedHand(params, self.mesh.vertices, self.mesh.joints21, arm)


def start_draft(model: HandModel, angles: FloatArray, pose: FloatArray, betas: FloatArray) -> HandDraft:
    """Poses a hand at rest: angles (15, 3) and their pose (48,) [rad], shape (10,)."""
    mesh = forward_one(model, HandParams(model.side, pose, betas, _ORIGIN))
    return HandDraft(model, angles, pose, betas, mesh, mesh.joints16[0], _UNTURNED, _ORIGIN)
