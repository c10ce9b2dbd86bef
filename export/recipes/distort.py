"""Distortions of digits by the batch: what hands, pens, mice and fingers do to the same shape."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 28  # pixels


def distort(images: Tensor, strength: float = 1.0) -> Tensor:
    """Bend, turn, thicken, thin, harden and fade pictures (n, 1, 28, 28) in 0..1, each in its own
    way.
    """
    return _edge(_weight(_warp(images, strength), strength), strength)


def _chosen(images: Tensor, share: float) -> Tensor:
    """Which pictures of a batch a distortion falls on, as (n, 1, 1, 1)."""
    return torch.rand(len(images), 1, 1, 1) < share


def _between(images: Tensor, low: float, high: float) -> Tensor:
    """One uniform number a picture, as (n, 1, 1, 1)."""
    return low + (high - low) * torch.rand(len(images), 1, 1, 1)


def _warp(images: Tensor, strength: float) -> Tensor:
    """Turn, slant, stretch and shift, and bend elastically, in one sampling."""
    n = len(images)
    angle = torch.randn(n).mul(0.14 * strength).clamp(-0.35, 0.35)  # radians
    slant = torch.randn(n).mul(0.12 * strength).clamp(-0.35, 0.35)
    wide, high = torch.exp(torch.randn(2, n).mul(0.09 * strength).clamp(-0.25, 0.25))
    shift = torch.randn(n, 2).clamp(-2, 2) * (strength / (SIDE / 2))  # about a pixel
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack(
        [cos / wide, slant - sin / high, shift[:, 0], sin / wide, cos / high, shift[:, 1]], dim=1
    )
    grid = F.affine_grid(rows.view(n, 2, 3), [n, 1, SIDE, SIDE], align_corners=False)
    # Smooth noise from a coarse lattice; about a pixel, in half of the pictures.
    reach = torch.rand(n, 1, 1, 1) * 0.08 * strength * _chosen(images, 0.6)
    bend = F.interpolate(
        torch.randn(n, 2, 6, 6), size=(SIDE, SIDE), mode="bicubic", align_corners=True
    )
    return F.grid_sample(images, grid + (bend * reach).permute(0, 2, 3, 1), align_corners=False)


def _weight(images: Tensor, strength: float) -> Tensor:
    """Strokes thicker or thinner by up to a pixel on each side."""
    amount = _between(images, 0.2, 1.0)
    thick = torch.lerp(images, F.max_pool2d(images, 3, 1, 1), amount)
    # Two pixels wide, not three: three would rub out most pens.
    eroded = -F.max_pool2d(F.pad(-images, (0, 1, 0, 1)), 2, 1)
    thin = torch.lerp(images, eroded, amount * 0.8)
    return torch.where(
        _chosen(images, 0.2 * strength),
        thick,
        torch.where(_chosen(images, 0.15 * strength), thin, images),
    )


def _edge(images: Tensor, strength: float) -> Tensor:
    """Edges jagged as a pen without smoothing leaves them, or soft; ink saturated, or fainter in
    places.
    """
    hard = ((images - 0.4) * _between(images, 1.5, 8) + 0.5).clamp(0, 1)
    soft = F.avg_pool2d(images, 3, 1, 1, count_include_pad=True)
    soft = torch.lerp(
        images, soft / soft.amax((2, 3), keepdim=True).clamp_min(0.2), _between(images, 0.2, 0.9)
    ).clamp(0, 1)
    full = (images * _between(images, 1.0, 2.0)).clamp(0, 1)
    fade = (
        F.interpolate(torch.rand(len(images), 1, 4, 4), size=(SIDE, SIDE), mode="bilinear") * 0.6
        + 0.55
    )
    images = torch.where(
        _chosen(images, 0.2 * strength),
        hard,
        torch.where(_chosen(images, 0.12 * strength), soft, images),
    )
    images = torch.where(_chosen(images, 0.1 * strength), full, images)
    return torch.where(_chosen(images, 0.08 * strength), images * fade.clamp(max=1), images)
