"""Trainings in forked processes that are killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from typing import Any

import cv2
import torch

from handbench.errors import HandbenchError
from handbench.train import TrainOptions, train
from handbench.train.step import Stepper

THREADS = 1


def train_until(options: TrainOptions, step: int, number: int) -> int:
    """Trains in a forked process that gets a signal in the middle of a step; returns its exit code."""
    process = multiprocessing.get_context("fork").Process(target=_train_until, args=(options, step, number))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _train_until(options: TrainOptions, step: int, number: int) -> None:
    # As in the loader's workers: OpenCV's threads did not come with the fork.
    cv2.setNumThreads(0)
    torch.set_num_threads(THREADS)
    real, calls = Stepper._losses, [0]

    def losses(self: Stepper, *words: Any) -> Any:
        calls[0] += 1
        if calls[0] == step:
            os.kill(os.getpid(), number)
        return real(self, *words)

    Stepper._losses = losses  # type: ignore[method-assign, assignment]
    # The handlers of pytest did.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        train(options)
    except HandbenchError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
