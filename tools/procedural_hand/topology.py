"""The mesh of the hand: rings around the fingers, rings around the palm, 778 vertices and 1538 triangles.

The palm is a tube of 22, then 16 columns from the webs to the wrist. Each finger is a tube of 10 columns
that starts at the first row of the palm; neighbours share the four vertices of their web. The thumb is a
tube that starts at the rim of a hole in the palm's radial side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Array = npt.NDArray[np.float64]

FINGER_RINGS = (11, 11, 11, 10)
THUMB_RINGS = (12, 12) + (10,) * 8
WIDE_ROWS, NARROW_ROWS = 6, 5
HOLE_ROWS = (4, 7)
WRIST_LOOP = (38, 92, 234, 239, 279, 215, 214, 121, 78, 79, 108, 120, 119, 117, 118, 122)
TIP_IDS = {
    "index": (320, 317, 333),
    "middle": (443, 444, 445),
    "ring": (554, 556, 555),
    "little": (671, 673, 672),
    "thumb": (744, 745),
}
RADIAL, ULNAR = (0, 21), (10, 11)


@dataclass
class Layout:
    """Where each vertex of the mesh belongs, before ids are assigned.

    `rows`: the palm's loops, web row first, wrist last; -1 where the thumb's hole is. `rings[f]`: the loops
    of finger f beyond its base, then the loop of 5 around the tip, then the tip. `bases[f]`: the loop that a
    finger starts from. `faces`: triangles, outward winding.
    """

    rows: list[Ints]
    bases: list[Ints]
    rings: list[list[Ints]]
    count: int


def finger_base(row: Ints, webs: Ints, finger: int) -> Ints:
    """Return the 10 vertices of a finger's base: S1r, D1, D2, D3, S1u, S2u, P3, P2, P1, S2r."""
    upper_r, lower_r = (row[0], row[21]) if finger == 0 else webs[finger - 1]
    upper_u, lower_u = (row[10], row[11]) if finger == 3 else webs[finger]
    d = 1 + 2 * finger
    p = 20 - 2 * finger
    return np.array(
        [upper_r, row[d], row[d + 1], row[d + 2], upper_u, lower_u, row[p - 2], row[p - 1], row[p], lower_r]
    )


def make_layout() -> Layout:
    """Number the vertices of palm, webs, fingers and thumb."""
    counter = iter(range(10_000))

    def take(n: int) -> Ints:
        return np.array([next(counter) for _ in range(n)], dtype=np.int64)

    rows: list[Ints] = []
    for j in range(WIDE_ROWS + NARROW_ROWS):
        wide = j < WIDE_ROWS
        row = np.full(22 if wide else 16, -1, dtype=np.int64)
        keep = np.ones(len(row), dtype=bool)
        if HOLE_ROWS[0] < j < HOLE_ROWS[1]:
            keep[[0, -1]] = False
        row[keep] = take(int(keep.sum()))
        rows.append(row)
    webs = take(6).reshape(3, 2)
    bases = [finger_base(rows[0], webs, f) for f in range(4)]
    bases.append(thumb_hole(rows))
    rings = [[take(10) for _ in range(n)] for n in FINGER_RINGS]
    rings.append([take(n) for n in THUMB_RINGS])
    for loops in rings:
        loops.append(take(5))
        loops.append(take(1))
    return Layout(rows, bases, rings, next(counter))


def thumb_hole(rows: list[Ints]) -> Ints:
    """Return the 12 vertices of the rim of the thumb's hole, ordered as a finger's base is."""
    a, b = HOLE_ROWS
    span = rows[a : b + 1]
    upper = [row[1] for row in span]
    lower = [row[-2] for row in span]
    return np.array([span[0][0], span[0][-1], *lower, span[-1][-1], span[-1][0], *upper[::-1]])


def strip(outer: Ints, inner: Ints, points: Array) -> list[tuple[int, int, int]]:
    """Triangulate between two closed loops of any sizes that turn the same way, by the shorter diagonal."""
    n, m = len(outer), len(inner)
    start = int(np.argmin(np.linalg.norm(points[inner] - points[outer[0]], axis=1)))
    inner = np.roll(inner, -start)
    i = j = 0
    faces: list[tuple[int, int, int]] = []
    while i < n or j < m:
        a, b = outer[i % n], inner[j % m]
        next_a, next_b = outer[(i + 1) % n], inner[(j + 1) % m]
        step_a = np.linalg.norm(points[next_a] - points[b]) + 0.4 * abs((i + 1) / n - j / m) * 100
        step_b = np.linalg.norm(points[next_b] - points[a]) + 0.4 * abs(i / n - (j + 1) / m) * 100
        if j >= m or (i < n and step_a <= step_b):
            faces.append((int(a), int(next_a), int(b)))
            i += 1
        else:
            faces.append((int(a), int(next_b), int(b)))
            j += 1
    return faces


def _palm_faces(layout: Layout, points: Array) -> list[tuple[int, int, int]]:
    faces: list[tuple[int, int, int]] = []
    for upper, lower in zip(layout.rows[:-1], layout.rows[1:], strict=True):
        if len(upper) == len(lower):
            n = len(upper)
            for k in range(n):
                quad = (lower[k], lower[(k + 1) % n], upper[(k + 1) % n], upper[k])
                if min(quad) >= 0:
                    faces += _split(quad, points)
            continue
        for first, second, count in ((1, 1, (9, 6)), (12, 9, (9, 6))):
            top = upper[first : first + count[0]]
            low = lower[second : second + count[1]]
            faces += _open_strip(low, top, points)
        for ks, kn in (((0, 1), (0, 1)), ((9, 10), (6, 7)), ((10, 11), (7, 8)), ((11, 12), (8, 9)),
                       ((20, 21), (14, 15)), ((21, 0), (15, 0))):  # fmt: skip
            quad = (lower[kn[0]], lower[kn[1]], upper[ks[1]], upper[ks[0]])
            if min(quad) >= 0:
                faces += _split(quad, points)
    return faces


def _open_strip(low: Ints, top: Ints, points: Array) -> list[tuple[int, int, int]]:
    i = j = 0
    faces: list[tuple[int, int, int]] = []
    while i < len(low) - 1 or j < len(top) - 1:
        ahead_low = (i + 1) / (len(low) - 1) if i < len(low) - 1 else np.inf
        ahead_top = (j + 1) / (len(top) - 1) if j < len(top) - 1 else np.inf
        if ahead_low <= ahead_top:
            faces.append((int(low[i]), int(low[i + 1]), int(top[j])))
            i += 1
        else:
            faces.append((int(low[i]), int(top[j + 1]), int(top[j])))
            j += 1
    return faces


def _split(quad: tuple[int, ...], points: Array) -> list[tuple[int, int, int]]:
    a, b, c, d = (int(q) for q in quad)
    if np.linalg.norm(points[a] - points[c]) <= np.linalg.norm(points[b] - points[d]):
        return [(a, b, c), (a, c, d)]
    return [(a, b, d), (b, c, d)]


def make_faces(layout: Layout, points: Array) -> Ints:
    """Return the 1538 triangles (outward winding) for vertices at `points`."""
    faces = _palm_faces(layout, points)
    for base, loops in zip(layout.bases, layout.rings, strict=True):
        below = base
        for loop in loops[:-1]:
            if len(loop) == len(below):
                n = len(loop)
                for k in range(n):
                    faces += _split((below[k], below[(k + 1) % n], loop[(k + 1) % n], loop[k]), points)
            else:
                faces += strip(below, loop, points)
            below = loop
        tip = int(loops[-1][0])
        n = len(below)
        faces += [(int(below[k]), int(below[(k + 1) % n]), tip) for k in range(n)]
    return np.array(faces, dtype=np.int64)


def assign_ids(layout: Layout, fingers: tuple[str, ...]) -> Ints:
    """Return the final id of each layout vertex: tips and wrist loop at their usual ids, the rest filled."""
    ids = np.full(layout.count, -1, dtype=np.int64)
    for name, loops in zip(fingers, layout.rings, strict=True):
        centre, *near = TIP_IDS[name]
        ids[loops[-1][0]] = centre
        ids[loops[-2][: len(near)]] = near
    ids[layout.rows[-1]] = WRIST_LOOP
    free = sorted(set(range(layout.count)) - set(ids[ids >= 0].tolist()))
    ids[ids < 0] = free
    return ids
