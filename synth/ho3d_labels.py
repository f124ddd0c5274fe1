"""What HO-3D's files say of a take: annotations in its own conventions, one camera and frame at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.camera import Camera
from handbench.formats.ho3d import joints_to_opengl, points_flip
from handbench.formats.ho3d_meta import Ho3dMeta
from handbench.hands.model import HandModel, forward
from handbench.hands.rotations import exponential, logarithm, product
from handbench.synth.poses import rest_wrist
from handbench.synth.solids import SOLIDS
from handbench.synth.take import Take
from handbench.synth.take_contact import NEAR, vertex_distances

_FLIP = np.array([1.0, -1.0, -1.0])
_CORNERS = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], dtype=np.float64)


@dataclass(frozen=True)
class _Contact:
    """Distances of the hand's vertices to the object in one frame; ``surface`` (778, 3) world [m]."""

    frame: int
    distance: FloatArray
    inside: BoolArray
    surface: FloatArray


class Ho3dLabels:
    """Annotations of one take.

    Args:
        take: the take.
        model: the right hand's.
        serials: names of the cameras.
    """

    def __init__(self, take: Take, model: HandModel, serials: tuple[str, ...]) -> None:
        self._take, self._serials = take, serials
        mesh = forward(model, take.pose, take.betas, take.transl, tips="ho3d")
        self.joints, self.vertices = mesh.joints21, mesh.vertices
        self._wrist = rest_wrist(model, take.betas)
        low, high = take.solid.vertices.min(axis=0), take.solid.vertices.max(axis=0)
        self._corners = low + _CORNERS * (high - low)
        self._contact: _Contact | None = None

    def inside(self, camera: Camera, frame: int) -> int:
        """Returns how many joints lie inside a camera's picture."""
        points = camera.to_camera(self.joints[frame])
        pixels = camera.project(points)
        w, h = camera.size
        seen = (points[:, 2] > 0.05) & (pixels > -0.5).all(axis=1) & (pixels < (w - 0.5, h - 0.5)).all(axis=1)
        return int(seen.sum())

    def xyz(self, camera: Camera, frame: int) -> FloatArray:
        """Returns the (21, 3) joints as ``evaluation_xyz.json`` has them: OpenGL, HO3D21 [m]."""
        return joints_to_opengl(camera.to_camera(self.joints[frame]))

    def verts(self, camera: Camera, frame: int) -> FloatArray:
        """Returns the (778, 3) vertices as ``evaluation_verts.json`` has them: OpenGL [m]."""
        return points_flip(camera.to_camera(self.vertices[frame]))

    def train(self, camera: Camera, frame: int) -> Ho3dMeta:
        """Returns the whole annotation of a training frame."""
        # What formats.ho3d.hand_to_opengl gives for the hand in the camera's frame, in one step.
        to_opengl = _FLIP[:, None] * camera.R
        track = self._take.right
        pose = track.pose[frame].copy()
        pose[:3] = logarithm(product(to_opengl, exponential(pose[:3].copy())))
        trans = points_flip(camera.to_camera(self._wrist + track.transl[frame])) - self._wrist
        contact = self._distances(frame)
        rotation, place = self._thing(camera, frame)
        corners = self._corners @ self._take.object_R[frame].T + self._take.object_t[frame]
        return Ho3dMeta(
            hand_joints=self.xyz(camera, frame),
            cam_mat=np.array(camera.K),
            hand_pose=pose,
            hand_beta=track.betas,
            hand_trans=trans,
            obj_rot=rotation,
            obj_trans=place,
            obj_corners=points_flip(camera.to_camera(corners)),
            obj_corners_rest=self._corners,
            obj_name=self._take.object_name,
            obj_label=sorted(SOLIDS).index(self._take.solid.kind) + 1,
            vert_contact=contact.distance < NEAR,
            vert_intersec=contact.inside,
            vert_dist=contact.distance,
            vert_obj_proj=points_flip(camera.to_camera(contact.surface)),
            cam_ids=self._serials,
        )

    def evaluation(self, camera: Camera, frame: int) -> Ho3dMeta:
        """Returns the annotation of an evaluation frame: the wrist, the hand's box, the object's pose."""
        rotation, place = self._thing(camera, frame)
        pixels = camera.project(camera.to_camera(self.vertices[frame]))
        return Ho3dMeta(
            hand_joints=self.xyz(camera, frame)[0],
            cam_mat=np.array(camera.K),
            obj_rot=rotation,
            obj_trans=place,
            obj_corners_rest=self._corners,
            obj_name=self._take.object_name,
            obj_label=sorted(SOLIDS).index(self._take.solid.kind) + 1,
            hand_box=np.concatenate([pixels.min(axis=0), pixels.max(axis=0)]),
            cam_ids=self._serials,
        )

    def _thing(self, camera: Camera, frame: int) -> tuple[FloatArray, FloatArray]:
        """Returns the object's rotation (3,) and place (3,) in a camera's OpenGL frame."""
        turn = logarithm(_FLIP[:, None] * (camera.R @ self._take.object_R[frame]))
        return turn, points_flip(camera.to_camera(self._take.object_t[frame]))

    def _distances(self, frame: int) -> _Contact:
        """Measures the hand against the object, once a frame for all cameras."""
        if self._contact is None or self._contact.frame != frame:
            found = vertex_distances(self._take, frame, self.vertices[frame])
            self._contact = _Contact(frame, found.distance, found.inside, found.projection)
        return self._contact
