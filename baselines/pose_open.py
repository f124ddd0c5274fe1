"""Opens SHPE or InterNet by name with its weights: those of a file, those that ship, or random ones."""

from __future__ import annotations

from handbench.baselines.internet_trainable import InterNetTrainable, make_internet
from handbench.baselines.open_trained import open_trained
from handbench.baselines.pose_networks import soft, split_pose
from handbench.baselines.shpe_trainable import ShpeTrainable, make_shpe
from handbench.models import Model, ModelOptions


def make_pose(name: str, variant: str = "") -> ShpeTrainable | InterNetTrainable:
    """Makes the trainable of a name of ``pose_networks.NETWORKS`` and the text after its colon.

    Raises:
        HandbenchError: for settings that it does not have.
    """
    return make_shpe(name, variant) if name.startswith("shpe") else make_internet(name, variant)


def open_pose(name: str, options: ModelOptions) -> Model:
    """Makes a model of a network.

    Settings that were asked for hold; then, where they change no layer, those of the file of weights; then
    those of the name.

    Raises:
        HandbenchError: for settings that it does not have, or weights of another network.
    """
    trainable = make_pose(name, options.variant)
    row, asked = split_pose(name, options.variant)
    return open_trained(trainable, options, row, asked, soft(trainable.config))
