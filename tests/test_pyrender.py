"""pyrender gives the same layers as raster, in spawned processes only."""

from __future__ import annotations

import ctypes.util
import multiprocessing
import sys

import numpy as np
import pytest

from handbench.errors import HandbenchError
from handbench.synth.agreement import SMALL, Agreement, compare_layers
from handbench.synth.renderers import choose_renderer, make_renderer
from handbench.synth.trial import trial_scene

needs_egl = pytest.mark.usefixtures("egl")


def agreements(count: int) -> list[Agreement]:
    raster, pyrender = make_renderer("raster"), make_renderer("pyrender")
    found = []
    for seed in range(count):
        scene = trial_scene(seed, spread=0.35 + 0.9 * (seed % 5) / 4)
        found += compare_layers(scene, raster.render(scene), pyrender.render(scene))
    return found


def check(found: list[Agreement]) -> None:
    large = [a for a in found if a.pixels >= SMALL]
    small = [a for a in found if a.pixels < SMALL]
    assert min(a.iou for a in large) >= 0.995
    # A handful of pixels may differ where a mask has less than 200.
    assert all((1.0 - a.iou) * a.pixels <= 2.0 for a in small)
    assert np.nanmax([a.depth_mm for a in found]) <= 0.5


@needs_egl
def test_masks_and_depths_agree() -> None:
    check(agreements(40))


@needs_egl
@pytest.mark.soak
def test_masks_and_depths_agree_on_many_scenes() -> None:
    check(agreements(200))


@needs_egl
def test_pictures_are_alike() -> None:
    raster, pyrender = make_renderer("raster"), make_renderer("pyrender")
    for seed in range(4):
        scene = trial_scene(seed)
        a, b = raster.render(scene), pyrender.render(scene)
        for names in (a.names, ("left", "left_arm"), ()):
            difference = np.abs(a.compose(scene, names).astype(float) - b.compose(scene, names))
            assert difference.mean() < 6.0
        agree = a.visible(a.names) == b.visible(b.names)
        assert agree.mean() > 0.998


def _render_in_child(queue: multiprocessing.Queue[str]) -> None:
    try:
        make_renderer("pyrender")
        queue.put("made")
    except HandbenchError as problem:
        queue.put(str(problem))


@needs_egl
@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_process_is_refused() -> None:
    make_renderer("pyrender")
    context = multiprocessing.get_context("fork")
    queue: multiprocessing.Queue[str] = context.Queue()
    child = context.Process(target=_render_in_child, args=(queue,))
    child.start()
    assert "spawn" in queue.get(timeout=30)
    child.join()


def test_missing_egl_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from handbench.synth import pyrender_renderer

    monkeypatch.setattr(pyrender_renderer, "_instance", None)
    monkeypatch.setattr(ctypes.util, "find_library", lambda name: None)
    monkeypatch.setenv("PYOPENGL_PLATFORM", "egl")
    with pytest.raises(HandbenchError, match="libegl1 and libegl-mesa0"):
        make_renderer("pyrender")
    choice = choose_renderer()
    assert choice.name == "raster" and "pyrender" in choice.problems
    assert "pyrender does not work here" in str(choice)
