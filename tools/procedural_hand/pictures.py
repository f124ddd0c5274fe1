"""Draws the pictures of docs/hand.md with the project's own renderer.

Run: `python tools/procedural_hand/pictures.py OUT [--scan DIR --fit FIT.npz]`; the second form adds the
comparison with the scan, from the parameters that `benchmarks/scan_distance.py --save` wrote.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from handbench.geometry import axis_angle_to_matrix
from handbench.hands.anatomy import anatomy
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel, forward
from handbench.hands.skin import SkinTone, atlas_uv, make_skin_texture, skin_channels
from handbench.synth.layers import compose
from handbench.synth.raster import RasterRenderer
from handbench.synth.scene import HandScene, Lights, Part
from handbench.types import Side

Array = npt.NDArray[np.float64]
Picture = npt.NDArray[np.uint8]
TILE, DISTANCE, SPAN = 220, 0.7, 0.225
# Rows: picture right, picture down, away from the viewer, in the rest frame of a right hand.
VIEWS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "back": ((0, -1, 0), (1, 0, 0)),
    "palm": ((0, 1, 0), (1, 0, 0)),
    "thumb": ((0, 0, -1), (1, 0, 0)),
    "little": ((0, 0, 1), (1, 0, 0)),
    "tips": ((1, 0, 0), (0, -1, 0)),
    "oblique": ((0.6, -0.7, -0.5), (1, 0, 0)),
    "inside": ((0.5, 0.7, -0.5), (1, 0, 0)),
}
FLEXIONS: dict[str, tuple[tuple[float, float, float], ...]] = {
    # Degrees of the three joints of index, middle, little, ring, thumb (MANO's order).
    "rest": ((0, 0, 0),) * 5,
    "curl": ((20, 30, 18), (27, 33, 20), (32, 36, 22), (30, 35, 22), (8, 12, 18)),
    "fist": ((84, 104, 62), (88, 104, 62), (88, 104, 62), (88, 104, 62), (20, 32, 42)),
    "pinch": ((46, 52, 26), (18, 24, 12), (12, 18, 12), (15, 20, 12), (26, 20, 18)),
}


def pose_of(model: HandModel, name: str) -> Array:
    """Returns (48,) of a named pose."""
    angles = np.zeros((15, 3))
    angles[:, 0] = np.deg2rad(np.array(FLEXIONS[name]).reshape(15))
    pose = np.zeros(48)
    pose[3:] = anatomy(model).pose_from_angles(angles).reshape(45)
    return pose


def view_matrix(name: str) -> Array:
    """Returns the rotation (3, 3) from the rest frame to the camera."""
    away, down = (np.array(v, dtype=np.float64) for v in VIEWS[name])
    away /= np.linalg.norm(away)
    down -= away * (down @ away)
    down /= np.linalg.norm(down)
    return np.stack([np.cross(down, away), down, away])


def draw(
    vertices: Array,
    faces: npt.NDArray[np.int32],
    view: str,
    texture: Picture | None = None,
    span: float = SPAN,
) -> Picture:
    """Returns one tile: a mesh (rest frame of a right hand, metres) seen from a named side."""
    turned = vertices @ view_matrix(view).T
    middle = (turned.min(0) + turned.max(0)) / 2
    turned = turned - middle + np.array([0.0, 0.0, DISTANCE])
    focal = TILE * DISTANCE / span
    K = np.array([[focal, 0, (TILE - 1) / 2], [0, focal, (TILE - 1) / 2], [0, 0, 1]])
    directions = np.array([[-0.5, -0.6, -1.0], [0.9, 0.1, -0.5]])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    lights = Lights(
        np.array([0.30, 0.31, 0.34]), directions, np.array([[0.80, 0.77, 0.72], [0.16, 0.17, 0.2]])
    )
    clay = np.full((len(vertices), 3), (205, 190, 180), np.uint8)
    skin = texture is not None
    part = Part(
        "hand", turned, faces, Side.RIGHT, True,
        texture, atlas_uv() if skin else None, None if skin else clay, gloss=0.12,
    )  # fmt: skip
    background = np.full((TILE, TILE, 3), 238, np.uint8)
    scene = HandScene(K, (TILE, TILE), (part,), lights, background, DISTANCE + 0.5)
    return np.asarray(compose(RasterRenderer().render(scene), scene, ["hand"]), dtype=np.uint8)


def sheet(tiles: list[Picture], columns: int) -> Picture:
    """Returns tiles side by side."""
    rows = [np.concatenate(tiles[i : i + columns], axis=1) for i in range(0, len(tiles), columns)]
    return np.concatenate(rows, axis=0)


def save(path: Path, picture: Picture) -> None:
    """Writes a JPEG."""
    cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 85])


def posed(model: HandModel, name: str, betas: Array | None = None) -> Array:
    """Returns the vertices of a named pose."""
    shape = np.zeros((1, 10)) if betas is None else betas[None]
    return np.asarray(forward(model, pose_of(model, name)[None], shape, np.zeros((1, 3))).vertices[0])


def compare(root: Path, fit: Path) -> Picture:
    """Returns the scan, our fitted hand in clay, and our fitted hand in skin, in five frames, by columns."""
    sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
    from scan_distance import collect

    model = load_hand_model("procedural", Side.RIGHT)
    with np.load(fit) as data:
        pose, betas, transl = (data[f"right_{key}"].astype(np.float64) for key in ("pose", "betas", "transl"))
    surfaces, _, scan = collect(root, Side.RIGHT, len(pose) - 1)
    ours = forward(model, pose, betas, transl).vertices
    wrist = model.J_regressor[0] @ (model.v_template + model.shapedirs @ betas)
    texture = make_skin_texture(skin_channels(model), SkinTone(melanin=0.25))
    rows: list[list[Picture]] = [[], [], []]
    for k, view in (
        (-1, "back"),
        (-1, "palm"),
        (3, "oblique"),
        (9, "inside"),
        (14, "oblique"),
        (20, "thumb"),
    ):
        turn = axis_angle_to_matrix(pose[k, :3])
        own, other = ((v - wrist - transl[k]) @ turn for v in (ours[k], surfaces[k]))
        rows[0].append(draw(other, scan.faces, view))
        rows[1].append(draw(own, model.closed_faces, view))
        rows[2].append(draw(own, model.closed_faces, view, texture))
    return sheet([tile for row in rows for tile in row], 6)


def main() -> int:
    """Draws and writes the pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--fit", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    model = load_hand_model("procedural", Side.RIGHT)
    channels, faces = skin_channels(model), model.closed_faces
    skin = make_skin_texture(channels, SkinTone(melanin=0.3))
    tiles = [draw(posed(model, p), faces, v, skin) for p in FLEXIONS for v in VIEWS]
    save(options.out / "hand_views.jpg", sheet(tiles, len(VIEWS)))
    tiles = [
        draw(posed(model, p), faces, v, make_skin_texture(channels, SkinTone(melanin=m)))
        for p, v in (("rest", "back"), ("rest", "palm"), ("curl", "oblique"))
        for m in np.linspace(0, 1, 7)
    ]
    save(options.out / "hand_tones.jpg", sheet(tiles, 7))
    tiles = [
        draw(posed(model, "rest", s * np.eye(10)[k]), faces, "palm" if k == 8 else "back", None, 0.25)
        for s in (-2.5, 2.5)
        for k in range(10)
    ]
    save(options.out / "hand_shapes.jpg", sheet(tiles, 10))
    if options.scan and options.fit:
        save(options.out / "hand_scan.jpg", compare(options.scan, options.fit))
    return 0


if __name__ == "__main__":
    sys.exit(main())
