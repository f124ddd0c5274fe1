"""The tracked motion of two real hands as parameters of our hand models: fitted once, then kept."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.formats.motion import read_motion
from handbench.formats.tzionas import list_sequences, motion_path, read_tzionas_joints
from handbench.hands.contact import min_distance, penetration
from handbench.hands.fitting import fit_hands
from handbench.hands.model import HandModel, forward
from handbench.synth.recorded_motion import FittedMotion, kept_motion
from handbench.types import Side

VERSION = "motion-fit/1"

MAX_PENETRATION = 0.003
"""Frames whose hands lie deeper in each other after the separation are dropped [m]."""

MAX_SHIFT = 0.006
"""The right hand is moved at most this far out of the left one [m]."""

SETTLING = 12
"""How many places :func:`settle` tries."""


def motion_fingerprint(root: Path, names: Sequence[str], models: Mapping[Side, HandModel]) -> str:
    """Returns a hash of the motion files and of the hand models that they are fitted with.

    Raises:
        HandbenchError: when a sequence does not have both hands.
    """
    known = list_sequences(root)
    digest = hashlib.blake2b(VERSION.encode(), digest_size=8)
    for name in names:
        if name not in known:
            raise HandbenchError(
                f"{root} has no sequence {name!r} with two hands",
                f"it has {', '.join(known)}: add @sequences={'+'.join(known)}",
            )
        for side in Side:
            path = motion_path(root, name, side)
            for part in (path, path.with_suffix(".SKEL")):
                digest.update(hashlib.blake2b(part.read_bytes()).digest() if part.is_file() else b"-")
    for side in Side:
        digest.update(models[side].sha256.encode())
    return digest.hexdigest()


def fitted_motion(
    root: Path, names: Sequence[str], models: Mapping[Side, HandModel], fingerprint: str
) -> FittedMotion:
    """Returns the fitted frames, from the user's cache where they are there.

    Raises:
        HandbenchError: when a file is damaged, or no frame is left.
    """

    def fit() -> FittedMotion:
        print(f"fitting the hands of {len(names)} sequences, once", file=sys.stderr, flush=True)
        return fit_motion(root, names, models)

    return kept_motion(fingerprint, tuple(names), fit)


def fit_motion(root: Path, names: Sequence[str], models: Mapping[Side, HandModel]) -> FittedMotion:
    """Fits both hands to all frames, parts those that overlap a little and drops those that overlap more.

    Raises:
        HandbenchError: when a file is missing or damaged, or no frame is left.
    """
    pose, transl, betas, arms = {}, {}, {}, {}
    lengths: list[int] = []
    for side in Side:
        tracks = [read_tzionas_joints(root, name, side) for name in names]
        lengths = [len(track.joints) for track in tracks]
        fit = fit_hands(models[side], np.concatenate([track.joints for track in tracks]), tracks[0].valid)
        pose[side], transl[side], betas[side] = fit.pose, fit.transl.copy(), fit.betas[0]
        arms[side] = np.concatenate([_arms(motion_path(root, name, side)) for name in names])
    meshes = {side: forward(models[side], pose[side], betas[side], transl[side]).vertices for side in Side}
    count = sum(lengths)
    gaps, keep = np.empty(count), np.ones(count, dtype=bool)
    right, left = models[Side.RIGHT], models[Side.LEFT]
    for i in range(count):
        a, b = meshes[Side.RIGHT][i], meshes[Side.LEFT][i]
        shift, depth = separate(a, b, right, left, MAX_SHIFT)
        transl[Side.RIGHT][i] += shift
        keep[i] = depth <= MAX_PENETRATION
        gaps[i] = 0.0 if depth > 0 else min_distance(a + shift, right.closed_faces, b, left.closed_faces)
    if not keep.any():
        raise HandbenchError(f"no frame of {root} has two hands that can be parted", "use other sequences")
    return FittedMotion(
        {side: pose[side][keep] for side in Side},
        {side: transl[side][keep] for side in Side},
        {side: np.tile(betas[side], (int(keep.sum()), 1)) for side in Side},
        {side: arms[side][keep] for side in Side},
        np.repeat(np.arange(len(names)), lengths)[keep],
        np.concatenate([np.arange(length) for length in lengths])[keep],
        gaps[keep],
        tuple(names),
        {"penetration": int((~keep).sum())},
    )


def separate(
    a: FloatArray, b: FloatArray, model_a: HandModel, model_b: HandModel, most: float, enough: float = 0.001
) -> tuple[FloatArray, float]:
    """Moves hand A out of hand B along the shortest ways out.

    Args:
        a: (778, 3) vertices of A [m].
        b: (778, 3) vertices of B [m].
        model_a: A's model.
        model_b: B's model.
        most: A is moved at most this far [m].
        enough: a penetration that is left as it is [m].

    Returns:
        The shift (3,) of A and the penetration that remains, both in metres.
    """
    shift = np.zeros(3)
    found = penetration(a, model_a.closed_faces, b, model_b.closed_faces)
    for _ in range(6):
        if found.depth <= enough:
            break
        way = found.exit - found.point if found.inside_b else found.point - found.exit
        step = shift + way * (1.0 - 0.5 * enough / found.depth)
        if float(np.sqrt(step @ step)) > most:
            break
        shift = step
        found = penetration(a + shift, model_a.closed_faces, b, model_b.closed_faces)
    return shift, found.depth


def settle(
    a: FloatArray, b: FloatArray, model_a: HandModel, model_b: HandModel, most: float, enough: float = 0.001
) -> tuple[FloatArray, float]:
    """Moves hand A to where it lies least deep in hand B; arguments and result as :func:`separate`.

    Between laced fingers every way out leads into the next finger: here the steps become shorter, and the
    best place is kept, so that the hands never end deeper in each other than they were.
    """
    shift, best, least = np.zeros(3), np.zeros(3), np.inf
    for turn in range(SETTLING):
        found = penetration(a + shift, model_a.closed_faces, b, model_b.closed_faces)
        if found.depth < least:
            best, least = shift, found.depth
        if found.depth <= enough:
            break
        way = found.exit - found.point if found.inside_b else found.point - found.exit
        shift = shift + way * (1.0 - 0.5 * enough / found.depth) / (1.0 + turn / 3)
        shift = shift * min(1.0, most / max(float(np.sqrt(shift @ shift)), 1e-9))
    return best, least


def _arms(path: Path) -> FloatArray:
    """Returns (T, 3) unit vectors from the wrist to the elbow: against the forearm bone's own x axis."""
    motion = read_motion(path)
    bone = next((i for i, name in enumerate(motion.bones) if name.startswith("Lower Arm")), None)
    if bone is None:
        raise HandbenchError(f"{path}: has no bone 'Lower Arm'", "is this a tracked hand?")
    return np.asarray(-motion.frames[:, bone, :, 0])
