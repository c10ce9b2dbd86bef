"""The loop that every recipe shares: progress, curves, averaged weights, and checkpoints to go on
from.
"""

from __future__ import annotations

import copy
import json
import sys
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm

from export.recipes.origin import Origin, whole
from export.recipes.parts import Part
from model_zoo.errors import BadInput
from model_zoo.vision.classify import as_batch

CHECKPOINT = "checkpoint.pt"
AFRESH = "choose another --out, or train afresh with --restart."
Batches = Iterable[tuple[Any, Tensor]]  # what goes into the module, and labels
# (module, inputs, labels) -> the loss and the logits it was made of
Loss = Callable[[nn.Module, Any, Tensor], tuple[Tensor, Tensor]]


def cross_entropy(smoothing: float = 0.0) -> Loss:
    """Of a picture's logits against its label."""

    def loss(module: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        logits = forward(module, images)
        return F.cross_entropy(logits, labels, label_smoothing=smoothing), logits

    return loss


@dataclass(frozen=True)
class Loop:
    """What one training run is made of; `run` carries it out.

    `batches(epoch)` yields inputs and labels, and draws all its chance from torch's generator or
    from the epoch's number, so that a run can be repeated.
    `rate(progress)` scales every optimiser's own rate, progress running from 0 to 1.
    """

    module: nn.Module
    optimizers: tuple[torch.optim.Optimizer, ...]
    batches: Callable[[int], Batches]
    batches_per_epoch: int
    rate: Callable[[float], float]
    epochs: int
    seed: int = 0
    started: Origin = field(default_factory=dict)
    loss: Loss = field(default_factory=cross_entropy)
    average_decay: float = 0.998
    longest_step: float = float("inf")  # norm that all gradients together are cut to
    after_step: Callable[[], None] = lambda: None
    measure: Callable[[nn.Module], dict[str, float]] = field(default=lambda averaged: {})

    def run(self, out: Path) -> Path:
        """Train, going on from `out`'s checkpoint if there is one; returns the path of the last
        checkpoint.

        It may have been trained for fewer epochs. Raises BadInput where it came of anything else.
        """
        path = out / CHECKPOINT
        state = _read(path) if path.exists() else {}
        planned = _require_same(path, state, self.started, self.epochs) if state else []
        averaged = copy.deepcopy(self.module)
        if state:
            self.module.load_state_dict(state["module"])
            averaged.load_state_dict(state["averaged"])
            for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
        curves: list[dict[str, float]] = state.get("curves", [])
        if len(curves) == self.epochs:
            tqdm.write(f"{path} has all its epochs: nothing is left to train.", sys.stderr)
        for epoch in range(len(curves), self.epochs):
            # Seeded by epoch, so that a resumed run takes the very steps of an unbroken one.
            torch.manual_seed(self.seed * 100_003 + epoch)
            row = self._epoch(epoch, averaged) | self.measure(averaged)
            curves = [*curves, {"epoch": epoch + 1} | row]
            started = dict(self.started) | {"epochs": planned or [self.epochs]}
            with whole(path) as part:
                torch.save(self._state(averaged, curves) | {"started": started}, part)
            lines = "".join(json.dumps(line) + "\n" for line in curves)
            with whole(out / "curves.jsonl") as part:
                part.write_text(lines, encoding="utf-8")
        return path

    def _epoch(self, epoch: int, averaged: nn.Module) -> dict[str, float]:
        """One pass over the data; updates the module and its moving average, returns loss and
        accuracy.
        """
        self.module.train()
        base = [
            [group.setdefault("initial_lr", group["lr"]) for group in o.param_groups]
            for o in self.optimizers
        ]
        loss_sum = hits = seen = 0.0
        bar = tqdm(
            self.batches(epoch),
            total=self.batches_per_epoch,
            desc=f"epoch {epoch + 1}/{self.epochs}",
        )
        for index, (inputs, labels) in enumerate(bar):
            step = epoch * self.batches_per_epoch + index
            factor = self.rate(step / (self.epochs * self.batches_per_epoch))
            for optimizer, rates in zip(self.optimizers, base, strict=True):
                for group, rate in zip(optimizer.param_groups, rates, strict=True):
                    group["lr"] = rate * factor
            loss, logits = self.loss(self.module, inputs, labels)
            for optimizer in self.optimizers:
                optimizer.zero_grad()
            loss.backward()
            if self.longest_step < float("inf"):
                nn.utils.clip_grad_norm_(self.module.parameters(), self.longest_step)
            for optimizer in self.optimizers:
                optimizer.step()
            self.after_step()
            # The average forgets the first steps quickly, as they are far from anything good.
            _average(averaged, self.module, min(self.average_decay, (step + 1) / (step + 11)))
            loss_sum += loss.item() * len(labels)
            hits += (logits.argmax(1) == labels).sum().item()
            seen += len(labels)
            bar.set_postfix(
                loss=f"{loss_sum / seen:.3f}", accuracy=f"{hits / seen:.3f}", refresh=False
            )
        return {"loss": loss_sum / seen, "accuracy": hits / seen}

    def _state(self, averaged: nn.Module, curves: list[dict[str, float]]) -> dict[str, Any]:
        return {
            "module": self.module.state_dict(),
            "averaged": averaged.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "curves": curves,
        }


def forward(module: nn.Module, images: Tensor) -> Tensor:
    """Logits (n, classes) float32, computed in bfloat16 where convolutions and products allow."""
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits: Tensor = module(images.contiguous(memory_format=torch.channels_last))[0]
    return logits.float()


@torch.no_grad()
def accuracy(module: nn.Module, part: Part) -> float:
    """Share of right answers on a part, 0..1."""
    module.eval()
    images = torch.from_numpy(as_batch(part.images))
    found = torch.cat([forward(module, some).argmax(1) for some in images.split(500)])
    return (found == torch.from_numpy(part.labels)).float().mean().item()


def one_cycle(warm: float = 0.15) -> Callable[[float], float]:
    """A rate that climbs for the first `warm` of the run and falls in a straight line to zero
    after it.
    """
    return lambda progress: max(min(progress / warm, (1 - progress) / (1 - warm)), 1e-3)


def load_averaged(module: nn.Module, checkpoint: Path) -> nn.Module:
    """Fill a freshly built module with a checkpoint's averaged weights and set it to evaluate."""
    module.load_state_dict(_read(checkpoint)["averaged"])
    return module.eval()


def read_started(checkpoint: Path) -> Origin:
    """What a run was started with."""
    started: Origin = _read(checkpoint)["started"]
    return started


def read_curves(checkpoint: Path) -> list[dict[str, float]]:
    """One row an epoch of what was measured in training."""
    curves: list[dict[str, float]] = _read(checkpoint)["curves"]
    return curves


@torch.no_grad()
def _average(averaged: nn.Module, module: nn.Module, decay: float) -> None:
    fixed = {name for name, part in module.named_parameters() if not part.requires_grad}
    pairs = zip(averaged.state_dict().items(), module.state_dict().values(), strict=True)
    for (name, old), new in pairs:
        if name in fixed:
            continue
        if old.dtype.is_floating_point:
            old.lerp_(new, 1 - decay)
        else:
            old.copy_(new)


def begin(out: Path, started: Origin, restart: bool) -> None:
    """Before any work: refuse to go on in `out` from what was started otherwise, or remove it."""
    for path in sorted(out.rglob(CHECKPOINT)):
        if restart:
            path.unlink()
        else:
            _require_same(path, _read(path), started)


def _require_same(path: Path, state: dict[str, Any], started: Origin, epochs: int = 0) -> list[int]:
    """The epochs that were planned each time that it was started, these the last."""
    before = state.get("started", {})
    if other := [name for name, value in started.items() if before.get(name) != value]:
        differences = ", ".join(f"{name} {before.get(name, 'unknown')}" for name in other)
        now = ", ".join(f"{name} {started[name]}" for name in other)
        raise BadInput(f"{path} came of other settings ({differences}; now {now}): {AFRESH}")
    planned: list[int] = before.get("epochs", [])
    if epochs and planned and epochs < planned[-1]:
        raise BadInput(f"{path} is of a run of {planned[-1]} epochs, not of {epochs}: {AFRESH}")
    return planned if epochs in planned[-1:] else [*planned, epochs]


def _read(path: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as file:  # torch compares no checksums
            if (damaged := file.testzip()) is not None:
                raise zipfile.BadZipFile(damaged)
        state: dict[str, Any] = torch.load(path, weights_only=True)
        if not isinstance(state, dict):
            raise TypeError(type(state))
    except Exception as error:  # a cut or foreign file fails in many ways
        raise BadInput(f"{path} is damaged: {AFRESH}") from error
    return state
