"""The engine: one digest whatever happens, and nothing published is ever lost."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from store_drivers import children, drive, wait_until, wait_until_it_writes
from store_jobs import SPEC, FailingJob, KillingJob, RandomJob, SteppingJob

from handbench.errors import CorruptError, HandbenchError, PartialError
from handbench.store.dataset import open_store
from handbench.store.job import Job
from handbench.store.manifest import published_shards
from handbench.store.plan import Plan, make_plan
from handbench.store.run import RunReport, run_shards
from handbench.store.verify import verify_store

NUM = 1_100


def run(
    root: Path, num: int = NUM, workers: int = 0, job: Job | None = None, shards: str | None = None
) -> RunReport:
    return run_shards(root, make_plan(num, shards), SPEC, job or RandomJob(), workers, quiet=True)


def digest_of(report: RunReport) -> str:
    assert report.manifest is not None
    return report.manifest.digest


def leftovers(root: Path) -> list[str]:
    names = {path.name for path in root.iterdir()} - {"manifest.json", "shards", ".run.lock"}
    return sorted(names | {path.name for path in (root / "shards").glob("*.tmp.*")})


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    return digest_of(run(tmp_path_factory.mktemp("whole")))


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_do_not_matter(tmp_path: Path, digest: str, workers: int) -> None:
    report = run(tmp_path, workers=workers)
    assert digest_of(report) == digest and (report.made, report.kept) == (NUM, 0)
    assert not leftovers(tmp_path) and not verify_store(tmp_path, deep=True, quiet=True).faults
    again = run(tmp_path, workers=workers)
    assert digest_of(again) == digest and (again.made, again.kept) == (0, NUM)


def test_parts_made_apart_are_the_whole(tmp_path: Path, digest: str) -> None:
    assert run(tmp_path, shards="3-4").manifest is None
    assert run(tmp_path, shards="0,2").manifest is None
    with pytest.raises(HandbenchError, match="unfinished"):
        open_store(tmp_path)
    report = run(tmp_path, shards="1")
    assert digest_of(report) == digest and report.manifest is not None
    assert report.manifest.statistics == {"kind": {"0": 367, "1": 367, "2": 366}}


def kill_drivers(root: Path, digest: str, kills: int, seed: int) -> None:
    """SIGKILLs drivers at random instants, most of them while they write, until enough have died."""
    chance, killed = random.Random(seed), 0
    while killed < kills:
        out = root / str(killed)
        while True:
            kept = {path: path.stat().st_ino for path in out.glob("shards/[0-9]?[0-9]??")}
            process = drive(out, NUM, "--workers=2", "--pause=0.0002")
            if chance.random() < 0.8:
                wait_until_it_writes(process, out)
            time.sleep(chance.uniform(0.0, 0.5))
            process.kill()
            status = process.wait()
            assert process.stderr is not None
            process.stderr.close()
            killed += status != 0
            assert status in (0, -signal.SIGKILL)
            assert all(path.stat().st_ino == inode for path, inode in kept.items())
            if status == 0 or killed >= kills:
                break
        assert digest_of(run(out)) == digest
        assert not leftovers(out)


def test_a_killed_driver_costs_nothing(tmp_path: Path, digest: str) -> None:
    kill_drivers(tmp_path, digest, kills=5, seed=1)


@pytest.mark.soak
def test_two_hundred_killed_drivers_cost_nothing(tmp_path: Path, digest: str) -> None:
    kill_drivers(tmp_path, digest, kills=200, seed=2)


def kill_workers(root: Path, digest: str, rounds: int, seed: int) -> None:
    """SIGKILLs random workers at random instants while the driver runs on."""
    chance = random.Random(seed)
    for turn in range(rounds):
        out = root / str(turn)
        process, killed = drive(out, NUM, "--workers=2", "--pause=0.001"), 0
        wait_until_it_writes(process, out)
        for _ in range(2):
            time.sleep(chance.uniform(0.0, 0.3))
            if workers := children(process.pid):
                os.kill(chance.choice(workers), signal.SIGKILL)
                killed += 1
        errors = process.communicate()[1]
        assert process.returncode == 0 and killed, errors
        assert open_store(out).manifest.digest == digest and not leftovers(out)


def test_a_killed_worker_is_replaced(tmp_path: Path, digest: str) -> None:
    kill_workers(tmp_path, digest, rounds=1, seed=1)
    report = run(tmp_path / "once", workers=2, job=KillingJob(at=600, mark=tmp_path / "mark"))
    assert digest_of(report) == digest and not leftovers(tmp_path / "once")


@pytest.mark.soak
def test_two_hundred_killed_workers_are_replaced(tmp_path: Path, digest: str) -> None:
    kill_workers(tmp_path, digest, rounds=100, seed=2)


def test_a_kill_before_any_step_of_publishing_costs_nothing(tmp_path: Path) -> None:
    whole = digest_of(run(tmp_path / "whole", num=300))
    for step in range(1, 99):
        out, mark = tmp_path / str(step), tmp_path / f"mark{step}"
        run(out, num=270)
        report = run(out, num=300, workers=1, job=SteppingJob(step, mark))
        assert digest_of(report) == whole and report.kept == 250 and not leftovers(out)
        if not mark.exists():
            break
    assert step > 5


def test_a_shard_that_kills_its_workers_is_left_out(tmp_path: Path) -> None:
    with pytest.raises(PartialError, match=r"shards killed .* 2 \(samples 500 to 749\); all others are done"):
        run(tmp_path, workers=2, job=KillingJob(at=600))
    assert published_shards(tmp_path) == [0, 1, 3, 4] and not leftovers(tmp_path)


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_of_a_job_reach_the_user(tmp_path: Path, workers: int) -> None:
    with pytest.raises(HandbenchError, match=r"NaN in pose 3 \(remove it\)"):
        run(tmp_path, workers=workers, job=FailingJob(at=300))
    assert published_shards(tmp_path) == [0] and not leftovers(tmp_path)
    with pytest.raises(HandbenchError, match="no such model"):
        run(tmp_path, workers=workers, job=FailingJob(at=-1))
    with pytest.raises((RuntimeError, ZeroDivisionError), match="bug"):
        run(tmp_path, workers=workers, job=FailingJob(at=300, bug=True))


@pytest.mark.parametrize("name", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_and_the_same_call_continues(
    tmp_path: Path, digest: str, name: signal.Signals, started: list[subprocess.Popen[str]]
) -> None:
    process = drive(tmp_path, NUM, "--workers=2", "--pause=0.004")
    started.append(process)
    wait_until(lambda: published_shards(tmp_path))
    workers = children(process.pid)
    process.send_signal(name)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + name and "the same command continues" in errors
    assert not leftovers(tmp_path) and not any(Path(f"/proc/{pid}").exists() for pid in workers)
    kept = published_shards(tmp_path)
    report = run(tmp_path)
    assert digest_of(report) == digest and report.kept >= 250 * (len(kept) - 1) > -1


def test_a_second_run_is_refused_and_a_dead_one_is_not_waited_for(
    tmp_path: Path, digest: str, started: list[subprocess.Popen[str]]
) -> None:
    out = tmp_path / "out"
    first = drive(out, NUM, "--workers=1", f"--gate={tmp_path / 'never'}")
    started.append(first)
    wait_until(lambda: children(first.pid))
    for shards in (None, "2"):
        with pytest.raises(HandbenchError, match=rf"written by process {first.pid} on .* since \d{{4}}-"):
            run(out, shards=shards)
    first.kill()
    first.wait()
    assert digest_of(run(out)) == digest


def test_runs_on_different_shards_work_side_by_side(
    tmp_path: Path, digest: str, started: list[subprocess.Popen[str]]
) -> None:
    out, gate = tmp_path / "out", tmp_path / "gate"
    first = drive(out, NUM, "--shards=0-1", f"--gate={gate}")
    started.append(first)
    wait_until(lambda: children(first.pid))
    run(out, shards="2-4")
    with pytest.raises(HandbenchError, match="shards 0 to 1"):
        run(out, shards="1-2")
    gate.touch()
    assert first.wait() == 0
    assert open_store(out).manifest.digest == digest


def test_a_full_disk_loses_nothing(tmp_path: Path, digest: str) -> None:
    run(tmp_path, shards="0-1")
    process = drive(tmp_path, NUM, "--workers=2", "--largest-file=300000")
    errors = process.communicate()[1]
    assert process.returncode == 3
    assert len(errors.splitlines()) == 1 and "cannot write" in errors and "run the same command" in errors
    assert published_shards(tmp_path) == [0, 1] and not leftovers(tmp_path)
    report = run(tmp_path)
    assert digest_of(report) == digest and report.kept == 500


def test_the_number_may_grow_but_not_shrink(tmp_path: Path, digest: str) -> None:
    run(tmp_path, num=400)
    report = run(tmp_path, num=NUM)
    assert digest_of(report) == digest and (report.kept, report.made) == (250, 850)
    with pytest.raises(HandbenchError, match="holds samples up to 1099, --num 400 ends before"):
        run(tmp_path, num=400)
    with pytest.raises(HandbenchError, match="another shard size: --num 20000 has 2000"):
        run(tmp_path, num=20_000)
    assert open_store(tmp_path).manifest.digest == digest


def test_shards_of_another_recipe_are_refused(tmp_path: Path, digest: str) -> None:
    run(tmp_path)
    recipe, other = replace(SPEC, recipe_hash="fedcba9876543210"), replace(SPEC, seed=8)
    for name, spec in (("recipe_hash", recipe), ("seed", other)):
        with pytest.raises(HandbenchError) as caught:
            run_shards(tmp_path, Plan(NUM), spec, RandomJob(), 0, quiet=True)
        assert str(getattr(spec, name)) in str(caught.value) and str(getattr(SPEC, name)) in str(caught.value)
    with pytest.raises(HandbenchError, match="already holds 5 shards"):
        run_shards(tmp_path, Plan(NUM), SPEC, RandomJob(), 0, "error", quiet=True)
    smaller = run_shards(tmp_path, Plan(300), other, RandomJob(), 0, "overwrite", quiet=True)
    assert smaller.made == 300 and published_shards(tmp_path) == [0, 1]


def test_unusable_outputs_are_refused_before_any_work(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    for out, reason in (
        (file, "is a file"),
        (file / "below", "is a file"),
        (Path("/proc/handbench"), "cannot write"),
        (tmp_path, "holds other files, e.g. file"),
    ):
        with pytest.raises(HandbenchError, match=reason) as caught:
            run(out, job=FailingJob(at=-1))
        assert caught.value.exit_code == 2
    with pytest.raises(HandbenchError, match="nothing to make"):
        run(tmp_path / "new", num=0)
    for shards in ("5", "3-1", "x", "1-", "-1", ""):
        with pytest.raises(HandbenchError, match="--shards"):
            run(tmp_path / "new", shards=shards)
    assert not (tmp_path / "new").exists()


def test_a_damaged_shard_is_not_kept(tmp_path: Path, digest: str) -> None:
    run(tmp_path)
    data = tmp_path / "shards" / "00001" / "data.mdb"
    os.truncate(data, data.stat().st_size - 4096)
    with pytest.raises(CorruptError, match=r"00001/data.mdb has .* were written"):
        run(tmp_path)
    data.unlink()
    with pytest.raises(CorruptError, match="missing"):
        run(tmp_path)
    for file in data.parent.iterdir():
        file.unlink()
    data.parent.rmdir()
    assert digest_of(run(tmp_path)) == digest
