"""Places the 778 vertices on the implicit hand: rings by rays from the bones, the palm by relaxation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from dimensions import WRIST_END_X, Dimensions, bone_frames, finger_joints
from hand_field import finger_field, finger_pieces, hand_field, one_finger_field, palm_field, tendon_line
from implicit import cast, gradient, project
from scipy import sparse
from topology import WIDE_ROWS, Layout, make_faces

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

# Where the rings of a finger lie, counted in bones (0 MCP, 1 PIP, 2 DIP, 3 tip): close at the joints.
RING_PLACES = {
    11: (0.62, 0.80, 0.93, 1.04, 1.20, 1.52, 1.82, 1.96, 2.12, 2.46, 2.80),
    10: (0.66, 0.86, 0.99, 1.14, 1.46, 1.80, 1.97, 2.15, 2.48, 2.80),
}
THUMB_PLACES = (0.42, 0.68, 0.88, 1.03, 1.24, 1.60, 1.87, 2.04, 2.40, 2.79)
CAP_PLACE = 2.95


def _place(joints: Array, u: float) -> Array:
    bone = min(int(u), 2)
    return np.asarray(joints[bone] + (joints[bone + 1] - joints[bone]) * (u - bone))


def _frame_at(frames: Array, u: float) -> Array:
    """Return the frame at `u`: the bones' frames blend around the joints so that rings halve the angle."""
    low = int(np.clip(np.floor(u - 0.5), 0, 2))
    high = min(low + 1, 2)
    t = np.clip((u - 0.5 - low - 0.35) / 0.3, 0.0, 1.0)
    axis = frames[low, 2] * (1 - t) + frames[high, 2] * t
    axis /= np.linalg.norm(axis)
    dorsal = frames[low, 1] - axis * (frames[low, 1] @ axis)
    dorsal /= np.linalg.norm(dorsal)
    return np.stack([np.cross(dorsal, axis), dorsal, axis])


@dataclass(frozen=True)
class Ring:
    """A ring to place around a finger: where (in bones), how many points, and how far the web may pull it."""

    u: float
    count: int
    clip: float


def ring_points(dims: Dimensions, finger: int, rings: Sequence[Ring], phase: float) -> list[Array]:
    """Return the points of each ring, where rays from the bone leave the surface."""
    shape = dims.fingers[finger]
    joints, frames = finger_joints(shape), bone_frames(shape)
    starts, rays, clips = [], [], []
    for ring in rings:
        frame = _frame_at(frames, ring.u)
        angles = phase + np.arange(ring.count) * 2 * np.pi / ring.count
        rays.append(np.cos(angles)[:, None] * frame[0] + np.sin(angles)[:, None] * frame[1])
        starts.append(np.repeat((_place(joints, ring.u) - 1.8 * frame[1])[None], ring.count, 0))
        clips.append(np.full(ring.count, ring.clip))
    origins, directions, clip = np.concatenate(starts), np.concatenate(rays), np.concatenate(clips)
    reach = cast(finger_field(finger_pieces(shape)), origins, directions, 26.0, 40)
    near = clip > 1.0
    both = cast(one_finger_field(dims, finger), origins[near], directions[near], 34.0, 40)
    reach[near] = np.minimum(both, reach[near] * clip[near])
    points = origins + directions * reach[:, None]
    return np.split(points, np.cumsum([ring.count for ring in rings])[:-1])


def start_points(dims: Dimensions, layout: Layout) -> Array:
    """Return the first guess (V, 3) of all vertices: rings on the fingers, a loft in the palm."""
    points = np.full((layout.count, 3), np.nan)
    first = np.deg2rad(18.0)
    sums = np.zeros((layout.count, 3))
    hits = np.zeros(layout.count)
    for f in range(4):
        base = ring_points(dims, f, [Ring(dims.fingers[f].web, 10, 1.25)], first)[0]
        sums[layout.bases[f]] += base
        hits[layout.bases[f]] += 1
    known = hits > 0
    points[known] = sums[known] / hits[known, None]
    _place_webs(dims, layout, points)
    _loft_palm(dims, layout, points)
    for f in range(5):
        _finger_points(dims, layout, points, f)
    return points


def _place_webs(dims: Dimensions, layout: Layout, points: Array) -> None:
    """Place the four vertices that two neighbours share: two on the web's edge, one above, one below."""
    palm, hand = palm_field(dims), hand_field(dims)
    up = np.array([0.0, 1.0, 0.0])
    for f in range(3):
        a, b = (finger_joints(dims.fingers[k]) for k in (f, f + 1))
        middle = (a[0] + b[0]) / 2
        ahead = (a[1] + b[1]) / 2 - middle
        length = float(np.linalg.norm(ahead))
        ahead /= length
        above, upper, lower, below = layout.bases[f][3:7]
        starts = middle + up * np.array([[-2.0], [-8.5]])
        reach = cast(palm, starts, np.repeat(ahead[None], 2, 0), 40.0)
        points[[upper, lower]] = starts + ahead * reach[:, None]
        starts = middle - 4.0 * up + ahead * length * np.array([[0.22], [0.34]])
        rays = np.stack([up, -up])
        points[[above, below]] = starts + rays * cast(hand, starts, rays, 30.0)[:, None]


def _loft_palm(dims: Dimensions, layout: Layout, points: Array) -> None:
    rows = layout.rows
    half, deep = dims.wrist_half
    top = points[rows[0]]
    angle22 = np.deg2rad(np.r_[10, np.linspace(38, 142, 9), 170, 190, np.linspace(218, 322, 9), 350])
    angle16 = np.deg2rad(np.r_[11, np.linspace(38, 142, 6), 169, 191, np.linspace(218, 322, 6), 349])

    def oval(angles: Array) -> Array:
        return np.stack(
            [np.full(len(angles), WRIST_END_X), 4.5 + deep * np.sin(angles), 3.5 + half * np.cos(angles)], 1
        )

    end = oval(angle22)
    narrow_pick = np.r_[0, np.linspace(1, 9, 6), 10, 11, np.linspace(12, 20, 6), 21]
    narrow_top = np.stack([np.interp(narrow_pick, np.arange(22), top[:, i]) for i in range(3)], 1)
    narrow_end = oval(angle16)
    last = len(rows) - 1
    for j, row in enumerate(rows):
        if j == 0:
            continue
        t = j / last
        wide = len(row) == 22
        loop = (1 - t) * (top if wide else narrow_top) + t * (end if wide else narrow_end)
        points[row[row >= 0]] = loop[row >= 0]


def _finger_points(dims: Dimensions, layout: Layout, points: Array, f: int) -> None:
    loops, base = layout.rings[f], layout.bases[f]
    shape = dims.fingers[f]
    joints, frames = finger_joints(shape), bone_frames(shape)
    places = THUMB_PLACES if f == 4 else RING_PLACES[len(loops) - 2]
    first = np.deg2rad(18.0)
    if f == 4:
        local = (points[base] - joints[0]) @ frames[0].T
        turn = np.arctan2(local[:, 1], local[:, 0]) - np.arange(len(base)) * 2 * np.pi / len(base)
        first = float(np.angle(np.exp(1j * turn).mean()))
    rings = [Ring(u, len(loop), 1.6 if u < 1.0 else 1.0) for u, loop in zip(places, loops[:-2], strict=True)]
    rings.append(Ring(CAP_PLACE, 5, 1.0))
    for loop, placed in zip(loops[:-1], ring_points(dims, f, rings, first), strict=True):
        points[loop] = placed
    start = joints[3] - frames[2, 2] * 10.0 - frames[2, 1] * 1.8
    reach = cast(finger_field(finger_pieces(shape)), start[None], frames[2, 2][None], 20.0)
    points[loops[-1][0]] = start + frames[2, 2] * reach[0]


def adjacency(faces: Ints, count: int) -> sparse.csr_matrix:
    """Return the symmetric 0/1 matrix of the mesh's edges."""
    i = faces.ravel()
    j = np.roll(faces, -1, 1).ravel()
    data = np.ones(len(i))
    matrix = sparse.coo_matrix((data, (i, j)), shape=(count, count)).tocsr()
    matrix = matrix + matrix.T
    matrix.data[:] = 1.0
    return matrix


def _ridges(dims: Dimensions, layout: Layout) -> tuple[Ints, Array]:
    """Return the vertices over the metacarpals on the back, and the line (start, direction) of each."""
    vertices, lines = [], []
    for f in range(4):
        for row in layout.rows[1:WIDE_ROWS]:
            vertices.append(row[2 + 2 * f])
            lines.append(tendon_line(dims, f))
    ends = np.array(lines)
    ends[:, 1] -= ends[:, 0]
    return np.array(vertices), ends


def relax(
    dims: Dimensions, layout: Layout, points: Array, rounds: int, faces: Ints | None = None
) -> tuple[Array, Ints]:
    """Even out the palm's vertices on the surface; fingers beyond their second ring stay.

    Given faces are kept. Returns the vertices (V, 3) [mm] and the faces (1538, 3).
    """
    field = hand_field(dims)
    fixed = np.zeros(layout.count, dtype=bool)
    for f, loops in enumerate(layout.rings):
        for loop in loops[(3 if f == 4 else 1) :]:
            fixed[loop] = True
    for base in layout.bases[:3]:
        fixed[base[3:7]] = True
    wrist = layout.rows[-1]
    keep = faces
    faces = make_faces(layout, points) if keep is None else keep
    links = adjacency(faces, layout.count)
    degree = np.asarray(links.sum(1)).ravel()
    ridge, lines = _ridges(dims, layout)
    for _ in range(rounds):
        mean = links @ points / degree[:, None]
        step = 0.5 * (mean - points)
        # The columns over the metacarpals stay on them: knuckles and tendons need a vertex on their crest.
        start, along = lines[:, 0], lines[:, 1]
        at = (points[ridge, 0] - start[:, 0]) / along[:, 0]
        step[ridge, 2] = 0.5 * (start[:, 2] + at * along[:, 2] - points[ridge, 2])
        step[fixed] = 0
        step[wrist, 0] = 0
        moved = points + step
        free = ~fixed
        moved[free] = project(field, moved[free], 1, 3.0)
        moved[wrist, 0] = WRIST_END_X
        points = moved
    points[~fixed] = project(field, points[~fixed], 3)
    points[wrist, 0] = WRIST_END_X
    return points, make_faces(layout, points) if keep is None else keep


def outward(field_points: Array, dims: Dimensions) -> Array:
    """Return unit normals (V, 3) of the implicit hand at points."""
    slope = gradient(hand_field(dims), field_points)
    return np.asarray(slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-9))
