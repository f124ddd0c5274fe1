"""handbench: synthesise, load, score and train 3D hand pose under occlusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from handbench.version import __version__

if TYPE_CHECKING:
    from handbench.datasets import load_dataset
    from handbench.types import Sample

__all__ = ["Sample", "__version__", "load_dataset"]

_PUBLIC = {"load_dataset": "handbench.datasets", "Sample": "handbench.types"}


def __getattr__(name: str) -> Any:
    """Imports the public names when they are first used."""
    if name not in _PUBLIC:
        raise AttributeError(f"module 'handbench' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PUBLIC[name]), name)
