"""What a dataset is, how a reference names one, and the register of them.

A dataset is a sequence of :class:`Sample`. Each lives in one file of ``loaders/`` that offers a
:class:`Loader`; third parties add theirs by the entry-point group ``handbench.datasets``.
"""

from __future__ import annotations

import abc
import dataclasses
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, overload

from handbench.config import build
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.moments import Moments
from handbench.options import typed, whole_number
from handbench.registry import Registry
from handbench.types import Sample


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of a split is on disk.

    Attributes:
        present: samples that can be read.
        expected: samples that the annotation (or the official list) names.
        missing: what is not there, in words, one line each.
        official: samples of the official split, where the annotation itself is a part of it; else 0.
    """

    present: int
    expected: int
    missing: tuple[str, ...] = ()
    official: int = 0

    @property
    def complete(self) -> bool:
        """Whether all that its annotation names is there."""
        return self.present >= self.expected

    @property
    def partial(self) -> bool:
        """Whether results on it cannot stand beside results on the whole."""
        return self.present < max(self.expected, self.official)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that verification found.

    Attributes:
        kind: ``fault`` (data that are wrong), ``missing`` (files that a use would need) or ``note``.
        where: file, key or field.
        what: expected and found, one line.
        remedy: what to do about it.
    """

    kind: Literal["fault", "missing", "note"]
    where: str
    what: str
    remedy: str = ""


class Dataset(Sequence[Sample], abc.ABC):
    """One split of a dataset. Picklable; safe in threads, forked and spawned workers.

    Attributes:
        name: with version, as in the keys: ``ho3d_v3``, ``interhand``.
        split: e.g. ``train``.
        root: where it lies.
        fingerprint: hash of the annotation that it was read from.
        coverage: how much of the split is on disk.
    """

    name: str
    split: str
    root: Path
    fingerprint: str
    coverage: Coverage

    @property
    @abc.abstractmethod
    def keys(self) -> Sequence[str]:
        """The samples' keys, in order."""

    @abc.abstractmethod
    def read(self, index: int) -> Sample:
        """Returns sample ``index``, 0 to len - 1; pictures are decoded when they are asked for.

        Raises:
            BadSampleError: when its annotation makes no sense.
        """

    @abc.abstractmethod
    def ground_truth(self) -> GroundTruth:
        """Returns the annotation of all samples as columns, without touching a picture."""

    def previous_index(self, index: int, gap: int = 1) -> int | None:
        """Returns the sample ``gap`` frames before in the same video, or None where there is none.

        The gap counts frames of the recording, not samples: where a frame is missing the answer is None.
        """
        return None

    def moments(self) -> Moments | None:
        """Returns what the cameras of each instant share, or None where samples are not grouped so."""
        return None

    def audit(self) -> Iterator[Finding]:
        """Gives what this format lets verification say beyond the checks that fit every dataset."""
        return iter(())

    def summary(self) -> list[str]:
        """Returns what was resolved, one line each: split, subset, counts, coverage."""
        found = self.coverage
        lines = [f"{self.name} {self.split}: {len(self)} samples in {self.root}"]
        if found.partial:
            of = max(found.expected, found.official)
            lines.append(f"partial: {found.present:,} of {of:,} samples; results on it are marked so")
        return [*lines, *found.missing]

    def find(self, key: str) -> int:
        """Returns the index of a key.

        Raises:
            HandbenchError: when there is no such sample.
        """
        try:
            return self.keys.index(key)
        except ValueError:
            raise HandbenchError(f"no sample {key!r} in {self.name} {self.split}", "") from None

    def previous(self, sample: Sample | int, gap: int = 1) -> Sample | None:
        """Returns the sample ``gap`` frames before in the same video, or None (see ``previous_index``)."""
        index = sample if isinstance(sample, int) else self.find(sample.key)
        before = self.previous_index(index, gap)
        return None if before is None else self.read(before)

    def __len__(self) -> int:
        return len(self.keys)

    def __repr__(self) -> str:
        return f"<{self.name} {self.split}: {len(self)} samples in {self.root}>"

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self.read(i) for i in range(len(self))[index]]
        return self.read(range(len(self))[index])

    def __iter__(self) -> Iterator[Sample]:
        return (self.read(i) for i in range(len(self)))


@dataclass(frozen=True)
class Loader:
    """How a dataset is opened.

    Attributes:
        options: a frozen dataclass; its fields are the keys of a reference, with their defaults and types.
        open: opens a root with those options.
        howto: ``package:file`` of the text that tells licence, source and tree.
        about: one line.
        splits: gives the splits that a root holds; the first is taken where none is asked for.
        takes_files: whether a root may be a file.
    """

    options: type[Any]
    open: Callable[[Path, Any], Dataset]
    howto: str
    about: str
    splits: Callable[[Path], list[str]] | None = None
    takes_files: bool = False


DATASETS: Registry[Loader] = Registry("dataset", "handbench.datasets")
DATASETS.register("ho3d", "handbench.loaders.ho3d:LOADER")
DATASETS.register("interhand", "handbench.loaders.interhand:LOADER")
DATASETS.register("hic", "handbench.loaders.hic:LOADER")
DATASETS.register("tzionas", "handbench.loaders.hic:LOADER")
DATASETS.register("100doh", "handbench.loaders.doh:LOADER")
DATASETS.register("aih", "handbench.loaders.aih:LOADER")
DATASETS.register("aih-plain", "handbench.loaders.aih_plain:LOADER")
DATASETS.register("packed", "handbench.loaders.packed:LOADER")
DATASETS.register("images", "handbench.loaders.own_pictures:LOADER")


@dataclass(frozen=True)
class DataRef:
    """A reference to data that travels to workers as text: ``NAME:PATH[@key=value,...]``.

    Attributes:
        name: of the dataset.
        path: its root.
        options: keys as the loader documents them; values as typed.
    """

    name: str
    path: str
    options: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> DataRef:
        """Reads ``NAME:PATH[@key=value,...]``; a path may hold ``@`` where no ``=`` follows.

        Raises:
            HandbenchError: when there is no name or no path, or an option without a value.
        """
        name, colon, rest = text.partition(":")
        path, at, tail = rest.rpartition("@")
        if not at or ("=" not in tail and "/" in tail):
            path, tail = rest, ""
        if not colon or not name or not path:
            raise HandbenchError(
                f"{text!r} is no reference to data", "write NAME:PATH or NAME:PATH@split=test,fps=5"
            )
        options: dict[str, str] = {}
        for word in filter(None, tail.split(",")):
            key, equals, value = word.partition("=")
            if not equals or not key.strip():
                raise HandbenchError(f"cannot read {word!r} of {text!r}", "write key=value,key=value")
            options[key.strip()] = value.strip()
        return cls(name, path, options)

    def __str__(self) -> str:
        tail = ",".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.name}:{self.path}" + (f"@{tail}" if tail else "")

    def open(self, quiet: bool = True) -> Dataset:
        """Opens it; see :func:`load_dataset`."""
        return load_dataset(self.name, self.path, quiet=quiet, **self.options)


def load_dataset(name: str, root: Path | str | None = None, quiet: bool = False, **options: Any) -> Dataset:
    """Opens one split of a dataset.

    Args:
        name: ``ho3d``, ``interhand``, ``hic``, ``100doh``, ``aih``, ``aih-plain``, ``packed``, another
            registered name, or a whole reference ``NAME:PATH@key=value``.
        root: its folder.
        quiet: do not print what was resolved.
        options: the loader's keys (``handbench data list`` shows them), and for every dataset ``every`` (take
            each k-th sample) and ``limit`` (take the first n of these).

    Returns:
        A sequence of samples, in inner conventions (metres, OpenCV camera frame, OPENPOSE21).

    Raises:
        HandbenchError: an unknown name or key, a missing file, an annotation that makes no sense.
    """
    if not isinstance(name, str):
        raise HandbenchError(
            f"{name!r} is no name of a dataset", "write NAME, root=PATH or NAME:PATH@key=value"
        )
    if root is None:
        ref = DataRef.parse(name)
        return load_dataset(ref.name, ref.path, quiet, **{**ref.options, **options})
    loader = DATASETS.get(name)
    every, limit = (whole_number(options.pop(key, None), key) for key in ("every", "limit"))
    folder = Path(root).expanduser()
    if not folder.is_dir() and not (loader.takes_files and folder.is_file()):
        raise HandbenchError(
            f"{name}: no folder {'or file ' if loader.takes_files else ''}{folder}",
            f"handbench data howto {name} tells what to put there",
        )
    if loader.splits is not None and "split" not in options and (there := loader.splits(folder)):
        options["split"] = there[0]
    dataset = loader.open(folder, build(loader.options, typed(loader.options, options)))
    if every is not None or limit is not None:
        from handbench.subset import Subset

        dataset = Subset(dataset, range(0, len(dataset), every or 1)[:limit])
    if not quiet:
        for line in dataset.summary():
            print(line, file=sys.stderr, flush=True)
    return dataset
