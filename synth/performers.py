"""What makes posed hands visible: skin, ring, forearm, sleeve; the same in every frame of a take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import numpy.typing as npt

from handbench.arrays import FloatArray, ImageArray
from handbench.hands.model import HandModel
from handbench.hands.skin import atlas_uv, make_skin_texture, skin_channels
from handbench.skeleton import MANO16, OPENPOSE21
from handbench.synth.forearm import make_forearm, rim_colors
from handbench.synth.forearm_wear import ForearmSettings, Wear, draw_wear
from handbench.synth.occluders import OccluderSettings, make_ring
from handbench.synth.people import People
from handbench.synth.poses import PlacedHand
from handbench.synth.scene import Part
from handbench.types import Side

Skin = tuple[ImageArray, npt.NDArray[np.float32]]
"""A texture (S, S, 3) and where each face's corners lie in it, (1538, 3, 2) [px]."""

_TO_MANO16 = OPENPOSE21.index_to(MANO16)
_GLOSS = 0.18


class Skins:
    """Paints people's skin on a pair of hand models; made once a process, since the atlas takes a while.

    Args:
        models: the hand model of each side.
    """

    def __init__(self, models: Mapping[Side, HandModel]) -> None:
        self.models = models
        self._channels = {side: skin_channels(model) for side, model in models.items()}
        self._mirrored_uv = _mirrored_uv(models[Side.RIGHT], models[Side.LEFT])

    def paint(self, sides: Iterable[Side], people: People) -> dict[Side, Skin]:
        """Paints the skin of each hand: (S, S, 3) uint8 and (1538, 3, 2) px; one for both of one person."""
        skins: dict[Side, Skin] = {}
        for side in sides:
            other = skins.get(side.other)
            if other is not None and self._mirrored_uv is not None and not people.two:
                skins[side] = other[0], self._mirrored_uv
            else:
                skins[side] = make_skin_texture(self._channels[side], people.skin[side]), atlas_uv()
        return skins


def dressed_hand(
    rng: np.random.Generator,
    model: HandModel,
    hand: PlacedHand,
    skin: Skin,
    wear: Wear,
    occluders: OccluderSettings,
    others: FloatArray | None,
) -> list[Part]:
    """Makes the drawables of one hand: itself, perhaps a ring, its forearm.

    Args:
        rng: draws the ring and details of the arm.
        model: of the hand's side.
        hand: posed, in the frame in which the parts are wanted [m].
        skin: of the hand.
        wear: what the person wears.
        occluders: how often there is a ring.
        others: (N, 3) points that the arm keeps clear of (the other hand), or None.
    """
    texture, uv = skin
    side = hand.side
    joints16 = hand.joints[_TO_MANO16]
    body = Part(
        side.value, hand.vertices, model.closed_faces,
        hand=side, is_hand=True, texture=texture, uv=uv, gloss=_GLOSS,
    )  # fmt: skip
    parts = [body, *make_ring(rng, occluders, model, hand.vertices, joints16)]
    parts += make_forearm(
        model, hand.vertices, joints16, rng, wear, rim_colors(model, texture, uv),
        direction=hand.arm, others=others,
    )  # fmt: skip
    return parts


class Performer:
    """One person, or two whose hands meet, as they look through a whole take.

    Skin, sleeve, watch and ring are drawn once; every frame draws its details from the same streams, so that
    nothing flickers.

    Args:
        skins: of the hand models.
        people: shape and skin of each hand.
        stream: opens the take's random stream of that name, the same at every call.
        forearm: what forearms are drawn from.
        occluders: what rings are drawn from.
    """

    def __init__(
        self,
        skins: Skins,
        people: People,
        stream: Callable[[str], np.random.Generator],
        forearm: ForearmSettings | None = None,
        occluders: OccluderSettings | None = None,
    ) -> None:
        self.models, self.people = skins.models, people
        self.wear = draw_wear(stream("wear"), forearm)
        self._stream, self._occluders = stream, occluders or OccluderSettings()
        self._skins = skins.paint(tuple(Side), people)

    def parts(self, hands: Mapping[Side, PlacedHand]) -> tuple[Part, ...]:
        """Makes the drawables of one frame, in the frame of the hands.

        An arm follows ``hand.arm`` even where the other hand touches it: it must not jump between frames.
        """
        parts: list[Part] = []
        for side, hand in hands.items():
            parts += dressed_hand(
                self._stream(f"{side.value} details"), self.models[side], hand, self._skins[side],
                self.wear, self._occluders, others=None,
            )  # fmt: skip
        return tuple(parts)


def _mirrored_uv(right: HandModel, left: HandModel) -> npt.NDArray[np.float32] | None:
    """Returns how the left hand reads the right's skin, or None where their faces do not match."""
    for corners in ([0, 2, 1], [2, 1, 0], [1, 0, 2]):
        if np.array_equal(left.faces, right.faces[:, corners]):
            return np.ascontiguousarray(atlas_uv()[:, corners])
    return None
