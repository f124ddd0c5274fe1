"""Do the networks learn: one batch is fitted below 2 mm, joints and mesh, in every predicted frame."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from plain_dataset import PlainDataset, write_plain

from handbench.baselines.hand_network import HandNetwork
from handbench.baselines.hand_trainable import make_trainable
from handbench.loaders import batches

GOAL_MM = 2.0


def steps_to_fit(name: str, data: PlainDataset, items: int, rate: float, most: int) -> int | None:
    """Returns the step after which one batch was fitted, None where ``most`` did not do."""
    trainable = make_trainable(name)
    batch = next(iter(batches(data, trainable.train_inputs, items, shuffle=True)))
    network = trainable.build(0).train()
    assert isinstance(network, HandNetwork)
    targets = network.targets(batch)
    assert targets.valid[:, 0].all()
    optimiser = torch.optim.Adam(network.parameters(), lr=rate, fused=True)
    for step in range(most):
        for group in optimiser.param_groups:
            group["lr"] = rate * (1 if step < 0.6 * most else 0.2)
        out = network(*network.prepare(batch))
        apart = [out.joints - targets.joints, out.vertices - targets.vertices]
        if max(float(a.detach()[targets.valid].norm(dim=-1).mean()) for a in apart) * 1000 < GOAL_MM:
            return step
        torch.stack(list(network.loss(out, batch).values())).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        optimiser.zero_grad()
    return None


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> PlainDataset:
    return PlainDataset(write_plain(Path(tmp_path_factory.mktemp("plain")) / "p"))


@pytest.mark.parametrize("name", ["ifvonet-tiny", "handoccnet-v-tiny"])
def test_a_tiny_network_fits_one_batch(name: str, plain: PlainDataset) -> None:
    steps = steps_to_fit(name, plain, items=4, rate=1e-3, most=250)
    assert steps is not None and steps > 10


@pytest.mark.soak
@pytest.mark.parametrize("name", ["ifvonet", "handoccnet"])
def test_a_network_fits_one_batch(name: str, plain: PlainDataset) -> None:
    steps = steps_to_fit(name, plain, items=2, rate=2e-4, most=400)
    assert steps is not None and steps > 10
