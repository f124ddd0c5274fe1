"""One AIH scene, described once: hands, camera, light, everything that its three records show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.camera import Camera, crop_affine, warped_intrinsics
from handbench.hands.library import load_hand_model
from handbench.seeding import rng_for
from handbench.synth.backgrounds import BackgroundSource
from handbench.synth.crop import points_box
from handbench.synth.forearm_wear import draw_wear
from handbench.synth.lights import background_gain, draw_rig, sample_lights
from handbench.synth.occluders import make_objects
from handbench.synth.people import People, draw_people
from handbench.synth.performers import Skins, dressed_hand
from handbench.synth.poses import PlacedHand, PoseMeta, PoseSource, TwoHands
from handbench.synth.recipe import AihRecipe
from handbench.synth.scene import HandScene, Lights, Part
from handbench.synth.spheres import make_spheres
from handbench.synth.views import ViewChoice, choose_view, draw_scene
from handbench.types import Side

FRAME = 512
"""Side of the scene's own picture [px]; a record crops it in camera terms and is drawn at its own size."""

BACKDROP = 320
"""Side of the background behind that picture [px]: it lies behind the focus, and a crop enlarges it."""


@dataclass(frozen=True)
class SceneDraft:
    """A scene before it is cropped.

    Attributes:
        scene_id: its number.
        hands: the hands that are there, in the camera frame.
        camera: of the scene's own picture; the camera frame is the scene's frame.
        boxes: (4,) x, y, w, h [px] of each hand in that picture.
        parts: all drawables, in the camera frame.
        lights: the light.
        background: (BACKDROP, BACKDROP, 3) uint8 RGB behind the scene's own picture.
        background_depth: where shadows fall [m].
        poses: where the hands come from and how they stand; None without hands.
        view: the viewpoint; None without hands.
        people: who the hands belong to.
        notes: what was drawn: background, light rig, forearm, object.
    """

    scene_id: int
    hands: Mapping[Side, PlacedHand]
    camera: Camera
    boxes: Mapping[Side, FloatArray]
    parts: tuple[Part, ...]
    lights: Lights
    background: ImageArray
    background_depth: float
    poses: PoseMeta | None
    view: ViewChoice | None
    people: People
    notes: Mapping[str, str]

    def crop(self, box: tuple[float, float, float, float], size: int) -> HandScene:
        """Returns the scene as a record of (size, size) sees it through a crop of the scene's picture."""
        affine = crop_affine(box, (size, size))
        background = cv2.resize(_cut(self.background, box), (size, size), interpolation=cv2.INTER_LINEAR)
        return HandScene(
            warped_intrinsics(self.camera.K, affine),
            (size, size),
            self.parts,
            self.lights,
            np.asarray(background, np.uint8),
            self.background_depth,
        )


class SceneMaker:
    """Draws the scenes of a dataset; scene i depends on the recipe's hash, the seed and i alone.

    Args:
        recipe: the keys.
        stream: the recipe's hash, which names the random streams.
        seed: the user's seed.
        hand_model: ``procedural`` or ``mano:DIR``.
        poses: where hands come from.
        backgrounds: what lies behind.
    """

    def __init__(
        self,
        recipe: AihRecipe,
        stream: str,
        seed: int,
        hand_model: str,
        poses: PoseSource,
        backgrounds: BackgroundSource,
    ) -> None:
        self.recipe, self.stream, self.seed = recipe, stream, seed
        self.poses, self.backgrounds = poses, backgrounds
        self.models = {side: load_hand_model(hand_model, side) for side in Side}
        self._spheres = {side: make_spheres(model) for side, model in self.models.items()}
        self._skins = Skins(self.models)

    def rng(self, what: str, number: int) -> np.random.Generator:
        """Returns one named stream of one scene or record."""
        return rng_for(self.seed, self.stream, what, number)

    def draft(self, scene_id: int) -> SceneDraft:
        """Draws a scene.

        Raises:
            HandbenchError: when the pose source cannot give what the recipe asks for.
        """
        recipe = self.recipe
        people = draw_people(self.rng("people", scene_id), recipe.people)
        drawn = self._draw_hands(scene_id, people)
        hands: dict[Side, PlacedHand] = {}
        camera, view = _empty_camera(), None
        if drawn is not None:
            pair, view = drawn
            hands = {hand.side: hand.moved(view.R, view.t, self.models[hand.side]) for hand in pair.hands}
            camera = Camera(view.camera((FRAME, FRAME)).K, (FRAME, FRAME))
        depths = [float(hand.joints[:, 2].max()) for hand in hands.values()] or [0.6]
        rng = self.rng("surroundings", scene_id)
        rig = draw_rig(rng, recipe.lights)
        lights = sample_lights(rng, recipe.lights, rig)
        gain = background_gain(lights)
        family, background = self.backgrounds.draw(rng, (BACKDROP, BACKDROP), gain)
        background_depth = max(depths) + float(rng.uniform(0.08, 0.6))
        parts, notes = self._parts(rng, hands, people, camera)
        return SceneDraft(
            scene_id=scene_id,
            hands=hands,
            camera=camera,
            boxes={side: points_box(camera.project(hand.vertices)) for side, hand in hands.items()},
            parts=parts,
            lights=lights,
            background=background,
            background_depth=background_depth,
            poses=None if drawn is None else drawn[0].meta,
            view=view,
            people=people,
            notes={"background": family, "lights": rig, **notes},
        )

    def _draw_hands(self, scene_id: int, people: People) -> tuple[TwoHands, ViewChoice] | None:
        """Draws two hands, one, or none, and the viewpoint."""
        rng, recipe = self.rng("poses", scene_id), self.recipe
        absent, none, right = rng.random(3)
        if absent >= recipe.p_absent:
            return draw_scene(rng, self.poses, people.betas, self._spheres, recipe.view)
        if none < recipe.p_none:
            return None
        pair = self.poses.draw(rng, people.betas).only(Side.RIGHT if right < 0.5 else Side.LEFT)
        return pair, choose_view(rng, pair, self._spheres, recipe.view, 0.0)

    def _parts(
        self, rng: np.random.Generator, hands: Mapping[Side, PlacedHand], people: People, camera: Camera
    ) -> tuple[tuple[Part, ...], dict[str, str]]:
        """Makes the drawables of a scene and says what they are."""
        parts: list[Part] = []
        wear = draw_wear(rng, self.recipe.forearm)
        skins = self._skins.paint(hands, people)
        for side, hand in hands.items():
            other = hands.get(side.other)
            parts += dressed_hand(
                rng, self.models[side], hand, skins[side], wear, self.recipe.occluders,
                others=None if other is None else other.vertices,
            )  # fmt: skip
        objects = make_objects(
            rng, self.recipe.occluders, {side: hand.vertices for side, hand in hands.items()}
        )
        notes = {"forearm": wear.kind, "object": objects[0].name if objects else ""}
        return (*parts, *objects), notes


def _empty_camera() -> Camera:
    """Returns the camera of a scene without hands."""
    middle = (FRAME - 1) / 2
    return Camera(np.array([[800.0, 0, middle], [0, 800.0, middle], [0, 0, 1]]), (FRAME, FRAME))


def _cut(background: ImageArray, box: tuple[float, float, float, float]) -> ImageArray:
    """Returns what lies behind a crop of the scene's picture; a crop over the edge moves inside."""
    scale = BACKDROP / FRAME
    side = min(max(round(box[2] * scale), 8), BACKDROP)
    left = min(max(round((box[0] + 0.5) * scale), 0), BACKDROP - side)
    top = min(max(round((box[1] + 0.5) * scale), 0), BACKDROP - side)
    return background[top : top + side, left : left + side]
