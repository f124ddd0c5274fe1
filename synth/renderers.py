"""The renderers by name, and the choice between them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from handbench.errors import HandbenchError
from handbench.registry import Registry
from handbench.synth.scene import Renderer

RENDERERS: Registry[Callable[[], Renderer]] = Registry("renderer", "handbench.renderers")
RENDERERS.register("raster", "handbench.synth.raster:make")
RENDERERS.register("pyrender", "handbench.synth.pyrender_renderer:make")

AUTO = "auto"
TRIALS = 5


@dataclass(frozen=True, slots=True)
class Choice:
    """Which renderer ``auto`` stands for on this machine.

    Attributes:
        name: the renderer's name, to record in the manifest and to give to every worker.
        seconds: time of one scene for each renderer that works.
        problems: why each of the others does not.
    """

    name: str
    seconds: dict[str, float]
    problems: dict[str, str]

    def __str__(self) -> str:
        times = [f"{name} {1000 * value:.1f} ms" for name, value in sorted(self.seconds.items())]
        missing = [f"{name} does not work here" for name in sorted(self.problems)]
        return f"renderer {self.name} (a scene takes {', '.join(times + missing)})"


def make_renderer(name: str) -> Renderer:
    """Makes a renderer.

    Args:
        name: ``raster``, ``pyrender``, another registered name, or ``auto`` (see ``choose_renderer``).

    Raises:
        HandbenchError: an unknown name, or a renderer that does not work on this machine.
    """
    if name == AUTO:
        name = choose_renderer().name
    return RENDERERS.get(name)()


def choose_renderer() -> Choice:
    """Measures every registered renderer on one scene of two hands, and takes the fastest.

    Call it once, before the first sample: two renderers do not give the same bits.

    Raises:
        HandbenchError: when none works.
    """
    seconds: dict[str, float] = {}
    problems: dict[str, str] = {}
    for name in RENDERERS.names():
        try:
            seconds[name] = _measure(RENDERERS.get(name)())
        except HandbenchError as problem:
            problems[name] = str(problem)
    if not seconds:
        raise HandbenchError(f"no renderer works: {'; '.join(problems.values())}", "see handbench doctor")
    return Choice(min(seconds, key=lambda name: seconds[name]), seconds, problems)


def _measure(renderer: Renderer) -> float:
    """Gives the least time of rendering and composing a trial scene, after a first that compiles."""
    from handbench.synth.trial import trial_scene

    scene = trial_scene(0)
    times = []
    for _ in range(TRIALS + 1):
        start = time.perf_counter()
        layers = renderer.render(scene)
        layers.compose(scene, layers.names)
        times.append(time.perf_counter() - start)
    return min(times[1:])
