"""The renderer ``pyrender``: the same layers through OpenGL (EGL, on a GPU or in software)."""

from __future__ import annotations

import ctypes.util
import os
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from handbench.errors import HandbenchError
from handbench.synth.pixel_layers import PixelLayers, PixelPart
from handbench.synth.raster_inputs import PartArrays, ReadOnlyCopies, bad_index, not_finite, part_arrays
from handbench.synth.raster_light import surface_points
from handbench.synth.scene import HandScene

ZNEAR, ZFAR = 0.01, 100.0
# OpenCV's camera frame to OpenGL's: y up, z backward.
FLIP = np.diag([1.0, -1.0, -1.0, 1.0])

REMEDY = "install libegl1 and libegl-mesa0, or use --renderer raster"

_instance: PyrenderRenderer | None = None


def make() -> PyrenderRenderer:
    """Gives this process's renderer: EGL contexts do not survive being made twice.

    Raises:
        HandbenchError: EGL is missing or cannot start, or the process was forked from one that used it.
    """
    global _instance
    if _instance is None:
        _instance = PyrenderRenderer()
    _instance.check_process()
    return _instance


class PyrenderRenderer:
    """Draws scenes with pyrender; one a process, in processes that were spawned."""

    name = "pyrender"

    def __init__(self) -> None:
        self._pyrender = _import_pyrender()
        self._process = os.getpid()
        self._copies = ReadOnlyCopies()
        try:
            self._offscreen: Any = self._pyrender.OffscreenRenderer(256, 256)
        except Exception as problem:  # EGL reports by exceptions of many kinds
            raise HandbenchError(
                f"pyrender cannot open EGL: {problem}",
                REMEDY,
            ) from problem

    def check_process(self) -> None:
        """Refuses to draw in a forked child: the GL context belongs to the parent."""
        if os.getpid() != self._process:
            raise HandbenchError(
                "pyrender was started before this process was forked", "start workers with the spawn method"
            )

    def device(self) -> str:
        """Names the GL device and version, for the manifest."""
        from OpenGL import GL

        self.check_process()
        self._offscreen._platform.make_current()
        words = [GL.glGetString(key).decode() for key in (GL.GL_RENDERER, GL.GL_VERSION)]
        self._offscreen._platform.make_uncurrent()
        return ", ".join(words)

    def render(self, scene: HandScene) -> PixelLayers:
        """Draws each part alone: a SEG pass for mask and depth, a lit pass for colour and coverage.

        Raises:
            HandbenchError: vertices that are not finite, arrays that do not fit, or K with skew.
        """
        self.check_process()
        if scene.K[0, 1] != 0.0:
            raise HandbenchError("pyrender cannot draw K with skew", "use --renderer raster")
        self._offscreen.viewport_width, self._offscreen.viewport_height = scene.size
        stage = self._stage(scene)
        parts = []
        for part in scene.parts:
            arrays = part_arrays(part, self._copies)
            if arrays.faces.size and not 0 <= arrays.faces.min() <= arrays.faces.max() < len(arrays.vertices):
                raise bad_index(part.name, len(arrays.vertices))
            if not np.isfinite(arrays.vertices).all():
                raise not_finite(part.name)
            parts.append(self._draw(stage, arrays))
        return PixelLayers(scene, tuple(part.name for part in scene.parts), parts)

    def _stage(self, scene: HandScene) -> Any:
        """Makes the camera and the lights, with nothing to see."""
        p = self._pyrender
        lights = scene.lights
        ambient = lights.ambient if lights.sh is None else np.maximum(lights.sh[0], 0.0)
        stage = p.Scene(bg_color=[0.0, 0.0, 0.0, 0.0], ambient_light=np.asarray(ambient))
        K = scene.K
        camera = p.IntrinsicsCamera(K[0, 0], K[1, 1], K[0, 2] + 0.5, K[1, 2] + 0.5, znear=ZNEAR, zfar=ZFAR)
        stage.add(camera, pose=np.eye(4))
        for direction, color in zip(lights.directions, lights.colors, strict=True):
            strength = float(np.max(color))
            if strength > 0.0:
                # pyrender divides by pi; a light shines along its -z.
                light = p.DirectionalLight(color=np.asarray(color) / strength, intensity=strength * np.pi)
                stage.add(light, pose=_facing(FLIP[:3, :3] @ direction))
        return stage

    def _draw(self, stage: Any, part: PartArrays) -> PixelPart:
        p = self._pyrender
        mesh = p.Mesh([_primitive(p, part)])
        node = stage.add(mesh)
        try:
            seg, depth = self._offscreen.render(stage, p.RenderFlags.SEG, {node: 255})
            rgba, _ = self._offscreen.render(stage, p.RenderFlags.RGBA | p.RenderFlags.SKIP_CULL_FACES)
        finally:
            stage.remove_node(node)
        mask = seg[..., 0] > 127
        return PixelPart(part, mask, np.where(mask, depth, np.inf).astype(np.float32), rgba)


def _import_pyrender() -> Any:
    if "pyrender" not in sys.modules:
        os.environ["PYOPENGL_PLATFORM"] = "egl"
        # Software GL starts a thread a core otherwise; a worker process is to use one core.
        os.environ.setdefault("LP_NUM_THREADS", "0")
    elif os.environ.get("PYOPENGL_PLATFORM") != "egl":
        raise HandbenchError(
            "pyrender was imported without EGL", "set PYOPENGL_PLATFORM=egl before anything imports pyrender"
        )
    if ctypes.util.find_library("EGL") is None:
        raise HandbenchError(
            "pyrender needs EGL, and libEGL is missing",
            REMEDY,
        )
    try:
        import pyrender
    except Exception as problem:  # pyglet and PyOpenGL fail at import in many ways
        raise HandbenchError(
            f"pyrender cannot be imported: {problem}", "install libegl1, libegl-mesa0 and libopengl0"
        ) from problem
    return pyrender


def _primitive(p: Any, part: PartArrays) -> Any:
    """Makes a part's triangles, corner by corner where it has a texture, from both sides where it is open."""
    flat = part.faces.shape[0] - part.smooth
    points = np.empty((part.vertices.shape[0] + flat, 3), np.float32)
    normals = np.empty_like(points)
    corner = np.empty(part.vertices.shape[0], np.int32)
    surface_points(part.vertices, part.faces, part.smooth, points, normals, corner)
    rows = part.faces.astype(np.int64)
    normal_rows = rows.copy()
    normal_rows[part.smooth :] = (part.vertices.shape[0] + np.arange(flat))[:, None]
    indices = np.arange(rows.size).reshape(-1, 3)
    if not part.closed:
        indices = np.concatenate([indices, indices[:, ::-1]])
    texcoord, color, texture = None, None, None
    if len(part.uv):
        at = np.arange(rows.size).reshape(-1, 3)
        at[len(part.uv) :] = np.maximum(corner[rows[len(part.uv) :, :1]], 0)
        height, width = part.texture.shape[:2]
        texcoord = (part.uv.reshape(-1, 2)[at.reshape(-1)] + 0.5) / np.array([width, height])
        texcoord[:, 1] = 1.0 - texcoord[:, 1]
        sampler = p.Sampler(magFilter=9729, minFilter=9729)
        texture = p.Texture(source=part.texture, source_channels="RGB", sampler=sampler)
    else:
        # Textures are sRGB, but vertex colours multiply linear light.
        color = np.ones((rows.size, 4), np.float32)
        color[:, :3] = (part.colors[rows.reshape(-1)] / 255.0) ** 2.2
    material = p.MetallicRoughnessMaterial(
        baseColorTexture=texture, metallicFactor=0.0, roughnessFactor=1.0 - 0.5 * part.gloss, doubleSided=True
    )
    return p.Primitive(
        positions=_to_gl(part.vertices[rows.reshape(-1)]),
        normals=_to_gl(normals[normal_rows.reshape(-1)]),
        texcoord_0=texcoord,
        color_0=color,
        indices=indices,
        material=material,
        mode=4,
    )


def _to_gl(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    return np.asarray(vectors * np.array([1.0, -1.0, -1.0]), np.float32)


def _facing(toward: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Gives the pose whose z axis points towards a light."""
    z = toward / np.linalg.norm(toward)
    up = np.array([1.0, 0.0, 0.0]) if abs(z[0]) < 0.7 else np.array([0.0, 1.0, 0.0])
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([x, np.cross(z, x), z], axis=1)
    return pose
