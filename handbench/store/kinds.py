"""The field sets that stores of ours hold, as their manifests name them; docs/formats.md describes each."""

from __future__ import annotations

AIH = "aih/1"
"""Samples of AIH with their pictures."""

AIH_TABLE = "aih-table/1"
"""The same where pasted samples are rows, which :mod:`handbench.compose.table` composes."""

SAMPLES = (AIH, AIH_TABLE)

CUTOUTS = "cutouts/1"
"""Photographed single hands, ready to be pasted."""

PACKED = "packed/1"
"""Any dataset, cropped, as ``data pack`` writes it."""
