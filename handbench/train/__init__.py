"""Training: one loop for every model that offers :class:`handbench.baselines.trainable.Trainable`."""

from __future__ import annotations

from handbench.train.options import TrainOptions
from handbench.train.run import Report, train
from handbench.train.seeds import Spread, train_seeds

__all__ = ["Report", "Spread", "TrainOptions", "train", "train_seeds"]
