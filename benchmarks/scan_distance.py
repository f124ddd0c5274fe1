"""How far the procedural hand is from a real scanned hand: surface distances after fitting.

Run: `python benchmarks/scan_distance.py DIR [--frames 50]` with DIR the folder of tracked hands of Tzionas
et al. (IJCV 2016). Pose, translation and one shape a side are fitted to the scan in its bind pose and in
frames of sequences 01 to 07, right and left; then scan vertices beyond the wrist are measured to our surface
and our vertices beyond the wrist to the scan's.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from numba import njit
from scipy.spatial import cKDTree

from handbench.formats.motion import read_motion
from handbench.formats.scan import SkinnedScan, read_scan
from handbench.formats.tzionas import motion_path, read_tzionas_joints
from handbench.hands.library import load_hand_model
from handbench.hands.model import HandModel
from handbench.hands.surface_tree import nearest_on_triangle
from handbench.hands.topology import vertex_normals
from handbench.hands.torch_layer import TorchHandLayer
from handbench.types import Side

Array = npt.NDArray[np.float64]
Faces = npt.NDArray[np.int32]
SEQUENCES = ("01", "02", "03", "04", "05", "06", "07")


@njit(cache=True, nogil=True)
def _least(points: Array, corners: Array, near: npt.NDArray[np.int64]) -> Array:
    out = np.empty(len(points))
    for i in range(len(points)):
        x, y, z = points[i]
        least = np.inf
        for k in near[i]:
            nx, ny, nz = nearest_on_triangle(x, y, z, corners, k)
            least = min(least, (nx - x) ** 2 + (ny - y) ** 2 + (nz - z) ** 2)
        out[i] = np.sqrt(least)
    return out


def surface_distance(points: Array, vertices: Array, faces: Faces) -> Array:
    """Returns the distance (N,) of points to a triangle mesh, among the 24 triangles with nearest centres."""
    corners = vertices[faces]
    near = cKDTree(corners.mean(axis=1)).query(points, k=24)[1]
    return np.asarray(_least(points, corners.reshape(-1, 9), np.asarray(near, dtype=np.int64)))


def collect(root: Path, side: Side, count: int) -> tuple[Array, Array, SkinnedScan]:
    """Returns scan vertices (F, V, 3) and joints (F, 21, 3) of `count` frames spread over the sequences.

    The last one is the bind pose.
    """
    scan = read_scan(root / "mesh" / f"Model_Hand_{'R' if side is Side.RIGHT else 'L'}.OFF")
    frames = [
        (name, t) for name in SEQUENCES for t in range(len(read_tzionas_joints(root, name, side).joints))
    ]
    picks = [frames[i] for i in np.linspace(0, len(frames) - 1, count).astype(int)]
    surfaces, joints = [], []
    for name, t in picks:
        surfaces.append(scan.pose(read_motion(motion_path(root, name, side)), t))
        joints.append(read_tzionas_joints(root, name, side).joints[t])
    # The bind pose is the same hand moved rigidly bone by bone: its joints follow the same skinning.
    surfaces.append(scan.vertices)
    joints.append(_bind_joints(scan, surfaces[0], joints[0], root, picks[0], side))
    return np.array(surfaces), np.array(joints), scan


def _bind_joints(
    scan: SkinnedScan, posed: Array, joints: Array, root: Path, pick: tuple[str, int], side: Side
) -> Array:
    motion = read_motion(motion_path(root, pick[0], side))
    now, bind = motion.frames[pick[1]], motion.bind
    out = np.full_like(joints, np.nan)
    for j, joint in enumerate(joints):
        if np.isnan(joint).any():
            continue
        local = np.einsum("bji,bj->bi", now[:, :, :3], joint - now[:, :, 3])
        # The bone whose start or end this joint is lies on its own axis.
        off_axis = np.linalg.norm(local[:, 1:], axis=1) + np.where(local[:, 0] < -1e-6, 1.0, 0.0)
        off_axis[local[:, 0] > 0.08] = np.inf
        bone = int(np.argmin(off_axis))
        out[j] = bind[bone, :, :3] @ local[bone] + bind[bone, :, 3]
    return out


def rigid_start(model: HandModel, joints: Array, layer_joints: Array) -> tuple[Array, Array]:
    """Returns root rotation vectors (F, 3) and translations (F, 3) from the knuckles."""
    from scipy.spatial.transform import Rotation

    picks = [2, 5, 9, 13, 17]
    turns, moves = [], []
    for target in joints:
        source = layer_joints[picks]
        mean_s, mean_t = source.mean(0), target[picks].mean(0)
        rotation = Rotation.align_vectors(target[picks] - mean_t, source - mean_s)[0]
        turns.append(rotation.as_rotvec())
        wrist = model.rest_joints[0]
        moves.append(mean_t - (rotation.apply(mean_s - wrist) + wrist))
    return np.array(turns), np.array(moves)


class Fit:
    """Pose, translation and one shape for a batch of scans of one hand."""

    def __init__(self, model: HandModel, surfaces: Array, joints: Array, faces: Faces) -> None:
        self.model, self.surfaces, self.faces = model, surfaces, faces
        self.layer = TorchHandLayer(model)
        count = len(surfaces)
        zero = torch.zeros(1, 48), torch.zeros(1, 10), torch.zeros(1, 3)
        rest = self.layer(*zero).joints21[0].detach().numpy().astype(np.float64)
        turns, moves = rigid_start(model, joints, rest)
        self.root = torch.tensor(turns, dtype=torch.float32, requires_grad=True)
        self.transl = torch.tensor(moves, dtype=torch.float32, requires_grad=True)
        self.pose = torch.zeros(count, 45, requires_grad=True)
        self.betas = torch.zeros(1, 10, requires_grad=True)
        self.valid = torch.tensor(np.isfinite(joints).all(axis=-1, keepdims=True))
        self.joints = torch.tensor(np.nan_to_num(joints), dtype=torch.float32)
        self.scan_normals = [vertex_normals(s, faces) for s in surfaces]

    def forward(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns vertices (F, 778, 3) and joints (F, 21, 3)."""
        pose = torch.cat([self.root, self.pose], 1)
        out = self.layer(pose, self.betas.expand(len(pose), 10), self.transl)
        return out.vertices, out.joints21

    def prior(self) -> torch.Tensor:
        """Returns the pull of pose and shape towards their means [mm^2]."""
        return 0.25 * (self.pose**2).sum(1).mean() + 0.02 * (self.betas**2).sum()

    def joint_loss(self, joints: torch.Tensor) -> torch.Tensor:
        """Returns the mean squared distance of the valid joints [mm^2]."""
        return (((joints - self.joints) * 1e3) ** 2 * self.valid).sum() / self.valid.sum()

    def fit_joints(self, steps: int) -> None:
        """Brings the joints to the scan's."""
        optimiser = torch.optim.Adam([self.root, self.transl, self.pose], lr=0.03)
        for _ in range(steps):
            optimiser.zero_grad()
            _, joints = self.forward()
            loss = self.joint_loss(joints) + self.prior()
            torch.autograd.backward(loss)
            optimiser.step()

    def fit_surface(self, rounds: int, steps: int) -> None:
        """Alternates between nearest points and point-to-plane steps."""
        groups = [
            {"params": [self.pose, self.root, self.betas], "lr": 0.01},
            {"params": [self.transl], "lr": 1e-3},
        ]
        optimiser = torch.optim.Adam(groups)
        free = torch.tensor(self.model.v_template[:, 0] * self._sign() < 0.096)
        for number in range(rounds):
            vertices, _ = self.forward()
            target, normal, close = self._match(vertices.detach().numpy().astype(np.float64))
            weight = close * free
            for _ in range(steps):
                optimiser.zero_grad()
                vertices, joints = self.forward()
                gap = ((vertices - target) * 1e3 * normal).sum(-1)
                slide = (((vertices - target) * 1e3) ** 2).sum(-1)
                loss = (weight * (gap**2 + 0.05 * slide)).sum() / weight.sum()
                loss = loss + (0.04 if number < 3 else 0.01) * self.joint_loss(joints) + self.prior()
                torch.autograd.backward(loss)
                optimiser.step()

    def _sign(self) -> float:
        return 1.0 if self.model.side is Side.RIGHT else -1.0

    def _match(self, vertices: Array) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        targets, normals, close = [], [], []
        for own, scan, facing in zip(vertices, self.surfaces, self.scan_normals, strict=True):
            mine = vertex_normals(own, self.model.faces)
            # Normals count as 15 mm a unit, so that a finger never matches its neighbour's other side.
            tree = cKDTree(np.concatenate([scan, 0.015 * facing], 1))
            distance, index = tree.query(np.concatenate([own, 0.015 * mine], 1))
            targets.append(scan[index])
            normals.append(facing[index])
            close.append(distance < 0.025)
        as_tensor = [torch.tensor(np.array(x), dtype=torch.float32) for x in (targets, normals, close)]
        return as_tensor[0], as_tensor[1], as_tensor[2]

    def distances(self) -> list[tuple[Array, Array]]:
        """Returns, a frame, scan to hand and hand to scan distances [mm] beyond the wrist."""
        from scipy.spatial.transform import Rotation

        vertices = self.forward()[0].detach().numpy().astype(np.float64)
        shaped = self.model.v_template + self.model.shapedirs @ self.betas[0].detach().numpy()
        wrist = self.model.J_regressor[0] @ shaped
        mine = (shaped[:, 0] - wrist[0]) * self._sign() < 0
        out = []
        for k, own in enumerate(vertices):
            turn = Rotation.from_rotvec(self.root[k].detach().numpy())
            local = turn.inv().apply(self.surfaces[k] - wrist - self.transl[k].detach().numpy())
            beyond = local[:, 0] * self._sign() < 0
            out.append(
                (
                    1e3 * surface_distance(self.surfaces[k][beyond], own, self.model.closed_faces),
                    1e3 * surface_distance(own[mine], self.surfaces[k], self.faces),
                )
            )
        return out


def main(arguments: list[str] | None = None) -> int:
    """Fits both hands and prints the table; returns 1 when a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--frames", type=int, default=50)
    parser.add_argument("--save", type=Path, help="write the fitted parameters here (npz)")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    missed = False
    saved: dict[str, npt.NDArray[np.float32]] = {}
    print(f"{'hand':<14}{'mean mm':>9}{'95 % mm':>9}{'worst frame mean':>18}")
    for side in Side:
        surfaces, joints, scan = collect(options.folder, side, options.frames // 2)
        fit = Fit(load_hand_model("procedural", side), surfaces, joints, scan.faces)
        fit.fit_joints(150)
        fit.fit_surface(8, 30)
        results = fit.distances()
        for name, part in (("bind", results[-1:]), ("posed", results[:-1])):
            values = np.concatenate([np.concatenate(pair) for pair in part])
            worst = max(np.concatenate(pair).mean() for pair in part)
            mean, high = values.mean(), np.percentile(values, 95)
            missed |= bool(mean > 3.0 or high > 7.0)
            print(f"{side.value + ' ' + name:<14}{mean:>9.2f}{high:>9.2f}{worst:>18.2f}")
        saved[side.value + "_betas"] = fit.betas[0].detach().numpy()
        saved[side.value + "_pose"] = torch.cat([fit.root, fit.pose], 1).detach().numpy()
        saved[side.value + "_transl"] = fit.transl.detach().numpy()
    print("bars: mean 3 mm, 95th percentile 7 mm")
    if options.save:
        np.savez(options.save, **saved, allow_pickle=False)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
