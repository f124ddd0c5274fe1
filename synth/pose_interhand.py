"""Pairs of hands of InterHand2.6M as a pose source: every moment with two hands, seen from anywhere.

The dataset is opened by name, like any other; its joints are fitted, or its own parameters are used where
they are for the chosen hand model.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from handbench.config import content_hash, to_dict
from handbench.datasets import DataRef, Dataset
from handbench.errors import HandbenchError
from handbench.hands.model import HandModel
from handbench.moments import Moments
from handbench.synth.moment_pairs import WORST_FIT, fit_pairs, recordings_of, two_hand_moments
from handbench.synth.motion_fit import settle
from handbench.synth.persons import Mine, choose_persons
from handbench.synth.recorded_motion import FittedMotion, kept_motion
from handbench.synth.recorded_pairs import MotionConfig, RecordedPairs
from handbench.types import Side

if TYPE_CHECKING:
    from handbench.synth.recipe import AihRecipe

VERSION = "moment-pairs/1"


class InterHandPairs(RecordedPairs):
    """Draws moments of a dataset's recordings.

    Args:
        models: the right and the left hand model.
        motion: all usable moments.
        people: who each recording of ``motion.names`` shows.
        fingerprint: of the dataset's moments and the hand models.
        config: recipe keys.
        mine: whose moments may be drawn; everybody's by default.

    Attributes:
        persons: the number of usable moments of each person that is drawn.

    Raises:
        HandbenchError: for a person of whom there is no usable moment.
    """

    def __init__(
        self,
        models: Mapping[Side, HandModel],
        motion: FittedMotion,
        people: Mapping[str, str],
        fingerprint: str,
        config: MotionConfig,
        mine: Mine | None = None,
    ) -> None:
        owners = [people[motion.names[i]] for i in motion.sequence]
        rows, self.persons = choose_persons(owners, mine)
        own = content_hash([fingerprint, to_dict(config), None if mine is None else sorted(self.persons)])
        super().__init__("interhand", models, motion, own, config, rows, settle)


def open_interhand(
    rest: str, models: Mapping[Side, HandModel], recipe: AihRecipe, mine: Mine | None = None
) -> InterHandPairs:
    """Opens ``--poses interhand:DIR[@split=train,...]``; see :func:`open_interhand_pairs`."""
    return open_interhand_pairs(f"interhand:{rest}", models, recipe, mine)


def open_interhand_pairs(
    ref_text: str,
    models: Mapping[Side, HandModel],
    recipe: AihRecipe,
    mine: Mine | None = None,
) -> InterHandPairs:
    """Opens the pairs of a dataset whose samples are grouped into moments.

    All persons' moments are fitted and kept together, so splits by person share the work.

    Args:
        ref_text: ``interhand:DIR[@key=value,...]`` with the loader's keys; pictures need not be there.
        models: the right and the left hand model.
        recipe: its key ``motion``.
        mine: whose moments may be drawn; everybody's by default.

    Raises:
        HandbenchError: what the loader raises, or when no moment with two hands is usable.
    """
    ref = DataRef.parse(ref_text)
    ref = replace(ref, options={"missing": "keep", **ref.options})
    dataset = ref.open()
    all_moments = dataset.moments()
    moments = None if all_moments is None else two_hand_moments(all_moments)
    if moments is None or not len(moments):
        raise HandbenchError(
            f"{ref_text}: no moment shows two hands", "use another split, or hand_type=interacting or all"
        )
    fingerprint = _fingerprint(dataset, moments, models)

    def fit() -> FittedMotion:
        print(f"fitting the hands of {len(moments)} moments, once", file=sys.stderr, flush=True)
        return fit_pairs(moments, models)

    motion = kept_motion(fingerprint, recordings_of(moments), fit)
    if not len(motion):
        raise HandbenchError(
            f"{ref_text}: none of {len(moments)} moments with two hands is usable: {_why(motion.dropped)}",
            "use another split, or another hand model",
        )
    people = dict(zip(moments.recording, moments.person, strict=True))
    return InterHandPairs(models, motion, people, fingerprint, recipe.motion, mine)


def _fingerprint(dataset: Dataset, moments: Moments, models: Mapping[Side, HandModel]) -> str:
    """Returns a hash of everything that decides the fits: what was read, and the models."""
    digest = hashlib.blake2b(VERSION.encode(), digest_size=8)
    words = [dataset.name, dataset.split, dataset.fingerprint, moments.tips, *moments.recording]
    words += [*moments.person, *(models[side].sha256 for side in Side)]
    digest.update("\n".join(words).encode())
    arrays = [moments.frame, moments.joints, moments.valid]
    own = moments.params
    if own is not None:
        digest.update(own.sha256.encode())
        arrays += [own.pose, own.betas, own.transl]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _why(dropped: Mapping[str, int]) -> str:
    words = {
        "joints": "too few joints",
        "fit": f"fitted worse than {1000 * WORST_FIT:.0f} mm",
        "penetration": "hands through each other",
    }
    return ", ".join(f"{dropped[reason]} {words[reason]}" for reason in words if dropped[reason])
