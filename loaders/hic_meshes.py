"""The meshes of HIC: the scanned hands in their tracked pose, MANO meshes of ``HIC.json``, objects."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.errors import BadSampleError, HandbenchError
from handbench.formats.hic import read_hic_json
from handbench.formats.hic_objects import ObjectTrack, read_object_tracks
from handbench.formats.motion import Motion, read_motion
from handbench.formats.paths import inside
from handbench.formats.scan import SkinnedScan, read_scan
from handbench.formats.tzionas import motion_path
from handbench.types import Sample, Side

MANO_VERTICES = 778


class HicMeshes:
    """Gives vertices [m] in the sensor's frame.

    Args:
        root: of the tree.

    Raises:
        HandbenchError: when there is neither ``HIC.json`` nor ``mesh/``.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        listing = root / "HIC.json"
        self._listed = (
            {(entry.sequence, entry.frame): entry.meshes for entry in read_hic_json(listing)}
            if listing.is_file()
            else None
        )
        if self._listed is None and not (root / "mesh" / "Model_Hand_R.OFF").is_file():
            raise HandbenchError(
                f"{root}: no meshes (HIC.json or mesh/Model_Hand_R.OFF)", "leave out mesh=true, or add them"
            )

    @property
    def kind(self) -> str:
        """``mano`` or ``scan``."""
        return "scan" if self._listed is None else "mano"

    def vertices(self, sequence: str, side: Side, frame: int) -> FloatArray | None:
        """Returns (V, 3) [m] of one hand, or None where it has no mesh.

        Raises:
            BadSampleError: when a listed mesh is missing, or is no MANO mesh.
        """
        if self._listed is not None:
            relative = self._listed.get((sequence, frame), {}).get(side)
            return None if relative is None else _read_ply(inside(self.root, relative, "HIC.json mano_path"))
        path = motion_path(self.root, sequence, side)
        if not path.is_file():
            return None
        motion = _motion(path)
        if frame >= len(motion.frames):
            return None
        return _scan(self.root / "mesh" / f"{path.stem}.OFF").pose(motion, frame)

    def object_vertices(self, sequence: str, name: str, frame: int) -> FloatArray | None:
        """Returns (V, 3) [m] of one object, or None where it has no mesh."""
        track = next(track for track in _objects(self.root, sequence) if track.name == name)
        return track.vertices(frame) if track.off.is_file() else None

    def columns(self, samples: Sequence[Sample]) -> dict[Side, npt.NDArray[np.float32] | None]:
        """Returns (N, V, 3) [m] of each side in the samples' camera frames, NaN where there is none."""
        found: dict[Side, npt.NDArray[np.float32] | None] = {}
        for side in Side:
            hands = [sample.hand(side) for sample in samples]
            meshes = [None if hand is None else hand.vertices for hand in hands]
            size = next((len(mesh) for mesh in meshes if mesh is not None), None)
            if size is None:
                found[side] = None
                continue
            table = np.full((len(samples), size, 3), np.nan, np.float32)
            for row, mesh in zip(table, meshes, strict=True):
                if mesh is not None:
                    row[:] = mesh
            found[side] = table
        return found


def _read_ply(path: Path) -> FloatArray:
    import trimesh

    try:
        mesh: Any = trimesh.load(path, file_type="ply", process=False)
        vertices = np.asarray(mesh.vertices, dtype=np.float64)
    except Exception as error:  # a damaged file raises nearly anything there
        raise BadSampleError(f"{path}: not a PLY mesh: {error}", "copy it again") from None
    if vertices.shape != (MANO_VERTICES, 3) or not np.isfinite(vertices).all():
        raise BadSampleError(f"{path}: {len(vertices)} vertices, expected {MANO_VERTICES}", "copy it again")
    return vertices


@lru_cache(2)
def _scan(path: Path) -> SkinnedScan:
    return read_scan(path)


@lru_cache(8)
def _motion(path: Path) -> Motion:
    return read_motion(path)


@lru_cache(4)
def _objects(root: Path, sequence: str) -> list[ObjectTrack]:
    return read_object_tracks(root, sequence)
