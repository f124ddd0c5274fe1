"""The plain way to draw the same layers with pyrender: the baseline of benchmarks/synth.py.

Written as a careful user would, with one OffscreenRenderer for all scenes: for each scene, build the pyrender
scene anew, draw the picture, the target hand alone, and mask and depth of each hand alone and of both.
"""

from __future__ import annotations

import os

os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
os.environ.setdefault("LP_NUM_THREADS", "0")

from typing import Any

import numpy as np
import numpy.typing as npt
import pyrender
import trimesh

from handbench.synth.scene import HandScene, Part

FLIP = np.diag([1.0, -1.0, -1.0, 1.0])


class PlainPyrender:
    """Holds the OffscreenRenderer."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._offscreen = pyrender.OffscreenRenderer(*size)

    def render(self, scene: HandScene) -> dict[str, npt.NDArray[Any]]:
        hands = [part for part in scene.parts if part.is_hand]
        world = self._world(scene)
        nodes = {part.name: world.add(_mesh(part), pose=FLIP) for part in scene.parts}
        flags = pyrender.RenderFlags.RGBA
        out: dict[str, npt.NDArray[Any]] = {}
        rgba, _ = self._offscreen.render(world, flags)
        out["image"] = _over(rgba, scene.background)
        ids = {node: i + 1 for i, node in enumerate(nodes.values())}
        seg, depth = self._offscreen.render(world, pyrender.RenderFlags.SEG, ids)
        out["ids"], out["depth"] = seg[..., 0].astype(np.int16) - 1, depth
        for part in scene.parts:
            if part.is_hand:
                alone, depth = self._offscreen.render(
                    world, pyrender.RenderFlags.SEG, {nodes[part.name]: 255}
                )
                out[f"{part.name}_mask"], out[f"{part.name}_depth"] = alone[..., 0] > 0, depth
        for part in scene.parts:
            if not hands or part.hand is not hands[0].hand:
                world.remove_node(nodes[part.name])
        rgba, _ = self._offscreen.render(world, flags)
        out["target_image"] = _over(rgba, scene.background)
        return out

    def _world(self, scene: HandScene) -> Any:
        world = pyrender.Scene(bg_color=[0.0, 0.0, 0.0, 0.0], ambient_light=scene.lights.ambient)
        K = scene.K
        camera = pyrender.IntrinsicsCamera(
            K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5, znear=0.01, zfar=10.0
        )
        world.add(camera, pose=np.eye(4))
        for direction, color in zip(scene.lights.directions, scene.lights.colors, strict=True):
            pose = np.eye(4)
            pose[:3, 2] = direction * np.array([1.0, -1.0, -1.0])
            pose[:3, 0] = np.cross([0.3, 0.9, 0.1], pose[:3, 2])
            pose[:3, 0] /= np.linalg.norm(pose[:3, 0])
            pose[:3, 1] = np.cross(pose[:3, 2], pose[:3, 0])
            strength = float(color.max())
            world.add(pyrender.DirectionalLight(color / max(strength, 1e-6), strength * np.pi), pose=pose)
        return world


_plain: PlainPyrender | None = None


def render_plain(scene: HandScene) -> dict[str, npt.NDArray[Any]]:
    """Gives picture, picture of the first hand alone, ids, and mask and depth of each whole hand, (h, w)."""
    global _plain
    if _plain is None:
        _plain = PlainPyrender(scene.size)
    return _plain.render(scene)


def _mesh(part: Part) -> Any:
    """Makes a pyrender mesh with smooth normals, its colours from a texture or from the vertices."""
    mesh = trimesh.Trimesh(part.vertices, part.faces, process=False)
    if part.texture is None or part.uv is None:
        mesh.visual = trimesh.visual.ColorVisuals(mesh, vertex_colors=part.colors)
        return pyrender.Mesh.from_trimesh(mesh, smooth=True)
    faces = part.faces[: len(part.uv)]
    size = part.texture.shape[0]
    uv = (part.uv.reshape(-1, 2) + 0.5) / size
    uv[:, 1] = 1.0 - uv[:, 1]
    texture = pyrender.Texture(source=part.texture, source_channels="RGB")
    material = pyrender.MetallicRoughnessMaterial(
        baseColorTexture=texture, metallicFactor=0.0, roughnessFactor=0.9
    )
    corners = faces.reshape(-1)
    skin = pyrender.Primitive(
        positions=part.vertices[corners],
        normals=mesh.vertex_normals[corners],
        texcoord_0=uv,
        indices=np.arange(len(corners)).reshape(-1, 3),
        material=material,
        mode=4,
    )
    cap = pyrender.Primitive(
        positions=part.vertices, normals=mesh.vertex_normals, indices=part.faces[len(faces) :]
    )
    return pyrender.Mesh([skin, cap] if len(part.faces) > len(faces) else [skin])


def _over(rgba: npt.NDArray[np.uint8], background: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    share = 1.0 - rgba[..., 3:].astype(np.float32) / 255.0
    return np.asarray(np.clip(rgba[..., :3] + background * share, 0, 255), np.uint8)
