"""Names a wrong unit, space, joint order or frame, exchanged sides and mirrored hands.

Each check returns what it found and the hands with the mistake undone, so that the next check sees only what
is left. A mistake is named when undoing it makes the fit far better: a bad model's error stays what it is.
"""

from __future__ import annotations

import numpy as np

from handbench.arrays import BoolArray, FloatArray
from handbench.metrics.diagnose_rows import MIRROR, Hands, centred, procrustes_error
from handbench.metrics.joint_orders import Guess, bone_cost, guesses, joint_distances
from handbench.metrics.problem import Problem
from handbench.predictions import PRED_JSON, Predictions
from handbench.skeleton import OPENPOSE21, ORDERS, bone_lengths

BONES = (0.005, 0.2)
"""Sane medians of bone lengths [m]."""

BETTER = 0.6
"""A mistake is named when undoing it leaves less than this share of the error ..."""

AGREE = 0.8
"""... and leaves less error in this share of hands."""

_HAND_BONE, _HAND_RADIUS = 0.03, 0.05
_POINT = 1e-6
_UNITS = ((1.0, "metres"), (1000.0, "millimetres"), (100.0, "centimetres"), (1e-3, "metres divided by 1,000"))
_FLIPS = (
    ("in an OpenGL frame (y up, z backward)", "negate y and z", (1.0, -1.0, -1.0)),
    ("with z pointing backward", "negate z", (1.0, 1.0, -1.0)),
    ("with y pointing up", "negate y", (1.0, -1.0, 1.0)),
)
_JSON_FLIPS = (
    ("is in OpenCV's frame (y down, z forward)", "negate y and z", (1.0, -1.0, -1.0)),
    ("has z pointing forward", "negate z", (1.0, 1.0, -1.0)),
    ("has y pointing down", "negate y", (1.0, -1.0, 1.0)),
)
"""The same mistakes in the words of a file that should be OpenGL."""


def check_unit(hands: Hands, predictions: Predictions) -> tuple[list[Problem], Hands]:
    """Finds lengths that are no hand's in metres, of joints and of vertices."""
    found: dict[tuple[str, str], list[str]] = {}
    sizes = {"joints": (_median(bone_lengths(hands.joints)), _HAND_BONE, "the median bone is")}
    if hands.vertices is not None:
        sizes["vertices"] = (_median(hands.vertices.std(axis=1).max(axis=1)), _HAND_RADIUS, "their spread is")
    factors = dict.fromkeys(sizes, 1.0)
    for name, (size, typical, words) in sizes.items():
        # Points that fall together have no size at all: a bad model, not a unit.
        if not size > _POINT:
            continue
        if predictions.space == "scale_free":
            factors[name] = sizes["joints"][0] / _HAND_BONE
        elif not BONES[0] <= size <= BONES[1]:
            factors[name], said = _unit(size, typical, predictions.form)
            found.setdefault(said, []).append(f"{name}: {words} {size:.3g} in metres")
    if any(len(parts) == 2 for parts in found.values()):
        factors["vertices"] = factors["joints"]
    problems = [Problem("unit", "error", f"{'; '.join(parts)}: {said}", remedy)
                for (said, remedy), parts in found.items()]  # fmt: skip
    changes = {"joints": hands.joints / factors["joints"], "crossed": hands.crossed / factors["joints"]}
    if hands.vertices is not None:
        changes["vertices"] = hands.vertices / factors["vertices"]
    return problems, hands.replace(**changes)


def _unit(size: float, typical: float, form: str) -> tuple[float, tuple[str, str]]:
    """Returns what to divide by, and the unit and its remedy in words."""
    factor, unit = min(_UNITS, key=lambda entry: abs(np.log(size / (typical * entry[0]))))
    if unit == "metres" or abs(np.log(size / (typical * factor))) > np.log(4.0):
        remedy = "give metres, or set space = 'scale_free' where there is no unit"
        remedy = "pred.json has metres" if form == PRED_JSON else remedy
        return size / typical, ("no known unit", remedy)
    wanted = f"divide by {factor:g}" if factor > 1 else "multiply by 1000"
    short = {1000.0: ", or score with --unit mm", 100.0: ", or score with --unit cm"}.get(factor, "")
    return factor, (f"looks like {unit}", f"{wanted}: lengths are in metres{short}")


def check_space(hands: Hands, predictions: Predictions) -> tuple[list[Problem], Hands]:
    """Finds joints that are not in the space that the file names, or that its form has."""
    distance = np.linalg.norm(hands.joints, axis=2)
    if not np.isfinite(distance).any():
        return [], hands
    at_zero = np.mean(distance < _POINT, axis=0)
    wrist = float(np.nanmedian(distance[:, 0]))
    space = predictions.space
    if space == "camera" and at_zero.max() > 0.5:
        joint = OPENPOSE21.names[int(at_zero.argmax())]
        if predictions.form == PRED_JSON:
            return [_relative_json(joint, float(at_zero.max()))], hands
        what = f"space is 'camera', but the {joint} lies in the camera: looks relative to it"
        return [Problem("space", "error", what, "set space = 'root_relative', with the wrist at 0")], hands
    if space != "camera" and at_zero[1:].max() > 0.5 > at_zero[0]:
        joint = OPENPOSE21.names[1 + int(at_zero[1:].argmax())]
        what = f"space is {space!r}, but the {joint} is at 0, not the wrist"
        return [Problem("space", "error", what, "subtract the wrist")], hands
    if space != "camera" and wrist > BONES[1]:
        what = f"space is {space!r}, but the wrist is not at 0: looks like camera space"
        return [Problem("space", "error", what, "subtract the wrist, or set space = 'camera'")], hands
    return [], hands


def _relative_json(joint: str, share: float) -> Problem:
    name = "wrists" if joint == "wrist" else f"{joint} joints"
    often = "" if share == 1 else f" in {100 * share:.0f} % of the frames"
    what = f"{name} lie at 0{often}: the file is relative to them; pred.json is in camera space"
    remedy = "add the released wrist (root) of each frame"
    return Problem(
        "space", "error", what, remedy if joint == "wrist" else f"subtract the wrist, then {remedy}"
    )


def check_order(hands: Hands, form: str = "") -> tuple[list[Problem], Hands]:
    """Finds joints in another order than the file should have, and names the one that fits.

    With true joints by the PA error that each order leaves, mirrored or not; without them, and where only
    some fingers are exchanged, by the lengths of bones.
    """
    given, *others = guesses(form)
    distances = joint_distances(hands.joints)
    cost = bone_cost(distances, given.gather)
    if not np.isfinite(cost):
        return [], hands
    costs = np.array([bone_cost(distances, guess.gather) for guess in others])
    guess, words = _order_of_truth(hands, cost, others, costs)
    best = int(np.argmin(costs))
    if guess is None and cost > 0.08 and costs[best] < min(0.5 * cost, 0.12):
        guess = others[best]
        words = f"bones are off by {100 * cost:.0f} % as they are and by {100 * costs[best]:.0f} % so"
    if guess is None:
        return [], hands
    name = guess.words.split(",")[0]
    if form == PRED_JSON:
        said = f"are in {name}" if name in ORDERS else f"fit: {guess.words}"
        what = f"the joints {said}; pred.json has HO-3D's order ({words})"
        remedy = "convert to HO3D21"
    else:
        what = f"joints are not in OPENPOSE21; they fit: {guess.words} ({words})"
        remedy = f"set joint_order = '{name}', or convert" if name in ORDERS else "convert to OPENPOSE21"
    sorted_hands = hands.replace(joints=hands.joints[:, guess.gather], crossed=hands.crossed[:, guess.gather])
    return [
        Problem("order", "error", what, f"{remedy}: `handbench data orders` shows the orders")
    ], sorted_hands


def _order_of_truth(
    hands: Hands, cost: float, others: list[Guess], costs: FloatArray
) -> tuple[Guess | None, str]:
    rows = np.flatnonzero(hands.comparable)[:100]
    if len(rows) == 0:
        return None, ""
    true, joints = hands.true[rows], hands.joints[rows]

    def error(gather: np.ndarray[tuple[int], np.dtype[np.int64]]) -> float:
        turned = joints[:, gather]
        return min(procrustes_error(true, turned), procrustes_error(true, turned, mirrored=True))

    now = error(np.arange(21))
    near = [int(k) for k in np.argsort(costs, kind="stable")[:60] if costs[k] < cost]
    errors = [error(others[k].gather) for k in near]
    if not near or not min(errors) < BETTER * now:
        return None, ""
    k = int(np.argmin(errors))
    return others[near[k]], f"PA error {1000 * now:.1f} mm as they are, {1000 * errors[k]:.1f} mm so"


def check_frame(hands: Hands, predictions: Predictions) -> tuple[list[Problem], Hands]:
    """Finds axes that point the other way, by the true joints, or else by hands behind the camera."""
    rows = hands.comparable
    flip = None
    json = predictions.form == PRED_JSON
    flips, subject = (_JSON_FLIPS, "file") if json else (_FLIPS, "hands are")
    if rows.any() and _moves(hands, rows):
        true, said = centred(hands.true[rows], hands.joints[rows])
        now = _mean_error(true, said)
        errors = [_mean_error(true, said * flip) for _, _, flip in flips]
        best = int(np.argmin([error.mean() for error in errors]))
        better = errors[best]
        if better.mean() < BETTER * now.mean() and np.mean(better < now) > AGREE:
            words, remedy, flip = flips[best]
            what = (
                f"the {subject} {words}: {1000 * now.mean():.0f} mm from the true ones about their centres, "
                f"{1000 * better.mean():.0f} mm when turned"
            )
    behind = hands.joints[:, 0, 2] < 0
    if flip is None and predictions.space == "camera" and behind.mean() > 0.5:
        words, remedy, flip = flips[0]
        where = "at positive z: the file" if json else "behind the camera: looks"
        what = f"{int(behind.sum())} of {len(hands)} wrists lie {where} {words}"
    if flip is None:
        return [], hands
    turned = {"joints": hands.joints * flip, "crossed": hands.crossed * flip}
    if hands.vertices is not None:
        turned["vertices"] = hands.vertices * flip
    wanted = (
        "pred.json is OpenGL (y up, hand at negative z)" if json else "OpenCV has x right, y down, z forward"
    )
    return [Problem("frame", "error", what, f"{remedy}: {wanted}")], hands.replace(**turned)


def check_sides(hands: Hands, form: str = "") -> list[Problem]:
    """Finds left and right exchanged, or else mirrored hands, by the true joints."""
    rows = hands.comparable
    if not rows.any():
        return []
    true, said = hands.true[rows], hands.joints[rows]
    now, mirrored = procrustes_error(true, said), procrustes_error(true, said, mirrored=True)
    both = rows & np.isfinite(hands.crossed).all(axis=(1, 2))
    if both.sum() >= 3:
        true, said, other = hands.true[both], hands.joints[both], hands.crossed[both]
        same, crossed = procrustes_error(true, said), procrustes_error(true, other)
        turned = [_mean_error(*centred(true, points)).mean() for points in (said, other, said * MIRROR)]
        # Two hands in mirrored poses are each other's mirror image: where they point tells which it is.
        if crossed < BETTER * same and turned[1] < BETTER * turned[0] and turned[1] <= turned[2]:
            what = (
                f"left and right are exchanged: PA error {1000 * same:.1f} mm as they are, "
                f"{1000 * crossed:.1f} mm against the other hand"
            )
            return [Problem("sides", "error", what, "exchange the sides")]
    if mirrored < BETTER * now:
        fits = f"PA error {1000 * now:.1f} mm, with a reflection {1000 * mirrored:.1f} mm"
        what = f"the hands are mirrored: {fits}"
        remedy = "undo the flip of a left hand's crop, or exchange the sides"
        remedy = "undo the flip: HO-3D has right hands only" if form == PRED_JSON else remedy
        return [Problem("mirror", "error", what, remedy)]
    return []


def _moves(hands: Hands, rows: BoolArray) -> bool:
    """Tells whether the hands of any side turn at all: a constant may point anywhere."""
    shape = hands.joints - np.nanmean(hands.joints, axis=1, keepdims=True)
    sides = [shape[rows & (hands.right == side)] for side in (True, False)]
    return any(len(side) > 1 and np.nanmean(np.nanstd(side, axis=0)) > 0.001 for side in sides)


def _median(values: FloatArray) -> float:
    return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")


def _mean_error(true: FloatArray, said: FloatArray) -> FloatArray:
    return np.asarray(np.nanmean(np.linalg.norm(true - said, axis=2), axis=1))
