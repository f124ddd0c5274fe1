"""What touches what in a take: fingers on the object, depth inside it, and HO-3D's distances of vertices."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from handbench.arrays import BoolArray, FloatArray, IndexArray
from handbench.hands.model import HandModel, forward
from handbench.synth.grasp_surface import Distances, surface_of
from handbench.synth.spheres import FINGER_JOINTS
from handbench.synth.take import HandTrack, Take

NEAR = 0.004
"""A finger touches an object whose surface is nearer than this [m]."""


@dataclass(frozen=True)
class ContactReport:
    """How a take holds its object, frame by frame; measured on the meshes.

    Attributes:
        gaps: (T, 5) least distance of each finger's skin to the object [m], thumb to little finger.
        depth: (T,) how deep the deepest vertex of hand or object lies inside the other [m].
        held: (T,) bool, as in the take.
    """

    gaps: FloatArray
    depth: FloatArray
    held: BoolArray

    @property
    def fingers(self) -> IndexArray:
        """(T,) number of fingers within :data:`NEAR` of the object."""
        return np.asarray((self.gaps < NEAR).sum(axis=1), np.int64)

    @property
    def held_share(self) -> float:
        """Share of the held frames in which at least three fingers touch."""
        return float((self.fingers[self.held] >= 3).mean())


@lru_cache(maxsize=8)
def finger_vertices(model: HandModel) -> tuple[IndexArray, ...]:
    """Returns the vertices of thumb, index, middle, ring and little finger: those its bones move most."""
    bone = np.argmax(model.weights, axis=1)
    return tuple(np.flatnonzero(np.isin(bone, joints)) for joints in FINGER_JOINTS)


def vertex_distances(take: Take, frame: int, vertices: FloatArray) -> Distances:
    """Measures a hand's vertices against the object: distance, nearest point on it, inside or not.

    Args:
        take: the take.
        frame: which frame.
        vertices: (778, 3) of either hand [m], world.

    Returns:
        Distances [m]; the projections (778, 3) in the world frame.
    """
    R, t = take.object_R[frame], take.object_t[frame]
    found = surface_of(take.solid).distances((vertices - t) @ R)
    return Distances(found.distance, found.projection @ R.T + t, found.inside)


def track_vertices(model: HandModel, track: HandTrack, frames: IndexArray | None = None) -> FloatArray:
    """Returns the vertices (N, 778, 3) [m] of a hand in some frames, or in all, in the world frame."""
    rows = np.arange(len(track)) if frames is None else frames
    return forward(model, track.pose[rows], track.betas, track.transl[rows]).vertices


def contact_report(take: Take, model: HandModel) -> ContactReport:
    """Measures the right hand against the object in every frame.

    Args:
        take: the take.
        model: the right hand's model.
    """
    count = len(take)
    gaps, depth = np.empty((count, 5)), np.empty(count)
    surface = surface_of(take.solid)
    fingers = finger_vertices(model)
    for frame, vertices in enumerate(track_vertices(model, take.right)):
        local = (vertices - take.object_t[frame]) @ take.object_R[frame]
        near = surface.distances(local).distance
        gaps[frame] = [near[rows].min() for rows in fingers]
        depth[frame] = surface.depth(local, model.closed_faces)
    return ContactReport(gaps, depth, take.held)
