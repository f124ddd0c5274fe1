"""Poses, pairs and viewpoints: how fast they are drawn, and every bar that they have to keep.

    python benchmarks/poses.py [--num 1000] [--poses sampler|tzionas:DIR] [--skip-masks] [--kinds]

Times are the best of several runs of each scene, so that other work on the machine counts little; one forward
pass of a hand is printed beside them as a yardstick.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from handbench.arrays import FloatArray
from handbench.geometry import apply_similarity, fit_similarity
from handbench.hands.contact import min_distance, penetration_depth
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.seeding import rng_for
from handbench.synth.aih_scene import SceneMaker
from handbench.synth.backgrounds import open_backgrounds
from handbench.synth.pair_kinds import KINDS
from handbench.synth.pairs import PairSampler, make_posers
from handbench.synth.people import draw_people
from handbench.synth.poses import PoseSource, TwoHands
from handbench.synth.raster import RasterRenderer
from handbench.synth.recipe import AihRecipe
from handbench.synth.scene import HandScene
from handbench.synth.sources import open_poses
from handbench.synth.spheres import make_spheres
from handbench.synth.views import ViewChoice, choose_view, draw_scene
from handbench.types import Side

MODELS = {side: load_hand_model("procedural", side) for side in Side}
SPHERES = {side: make_spheres(MODELS[side]) for side in Side}
POSERS = make_posers(MODELS)
SIZE = 256


def best(make: Callable[[int], object], scenes: int = 60, rounds: int = 7) -> float:
    """Returns the mean over scenes of each scene's best time [ms]."""
    times = []
    for scene in range(scenes):
        runs = []
        for _ in range(rounds):
            started = time.perf_counter()
            make(scene)
            runs.append(time.perf_counter() - started)
        times.append(min(runs))
    return 1e3 * float(np.mean(times))


def print_times(source: PoseSource, recipe: AihRecipe) -> None:
    people = [draw_people(rng_for(0, "people", i), recipe.people).betas for i in range(60)]
    pairs = [source.draw(rng_for(0, "pose", i), people[i]) for i in range(60)]
    params = [pair.hands[0].params for pair in pairs]
    rows: dict[str, Callable[[int], object]] = {
        "forward of one hand (yardstick)": lambda i: forward_one(MODELS[params[i].side], params[i]),
        "pose source": lambda i: source.draw(rng_for(0, "pose", i), people[i]),
        "viewpoint": lambda i: choose_view(
            rng_for(0, "view", i), pairs[i], SPHERES, recipe.view, 0.8 * (i + 0.5) / 60
        ),
        "a scene: two hands and its viewpoint": lambda i: draw_scene(
            rng_for(0, "scene", i), source, people[i], SPHERES, recipe.view
        ),
    }
    print(f"{'':40s} ms   (bar 2.0 a scene, goal 1.2)")
    for name, make in rows.items():
        print(f"{name:38s} {best(make):6.3f}")


def contact(hands: TwoHands) -> tuple[float, float]:
    """Returns gap and penetration of a pair, measured again from its meshes [m]."""
    right, left = (hands.hand(side) for side in Side)
    assert right is not None and left is not None
    faces = [MODELS[side].closed_faces for side in Side]
    depth = penetration_depth(right.vertices, faces[0], left.vertices, faces[1])
    return min_distance(right.vertices, faces[0], left.vertices, faces[1]), depth


def mean_hand_error(scenes: list[TwoHands]) -> float:
    """Returns the PA-MPJPE [mm] of the mean of all hands: what a constant prediction scores."""
    joints = []
    for hands in scenes:
        for hand in hands.hands:
            flip = np.array([-1.0, 1, 1]) if hand.side is Side.LEFT else np.ones(3)
            joints.append((hand.joints - hand.joints[0]) * flip)
    stack = np.stack(joints)
    mean: FloatArray = stack[0]
    for _ in range(3):
        mean = align(stack, np.broadcast_to(mean, stack.shape)).mean(axis=0)
    fitted = align(np.broadcast_to(mean, stack.shape), stack)
    return 1e3 * float(np.linalg.norm(fitted - stack, axis=-1).mean())


def align(source: FloatArray, target: FloatArray) -> FloatArray:
    return apply_similarity(*fit_similarity(source, target), source)


def exact_occlusion(maker: SceneMaker, scene: int, renderer: RasterRenderer) -> float | None:
    """Returns the occlusion of the more occluded hand by the other one and its forearm, at 256 px."""
    draft = maker.draft(scene)
    if len(draft.hands) < 2:
        return None
    camera = draft.camera.resize((SIZE, SIZE))
    parts = tuple(part for part in draft.parts if part.hand is not None and "ring" not in part.name)
    background = np.zeros((SIZE, SIZE, 3), np.uint8)
    layers = renderer.render(
        HandScene(camera.K, (SIZE, SIZE), parts, draft.lights, background, draft.background_depth)
    )
    shares = []
    for side in Side:
        # A hand's own forearm and sleeve hide none of it in this count.
        names = [part.name for part in parts if part.is_hand or part.hand is side.other]
        seen = layers.visible(names) == layers.names.index(side.value)
        shares.append(1.0 - float(seen.sum()) / float(layers.mask(side.value).sum()))
    return max(shares)


def print_shares(title: str, values: FloatArray, recipe: AihRecipe) -> None:
    low, high = recipe.view.occlusion.low, recipe.view.occlusion.high
    shares = np.histogram(values, np.linspace(low, high, 11))[0] / len(values)
    print(f"{title}: {' '.join(f'{share:.3f}' for share in shares)}   outside {1 - shares.sum():.3f}")
    print(f"  largest deviation from 0.100: {np.abs(shares - 0.1).max():.3f}   (bar 0.05)")


def print_reach(recipe: AihRecipe) -> None:
    """Prints, for each kind, in which tenths of the occlusion's range a pair can be seen."""
    low, high = recipe.view.occlusion.low, recipe.view.occlusion.high
    print("\nshare of pairs that can be seen with an occlusion in each tenth of its range, and tries a pair")
    for kind in KINDS:
        sampler = PairSampler(MODELS, POSERS, replace(recipe.sampler, kinds={kind: 1.0}))
        betas = draw_people(rng_for(2, "people"), recipe.people).betas
        pairs = [sampler.draw(rng_for(2, kind, i), betas) for i in range(40)]
        row = []
        for tenth in range(10):
            target = low + (high - low) * (tenth + 0.5) / 10
            views = [
                choose_view(rng_for(2, tenth, i), pairs[i], SPHERES, recipe.view, target) for i in range(40)
            ]
            row.append(np.mean([abs(view.expected - target) <= recipe.view.tolerance for view in views]))
        tries = np.mean([pair.meta.tries for pair in pairs])
        print(f"{kind:14s} {' '.join(f'{share:.2f}' for share in row)}   {tries:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num", type=int, default=1000)
    parser.add_argument("--poses", default="sampler")
    parser.add_argument("--skip-masks", action="store_true", help="do not render exact masks")
    parser.add_argument("--kinds", action="store_true", help="print what each kind of interaction allows")
    options = parser.parse_args()
    recipe = AihRecipe(p_absent=0.0)
    source = open_poses(options.poses, MODELS, recipe)
    print_times(source, recipe)
    if options.kinds:
        print_reach(recipe)

    drawn: list[tuple[TwoHands, ViewChoice]] = []
    for i in range(options.num):
        betas = draw_people(rng_for(1, "people", i), recipe.people).betas
        drawn.append(draw_scene(rng_for(1, "scene", i), source, betas, SPHERES, recipe.view))
    scenes = [hands for hands, _ in drawn]
    gaps, depths = np.array([contact(hands) for hands in scenes]).T
    print(f"\n{options.num} scenes of {source.name}, measured again on the meshes")
    print(f"penetration above 3 mm: {(depths > 0.003).mean():.4f}   (bar 0.02)")
    print(f"deepest:                {1e3 * depths.max():.2f} mm")
    near = float(((gaps < 0.005) | (depths > 0)).mean())
    print(f"hands within 5 mm:      {near:.3f}    (bar 0.5, aim 0.7)")
    print(f"tries a pair:           {np.mean([hands.meta.tries for hands in scenes]):.2f}")
    print(f"PA-MPJPE of the mean hand: {mean_hand_error(scenes):.1f} mm   (12 to 18 wanted)")
    kinds = Counter(hands.meta.kind for hands in scenes)
    print("kinds: " + ", ".join(f"{kind} {count}" for kind, count in kinds.most_common()))
    print_shares("expected occlusion", np.array([view.expected for _, view in drawn]), recipe)
    if not options.skip_masks:
        backgrounds = open_backgrounds("procedural", recipe.backgrounds)
        maker = SceneMaker(recipe, "benchmark", 1, "procedural", source, backgrounds)
        renderer = RasterRenderer()
        exact = [
            value for i in range(options.num) if (value := exact_occlusion(maker, i, renderer)) is not None
        ]
        print_shares("exact occlusion at 256 px", np.array(exact), recipe)


if __name__ == "__main__":
    main()
