"""What a model is, the register of them, and how a name opens one.

A model needs no base class. It lives in one file, says what it needs (:class:`Model`) and is registered by
name; third parties add theirs by the entry-point group ``handbench.models`` (docs/models.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from handbench.arrays import BoolArray, FloatArray
from handbench.errors import HandbenchError
from handbench.ground_truth import GroundTruth
from handbench.inputs import Inputs
from handbench.model_names import split_training
from handbench.predictions import Prediction, Predictions, Space
from handbench.registry import Registry

if TYPE_CHECKING:
    import torch


class PictureBatch(Protocol):
    """What a model with ``inputs`` sees of B items: pictures and how they were cut, no annotation.

    An item is a hand, a pair or a picture, as ``Inputs.crop`` says; a sample may have several items. The
    batch is :class:`handbench.loaders.Batch`; its labels are empty unless ``needs_ground_truth`` is declared.

    Attributes:
        keys: B keys of the samples.
        side: (B,) int64, the hand that the crop is about, *as shown*: 0 right, 1 left, -1 none.
        flipped: (B,) bool, whether the picture is mirrored.
        images: (B, T, 3, h, w) uint8 RGB, the current frame first.
        affine: (B, T, 2, 3) pixel of the original picture to pixel of the crop.
        K: (B, 3, 3) intrinsics of the crop [px].
        frame_valid: (B, T) bool, False where a frame stands for one that does not exist.
        box: (B, 2, 4) x, y, w, h [px of the crop] of the right and left hand *as shown*, 0 where unknown; all
            0 unless ``Inputs.boxes`` asks for them.
    """

    keys: tuple[str, ...]
    side: torch.Tensor
    flipped: torch.Tensor
    images: torch.Tensor
    affine: torch.Tensor
    K: torch.Tensor
    frame_valid: torch.Tensor

    def __len__(self) -> int: ...

    def normalised(self, inputs: Inputs) -> torch.Tensor:
        """Returns the pictures as the model declares their colours, float32."""
        ...


@dataclass(frozen=True, slots=True)
class BlindBatch:
    """What a model without ``inputs`` sees of B samples: no pictures.

    Attributes:
        keys: B keys of the samples.
        asked: (B, 2) bool, whether a right and a left hand are asked for.
        K: (B, 3, 3) intrinsics [px].
        box: (B, 2, 4) x, y, w, h [px] of the right and left hand, NaN where there is none.
        vertices: how many vertices the annotation's meshes have, 0 where it has none: a model leaves meshes
            out that nobody can score.
        truth: the annotation of the same samples, for a model that declares ``needs_ground_truth``; else
            None.
        size: (width, height) [px] of the dataset's first picture, for masks; (0, 0) unless truth has labels.
    """

    keys: Sequence[str]
    asked: BoolArray
    K: FloatArray
    box: FloatArray
    vertices: int = 0
    truth: GroundTruth | None = None
    size: tuple[int, int] = (0, 0)

    def __len__(self) -> int:
        return len(self.keys)


@runtime_checkable
class Model(Protocol):
    """What ``handbench predict`` asks of a model.

    It may also have ``untrained`` (names of its stages with random weights),
    ``root_source`` (``gt``, ``rootnet``, ``predicted``), ``settings`` (a mapping of plain
    values that decide its predictions; they enter the hash), ``parameters`` and ``flops`` (numbers), and
    ``train_data`` (what it was trained on, in words; it enters the rows).

    All but ``predict`` are plain attributes; a class may state them.
    """

    @property
    def inputs(self) -> Inputs | None:
        """What it asks of its pictures; None where it needs none."""
        ...

    @property
    def space(self) -> Space:
        """What joints and vertices are in, see :data:`handbench.predictions.SPACES`."""
        ...

    @property
    def tips(self) -> str:
        """Fingertip set of its joints, an empty text where it is none of ``skeleton.TIP_SETS``."""
        ...

    @property
    def hand_model(self) -> str:
        """Model that vertices and parameters are of: ``mano``, ``procedural``, an empty text for none."""
        ...

    @property
    def needs_ground_truth(self) -> bool:
        """Whether it sees the annotation: oracles only, marked on the board."""
        ...

    @property
    def trained(self) -> bool:
        """False for weights that are random: refused unless they are asked for."""
        ...

    @property
    def weights_sha256(self) -> str:
        """Hash of the weights, an empty text for a model that has none."""
        ...

    def predict(self, batch: Any) -> list[Prediction] | Predictions:
        """Predicts a batch: a :class:`PictureBatch`, or a :class:`BlindBatch` where ``inputs`` is None.

        Returns:
            One prediction an item; what items of one sample say is put together. Joints and vertices are in
            ``space`` and the *original* camera frame, pixels are of the original picture, and sides as they
            are there: ``handbench.placing`` has what it takes. A model without inputs may return columns.
        """
        ...


@dataclass(frozen=True)
class ModelOptions:
    """What the user chose when a model is opened.

    Attributes:
        variant: the text after ``NAME:``, empty where there is none.
        weights: file of trained weights, None for those that ship, where any do; of a model of several
            stages, a folder.
        device: as torch spells it: ``cpu``, ``cuda``.
        seed: of random weights.
        training: the text after ``NAME@``: what the weights were trained on, where several ship.
    """

    variant: str = ""
    weights: Path | None = None
    device: str = "cpu"
    seed: int = 0
    training: str = ""


@dataclass(frozen=True)
class VariantEntry:
    """What ``handbench models`` says of one named variant of a model.

    Attributes:
        parameters: how many numbers it has.
        flops: floating-point operations of one item, two a multiply-add.
        reproduces: paper and table.
    """

    parameters: int | None = None
    flops: float | None = None
    reproduces: str = ""


@dataclass(frozen=True)
class ModelEntry:
    """How a model is opened, and what ``handbench models`` says of it without doing so.

    Attributes:
        about: one line.
        open: makes the model.
        variant: how the text after ``NAME:`` reads, e.g. ``SIGMA``; empty where there is none.
        needs: ``pictures``, ``nothing`` or ``ground truth``.
        parameters: how many numbers are trained, None where it has none or does not say.
        flops: floating-point operations of one item, two a multiply-add; None where unknown.
        reproduces: paper and table, where it does.
        has_weights: whether it takes a file of weights.
        stages: it has several, whose weights are files in a folder.
        home: the held-out set that it is evaluated on where no data are named, see ``handbench.heldout``.
        variants: named variants, by the text after ``NAME:``.
        trainable: makes a ``handbench.baselines.trainable.Trainable`` of the text after ``NAME:``; None where
            nothing can be trained.
    """

    about: str
    open: Callable[[ModelOptions], Model]
    variant: str = ""
    needs: str = "pictures"
    parameters: int | None = None
    flops: float | None = None
    reproduces: str = ""
    has_weights: bool = True
    stages: bool = False
    home: str = "ho3d"
    variants: Mapping[str, VariantEntry] = field(default_factory=dict)
    trainable: Callable[[str], Any] | None = None


MODELS: Registry[ModelEntry] = Registry("model", "handbench.models")
MODELS.register("zero", "handbench.baselines.constant:ZERO")
MODELS.register("mean-hand", "handbench.baselines.constant:MEAN_HAND")
MODELS.register("oracle", "handbench.baselines.oracle:ORACLE")
MODELS.register("oracle-noise", "handbench.baselines.oracle:ORACLE_NOISE")
MODELS.register("handoccnet", "handbench.baselines.entries:HANDOCCNET")
MODELS.register("handoccnet-v", "handbench.baselines.entries:HANDOCCNET_V")
MODELS.register("handoccnet-v-tiny", "handbench.baselines.entries:HANDOCCNET_V_TINY")
MODELS.register("ifvonet", "handbench.baselines.entries:IFVONET")
MODELS.register("ifvonet-tiny", "handbench.baselines.entries:IFVONET_TINY")
MODELS.register("hdr", "handbench.baselines.hdr_entries:HDR")
MODELS.register("hdr-tiny", "handbench.baselines.hdr_entries:HDR_TINY")
MODELS.register("hdrnet", "handbench.baselines.hdr_entries:HDRNET")
MODELS.register("hdrnet-tiny", "handbench.baselines.hdr_entries:HDRNET_TINY")
MODELS.register("hasm", "handbench.baselines.hasm_entries:HASM")
MODELS.register("hasm-tiny", "handbench.baselines.hasm_entries:HASM_TINY")
MODELS.register("shpe", "handbench.baselines.pose_entries:SHPE")
MODELS.register("shpe-tiny", "handbench.baselines.pose_entries:SHPE_TINY")
MODELS.register("internet", "handbench.baselines.pose_entries:INTERNET")
MODELS.register("internet-tiny", "handbench.baselines.pose_entries:INTERNET_TINY")


def open_model(
    name: str,
    weights: Path | str | None = None,
    device: str = "cpu",
    seed: int = 0,
    random_init: bool = False,
) -> Model:
    """Makes a model of its name.

    Args:
        name: ``NAME[:VARIANT][@TRAINING]``, e.g. ``oracle-noise:5``, ``shpe@sh+aih``, without filters.
        weights: file of trained weights; of a model of several stages, a folder of them.
        device: where it runs.
        seed: of random weights.
        random_init: take random weights where there are no trained ones.

    Raises:
        HandbenchError: for an unknown name, a variant or weights that it does not take, a file that is
            missing, or a model without trained weights.
    """
    whole, training = split_training(name)
    word, colon, variant = whole.partition(":")
    entry = MODELS.get(word)
    if colon and not entry.variant:
        raise HandbenchError(f"model {word!r} has no variants, got {name!r}", f"write {word}")
    path = None if weights is None else Path(weights)
    if path is not None and not entry.has_weights:
        raise HandbenchError(f"model {word!r} has no weights to load", "leave --weights out")
    if path is not None and entry.stages and not path.is_dir():
        raise HandbenchError(f"no folder of weights {path}", f"{word} has stages: give that of their files")
    if path is not None and not entry.stages and not path.is_file():
        raise HandbenchError(f"no file of weights {path}", "check the path")
    model = entry.open(ModelOptions(variant, path, device, seed, training))
    check_trained(model, name, random_init)
    return model


def check_trained(model: Model, name: str, random_init: bool) -> None:
    """Refuses a model with random weights unless they are asked for.

    Raises:
        HandbenchError: naming what it lacks.
    """
    if not model.trained and not random_init:
        stages = ", ".join(getattr(model, "untrained", ()))
        raise HandbenchError(
            f"model {name!r} has no trained weights{f' of {stages}' if stages else ''}",
            f"give --weights {'FOLDER' if stages else 'FILE'}, or --random-init to see it run: such rows"
            " never reach the board",
        )


def file_sha256(path: Path) -> str:
    """Returns the sha256 of a file of weights, for ``weights_sha256``."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
