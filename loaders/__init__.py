"""Datasets on disk to Samples: one file a dataset, each registers itself. And samples to torch batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from handbench.loaders.augment import Augment as Augment
    from handbench.loaders.batch import Batch as Batch
    from handbench.loaders.batching import Batches as Batches
    from handbench.loaders.batching import batches as batches

_LAZY = {"batches": "batching", "Batches": "batching", "Batch": "batch", "Augment": "augment"}


def __getattr__(name: str) -> Any:
    """Imports torch only when batches are asked for."""
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)
