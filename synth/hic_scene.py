"""Draws the frames of one view of a recorded sequence, with 2D labels and the visibility of its joints."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera
from handbench.compose.effects import EffectsSettings, apply_effects, draw_effects
from handbench.hands.visibility import CAUSES, joint_visibility
from handbench.seeding import rng_for
from handbench.synth.backgrounds import TEST_FAMILIES, BackgroundSettings, BackgroundSource
from handbench.synth.hic_motion import Recording, TrackedHand
from handbench.synth.lights import TEST_RIGS, LightSettings, background_gain, draw_rig, sample_lights
from handbench.synth.scene import HandScene, Part, Renderer
from handbench.synth.studio import seen_lights, seen_parts
from handbench.types import Side

SEEN = 0.5
"""A joint is labelled in 2D where at least this share of its 5 mm ball is seen."""

BACKGROUNDS = BackgroundSettings(families=TEST_FAMILIES, side=480)
LIGHTS = LightSettings(rigs=TEST_RIGS)
EFFECTS = EffectsSettings(p_motion_blur=0.0, p_low_light=0.0, exposure_stops=(-0.4, 0.3))
"""What only tests are drawn from: families and rigs that no training recipe has."""


@dataclass(frozen=True)
class Drawn:
    """One picture.

    Attributes:
        image: (480, 640, 3) uint8 RGB.
        pixels: (21, 2) of each side [px], OPENPOSE21; NaN where the skeleton has no joint.
        visibility: (21,) of each side, 0 to 1; NaN where the skeleton has no joint.
    """

    image: ImageArray
    pixels: dict[Side, FloatArray]
    visibility: dict[Side, npt.NDArray[np.float32]]

    def labels(self) -> dict[Side, FloatArray]:
        """Returns the pixels with NaN where a person would not label the joint: it is hidden."""
        return {
            side: np.where(self.visibility[side][:, None] >= SEEN, points, np.nan)
            for side, points in self.pixels.items()
        }


class ViewPainter:
    """Draws one view of one sequence: light, background and sensor are the same in all of its frames.

    Args:
        recording: what is seen.
        camera: from where; R and t lead from the sensor's frame.
        view: its name, for the random streams.
        seed: the user's.
        backgrounds: what lies behind.
        renderer: draws.
    """

    def __init__(
        self, recording: Recording, camera: Camera, view: str, seed: int, backgrounds: BackgroundSource,
        renderer: Renderer,
    ) -> None:  # fmt: skip
        self.recording, self.camera, self._renderer = recording, camera, renderer
        light_rng = rng_for(seed, recording.name, "light")
        rig = draw_rig(light_rng, LIGHTS)
        lights = sample_lights(light_rng, LIGHTS, rig)
        self._lights = seen_lights(lights, camera.R)
        rng = rng_for(seed, recording.name, "surroundings", view)
        self._background = backgrounds.draw(rng, camera.size, background_gain(lights))[1]
        self._effects = draw_effects(rng, EFFECTS, camera.size[1])
        depths = [
            camera.to_camera(hand.joints[:, hand.valid])[..., 2].max() for hand in recording.hands.values()
        ]
        self._behind = float(max(depths) + rng.uniform(0.25, 0.6))
        self._noise = rng_for(seed, recording.name, "noise", view).integers(0, 512, (len(recording), 2))

    def draw(self, frame: int) -> Drawn:
        """Draws one frame."""
        parts = seen_parts(self.recording.parts(frame), self.camera)
        scene = HandScene(
            self.camera.K, self.camera.size, parts, self._lights, self._background, self._behind
        )
        layers = self._renderer.render(scene)
        nearest = layers.visible(layers.names)
        pixels, seen = {}, {}
        for side, hand in self.recording.hands.items():
            depth = layers.depth(side.value)
            pixels[side], seen[side] = self._measure(hand, frame, parts, nearest, depth)
        offset = self._noise[frame].tolist()
        effects = dataclasses.replace(self._effects, noise_offset=(offset[0], offset[1]))
        return Drawn(apply_effects(layers.compose(scene, layers.names), effects), pixels, seen)

    def _measure(
        self, hand: TrackedHand, frame: int, parts: tuple[Part, ...],
        nearest: npt.NDArray[np.int8], depth: npt.NDArray[np.float32],
    ) -> tuple[FloatArray, npt.NDArray[np.float32]]:  # fmt: skip
        joints = self.camera.to_camera(hand.joints[frame])
        # The two joints that the skeleton lacks lie behind the camera, where nothing is counted.
        joints = np.where(hand.valid[:, None], joints, np.array([0.0, 0.0, -1.0]))
        own = next(i for i, part in enumerate(parts) if part.name == hand.side.value)
        owners = np.array([_cause(part, hand.side) for part in parts], dtype=np.int8)
        seen = joint_visibility(joints, hand.flesh, self.camera.K, nearest, depth, own, owners)
        points = np.where(hand.valid[:, None], self.camera.project(joints), np.nan)
        return points, np.where(hand.valid, seen.joints, np.nan).astype(np.float32)


def _cause(part: Part, side: Side) -> int:
    if part.hand is None:
        return CAUSES.index("object")
    return CAUSES.index("self" if part.hand is side else "other")
