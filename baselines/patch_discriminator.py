"""The patch discriminator: is each part of a picture a photograph's (discriminator.py:10-81)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEAK, _KERNEL = 0.2, 4
STRIDES = (2, 2, 2, 1, 1)
_EPS = 1e-12


class SpectralKernel(nn.Module):
    """Weights of a convolution, divided by their greatest singular value (Miyato et al. 2018).

    The value is followed by one power iteration a step, as in torch; but once a step, whatever the number of
    pictures that the weights then judge.

    Args:
        inputs: channels.
        outputs: channels.
    """

    u: Tensor
    v: Tensor

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, _KERNEL, _KERNEL))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.register_buffer("u", F.normalize(torch.randn(outputs), dim=0, eps=_EPS))
        self.register_buffer("v", F.normalize(torch.randn(inputs * _KERNEL**2), dim=0, eps=_EPS))

    def forward(self) -> Tensor:
        """Returns the divided weights (outputs, inputs, 4, 4); in training, after a power iteration."""
        matrix = self.weight.flatten(1)
        u, v = self.u, self.v
        with torch.autocast(matrix.device.type, enabled=False):
            if self.training:
                with torch.no_grad():
                    v = F.normalize(matrix.T @ u, dim=0, eps=_EPS)
                    u = F.normalize(matrix @ v, dim=0, eps=_EPS)
                    self.u.copy_(u)
                    self.v.copy_(v)
            # The graph keeps these, not the buffers, which the next step changes.
            return self.weight / torch.dot(u.clone(), matrix @ v.clone())


class PatchDiscriminator(nn.Module):
    """Judges pictures patch by patch: (B, 5, h, w) to scores (B, 1, h/8 - 2, w/8 - 2), 30 x 30 at 256 px.

    Args:
        width: channels of the first layer; the next have 2, 4 and 8 times as many.
        inputs: channels: a picture's three and two masks.
    """

    def __init__(self, width: int = 64, inputs: int = 5) -> None:
        super().__init__()
        channels = (inputs, width, 2 * width, 4 * width, 8 * width, 1)
        pairs = itertools.pairwise(channels)
        self.kernels = nn.ModuleList(SpectralKernel(*pair) for pair in pairs)

    def weights(self) -> list[Tensor]:
        """Returns the divided weights of all layers; once a step, see :class:`SpectralKernel`."""
        return [kernel() for kernel in self.kernels]

    def forward(self, pictures: Tensor, weights: Sequence[Tensor]) -> Tensor:
        """Returns scores as logits, above 0 for what looks like a photograph.

        Args:
            pictures: (B, 5, h, w).
            weights: of :meth:`weights`; detached, nothing here is trained by what comes of the scores.
        """
        x = pictures
        for i, (weight, stride) in enumerate(zip(weights, STRIDES, strict=True)):
            x = F.conv2d(x, weight.to(x.dtype), stride=stride, padding=1)
            if i + 1 < len(STRIDES):
                x = F.leaky_relu(x, _LEAK)
        return x
