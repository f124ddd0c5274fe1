"""Draws one moment of a capture as each camera of the studio sees it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.compose.effects import Effects, EffectsSettings, apply_effects, draw_effects
from handbench.hands.model import HandModel
from handbench.seeding import rng_for
from handbench.synth.forearm_wear import ForearmSettings
from handbench.synth.interhand_body import Body, draw_body
from handbench.synth.interhand_motion import Frame
from handbench.synth.interhand_studio import StudioCamera, studio_background, studio_cameras, studio_lights
from handbench.synth.layers import RenderLayers
from handbench.synth.people import People, PeopleSettings, draw_people
from handbench.synth.performers import Performer, Skins
from handbench.synth.scene import HandScene, Lights, Part, Renderer
from handbench.synth.studio import seen_lights, seen_parts
from handbench.types import Side

FOREARM = ForearmSettings(p_bare=0.55, p_sleeve=0.45, p_none=0.0, length=(0.245, 0.27))
EFFECTS = EffectsSettings(
    exposure_stops=(-0.85, 0.0), p_motion_blur=0.0, p_defocus=0.0, p_low_light=0.0,
    noise_read=(0.3, 1.2), noise_shot=(0.004, 0.02),
)  # fmt: skip

_BEHIND = np.array([0.0, 0.0, -5.0])
_GREY = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Capture:
    """One subject in the studio.

    Attributes:
        name: of the capture's random streams.
        people: the subject's hands.
        performer: how they look.
        body: the rest of the subject that cameras see.
        lights: in the studio's frame.
        cameras: of the dome.
        backgrounds: what each camera sees behind the subject.
        effects: what each camera does to its pictures.
    """

    name: str
    people: People
    performer: Performer
    body: Body
    lights: Lights
    cameras: Sequence[StudioCamera]
    backgrounds: Sequence[ImageArray]
    effects: Sequence[Effects]


def open_capture(seed: int, name: str, skins: Skins, cameras: int, size: str) -> Capture:
    """Draws the subject, light and calibration of a capture.

    Args:
        seed: the user's.
        name: of the capture; another name is another person.
        skins: of the hand models.
        cameras: how many.
        size: see :func:`handbench.synth.interhand_studio.studio_cameras`.
    """
    people = draw_people(rng_for(seed, name, "person"), PeopleSettings(p_two=0.0))
    performer = Performer(skins, people, lambda what: rng_for(seed, name, what), FOREARM)
    rng = rng_for(seed, name, "studio")
    body = draw_body(rng, people.skin[Side.RIGHT], performer.wear)
    lights = studio_lights(rng)
    dome = studio_cameras(seed, name, cameras, size)
    backgrounds = [studio_background(seed, camera) for camera in dome]
    # One exposure for the whole capture; grain and colour are each camera's own.
    shared = draw_effects(rng, EFFECTS, 512)
    effects = []
    for camera in dome:
        own = draw_effects(rng_for(seed, name, "sensor", camera.name), EFFECTS, 512)
        level = shared.gain[1]
        gain = tuple(level * value for value in camera.gain)
        effects.append(
            replace(own, gain=(gain[0], gain[1], gain[2]), midtone=shared.midtone, contrast=shared.contrast)
        )
    return Capture(name, people, performer, body, lights, dome, backgrounds, effects)


def world_parts(capture: Capture, frame: Frame, models: Mapping[Side, HandModel]) -> tuple[Part, ...]:
    """Returns what one moment consists of, in the studio's frame: hands, arms, trunk.

    Parts of the hands are made as if seen from behind the subject: an arm that points away from its viewer
    is given an elbow of its own there, and here the upper arms are the body's.
    """
    hands = {side: hand.moved(np.eye(3), _BEHIND, models[side]) for side, hand in frame.items()}
    parts = [replace(part, vertices=part.vertices - _BEHIND) for part in capture.performer.parts(hands)]
    wrists = {side: hand.joints[0] for side, hand in frame.items()}
    arms = {side: np.array(hand.arm) for side, hand in frame.items()}
    return (*parts, *capture.body.upper_arms(wrists, arms), *capture.body.trunk)


def seen_scene(capture: Capture, parts: tuple[Part, ...], index: int) -> HandScene:
    """Returns the scene of camera ``index``."""
    view = capture.cameras[index].camera
    return HandScene(
        view.K, view.size, seen_parts(parts, view), seen_lights(capture.lights, view.R),
        capture.backgrounds[index], 0.0,
    )  # fmt: skip


def take_picture(
    capture: Capture, scene: HandScene, layers: RenderLayers, index: int, moment: int
) -> ImageArray:
    """Composes a scene as camera ``index`` records it, (h, w, 3) uint8 RGB; grey: equal channels."""
    offset = rng_for(moment, capture.name, capture.cameras[index].name).integers(0, 512, 2).tolist()
    effects = dataclasses.replace(capture.effects[index], noise_offset=(offset[0], offset[1]))
    picture = apply_effects(layers.compose(scene, layers.names), effects)
    if capture.cameras[index].grey:
        grey: FloatArray = picture @ _GREY
        picture = np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=2)
    return picture


def render_moment(
    renderer: Renderer, capture: Capture, parts: tuple[Part, ...], index: int, moment: int
) -> ImageArray:
    """Draws one moment (its number names the noise) as camera ``index`` records it, (h, w, 3) uint8 RGB."""
    scene = seen_scene(capture, parts, index)
    return take_picture(capture, scene, renderer.render(scene), index, moment)
