"""Reads the tracked objects of HIC's sequences 15 to 21: a mesh that follows one bone, or bends along many.

``NN/Model_Object_<name>.{MOTION,SKEL,OFF,SKIN}``: ball and cube have one bone, the pipes have 2 and 36.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.formats.motion import Motion, read_motion
from handbench.formats.scan import SkinnedScan, read_scan

_PREFIX = "Model_Object_"


@dataclass(frozen=True)
class ObjectTrack:
    """One object over a sequence.

    Attributes:
        name: as its files say, e.g. ``Ball``, ``Pipe_Gray``.
        motion: its bones [m] in the sensor's frame.
        off: its mesh.
    """

    name: str
    motion: Motion
    off: Path

    @property
    def rigid(self) -> bool:
        """Whether it moves as one piece."""
        return len(self.motion.bones) == 1

    @cached_property
    def poses(self) -> FloatArray:
        """(T, 3, 4): R and t of its first bone, rest mesh to the sensor's frame; exact for a rigid object."""
        bind, now = self.motion.bind[0], self.motion.frames[:, 0]
        rotation = now[:, :, :3] @ bind[:, :3].T
        shift = now[:, :, 3] - rotation @ bind[:, 3]
        return np.concatenate([rotation, shift[:, :, None]], axis=2)

    @cached_property
    def scan(self) -> SkinnedScan:
        """Its mesh in the rest pose, with its weights."""
        return read_scan(self.off)

    @property
    def faces(self) -> npt.NDArray[np.int32]:
        """(F, 3) triangles of the mesh."""
        return self.scan.faces

    def vertices(self, frame: int) -> FloatArray:
        """Returns the mesh (V, 3) [m] of one frame in the sensor's frame."""
        return self.scan.pose(self.motion, frame)


def read_object_tracks(root: Path, sequence: str) -> list[ObjectTrack]:
    """Reads the objects of a sequence; none where it has none.

    Raises:
        HandbenchError: when a motion is damaged, naming file, bone and line.
    """
    paths = sorted((root / sequence).glob(f"{_PREFIX}*.MOTION"))
    return [
        ObjectTrack(path.stem.removeprefix(_PREFIX), read_motion(path), path.with_suffix(".OFF"))
        for path in paths
    ]
