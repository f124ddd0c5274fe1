"""Frames of two recorded hands as parameters of our hand models, and the cache that keeps them.

The fits lie in the user's cache under a name made of everything that decides them: the files, the hand models
and the version of the code. ``HANDBENCH_CACHE`` names another folder, or ``off``.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.cache import cache_folder, keep_file
from handbench.hands.model import N_BETAS
from handbench.types import Side

_BY_SIDE = ("pose", "transl", "betas", "arms")


@dataclass(frozen=True)
class FittedMotion:
    """Frames with two hands, as the fit found them.

    Attributes:
        pose: for each side (N, 48) [rad].
        transl: for each side (N, 3) [m].
        betas: for each side (N, 10).
        arms: for each side (N, 3), unit vectors from wrist to elbow.
        sequence: (N,) index into ``names``.
        frame: (N,) number of the frame in its sequence.
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


def kept_motion(fingerprint: str, names: tuple[str, ...], fit: Callable[[], FittedMotion]) -> FittedMotion:
    """Returns the fitted frames, from the user's cache where they are there.

    Args:
        fingerprint: of all that decides the fit; the name of the file.
        names: the sequences.
        fit: fits the frames where they are not kept.

    Raises:
        HandbenchError: what ``fit`` raises.
    """
    folder = cache_folder("motion")
    if folder is None:
        return fit()
    path = folder / f"{fingerprint}.npz"
    motion = _read(path, names)
    if motion is None:
        motion = fit()
        _write(path, motion)
    return motion


def _read(path: Path, names: tuple[str, ...]) -> FittedMotion | None:
    """Returns a kept fit, or None where there is none or it is damaged (a zip checks its own sums)."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        pose, transl, betas, arms = (
            {side: arrays[f"{kind}_{side.value}"] for side in Side} for kind in _BY_SIDE
        )
        shape = (len(arrays["frame"]), N_BETAS)
        dropped = {"penetration": int(arrays["dropped"])}
        for key in arrays:
            if key.startswith("dropped_"):
                dropped[key.removeprefix("dropped_")] = int(arrays[key])
        return FittedMotion(
            pose,
            transl,
            {side: np.array(np.broadcast_to(betas[side], shape)) for side in Side},
            arms,
            arrays["sequence"],
            arrays["frame"],
            arrays["gaps"],
            names,
            dropped,
        )
    except (OSError, KeyError, ValueError, EOFError, zipfile.BadZipFile):
        return None


def _write(path: Path, motion: FittedMotion) -> None:
    arrays: dict[str, Any] = {"sequence": motion.sequence, "frame": motion.frame, "gaps": motion.gaps}
    for reason, count in motion.dropped.items():
        arrays["dropped" if reason == "penetration" else f"dropped_{reason}"] = np.array(count)
    for kind in _BY_SIDE:
        arrays |= {f"{kind}_{side.value}": getattr(motion, kind)[side] for side in Side}
    for side in Side:
        # One shape for all frames is kept once.
        rows = motion.betas[side]
        arrays[f"betas_{side.value}"] = rows[0] if len(rows) and (rows == rows[:1]).all() else rows
    keep_file(path, lambda file: np.savez(file, **arrays))
