"""A take with everything round it: person, room, light and cameras; gives its frames as pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera
from handbench.hands.visibility import flesh_thickness
from handbench.seeding import rng_for
from handbench.synth.cameras import draw_cameras
from handbench.synth.lights import draw_rig, sample_lights
from handbench.synth.performers import Skins
from handbench.synth.scene import Part, Renderer
from handbench.synth.take import Take
from handbench.synth.video_actors import Actors
from handbench.synth.video_camera import FramePicture, VideoCamera
from handbench.synth.video_effects import VideoEffects
from handbench.synth.video_passers import Passing, passer_part, plan_passings
from handbench.synth.video_recipe import VideoRecipe
from handbench.synth.video_room import Room
from handbench.synth.video_shadow import TableShadow
from handbench.types import Side


@dataclass(frozen=True)
class Staging:
    """What names and shapes a stage.

    Attributes:
        seed: the user's.
        name: of the take; with the seed it names all random streams.
        split: ``train`` or ``evaluation``.
        stratum: of :data:`handbench.synth.video_recipe.STRATA`.
        cameras: how many.
        recipe: all keys.
    """

    seed: int
    name: str
    split: str
    stratum: str
    cameras: int
    recipe: VideoRecipe

    def stream(self, what: str, *keys: int) -> np.random.Generator:
        """Opens one random stream of this stage, the same at every call."""
        return rng_for(self.seed, "video", self.split, self.name, what, *keys)


class Stage:
    """One take on its stage.

    Args:
        take: the motion.
        staging: what shapes the rest.
        skins: of the hand models.
        renderer: draws.
    """

    def __init__(self, take: Take, staging: Staging, skins: Skins, renderer: Renderer) -> None:
        self.take, self.staging = take, staging
        recipe, stream = staging.recipe, staging.stream
        split = recipe.split(staging.split)
        self.actors = Actors(take, skins, stream, recipe.forearm, recipe.ring)
        self.rig = draw_rig(stream("rig"), replace(recipe.light, rigs=split.rigs))
        lights = sample_lights(stream("lights"), recipe.light, self.rig)
        self.room = Room(stream("room"), split.rooms, lights, take.table_y, recipe.room)
        self.cameras: tuple[Camera, ...] = draw_cameras(
            stream("cameras"), staging.cameras, self.actors.middle(), recipe.rig
        )
        self._shadow = TableShadow(lights, take.table_y)
        flesh = flesh_thickness(skins.models[Side.RIGHT])
        self.eyes = tuple(
            VideoCamera(
                camera, self.room.view(camera), lights, self._shadow.homography(camera), renderer, flesh
            )
            for camera in self.cameras
        )
        low_light = recipe.low_light if staging.stratum == "low-light" else None
        self._effects = tuple(
            VideoEffects(stream("effects", k), eye.view.picture, low_light) for k, eye in enumerate(self.eyes)
        )
        passes = staging.stratum == "occlusion"
        self.passings: tuple[tuple[Passing, ...], ...] = tuple(
            plan_passings(stream("passers", k), len(take), split.rooms, recipe.passers) if passes else ()
            for k in range(staging.cameras)
        )
        self._darkness: tuple[int, ImageArray] | None = None

    def picture(self, camera: int, frame: int) -> FramePicture:
        """Draws what one camera sees in one frame, with exposure and noise."""
        actors = self.actors
        neighbours = None
        if self.staging.stratum == "fast":
            last = len(actors) - 1
            neighbours = actors.parts(max(frame - 1, 0)), actors.parts(min(frame + 1, last))
        drawn = self.eyes[camera].draw(
            actors.parts(frame), actors.joints(Side.RIGHT, frame), self._dark(frame),
            self.passing_parts(camera, frame), neighbours, self.staging.recipe.exposure,
        )  # fmt: skip
        noise = self.staging.stream("noise", camera, frame)
        return replace(drawn, picture=self._effects[camera].apply(drawn.picture, noise))

    def hidden(self, camera: int, frame: int) -> bool:
        """Tells whether something that passes hides the hand in this frame."""
        return any(p.first <= frame < p.first + p.length for p in self.passings[camera])

    def passing_parts(self, camera: int, frame: int) -> tuple[Part, ...]:
        """Returns what passes before a camera in a frame, in its own frame; at most one thing."""
        hand: FloatArray | None = None
        for passing in self.passings[camera]:
            if passing.shift(frame) is None:
                continue
            if hand is None:
                hand = self.cameras[camera].to_camera(self.actors.vertices(Side.RIGHT, frame))
            part = passer_part(passing, frame, hand, self.cameras[camera])
            return () if part is None else (part,)
        return ()

    def _dark(self, frame: int) -> ImageArray:
        if self._darkness is None or self._darkness[0] != frame:
            self._darkness = frame, self._shadow.draw(self.actors.parts(frame))
        return self._darkness[1]
