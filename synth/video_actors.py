"""The moving things of a take as drawables in the world frame: hands with their arms, and the object."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.hands.model import forward
from handbench.hands.skin import sample_skin_tone
from handbench.synth.forearm_rim import AROUND
from handbench.synth.forearm_wear import ForearmSettings
from handbench.synth.occluders import OccluderSettings
from handbench.synth.people import People
from handbench.synth.performers import Performer, Skins
from handbench.synth.poses import PlacedHand
from handbench.synth.scene import Lights, Part
from handbench.synth.take import HandTrack, Take
from handbench.types import Side

OBJECT = "object"
"""Name of the part that is the manipulated object."""

# Forearms are made for a camera's frame, and the upper arm behind the elbow falls across the line of sight.
# Here that frame is turned upside down and looks along the forearm, so that it rises to the shoulder.
_TURN = np.array([-1.0, -1.0, 1.0])
_SHOULDER = 0.6  # how far upper arms are drawn out [m]
_BEHIND = 0.7  # distance of that frame's origin before the wrist [m]


class Actors:
    """All frames of a take's hands and object.

    Args:
        take: the take.
        skins: of the hand models.
        stream: opens the take's random stream of that name, the same at every call.
        forearm: what arms are drawn from.
        ring: what rings are drawn from.
    """

    def __init__(
        self,
        take: Take,
        skins: Skins,
        stream: Callable[[str], np.random.Generator],
        forearm: ForearmSettings | None = None,
        ring: OccluderSettings | None = None,
    ) -> None:
        self.take = take
        tone = sample_skin_tone(stream("skin"))
        betas = {side: take.betas for side in Side}
        betas |= {track.side: track.betas for track in take.hands}
        people = People(betas, dict.fromkeys(Side, tone), False)
        self._performer = Performer(skins, people, stream, forearm, ring)
        self._meshes = {
            track.side: forward(skins.models[track.side], track.pose, track.betas, track.transl)
            for track in take.hands
        }
        self._kept: dict[int, tuple[Part, ...]] = {}

    def __len__(self) -> int:
        return len(self.take)

    def vertices(self, side: Side, frame: int) -> FloatArray:
        """Returns the (778, 3) vertices of a hand in a frame, world [m]."""
        return np.asarray(self._meshes[side].vertices[frame])

    def joints(self, side: Side, frame: int) -> FloatArray:
        """Returns the (21, 3) joints of a hand in a frame, OPENPOSE21, world [m]."""
        return np.asarray(self._meshes[side].joints21[frame])

    def middle(self) -> FloatArray:
        """Returns the (3,) mean place of the right hand's joints and the object while it is held [m]."""
        rows = self.take.held if self.take.held.any() else np.ones(len(self), bool)
        hand = self._meshes[Side.RIGHT].joints21[rows].mean(axis=(0, 1))
        return np.asarray(0.5 * hand + 0.5 * self.take.object_t[rows].mean(axis=0))

    def parts(self, frame: int) -> tuple[Part, ...]:
        """Returns the drawables of one frame, world frame; those of the last few frames are kept."""
        if frame not in self._kept:
            if len(self._kept) >= 4:
                self._kept.pop(next(iter(self._kept)))
            self._kept[frame] = self._make(frame)
        return self._kept[frame]

    def _make(self, frame: int) -> tuple[Part, ...]:
        take = self.take
        body = [part for track in take.hands for part in self._dressed(track, frame)]
        solid = take.solid
        thing = Part(
            OBJECT, take.object_vertices(frame), solid.faces, None, colors=solid.colors, gloss=solid.gloss
        )
        return (*body, thing)

    def _dressed(self, track: HandTrack, frame: int) -> list[Part]:
        """Returns the drawables of one hand, world frame."""
        mesh, arm = self._meshes[track.side], track.arm[frame]
        origin = mesh.joints21[frame, 0] - _BEHIND * arm
        hand = PlacedHand(
            track.params(frame),
            (mesh.vertices[frame] - origin) * _TURN,
            (mesh.joints21[frame] - origin) * _TURN,
            arm * _TURN,
        )
        parts = self._performer.parts({track.side: hand})
        return [replace(part, vertices=_shouldered(part) * _TURN + origin) for part in parts]


def _shouldered(part: Part) -> FloatArray:
    """Returns a part's vertices; an upper arm is drawn out, so that it ends beyond every picture."""
    points = part.vertices
    if not part.name.endswith("_arm"):
        return points
    before, last = points[-2 * AROUND : -AROUND].mean(axis=0), points[-AROUND:].mean(axis=0)
    step = last - before
    length = float(np.sqrt(step @ step))
    # The rings of an elbow's end lie a centimetre apart, those of an upper arm ten.
    if length < 0.08:
        return points
    out = points.copy()
    out[-AROUND:] += step * (_SHOULDER / length)
    return out


def between(now: Sequence[Part], then: Sequence[Part], share: float) -> tuple[Part, ...]:
    """Moves parts a share of the way to another frame's; a part that has another mesh there stays.

    Args:
        now: of one frame.
        then: of a neighbouring frame.
        share: 0 gives ``now``, 1 ``then``.
    """
    others = {part.name: part for part in then}
    moved = []
    for part in now:
        other = others.get(part.name)
        if other is not None and other.vertices.shape == part.vertices.shape:
            part = replace(part, vertices=part.vertices + share * (other.vertices - part.vertices))
        moved.append(part)
    return tuple(moved)


def seen_from(camera: Camera, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Takes world parts into a camera's frame."""
    R, t = np.ascontiguousarray(camera.R.T), camera.t
    return tuple(replace(part, vertices=part.vertices @ R + t) for part in parts)


def lights_from(camera: Camera, lights: Lights) -> Lights:
    """Takes world lights into a camera's frame: directions, and harmonics of order 0 and 1.

    Harmonics of order 2 are left out: the rigs have none.
    """
    R = camera.R
    sh = None
    if lights.sh is not None:
        sh = np.zeros((9, 3))
        sh[0] = lights.sh[0]
        # Rows 1 to 3 are y, z, x.
        sh[[3, 1, 2]] = R @ lights.sh[[3, 1, 2]]
    return Lights(lights.ambient, lights.directions @ R.T, lights.colors, sh, lights.shadow_strength)
