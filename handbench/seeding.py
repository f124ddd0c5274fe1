"""Random streams keyed by what they are for: never by worker, order or time."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random.bit_generator import ISeedSequence


class _Key(ISeedSequence):
    """Gives a bit generator its key as it is: numpy's own ``key=`` first asks the system for entropy."""

    def __init__(self, digest: bytes) -> None:
        self._digest = digest

    def generate_state(self, n_words: int, dtype: npt.DTypeLike = np.uint64) -> npt.NDArray[Any]:
        """Returns the digest as ``n_words`` little-endian words."""
        return np.frombuffer(self._digest, np.dtype(dtype).newbyteorder("<"), n_words)


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
    # numpy takes any ISeedSequence, its type stubs only its own SeedSequence.
    return np.random.Generator(np.random.Philox(_Key(digest)))  # type: ignore[arg-type]
