"""Recorded pairs of hands as a pose source: each pair as it was recorded, with the shape of another person.

The two hands keep their relative pose. Persons differ by shape, half of the draws are mirrored (right and
left exchanged), and the viewpoint is chosen elsewhere: the original one rarely shows hands overlapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.errors import HandbenchError
from handbench.hands.model import HandMesh, HandModel, forward_one
from handbench.synth.motion_fit import separate
from handbench.synth.poses import Betas, PlacedHand, PoseMeta, TwoHands
from handbench.synth.quality import PairLimits, measure_contact
from handbench.synth.recorded_motion import FittedMotion
from handbench.types import HandParams, Side

NEAR = 0.005
"""Frames whose hands come closer than this count as touching [m]."""

BETA_LIMIT = 3.0

Part = Callable[[FloatArray, FloatArray, HandModel, HandModel, float, float], tuple[FloatArray, float]]
"""Takes two hands apart: see :func:`handbench.synth.motion_fit.separate`."""


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Recipe keys of recorded pairs.

    Attributes:
        touching: share of the draws that come from frames whose hands touch or almost do.
        mirrored: share of the draws with right and left exchanged by a reflection.
        shape: how much of a person's own shape is added to the fitted one.
        limits: what is accepted.
    """

    touching: float = 0.65
    mirrored: float = 0.5
    shape: float = 0.6
    limits: PairLimits = field(default_factory=lambda: PairLimits(penetration=0.003, gap=1.0))


class RecordedPairs:
    """Draws frames of recorded hands.

    Args:
        name: what ``--poses`` calls the source.
        models: the right and the left hand model.
        motion: the frames.
        fingerprint: of all that the draws depend on.
        config: recipe keys.
        rows: which of the frames; all by default.
        part: takes hands apart that a changed shape makes overlap.
    """

    def __init__(
        self,
        name: str,
        models: Mapping[Side, HandModel],
        motion: FittedMotion,
        fingerprint: str,
        config: MotionConfig,
        rows: IndexArray | None = None,
        part: Part = separate,
    ) -> None:
        self.name, self.models, self.motion = name, models, motion
        self.fingerprint, self.config = fingerprint, config
        self.rows = np.arange(len(motion)) if rows is None else rows
        near = motion.gaps[self.rows] < NEAR
        self._near, self._far = self.rows[near], self.rows[~near]
        self._part = part

    def draw(self, rng: np.random.Generator, people: Betas, occlusion: float | None = None) -> TwoHands:
        """Draws two hands of one person; see :class:`handbench.synth.poses.PoseSource`."""
        touching, which, mirror = rng.random(3)
        frames = self._near if (touching < self.config.touching and len(self._near)) else self._far
        frames = frames if len(frames) else self._near
        frame = int(frames[min(int(which * len(frames)), len(frames) - 1)])
        mirrored = bool(mirror < self.config.mirrored)
        meta = PoseMeta(
            self.name, self.motion.names[self.motion.sequence[frame]], frame=int(self.motion.frame[frame])
        )
        # The two models of a hand need not mirror each other: as it was recorded a pair fits for certain.
        ways = [(mirrored, share) for share in (1.0, 0.4, 0.0)] + [(False, 0.0)] * mirrored
        for tries, (flip, share) in enumerate(ways, 1):
            tried = replace(meta, mirrored=flip, tries=tries)
            pair = self._build(frame, flip, people, share * self.config.shape, tried)
            if pair is not None:
                return pair
        raise HandbenchError(
            f"{self.name} {meta.kind} frame {meta.frame}: the hands pass through each other",
            "raise motion.limits.penetration",
        )

    def _build(
        self, frame: int, mirrored: bool, people: Betas, share: float, meta: PoseMeta
    ) -> TwoHands | None:
        """Poses both hands of a frame with part of a person's shape; None where they overlap too far."""
        params, meshes = {}, {}
        for side in Side:
            source = side.other if mirrored else side
            fitted = self._params(source, frame, mirrored)
            params[side], meshes[side] = reshaped(self.models[side], fitted, share * people[side])
        a, b = meshes[Side.RIGHT].vertices, meshes[Side.LEFT].vertices
        right, left = self.models[Side.RIGHT], self.models[Side.LEFT]
        limits = self.config.limits
        shift, _ = self._part(a, b, right, left, 0.004, 0.5 * limits.penetration)
        if shift.any():
            params[Side.RIGHT], meshes[Side.RIGHT] = shifted(params[Side.RIGHT], meshes[Side.RIGHT], shift)
        contact = measure_contact(meshes[Side.RIGHT].vertices, b, right, left, limits)
        if contact.reason:
            return None
        hands = {}
        for side in Side:
            arm = self.motion.arms[side.other if mirrored else side][frame]
            arm = arm * (-1.0, 1.0, 1.0) if mirrored else arm
            hands[side] = PlacedHand(params[side], meshes[side].vertices, meshes[side].joints21, arm)
        meta = replace(meta, gap=contact.gap, penetration=contact.penetration)
        return TwoHands(hands[Side.RIGHT], hands[Side.LEFT], meta)

    def _params(self, side: Side, frame: int, mirrored: bool) -> HandParams:
        motion = self.motion
        pose, betas, transl = motion.pose[side][frame], motion.betas[side][frame], motion.transl[side][frame]
        if not mirrored:
            return HandParams(side, pose, betas, transl)
        # Reflected in x: rotations turn the other way about y and z.
        pose = (pose.reshape(16, 3) * (1.0, -1.0, -1.0)).reshape(48)
        return HandParams(side.other, pose, betas, transl * (-1.0, 1.0, 1.0))


def reshaped(model: HandModel, fitted: HandParams, change: FloatArray) -> tuple[HandParams, HandMesh]:
    """Changes the shape of a hand by betas (10,) and keeps the middle of its joints where it was."""
    before = forward_one(model, fitted)
    if not change.any():
        return fitted, before
    params = fitted.replace(betas=np.clip(fitted.betas + change, -BETA_LIMIT, BETA_LIMIT))
    mesh = forward_one(model, params)
    return shifted(params, mesh, before.joints21.mean(axis=0) - mesh.joints21.mean(axis=0))


def shifted(params: HandParams, mesh: HandMesh, shift: FloatArray) -> tuple[HandParams, HandMesh]:
    """Moves a hand by a shift (3,) [m]."""
    moved = HandMesh(mesh.vertices + shift, mesh.joints16 + shift, mesh.joints21 + shift)
    return params.replace(transl=params.transl + shift), moved
