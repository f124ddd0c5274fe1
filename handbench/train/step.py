"""One step: forward under autocast, losses in fp32, backward, clipping, the optimiser."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from handbench.baselines.trainable import Network
from handbench.errors import HandbenchError
from handbench.train.ddp import Ranks, wrapped
from handbench.train.options import Optimisation, Precision
from handbench.train.precision import autocast, to_float

_MOMENTS = 2
"""Numbers that Adam keeps of each parameter."""


def make_optimiser(how: Optimisation, network: nn.Module) -> torch.optim.Optimizer:
    """Makes Adam or AdamW, all parameters of a group in one kernel.

    A network may have ``parameter_groups()``: optimiser groups of all that it trains, each with what differs
    from the others (``betas``, ``weight_decay``) and ``scale``, what the learning rate is multiplied by.
    """
    kind = torch.optim.AdamW if how.optimiser == "adamw" else torch.optim.Adam
    groups: Any = getattr(network, "parameter_groups", None)
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return kind(trained if groups is None else groups(), lr=how.lr, weight_decay=how.weight_decay, fused=True)


class Stepper:
    """Trains a network by one batch at a time.

    Args:
        network: on its device; a :class:`handbench.baselines.trainable.Network`.
        how: the optimiser and clipping.
        ranks: over whose processes gradients are averaged.
        precision: of the forward pass.
        compiled: compile the forward pass.
        must: where it does not compile, stop; else it is run as it is.

    Attributes:
        network: as given: what is saved.
        optimiser: its state is saved too.
    """

    def __init__(
        self,
        network: nn.Module,
        how: Optimisation,
        ranks: Ranks,
        precision: Precision,
        compiled: bool,
        must: bool = False,
    ) -> None:
        self.network, self.optimiser = network, make_optimiser(how, network)
        self._clip, self._precision, self._device = how.clip_norm, precision, ranks.device
        self._ranks = ranks
        self._trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        plain: Callable[..., Any] = wrapped(network, ranks, compiled)
        self._forward = torch.compile(plain, dynamic=False) if compiled else plain
        self._plain = None if must or not compiled else plain

    def __call__(self, batch: Any, rate: float) -> tuple[tuple[str, ...], Tensor]:
        """Does one step; nothing in it waits for a GPU.

        Args:
            batch: on the network's device.
            rate: learning rate.

        Returns:
            Names and values (K,), on the device: the terms of the loss, their sum as ``total``, and the norm
            of the gradient before clipping as ``grad_norm``; means over all processes.

        Raises:
            HandbenchError: when there is no loss.
        """
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        terms = self._compiled_losses(batch)
        if not terms:
            raise HandbenchError("the network gives no loss", "its loss() must return named terms")
        total = torch.stack(list(terms.values())).sum()
        total.backward()  # type: ignore[no-untyped-call]
        norm = self._clipped_norm()
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        values = torch.stack([*(term.detach() for term in terms.values()), total.detach(), norm.detach()])
        return (*terms, "total", "grad_norm"), self._ranks.mean(values)

    def _compiled_losses(self, batch: Any) -> dict[str, Tensor]:
        """Returns the terms; goes on without compiling where that does not work and was not asked for."""
        try:
            return self._losses(batch, self._forward)
        except Exception as error:
            if not type(error).__module__.startswith(("torch._dynamo", "torch._inductor")):
                raise
            why = str(error).strip().partition("\n")[0][:200]
            if self._plain is None:
                raise HandbenchError(f"the network does not compile: {why}", "leave --compile out") from error
        print(f"the network does not compile and runs as it is: {why}", file=sys.stderr, flush=True)
        self._forward = self._plain
        return self._losses(batch, self._forward)

    def _losses(self, batch: Any, forward: Callable[..., Any]) -> dict[str, Tensor]:
        network = cast(Network, self.network)
        tensors = network.prepare(batch)
        with autocast(self._precision, self._device):
            outputs = forward(*tensors)
        return {name: term.float() for name, term in network.loss(to_float(outputs), batch).items()}

    def _clipped_norm(self) -> Tensor:
        if self._clip is not None:
            return nn.utils.clip_grad_norm_(self._trained, self._clip, foreach=True)
        found = [parameter.grad for parameter in self._trained if parameter.grad is not None]
        return nn.utils.get_total_norm(found, foreach=True)

    def fits(self, batch: Any) -> bool:
        """Tells whether the memory holds a step with a batch; weights are not changed by it.

        The network runs as it is, without the other processes, which do not take part.
        """
        from handbench.predict.pictures import out_of_memory

        full, spare = False, list[Tensor]()
        try:
            if not self.optimiser.state:
                spare = [torch.empty_like(value) for value in self._trained for _ in range(_MOMENTS)]
            total = torch.stack(list(self._losses(batch, self.network).values())).sum()
            total.backward()  # type: ignore[no-untyped-call]
        except Exception as error:
            if not out_of_memory(error):
                raise
            full = True
        # Outside of the handler: the error holds the tensors that filled the memory.
        del spare
        self.empty()
        return not full

    def empty(self) -> None:
        """Drops gradients and gives unused memory of a GPU back."""
        for parameter in self._trained:
            parameter.grad = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()
