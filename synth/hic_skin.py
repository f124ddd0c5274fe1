"""Skin of the scanned hand of Tzionas et al.: one colour a vertex, from a person's skin tone.

The scan has no texture. Its anatomy is read from the bind pose of its bones: palm and back, nails, creases
and reddened joints lie where the bones say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.formats.motion import Motion
from handbench.formats.scan import SkinnedScan
from handbench.hands.skin_tone import SkinTone, tone_colours
from handbench.hands.topology import vertex_normals
from handbench.types import Side

_PALM, _CREASE, _RED, _NAIL, _MOTTLE, _PATCH, _GRAIN = 0, 1, 2, 3, 7, 8, 9
"""Rows of :func:`handbench.hands.skin_tone.tone_colours`."""

_THUMB = 4


def paint_scan(
    scan: SkinnedScan, motion: Motion, side: Side, tone: SkinTone, rng: np.random.Generator
) -> ImageArray:
    """Returns the colour of each vertex, (V, 3) uint8 sRGB.

    Args:
        scan: the mesh in its bind pose.
        motion: any motion of it: its bind pose places the bones.
        side: which hand.
        tone: whose skin.
        rng: draws blotches and grain.
    """
    bones = {bone.rpartition(".")[2]: motion.bind[i] for i, bone in enumerate(motion.bones)}
    normals = vertex_normals(scan.vertices, scan.faces)
    palm_way, thumb_way = _ways(bones, side)
    strength = _texture(scan.vertices, rng)
    strength[:, _PALM] = _rise(normals @ palm_way, 0.05, 0.55)
    arm = scan.weights[:, [name.startswith("Lower") for name in scan.bones]].sum(axis=1)
    strength[:, _PALM] *= 1.0 - 0.6 * arm
    for finger in range(5):
        _paint_finger(strength, scan.vertices, normals, bones, finger, -palm_way, thumb_way)
    return _colours(strength, tone)


def paint_arm(
    points: FloatArray,
    normals: FloatArray,
    motion: Motion,
    side: Side,
    tone: SkinTone,
    rng: np.random.Generator,
) -> ImageArray:
    """Returns the colour (N, 3) of a forearm's points in the bind pose; see :func:`paint_scan`.

    Args:
        points: (N, 3) [m].
        normals: (N, 3) unit vectors.
        motion: any motion of the hand.
        side: which hand.
        tone: whose skin.
        rng: the stream that the hand was painted with, from its start: blotches go on across the seam.
    """
    bones = {bone.rpartition(".")[2]: motion.bind[i] for i, bone in enumerate(motion.bones)}
    strength = _texture(points, rng)
    strength[:, _PALM] = 0.4 * _rise(normals @ _ways(bones, side)[0], 0.05, 0.55)
    return _colours(strength, tone)


def _texture(points: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Returns the strengths (N, 13) of blotches and grain alone."""
    strength = np.zeros((len(points), 13))
    for row, size, amount in ((_MOTTLE, 0.03, 0.16), (_PATCH, 0.03, 0.16), (_GRAIN, 0.006, 0.5)):
        strength[:, row] = amount * _noise(rng, points, size)
    return strength


def _colours(strength: FloatArray, tone: SkinTone) -> ImageArray:
    base, rows = tone_colours(tone)
    return np.asarray(np.clip(np.rint(base + strength @ rows), 0, 255), np.uint8)


def _ways(bones: dict[str, FloatArray], side: Side) -> tuple[FloatArray, FloatArray]:
    """Returns unit vectors out of the palm and towards the thumb's side."""
    wrist = np.mean([bones[f"{k}_Hand"][:, 3] for k in range(_THUMB)], axis=0)
    index, little = bones["3_0"][:, 3], bones["0_0"][:, 3]
    out = np.cross(index - wrist, little - wrist) * (1.0 if side is Side.RIGHT else -1.0)
    across = index - little
    return out / np.linalg.norm(out), across / np.linalg.norm(across)


def _paint_finger(
    strength: FloatArray,
    vertices: FloatArray,
    normals: FloatArray,
    bones: dict[str, FloatArray],
    finger: int,
    back: FloatArray,
    aside: FloatArray,
) -> None:
    """Adds the nail, the creases and the reddened joints of one finger, 0 little to 4 thumb."""
    last = "4_1" if finger == _THUMB else f"{finger}_2"
    # A thumb's nail looks half to the side where those of the fingers look back.
    wanted = 0.55 * back + 0.85 * aside if finger == _THUMB else back
    for name in [f"{finger}_{k}" for k in range(2 if finger == _THUMB else 3)]:
        local, up, across = _bone_frame(bones[name], vertices, wanted)
        near = _near(local)
        facing = normals @ up
        joint = np.exp(-((local[:, 0] / 0.0045) ** 2)) * near
        strength[:, _RED] += 0.55 * joint * _rise(facing, 0.0, 0.7)
        line = np.exp(-((local[:, 0] / 0.0018) ** 2)) * near
        strength[:, _CREASE] += 0.8 * line * (_rise(-facing, 0.1, 0.6) + 0.5 * _rise(facing, 0.3, 0.8))
        if name == last:
            tip = local[near > 0.5, 0].max()
            strength[:, _RED] += 0.45 * _rise(local[:, 0], 0.55 * tip, tip) * near
            width = 0.45 * np.ptp((vertices @ across)[(near > 0.5) & (local[:, 0] > 0.4 * tip)])
            sideways = local @ np.array([0.0, 1.0, 0.0])
            along = _rise(local[:, 0], 0.47 * tip, 0.55 * tip) * _rise(-local[:, 0], -0.97 * tip, -0.9 * tip)
            nail = along * _rise(-np.abs(sideways), -0.95 * width, -0.7 * width)
            nail *= _rise(facing, 0.25, 0.5) * near
            strength[:, [_PALM, _RED, _CREASE]] *= (1.0 - nail)[:, None]
            strength[:, _NAIL] += 0.9 * nail


def _bone_frame(
    pose: FloatArray, vertices: FloatArray, wanted: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Returns vertices along and across a bone and out of its back (V, 3) [m], and the last two axes."""
    along = pose[:, 0]
    up = wanted - (wanted @ along) * along
    up /= np.linalg.norm(up)
    across = np.cross(up, along)
    local = (vertices - pose[:, 3]) @ np.stack([along, across, up], axis=1)
    return local, up, across


def _near(local: FloatArray) -> FloatArray:
    """Returns 1 for what lies around the bone's line, 0 for other fingers."""
    gap = np.hypot(local[:, 1], local[:, 2])
    return _rise(-gap, -0.0125, -0.0105) * _rise(local[:, 0], -0.012, -0.008)


def _rise(value: FloatArray, low: float, high: float) -> FloatArray:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def _noise(rng: np.random.Generator, points: npt.NDArray[np.float64], size: float) -> FloatArray:
    """Returns smooth noise (V,) in about -1 to 1 with blotches of ``size`` [m]."""
    waves = rng.standard_normal((24, 3)) * (2.0 / size)
    phases = rng.uniform(0.0, 2.0 * np.pi, 24)
    return np.asarray(np.cos(points @ waves.T + phases).sum(axis=1) / np.sqrt(24.0))
