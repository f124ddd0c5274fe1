"""What is published of InterHand2.6M: counts (homepage, issue 122), faults that users found."""

from __future__ import annotations

from dataclasses import dataclass

OFFICIAL_COUNTS: dict[tuple[str, str, str], tuple[int | None, int | None, int]] = {
    ("v1.0", "train", "human"): (142_231, 386_251, 528_482),
    ("v1.0", "train", "machine"): (594_189, 314_848, 909_037),
    ("v1.0", "train", "all"): (687_548, 673_514, 1_361_062),
    ("v1.0", "val", "machine"): (234_183, 145_942, 380_125),
    ("v1.0", "val", "all"): (234_183, 145_942, 380_125),
    ("v1.0", "test", "human"): (33_665, 87_908, 121_573),
    ("v1.0", "test", "machine"): (455_303, 272_284, 727_587),
    ("v1.0", "test", "all"): (488_968, 360_192, 849_160),
    ("v0.0", "train", "human"): (None, None, 284_716),
    ("v0.0", "train", "machine"): (None, None, 497_058),
    ("v0.0", "train", "all"): (371_800, 366_802, 738_602),
    ("v0.0", "val", "machine"): (113_370, 70_917, 184_287),
    ("v0.0", "val", "all"): (113_370, 70_917, 184_287),
    ("v0.0", "test", "human"): (None, None, 66_722),
    ("v0.0", "test", "machine"): (None, None, 286_175),
    ("v0.0", "test", "all"): (197_992, 154_905, 352_897),
}
"""(version, split, subset) -> single, interacting, all pictures at 5 fps. In train, people and machine both
annotated 76,457 pictures: there ``machine`` is more than what the id list leaves."""


@dataclass(frozen=True)
class KnownFault:
    """One fault of the official data.

    Attributes:
        issue: its number in github.com/facebookresearch/InterHand2.6M/issues.
        what: one line.
        split: where, or empty: everywhere.
        capture: -1: any.
        seq: prefix of the sequence's name, or empty: any.
        frame: -1: any.
        camera: or empty: any.
    """

    issue: int
    what: str
    split: str = ""
    capture: int = -1
    seq: str = ""
    frame: int = -1
    camera: str = ""


KNOWN_FAULTS = (
    KnownFault(
        104, "the left hand's 3D joints are wrong: 41.8 mm from the MANO fit", "val", 0,
        "ROM09_Interaction_Fingers_Touching", 29700,
    ),
    KnownFault(157, "the annotation's picture size is wrong; the picture's header is used", camera="400412"),
    KnownFault(100, "a user found that joints do not project onto the hands", camera="400412"),
)  # fmt: skip
