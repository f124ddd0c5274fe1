"""Builds the procedural hand and writes MANO_RIGHT.npz and MANO_LEFT.npz.

Run: `python tools/procedural_hand/build.py [--out DIR]`. Deterministic; needs numpy and scipy only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from assets import Array, Arrays, Ints, pack, write
from correctives import make_correctives
from dimensions import FINGERS, Dimensions, mano_joints
from pose_basis import make_pose_basis
from regressor import make_regressor
from shapes import make_shapes
from skinning import make_weights
from surface import adjacency, relax, start_points
from topology import Layout, assign_ids, make_layout

ASSETS = Path(__file__).resolve().parents[2] / "handbench" / "hands" / "assets"
MM = 1e-3
ROUNDS = 60


def build_rest() -> tuple[Layout, Array, Ints, Array]:
    """Return the layout, rest vertices (778, 3) [mm], faces and weights in the layout's own order."""
    dims, layout = Dimensions(), make_layout()
    points, faces = relax(dims, layout, start_points(dims, layout), ROUNDS)
    weights = make_weights(dims, layout, points, adjacency(faces, layout.count))
    return layout, points, faces, weights


def build() -> Arrays:
    """Return the right hand's arrays."""
    dims = Dimensions()
    layout, points, faces, weights = build_rest()
    shapes, joint_moves = make_shapes(dims, layout, points, faces)
    regressor = make_regressor(points, mano_joints(dims), shapes, joint_moves)
    correctives = make_correctives(dims, points, weights, adjacency(faces, layout.count))
    ids = assign_ids(layout, FINGERS)
    order = np.argsort(ids)
    return pack(
        points[order] * MM,
        ids[faces],
        shapes.transpose(1, 2, 0)[order] * MM,
        correctives[order] * MM,
        weights[order],
        regressor[:, order],
        make_pose_basis(dims),
    )


def main() -> int:
    """Build and write the two files, or the rest shape alone (a few seconds) for a quick comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS, help="the folder to write to")
    parser.add_argument(
        "--rest-only", action="store_true", help="write rest.npz alone: vertices, faces, weights"
    )
    options = parser.parse_args()
    if not options.rest_only:
        write(options.out, build())
        return 0
    layout, points, faces, weights = build_rest()
    ids = assign_ids(layout, FINGERS)
    order = np.argsort(ids)
    np.savez(options.out / "rest.npz", v_template=points[order] * MM, f=ids[faces], weights=weights[order])
    return 0


if __name__ == "__main__":
    sys.exit(main())
