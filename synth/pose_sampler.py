"""Natural poses of one hand: named archetypes blended, varied finger by finger, within anatomical limits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.hands.anatomy import anatomy
from handbench.hands.model import HandModel
from handbench.hands.rotations import shaped_points
from handbench.skeleton import tip_vertices
from handbench.synth.archetypes import ARCHETYPES, FREE_MIX, Archetype
from handbench.synth.fingers import CHAINS, ROWS, SPREAD, open_fingers, settle_thumb, vary_angles
from handbench.synth.spheres import SphereSet

DEGREE = np.pi / 180.0

_KNUCKLES = (1, 4, 10, 7)

PURE, MOST_BLENDED = 0.4, 0.55
"""Share of the hands that are one archetype, and how much of a second one the others have at most."""


class HandPoser:
    """Draws poses for one hand model.

    Args:
        model: right or left.
        spheres: its spheres, which give the thickness of the fingers.
    """

    def __init__(self, model: HandModel, spheres: SphereSet) -> None:
        self.model, self.spheres = model, spheres
        self.anatomy = anatomy(model)
        self.axes = self.anatomy.axes.copy()
        # A little inside the passive limits: what a hand does without being pushed.
        self.low, self.high = (np.ascontiguousarray(0.95 * self.anatomy.limits[..., k]) for k in range(2))
        self._radii = _bone_radii(model, spheres)
        tips = tip_vertices("smplx", model.side)
        # All points that the thumb and the fingers must know are affine in the vertices: joints and tips,
        # points inside the palm, and the spheres of the palm.
        points = np.concatenate([model.rest_joints, model.v_template[tips]])
        dirs = np.concatenate([model.joint_shapedirs, model.shapedirs[tips]])
        inside = [(share, k) for share in (0.62, 0.85) for k in _KNUCKLES]
        own = spheres.fingers < 0
        anchors, weights = spheres.anchors[own], spheres.weights[own]
        self._points = np.concatenate(
            [
                points,
                [points[0] + share * (points[k] - points[0]) for share, k in inside],
                np.einsum("sk,skc->sc", weights, model.v_template[anchors]),
            ]
        )
        self._point_dirs = np.concatenate(
            [
                dirs,
                [dirs[0] + share * (dirs[k] - dirs[0]) for share, k in inside],
                np.einsum("sk,skcb->scb", weights, model.shapedirs[anchors]),
            ]
        )
        self._flesh_radii = spheres.place(model.v_template)[own, 3]
        self._parallel = _parallel_abduction(model, self.axes)
        self._chain_rows = np.concatenate([CHAINS + 1, np.arange(16, 21)[:, None]], axis=1)

    def draw(
        self,
        rng: np.random.Generator,
        betas: FloatArray,
        mix: Mapping[str, float] | None = None,
        vary: float = 1.0,
    ) -> FloatArray:
        """Draws the joint angles (15, 3) [rad]: flexion, abduction, twist, in MANO16 order without the wrist.

        Args:
            rng: the scene's stream.
            betas: (10,) shape; the thumb meets the fingers of this shape.
            mix: archetypes with weights; by default all of them.
            vary: how much the archetype is varied; 1 is natural.
        """
        u, z = rng.random(4), rng.standard_normal(24)
        first, second = _pick(mix or FREE_MIX, float(u[0])), _pick(mix or FREE_MIX, float(u[1]))
        share = 0.0 if u[2] < PURE else MOST_BLENDED * float(u[3])
        angles = (1.0 - share) * _TABLES[first] + share * _TABLES[second]
        vary_angles(angles, self._parallel, vary * z, self.low, self.high)
        self.settle(angles, betas, ARCHETYPES[first if share < 0.5 else second])
        return angles

    def settle(self, angles: FloatArray, betas: FloatArray, archetype: Archetype | None = None) -> float:
        """Takes fingertips out of the palm and the thumb out of the fingers; changes ``angles`` (15, 3).

        Returns:
            What remains [m^2].
        """
        touch: BoolArray = np.zeros(5, dtype=np.bool_)
        over = False
        if archetype is not None:
            touch[[finger + 1 for finger in archetype.touch]] = True
            over = archetype.over
        points = shaped_points(self._points, self._point_dirs, betas)
        chains = points[self._chain_rows]
        palm, flesh = points[21:29], points[29:]
        open_fingers(angles, chains, self.axes, self._radii, flesh, self._flesh_radii)
        return float(
            settle_thumb(
                angles,
                chains,
                self.axes,
                self._radii,
                self.low,
                self.high,
                touch,
                over,
                palm,
                0.010,
            )
        )

    def pose(self, angles: FloatArray) -> FloatArray:
        """Returns the MANO pose (48,) of joint angles (15, 3), with the root at rest."""
        return np.concatenate([np.zeros(3), self.anatomy.pose_from_angles(angles)])


def angle_table(archetype: Archetype) -> FloatArray:
    """Returns the angles (15, 3) [rad] of an archetype: flexion, abduction, twist of each joint."""
    angles = np.zeros((15, 3))
    for finger, row in enumerate(ROWS):
        angles[row, 0] = archetype.base[finger]
        angles[row, 1] = archetype.spread * SPREAD[finger]
        angles[row + 1, 0] = archetype.middle[finger]
        angles[row + 2, 0] = 0.6 * archetype.middle[finger]
    abduction, flexion, second, third = archetype.thumb
    angles[12] = flexion, abduction, 0.3 * abduction
    angles[13, 0] = second
    angles[14, 0] = third
    return angles * DEGREE


_TABLES = {name: angle_table(archetype) for name, archetype in ARCHETYPES.items()}


def _pick(mix: Mapping[str, float], u: float) -> str:
    rest = u * sum(mix.values())
    for name, weight in mix.items():
        rest -= weight
        if rest < 0.0:
            return name
    return next(reversed(list(mix)))


def _parallel_abduction(model: HandModel, axes: FloatArray) -> FloatArray:
    """Returns the abduction (4,) [rad] that brings index to little finger almost in line with the middle."""
    rest = model.rest_joints
    middle = rest[5] - rest[4]
    out = np.empty(4)
    for finger, row in enumerate(ROWS):
        bone = rest[row + 2] - rest[row + 1]
        normal = axes[row, 1]
        a, b = bone - (bone @ normal) * normal, middle - (middle @ normal) * normal
        out[finger] = 0.9 * np.arctan2(normal @ np.cross(a, b), a @ b)
    return out


def _bone_radii(model: HandModel, spheres: SphereSet) -> FloatArray:
    """Returns half the thickness (5, 3) [m] of each bone of thumb to little finger."""
    placed = spheres.place(model.v_template)
    radii = np.empty((5, 3))
    for finger in range(5):
        for k in range(3):
            own = placed[spheres.bones == CHAINS[finger, k] + 1, 3]
            radii[finger, k] = np.median(own) if len(own) else 0.008
    return radii
