"""The tracked motion of two real hands as parameters of our hand models: fitted once, then kept.

The fits lie in the user's cache under a name made of everything that decides them: the files, the hand models
and the version of this code. ``HANDBENCH_CACHE`` names another folder, or ``off``.
"""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.cache import cache_folder, keep_file
from handbench.errors import HandbenchError
from handbench.formats.motion import read_motion
from handbench.formats.tzionas import list_sequences, motion_path, read_tzionas_joints
from handbench.hands.contact import min_distance, penetration
from handbench.hands.fitting import fit_hands
from handbench.hands.model import HandModel, forward
from handbench.types import Side

VERSION = "motion-fit/1"

_BY_SIDE = ("pose", "transl", "betas", "arms")

MAX_PENETRATION = 0.003
"""Frames whose hands lie deeper in each other after the separation are dropped [m]."""

MAX_SHIFT = 0.006
"""The right hand is moved at most this far out of the left one [m]."""


@dataclass(frozen=True)
class FittedMotion:
    """Frames with two hands, as the fit found them.

    Attributes:
        pose: for each side (N, 48) [rad].
        transl: for each side (N, 3) [m].
        betas: for each side (10,).
        arms: for each side (N, 3), unit vectors from wrist to elbow.
        sequence: (N,) index into ``names``.
        frame: (N,) number of the frame in its sequence, from 0.
        gaps: (N,) least distance of the two surfaces [m].
        names: the sequences.
        dropped: how many frames were left out, by reason.
    """

    pose: dict[Side, FloatArray]
    transl: dict[Side, FloatArray]
    betas: dict[Side, FloatArray]
    arms: dict[Side, FloatArray]
    sequence: IndexArray
    frame: IndexArray
    gaps: FloatArray
    names: tuple[str, ...]
    dropped: dict[str, int]

    def __len__(self) -> int:
        return len(self.frame)


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
    path = _cache_path(fingerprint)
    motion = None if path is None else _read(path, tuple(names))
    if motion is None:
        print(f"fitting the hands of {len(names)} sequences, once", file=sys.stderr, flush=True)
        motion = fit_motion(root, names, models)
        if path is not None:
            _write(path, motion)
    return motion


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
        betas,
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


def _arms(path: Path) -> FloatArray:
    """Returns (T, 3) unit vectors from the wrist to the elbow: against the forearm bone's own x axis."""
    motion = read_motion(path)
    bone = next((i for i, name in enumerate(motion.bones) if name.startswith("Lower Arm")), None)
    if bone is None:
        raise HandbenchError(f"{path}: has no bone 'Lower Arm'", "is this a tracked hand?")
    return np.asarray(-motion.frames[:, bone, :, 0])


def _cache_path(fingerprint: str) -> Path | None:
    folder = cache_folder("motion")
    return folder / f"{fingerprint}.npz" if folder else None


def _read(path: Path, names: tuple[str, ...]) -> FittedMotion | None:
    """Returns a kept fit, or None where there is none or it is damaged (a zip checks its own sums)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        pose, transl, betas, arms = (
            {side: arrays[f"{kind}_{side.value}"] for side in Side} for kind in _BY_SIDE
        )
        return FittedMotion(
            pose,
            transl,
            betas,
            arms,
            arrays["sequence"],
            arrays["frame"],
            arrays["gaps"],
            names,
            {"penetration": int(arrays["dropped"])},
        )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, motion: FittedMotion) -> None:
    arrays: dict[str, Any] = {"sequence": motion.sequence, "frame": motion.frame, "gaps": motion.gaps}
    arrays["dropped"] = np.array(motion.dropped["penetration"])
    for kind in _BY_SIDE:
        arrays |= {f"{kind}_{side.value}": getattr(motion, kind)[side] for side in Side}
    keep_file(path, lambda file: np.savez(file, **arrays))
