"""The held-out set that ``evaluate`` takes where no data are named: made once, in the user's cache.

Ten takes of a hand with an object, two of each stratum, from a fixed recipe. It shares no person, object,
grasp, surface or light with anything that ``synth-ho3d`` makes for training. It is a smoke test and a first
comparison; the benchmark proper is larger.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from handbench.cache import cache_folder
from handbench.datasets import DataRef
from handbench.provenance import cpu_class

NAME = "heldout-v1"
TAKES, FRAMES, SEED = 10, 60, 20_261_127

FINGERPRINTS: dict[str, str] = {"avx512": "b24004ecea086e9eae8a5d43e758a012"}
"""Of its annotation, by class of processor: results are bit-identical within one (design section 5)."""


def heldout(workers: int = 1, quiet: bool = False) -> DataRef:
    """Returns the reference of the held-out set, made where it is not there: 600 pictures, about a minute.

    With the cache off it is made in a temporary folder every time.

    Args:
        workers: processes that make it.
        quiet: say nothing.
    """
    from handbench.synth.ho3d import Ho3dSynthOptions, generate_ho3d

    cache = cache_folder("heldout")
    folder = Path(tempfile.mkdtemp(prefix="handbench-heldout-")) if cache is None else cache / NAME
    ref = DataRef("ho3d", str(folder), {"version": "v3", "split": "evaluation"})
    if not (folder / "evaluation_verts.json").is_file():
        if not quiet:
            print(f"making the held-out set, once: {folder}", file=sys.stderr, flush=True)
        options = Ho3dSynthOptions(
            version="v3", takes=0, eval_takes=TAKES, frames=FRAMES, cameras=1, seed=SEED, flow=False,
            overrides=("missing=0",),
        )  # fmt: skip
        generate_ho3d(folder, options, workers, "resume", quiet=quiet)
    expected = FINGERPRINTS.get(cpu_class())
    found = ref.open().fingerprint
    if expected and found != expected:
        print(
            f"the held-out set in {folder} is not the published one ({found[:8]}, expected {expected[:8]}):"
            " remove it, and check that the versions of constraints.txt are installed",
            file=sys.stderr,
        )
    return ref
