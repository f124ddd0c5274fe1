"""A small HO-3D tree of the procedural hand: real files in the official form, and what was put into them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.camera import Camera
from handbench.formats import ho3d, ho3d_tree
from handbench.formats.ho3d_meta import Ho3dMeta, write_meta
from handbench.formats.ho3d_released import write_released_gt
from handbench.formats.ho3d_seg import encode_seg
from handbench.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from handbench.hands import HandMesh, forward_one, load_hand_model
from handbench.types import HandParams, Side

K = np.array([[614.0, 0, 320.5], [0, 613.0, 241.25], [0, 0, 1]])
CAMERA = Camera(K, ho3d.IMAGE_SIZE)
FRAMES = (("ABF10", "0003"), ("ABF10", "0001"), ("ABF11", "0001"), ("ABF10", "0000"), ("SM1", "0012"),
          ("ABF10", "0007"), ("SM1", "0010"))  # fmt: skip
"""A list as the official one is: not in order of time, with gaps."""


@dataclass
class Scene:
    """What one frame holds, in inner conventions."""

    params: HandParams
    mesh: HandMesh
    object_R: FloatArray
    object_t: FloatArray
    corners_rest: FloatArray
    depth: FloatArray
    hand: BoolArray
    thing: BoolArray

    @property
    def corners(self) -> FloatArray:
        return self.corners_rest @ self.object_R.T + self.object_t


@dataclass
class Tree:
    """A tree and its scenes by (sequence, frame)."""

    root: Path
    version: ho3d_tree.Version
    split: ho3d_tree.Split
    scenes: dict[tuple[str, str], Scene] = field(default_factory=dict)


def make_scene(seed: int) -> Scene:
    rng = np.random.default_rng(seed)
    pose = np.concatenate([rng.normal(size=3), rng.normal(size=45) * 0.3])
    transl = np.array([0.0, 0.0, 0.55]) + rng.uniform(-0.02, 0.02, 3)
    params = HandParams(Side.RIGHT, pose, rng.normal(size=10), transl)
    model = load_hand_model()
    mesh = forward_one(model, params, "ho3d")
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], dtype=np.float64)
    t = mesh.vertices.mean(axis=0) + np.array([0.09, 0.02, 0.03])
    hand, thing = np.zeros((480, 640), np.uint8), np.zeros((480, 640), np.uint8)
    rotation = axis_angle_to_matrix(rng.normal(size=3))
    scene = Scene(
        params, mesh, rotation, t, signs * [0.03, 0.04, 0.05], np.zeros((480, 640)), hand > 0, hand > 0
    )
    for face in np.rint(CAMERA.project(mesh.vertices)).astype(np.int32)[model.faces]:
        cv2.fillConvexPoly(hand, face, 1)
    cv2.fillConvexPoly(thing, cv2.convexHull(np.rint(CAMERA.project(scene.corners)).astype(np.int32)), 1)
    scene.hand, scene.thing = hand > 0, (thing > 0) & (hand == 0)
    scene.depth = np.where(scene.hand, 0.55, np.where(scene.thing, 0.6, 0.0))
    return scene


def meta_of(scene: Scene, evaluation: bool) -> Ho3dMeta:
    pose, betas, trans = ho3d.hand_to_opengl(scene.params, scene.mesh.joints21[0] - scene.params.transl)
    joints = ho3d.joints_to_opengl(scene.mesh.joints21)
    pixels = CAMERA.project(scene.mesh.vertices)
    corners = np.concatenate([pixels.min(axis=0), pixels.max(axis=0)])
    base = Ho3dMeta(
        joints[0],
        K,
        obj_rot=ho3d.rotation_flip(matrix_to_axis_angle(scene.object_R)),
        obj_trans=ho3d.points_flip(scene.object_t),
        obj_corners=ho3d.points_flip(scene.corners),
        obj_corners_rest=scene.corners_rest,
        obj_name="019_pitcher_base",
        obj_label=15,
    )
    if evaluation:
        return dataclasses.replace(base, hand_box=corners, obj_corners=None)
    contact = np.arange(778) < 31
    return dataclasses.replace(
        base, hand_joints=joints, hand_pose=pose, hand_beta=betas, hand_trans=trans, vert_contact=contact,
        vert_intersec=contact, vert_dist=np.zeros(778), vert_obj_proj=np.zeros((778, 3)), cam_ids=("0", "1"),
    )  # fmt: skip


def _save(path: Path, rgb: ImageArray) -> None:
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))


def write_frame(tree: Tree, sequence: str, frame: str, scene: Scene) -> None:
    root, split, version = tree.root, tree.split, tree.version
    picture = np.full((480, 640, 3), (60, 90, 120), np.uint8)
    picture[scene.thing], picture[scene.hand] = (40, 140, 60), (210, 160, 130)
    paths = [
        ho3d_tree.rgb_path(root, version, split, sequence, frame),
        ho3d_tree.depth_path(root, split, sequence, frame),
        ho3d_tree.seg_path(root, version, split, sequence, frame),
        ho3d_tree.meta_path(root, split, sequence, frame),
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
    _save(paths[0], picture)
    cv2.imwrite(str(paths[1]), ho3d.encode_depth(scene.depth))
    if split == "train":
        seg = encode_seg(scene.hand, scene.thing, version)
        _save(paths[2], seg)
    write_meta(paths[3], meta_of(scene, split == "evaluation"))
    tree.scenes[sequence, frame] = scene


def write_tree(root: Path, version: ho3d_tree.Version = "v3", split: ho3d_tree.Split = "train") -> Tree:
    """Writes seven frames of three sequences, one of them not annotated, one on disk but not in the list."""
    tree = Tree(root, version, split)
    for i, (sequence, frame) in enumerate((*FRAMES, ("SM1", "0099"))):
        write_frame(tree, sequence, frame, make_scene(i))
    write_meta(ho3d_tree.meta_path(root, split, "ABF10", "0007"), None)
    ho3d_tree.write_split(root, split, FRAMES)
    return tree


def write_released(tree: Tree) -> None:
    """Writes the released files for all lines of the list."""
    scenes = [tree.scenes[line] for line in FRAMES]
    xyz = np.stack([ho3d.joints_to_opengl(scene.mesh.joints21) for scene in scenes])
    write_released_gt(tree.root, xyz, ho3d.points_flip(np.stack([s.mesh.vertices for s in scenes])))
