"""What the fingers do on an object while they hold it: small changes of the grasp that keep contact."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from handbench.arrays import FloatArray
from handbench.hands.rotations import exponential, product
from handbench.synth.grasp_fit import Fitted, HandState, fit_hand
from handbench.synth.grasp_hand import FREE, GraspHand
from handbench.synth.grasp_solid import Field
from handbench.synth.grasps import OVERLAP, Grasp, finger_gaps
from handbench.synth.take_curves import between_rotations, eased

NO_TABLE = np.zeros(4)

TOUCH, DEEPEST = 0.003, 0.0032
"""While held, three fingers are nearer than this, and nothing is deeper [m]; the closed form is meant."""


@dataclass(frozen=True)
class HandPath:
    """A hand in the object's rest frame, frame by frame.

    Attributes:
        rotation: (T, 3, 3) of the root.
        wrist: (T, 3) [m].
        angles: (T, 15, 3) [rad].
    """

    rotation: FloatArray
    wrist: FloatArray
    angles: FloatArray

    def __len__(self) -> int:
        return len(self.wrist)

    def state(self, frame: int) -> HandState:
        """Returns the hand of one frame."""
        return HandState(self.rotation[frame], self.wrist[frame], self.angles[frame])


def joined(paths: list[HandPath]) -> HandPath:
    """Returns paths one after another."""
    return HandPath(
        np.concatenate([p.rotation for p in paths]),
        np.concatenate([p.wrist for p in paths]),
        np.concatenate([p.angles for p in paths]),
    )


def blend(a: HandState, b: HandState, shares: FloatArray) -> HandPath:
    """Returns the hands that lie these shares of the way from ``a`` to ``b``."""
    share = np.asarray(shares, np.float64)
    return HandPath(
        between_rotations(a.rotation, b.rotation, share),
        a.wrist + share[:, None] * (b.wrist - a.wrist),
        a.angles + share[:, None, None] * (b.angles - a.angles),
    )


def holds(hand: GraspHand, fitted: Fitted) -> bool:
    """Tells whether three fingers, the thumb among them, touch and nothing is too deep."""
    gaps = finger_gaps(hand, fitted.signed)
    return bool(
        (gaps < TOUCH).sum() >= 3
        and gaps[0] < TOUCH
        and fitted.signed.min() > -DEEPEST
        and fitted.self_cost < 15.0
        and fitted.overlap < OVERLAP
    )


@dataclass(frozen=True)
class Hold:
    """One way to hold the object.

    Attributes:
        state: the hand in the object's rest frame.
        contact: (16,) which skin touches, see :class:`handbench.synth.grasp_kernel.Goal`.
    """

    state: HandState
    contact: FloatArray


@dataclass(frozen=True)
class Change:
    """A change from one hold to the next, through a hand half way that touches too."""

    start: float
    stop: float
    first: HandState
    half: HandState
    last: HandState

    def path(self, rows: FloatArray) -> HandPath:
        """Returns the hand at these times; it rests at both ends and does not stop half way."""
        share = eased(rows, self.start, self.stop)
        straight = blend(self.first, self.last, share)
        middle = blend(self.first, self.last, np.array([0.5])).state(0)
        bulge = 4.0 * share * (1.0 - share)
        turns = between_rotations(middle.rotation, self.half.rotation, bulge)
        back = np.ascontiguousarray(middle.rotation.T)
        return HandPath(
            np.array([product(R, product(back, T)) for R, T in zip(straight.rotation, turns, strict=True)]),
            straight.wrist + bulge[:, None] * (self.half.wrist - middle.wrist),
            straight.angles + bulge[:, None, None] * (self.half.angles - middle.angles),
        )


def changed(rng: np.random.Generator, hand: GraspHand, field: Field, grasp: Grasp, now: Hold) -> Hold | None:
    """Changes a grasp a little: the hand shifts and turns on the object, the fingers find their place again.

    Args:
        rng: the take's stream.
        hand: whose.
        field: the object.
        grasp: the grasp that is varied.
        now: how the object is held.

    Returns:
        The new hold, or None where it would not hold.
    """
    state = now.state
    goal = grasp.goal
    wanted = state.angles[FREE[:, 0], FREE[:, 1]] + np.deg2rad(4.0) * rng.standard_normal(len(FREE))
    contact = goal.contact.copy()
    touching = int((contact[2::3] > 0).sum())
    if touching > 4 and rng.random() < 0.5:
        # One finger lifts off.
        finger = int(rng.integers(1, 5))
        contact[3 * finger : 3 * finger + 3] = 0.0
        wanted[4 * (finger - 1)] -= np.deg2rad(rng.uniform(10, 22))
        wanted[4 * (finger - 1) + 2] -= np.deg2rad(rng.uniform(5, 18))
    turn = exponential(np.deg2rad(3.5) * rng.standard_normal(3))
    start = HandState(
        product(turn, grasp.state.rotation),
        grasp.state.wrist + 0.0025 * rng.standard_normal(3),
        state.angles.copy(),
    )
    start.angles[FREE[:, 0], FREE[:, 1]] = np.clip(
        wanted, hand.low[FREE[:, 0], FREE[:, 1]], hand.high[FREE[:, 0], FREE[:, 1]]
    )
    wish = goal._replace(
        contact=contact, angles=wanted, rotation=start.rotation.copy(), wrist=start.wrist.copy(),
        root=2.0 * goal.root, table=NO_TABLE,
    )  # fmt: skip
    fitted = fit_hand(hand, field, start, wish, rounds=8)
    return Hold(fitted.state, contact) if holds(hand, fitted) else None


def held_path(
    rng: np.random.Generator, hand: GraspHand, field: Field, grasp: Grasp, frames: int, every: float
) -> HandPath:
    """Returns the hand on the object over the held frames; it starts and ends with the grasp itself.

    Args:
        rng: the take's stream.
        hand: whose.
        field: the object.
        grasp: how the object is picked up and put down.
        frames: how many.
        every: mean number of frames from one change of the grasp to the next.
    """
    count = max(int((frames - 30) / every), 0)
    first = Hold(grasp.state, grasp.goal.contact)
    now, changes = first, list[Change]()
    for k in range(count):
        last = k == count - 1
        new = first if last else changed(rng, hand, field, grasp, now)
        half = None if new is None else settled(hand, field, grasp, now, new)
        if new is not None and half is not None:
            start = changes[-1].stop if changes else 12.0
            stop = 12.0 + (k + 1) * (frames - 28.0) / count
            changes.append(Change(max(start, stop - 1.3 * every), stop, now.state, half, new.state))
            now = new
    if now is not first:
        # No way back was found: the object is held as it was picked up.
        changes = []
    time = np.arange(frames, dtype=np.float64)
    paths, done, state = list[HandPath](), 0, grasp.state
    for change in changes:
        begin, end = int(np.ceil(change.start)), int(np.ceil(change.stop))
        paths += [blend(state, state, np.zeros(begin - done)), change.path(time[begin:end])]
        done, state = end, change.last
    paths.append(blend(state, state, np.zeros(frames - done)))
    return joined([p for p in paths if len(p)])


def settled(hand: GraspHand, field: Field, grasp: Grasp, a: Hold, b: Hold) -> HandState | None:
    """Returns a hand half way from ``a`` to ``b`` that touches as they do; None where there is none."""
    half = blend(a.state, b.state, np.array([0.5])).state(0)
    goal = grasp.goal._replace(
        contact=np.minimum(a.contact, b.contact), angles=half.angles[FREE[:, 0], FREE[:, 1]].copy(),
        rotation=half.rotation.copy(), wrist=half.wrist.copy(), root=10.0 * grasp.goal.root,
        tightness=2.0 * grasp.goal.tightness, table=NO_TABLE,
    )  # fmt: skip
    fitted = fit_hand(hand, field, half, goal, rounds=3)
    return fitted.state if holds(hand, fitted) else None
