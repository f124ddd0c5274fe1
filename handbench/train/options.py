"""What a user asks of a training, and what it comes to with a model's recipe and the size of the data."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from handbench.errors import HandbenchError

if TYPE_CHECKING:
    from handbench.baselines.trainable import Recipe

Precision = Literal["bf16", "tf32", "fp32"]
OnExisting = Literal["resume", "error", "overwrite"]
PRECISIONS = ("bf16", "tf32", "fp32")

LOG_EVERY = 10
SAVE_SECONDS = 300.0


@dataclass(frozen=True)
class TrainOptions:
    """What a user asks; None leaves it to the model's recipe or to the machine.

    Attributes:
        model: ``NAME`` or ``NAME:VARIANT``.
        data: references ``NAME:PATH[@key=value,...]``; each batch holds items of all of them.
        out: folder of the run.
        mix: weight of each reference; by default its number of items.
        val: reference that the trained model is evaluated on at the end; empty for none.
        hand_model: ``procedural`` or ``mano:DIR``; a setting of the model's variant.
        vgg: local VGG16 weights (torchvision's names), for losses that compare features; a setting of the
            model's variant.
        pretrained: local checkpoint of the backbone.
        optimiser: ``adam`` or ``adamw``.
        lr: learning rate at the start.
        weight_decay: of the optimiser.
        batch_size: items of a step, over all processes.
        epochs: passes over the data.
        steps: steps in place of epochs.
        milestones: epochs at whose start the rate is multiplied by gamma; the recipe's are scaled to the
            length of the run.
        gamma: see ``milestones``.
        clip_norm: greatest norm of the gradient; 0 for no clipping.
        augment: name of an augmentation preset.
        max_minutes: training ends in this time, with the whole schedule in it.
        seed: of weights, order and augmentation.
        workers: processes that make batches, in each training process.
        device: as torch spells it; a GPU where there is one.
        precision: ``bf16`` (autocast), ``tf32`` or ``fp32``; bf16 on a GPU, else fp32.
        compile: compile the network; on a GPU by default.
        log_every: steps between rows of the log.
        save_every: steps between checkpoints; by default one is written every five minutes.
        preview_every: steps between drawn predictions; by default ten times a run; 0 for none.
        on_existing: ``resume`` goes on where a run of the same options stopped, ``error`` refuses a folder
            that holds a run, ``overwrite`` begins anew.
        quiet: say nothing.
    """

    model: str
    data: tuple[str, ...]
    out: Path
    mix: tuple[float, ...] = ()
    val: str = ""
    hand_model: str = ""
    vgg: str = ""
    pretrained: Path | None = None
    optimiser: Literal["adam", "adamw"] | None = None
    lr: float | None = None
    weight_decay: float | None = None
    batch_size: int | None = None
    epochs: int | None = None
    steps: int | None = None
    milestones: tuple[float, ...] | None = None
    gamma: float | None = None
    clip_norm: float | None = None
    augment: str | None = None
    max_minutes: float | None = None
    seed: int = 0
    workers: int | None = None
    device: str | None = None
    precision: Precision | None = None
    compile: bool | None = None
    log_every: int = LOG_EVERY
    save_every: int | None = None
    preview_every: int | None = None
    on_existing: OnExisting = "resume"
    quiet: bool = False

    def __post_init__(self) -> None:
        if not self.data:
            raise HandbenchError("no data to train on", "give --data NAME:PATH@split=train")
        if self.mix and len(self.mix) != len(self.data):
            raise HandbenchError(
                f"{len(self.mix)} weights for {len(self.data)} data", "give --mix one weight each, as in 1:1"
            )
        if self.epochs is not None and self.steps is not None:
            raise HandbenchError(f"epochs={self.epochs} and steps={self.steps}", "give one of them")
        for name in ("lr", "batch_size", "epochs", "steps", "max_minutes", "log_every", "save_every"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise HandbenchError(f"{name}={value}", "give a number above 0")
        for name in ("weight_decay", "clip_norm", "workers", "preview_every"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise HandbenchError(f"{name}={value}", "give 0 or more")
        if any(not weight > 0 for weight in self.mix):
            raise HandbenchError(f"mix={':'.join(map(str, self.mix))}", "weights are above 0")
        if self.precision is not None and self.precision not in PRECISIONS:
            raise HandbenchError(f"precision={self.precision!r}", f"choose of {', '.join(PRECISIONS)}")


@dataclass(frozen=True)
class Optimisation:
    """How weights are found: the recipe with what the user changed.

    Attributes:
        optimiser: ``adam`` or ``adamw``.
        lr: learning rate at the start.
        weight_decay: of the optimiser.
        batch_size: items of a step, over all processes.
        clip_norm: greatest norm of the gradient, None for no clipping.
        augment: name of the augmentation preset.
        gamma: what the rate is multiplied by at each of ``decays``.
        decays: shares of the run, 0 to 1, ascending.
        epochs: passes over the data, where ``steps`` is None.
        steps: steps of the run, or None.
    """

    optimiser: str
    lr: float
    weight_decay: float
    batch_size: int
    clip_norm: float | None
    augment: str
    gamma: float
    decays: tuple[float, ...]
    epochs: int
    steps: int | None

    def total_steps(self, steps_per_epoch: int) -> int:
        """Returns the steps of the whole run."""
        return self.steps if self.steps is not None else self.epochs * steps_per_epoch


def resolve(options: TrainOptions, recipe: Recipe) -> Optimisation:
    """Fills what the user left open from the recipe.

    Milestones of the recipe are shares of its epochs: they keep their place in a run of any length.

    Raises:
        HandbenchError: for milestones outside of the run, or an optimiser that is not known.
    """

    def chosen(name: str) -> Any:
        asked = getattr(options, name)
        return getattr(recipe, name) if asked is None else asked

    epochs = int(chosen("epochs"))
    if options.milestones is not None and options.steps is not None:
        raise HandbenchError("milestones are epochs, the run is given in steps", "give --epochs")
    whole = recipe.epochs if options.milestones is None else epochs
    decays = tuple(sorted(epoch / whole for epoch in chosen("milestones")))
    if any(not 0 < share < 1 for share in decays):
        raise HandbenchError(
            f"milestones {list(chosen('milestones'))} do not lie in {whole} epochs", "give epochs of the run"
        )
    if chosen("optimiser") not in ("adam", "adamw"):
        raise HandbenchError(f"optimiser {chosen('optimiser')!r}", "choose adam or adamw")
    return Optimisation(
        str(chosen("optimiser")), float(chosen("lr")), float(chosen("weight_decay")),
        int(chosen("batch_size")), chosen("clip_norm") or None, str(chosen("augment")),
        float(chosen("gamma")), decays, epochs, options.steps,
    )  # fmt: skip
