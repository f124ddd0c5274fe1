"""Random streams keyed by what they are for: never by worker, order or time."""

from __future__ import annotations

import hashlib

import numpy as np


def rng_for(seed: int, *keys: int | str) -> np.random.Generator:
    """Returns the generator of one stream.

    The stream depends on the seed and the keys alone, for example ``rng_for(0, recipe_hash, "scene", 17)``.
    Philox is counter based: opening a stream costs microseconds and streams do not overlap.

    Args:
        seed: the user's seed.
        keys: what the stream is for; integers and strings with the same digits are different keys.
    """
    text = "\x1f".join([str(int(seed)), *(f"{type(key).__name__}:{key}" for key in keys)])
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "little")))
