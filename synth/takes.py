"""Makes takes: reach, grasp, lift, manipulate, put down, release, retreat; one stream of chance for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.hands.model import HandModel
from handbench.registry import nearest
from handbench.seeding import rng_for
from handbench.synth.grasp_families import FAMILIES
from handbench.synth.grasp_hand import GraspHand
from handbench.synth.grasp_kernel import pose_hand, pose_of
from handbench.synth.grasp_solid import Field, make_field, signed_distances
from handbench.synth.grasp_surface import surface_of
from handbench.synth.grasps import Grasp, finger_gaps, make_grasp, suitable
from handbench.synth.manipulation import HandPath, held_path, joined
from handbench.synth.solids import Solid, make_solid
from handbench.synth.take import TABLE_Y, HandTrack, Take, TakeSettings, check_stratum
from handbench.synth.take_approach import Approach, draw_approach
from handbench.synth.take_curves import eased, through_points, through_rotations, uneven
from handbench.synth.take_pace import PACES, Pace
from handbench.synth.take_plan import arm_directions, held_places, swayed, table_place
from handbench.synth.take_second import second_hand
from handbench.synth.take_table import lifted
from handbench.types import Side

LEAST_FRAMES = 120
ATTEMPTS = 200
_EVERY = 3

HOLD_SHARE, HOLD_DEPTH = 0.95, 0.004
"""A take is drawn again when fewer of its held frames have three fingers near, or when skin is deeper [m]."""


@dataclass(frozen=True)
class _Cast:
    """Who handles what in a take."""

    hand: GraspHand
    solid: Solid
    field: Field
    grasp: Grasp
    to: Approach
    back: Approach


def make_take(
    seed: int, index: int, stratum: str, frames: int, models: Mapping[Side, HandModel],
    settings: TakeSettings | None = None,
) -> Take:  # fmt: skip
    """Makes one take; it depends on its arguments alone.

    Args:
        seed: the user's seed.
        index: number of the take.
        stratum: one of :data:`handbench.synth.take.STRATA`.
        frames: how long; at least :data:`LEAST_FRAMES`.
        models: the hand models; the left one is read only for ``second-hand``.
        settings: what to draw from.

    Raises:
        HandbenchError: for an unknown stratum or family, too few frames, objects that no family suits, or
            when no grasp was found in many attempts.
    """
    settings = settings or TakeSettings()
    check_stratum(stratum)
    if frames < LEAST_FRAMES:
        raise HandbenchError(f"a take of {frames} frames", f"ask for {LEAST_FRAMES} or more")
    for family in settings.families:
        if family not in FAMILIES:
            raise HandbenchError(f"unknown grasp family {family!r}", nearest(family, sorted(FAMILIES)))
    if not any(suitable(settings.families, kind) for kind in settings.objects):
        raise HandbenchError(
            f"no grasp of {', '.join(settings.families)} suits {', '.join(settings.objects)}",
            "add a family or an object",
        )
    for attempt in range(ATTEMPTS):
        take = _attempt(seed, index, attempt, stratum, frames, models, settings)
        if take is not None:
            return take
    raise HandbenchError(
        f"take {index} of {stratum}: no grasp held in {ATTEMPTS} attempts", "use another seed"
    )


def _attempt(
    seed: int, index: int, attempt: int, stratum: str, frames: int, models: Mapping[Side, HandModel],
    settings: TakeSettings,
) -> Take | None:  # fmt: skip
    keys = ("take", stratum, index, attempt)
    pace = PACES[stratum].drawn(rng_for(seed, *keys, "pace"))
    cast = _cast(seed, keys, models[Side.RIGHT], settings, pace)
    if cast is None:
        return None
    held = frames - pace.around
    inner = held_path(rng_for(seed, *keys, "fingers"), cast.hand, cast.field, cast.grasp, held, pace.change)
    R, t, phases = _object_motion(rng_for(seed, *keys, "places"), cast, inner, frames, pace)
    to, back = cast.to.path(pace.reach, pace.close), cast.back.path(pace.retreat, pace.close)
    local = joined([to, inner, HandPath(back.rotation[::-1], back.wrist[::-1], back.angles[::-1])])
    is_held = np.array([phase in ("lift", "manipulate", "place") for phase in phases])
    alone = _stir(frames, pace)
    rotation, wrist = R @ local.rotation, np.einsum("tij,tj->ti", R, local.wrist) + t
    rotation, wrist = swayed(rng_for(seed, *keys, "tremor"), rotation, wrist, alone)
    # What is checked is what is seen: the trembling hand, in the object's frame.
    back_R = np.ascontiguousarray(np.swapaxes(R, 1, 2))
    seen = HandPath(back_R @ rotation, np.einsum("tij,tj->ti", back_R, wrist - t), local.angles)
    if not _holds(cast, seen, is_held):
        return None
    right = _track(cast.hand, rotation, wrist, local.angles)
    name = f"{stratum}_{index:05d}"
    take = Take(
        name, seed, index, stratum, cast.hand.model.name, right, None, cast.solid,
        f"{cast.solid.kind}_{name}", R, t, is_held, phases, cast.grasp.family, TABLE_Y,
    )  # fmt: skip
    if stratum == "second-hand":
        return second_hand(rng_for(seed, *keys, "left"), take, models)
    return take


def _cast(
    seed: int, keys: tuple[str | int, ...], model: HandModel, settings: TakeSettings, pace: Pace
) -> _Cast | None:
    rng = rng_for(seed, *keys, "cast")
    kinds = [kind for kind in settings.objects if suitable(settings.families, kind)]
    limit = settings.betas_limit
    hand = GraspHand(model, settings.betas_std * np.clip(rng.standard_normal(10), -limit, limit))
    solid = make_solid(rng, kinds)
    field = make_field(solid)
    grasp = make_grasp(rng, hand, solid, settings.families)
    if grasp is None:
        return None
    to = draw_approach(rng, hand, solid, field, grasp, float(rng.uniform(*pace.way)))
    back = draw_approach(rng, hand, solid, field, grasp, float(rng.uniform(*pace.way)))
    return None if to is None or back is None else _Cast(hand, solid, field, grasp, to, back)


def _object_motion(
    rng: np.random.Generator, cast: _Cast, inner: HandPath, frames: int, pace: Pace
) -> tuple[FloatArray, FloatArray, tuple[str, ...]]:
    """Returns the object's pose in every frame, and the phases."""
    near = rng.uniform((-0.05, -0.03), (0.05, 0.05), (2, 2))
    start = table_place(rng, cast.hand, cast.grasp, near[0], np.deg2rad(15))
    end = table_place(rng, cast.hand, cast.grasp, near[1], np.deg2rad(15))
    count = max(round(len(inner) / pace.leg) - 3, 1)
    places, knots = held_places(rng, cast.hand, cast.grasp, start, end, count, pace.wide)
    times = knots[-1] * uneven(rng, len(inner), pace.spread)
    R = through_rotations(knots, np.array([p.R for p in places]), times)
    t = through_points(knots, np.array([p.t for p in places]), times)
    time = np.arange(len(inner), dtype=np.float64)
    R, t = swayed(rng, R, t, eased(time, 2.0, 25.0) * eased(time[::-1], 2.0, 25.0))
    R, t = lifted(cast.hand, cast.solid, inner, R, t)
    before, after = pace.reach + pace.close, pace.retreat + pace.close
    R = np.concatenate([np.repeat(start.R[None], before, 0), R, np.repeat(end.R[None], after, 0)])
    t = np.concatenate([np.repeat(start.t[None], before, 0), t, np.repeat(end.t[None], after, 0)])
    inside = np.where(times < knots[1], "lift", np.where(times < knots[-2], "manipulate", "place"))
    phases = ["reach"] * pace.reach + ["grasp"] * pace.close + [str(p) for p in inside]
    phases += ["release"] * pace.close + ["retreat"] * pace.retreat
    return R, t, tuple(phases)


def _holds(cast: _Cast, path: HandPath, held: BoolArray) -> bool:
    """Tells whether enough held frames have three fingers near the object, and no frame is too deep."""
    vertices, near, deep = np.empty((778, 3)), 0, 0.0
    for frame in range(len(path)):
        if not held[frame] and frame % _EVERY:
            continue
        state = path.state(frame)
        pose_hand(
            state.rotation, state.wrist, state.angles, cast.hand.axes, tuple(cast.hand.skinning), vertices
        )
        if held[frame]:
            signed = signed_distances(vertices, *cast.field)
            near += int((finger_gaps(cast.hand, signed) < 0.0035).sum() >= 3)
            deep = max(deep, -float(signed.min()))
        # The mesh against the mesh costs more; between two frames little changes.
        if frame % _EVERY == 0:
            deep = max(deep, surface_of(cast.solid).depth(vertices, cast.hand.model.closed_faces))
    return near >= HOLD_SHARE * held.sum() and deep < HOLD_DEPTH


def _stir(frames: int, pace: Pace) -> FloatArray:
    """Returns how much the empty hand trembles (T,), 0 to 1: not while its fingers close or open."""
    time = np.arange(frames, dtype=np.float64)
    arrive, leave = pace.reach, frames - pace.retreat
    return 1.0 - eased(time, 0.5 * arrive, arrive) + eased(time, leave, leave + 0.5 * pace.retreat)


def _track(hand: GraspHand, rotation: FloatArray, wrist: FloatArray, angles: FloatArray) -> HandTrack:
    pose = np.array(
        [pose_of(a, np.ascontiguousarray(R), hand.axes) for a, R in zip(angles, rotation, strict=True)]
    )
    return HandTrack(
        Side.RIGHT, hand.betas, pose, wrist - hand.wrist, arm_directions(wrist, rotation, hand.frame[:, 0])
    )
