"""What ``synth-interhand`` is asked for: the settings, the takes of each split, and how both are checked."""

from __future__ import annotations

from dataclasses import dataclass

from handbench.errors import HandbenchError
from handbench.formats.interhand import SPLITS
from handbench.registry import nearest
from handbench.synth.interhand_motion import RATE
from handbench.synth.interhand_studio import SIZES

TAKES = 4
"""Takes of one capture, that is, of one person: two interacting, one of either hand."""

_STEPS = 10_000  # frame numbers that each take of a capture has to itself


@dataclass(frozen=True)
class InterhandPlan:
    """What decides the pictures.

    Attributes:
        frames: of each take.
        cameras: of each capture.
        fps: pictures a second, 5 or 30.
        poses: ``sampler`` or ``tzionas:DIR[@sequences=01-07]``.
        size: ``334x512``, ``512x334`` or ``mixed``.
        hand_model: ``procedural`` or ``mano:DIR``.
        seed: of everything.
        renderer: its name.
    """

    frames: int = 60
    cameras: int = 8
    fps: int = 30
    poses: str = "sampler"
    size: str = "mixed"
    hand_model: str = "procedural"
    seed: int = 0
    renderer: str = "auto"


def unit_of(name: str) -> tuple[str, int]:
    """Returns split and number of a take from its unit's name, such as ``train-00012``."""
    split, _, number = name.partition("-")
    return split, int(number)


def frame_number(index: int, k: int, fps: int) -> int:
    """Returns the frame number of picture ``k`` of a take: unique in its capture, in steps of 1/30 s."""
    return _STEPS * (1 + index % TAKES) + k * (RATE // fps)


def parse_splits(text: str) -> dict[str, int]:
    """Turns ``train=4,test=2`` into takes of each split.

    Raises:
        HandbenchError: for another split, or no number.
    """
    takes: dict[str, int] = {}
    for word in filter(None, text.split(",")):
        name, _, value = word.partition("=")
        if name not in SPLITS:
            raise HandbenchError(f"--splits {text}: unknown split {name!r}", nearest(name, list(SPLITS)))
        if not value.isdecimal():
            raise HandbenchError(f"--splits {text}: {word!r} has no number of takes", "write train=4,test=2")
        takes[name] = int(value)
    if not any(takes.values()):
        raise HandbenchError(f"--splits {text}: names no take", "write train=4,val=2,test=4")
    return {name: takes[name] for name in SPLITS if takes.get(name)}


def check(plan: InterhandPlan, root_noise: float, human: float) -> None:
    """Checks the numbers of a plan.

    Raises:
        HandbenchError: for one that is out of range.
    """
    if plan.fps not in (5, 30):
        raise HandbenchError(f"--fps {plan.fps}", "InterHand2.6M has 5 and 30")
    if plan.size not in SIZES:
        raise HandbenchError(f"--size {plan.size}", f"give one of {', '.join(SIZES)}")
    if not 1 <= plan.frames * (RATE // plan.fps) <= _STEPS:
        raise HandbenchError(f"--frames {plan.frames}", f"give 1 to {_STEPS * plan.fps // RATE}")
    if not 1 <= plan.cameras <= 140:
        raise HandbenchError(f"--cameras {plan.cameras}", "give 1 to 140, as many as the real studio has")
    if not 0 <= human <= 1 or root_noise < 0:
        raise HandbenchError(
            "--human is a share, --root-noise a length in metres", "give 0 to 1, and 0 or more"
        )
