"""Draws every joint order on the procedural hand, and the fingertip sets."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from handbench.arrays import FloatArray, ImageArray
from handbench.errors import HandbenchError
from handbench.hands.anatomy import ABDUCTION, anatomy
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandMesh, HandModel, forward
from handbench.show import draw
from handbench.show.dataset_sheet import write_picture
from handbench.skeleton import FINGERS, MANO16, OPENPOSE21, ORDERS, TIP_SETS
from handbench.types import Side

WIDTH, HEIGHT, HEAD = 400, 520, 52
SCALE = 2.2
"""Pixels a millimetre of a panel."""

_FINE = 8  # cv2 draws at 1/8 px with shift=3
_SKIN, _EDGE = np.array([226.0, 208.0, 196.0]), (170, 150, 140)
_PANELS = (
    ("OPENPOSE21", "inside handbench, OpenPose, FreiHAND, manopth"),
    ("MANO16", "MANO's own joints, no tips"),
    ("HO3D21", "MANO16, then the tips"),
    ("INTERHAND21", "InterHand2.6M: right hand; the left adds 21"),
    ("HIC14", "HIC's 2D labels: right hand; the left adds 14"),
)
_SET_COLORS = {
    "smplx": (20, 110, 220), "manopth": (20, 150, 60), "interhand": (230, 120, 0), "ho3d": (200, 30, 60),
}  # fmt: skip


def draw_orders(out: Path) -> None:
    """Writes the picture of all joint orders as PNG or JPEG.

    Raises:
        HandbenchError: when the place cannot be written.
    """
    if out.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise HandbenchError(f"--out {out}: a picture is a PNG or JPEG", "give a name that ends in .png")
    model = load_hand_model("procedural", Side.RIGHT)
    mesh = _spread_hand(model)
    panels = [_panel(model, mesh, name, words) for name, words in _PANELS]
    panels.append(_tip_panel(model, mesh))
    rows = [np.concatenate(panels[i : i + 3], axis=1) for i in (0, 3)]
    page = np.concatenate(rows)
    foot = np.full((26, page.shape[1], 3), draw.PAPER, np.uint8)
    words = "a right hand, palm towards you (the procedural model); thumb red, index orange, middle green, "
    draw.write_label(foot, words + "ring blue, little violet", (14, 16), 0.42, draw.FAINT)
    write_picture(np.concatenate([page, foot]), out)


def _spread_hand(model: HandModel) -> HandMesh:
    angles = np.zeros((15, 3))
    for finger, spread in {"index": 0.12, "ring": -0.08, "little": -0.2, "thumb": 0.1}.items():
        angles[MANO16.index(f"{finger}1") - 1, ABDUCTION] = spread
    pose = np.concatenate([np.zeros(3), anatomy(model).pose_from_angles(angles)])
    return forward(model, pose[None], np.zeros(10), np.zeros(3))


def _place(points: FloatArray, mesh: HandMesh, scale: float = SCALE) -> FloatArray:
    """Returns pixels (N, 2) of points (N, 3) [m] at rest: fingers (-x) up, thumb (+z) right, palm to us."""
    vertices = mesh.vertices[0]
    middle = 0.5 * (vertices.min(axis=0) + vertices.max(axis=0))
    flat = 1000 * scale * (points - middle)[:, [2, 0]]
    return np.asarray(flat + np.array([WIDTH / 2, HEAD + 8 + (HEIGHT - HEAD) / 2]))


def _draw_mesh(canvas: ImageArray, model: HandModel, points: FloatArray, mesh: HandMesh) -> None:
    vertices = mesh.vertices[0]
    corners = vertices[model.closed_faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    smooth = np.zeros_like(vertices)
    np.add.at(smooth, model.closed_faces.ravel(), np.repeat(normals, 3, axis=0))
    soft = smooth[model.closed_faces].mean(axis=1)
    soft /= np.linalg.norm(soft, axis=1, keepdims=True)
    light = np.array([-0.35, -0.85, 0.4])
    shade = 0.72 + 0.28 * np.clip(soft @ (light / np.linalg.norm(light)), 0, 1)
    # Few shades: the picture stays small.
    shade = np.round(shade * 40) / 40
    # Far faces first; the palm looks along -y.
    for face in np.argsort(-corners[..., 1].mean(axis=1)):
        if normals[face, 1] < 0:
            color = tuple(int(c) for c in _SKIN * shade[face])
            polygon = np.round(points[model.closed_faces[face]] * _FINE).astype(np.int32)
            cv2.fillConvexPoly(canvas, polygon, color, cv2.LINE_AA, shift=3)


def _blank(title: str, words: str) -> ImageArray:
    panel = np.full((HEIGHT, WIDTH, 3), draw.PAPER, np.uint8)
    draw.write_label(panel, title, (14, 26), 0.7)
    draw.write_label(panel, words, (14, 46), 0.42, draw.FAINT)
    return panel


def _panel(model: HandModel, mesh: HandMesh, name: str, words: str) -> ImageArray:
    panel = _blank(name, words)
    _draw_mesh(panel, model, _place(mesh.vertices[0], mesh), mesh)
    joints = _place(mesh.joints21[0], mesh)
    order = ORDERS[name]
    for parent, child in OPENPOSE21.bones:
        if {OPENPOSE21.names[parent], OPENPOSE21.names[child]} <= set(order.names):
            color = draw.FINGER_COLORS[(child - 1) // 4]
            ends = [_fine(joints[end]) for end in (parent, child)]
            cv2.line(panel, ends[0], ends[1], color, 2, cv2.LINE_AA, shift=3)
    for number, joint in enumerate(order.names):
        place = OPENPOSE21.index(joint)
        color = (70, 72, 76) if joint == "wrist" else draw.FINGER_COLORS[(place - 1) // 4]
        _numbered(panel, joints[place], str(number), color)
    return panel


def _numbered(panel: ImageArray, at: FloatArray, text: str, color: tuple[int, int, int]) -> None:
    cv2.circle(panel, _fine(at), 12 * _FINE, (255, 255, 255), -1, cv2.LINE_AA, shift=3)
    cv2.circle(panel, _fine(at), 11 * _FINE, color, -1, cv2.LINE_AA, shift=3)
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, 0.45, 1)
    corner = (round(at[0] - width / 2), round(at[1] + height / 2))
    draw.write_label(panel, text, corner, 0.45, (255, 255, 255))


def _tip_panel(model: HandModel, mesh: HandMesh) -> ImageArray:
    panel = _blank("fingertips", "the vertices that stand for the tips: four sets are in use")
    tile, zoom = 122, 5.0
    points = _place(mesh.vertices[0], mesh, zoom)
    large = np.full((2600, 2600, 3), draw.PAPER, np.uint8)
    # Room around, since the hand at this scale is larger than a panel.
    points = points + 1000
    _draw_mesh(large, model, points, mesh)
    for f, finger in enumerate(FINGERS):
        ids = {name: sides[Side.RIGHT][f] for name, sides in TIP_SETS.items()}
        middle = np.mean([points[i] for i in ids.values()], axis=0)
        x, y = np.round(middle - [tile / 2, tile / 2]).astype(int)
        crop = large[y : y + tile, x : x + tile].copy()
        left, top = 10 + (f % 3) * (tile + 6), HEAD + 12 + (f // 3) * (tile + 90)
        panel[top : top + tile, left : left + tile] = crop
        cv2.rectangle(panel, (left, top), (left + tile - 1, top + tile - 1), _EDGE, 1)
        draw.write_label(panel, finger, (left + 4, top + 14), 0.42)
        for k, (name, vertex) in enumerate(ids.items()):
            at = points[vertex] - [x, y] + [left, top]
            # Rings of growing size: sets that share a vertex stay visible.
            cv2.circle(panel, _fine(at), (3 + 2 * k) * _FINE, _SET_COLORS[name], 2, cv2.LINE_AA, shift=3)
            line = (left + 4, top + tile + 16 + 16 * k)
            draw.write_label(panel, f"{name} {vertex}", line, 0.42, _SET_COLORS[name])
    note = "manopth's left middle tip is 445"
    draw.write_label(panel, note, (10, HEIGHT - 6), 0.38, draw.FAINT)
    return panel


def _fine(point: FloatArray) -> tuple[int, int]:
    return round(float(point[0]) * _FINE), round(float(point[1]) * _FINE)
