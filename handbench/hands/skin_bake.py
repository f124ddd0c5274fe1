"""Bakes the skin's channels of one hand model into its atlas."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.hands.model import HandModel
from handbench.hands.skin_atlas import ATLAS_SIZE, at_texels, texels
from handbench.hands.skin_coords import SkinCoords, skin_coords
from handbench.hands.skin_marks import bell, finger_creases, nail, palm_lines, smoothstep, veins
from handbench.hands.skin_noise import spots, value_noise
from handbench.hands.topology import vertex_normals

Float32 = npt.NDArray[np.float32]

CHANNELS = (
    "palmar", "crease", "redness", "nail", "nail_rim", "nail_white",
    "veins", "mottle_a", "mottle_b", "grain", "freckles", "hair", "relief",
)  # fmt: skip
"""What each channel says, 0 to 255; mottle, grain and relief are centred on 128."""

CENTRED = ("mottle_a", "mottle_b", "grain", "relief")
"""The channels that swing both ways."""

_LUNULA = (1.0, 0.55, 0.45, 0.3, 0.1)


def _redness(coords: SkinCoords) -> Float32:
    """Returns where blood shows: tips, knuckles, heel and ball of the hand."""
    total = np.zeros(len(coords.facing), dtype=np.float32)
    for k, finger in enumerate(coords.fingers):
        inside = smoothstep(finger.share, 0.3, 0.7)
        pad = smoothstep(-finger.facing, -0.7, 0.4)
        tip = smoothstep(finger.along, 2.15, 2.8) * (0.45 + 0.55 * pad)
        joints = 0.75 * bell(finger.along - 1.0, 0.16) + 0.5 * bell(finger.along - 2.0, 0.16)
        base = 0.0 if k == 0 else 0.65 * bell(finger.along, 0.26)
        back = smoothstep(finger.facing, 0.1, 0.7)
        total = np.maximum(total, inside * np.maximum(tip, 0.8 * joints * back))
        if k:
            total = np.maximum(total, base * back * bell(finger.lateral, 9.0))
    palmar = smoothstep(-coords.normal[:, 2], 0.0, 0.5)
    along, across = coords.palm[:, 0], coords.palm[:, 1]
    ball = bell(np.hypot((along - 0.40) * 90, (across - 0.42) * 59), 20.0)
    heel = bell(np.hypot((along - 0.42) * 80, (across + 0.55) * 59), 19.0)
    pads = bell((along - 1.02) * 90, 9.0)
    return np.asarray(np.maximum(total, palmar * np.maximum(np.maximum(ball, heel), pads) * 0.6))


def _hair(coords: SkinCoords) -> Float32:
    """Returns fine streaks on the back of hand, wrist and first phalanges."""
    along = coords.place * np.array([0.22, 1.0, 1.0], dtype=np.float32)
    streaks = smoothstep(value_noise(along, 1.5, 71), 0.28, 0.8)
    where = smoothstep(coords.facing, 0.15, 0.6)
    phalanx = np.sum([f.share * bell(f.along - 0.55, 0.28) for f in coords.fingers[1:]], axis=0)
    palm = (1.0 - smoothstep(coords.palm[:, 0], 0.55, 0.95)) * smoothstep(-coords.palm[:, 1], -0.2, 0.5)
    wrist = 1.0 - smoothstep(coords.palm[:, 0], -0.1, 0.25)
    return np.asarray(streaks * where * np.clip(phalanx + 0.6 * palm + wrist, 0.0, 1.0), dtype=np.float32)


def relief(model: HandModel) -> FloatArray:
    """Returns how far each vertex (778,) stands out of its surroundings, -1 in hollows to 1 on ridges.

    Painted faintly, it shows knuckles, tendons and webs where the light alone would not.
    """
    vertices, faces = model.v_template, model.faces
    links = np.zeros((len(vertices), len(vertices)))
    links[faces, np.roll(faces, 1, axis=1)] = 1.0
    links = np.maximum(links, links.T)
    links /= links.sum(axis=1, keepdims=True)
    normals = vertex_normals(vertices, faces)
    height = ((vertices - links @ vertices) * normals).sum(axis=1)
    step = np.linalg.norm(vertices[faces] - vertices[np.roll(faces, 1, axis=1)], axis=2).mean()
    wide = height
    for _ in range(6):
        wide = links @ wide
    return np.asarray(np.clip((0.5 * (height + links @ height) - wide) / (0.18 * step), -1.0, 1.0))


@lru_cache(maxsize=8)
def skin_channels(model: HandModel) -> npt.NDArray[np.uint8]:
    """Returns the skin channels of a hand model, (C, S, S) uint8, planar, in the order of CHANNELS.

    They are functions of bone-relative rest coordinates, so every model in MANO's format can wear them.
    Cached by model: baking takes about half a second.
    """
    coords = skin_coords(model)
    place = coords.place
    wobble = value_noise(place, 7.0, 11)
    nails = [nail(f, _LUNULA[k]) for k, f in enumerate(coords.fingers)]
    plate, rim, white = (np.max([n[k] for n in nails], axis=0) for k in range(3))
    crease = np.max([finger_creases(f, k == 0, wobble) for k, f in enumerate(coords.fingers)], axis=0)
    crease = np.maximum(crease, palm_lines(coords, wobble)) * (1.0 - plate)
    palmar = smoothstep(-coords.facing + 0.22 * wobble, -0.25, 0.35)
    skin = 1.0 - plate
    grain = 0.6 * value_noise(place, 1.3, 31) + 0.4 * value_noise(place, 2.6, 32)
    back = smoothstep(coords.facing, -0.1, 0.4) * skin
    values = {
        "palmar": palmar,
        "crease": crease,
        "redness": _redness(coords) * skin,
        "nail": plate,
        "nail_rim": rim,
        "nail_white": white,
        "veins": veins(coords, value_noise(place, 16.0, 41)) * skin,
        "mottle_a": 0.5
        + 0.5 * skin * (0.6 * value_noise(place, 21.0, 51) + 0.4 * value_noise(place, 8.0, 52)),
        "mottle_b": 0.5
        + 0.5 * skin * (0.5 * value_noise(place, 12.0, 53) + 0.5 * value_noise(place, 4.5, 54)),
        "grain": 0.5 + 0.5 * grain * (1.0 - 0.75 * plate),
        "freckles": np.maximum(spots(place, 5.0, 0.9, 61), spots(place + 50.0, 11.0, 1.6, 66)) * back,
        "hair": _hair(coords) * skin,
        "relief": 0.5 + 0.5 * skin * at_texels(relief(model)[:, None], model.faces)[:, 0],
    }
    out = np.zeros((len(CHANNELS), ATLAS_SIZE**2), dtype=np.uint8)
    out[[CHANNELS.index(name) for name in CENTRED]] = 128
    for k, name in enumerate(CHANNELS):
        out[k, texels().pixels] = np.clip(np.rint(values[name] * 255.0), 0, 255).astype(np.uint8)
    baked = out.reshape(len(CHANNELS), ATLAS_SIZE, ATLAS_SIZE)
    baked.flags.writeable = False
    return baked
