"""The folder of a run: what it is, whether it may go on here, one process at a time."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from handbench.baselines.weights import config_differences
from handbench.config import content_hash
from handbench.errors import HandbenchError
from handbench.provenance import collect
from handbench.store.files import read_sealed, remove, replace_durably, seal
from handbench.train.options import OnExisting

SCHEMA = "handbench-run/1"
RUN = "run.json"
OURS = (
    RUN, "log.csv", "checkpoints", "previews", "tensorboard", "weights.safetensors", "weights.json",
    "results", "failed",
)  # fmt: skip
_LOCK = ".lock"
_NAMED = 3
_PATIENCE = 10.0


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Makes the folder of a run and keeps other processes from training in it.

    Raises:
        HandbenchError: when it cannot be written, or another process trains in it.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        file = (out / _LOCK).open("a")
    except OSError as error:
        raise HandbenchError(f"cannot write to {out}: {error.strerror}", "choose another --out") from None
    with file:
        # Not flock: workers that outlive a killed run would hold it.
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise HandbenchError(
                        f"another process trains in {out}", "wait for it to end, or choose another --out"
                    ) from None
                time.sleep(0.1)
        yield


def prepare(out: Path, identity: Mapping[str, Any], on_existing: OnExisting) -> str:
    """Decides whether a run begins or goes on, and returns the hash of what it is.

    Args:
        out: its folder.
        identity: plain values that decide the run.
        on_existing: what to do with a run that is there.

    Raises:
        HandbenchError: for a run of other settings, naming the first that differ; for any run, with
            ``error``; for a folder of other files.
    """
    path, hashed = out / RUN, content_hash(identity)
    there = {entry.name for entry in out.iterdir() if ".tmp." not in entry.name} - {_LOCK}
    if on_existing == "overwrite":
        for name in OURS:
            remove(out / name)
        there -= set(OURS)
    if RUN not in there:
        if there:
            raise HandbenchError(
                f"{out} holds other files, e.g. {min(there)}", "choose an empty folder as --out"
            )
        about = {"schema": SCHEMA, "identity": dict(identity), "hash": hashed, "code": collect().to_dict()}
        replace_durably(path, seal(about))
        return hashed
    if on_existing == "error":
        raise HandbenchError(f"{out} holds a run already", "use --on-existing resume or overwrite")
    found = read_sealed(path, SCHEMA)
    differing = config_differences(found["identity"], identity)
    if differing:
        more = f" and {len(differing) - _NAMED} more" if len(differing) > _NAMED else ""
        raise HandbenchError(
            f"the run in {out} is another one: {', '.join(differing[:_NAMED])}{more}",
            "choose another --out, or --on-existing overwrite",
        )
    return hashed
