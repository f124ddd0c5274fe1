"""The records of a dataset of two parts: which id is pasted, which is rendered."""

from __future__ import annotations

import math

from handbench.store.statistics import Statistics
from handbench.synth.aih_record import KINDS, RecordMaker
from handbench.synth.syn_record import SynMaker


def rendered_scene(block: int, share: float) -> int | None:
    """Returns the number of the rendered scene that three records are of, or None where they are pasted.

    Blocks of three records are spread evenly: of the first n blocks n times ``share`` are rendered, rounded
    down, so that the proportion holds in every shard and for every number of samples.

    Args:
        block: number of three records: ids 3 ``block`` to 3 ``block`` + 2.
        share: of the blocks that are rendered, 0 to 1.
    """
    before, after = math.floor(block * share + 1e-9), math.floor((block + 1) * share + 1e-9)
    return before if after > before else None


class MixedMaker:
    """Makes pasted and rendered records.

    Args:
        syn: makes pasted ones; None where all are rendered.
        render: makes rendered ones; None where all are pasted.
        render_share: share of the records that are rendered.
    """

    def __init__(self, syn: SynMaker | None, render: RecordMaker | None, render_share: float) -> None:
        self._syn, self._render, self._share = syn, render, render_share

    def __call__(self, sample_id: int) -> tuple[bytes, Statistics]:
        """Returns the record of a sample and what it adds to the histograms."""
        block = sample_id // len(KINDS)
        scene = rendered_scene(block, self._share)
        if scene is None:
            assert self._syn is not None
            return self._syn(sample_id)
        assert self._render is not None
        # A pasted sample's scene is its own id; a block's first id is no other scene's.
        return self._render.make(
            sample_id, scene, KINDS[sample_id % len(KINDS)], block * len(KINDS), "render"
        )
