"""Reads a scanned, skinned mesh (``.OFF``, ``.SKIN``, ``.LIMITS``) and poses it with a tracked motion.

The files of Tzionas et al., IJCV 2016: one real hand of 10,002 vertices, in the bind pose of the motion.
Files are in millimetres, everything returned is in metres.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.formats.motion import MILLIMETRE, Motion, read_text


@dataclass(frozen=True)
class SkinnedScan:
    """A mesh that follows bones.

    Attributes:
        vertices: (V, 3) [m] in the bind pose.
        faces: (F, 3) int32.
        bones: (B,) bone names.
        weights: (V, B), each row sums to 1.
    """

    vertices: FloatArray
    faces: npt.NDArray[np.int32]
    bones: tuple[str, ...]
    weights: FloatArray

    def pose(self, motion: Motion, frame: int) -> FloatArray:
        """Returns the vertices (V, 3) [m] of one frame by linear blend skinning from the bind pose.

        Raises:
            HandbenchError: when the motion lacks a bone or the frame.
        """
        if not 0 <= frame < len(motion.frames):
            raise HandbenchError(f"{motion.path}: has no frame {frame} (0 to {len(motion.frames) - 1})")
        try:
            index = [motion.bones.index(bone) for bone in self.bones]
        except ValueError as error:
            raise HandbenchError(f"{motion.path} does not fit the mesh: {error}") from None
        bind, now = motion.bind[index], motion.frames[frame, index]
        rotation = now[:, :, :3] @ np.swapaxes(bind[:, :, :3], 1, 2)
        shift = now[:, :, 3] - np.einsum("bij,bj->bi", rotation, bind[:, :, 3])
        bones = np.concatenate([rotation, shift[:, :, None]], axis=2)
        # Each vertex has one blended transform: far fewer numbers than every vertex under every bone.
        blended = (self.weights @ bones.reshape(len(bones), 12)).reshape(-1, 3, 4)
        return np.asarray(np.einsum("vij,vj->vi", blended[:, :, :3], self.vertices) + blended[:, :, 3])


@dataclass(frozen=True)
class BoneLimits:
    """How far one bone may turn.

    Attributes:
        free: (3,) bool, which of the axes turn.
        axes: (3, 3), one rotation axis a row, in the bone's own frame.
        degrees: (3, 2) least and greatest angle.
    """

    free: npt.NDArray[np.bool_]
    axes: FloatArray
    degrees: FloatArray


def read_scan(off: str | Path, skin: str | Path | None = None) -> SkinnedScan:
    """Reads a mesh and its skinning weights (by default the ``.SKIN`` file beside it).

    Raises:
        HandbenchError: when a file is missing, cut short or does not fit the other.
    """
    vertices, faces = read_off(off)
    bones, weights = read_skin(Path(off).with_suffix(".SKIN") if skin is None else skin)
    if len(weights) != len(vertices):
        raise HandbenchError(f"{off}: {len(vertices)} vertices, but its .SKIN has {len(weights)} rows")
    return SkinnedScan(vertices, faces, bones, weights)


def read_off(path: str | Path) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Reads the vertices (V, 3) [m] and triangles (F, 3) of an ``.OFF`` file written in millimetres.

    Raises:
        HandbenchError: when the file is missing, cut short or not made of triangles.
    """
    tokens = read_text(path).split()
    if len(tokens) < 4 or tokens[0] != "OFF":
        raise HandbenchError(f"{path}: line 1: expected OFF")
    n_vertices, n_faces = int(tokens[1]), int(tokens[2])
    body = _numbers(path, tokens[4:])
    if len(body) != 3 * n_vertices + 4 * n_faces:
        raise HandbenchError(
            f"{path}: {len(body)} numbers for {n_vertices} vertices and {n_faces} triangles, expected "
            f"{3 * n_vertices + 4 * n_faces}",
            "the file is cut short: copy it again",
        )
    vertices = body[: 3 * n_vertices].reshape(-1, 3) * MILLIMETRE
    faces = body[3 * n_vertices :].reshape(-1, 4)
    if not (faces[:, 0] == 3).all() or faces[:, 1:].min() < 0 or faces[:, 1:].max() >= n_vertices:
        raise HandbenchError(f"{path}: a face is no triangle of vertices 0 to {n_vertices - 1}")
    return vertices, faces[:, 1:].astype(np.int32)


def read_skin(path: str | Path) -> tuple[tuple[str, ...], FloatArray]:
    """Reads bone names and weights (V, B) of a ``.SKIN`` file, scaled so that each row sums to 1.

    Raises:
        HandbenchError: when the file is missing or cut short.
    """
    lines = read_text(path).splitlines()
    n_bones = int(lines[0]) if lines and lines[0].strip().isdigit() else 0
    bones = _split_bones(lines[1], n_bones) if len(lines) > 1 else ()
    body = _numbers(path, " ".join(lines[2:]).split())
    if not n_bones or len(bones) != n_bones or not len(body) or len(body) % n_bones:
        raise HandbenchError(
            f"{path}: line {len(lines)}: expected {n_bones} weights a vertex", "the file is cut short?"
        )
    weights = body.reshape(-1, n_bones)
    return bones, weights / weights.sum(axis=1, keepdims=True)


def read_limits(path: str | Path) -> dict[str, BoneLimits]:
    """Reads the joint limits of every bone (``.LIMITS``); unlimited axes have infinite limits.

    Raises:
        HandbenchError: when the file is missing or cut short.
    """
    limits: dict[str, BoneLimits] = {}
    for block in read_text(path).replace("\r", "").strip().split("\n\n"):
        lines = block.strip().splitlines()
        numbers = _numbers(path, " ".join(lines[1:]).split())
        if len(numbers) != 19:
            raise HandbenchError(f"{path}: bone {lines[0]!r} has {len(numbers)} numbers, expected 19")
        degrees = numbers[13:].reshape(3, 2)
        degrees = np.where(np.abs(degrees) > 1e30, np.copysign(np.inf, degrees), degrees)
        limits[lines[0].strip()] = BoneLimits(numbers[1:4] != 0, numbers[4:13].reshape(3, 3), degrees)
    return limits


def _split_bones(line: str, count: int) -> tuple[str, ...]:
    """Splits a line of names; a hand's first bone is ``Lower Arm R``, with blanks in its name."""
    words = line.split()
    head = len(words) - count + 1
    return (" ".join(words[:head]), *words[head:]) if head > 0 else ()


def _numbers(path: str | Path, tokens: list[str]) -> FloatArray:
    try:
        return np.array(tokens, dtype=np.float64)
    except ValueError as error:
        raise HandbenchError(f"{path}: {error}") from None
