"""Natural poses of one hand: named archetypes blended, varied finger by finger, within anatomical limits."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.hands.anatomy import anatomy
from handbench.hands.model import HandModel
from handbench.registry import nearest
from handbench.skeleton import tip_vertices
from handbench.synth.archetypes import ARCHETYPES, FREE_MIX, Archetype
from handbench.synth.fingers import CHAINS, open_fingers, settle_thumb
from handbench.synth.spheres import SphereSet

DEGREE = np.pi / 180.0

ROWS = (0, 3, 9, 6)
"""Where index, middle, ring and little finger start among the 15 joints of MANO16."""

SPREAD = np.array([1.0, 0.12, -0.75, -1.35])
"""Sideways bending of index, middle, ring and little finger a unit of spread; positive: to the thumb."""


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
        self._points = np.concatenate([model.rest_joints, model.v_template[tips]])
        self._point_dirs = np.concatenate([model.joint_shapedirs, model.shapedirs[tips]])
        # The palm's spheres are affine in the vertices, so they follow the shape like joints.
        own = spheres.fingers < 0
        anchors, weights = spheres.anchors[own], spheres.weights[own]
        self._flesh = np.einsum("sk,skc->sc", weights, model.v_template[anchors])
        self._flesh_dirs = np.einsum("sk,skcb->scb", weights, model.shapedirs[anchors])
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
        first, second, share = _blend(rng, mix or FREE_MIX)
        angles = (1 - share) * _TABLES[first] + share * _TABLES[second]
        _vary(rng, angles, self._parallel, vary)
        np.clip(angles, self.low, self.high, out=angles)
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
        points = self._points + self._point_dirs @ betas
        chains = points[self._chain_rows]
        flesh = self._flesh + self._flesh_dirs @ betas
        open_fingers(angles, chains, self.axes, self._radii, flesh, self._flesh_radii)
        wrist, knuckles = points[0], points[[1, 4, 10, 7]]
        palm = np.concatenate([wrist + share * (knuckles - wrist) for share in (0.62, 0.85)])
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


def check_mix(mix: Mapping[str, float]) -> None:
    """Raises HandbenchError for an archetype that does not exist, with the nearest known name."""
    for name in mix:
        if name not in ARCHETYPES:
            raise HandbenchError(f"unknown archetype {name!r}", nearest(name, list(ARCHETYPES)))


_TABLES = {name: angle_table(archetype) for name, archetype in ARCHETYPES.items()}


def _blend(rng: np.random.Generator, mix: Mapping[str, float]) -> tuple[str, str, float]:
    """Draws two archetypes and how much of the second is mixed in: often none."""
    names = list(mix)
    weights = np.cumsum([mix[name] for name in names])
    u = rng.random(4)
    first, second = (min(int(np.searchsorted(weights, v * weights[-1])), len(names) - 1) for v in u[:2])
    share = 0.0 if u[2] < 0.4 else 0.55 * float(u[3])
    return names[first], names[second], share


def _vary(rng: np.random.Generator, angles: FloatArray, parallel: FloatArray, amount: float) -> None:
    """Varies angles (15, 3) in place: all fingers together, neighbours alike, each a little on its own."""
    z = amount * rng.standard_normal(24)
    together = 7.0 * z[0]
    own = np.array([z[1], 0.5 * z[1] + 0.7 * z[2], 0.6 * z[2] + 0.6 * z[3], 0.7 * z[3] + 0.6 * z[4]])
    for finger, row in enumerate(ROWS):
        angles[row, 0] += (0.8 * together + 6.0 * own[finger] + 3.0 * z[5 + finger]) * DEGREE
        angles[row + 1, 0] += (together + 6.0 * own[finger] + 6.0 * z[9 + finger]) * DEGREE
        # The end joint follows the middle one (one tendon bends both), but straight fingers may bend back.
        angles[row + 2, 0] = 0.6 * angles[row + 1, 0] + 5.0 * z[13 + finger] * DEGREE
        # Bent knuckles lock the sideways movement, and bent fingers are parallel without any.
        flexion = float(angles[row, 0])
        free = 1.0 - 0.8 * min(max(flexion / (80.0 * DEGREE), 0.0), 1.0)
        spread = angles[row, 1] + (2.0 * z[17] * SPREAD[finger] + 1.2 * own[finger]) * DEGREE
        angles[row, 1] = parallel[finger] * max(np.cos(flexion), 0.0) + free * spread
    angles[12, :2] += np.array([6.0 * z[18], 7.0 * z[19]]) * DEGREE
    angles[12, 2] = 0.3 * angles[12, 1] + 4.0 * z[20] * DEGREE
    angles[13, 0] += 8.0 * z[21] * DEGREE
    angles[14, 0] += 10.0 * z[22] * DEGREE


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
