"""One fixed camera of a take: draws frame after frame over its still picture of the room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import BoolArray, FloatArray, ImageArray
from handbench.camera import Camera
from handbench.hands.visibility import joint_visibility
from handbench.synth.scene import HandScene, Lights, Part, Renderer
from handbench.synth.video_actors import OBJECT, between, lights_from, seen_from
from handbench.synth.video_room import StaticView
from handbench.types import Side

_OTHER, _OBJECT = 1, 2  # indices of visibility.CAUSES, less the hand's own
_RING = f"{Side.RIGHT.value}_ring"
_STEP = 4.0  # pixels that a blurred thing may move between two of the pictures that are averaged
_MOST = 6  # pictures that are averaged, at most


@dataclass(frozen=True)
class FramePicture:
    """What one camera sees in one frame, before exposure and noise.

    Attributes:
        picture: (h, w, 3) uint8 sRGB; blurred where the exposure takes time.
        depth: (h, w) float32 z [m] of the nearest surface.
        hand: (h, w) bool, the visible right hand, its ring included, without the forearm.
        thing: (h, w) bool, the visible object.
        amodal: (h, w) bool, the whole right hand.
        visibility: (21,) seen share of each joint of the right hand.
    """

    picture: ImageArray
    depth: npt.NDArray[np.float32]
    hand: BoolArray
    thing: BoolArray
    amodal: BoolArray
    visibility: npt.NDArray[np.float32]

    @property
    def seen(self) -> float:
        """Visible share of the right hand inside the picture; 0 where it is outside."""
        whole = int(np.count_nonzero(self.amodal))
        return int(np.count_nonzero(self.hand & self.amodal)) / whole if whole else 0.0


class VideoCamera:
    """Draws what one camera sees.

    Args:
        camera: where it stands.
        view: the room as it sees it.
        lights: world frame.
        homography: (3, 3) from the table's darkness map to its pixels.
        renderer: draws the parts.
        flesh: (21,) [m] of the right hand, see :func:`handbench.hands.visibility.flesh_thickness`.
    """

    def __init__(
        self,
        camera: Camera,
        view: StaticView,
        lights: Lights,
        homography: FloatArray,
        renderer: Renderer,
        flesh: FloatArray,
    ) -> None:
        self.camera, self.view = camera, view
        self._lights = lights_from(camera, lights)
        self._homography = homography
        self._renderer, self._flesh = renderer, flesh

    def draw(
        self,
        parts: Sequence[Part],
        joints: FloatArray,
        darkness: ImageArray,
        extra: Sequence[Part] = (),
        neighbours: tuple[Sequence[Part], Sequence[Part]] | None = None,
        exposure: float = 0.0,
    ) -> FramePicture:
        """Draws one frame.

        Args:
            parts: of the frame, world.
            joints: (21, 3) of the right hand, OPENPOSE21, world [m].
            darkness: of the table, see :class:`handbench.synth.video_shadow.TableShadow`.
            extra: further parts, in the camera's frame.
            neighbours: parts of the frame before and the frame after, for motion blur.
            exposure: time that the shutter is open, in frames; centred on the frame.
        """
        here = (*seen_from(self.camera, parts), *extra)
        background = self._background(darkness)
        layers = self._renderer.render(self._scene(here, background))
        names = tuple(part.name for part in here)
        ids = layers.visible(names)
        depth = self.view.depth.copy()
        own = np.empty(0, np.float32)
        for index, name in enumerate(names):
            layer = layers.depth(name)
            _merge_depth(layer, ids, index, depth)
            own = layer if name == Side.RIGHT.value else own
        visibility = joint_visibility(
            self.camera.to_camera(joints), self._flesh, self.camera.K, ids, own,
            names.index(Side.RIGHT.value), np.array([_cause(part) for part in here], np.int8),
        )  # fmt: skip
        amodal = np.isfinite(own)
        steps = self._steps(parts, neighbours, exposure)
        blurred = steps > 1 and neighbours is not None
        picture = background.copy() if blurred else layers.compose(self._scene(here, background), names)
        _restore(picture, background, ids)
        if blurred and neighbours is not None:
            picture = self._blurred(parts, neighbours, exposure, steps, background)
        hand = ids == names.index(Side.RIGHT.value)
        if _RING in names:
            hand |= ids == names.index(_RING)
        return FramePicture(picture, depth, hand, ids == names.index(OBJECT), amodal, visibility.joints)

    def _scene(self, parts: tuple[Part, ...], background: ImageArray) -> HandScene:
        return HandScene(self.camera.K, self.camera.size, parts, self._lights, background, np.inf)

    def _background(self, darkness: ImageArray) -> ImageArray:
        """Returns the room with the table's shadows, (h, w, 3)."""
        out = self.view.picture.copy()
        y0, y1, x0, x1 = self._shaded(darkness)
        if y1 > y0 and x1 > x0:
            shift = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0], [0.0, 0.0, 1.0]])
            size = (x1 - x0, y1 - y0)
            dark = cv2.warpPerspective(darkness, shift @ self._homography, size, flags=cv2.INTER_LINEAR)
            _darken(np.asarray(dark), self.view.table[y0:y1, x0:x1], out[y0:y1, x0:x1])
        return out

    def _shaded(self, darkness: ImageArray) -> tuple[int, int, int, int]:
        """Returns the rows and columns [y0, y1), [x0, x1) in which the table may be dark."""
        w, h = self.camera.size
        x, y, width, height = cv2.boundingRect(darkness)
        if not width:
            return 0, 0, 0, 0
        corners = [(i, j, 1.0) for i in (x - 1, x + width) for j in (y - 1, y + height)]
        at = np.array(corners) @ self._homography.T
        if at[:, 2].min() < 0.05:
            return 0, h, 0, w
        pixels = at[:, :2] / at[:, 2:]
        low, high = np.floor(pixels.min(axis=0)).astype(int) - 1, np.ceil(pixels.max(axis=0)).astype(int) + 2
        x0, y0 = np.clip(low, 0, (w, h)).tolist()
        x1, y1 = np.clip(high, (x0, y0), (w, h)).tolist()
        return y0, y1, x0, x1

    def _steps(
        self, parts: Sequence[Part], neighbours: tuple[Sequence[Part], Sequence[Part]] | None, exposure: float
    ) -> int:
        """Returns how many pictures the blur takes, from the fastest vertex in this camera's pixels."""
        if neighbours is None or exposure <= 0.0:
            return 1
        first = between(parts, neighbours[0], 0.5 * exposure)
        last = between(parts, neighbours[1], 0.5 * exposure)
        most = 0.0
        for a, b in zip(first, last, strict=True):
            path = self._pixels(b.vertices) - self._pixels(a.vertices)
            most = max(most, float(np.nanmax(np.abs(path))))
        return min(1 + int(most / _STEP), _MOST)

    def _pixels(self, points: FloatArray) -> FloatArray:
        return self.camera.project(self.camera.to_camera(points[::7]))

    def _blurred(
        self,
        parts: Sequence[Part],
        neighbours: tuple[Sequence[Part], Sequence[Part]],
        exposure: float,
        steps: int,
        background: ImageArray,
    ) -> ImageArray:
        """Averages pictures over the exposure, in linear light."""
        y0, y1, x0, x1 = self._window((*parts, *neighbours[0], *neighbours[1]))
        total = np.zeros((y1 - y0, x1 - x0, 3), np.uint32)
        for share in exposure * (np.arange(steps) + 0.5 - steps / 2) / steps:
            moved = between(parts, neighbours[1] if share > 0 else neighbours[0], abs(float(share)))
            here = seen_from(self.camera, moved)
            scene = self._scene(here, background)
            layers = self._renderer.render(scene)
            picture = layers.compose(scene, layers.names)
            _add_linear(picture[y0:y1, x0:x1], _LINEAR, total)
        out = background.copy()
        _to_srgb(total, steps, _SRGB, out[y0:y1, x0:x1])
        return out

    def _window(self, parts: Sequence[Part]) -> tuple[int, int, int, int]:
        """Returns the rows and columns [y0, y1), [x0, x1) outside which the parts change nothing."""
        w, h = self.camera.size
        points = self.camera.to_camera(np.concatenate([part.vertices for part in parts]))
        if points[:, 2].min() < 0.05:
            return 0, h, 0, w
        pixels = self.camera.project(points)
        low, high = np.floor(pixels.min(axis=0)).astype(int) - 2, np.ceil(pixels.max(axis=0)).astype(int) + 3
        x0, y0 = np.clip(low, 0, (w, h)).tolist()
        x1, y1 = np.clip(high, (x0, y0), (w, h)).tolist()
        return y0, y1, x0, x1


def _cause(part: Part) -> int:
    """Returns what covering by a part counts as: the own arm, the other hand, or an object."""
    if part.hand is None:
        return _OBJECT
    return 0 if part.hand is Side.RIGHT else _OTHER


_LEVELS = np.arange(256) / 255.0
_LINEAR = np.rint(4095 * np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4))
_LINEAR = _LINEAR.astype(np.uint32)
_STEPS = np.arange(4096) / 4095.0
_SRGB = np.where(_STEPS <= 0.0031308, 12.92 * _STEPS, 1.055 * _STEPS ** (1 / 2.4) - 0.055)
_SRGB = np.rint(255 * _SRGB).astype(np.uint8)


@nb.njit(cache=True, nogil=True)
def _add_linear(
    picture: npt.NDArray[np.uint8], table: npt.NDArray[np.uint32], total: npt.NDArray[np.uint32]
) -> None:
    for y in range(picture.shape[0]):
        for x in range(picture.shape[1]):
            for c in range(3):
                total[y, x, c] += table[picture[y, x, c]]


@nb.njit(cache=True, nogil=True)
def _to_srgb(
    total: npt.NDArray[np.uint32], count: int, table: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]
) -> None:
    share = np.float32(1.0 / count)
    for y in range(total.shape[0]):
        for x in range(total.shape[1]):
            for c in range(3):
                out[y, x, c] = table[int(total[y, x, c] * share + np.float32(0.5))]


@nb.njit(cache=True, nogil=True)
def _merge_depth(
    layer: npt.NDArray[np.float32], ids: npt.NDArray[np.int8], index: int, depth: npt.NDArray[np.float32]
) -> None:
    """Takes a part's depth where it is the nearest; where the room is nearer, nothing is seen of it."""
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            if ids[y, x] == index:
                if layer[y, x] < depth[y, x] or depth[y, x] == 0.0:
                    depth[y, x] = layer[y, x]
                else:
                    ids[y, x] = -2


@nb.njit(cache=True, nogil=True)
def _restore(
    picture: npt.NDArray[np.uint8], background: npt.NDArray[np.uint8], ids: npt.NDArray[np.int8]
) -> None:
    """Shows the room again where it is nearer than what was drawn (an elbow below the table's edge)."""
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            if ids[y, x] == -2:
                for c in range(3):
                    picture[y, x, c] = background[y, x, c]
                ids[y, x] = -1


@nb.njit(cache=True, nogil=True)
def _darken(dark: npt.NDArray[np.uint8], table: npt.NDArray[np.bool_], out: npt.NDArray[np.uint8]) -> None:
    for y in range(dark.shape[0]):
        for x in range(dark.shape[1]):
            if dark[y, x] and table[y, x]:
                # A share of 256 in place of 255: a shift instead of a division.
                kept = 256 - np.int32(dark[y, x]) - (np.int32(dark[y, x]) >> 7)
                for c in range(3):
                    out[y, x, c] = np.uint8((np.int32(out[y, x, c]) * kept + 128) >> 8)
