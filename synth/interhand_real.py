"""Real motion in the studio: runs of tracked frames of two hands, with the shape of another person."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from handbench.arrays import FloatArray, IndexArray
from handbench.config import content_hash
from handbench.errors import HandbenchError
from handbench.hands.model import HandModel, forward_one
from handbench.synth.interhand_motion import CENTRE, Frame
from handbench.synth.interhand_pairs import facing
from handbench.synth.motion_fit import fitted_motion, motion_fingerprint, separate
from handbench.synth.pose_tzionas import parse_sequences
from handbench.synth.poses import Betas, PlacedHand, PoseMeta, TwoHands
from handbench.types import HandParams, Side

SHAPE = 0.6
"""How much of a person's own shape is added to the fitted one."""

_MOST = 0.006  # the right hand is moved at most this far out of the left one [m]


class RealMotion:
    """Draws runs of successive frames of the tracked hands.

    Args:
        models: the right and the left hand model.
        root: the folder that holds ``01``, ``02`` ...
        sequences: which of them.

    Raises:
        HandbenchError: when a sequence is missing or damaged.
    """

    name = "tzionas"

    def __init__(self, models: Mapping[Side, HandModel], root: Path, sequences: tuple[str, ...]) -> None:
        self.models = models
        files = motion_fingerprint(root, sequences, models)
        self.fingerprint = content_hash(["interhand-real/1", files, list(sequences)])
        self.motion = fitted_motion(root, sequences, models, files)
        self._runs = _runs(self.motion.sequence, self.motion.frame)

    def name_take(self, rng: np.random.Generator, hand_type: str, steps: int) -> str:
        """Returns ``real`` and the number of a sequence; all that are long enough are equally likely.

        Raises:
            HandbenchError: when no run of frames is as long.
        """
        fitting = sorted({self._sequence(run) for run in self._runs if run[1] - run[0] >= steps})
        if not fitting:
            longest = max(last - first for first, last in self._runs)
            raise HandbenchError(
                f"no {steps} successive frames in this motion; the longest run has {longest}",
                "lower --frames, or raise --fps",
            )
        return f"real{fitting[int(rng.integers(len(fitting)))]}"

    def take(
        self, rng: np.random.Generator, people: Betas, hand_type: str, word: str, steps: int
    ) -> list[Frame]:
        """Returns a run of frames, mirrored half of the time; see ``interhand_takes.TakeSource``."""
        name = word.removeprefix("real")
        fitting = [run for run in self._runs if self._sequence(run) == name and run[1] - run[0] >= steps]
        first, last = fitting[int(rng.integers(len(fitting)))]
        start = first + int(rng.integers(last - first - steps + 1))
        frames = self._frames(range(start, start + steps), bool(rng.random() < 0.5), people)
        if hand_type != "interacting":
            side = Side(hand_type)
            frames = [{side: frame[side]} for frame in frames]
        return self._in_studio(frames, rng)

    def _sequence(self, run: tuple[int, int]) -> str:
        return str(self.motion.names[int(self.motion.sequence[run[0]])])

    def _frames(self, rows: range, mirrored: bool, people: Betas) -> list[Frame]:
        """Poses both hands with the person's shape and keeps them out of each other, smoothly over time."""
        frames = [
            {side: self._hand(side, row, mirrored, SHAPE * people[side]) for side in Side} for row in rows
        ]
        right, left = self.models[Side.RIGHT], self.models[Side.LEFT]
        shifts = [
            separate(frame[Side.RIGHT].vertices, frame[Side.LEFT].vertices, right, left, _MOST)[0]
            for frame in frames
        ]
        smooth = gaussian_filter1d(np.stack(shifts), 2.0, axis=0, mode="nearest")
        turn = np.eye(3)
        return [
            {Side.RIGHT: frame[Side.RIGHT].moved(turn, shift, right), Side.LEFT: frame[Side.LEFT]}
            for frame, shift in zip(frames, smooth, strict=True)
        ]

    def _hand(self, side: Side, row: int, mirrored: bool, change: FloatArray) -> PlacedHand:
        """Poses one hand of a frame; the middle of its joints stays where it was tracked."""
        motion, source = self.motion, side.other if mirrored else side
        flip = np.array([-1.0, 1.0, 1.0]) if mirrored else np.ones(3)
        # Reflected in x, rotations turn the other way about y and z.
        pose = (motion.pose[source][row].reshape(16, 3) * (flip[0] * flip)).reshape(48)
        model = self.models[side]
        params = HandParams(side, pose, motion.betas[source][row], motion.transl[source][row] * flip)
        before = forward_one(model, params).joints21.mean(axis=0)
        params = params.replace(betas=np.clip(params.betas + change, -3.0, 3.0))
        mesh = forward_one(model, params)
        shift = before - mesh.joints21.mean(axis=0)
        return PlacedHand(
            params.replace(transl=params.transl + shift), mesh.vertices + shift, mesh.joints21 + shift,
            motion.arms[source][row] * flip,
        )  # fmt: skip

    def _in_studio(self, frames: list[Frame], rng: np.random.Generator) -> list[Frame]:
        """Turns and shifts a whole run so that the forearms come from the subject."""
        middle = frames[len(frames) // 2]
        pair = TwoHands(middle.get(Side.RIGHT), middle.get(Side.LEFT), PoseMeta(self.name, ""))
        R, _ = facing(pair)
        joints = np.stack([hand.joints for frame in frames for hand in frame.values()])
        t = CENTRE + rng.normal(0.0, 0.012, 3) - R @ joints.mean(axis=(0, 1))
        return [
            {side: hand.moved(R, t, self.models[side]) for side, hand in frame.items()} for frame in frames
        ]


def open_real(spec: str, models: Mapping[Side, HandModel]) -> RealMotion:
    """Opens ``tzionas:DIR[@sequences=01-07]``.

    Raises:
        HandbenchError: for another name, a missing folder or an unknown key.
    """
    name, _, rest = spec.partition(":")
    folder, _, option = rest.partition("@")
    if name != "tzionas" or not folder:
        raise HandbenchError(f"--poses {spec}", "give sampler, or tzionas:DIR[@sequences=01-07]")
    key, _, value = option.partition("=")
    if option and (key != "sequences" or not value):
        raise HandbenchError(f"--poses {spec}: unknown key {key!r}", "write tzionas:DIR@sequences=01-07")
    return RealMotion(models, Path(folder), parse_sequences(value or "01-07"))


def _runs(sequence: IndexArray, frame: IndexArray) -> list[tuple[int, int]]:
    """Returns (first, last + 1) rows of frames that follow each other in one recording."""
    breaks = np.flatnonzero((np.diff(sequence) != 0) | (np.diff(frame) != 1)) + 1
    edges = [0, *breaks.tolist(), len(frame)]
    return list(itertools.pairwise(edges))
