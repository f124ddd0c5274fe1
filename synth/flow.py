"""True optical flow: where the surface point seen in each pixel was one frame before.

Drawn from the meshes alone, so that it is the same for every renderer: a z-buffer at pixel centres finds the
face that is seen, and the same point of that face is projected from its place in the frame before.
"""

from __future__ import annotations

from collections.abc import Sequence

import numba as nb
import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray
from handbench.camera import Camera
from handbench.synth.scene import Part

UNIT = 64.0
"""Steps of a stored flow a pixel (KITTI's)."""

NONE, HIDDEN, SEEN = 0, 1, 2
"""Third channel: no flow; the point was hidden or outside the picture one frame before; it was seen."""

_NEAREST = 0.01  # faces that come nearer to the camera are left out [m]
_SLACK = 0.004  # a point is hidden when something lies so far before it [m]


class FlowCamera:
    """Draws one fixed camera's flow, frame after frame.

    Args:
        camera: where it stands; world parts are taken into its frame.
        still: (h, w) float32 depth of what never moves [m], 0 for none.
    """

    def __init__(self, camera: Camera, still: npt.NDArray[np.float32]) -> None:
        self._camera = camera
        self._still = np.where(still > 0, still, np.inf).astype(np.float32)

    def draw(
        self, now: Sequence[Part], before: Sequence[Part]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Draws the flow from a frame to the one before it.

        Args:
            now: parts of the frame, in the camera's frame.
            before: parts of the frame before; a part without a partner of the same mesh has no flow.

        Returns:
            (h, w, 2) float32, the pixel of the same surface point one frame before, minus the pixel [px];
            what does not move has 0. And (h, w) uint8 of ``NONE``, ``HIDDEN``, ``SEEN``.
        """
        w, h = self._camera.size
        then = {part.name: part for part in before}
        K = np.array(self._camera.K)
        past, behind = self._still.copy(), np.empty((h, w), np.float32)
        scratch = np.zeros((h, w, 2), np.float32)
        state = np.zeros((h, w), np.uint8)
        for part in before:
            _draw(part.vertices, part.vertices, part.faces, K, True, past, scratch, state, behind)
        depth = self._still.copy()
        flow = np.zeros((h, w, 2), np.float32)
        state[:] = np.where(np.isfinite(depth), SEEN, NONE)
        behind[:] = depth
        for part in now:
            other = then.get(part.name)
            same = other is not None and other.vertices.shape == part.vertices.shape
            old = other.vertices if other is not None and same else part.vertices
            _draw(part.vertices, old, part.faces, K, same, depth, flow, state, behind)
        _hide(flow, behind, past, state)
        return flow, state


def encode_flow(flow: npt.NDArray[np.float32], state: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Packs a flow as KITTI's PNG: (h, w, 3) uint16, 2^15 + 64 u, 2^15 + 64 v, state."""
    out = np.empty((*state.shape, 3), np.uint16)
    out[..., :2] = np.clip(np.rint(flow * UNIT) + 32768, 0, 65535)
    out[..., 2] = state
    return out


def decode_flow(
    stored: npt.NDArray[np.uint16],
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
    """Unpacks (h, w, 3) uint16 into the flow (h, w, 2) [px] and its state (h, w)."""
    flow = (stored[..., :2].astype(np.float32) - 32768) / np.float32(UNIT)
    return flow, stored[..., 2].astype(np.uint8)


@nb.njit(cache=True, nogil=True)
def _draw(
    points: FloatArray,
    old: FloatArray,
    faces: npt.NDArray[np.int32],
    K: FloatArray,
    known: bool,
    depth: npt.NDArray[np.float32],
    flow: npt.NDArray[np.float32],
    state: npt.NDArray[np.uint8],
    behind: npt.NDArray[np.float32],
) -> None:
    """Draws one mesh into the z-buffer; ``flow`` and ``behind`` get the old place and its depth."""
    height, width = depth.shape
    for f in range(faces.shape[0]):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        za, zb, zc = points[i, 2], points[j, 2], points[k, 2]
        if min(za, zb, zc) < _NEAREST:
            continue
        xa = (K[0, 0] * points[i, 0] + K[0, 1] * points[i, 1]) / za + K[0, 2]
        xb = (K[0, 0] * points[j, 0] + K[0, 1] * points[j, 1]) / zb + K[0, 2]
        xc = (K[0, 0] * points[k, 0] + K[0, 1] * points[k, 1]) / zc + K[0, 2]
        ya, yb = K[1, 1] * points[i, 1] / za + K[1, 2], K[1, 1] * points[j, 1] / zb + K[1, 2]
        yc = K[1, 1] * points[k, 1] / zc + K[1, 2]
        area = (xb - xa) * (yc - ya) - (xc - xa) * (yb - ya)
        if abs(area) < 1e-9:
            continue
        x0, x1 = max(int(np.ceil(min(xa, xb, xc))), 0), min(int(np.floor(max(xa, xb, xc))), width - 1)
        y0, y1 = max(int(np.ceil(min(ya, yb, yc))), 0), min(int(np.floor(max(ya, yb, yc))), height - 1)
        for y in range(y0, y1 + 1):
            for x in range(x0, x1 + 1):
                a = ((xb - x) * (yc - y) - (xc - x) * (yb - y)) / area
                b = ((xc - x) * (ya - y) - (xa - x) * (yc - y)) / area
                c = 1.0 - a - b
                if a < 0.0 or b < 0.0 or c < 0.0:
                    continue
                # Shares of the picture's triangle over z are shares of the surface.
                a, b, c = a / za, b / zb, c / zc
                z = 1.0 / (a + b + c)
                if z >= depth[y, x]:
                    continue
                depth[y, x] = z
                if not known:
                    state[y, x] = NONE
                    flow[y, x, 0] = flow[y, x, 1] = 0.0
                    continue
                a, b, c = a * z, b * z, c * z
                px = a * old[i, 0] + b * old[j, 0] + c * old[k, 0]
                py = a * old[i, 1] + b * old[j, 1] + c * old[k, 1]
                pz = a * old[i, 2] + b * old[j, 2] + c * old[k, 2]
                if pz < _NEAREST:
                    state[y, x] = NONE
                    flow[y, x, 0] = flow[y, x, 1] = 0.0
                    continue
                flow[y, x, 0] = (K[0, 0] * px + K[0, 1] * py) / pz + K[0, 2] - x
                flow[y, x, 1] = K[1, 1] * py / pz + K[1, 2] - y
                behind[y, x] = pz
                state[y, x] = SEEN


@nb.njit(cache=True, nogil=True)
def _hide(
    flow: npt.NDArray[np.float32],
    behind: npt.NDArray[np.float32],
    past: npt.NDArray[np.float32],
    state: npt.NDArray[np.uint8],
) -> None:
    """Marks the points that the frame before did not show."""
    height, width = state.shape
    for y in range(height):
        for x in range(width):
            if state[y, x] != SEEN:
                continue
            px, py = int(np.rint(x + flow[y, x, 0])), int(np.rint(y + flow[y, x, 1]))
            if px < 0 or py < 0 or px >= width or py >= height or past[py, px] < behind[y, x] - _SLACK:
                state[y, x] = HIDDEN
