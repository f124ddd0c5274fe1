"""What a protocol is."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

from handbench.ground_truth import GroundTruth
from handbench.metrics.score import Score
from handbench.predictions import Predictions


class Protocol(abc.ABC):
    """Scores predictions against annotation, and says in words how.

    Each lives in one file of ``metrics/protocols/``. A protocol reads annotations and never pictures.

    Attributes:
        name: e.g. ``ho3d_v2``.
        version: raised whenever the same files give other numbers.
        options_type: a frozen dataclass; its fields are the options of the id, with defaults and types
            (``Literal`` or plain); a field's value ``auto`` is resolved from the predictions.
        datasets: names of the datasets that it is made for (``GroundTruth.dataset``).
        reference: how data for it are opened, e.g. ``ho3d:{root}@version=v2,split={split}``; ``{root}`` and
            ``{split}`` are filled in by ``score --gt``.
        split: the split it takes where none is named.
        common: options that ``evaluate`` takes where no protocol is named, so that results stand together.
    """

    name: ClassVar[str]
    version: ClassVar[int] = 1
    options_type: ClassVar[type[Any]]
    datasets: ClassVar[tuple[str, ...]]
    reference: ClassVar[str]
    split: ClassVar[str] = "test"
    common: ClassVar[str] = ""

    def __init__(self, options: Any) -> None:
        self.options = options

    @property
    def id(self) -> str:
        """The full id: the name and every option."""
        words = [f"{key}={value}" for key, value in dataclasses.asdict(self.options).items()]
        return "/".join([self.name, *words])

    @abc.abstractmethod
    def resolve(self, truth: GroundTruth, predictions: Predictions) -> Protocol:
        """Returns the protocol with each ``auto`` replaced by what fits these predictions.

        Raises:
            HandbenchError: when they cannot be scored by it, with the remedy.
        """

    @abc.abstractmethod
    def explain(self) -> list[str]:
        """Says in words, a line each, what is aligned, averaged and counted, and each quirk that is kept."""

    @abc.abstractmethod
    def score(self, truth: GroundTruth, predictions: Predictions) -> Score:
        """Scores a resolved protocol.

        Args:
            truth: N samples.
            predictions: of the same N samples, in the same order (``metrics.match``).

        Raises:
            HandbenchError: when nothing valid is there to score, or predictions lack what is scored.
        """
