"""Viewpoints: drawn over the sphere so that occlusion follows a stated distribution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from handbench.arrays import FloatArray, IndexArray
from handbench.camera import Camera
from handbench.hands.rotations import dot, product, turned
from handbench.synth.arms import ARM_LENGTH, ARM_RADIUS
from handbench.synth.coverage import CELLS, clear_directions, enclose, look, search
from handbench.synth.poses import Betas, PoseSource, TwoHands
from handbench.synth.spheres import SphereSet
from handbench.types import Side

ALONG, ACROSS = 0.3, 0.3
"""How far the first directions stray from the line through both hands and from the plane across it."""

FLESH = 1.06
"""Spheres are drawn larger by this much, for the flesh between them: it takes the bias out of the count."""


@dataclass(frozen=True, slots=True)
class OcclusionRange:
    """The occlusion of the more occluded hand is uniform between ``low`` and ``high``."""

    low: float = 0.0
    high: float = 0.8


@dataclass(frozen=True, slots=True)
class ViewConfig:
    """Recipe keys of the viewpoint.

    Attributes:
        occlusion: the stated distribution of the more occluded hand's occlusion.
        tolerance: a viewpoint farther than this from the drawn occlusion is not used.
        distance: nearest and farthest camera [m], uniform in the logarithm.
        fov: smallest and largest angle of view [degree] that the hands may fill.
        arm_angle: a forearm points at least this far away from the camera [degree].
        roll: standard deviation of the roll about "forearms come from below" [degree].
        any_roll: share of views whose roll is uniform instead.
        candidates: how many directions are tried at most.
        scenes: how many scenes are drawn at most until one allows the drawn occlusion.
    """

    occlusion: OcclusionRange = field(default_factory=OcclusionRange)
    tolerance: float = 0.04
    distance: tuple[float, float] = (0.3, 1.2)
    fov: tuple[float, float] = (15.0, 50.0)
    arm_angle: float = 46.0
    roll: float = 35.0
    any_roll: float = 0.2
    candidates: int = 24
    scenes: int = 12


@dataclass(frozen=True, slots=True)
class ViewChoice:
    """A viewpoint of a scene.

    Attributes:
        R: (3, 3) rotation, scene to camera.
        t: (3,) translation, scene to camera [m].
        target: the drawn occlusion of the more occluded hand; NaN with fewer than two hands.
        expected: what the coarse count says it is.
        distance: from the camera to the middle of the hands [m].
        radius: of the sphere about that point that holds all hands [m].
    """

    R: FloatArray
    t: FloatArray
    target: float
    expected: float
    distance: float
    radius: float

    def camera(self, size: tuple[int, int] = (640, 640), fill: float = 0.85) -> Camera:
        """Returns a camera whose picture of ``size`` (w, h) is filled by the hands to ``fill``."""
        f = 0.5 * fill * min(size) * self.distance / self.radius
        K = np.array([[f, 0.0, (size[0] - 1) / 2], [0.0, f, (size[1] - 1) / 2], [0.0, 0.0, 1.0]])
        return Camera(K, size, self.R, self.t)


def draw_occlusion(rng: np.random.Generator, config: ViewConfig) -> float:
    """Draws the wanted occlusion of the more occluded hand."""
    return float(rng.uniform(config.occlusion.low, config.occlusion.high))


def choose_view(
    rng: np.random.Generator,
    hands: TwoHands,
    spheres: Mapping[Side, SphereSet],
    config: ViewConfig,
    target: float,
) -> ViewChoice:
    """Chooses the camera for a scene.

    Args:
        rng: the scene's stream.
        hands: one or two hands.
        spheres: the sphere sets of the two hand models.
        config: recipe keys.
        target: the wanted occlusion of the more occluded hand; ignored with one hand.

    Returns:
        The best viewpoint found. Compare ``expected`` with ``target``: some scenes do not allow every value.
    """
    centre, radius = enclose(np.concatenate([hand.vertices for hand in hands.hands]))
    near = max(config.distance[0], radius / np.tan(np.deg2rad(config.fov[1]) / 2))
    far = max(near, min(config.distance[1], radius / np.tan(np.deg2rad(config.fov[0]) / 2)))
    distance = float(np.exp(rng.uniform(np.log(near), np.log(far))))
    arms = np.stack([hand.arm for hand in hands.hands])
    directions = _directions(rng, hands, arms, config)
    if len(hands.hands) == 2:
        placed, owners = _place(hands, spheres)
        scale = 0.48 * CELLS * np.sqrt(distance**2 - radius**2) / radius
        towards, expected = search(placed, owners, centre, directions, distance, scale, target, 6)
    else:
        towards, expected, target = directions[0], 0.0, float("nan")
    down = arms.mean(axis=0)
    R, t = look(centre, towards, down, distance)
    roll = rng.normal(0.0, np.deg2rad(config.roll))
    if rng.random() < config.any_roll:
        roll = rng.uniform(-np.pi, np.pi)
    c, s = np.cos(roll), np.sin(roll)
    turn = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return ViewChoice(product(turn, R), turned(turn, t), target, float(expected), distance, radius)


def draw_scene(
    rng: np.random.Generator,
    source: PoseSource,
    people: Betas,
    spheres: Mapping[Side, SphereSet],
    config: ViewConfig,
) -> tuple[TwoHands, ViewChoice]:
    """Draws two hands and a viewpoint whose occlusion follows the stated distribution.

    The occlusion is drawn first and kept: where a pose does not allow it, another pose is drawn. Where none
    of ``config.scenes`` poses allows it, the nearest is taken, and ``ViewChoice`` says what was wanted.

    Raises:
        HandbenchError: what the pose source raises.
    """
    target = draw_occlusion(rng, config)
    best: tuple[TwoHands, ViewChoice] | None = None
    miss = float("inf")
    for _ in range(config.scenes):
        hands = source.draw(rng, people, target)
        view = choose_view(rng, hands, spheres, config, target)
        if len(hands.hands) < 2:
            return hands, view
        if best is None or abs(view.expected - target) < miss:
            best, miss = (hands, view), abs(view.expected - target)
        if miss <= config.tolerance:
            break
    assert best is not None
    return best


def _directions(
    rng: np.random.Generator, hands: TwoHands, arms: FloatArray, config: ViewConfig
) -> FloatArray:
    """Draws directions over the sphere, without those towards which a forearm points.

    Two near the line through both hands come first, where one hand hides the other, then two across it, where
    it hides least: between them lies almost every share that the scene allows.
    """
    draws = rng.standard_normal((2 * config.candidates, 3))
    line = np.zeros(3)
    if len(hands.hands) == 2:
        line = hands.hands[0].joints.mean(axis=0) - hands.hands[1].joints.mean(axis=0)
        line /= max(float(np.sqrt(dot(line, line))), 1e-9)
        draws[:2] *= ALONG
        draws[0] += line
        draws[1] -= line
        draws[2] -= (1.0 - ACROSS) * dot(draws[2], line) * line
        draws[3] -= (1.0 - ACROSS) * dot(draws[3], line) * line
    return np.asarray(clear_directions(draws, arms, np.cos(np.deg2rad(config.arm_angle)), config.candidates))


def _place(hands: TwoHands, spheres: Mapping[Side, SphereSet]) -> tuple[FloatArray, IndexArray]:
    """Returns the spheres of both hands and both forearms, and where each group starts."""
    groups = []
    for hand in hands.hands:
        own = spheres[hand.side]
        groups.append(own.place(hand.vertices)[own.coarse])
    for group in groups:
        group[:, 3] *= FLESH
    steps = np.arange(0.012, ARM_LENGTH, 0.012)
    for hand in hands.hands:
        centres = hand.joints[0] + steps[:, None] * hand.arm
        groups.append(np.concatenate([centres, np.full((len(steps), 1), 0.8 * ARM_RADIUS)], axis=1))
    owners = np.cumsum([0, *(len(group) for group in groups)])
    return np.concatenate(groups), owners.astype(np.int64)
