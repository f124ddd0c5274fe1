"""One recorded sequence of Tzionas et al. as something to draw: scanned hands, arms and objects by frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.errors import HandbenchError
from handbench.formats.hic_objects import ObjectTrack, read_object_tracks
from handbench.formats.motion import Motion, read_motion, read_skeleton
from handbench.formats.scan import SkinnedScan, read_scan
from handbench.formats.tzionas import motion_joints, motion_path
from handbench.hands.skin_tone import sample_skin_tone
from handbench.seeding import rng_for
from handbench.synth.background_paint import drawn_color
from handbench.synth.hic_arm import ArmTube, make_arm
from handbench.synth.hic_skin import paint_arm, paint_scan
from handbench.synth.scene import Part
from handbench.types import Side

P_SLEEVE = 0.5

_PAINT = {
    "Ball": (196, 62, 48),
    "Cube": (58, 96, 170),
    "Pipe_Gray": (128, 130, 132),
    "Pipe_Green": (62, 128, 70),
}


@dataclass(frozen=True)
class TrackedHand:
    """A hand of the sequence.

    Attributes:
        side: which.
        motion: its bones.
        scan: its mesh.
        joints: (T, 21, 3) [m], sensor's frame, OPENPOSE21; NaN where the skeleton has none.
        valid: (21,) bool, the 19 joints that it has.
        flesh: (21,) how much of its own flesh may lie in front of a joint without covering it [m].
        colors: (V, 3) uint8 sRGB.
        arm: the forearm behind it.
    """

    side: Side
    motion: Motion
    scan: SkinnedScan
    joints: FloatArray
    valid: BoolArray
    flesh: FloatArray
    colors: ImageArray
    arm: ArmTube

    def parts(self, frame: int) -> tuple[Part, Part]:
        """Returns the hand and its arm in one frame, sensor's frame."""
        name = self.side.value
        return (
            Part(
                name, skinned(self.scan, self.motion, frame), self.scan.faces,
                hand=self.side, colors=self.colors, gloss=0.18,
            ),
            Part(
                f"{name}_arm", self.arm.pose(self.motion, frame), self.arm.faces,
                hand=self.side, colors=self.arm.colors, gloss=0.1,
            ),
        )  # fmt: skip


@dataclass(frozen=True)
class Recording:
    """One sequence.

    Attributes:
        name: e.g. ``01``.
        hands: the hands that were tracked.
        objects: what they handle.
        paints: (V, 3) uint8 sRGB of each object.
    """

    name: str
    hands: Mapping[Side, TrackedHand]
    objects: tuple[ObjectTrack, ...]
    paints: tuple[ImageArray, ...]

    def __len__(self) -> int:
        return min(len(hand.joints) for hand in self.hands.values())

    def parts(self, frame: int) -> tuple[Part, ...]:
        """Returns what one frame shows, in the sensor's frame [m]."""
        hands = [part for hand in self.hands.values() for part in hand.parts(frame)]
        objects = [
            Part(
                "object" if not k else f"object{k}", skinned(track.scan, track.motion, frame), track.faces,
                colors=paint, gloss=0.12,
            )
            for k, (track, paint) in enumerate(zip(self.objects, self.paints, strict=True))
        ]  # fmt: skip
        return (*hands, *objects)


def skinned(scan: SkinnedScan, motion: Motion, frame: int) -> FloatArray:
    """Returns what ``scan.pose(motion, frame)`` gives, eight times as fast: one product blends the bones."""
    index = [motion.bones.index(bone) for bone in scan.bones]
    bind, now = motion.bind[index], motion.frames[frame, index]
    rotation = now[:, :, :3] @ np.swapaxes(bind[:, :, :3], 1, 2)
    shift = now[:, :, 3] - np.einsum("bij,bj->bi", rotation, bind[:, :, 3])
    blended = scan.weights @ np.concatenate([rotation.reshape(-1, 9), shift], axis=1)
    x, y, z = scan.vertices.T
    out = np.empty_like(scan.vertices)
    for i in range(3):
        out[:, i] = blended[:, 3 * i] * x + blended[:, 3 * i + 1] * y + blended[:, 3 * i + 2] * z
    return np.asarray(out + blended[:, 9:])


def open_recording(root: Path, name: str, seed: int) -> Recording:
    """Reads a sequence and dresses it.

    Args:
        root: the folder of the tracked hands.
        name: of the sequence.
        seed: of skin and sleeve; each sequence has a person of its own.

    Raises:
        HandbenchError: when the sequence or a mesh is missing or damaged.
    """
    sides = [side for side in Side if motion_path(root, name, side).is_file()]
    if not sides:
        raise HandbenchError(f"{root} has no sequence {name!r} (Model_Hand_R.MOTION)", "see --sequences")
    objects = tuple(read_object_tracks(root, name))
    paints = tuple(_painted(track, rng_for(seed, name, track.name)) for track in objects)
    return Recording(name, {side: _open_hand(root, name, side, seed) for side in sides}, objects, paints)


def _open_hand(root: Path, name: str, side: Side, seed: int) -> TrackedHand:
    path = motion_path(root, name, side)
    motion = read_motion(path)
    scan = _scan(root / "mesh" / path.with_suffix(".OFF").name)
    joints, valid = motion_joints(motion, read_skeleton(path.with_suffix(".SKEL")), side)
    tone = sample_skin_tone(rng_for(seed, name, "skin"))

    def stream() -> np.random.Generator:
        return rng_for(seed, name, "blotches", side.value)

    colors = paint_scan(scan, motion, side, tone, stream())
    sleeved = rng_for(seed, name, "wear").random() < P_SLEEVE
    arm = make_arm(
        scan,
        motion,
        _shoulder(motion),
        rng_for(seed, name, "cloth") if sleeved else None,
        lambda points, normals: paint_arm(points, normals, motion, side, tone, stream()),
    )
    return TrackedHand(side, motion, scan, joints, valid, _flesh(scan, motion, joints[0]), colors, arm)


@lru_cache(maxsize=4)
def _scan(path: Path) -> SkinnedScan:
    """Reads a mesh; one is shared by all sequences."""
    return read_scan(path)


def _shoulder(motion: Motion) -> FloatArray:
    """Returns where the shoulder lies from the elbow, (3,) in the bind pose.

    Upper arms go on out of the sensor's picture on the side from which the forearm comes, mostly its top.
    """
    bone = next(i for i, name in enumerate(motion.bones) if name.startswith("Lower Arm"))
    turns = motion.frames[:, bone, :, :3]
    arm = -turns[..., 0].mean(axis=0)
    way = arm * (1.0, 1.0, 0.2) + np.array([0.0, 0.8 if arm[1] > 0.2 else -0.8, 0.0])
    local = (turns.transpose(0, 2, 1) @ way).mean(axis=0)
    return np.asarray(motion.bind[bone, :, :3] @ local / np.linalg.norm(local))


def _flesh(scan: SkinnedScan, motion: Motion, joints: FloatArray) -> FloatArray:
    """Returns the (21,) depth of flesh [m]; see :func:`handbench.hands.visibility.flesh_thickness`."""
    vertices = skinned(scan, motion, 0)
    gaps = np.array([np.linalg.norm(vertices - joint, axis=1).min() for joint in joints])
    flesh = 2.0 * np.nan_to_num(gaps, nan=0.01) + 0.003
    flesh[4::4] = flesh[3::4]
    return np.asarray(flesh)


def _painted(track: ObjectTrack, rng: np.random.Generator) -> ImageArray:
    """Colours an object as its name says, with a little dirt."""
    base = next((np.array(c) for key, c in _PAINT.items() if track.name.startswith(key)), None)
    if base is None:
        base = 255 * drawn_color(rng)
    vertices: npt.NDArray[np.float64] = track.scan.vertices
    waves = rng.standard_normal((12, 3)) / 0.015
    dirt = np.cos(vertices @ waves.T + rng.uniform(0, 6.3, 12)).sum(axis=1) / np.sqrt(12)
    return np.asarray(np.clip(base * (1 + 0.05 * dirt[:, None]), 0, 255), np.uint8)
