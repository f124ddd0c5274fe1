"""Real motion as a pose source: the tracked hands of Tzionas et al., each pair as it was recorded.

The two hands keep their relative pose. Persons differ by shape, half of the draws are mirrored (right and
left exchanged), and the viewpoint is chosen elsewhere: the original one rarely shows hands overlapping.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handbench.arrays import FloatArray
from handbench.config import content_hash, to_dict
from handbench.errors import HandbenchError
from handbench.hands.model import HandMesh, HandModel, forward_one
from handbench.registry import nearest
from handbench.synth.motion_fit import FittedMotion, fitted_motion, motion_fingerprint, separate
from handbench.synth.poses import Betas, PlacedHand, PoseMeta, TwoHands
from handbench.synth.quality import PairLimits, measure_contact
from handbench.types import HandParams, Side

if TYPE_CHECKING:
    from handbench.synth.recipe import AihRecipe

NEAR = 0.005
"""Frames whose hands come closer than this count as touching [m]."""

BETA_LIMIT = 3.0


@dataclass(frozen=True, slots=True)
class MotionConfig:
    """Recipe keys of the real motion.

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


class MotionSource:
    """Draws frames of tracked hands.

    Args:
        models: the right and the left hand model.
        root: the folder that holds ``01``, ``02`` ...
        sequences: which of them.
        config: recipe keys.

    Raises:
        HandbenchError: when a sequence is missing or damaged.
    """

    name = "tzionas"

    def __init__(
        self, models: Mapping[Side, HandModel], root: Path, sequences: tuple[str, ...], config: MotionConfig
    ) -> None:
        self.models, self.config = models, config
        files = motion_fingerprint(root, sequences, models)
        self.fingerprint = content_hash([files, list(sequences), to_dict(config)])
        self.motion: FittedMotion = fitted_motion(root, sequences, models, files)
        near = self.motion.gaps < NEAR
        self._near, self._far = np.flatnonzero(near), np.flatnonzero(~near)

    def draw(self, rng: np.random.Generator, people: Betas, occlusion: float | None = None) -> TwoHands:
        """Draws two hands of one person; see :class:`handbench.synth.poses.PoseSource`."""
        touching, which, mirror = rng.random(3)
        frames = self._near if (touching < self.config.touching and len(self._near)) else self._far
        frames = frames if len(frames) else self._near
        frame = int(frames[min(int(which * len(frames)), len(frames) - 1)])
        mirrored = bool(mirror < self.config.mirrored)
        meta = PoseMeta(
            self.name,
            self.motion.names[self.motion.sequence[frame]],
            frame=int(self.motion.frame[frame]),
            mirrored=mirrored,
        )
        for tries, share in enumerate((1.0, 0.4, 0.0), 1):
            pair = self._build(frame, mirrored, people, share * self.config.shape, replace(meta, tries=tries))
            if pair is not None:
                return pair
        raise HandbenchError(
            f"sequence {meta.kind} frame {meta.frame}: the hands pass through each other",
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
            params[side], meshes[side] = self._reshape(fitted, share * people[side])
        a, b = meshes[Side.RIGHT].vertices, meshes[Side.LEFT].vertices
        right, left = self.models[Side.RIGHT], self.models[Side.LEFT]
        limits = self.config.limits
        shift, _ = separate(a, b, right, left, most=0.004, enough=0.5 * limits.penetration)
        if shift.any():
            moved = params[Side.RIGHT]
            params[Side.RIGHT] = moved.replace(transl=moved.transl + shift)
            mesh = meshes[Side.RIGHT]
            meshes[Side.RIGHT] = HandMesh(a + shift, mesh.joints16 + shift, mesh.joints21 + shift)
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
        pose, transl = motion.pose[side][frame], motion.transl[side][frame]
        if not mirrored:
            return HandParams(side, pose, motion.betas[side], transl)
        # Reflected in x: rotations turn the other way about y and z.
        pose = (pose.reshape(16, 3) * (1.0, -1.0, -1.0)).reshape(48)
        return HandParams(side.other, pose, motion.betas[side], transl * (-1.0, 1.0, 1.0))

    def _reshape(self, fitted: HandParams, change: FloatArray) -> tuple[HandParams, HandMesh]:
        """Changes the shape of a hand and keeps the middle of its joints where it was."""
        model = self.models[fitted.side]
        before = forward_one(model, fitted)
        if not change.any():
            return fitted, before
        params = fitted.replace(betas=np.clip(fitted.betas + change, -BETA_LIMIT, BETA_LIMIT))
        mesh = forward_one(model, params)
        shift = before.joints21.mean(axis=0) - mesh.joints21.mean(axis=0)
        params = params.replace(transl=params.transl + shift)
        return params, HandMesh(mesh.vertices + shift, mesh.joints16 + shift, mesh.joints21 + shift)


def open_tzionas(rest: str, models: Mapping[Side, HandModel], recipe: AihRecipe) -> MotionSource:
    """Opens ``--poses tzionas:DIR[@sequences=01-07]``.

    Raises:
        HandbenchError: for a missing folder, an unknown key, or a sequence that is not there.
    """
    folder, _, options = rest.partition("@")
    if not folder:
        raise HandbenchError("the pose source 'tzionas' needs a folder", "write tzionas:DIR")
    sequences = parse_sequences("01-07")
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if key != "sequences" or not equals:
            raise HandbenchError(
                f"unknown key {key!r} of the pose source 'tzionas'", nearest(key, ["sequences"])
            )
        sequences = parse_sequences(value)
    return MotionSource(models, Path(folder), sequences, recipe.motion)


def parse_sequences(text: str) -> tuple[str, ...]:
    """Turns ``01-03`` or ``01+05`` into names of sequences.

    Raises:
        HandbenchError: when it is neither.
    """
    names: list[str] = []
    for part in text.split("+"):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise HandbenchError(f"cannot read the sequences {text!r}", "write 01-07 or 01+03")
        names += [f"{number:02d}" for number in range(int(first), int(last or first) + 1)]
    if not names:
        raise HandbenchError(f"{text!r} names no sequence", "write 01-07 or 01+03")
    return tuple(names)
