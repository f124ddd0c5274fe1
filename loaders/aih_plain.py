"""AIH as the authors lay it out: rendered samples, and samples pasted on the fly from single hands."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from handbench.datasets import Coverage, Dataset, Finding, Loader
from handbench.errors import HandbenchError
from handbench.formats.aih_plain import BRANCHES
from handbench.ground_truth import GroundTruth
from handbench.loaders.aih_plain_audit import audit_plain
from handbench.loaders.aih_plain_index import RenderGroup, SynGroup, fingerprint_of, open_render, open_syn
from handbench.loaders.aih_plain_samples import render_sample, syn_sample
from handbench.loaders.aih_plain_truth import truth_of
from handbench.seeding import rng_for
from handbench.types import Sample


@dataclass(frozen=True)
class AihPlainOptions:
    """Keys of ``aih-plain:DIR@...``; DIR holds ``AIH_syn`` and ``AIH_render``.

    Attributes:
        split: ``train``, ``val`` or ``test``.
        part: ``syn`` (pasted), ``render`` or ``both``.
        branch: ``human``, ``machine``, ``both``, or ``official``: both for train; machine, and no rendered
            samples, for val and test.
        colour: of pasted samples: ``official`` (train: one gain for each colour, drawn from ``seed`` and the
            sample; val and test: none), ``stored`` (the recipe's own) or ``none``.
        colour_gain: a gain is drawn between 1 - this and 1 + this.
        seed: of the colour gains.
    """

    split: Literal["train", "val", "test"] = "train"
    part: Literal["syn", "render", "both"] = "both"
    branch: Literal["official", "human", "machine", "both"] = "official"
    colour: Literal["official", "stored", "none"] = "official"
    colour_gain: float = 0.2
    seed: int = 0


class AihPlainDataset(Dataset):
    """Samples in the official reader's order: pasted (machine, human), then rendered (human, machine).

    Args:
        root: holds ``AIH_syn`` and ``AIH_render``.
        options: what to take.

    Raises:
        HandbenchError: when nothing of it is there, or lists and recipes disagree.
    """

    name = "aih_plain"

    def __init__(self, root: Path, options: AihPlainOptions) -> None:
        self.root, self.options, self.split = root, options, options.split
        if not 0 <= options.colour_gain < 1:
            raise HandbenchError(f"colour_gain={options.colour_gain}", "give 0 to below 1")
        self._groups = self._open()
        self._starts = np.cumsum([0, *map(len, self._groups)]).tolist()
        listed = sum(group.listed for group in self._groups)
        if not listed:
            raise HandbenchError(
                f"{root}: no samples of part={options.part}, branch={options.branch}, split={options.split} "
                "(AIH_syn/syn_cfgs/*.npy, AIH_render/*/images/r_images/IH)",
                "handbench data howto aih-plain tells what to put there",
            )
        self.fingerprint = fingerprint_of(self._groups)
        self.coverage = Coverage(self._starts[-1], listed, tuple(self._missing()))

    def _open(self) -> list[RenderGroup | SynGroup]:
        options, branch = self.options, self.options.branch
        official, training = branch == "official", self.split == "train"
        if branch in BRANCHES:
            branches: tuple[str, ...] = (branch,)
        else:
            branches = BRANCHES if training or not official else ("machine",)
        groups: list[RenderGroup | SynGroup] = []
        if options.part != "render":
            groups += [group for b in reversed(branches) for group in open_syn(self.root, b, self.split)]
        if options.part != "syn" and (training or not official):
            groups += [group for b in branches for group in open_render(self.root, b, self.split)]
        return groups

    def _missing(self) -> list[str]:
        lines = []
        for group in self._groups:
            kind = "rendered" if isinstance(group, RenderGroup) else "pasted"
            if len(group) < group.listed:
                lines.append(
                    f"{group.folder}: {len(group)} of {group.listed} {kind} samples have all their files"
                )
            if isinstance(group, SynGroup) and group.alone:
                lines.append(f"{group.folder}: {group.alone} recipes have no partner and are left out")
        return lines

    def __reduce__(self) -> tuple[Any, ...]:
        return AihPlainDataset, (self.root, self.options)

    @cached_property
    def _keys(self) -> list[str]:
        ends = (group.key(i) for group in self._groups for i in range(len(group)))
        return [f"aih_plain/{self.split}/{end}" for end in ends]

    @property
    def keys(self) -> Sequence[str]:
        """``aih_plain/<split>/syn/<branch>/<recipe>`` and ``.../render/<branch>/<side>/<stem>``."""
        return self._keys

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, index: int) -> Sample:
        """Returns sample ``index``; joints are NaN unless ``handbench.jsonl`` lies beside the pictures.

        ``meta`` has ``target_side``, ``target_image`` (a reference), ``part``, ``branch``, ``kind``.

        Raises:
            BadSampleError: when a line of ``handbench.jsonl`` is damaged; pictures are read later.
        """
        place = bisect.bisect_right(self._starts, index) - 1
        group, at = self._groups[place], index - self._starts[place]
        key = f"aih_plain/{self.split}/{group.key(at)}"
        if isinstance(group, RenderGroup):
            return render_sample(group, at, key)
        return syn_sample(group, at, key, self._gain(key, group.recipe(at).target_move.gain))

    def _gain(self, key: str, stored: tuple[float, float, float]) -> tuple[float, float, float]:
        options = self.options
        if options.colour == "stored":
            return stored
        if options.colour == "none" or self.split != "train":
            return (1.0, 1.0, 1.0)
        spread = options.colour_gain
        red, green, blue = (
            rng_for(options.seed, "aih colour", key).uniform(1 - spread, 1 + spread, 3).tolist()
        )
        return (red, green, blue)

    def audit(self) -> Iterator[Finding]:
        """Names files that lack their counterparts, and counts recipes without a partner."""
        return audit_plain(self._groups)

    def ground_truth(self) -> GroundTruth:
        """Returns the columns of all samples; without ``handbench.jsonl`` no joint is valid."""
        return truth_of(self, [group.folder for group in self._groups])


LOADER = Loader(
    AihPlainOptions,
    AihPlainDataset,
    "handbench.loaders:howto/aih-plain.md",
    "AIH as its authors lay it out (AIH_syn composed on the fly, AIH_render)",
)
