"""Ctrl-C and SIGTERM: no signal is lost, what is done is kept, the same command goes on."""

from __future__ import annotations

import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from painted_dataset import FRAMES, paint
from store_drivers import wait_until
from test_predict import content

from handbench.formats.predictions_parts import parts_folder
from handbench.interrupts import Stopped, StopSignals, stop_signals

TESTS = str(Path(__file__).parent)

# Python drops what a signal raises in a weak reference's callback; this model is in one all the time.
DRIVER = """
import signal, sys, time, weakref
# As from a terminal: what a shell starts behind (CI may be so started) ignores Ctrl-C from the first.
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {tests!r})
from pathlib import Path
import painted_dataset
from painted_models import Pointer
from handbench.cli.main import main
from handbench.models import MODELS, ModelEntry

class Thing:
    pass

class Slow(Pointer):
    def predict(self, batch):
        until = time.monotonic() + {pause}
        while time.monotonic() < until:
            thing = Thing()
            kept = weakref.ref(thing, lambda _: time.sleep(0.02))
            del thing
        with open({calls!r}, "a") as file:
            file.write(".")
        return super().predict(batch)

def ready(options):
    # The command runs: from here on a signal is its own, whatever it does.
    print("ready", flush=True)
    return Slow()

ENTRY = ModelEntry("", ready)
sys.modules["slow_model"] = sys.modules["__main__"]
MODELS.register("slow", "slow_model:ENTRY")
sys.argv = ["handbench", "predict", "--model", "slow", "--data", "painted:" + {root!r}, "--out", {out!r}]
sys.argv += ["--batch-size", "1", "--quiet", "--device", "cpu"]
main()
"""


def start(root: Path, out: Path, pause: float) -> subprocess.Popen[str]:
    calls = str(out.with_suffix(".calls"))
    Path(calls).write_text("")
    code = DRIVER.format(tests=TESTS, root=str(root), out=str(out), pause=pause, calls=calls)
    started = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert started.stdout is not None and started.stdout.readline() == "ready\n"
    return started


def called(out: Path, times: int) -> bool:
    return len(out.with_suffix(".calls").read_text()) >= times


def test_signals_stop_predict_at_any_moment_and_it_goes_on(tmp_path: Path) -> None:
    root, out = paint(tmp_path / "data"), tmp_path / "a.h5"
    done = 0
    moments = ((signal.SIGINT, 0), (signal.SIGINT, 3), (signal.SIGTERM, 4))
    for number, calls in moments:
        run = start(root, out, 0.3)
        wait_until(partial(called, out, calls))
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
        assert run.returncode == 128 + number, said
        last = said.splitlines()[-1]
        assert last.startswith("handbench: stopped") and not out.exists(), said
        if calls:
            assert f"of {FRAMES} samples (the same command goes on)" in last
            assert list(parts_folder(out).glob("0*.h5"))
            now = int(last.split("after ")[1].split()[0])
            assert done < now < FRAMES
            done = now
    for path in (out, tmp_path / "whole.h5"):
        run = start(root, path, 0.0)
        assert run.communicate(timeout=60)[1] == "" and run.returncode == 0
    assert len(out.with_suffix(".calls").read_text()) < len((tmp_path / "whole.calls").read_text())
    assert content(out) == content(tmp_path / "whole.h5")


TWO = """
from handbench.interrupts import stop_signals
import time
with stop_signals(notice="waiting"):
    print("ready", flush=True)
    while True:
        time.sleep(0.01)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_at_once(number: signal.Signals) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", TWO], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert run.stdout is not None and run.stderr is not None and run.stdout.readline() == "ready\n"
    run.send_signal(number)
    assert run.stderr.readline() == "waiting\n" and run.poll() is None
    run.send_signal(number)
    run.communicate(timeout=60)
    assert run.returncode == 128 + number


def test_nested_signals_share_the_flag_and_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="stopped") as error, stop_signals(raises=True) as outer:
        with stop_signals() as inner:
            assert inner is outer
            signal.raise_signal(signal.SIGTERM)
            assert inner.stopped() and list(inner.each([1, 2])) == []
        with outer.mode(raises=True):
            pytest.fail("work goes on after a signal")
    assert error.value.exit_code == 143 and signal.getsignal(signal.SIGTERM) is before
    assert StopSignals.active is None
    with pytest.raises(KeyboardInterrupt), stop_signals():
        raise KeyboardInterrupt
