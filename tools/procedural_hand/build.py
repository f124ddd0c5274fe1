"""Builds the procedural hand and writes MANO_RIGHT.npz and MANO_LEFT.npz.

Run: `python tools/procedural_hand/build.py [--out DIR]`. Deterministic; needs numpy and scipy only.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from assets import Arrays, pack, write
from correctives import make_correctives
from dimensions import FINGERS, Dimensions, mano_joints
from pose_basis import make_pose_basis
from regressor import make_regressor
from shapes import make_shapes
from skinning import make_weights
from surface import adjacency, relax, start_points
from topology import assign_ids, make_layout

ASSETS = Path(__file__).resolve().parents[2] / "handbench" / "hands" / "assets"
MM = 1e-3


def build() -> Arrays:
    """Return the right hand's arrays."""
    dims = Dimensions()
    layout = make_layout()
    points, faces = relax(dims, layout, start_points(dims, layout), 60)
    joints = mano_joints(dims)
    links = adjacency(faces, layout.count)
    weights = make_weights(dims, layout, points, links)
    shapes, joint_moves = make_shapes(dims, layout, points, faces)
    regressor = make_regressor(points, joints, shapes, joint_moves)
    correctives = make_correctives(dims, points, weights, links)
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
    """Build and write the two files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ASSETS, help="the folder to write to")
    write(parser.parse_args().out, build())
    return 0


if __name__ == "__main__":
    sys.exit(main())
