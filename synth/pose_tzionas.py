"""Real motion as a pose source: the tracked hands of Tzionas et al."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from handbench.config import content_hash, to_dict
from handbench.errors import HandbenchError
from handbench.hands.model import HandModel
from handbench.registry import nearest
from handbench.synth.motion_fit import fitted_motion, motion_fingerprint
from handbench.synth.persons import Mine
from handbench.synth.recorded_pairs import MotionConfig, RecordedPairs
from handbench.types import Side

if TYPE_CHECKING:
    from handbench.synth.recipe import AihRecipe


class MotionSource(RecordedPairs):
    """Draws frames of tracked hands.

    Args:
        models: the right and the left hand model.
        root: the folder that holds ``01``, ``02`` ...
        sequences: which of them.
        config: recipe keys.

    Raises:
        HandbenchError: when a sequence is missing or damaged.
    """

    def __init__(
        self, models: Mapping[Side, HandModel], root: Path, sequences: tuple[str, ...], config: MotionConfig
    ) -> None:
        files = motion_fingerprint(root, sequences, models)
        motion = fitted_motion(root, sequences, models, files)
        fingerprint = content_hash([files, list(sequences), to_dict(config)])
        super().__init__("tzionas", models, motion, fingerprint, config)


def open_tzionas(
    rest: str, models: Mapping[Side, HandModel], recipe: AihRecipe, mine: Mine | None = None
) -> MotionSource:
    """Opens ``--poses tzionas:DIR[@sequences=01-07]``.

    Raises:
        HandbenchError: for a missing folder, an unknown key, or a sequence that is not there.
    """
    folder, _, options = rest.partition("@")
    if not folder:
        raise HandbenchError("the pose source 'tzionas' needs a folder", "write tzionas:DIR")
    sequences = parse_sequences("01-07")
    for option in filter(None, options.split(",")):
        key, equals, value = option.partition("=")
        if key != "sequences" or not equals:
            raise HandbenchError(
                f"unknown key {key!r} of the pose source 'tzionas'", nearest(key, ["sequences"])
            )
        sequences = parse_sequences(value)
    return MotionSource(models, Path(folder), sequences, recipe.motion)


def parse_sequences(text: str) -> tuple[str, ...]:
    """Turns ``01-03`` or ``01+05`` into names of sequences.

    Raises:
        HandbenchError: when it is neither.
    """
    names: list[str] = []
    for part in text.split("+"):
        first, dash, last = part.partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise HandbenchError(f"cannot read the sequences {text!r}", "write 01-07 or 01+03")
        names += [f"{number:02d}" for number in range(int(first), int(last or first) + 1)]
    if not names:
        raise HandbenchError(f"{text!r} names no sequence", "write 01-07 or 01+03")
    return tuple(names)
