"""Draws a hand model from four sides, and says what it measures."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.errors import HandbenchError
from handbench.geometry import axis_angle_to_matrix
from handbench.hands.anatomy import FLEXION, anatomy
from handbench.hands.model import HandModel, forward
from handbench.hands.skin import SkinTone, atlas_uv, make_skin_texture, skin_channels
from handbench.hands.topology import signed_volume
from handbench.skeleton import MANO16, OPENPOSE21
from handbench.synth.renderers import make_renderer
from handbench.synth.scene import HandScene, Lights, Part
from handbench.types import Side

# Turns of the hand [rad] about the picture's vertical, after its fingers point up.
_VIEWS = {"palm": 0.0, "thumb side": np.pi / 2, "back": np.pi, "little side": -np.pi / 2}
_POSES = {"rest": (0.0, 0.0), "half closed": (0.45, 0.3), "fist": (1.0, 0.8)}
_CURL = np.deg2rad([80.0, 95.0, 60.0])
_THUMB_CURL = np.deg2rad([25.0, 35.0, 50.0])
# Distance of the camera and width of a picture at the hand [m].
_DISTANCE, _WIDTH = 1.0, 0.28


def describe(model: HandModel, betas: FloatArray) -> str:
    """Returns two lines: where the model comes from, and lengths [mm] of the rest hand of a shape (10,)."""
    mesh = forward(model, np.zeros((1, 48)), betas, np.zeros(3))
    joints = mesh.joints21[0]
    knuckles = joints[[OPENPOSE21.index("index1"), OPENPOSE21.index("little1")]]
    length = np.linalg.norm(joints[OPENPOSE21.index("middle4")] - joints[0])
    volume = signed_volume(mesh.vertices[0], model.closed_faces)
    shapes = f", shape directions {model.left_shapedirs}" if model.side is Side.LEFT else ""
    return (
        f"{model.name}, {model.side.value} hand, sha256 {model.sha256}{shapes}\n"
        f"wrist to middle fingertip {length * 1e3:.0f} mm, index to little knuckle "
        f"{np.linalg.norm(knuckles[0] - knuckles[1]) * 1e3:.0f} mm, volume {volume * 1e6:.0f} cm3"
    )


def draw_sheet(model: HandModel, betas: FloatArray, melanin: float, size: int, out: Path) -> None:
    """Writes a PNG: one row a pose (rest, half closed, fist), one column a side of the hand.

    Raises:
        HandbenchError: when the picture cannot be written.
    """
    texture = make_skin_texture(skin_channels(model), SkinTone(melanin=melanin))
    renderer = make_renderer("raster")
    lights = Lights(np.full(3, 0.45), _unit(np.array([[-0.5, -0.7, -0.8]])), np.full((1, 3), 0.75))
    background = np.full((size, size, 3), 236, np.uint8)
    focal = size * _DISTANCE / _WIDTH
    camera = np.array([[focal, 0, (size - 1) / 2], [0, focal, (size - 1) / 2], [0, 0, 1.0]])
    rows = []
    for pose_name, (curl, thumb) in _POSES.items():
        vertices = _posed(model, betas, curl, thumb)
        cells = []
        for view_name, turn in _VIEWS.items():
            part = Part(
                "hand", vertices @ _view(model.side, turn).T + [0, 0, _DISTANCE], model.closed_faces,
                hand=model.side, is_hand=True, texture=texture, uv=atlas_uv(), gloss=0.25,
            )  # fmt: skip
            scene = HandScene(camera, (size, size), (part,), lights, background, 0.0)
            cells.append(
                _labelled(renderer.render(scene).compose(scene, ["hand"]), f"{pose_name}, {view_name}")
            )
        rows.append(np.concatenate(cells, axis=1))
    sheet = np.concatenate(rows)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        written = cv2.imwrite(str(out), sheet[..., ::-1])
    except (OSError, cv2.error) as error:
        raise HandbenchError(f"{out} cannot be written: {error}", "name a .png file") from None
    if not written:
        raise HandbenchError(f"{out} cannot be written", "is the folder read-only or the disk full?")


def _posed(model: HandModel, betas: FloatArray, curl: float, thumb: float) -> FloatArray:
    angles = np.zeros((15, 3))
    for j, name in enumerate(MANO16.names[1:]):
        number = int(name[-1]) - 1
        angles[j, FLEXION] = thumb * _THUMB_CURL[number] if name.startswith("thumb") else curl * _CURL[number]
    body = anatomy(model)
    pose = np.concatenate([np.zeros(3), body.pose_from_angles(body.clamp_angles(angles))])
    vertices = forward(model, pose[None], betas, np.zeros(3)).vertices[0]
    # Centred between wrist and fingertips of the rest hand, so that closing the hand does not move it.
    middle = model.v_template.min(axis=0) + model.v_template.max(axis=0)
    return np.asarray(vertices - 0.5 * middle)


def _view(side: Side, turn: float) -> FloatArray:
    """Returns the rotation (3, 3) that shows the rest hand with its fingers up and its palm to the camera."""
    outward = -1.0 if side is Side.RIGHT else 1.0
    # Rows: where the picture's x (right), y (down) and z (away) lie in the hand's rest frame.
    upright = np.array([[0.0, 0.0, -outward], [-outward, 0.0, 0.0], [0.0, 1.0, 0.0]])
    return np.asarray(axis_angle_to_matrix(np.array([0.0, -outward * turn, 0.0])) @ upright)


def _unit(vectors: FloatArray) -> FloatArray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def _labelled(picture: npt.NDArray[np.uint8], text: str) -> npt.NDArray[np.uint8]:
    labelled = np.ascontiguousarray(picture)
    scale = picture.shape[0] / 640
    cv2.putText(
        labelled,
        text,
        (6, int(28 * scale) + 4),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        (60, 60, 60),
        1,
        cv2.LINE_AA,
    )
    return labelled
