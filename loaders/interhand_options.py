"""What can be asked of InterHand2.6M, and which rows that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.formats.interhand import HAND_TYPES
from handbench.formats.interhand_layout import Files
from handbench.loaders.interhand_known import OFFICIAL_COUNTS

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Options:
    """Keys of ``interhand:DIR@...``.

    split: train, val or test; by default the first of them that is there.
    fps: 5 or 30: which of two trees below DIR, and which of RootNet's files.
    subset: all, human or machine annotated. v1.0 needs aid_human_annot_{split}.txt, and machine is what that
        list does not name; v0.0 has a folder for each.
    hand_type: all, single, interacting, right or left.
    hand_model: mano:DIR or procedural turns NeuralAnnot's records into parameters; by default the model that
        a made tree names, and none for the official tree.
    mesh: whether hands with parameters get vertices.
    boxes: gt, or rootnet for the boxes of RootNet's output.
    missing: skip leaves pictures out that are not on disk, keep lists them (for scoring without pictures).
    skip_black: whether an all-black picture raises BadSampleError when it is read; some are black in the
        official data, and its evaluation counts them.
    """

    split: Literal["train", "val", "test"] = "train"
    fps: int = 5
    subset: Literal["all", "human", "machine"] = "all"
    hand_type: Literal["all", "single", "interacting", "right", "left"] = "all"
    hand_model: str = ""
    mesh: bool = False
    boxes: Literal["gt", "rootnet"] = "gt"
    missing: Literal["skip", "keep"] = "skip"
    skip_black: bool = False


def official_count(options: Options, files: Files) -> int:
    """Returns how many samples the official split has with these options; 0 where nothing is published."""
    known = OFFICIAL_COUNTS.get((files.version, options.split, options.subset))
    if known is None or files.mark is not None or options.fps != 5:
        return 0
    single, both, every = known
    counts = {"all": every, "single": single, "interacting": both}
    if (options.split, options.subset) == ("train", "machine"):
        return 0  # the id list leaves fewer than the published number, see OFFICIAL_COUNTS
    return counts.get(options.hand_type) or 0


def chosen_rows(options: Options, files: Files, columns: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
    """Returns which rows the options ask for."""
    chosen = _annotated_by(options, files, columns)
    if options.boxes == "rootnet" and files.rootnet is None:
        name = f"rootnet_interhand2.6m_output_{options.split}{'_30fps' if options.fps == 30 else ''}.json"
        raise HandbenchError(f"{files.root}: no rootnet_output/{name}", "boxes=gt needs no such file")
    if options.hand_type == "single":
        chosen &= columns["hand_type"] != HAND_TYPES.index("interacting")
    elif options.hand_type != "all":
        chosen &= columns["hand_type"] == HAND_TYPES.index(options.hand_type)
    return chosen


def _annotated_by(options: Options, files: Files, columns: Mapping[str, Array]) -> npt.NDArray[np.bool_]:
    every = np.ones(len(columns["id"]), dtype=np.bool_)
    if options.subset == "all" or files.version != "v1.0":
        return every
    if "human" in columns:
        return np.asarray(columns["human"] == (options.subset == "human"))
    if options.split != "val":
        raise HandbenchError(
            f"{files.root / 'annotations'}: no aid_human_annot_{options.split}.txt, which subset="
            f"{options.subset} needs",
            "the list of ids is in the repository of InterWild (facebookresearch/InterWild)",
        )
    if options.subset == "human":
        raise HandbenchError(
            "people annotated nothing of InterHand2.6M's val", "subset=machine or subset=all"
        )
    return every
