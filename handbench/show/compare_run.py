"""What a comparison is of: models, samples, and predictions that are there already or are made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from handbench.datasets import Dataset
from handbench.errors import HandbenchError
from handbench.evaluate import predictions_path
from handbench.formats.predictions import read_predictions
from handbench.model_names import base_name
from handbench.models import MODELS
from handbench.predict import identity_of, is_current, open_any, run
from handbench.predictions import Predictions
from handbench.registry import nearest
from handbench.subset import Subset

MOST_KEYS, MOST_MODELS = 8, 8


def split_models(text: str) -> list[str]:
    """Splits ``a,b:ROW,KEY=VALUE,c`` into models: a piece that is a setting belongs to the one before it.

    Raises:
        HandbenchError: for none, or more than a figure holds.
    """
    found: list[str] = []
    for piece in filter(None, (word.strip() for word in text.split(","))):
        known = base_name(piece) in MODELS
        if found and not known and "=" in piece.partition("+")[0]:
            found[-1] += f",{piece}"
        else:
            found.append(piece)
    if not 1 <= len(found) <= MOST_MODELS:
        raise HandbenchError(f"--models names {len(found)}", f"name 1 to {MOST_MODELS}: --models a,b,c")
    return found


def weights_of(texts: Sequence[str], models: Sequence[str]) -> dict[str, Path]:
    """Returns the files of ``MODEL=FILE``.

    Raises:
        HandbenchError: for a model that is not compared, or a text without a file.
    """
    found = {}
    for text in texts:
        # A variant may hold an equals sign; a model of the list decides where the name ends.
        name = next((name for name in models if text.startswith(f"{name}=")), None)
        if name is None or len(text) == len(name) + 1:
            raise HandbenchError(
                f"--weights {text}", f"write MODEL=FILE with MODEL one of {', '.join(models)}"
            )
        found[name] = Path(text[len(name) + 1 :])
    return found


def find_keys(dataset: Dataset, texts: Sequence[str]) -> list[int]:
    """Returns the samples that are meant: whole keys, or ends of keys that only one has.

    Raises:
        HandbenchError: for none or too many, a key that is not there, or an end that several have.
    """
    if not 1 <= len(texts) <= MOST_KEYS:
        raise HandbenchError(f"{len(texts)} keys", f"name 1 to {MOST_KEYS} samples")
    places = {key: i for i, key in enumerate(dataset.keys)}
    found = []
    for text in texts:
        if text in places:
            found.append(places[text])
            continue
        ends = [i for key, i in places.items() if key.endswith(f"/{text.strip('/')}")]
        if len(ends) > 1:
            first, second = (dataset.keys[i] for i in ends[:2])
            raise HandbenchError(
                f"{text!r} is the end of {len(ends)} keys: {first}, {second} ...", "say more"
            )
        if not ends:
            near = nearest(text, list(places)) if len(places) <= 20_000 else ""
            hint = near if near.startswith("did you") else f"the first is {next(iter(places), 'none')}"
            raise HandbenchError(f"no sample {text!r} in {dataset.name} {dataset.split}", hint)
        found.append(ends[0])
    return found


@dataclass(frozen=True)
class Run:
    """How predictions are made where they are not there.

    Attributes:
        results: folder of results, as ``handbench evaluate`` has it.
        weights: model name -> file of weights.
        random_init: take random weights.
        device: where models run.
        quiet: no progress.
    """

    results: Path
    weights: Mapping[str, Path] = dataclasses.field(default_factory=dict)
    random_init: bool = False
    device: str | None = None
    quiet: bool = False

    def predictions(self, name: str, dataset: Dataset, rows: Sequence[int]) -> Predictions:
        """Returns predictions of some samples: of the whole split where they are there, else of these alone.

        A filter needs its whole video: then all frames of the samples' videos are predicted.
        """
        weights = self.weights.get(name)
        opened = open_any(name, weights, self.device, random_init=self.random_init)
        path = predictions_path(self.results, name, dataset, opened)
        identity = identity_of(opened.model, opened.name, dataset, opened.filters)
        if is_current(path, identity):
            return read_predictions(path)
        chosen = self._with_videos(dataset, rows) if opened.filters else sorted(set(rows))
        part = Subset(dataset, chosen)
        path = predictions_path(self.results, name, part, opened)
        path.parent.mkdir(parents=True, exist_ok=True)
        run(
            name, part, path, weights=weights, device=self.device, random_init=self.random_init,
            max_bad=1.0, quiet=self.quiet,
        )  # fmt: skip
        return read_predictions(path)

    def _with_videos(self, dataset: Dataset, rows: Sequence[int]) -> list[int]:
        videos = dataset.ground_truth().videos
        if not videos:
            return sorted(set(rows))
        wanted = {videos[row] for row in rows}
        return [i for i, video in enumerate(videos) if video in wanted]
