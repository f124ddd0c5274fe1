"""The hand models by name: the procedural hand that ships, or MANO's files in a folder."""

from __future__ import annotations

import functools
from pathlib import Path

from handbench.errors import HandbenchError
from handbench.hands.mano import file_sha256, load_mano, read_arrays
from handbench.hands.model import HandModel, model_from_arrays
from handbench.types import Side

ASSETS = Path(__file__).parent / "assets"


@functools.lru_cache(maxsize=16)
def load_hand_model(
    spec: str = "procedural", side: Side = Side.RIGHT, left_shapedirs: str = "fix"
) -> HandModel:
    """Loads a hand model; the same arguments give the same object.

    Args:
        spec: ``procedural``, or ``mano:DIR`` with ``MANO_RIGHT.npz`` or ``.pkl`` (and ``MANO_LEFT``) in DIR.
        side: which hand.
        left_shapedirs: for MANO's left hand, ``fix`` or ``keep``: see
            :func:`handbench.hands.mano.load_mano_file`.

    Raises:
        HandbenchError: when the name is unknown, or the file is missing, damaged or of the other hand.
    """
    kind, _, folder = spec.partition(":")
    if kind == "mano" and folder:
        return load_mano(folder, side, left_shapedirs)
    if spec != "procedural":
        raise HandbenchError(f"unknown hand model {spec!r}", "use 'procedural' or 'mano:DIR'")
    path = ASSETS / f"MANO_{side.value.upper()}.npz"
    if not path.is_file():
        raise HandbenchError(f"{path} is missing", "the installation is incomplete: install handbench again")
    return model_from_arrays(read_arrays(path), "procedural", side, file_sha256(path), str(path))
