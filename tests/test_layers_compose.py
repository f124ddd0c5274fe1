"""Layers composed in any combination equal scenes drawn with these parts alone."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from handbench.errors import HandbenchError
from handbench.synth.layers import compose, visible
from handbench.synth.raster import RasterRenderer
from handbench.synth.scene import HandScene
from handbench.synth.trial import trial_scene

SUBSETS = [("right",), ("right", "right_arm"), ("left", "left_arm"), ("left", "right_arm", "right")]


def only(scene: HandScene, names: tuple[str, ...]) -> HandScene:
    return dataclasses.replace(scene, parts=tuple(part for part in scene.parts if part.name in names))


@pytest.mark.parametrize("seed", range(6))
def test_a_subset_is_the_scene_without_the_others(seed: int) -> None:
    scene = trial_scene(seed, size=160)
    layers = RasterRenderer().render(scene)
    compose(layers, scene, layers.names)
    for names in SUBSETS:
        alone = only(scene, names)
        drawn = RasterRenderer().render(alone)
        picture, reference = compose(layers, scene, names), compose(drawn, alone, names)
        assert np.abs(picture.astype(int) - reference).max() <= 1
        for name in names:
            assert np.array_equal(layers.mask(name), drawn.mask(name))
            assert np.array_equal(layers.depth(name), drawn.depth(name))


def test_shadows_come_and_go_with_their_hands() -> None:
    scene = trial_scene(2, size=160)
    layers = RasterRenderer().render(scene)
    empty = compose(layers, scene, ())
    assert np.array_equal(empty, scene.background)
    away = ~(layers.mask("right") | layers.mask("right_arm"))
    alone = compose(layers, scene, ("right", "right_arm"))
    assert (alone[away].astype(int) - scene.background[away] < -8).any()
    assert np.array_equal(compose(layers, scene, ()), scene.background)


def test_order_of_calls_and_names_does_not_matter() -> None:
    scene = trial_scene(3, size=160)
    renderer = RasterRenderer()
    layers = renderer.render(scene)
    first = {names: compose(layers, scene, names) for names in [layers.names, *SUBSETS]}
    layers = renderer.render(scene)
    for names in [*reversed(SUBSETS), layers.names]:
        assert np.array_equal(compose(layers, scene, tuple(reversed(names))), first[names])


def test_visible_is_the_nearest_of_the_named() -> None:
    scene = trial_scene(4, size=160)
    layers = RasterRenderer().render(scene)
    depths = np.stack([layers.depth(name) for name in layers.names])
    nearest = np.where(np.isfinite(depths).any(0), depths.argmin(0), -1)
    assert np.array_equal(visible(layers, layers.names), nearest)
    right = visible(layers, ["right"])
    assert np.array_equal(right >= 0, layers.mask("right")) and right.max() == layers.names.index("right")


def test_misuse_is_refused() -> None:
    scene = trial_scene(5, size=64)
    renderer = RasterRenderer()
    layers = renderer.render(scene)
    with pytest.raises(HandbenchError, match="no part 'middle'"):
        compose(layers, scene, ["middle"])
    renderer.render(scene)
    with pytest.raises(HandbenchError, match="earlier render"):
        compose(layers, scene, layers.names)
