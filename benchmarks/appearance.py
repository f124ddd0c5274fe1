"""Prints what each piece of a picture's appearance costs, in milliseconds a call on one core."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from handbench.compose.effects import EffectsSettings, apply_effects, draw_effects
from handbench.hands.library import load_hand_model
from handbench.hands.model import forward_one
from handbench.synth.backgrounds import FAMILIES, TRAIN_FAMILIES, open_backgrounds, paint
from handbench.synth.forearm import make_forearm
from handbench.synth.forearm_wear import ForearmSettings, draw_wear
from handbench.synth.lights import sample_lights
from handbench.synth.occluders import OccluderSettings, make_objects, make_ring
from handbench.types import HandParams, Side


def milliseconds(call: Callable[[], object], count: int = 300) -> tuple[float, float]:
    """Returns the mean and the median of a call's processor time [ms], after a call that compiles."""
    call()
    times = []
    for _ in range(count):
        start = time.process_time()
        call()
        times.append(1e3 * (time.process_time() - start))
    return statistics.fmean(times), statistics.median(times)


def row(name: str, call: Callable[[], object], bar: str = "", count: int = 300) -> None:
    mean, median = milliseconds(call, count)
    print(f"{name:44s} {mean:8.3f} {median:8.3f}   {bar}")


def main() -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    print(f"{'call':44s} {'mean':>8s} {'median':>8s}   bar")
    source = open_backgrounds()
    for _ in range(1200):
        source.draw(rng, (64, 64))
    row("background 256x256, bank filled", lambda: source.draw(rng, (256, 256)), "0.25", 1000)
    start = time.process_time()
    for index, family in enumerate(FAMILIES):
        paint(family, index, 320)
    painted = (time.process_time() - start) / len(FAMILIES.names())
    bank = len(TRAIN_FAMILIES) * 10
    print(f"{'painting one picture of the bank':44s} {1e3 * painted:8.3f}   once each, {bank} in all")

    _, image = source.draw(rng, (256, 256))
    row("effects 256x256, as drawn", lambda: apply_effects(image, draw_effects(rng)), "0.25", 1000)
    still = dataclasses.replace(draw_effects(rng), motion=(0.0, 0.0), defocus=0.0)
    row("effects 256x256, no blur", lambda: apply_effects(image, still))
    moving = draw_effects(rng, EffectsSettings(p_motion_blur=1.0, p_defocus=0.0))
    row("effects 256x256, motion blur", lambda: apply_effects(image, moving))
    row("lights", lambda: sample_lights(rng))

    model = load_hand_model("procedural", Side.RIGHT)
    pose = np.concatenate([np.array([0.4, 0.1, 0.9]), model.hands_mean])
    hand = forward_one(model, HandParams(Side.RIGHT, pose, np.zeros(10), np.array([0.0, 0.0, 0.7])))
    skin = np.array([200, 150, 120], np.uint8)
    straight = hand.joints16[0] - hand.joints16[4]
    elbow = straight / np.linalg.norm(straight)
    worn = {
        "bare": ForearmSettings(p_bare=1.0, p_sleeve=0.0, p_none=0.0, p_band=0.0),
        "sleeve": ForearmSettings(p_bare=0.0, p_sleeve=1.0, p_none=0.0, p_band=0.0),
    }
    for kind, settings in worn.items():
        wear = draw_wear(rng, settings)
        make = partial(make_forearm, model, hand.vertices, hand.joints16, rng, wear, skin, elbow)
        row(f"forearm, {kind}", partial(make, hand.vertices + 0.4))
    always = OccluderSettings(p_object=1.0, p_ring=1.0)
    pair = {Side.RIGHT: hand.vertices, Side.LEFT: hand.vertices + 0.06}
    row("object", lambda: make_objects(rng, always, pair))
    row("ring", lambda: make_ring(rng, always, model, hand.vertices, hand.joints16))


if __name__ == "__main__":
    main()
