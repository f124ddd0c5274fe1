"""Which triangles a predicted mesh has: prediction files and annotations hold vertices alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.library import load_hand_model
from handbench.types import Side

_LONGEST = 0.025


@dataclass(frozen=True)
class MeshFaces:
    """Finds the triangles of meshes.

    Attributes:
        hand_model: ``procedural`` or ``mano:DIR``, which meshes are drawn with; empty takes what they say.
            MANO's triangles are in MANO's files alone.
    """

    hand_model: str = ""

    def of(self, vertices: FloatArray, side: Side, named: str = "") -> npt.NDArray[np.int32] | None:
        """Returns the (F, 3) faces of a mesh (V, 3) [m], the wrist closed; None where they are not known.

        Args:
            vertices: the mesh.
            side: which hand.
            named: hand model that the mesh is said to be of: ``procedural``, ``mano``, ``mano:DIR`` or an
                empty text.
        """
        spec = self.hand_model or named or "procedural"
        if spec == "mano":
            return None
        faces = load_hand_model(spec, side).closed_faces
        return faces if faces.max() < len(vertices) and _belongs(vertices, faces) else None


def _belongs(vertices: FloatArray, faces: npt.NDArray[np.int32]) -> bool:
    """Tells whether neighbours lie near each other: in the mesh of another model they do not."""
    corners = vertices[faces]
    edges = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
    return bool(edges.mean() < _LONGEST)
