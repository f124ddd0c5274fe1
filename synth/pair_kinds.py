"""The kinds of interaction of two hands, as data.

Each hand has an anatomical frame: f along the fingers, n out of the palm, s towards the thumb. A kind says
how hand B stands in the frame of hand A, which points are put in line, and along which way B comes.
Because the frames of a right and a left hand are mirror images, each kind works with either hand as A.
"""

from __future__ import annotations

from dataclasses import dataclass

Vector = tuple[float, float, float]

FLAT_MIX = {"flat": 1.2, "mitt": 1.0, "spread": 0.3}
CURVED_MIX = {"mitt": 1.0, "cup": 0.25}
ANY: dict[str, float] = {}
"""Empty: the sampler's own mix."""


@dataclass(frozen=True, slots=True)
class PairKind:
    """How two hands are put together.

    Attributes:
        weight: how often the kind is drawn, relative to the others.
        pose_a: archetypes of hand A with their weights.
        pose_b: archetypes of hand B with their weights; None: B's pose mirrors A's.
        fingers: the direction of B's fingers, in A's (f, n, s).
        palm: where B's palm looks, in A's (f, n, s).
        way: the direction in which B comes, in A's (f, n, s).
        anchor_a: the point of A that B is lined up with.
        anchor_b: the point of B that is put there.
        turn: standard deviations of B's rotations about A's f, n and s [degree].
        shift: standard deviations of B's offset along A's f, n and s [m].
        offset: where B's anchor is put from A's, along A's f, n and s [m]; the s part has a random sign.
        tilt: if given, the range of a rotation of B about A's s axis (about n for ``swing``) [degree].
        swing: if given, the range of a rotation of B about A's n axis, with a random sign.
        mirror_plane: if given, B is A's mirror image in a plane whose normal leans from n to f by this range.
        vary: how much the archetypes are varied.
        interleave: whether B is moved sideways by half the distance of A's fingers.
        lay_flat: whether B is turned so that its surface lies flat on A's.
        close_a: whether A's fingers close around B afterwards.
        close_b: whether B's fingers close around A afterwards.
        occlusion: what the more occluded hand's occlusion usually can be, seen from somewhere; measured with
            ``benchmarks/poses.py``.
        reach: the hands may stay this far apart [m] where they do not touch.
    """

    weight: float
    pose_a: dict[str, float]
    pose_b: dict[str, float] | None
    fingers: Vector = (1, 0, 0)
    palm: Vector = (0, -1, 0)
    way: Vector = (0, -1, 0)
    anchor_a: str = "palm"
    anchor_b: str = "palm"
    turn: Vector = (8, 8, 8)
    shift: Vector = (0.008, 0.0, 0.008)
    offset: Vector = (0, 0, 0)
    tilt: tuple[float, float] | None = None
    swing: tuple[float, float] | None = None
    mirror_plane: tuple[float, float] | None = None
    vary: float = 1.0
    interleave: bool = False
    lay_flat: bool = False
    close_a: bool = False
    close_b: bool = False
    occlusion: tuple[float, float] = (0.0, 0.8)
    reach: float = 0.03


KINDS: dict[str, PairKind] = {
    "palm_to_palm": PairKind(
        1.2, FLAT_MIX, None, turn=(5, 14, 5), shift=(0.008, 0.0, 0.005), swing=(0, 25), lay_flat=True
    ),
    "back_hold": PairKind(
        1.2,
        {"relaxed": 1.0, "fist": 0.6, "cup": 0.6, "flat": 0.5, "cylinder": 0.5},
        CURVED_MIX,
        fingers=(0.25, 0, -1),
        palm=(0, 1, 0),
        way=(0, 1, 0),
        turn=(12, 22, 8),
        shift=(0.015, 0.0, 0.012),
        lay_flat=True,
        close_b=True,
        occlusion=(0.06, 0.72),
    ),
    "clasp": PairKind(
        0.9,
        {"mitt": 1.0},
        {"mitt": 1.0},
        fingers=(0.45, 0, -1),
        turn=(6, 14, 6),
        shift=(0.007, 0.0, 0.007),
        offset=(0.0, 0.0, 0.0),
        lay_flat=True,
        close_a=True,
        close_b=True,
        reach=0.006,
        occlusion=(0.14, 0.68),
    ),
    "hugging": PairKind(
        0.9,
        {"mitt": 1.0},
        {"mitt": 1.0},
        fingers=(0.5, 0, 1),
        turn=(6, 12, 6),
        shift=(0.008, 0.0, 0.007),
        offset=(0.035, 0.0, 0.0),
        lay_flat=True,
        close_a=True,
        close_b=True,
        reach=0.006,
        occlusion=(0.1, 0.68),
    ),
    "interlocked": PairKind(
        1.3,
        {"interlock": 1.0},
        None,
        vary=0.2,
        tilt=(70, 95),
        anchor_a="ends",
        anchor_b="ends",
        turn=(1.5, 1.5, 3),
        shift=(0.003, 0.0, 0.0),
        interleave=True,
        close_a=True,
        close_b=True,
        reach=0.004,
        occlusion=(0, 0.74),
    ),
    "tips": PairKind(
        1.2,
        {"open": 1.0, "spread": 0.8, "sphere": 0.8, "cup": 0.6, "point": 0.5, "okay": 0.2},
        None,
        anchor_a="tips",
        anchor_b="tips",
        mirror_plane=(20, 75),
        turn=(3, 3, 3),
        shift=(0.002, 0.002, 0.002),
        reach=0.015,
        occlusion=(0, 0.55),
    ),
    "fist_in_palm": PairKind(
        1.0,
        {"open": 1.0, "cup": 1.0, "flat": 0.5},
        {"fist": 1.0},
        fingers=(0.15, -1, 0),
        palm=(0.4, 0, 1),
        anchor_b="middles",
        turn=(15, 30, 15),
        shift=(0.010, 0.0, 0.008),
        close_a=True,
        occlusion=(0.04, 0.8),
    ),
    "crossing": PairKind(
        1.2,
        ANY,
        ANY,
        fingers=(0.2, 0, 1),
        palm=(0, 1, 0),
        turn=(12, 25, 12),
        shift=(0.030, 0.0, 0.020),
        reach=0.04,
        occlusion=(0, 0.7),
    ),
    "pinch": PairKind(
        0.9,
        {"pinch": 1.0, "tripod": 0.7, "precision": 0.6, "okay": 0.4},
        {"pinch": 1.0, "tripod": 0.7, "precision": 0.6, "okay": 0.4},
        fingers=(-0.9, -0.5, 0),
        palm=(0, 0.4, -0.6),
        way=(-0.9, -0.4, 0),
        anchor_a="grip",
        anchor_b="grip",
        turn=(30, 25, 30),
        shift=(0.004, 0.004, 0.004),
        reach=0.02,
        occlusion=(0, 0.55),
    ),
    "pointing": PairKind(
        0.9,
        {"open": 1.0, "cup": 0.6, "flat": 0.6, "spread": 0.5},
        {"point": 1.0, "victory": 0.15},
        fingers=(0.2, -1, 0.2),
        palm=(-1, 0, 0),
        anchor_b="index_tip",
        turn=(25, 40, 25),
        shift=(0.020, 0.0, 0.018),
        reach=0.02,
        occlusion=(0, 0.7),
    ),
    "side_by_side": PairKind(
        0.8,
        {"open": 1.0, "cup": 0.8, "flat": 0.6, "relaxed": 1.0, "fist": 0.6},
        None,
        palm=(0, 1, 0),
        way=(0, 0, -1),
        turn=(10, 10, 10),
        shift=(0.012, 0.008, 0.0),
        reach=0.04,
        occlusion=(0, 0.76),
    ),
    "finger_hold": PairKind(
        0.7,
        {"point": 1.0, "open": 0.4, "victory": 0.3},
        {"mitt": 1.0},
        fingers=(0.2, 0.2, -1),
        palm=(0.0, 1, 0.2),
        way=(0, 1, 0.2),
        anchor_a="index_end",
        anchor_b="grasp",
        turn=(15, 20, 15),
        shift=(0.010, 0.0, 0.006),
        lay_flat=True,
        close_b=True,
        occlusion=(0, 0.72),
    ),
    "free": PairKind(
        0.8,
        ANY,
        ANY,
        turn=(90, 90, 90),
        shift=(0.025, 0.025, 0.025),
        way=(0, -1, 0.3),
        reach=0.05,
        occlusion=(0, 0.66),
    ),
}
"""Third parties add kinds by the recipe's weights of these names; a new one is a new line here."""
