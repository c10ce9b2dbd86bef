"""Batch norm folded into the convolution before it, and weights rounded so that float16 stores
them exactly.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


@torch.no_grad()
def fold_norm(weight: Tensor, norm: nn.BatchNorm2d, into: nn.Conv2d) -> None:
    """Fill `into` so that it does what a convolution by `weight` (out, in, h, w) followed by
    `norm` did.
    """
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    into.weight.copy_(weight * scale.view(-1, 1, 1, 1))
    into.bias.copy_(norm.bias - norm.running_mean * scale)


@torch.no_grad()
def fold_temperature(
    head: nn.Conv2d | nn.Linear, temperature: float, into: nn.Conv2d | nn.Linear
) -> None:
    """Fill `into` with a last layer whose logits are divided by the temperature."""
    into.weight.copy_(head.weight / temperature)
    into.bias.copy_(head.bias / temperature)


@torch.no_grad()
def round_to_half(module: nn.Module) -> nn.Module:
    """Round every parameter to the nearest float16, and set the module to evaluate; it still
    computes in float32.
    """
    for parameter in module.parameters():
        parameter.copy_(parameter.half().float())
    return module.eval().requires_grad_(False)
