"""The pinhole camera with integer pixel centres, and what crops and flips do to it.

The centre of the first pixel is (0, 0) and the picture reaches from -0.5 to w - 0.5, as in OpenCV and in
every dataset here. OpenGL counts from the pixel's corner: it gets cx + 0.5 and cy + 0.5.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from handbench.arrays import FloatArray, frozen_array


def resize_affine(scale_x: float, scale_y: float) -> FloatArray:
    """Returns the (2, 3) affine of a resize: x' = s (x + 0.5) - 0.5."""
    return np.array([[scale_x, 0.0, 0.5 * scale_x - 0.5], [0.0, scale_y, 0.5 * scale_y - 0.5]])


def flip_affine(width: int) -> FloatArray:
    """Returns the (2, 3) affine of a horizontal flip: x' = w - 1 - x."""
    return np.array([[-1.0, 0.0, width - 1.0], [0.0, 1.0, 0.0]])


def rotate_affine(angle: float, centre: tuple[float, float]) -> FloatArray:
    """Returns the (2, 3) affine of a rotation by ``angle`` [rad], clockwise as seen, about ``centre``."""
    c, s = np.cos(angle), np.sin(angle)
    x, y = centre
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y]])


def crop_affine(box: tuple[float, float, float, float], size: tuple[int, int]) -> FloatArray:
    """Returns the (2, 3) affine that maps the area of ``box`` onto a picture of ``size``.

    Args:
        box: x, y, w, h [px]; x and y are the box's outer left and top edge, so the box (-0.5, -0.5, w, h)
            is a whole picture of (w, h).
        size: (width, height) of the crop [px].
    """
    x, y, w, h = box
    sx, sy = size[0] / w, size[1] / h
    return np.array([[sx, 0.0, -sx * x - 0.5], [0.0, sy, -sy * y - 0.5]])


def apply_affine(affine: FloatArray, points: FloatArray) -> FloatArray:
    """Maps points (..., 2) [px] by a (2, 3) affine."""
    return np.asarray(points @ affine[:, :2].T + affine[:, 2])


def invert_affine(affine: FloatArray) -> FloatArray:
    """Returns the (2, 3) inverse of a (2, 3) affine."""
    linear = np.linalg.inv(affine[:, :2])
    return np.concatenate([linear, -(linear @ affine[:, 2])[:, None]], axis=1)


def warped_intrinsics(K: FloatArray, affine: FloatArray) -> FloatArray:
    """Returns the (3, 3) intrinsics of a picture warped by a (2, 3) pixel affine."""
    lift = np.eye(3)
    lift[:2] = affine
    return np.asarray(lift @ K)


_NO_TURN = frozen_array(np.eye(3), (3, 3), "R")
_NO_SHIFT = frozen_array(np.zeros(3), (3,), "t")


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        K: (3, 3) intrinsics [px] of the picture as it is now; may be sheared or mirrored by warps.
        size: (width, height) [px].
        R: (3, 3) rotation, world to camera.
        t: (3,) translation [m], world to camera: x_cam = R x_world + t.
    """

    K: FloatArray
    size: tuple[int, int]
    R: FloatArray = field(default_factory=lambda: _NO_TURN)
    t: FloatArray = field(default_factory=lambda: _NO_SHIFT)

    def __post_init__(self) -> None:
        object.__setattr__(self, "K", frozen_array(self.K, (3, 3), "K"))
        object.__setattr__(self, "R", frozen_array(self.R, (3, 3), "R"))
        object.__setattr__(self, "t", frozen_array(self.t, (3,), "t"))

    def to_camera(self, points_world: FloatArray) -> FloatArray:
        """Maps world points (..., 3) [m] into the camera frame."""
        return np.asarray(points_world @ self.R.T + self.t)

    def project(self, points: FloatArray) -> FloatArray:
        """Projects camera-frame points (..., 3) [m] to pixels (..., 2); z = 0 gives inf or NaN."""
        uvw = points @ self.K.T
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(uvw[..., :2] / uvw[..., 2:])

    def unproject(self, pixels: FloatArray, depth: FloatArray) -> FloatArray:
        """Lifts pixels (..., 2) at depth (...,) [m] (the z coordinate) to camera-frame points (..., 3)."""
        rays = np.concatenate([pixels, np.ones_like(pixels[..., :1])], axis=-1) @ np.linalg.inv(self.K).T
        return np.asarray(rays * (depth / rays[..., 2])[..., None])

    def warp(self, affine: FloatArray, size: tuple[int, int]) -> Camera:
        """Returns the camera of the picture warped by a (2, 3) pixel affine to ``size`` (width, height)."""
        return Camera(warped_intrinsics(self.K, affine), size, self.R, self.t)

    def crop(self, box: tuple[float, float, float, float], size: tuple[int, int]) -> Camera:
        """Returns the camera of the crop ``box`` (see :func:`crop_affine`) resized to ``size``."""
        return self.warp(crop_affine(box, size), size)

    def resize(self, size: tuple[int, int]) -> Camera:
        """Returns the camera of the picture resized to ``size`` (width, height)."""
        return self.warp(resize_affine(size[0] / self.size[0], size[1] / self.size[1]), size)

    def flip(self) -> Camera:
        """Returns the camera of the horizontally flipped picture (its fx is negative)."""
        return self.warp(flip_affine(self.size[0]), self.size)

    def rotate(self, angle: float) -> Camera:
        """Returns the camera of the picture rotated by ``angle`` [rad], clockwise, about its centre."""
        centre = ((self.size[0] - 1) / 2, (self.size[1] - 1) / 2)
        return self.warp(rotate_affine(angle, centre), self.size)


def look_at(eye: FloatArray, target: FloatArray, down: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Returns R (3, 3) and t (3,) [m] of a camera at ``eye`` that looks at ``target``, all in world frame.

    Args:
        eye: (3,) camera centre [m].
        target: (3,) point in the middle of the picture [m].
        down: (3,) direction that points down in the picture; must not be along the line of sight.
    """
    z = (target - eye) / np.linalg.norm(target - eye)
    x = np.cross(down, z)
    x /= np.linalg.norm(x)
    rotation = np.stack([x, np.cross(z, x), z])
    return rotation, -rotation @ eye
