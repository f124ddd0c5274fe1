"""One record of AIH_Syn: a row of the recipe table, composed and encoded, or kept as the row it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from handbench.compose import Cutout, cutout_of, paste_fields
from handbench.compose.annotation import annotate
from handbench.compose.blobs import encode_blobs
from handbench.compose.composer import compose
from handbench.seeding import rng_for
from handbench.store.dataset import Store
from handbench.store.record import encode_record
from handbench.store.statistics import Statistics, bin_label
from handbench.synth.cutout_index import index_cutouts
from handbench.synth.syn_draw import Drawn, PairDrawer
from handbench.synth.syn_recipe import SynRecipe
from handbench.types import Side

Keep = Literal["composites", "table"]


class SynMaker:
    """Makes the records of AIH_Syn; record i depends on the recipe's hash, the seed and i alone.

    Args:
        recipe: keys.
        stream: the recipe's hash.
        seed: the user's seed.
        cutouts: the store of one split.
        keep: ``composites`` (pictures and masks) or ``table`` (the row; a reader composes).
    """

    def __init__(self, recipe: SynRecipe, stream: str, seed: int, cutouts: Store, keep: Keep) -> None:
        self.stream, self.seed, self.keep = stream, seed, keep
        self._cutouts = cutouts
        self._drawer = PairDrawer(recipe, index_cutouts(cutouts), self._read)

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns a record and what it adds to the histograms; even ids are about right hands."""
        side = Side.RIGHT if sample_id % 2 == 0 else Side.LEFT
        drawn = self._drawer.draw(rng_for(self.seed, self.stream, "syn", sample_id), side)
        fields = syn_fields(sample_id, drawn)
        blobs = {} if self.keep == "table" else _blobs(drawn)
        return encode_record(sample_id, blobs, fields), _statistics(fields)

    def _read(self, cutout_id: int) -> Cutout:
        return cutout_of(self._cutouts[cutout_id])


def syn_fields(sample_id: int, drawn: Drawn) -> dict[str, Any]:
    """Returns the fields of a record (docs/formats.md), without its pictures."""
    paste, target, other = drawn.paste, drawn.target, drawn.other
    hands, overlap = annotate(paste, target, other, drawn.masks)
    front = target.side if paste.target_front else target.side.other
    return {
        "scene_id": sample_id,
        "part": "syn",
        "kind": target.side.value,
        "target_side": target.side.value,
        "size": [paste.size, paste.size],
        "crop": np.array([-0.5, -0.5, paste.size, paste.size], dtype=np.float64),
        "hands": hands,
        "hand_model": target.fields["hand_model"],
        "occlusion": overlap["occlusion"],
        "depth_order": front.value if overlap["overlaps"] else "apart",
        "source": {
            "target": _source(target),
            "other": None if other is None else _source(other),
            "overlap_target": overlap["overlap_target"],
            "overlap_other": overlap["overlap_other"],
            "overlap_asked": None if drawn.bounds is None else list(drawn.bounds),
            "tries": drawn.tries,
        },
        "effects": {
            "motion": list(paste.effects.motion),
            "defocus": paste.effects.defocus,
            "low_light": paste.effects.low_light,
            "jpeg_quality": paste.effects.jpeg_quality,
        },
        "paste": paste_fields(paste),
    }


def _source(cutout: Cutout) -> dict[str, Any]:
    names = ("key", "person", "capture", "recording", "camera", "frame", "grey", "score", "tips")
    return {"cutout": cutout.id, **{name: cutout.fields[name] for name in names}}


def _blobs(drawn: Drawn) -> dict[str, bytes]:
    composed = compose(drawn.paste, drawn.target, drawn.other)
    return encode_blobs(composed, drawn.paste.effects.jpeg_quality)


def _statistics(fields: Mapping[str, Any]) -> Statistics:
    source = fields["source"]
    counts: dict[str, dict[str, int]] = {
        "part": {"syn": 1},
        "kind": {fields["kind"]: 1},
        "hands": {"1" if source["other"] is None else "2": 1},
    }
    if fields["occlusion"] is not None:
        counts["target_occlusion"] = {bin_label(fields["occlusion"], 0.05): 1}
    if source["other"] is not None:
        counts["overlap"] = {bin_label(source["overlap_target"], 0.05): 1}
        counts["depth_order"] = {fields["depth_order"]: 1}
        counts["tries"] = {_tries_label(source["tries"]): 1}
    return counts


def _tries_label(tries: int) -> str:
    """Names how many tries a sample took: 1 to 9, then by powers of two from 16."""
    return f"{tries:05d}" if tries < 10 else f"{2 ** int(np.ceil(np.log2(tries))):05d}"
