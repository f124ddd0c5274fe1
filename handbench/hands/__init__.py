"""Hand models: parameters to vertices and joints, right and left, MANO or procedural.

The names below are imported when they are first used, so that a module which needs none of them (the pickle
reader, say) does not wait for numba.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handbench.hands.library import load_hand_model
    from handbench.hands.model import HandMesh, HandModel, forward, forward_one

__all__ = ["HandMesh", "HandModel", "forward", "forward_one", "load_hand_model"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "library" if name == "load_hand_model" else "model"
    return getattr(importlib.import_module(f"handbench.hands.{module}"), name)
