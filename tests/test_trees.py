"""Trees of units: whole or absent, resumed, refused, stopped, and every error named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import pytest
from tree_jobs import Writes

from handbench.errors import HandbenchError, PartialError
from handbench.synth.trees import NOTES, Unit, make_tree

UNITS = [Unit(f"u{k}", (f"train/u{k}", f"extra/u{k}"), size=2) for k in range(4)]
HERE = Path(__file__).parent


def files(out: Path) -> dict[str, str]:
    """What a tree holds beside its notes."""
    return {
        str(path.relative_to(out)): path.read_text()
        for path in sorted(out.rglob("*"))
        if path.is_file() and NOTES not in path.parts
    }


@pytest.mark.parametrize("workers", [0, 2])
def test_all_units_are_made(
    tmp_path: Path, workers: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handbench.progress.WAIT", 0.0)
    notes = make_tree(tmp_path / "t", UNITS, Writes(), workers, label="tree")
    assert notes == [{"name": unit.name} for unit in UNITS]
    assert files(tmp_path / "t") == {f: u.name for u in UNITS for f in sorted(f"{x}/what" for x in u.folders)}
    assert not list((tmp_path / "t" / NOTES).glob("*.tmp*"))
    assert "tree: 8/8 images (100 %)" in capsys.readouterr().err


def test_resume_makes_what_is_missing_and_may_grow(tmp_path: Path) -> None:
    make_tree(tmp_path, UNITS[:2], Writes(), 0, quiet=True, spec_hash="a")
    (tmp_path / "train/u0/what").write_text("kept")
    # A run killed between two renames: the folder is there, the note is not.
    (tmp_path / "train/u2").mkdir()
    (tmp_path / "train/u2/half").touch()
    (tmp_path / NOTES / "u2.tmp").mkdir()
    notes = make_tree(tmp_path, UNITS, Writes(), 0, quiet=True, spec_hash="a")
    assert [note["name"] for note in notes] == ["u0", "u1", "u2", "u3"]
    found = files(tmp_path)
    assert (
        found["train/u0/what"] == "kept" and "train/u2/half" not in found and found["extra/u3/what"] == "u3"
    )


def test_overwrite_starts_anew(tmp_path: Path) -> None:
    make_tree(tmp_path, UNITS, Writes(), 0, quiet=True, spec_hash="a")
    make_tree(tmp_path, UNITS[:1], Writes(), 0, "overwrite", quiet=True, spec_hash="b")
    assert sorted(files(tmp_path)) == ["extra/u0/what", "train/u0/what"]


@pytest.mark.parametrize(
    ("units", "on_existing", "spec", "message"),
    [
        (UNITS, "resume", "b", "was made with other settings"),
        (UNITS, "error", "a", "already holds 2 units"),
        (UNITS[:1], "resume", "a", "holds 1 units more than asked for, e.g. u1"),
        ([UNITS[0], UNITS[0]], "resume", "a", "two units have the name 'u0'"),
        ([Unit("x", ("../x",))], "resume", "a", "leaves the tree"),
    ],
)
def test_refusals(
    tmp_path: Path,
    units: list[Unit],
    on_existing: Literal["resume", "error", "overwrite"],
    spec: str,
    message: str,
) -> None:
    make_tree(tmp_path, UNITS[:2], Writes(), 0, quiet=True, spec_hash="a")
    with pytest.raises(HandbenchError, match=message):
        make_tree(tmp_path, units, Writes(), 0, on_existing, quiet=True, spec_hash=spec)


def test_foreign_folders_and_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").touch()
    with pytest.raises(HandbenchError, match=r"holds other files, e\.g\. photo\.jpg"):
        make_tree(tmp_path, UNITS, Writes(), 0)
    with pytest.raises(HandbenchError, match="is a file, or lies below one"):
        make_tree(tmp_path / "photo.jpg", UNITS, Writes(), 0)
    with pytest.raises(HandbenchError, match="--workers -1"):
        make_tree(tmp_path / "t", UNITS, Writes(), -1)
    (tmp_path / "t" / NOTES).mkdir(parents=True)
    (tmp_path / "t" / NOTES / "u0.json").write_text("{")
    with pytest.raises(HandbenchError, match=r"u0\.json is damaged"):
        make_tree(tmp_path / "t", UNITS, Writes(), 0)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("user", HandbenchError, r"unit u1: the object is too small \(choose another\)"),
        ("bug", RuntimeError, r"(?s)unit u1 failed.*a slip"),
        ("full", PartialError, r"cannot write .*u1\.tmp: the disk is full"),
        ("absent", RuntimeError, "unit u1 did not make its folder train/u1"),
    ],
)
def test_an_error_names_the_unit(
    tmp_path: Path, workers: int, how: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        make_tree(tmp_path, UNITS, Writes(bad="u1", how=how), workers, quiet=True)
    assert not list((tmp_path / NOTES).glob("*.tmp*"))
    assert len(make_tree(tmp_path, UNITS, Writes(), 0, quiet=True)) == 4


def test_a_dead_worker_is_named(tmp_path: Path) -> None:
    with pytest.raises(PartialError, match=r"unit u1: its worker died \(status 9\)"):
        make_tree(tmp_path, UNITS, Writes(bad="u1", how="die"), 2, quiet=True)


def start(out: Path) -> subprocess.Popen[str]:
    """Starts a slow run with two workers and waits for its first unit."""
    code = (
        # A shell's background jobs ignore Ctrl-C; this one shall not.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path.insert(0, {str(HERE)!r})\n"
        "from pathlib import Path\nfrom test_trees import UNITS, Writes, make_tree\n"
        f"make_tree(Path({str(out)!r}), UNITS, Writes(pause=5.0), 2, quiet=True)"
    )
    env = {**os.environ, "TREE_OF_TEST": str(out)}
    run = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=env)
    while not (out / NOTES / "u0.json").exists() and run.poll() is None:
        time.sleep(0.02)
    assert len(processes_of(out)) == 3
    return run


def processes_of(out: Path) -> list[str]:
    """The run's own process and its workers: all whose environment names the folder."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            if f"TREE_OF_TEST={out}\0".encode() in path.read_bytes():
                found.append(path.parent.name)
        except OSError:
            continue
    return found


def test_ctrl_c_leaves_whole_units_and_no_process(tmp_path: Path) -> None:
    out = tmp_path / "t"
    run = start(out)
    with pytest.raises(HandbenchError, match="is being written by another run"):
        make_tree(out, UNITS, Writes(), 0, quiet=True)
    run.send_signal(signal.SIGINT)
    _, said = run.communicate(timeout=20)
    assert "Stopped" in said and "of 4 units made (the same command continues)" in said
    assert not list((out / NOTES).glob("*.tmp*")) and not processes_of(out)


def test_a_killed_run_leaves_no_process_and_continues(tmp_path: Path) -> None:
    out = tmp_path / "t"
    run = start(out)
    run.kill()
    run.communicate(timeout=20)
    deadline = time.monotonic() + 10
    while processes_of(out) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not processes_of(out)
    make_tree(out, UNITS, Writes(), 0, quiet=True)
    assert len(files(out)) == 8 and not list((out / NOTES).glob("*.tmp*"))
