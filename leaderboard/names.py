"""How models and data are named on the board, and how many samples the official data have."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from handbench.formats.ho3d_tree import OFFICIAL_COUNTS as _HO3D

OFFICIAL_SAMPLES: dict[tuple[str, str, str], int] = {
    **{(f"ho3d_{version}", split, "all"): count for (version, split), count in _HO3D.items()},
    **{
        ("interhand", split, subset): count
        for split, counts in {
            "train": {"all": 1_361_062, "SH": 687_548, "IH": 673_514},
            "val": {"all": 380_125, "SH": 234_183, "IH": 145_942},
            "test": {
                "all": 849_160, "SH": 488_968, "IH": 360_192,
                "human": 121_573, "human SH": 33_665, "human IH": 87_908,
                "machine": 727_587, "machine SH": 455_303, "machine IH": 272_284,
            },
        }.items()
        for subset, count in counts.items()
    },
}  # fmt: skip
"""(dataset, split, subset) -> samples: HO-3D's lists, InterHand2.6M v1.0 at 5 fps (H+M; homepage)."""

ORACLES = ("oracle", "oracle-noise")
"""Models that see the ground truth: they check the scoring, and are never ranked."""


SEES_TRUTH = "sees the ground truth"
"""Stands in the remarks of rows of a model that was shown annotation, as a stage with true masks is."""


def split_name(name: str) -> tuple[str, str]:
    """Returns model and variant of a full name: ``hdr:no-removal`` is hdr and no-removal.

    A training keeps its ``@`` and a filter its ``+``: ``hdr@sh`` is hdr and ``@sh``, ``ifvonet+one-euro`` is
    ifvonet and ``+one-euro``, ``hdr:a@sh`` is hdr and ``a@sh``.
    """
    places = [at for at in map(name.find, ":@+") if at > 0]
    if not places:
        return name, ""
    at = min(places)
    return name[:at], name[at:].removeprefix(":")


UNTRAINED = "untrained weights"
"""Stands in the remarks of rows of a model with random weights; no board takes them."""


def full_name(model: str, variant: str) -> str:
    """Returns a model's name with its variant, as a user types it; the converse of :func:`split_name`."""
    return model + (variant if not variant or variant[0] in "@+" else f":{variant}")


def board_dataset(
    dataset: str, split: str, subset: str, keys: Iterable[str], fingerprint: str, partial: bool
) -> str:
    """Names the data of a result so that only results on the same samples share the name.

    The whole official data keep their plain name, ``ho3d_v3``. Anything else (a part, a synthetic tree, a
    recipe's output) gets ``#`` and 8 hex digits of its annotation and its keys: ``ho3d_v3#1f0c22ab``.

    Args:
        dataset: name with version, of the ground truth.
        split: of the dataset.
        subset: that was scored, ``all`` or e.g. ``human``.
        keys: of all its samples.
        fingerprint: of the annotation.
        partial: whether samples of the split are missing.
    """
    names = list(keys)
    if not partial and OFFICIAL_SAMPLES.get((dataset, split, subset)) == len(names):
        return dataset
    digest = hashlib.blake2b(fingerprint.encode(), digest_size=4)
    for start in range(0, len(names), 10_000):
        digest.update("\n".join(names[start : start + 10_000]).encode() + b"\n")
    return f"{dataset}#{digest.hexdigest()}"


def base_dataset(dataset: str) -> str:
    """Returns the name without what tells other data of the same kind apart."""
    return dataset.partition("#")[0]
