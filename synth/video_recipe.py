"""The keys of a video dataset: what its takes, cameras, rooms and pictures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass, field

from handbench.errors import HandbenchError
from handbench.registry import nearest
from handbench.synth.cameras import RigSettings
from handbench.synth.forearm_wear import ForearmSettings
from handbench.synth.grasp_families import TEST_FAMILIES, TRAIN_FAMILIES
from handbench.synth.lights import TEST_RIGS, TRAIN_RIGS, LightSettings
from handbench.synth.occluders import TEST_OBJECTS, TRAIN_OBJECTS, OccluderSettings
from handbench.synth.take import TakeSettings
from handbench.synth.video_effects import LowLight
from handbench.synth.video_passers import PasserSettings
from handbench.synth.video_room import TABLETOPS, RoomSettings

STRATA: tuple[str, ...] = ("plain", "fast", "low-light", "second-hand", "occlusion")
"""What may be special about a take; ``low-light`` and ``occlusion`` are plain motion seen otherwise."""

MOST_FRAMES = 10_000
"""Ids have four digits."""

MOTION = {"low-light": "plain", "occlusion": "plain"}
"""The stratum of motion of those whose motion is another's."""


@dataclass(frozen=True)
class SplitSettings:
    """What takes of one split are drawn from; train and test share no object, rig or room.

    Attributes:
        objects: kinds of object.
        grasps: families of grasps.
        rigs: light rigs.
        rooms: ``train`` or ``test``: the painted families of tables and walls, and the shapes that pass.
    """

    objects: tuple[str, ...] = TRAIN_OBJECTS
    grasps: tuple[str, ...] = TRAIN_FAMILIES
    rigs: tuple[str, ...] = TRAIN_RIGS
    rooms: str = "train"


TEST = SplitSettings(TEST_OBJECTS, TEST_FAMILIES, TEST_RIGS, "test")


@dataclass(frozen=True)
class VideoRecipe:
    """All keys.

    Attributes:
        train: what training takes are drawn from.
        test: what evaluation takes are drawn from.
        rig: the cameras.
        room: table and walls.
        light: exposure and colour of the light; its rigs are the split's.
        forearm: arms, sleeves, watches.
        ring: rings on fingers (its objects are not used).
        passers: what hides the hand in ``occlusion``.
        low_light: how dark ``low-light`` is.
        take: shapes of hands (its objects and families are the split's).
        exposure: time that the shutter is open in ``fast``, in frames.
        jpeg_quality: of jpg pictures.
        depth_noise: deviation of the depth sensor at 1 m [m]; it grows with the square of the distance.
        unannotated: share of frames that have files but no annotation.
        missing: share of ids that do not exist.
        seen_joints: a frame with fewer joints inside the picture is not annotated.
    """

    train: SplitSettings = field(default_factory=SplitSettings)
    test: SplitSettings = field(default_factory=lambda: TEST)
    rig: RigSettings = field(default_factory=RigSettings)
    room: RoomSettings = field(default_factory=RoomSettings)
    light: LightSettings = field(default_factory=LightSettings)
    forearm: ForearmSettings = field(default_factory=lambda: ForearmSettings(p_none=0.0))
    ring: OccluderSettings = field(default_factory=OccluderSettings)
    passers: PasserSettings = field(default_factory=PasserSettings)
    low_light: LowLight = field(default_factory=LowLight)
    take: TakeSettings = field(default_factory=TakeSettings)
    exposure: float = 0.5
    jpeg_quality: int = 92
    depth_noise: float = 0.0
    unannotated: float = 0.015
    missing: float = 0.02
    seen_joints: int = 8

    def __post_init__(self) -> None:
        for name in ("unannotated", "missing", "exposure"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise HandbenchError(f"recipe key {name!r} is {getattr(self, name)}", "give 0 to 1")
        if self.depth_noise < 0.0:
            raise HandbenchError(f"recipe key 'depth_noise' is {self.depth_noise}", "give 0 or more metres")
        if not 1 <= self.jpeg_quality <= 100:
            raise HandbenchError(f"recipe key 'jpeg_quality' is {self.jpeg_quality}", "give 1 to 100")
        for name in ("objects", "rigs"):
            shared = sorted(set(getattr(self.train, name)) & set(getattr(self.test, name)))
            if shared:
                raise HandbenchError(f"train and test share {name}: {shared[0]}", "give each split its own")
        for split in (self.train, self.test):
            if split.rooms not in TABLETOPS:
                raise HandbenchError(f"recipe key 'rooms' is {split.rooms!r}", "give train or test")

    def split(self, name: str) -> SplitSettings:
        """Returns the settings of ``train`` or ``evaluation``."""
        return self.train if name == "train" else self.test


def check_strata(names: tuple[str, ...]) -> tuple[str, ...]:
    """Returns the strata.

    Raises:
        HandbenchError: when one is unknown or comes twice, or there is none.
    """
    for name in names:
        if name not in STRATA:
            raise HandbenchError(f"unknown stratum {name!r}", nearest(name, list(STRATA)))
    if not names or len(set(names)) != len(names):
        raise HandbenchError(f"--strata {','.join(names)!r}", f"name each once, of: {', '.join(STRATA)}")
    return names


def check_frames(frames: int) -> int:
    """Returns the length of a take.

    Raises:
        HandbenchError: when ids of four digits do not hold it, or it is no take.
    """
    if not 2 <= frames <= MOST_FRAMES:
        raise HandbenchError(f"--frames {frames}", f"give 2 to {MOST_FRAMES}")
    return frames
