"""AIH of both parts for tests: as composites, and as a table of the same samples."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from handbench.arrays import BoolArray
from handbench.store.manifest import make_manifest, write_manifest
from handbench.store.plan import DatasetSpec
from handbench.store.record import encode_record
from handbench.store.shard import ShardWriter
from handbench.store.statistics import Statistics
from handbench.synth.generate import SynthOptions, generate
from handbench.synth.syn_record import Keep

NUM = 60
KEYS = ("syn.photographs=16", "splits.val=0", "splits.test=0", "syn_share=0.7", "syn.p_alone=0.2")


def make_parts(out: Path, keep: Keep, recipe: str = "both", keys: tuple[str, ...] = KEYS) -> Path:
    """Makes ``out/train`` and ``out/cutouts/train``; the same samples whatever is kept of them."""
    generate(out, SynthOptions(recipe, keys, seed=2, renderer="raster", keep=keep), NUM, 0, quiet=True)
    return out


def write_store(
    folder: Path, records: list[tuple[dict[str, bytes], dict[str, object]]], kind: str,
    counts: Sequence[Statistics] | None = None, sources: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """Writes a finished store of (blobs, fields)."""
    spec = DatasetSpec(kind, "0" * 16, 0, sources=sources or {})
    with ShardWriter(folder, 0, range(len(records)), spec) as writer:
        for i, (blobs, fields) in enumerate(records):
            writer.add(i, encode_record(i, blobs, fields), counts[i] if counts else {})
        info = writer.publish()
    write_manifest(folder, make_manifest([info]))
    return folder


def overlap(a: BoolArray, b: BoolArray) -> float:
    """Returns intersection over union of two masks; 1 where both are empty."""
    union = int((a | b).sum())
    return float((a & b).sum() / union) if union else 1.0


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Returns how alike two pictures are [dB]."""
    return float(10 * np.log10(255.0**2 / max(np.mean((a.astype(float) - b) ** 2), 1e-9)))
