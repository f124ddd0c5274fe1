"""A tree of files made unit by unit: each unit appears whole or not at all, and a stopped run continues.

A unit is what one worker makes in one go, such as a take with all its cameras. It is written to a temporary
folder and renamed into place; ``OUT/.units/NAME.json`` then says that it is there and what it told. Lists and
tables of the whole tree are written by the caller at the end, from what all units told.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from handbench.errors import HandbenchError, PartialError
from handbench.progress import Progress
from handbench.store.existing import OnExisting
from handbench.store.files import fail_writing, remove, replace_durably, sync_folder
from handbench.synth.tree_workers import MakeUnit, Unit, UnitJob, unit_reports

NOTES = ".units"
"""Folder of the notes in the tree: ``spec.json``, one ``NAME.json`` a finished unit, temporary folders."""

_SPEC = "spec.json"

__all__ = ["NOTES", "MakeUnit", "Stopped", "Unit", "UnitJob", "make_tree"]


class Stopped(PartialError):
    """The user asked the run to stop; finished units stay."""

    exit_code = 130


def make_tree(
    out: Path,
    units: Sequence[Unit],
    job: UnitJob,
    workers: int = 1,
    on_existing: OnExisting = "resume",
    label: str = "synthesis",
    quiet: bool = False,
    spec_hash: str = "",
) -> list[dict[str, Any]]:
    """Makes all units of a tree; killed at any instant, the same call continues.

    Args:
        out: the tree's folder; made where it is missing.
        units: what to make, in this order.
        job: called once in each worker (so picklable, its class importable by name); the function that it
            gives is called with a unit and a temporary folder, makes each of ``unit.folders`` below that
            folder, and returns a note: plain values, ready for JSON. What it makes may depend on the unit
            alone.
        workers: processes; 0 works in this process, for profilers and tests.
        on_existing: keep finished units, refuse where there are any, or remove them and start anew.
        label: what the work is, for the progress line.
        quiet: print no progress.
        spec_hash: of all that decides the units; a tree of another hash is refused. The number of units is no
            part of it, so that a tree can grow.

    Returns:
        The note of each unit, in the order of ``units``.

    Raises:
        HandbenchError: bad input or a foreign folder; an error of the job, naming the unit.
        PartialError: the disk is full, or a worker died; finished units stay.
        Stopped: after Ctrl-C.
        RuntimeError: an unexpected error of the job, naming the unit.
    """
    if workers < 0:
        raise HandbenchError(f"--workers {workers}", "give 1 or more")
    if type(job).__module__ == "__main__" and workers:
        raise HandbenchError("workers cannot import a job of the main script", "move its class to a module")
    _check_names(units)
    with _locked(out):
        notes = _survey(out, units, on_existing, spec_hash)
        waiting = [unit for unit in units if unit.name not in notes]
        done = sum(unit.size for unit in units if unit.name in notes)
        total = done + sum(unit.size for unit in waiting)
        try:
            with (
                Progress(total, label, unit="images", done=done, quiet=quiet) as progress,
                contextlib.closing(unit_reports(out / NOTES, waiting, job, workers)) as reports,
            ):
                for unit, note in reports:
                    _publish(out, unit, note)
                    notes[unit.name] = note
                    progress.advance(unit.size)
        except KeyboardInterrupt:
            raise Stopped(
                f"stopped with {len(notes)} of {len(units)} units made", "the same command continues"
            ) from None
        except OSError as error:
            fail_writing(out, error)
        finally:
            _remove_leftovers(out)
    return [notes[unit.name] for unit in units]


def _check_names(units: Sequence[Unit]) -> None:
    names = [unit.name for unit in units]
    folders = [folder for unit in units for folder in unit.folders]
    for kind, values in (("name", names), ("folder", folders)):
        if len(set(values)) != len(values):
            twice = next(value for value in values if values.count(value) > 1)
            raise HandbenchError(f"two units have the {kind} {twice!r}", "give each its own")
    for folder in folders:
        path = Path(folder)
        if path.is_absolute() or ".." in path.parts or path.parts[:1] == (NOTES,):
            raise HandbenchError(f"a unit's folder {folder!r} leaves the tree", "name it relative to --out")


@contextlib.contextmanager
def _locked(out: Path) -> Iterator[None]:
    """Makes the folder and holds it for one run; the kernel frees it when the process is gone."""
    try:
        if out.is_dir() and not (out / NOTES).is_dir() and any(out.iterdir()):
            raise HandbenchError(
                f"{out} holds other files, e.g. {min(path.name for path in out.iterdir())}",
                "choose an empty folder as --out",
            )
        (out / NOTES).mkdir(parents=True, exist_ok=True)
        lock = (out / NOTES / "lock").open("a")
    except (FileExistsError, NotADirectoryError):
        raise HandbenchError(f"{out} is a file, or lies below one", "choose a folder as --out") from None
    except OSError as error:
        raise HandbenchError(f"cannot write to {out}: {error.strerror}", "choose another --out") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HandbenchError(
                f"{out} is being written by another run", "wait for it to end, or stop it"
            ) from None
        yield


def _survey(
    out: Path, units: Sequence[Unit], on_existing: OnExisting, spec_hash: str
) -> dict[str, dict[str, Any]]:
    """Returns the notes of the finished units that stay; removes what is not to stay."""
    _remove_leftovers(out)
    spec = out / NOTES / _SPEC
    found = {path.stem: _read(path) for path in sorted((out / NOTES).glob("*.json")) if path.name != _SPEC}
    if on_existing == "overwrite":
        for name, entry in found.items():
            remove(out / NOTES / f"{name}.json")
            for folder in entry["folders"]:
                remove(out / folder)
        spec.unlink(missing_ok=True)
        found = {}
    if on_existing == "error" and found:
        raise HandbenchError(
            f"{out} already holds {len(found)} units", "use --on-existing resume or overwrite"
        )
    if spec.exists() and _read(spec)["spec_hash"] != spec_hash:
        raise HandbenchError(
            f"{out} was made with other settings (spec {_read(spec)['spec_hash']}, now {spec_hash})",
            "choose another --out, or --on-existing overwrite",
        )
    extra = sorted(set(found) - {unit.name for unit in units})
    if extra:
        raise HandbenchError(
            f"{out} holds {len(extra)} units more than asked for, e.g. {extra[0]}",
            "ask for as many or more, choose another --out, or --on-existing overwrite",
        )
    _write(spec, {"spec_hash": spec_hash})
    return {name: entry["note"] for name, entry in found.items()}


def _publish(out: Path, unit: Unit, note: dict[str, Any]) -> None:
    """Renames a unit's folders into place; its note comes last and says that all are there."""
    made = out / NOTES / f"{unit.name}.tmp"
    for folder in unit.folders:
        target = out / folder
        target.parent.mkdir(parents=True, exist_ok=True)
        # What a run left that was killed between two renames.
        remove(target)
        (made / folder).rename(target)
        sync_folder(target.parent)
    _write(out / NOTES / f"{unit.name}.json", {"folders": list(unit.folders), "note": note})
    remove(made)


def _remove_leftovers(out: Path) -> None:
    for path in (out / NOTES).glob("*.tmp*"):
        remove(path)


def _write(path: Path, content: dict[str, Any]) -> None:
    replace_durably(path, (json.dumps(content, sort_keys=True) + "\n").encode())


def _read(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise HandbenchError(f"{path} is damaged: it is no JSON object", "remove it; its unit is made again")
    return content
