"""What the student and its teacher share: encoder, mean and head; batches of like length."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from export.recipes.training import Batches

AT_ONCE = 64  # rows, where nothing is trained
SORTED = 50  # batches that are sorted by length together, so that next to nothing is padding


class Reader(nn.Module):
    """Tokens (n, length) and mask to logits (n, classes): an encoder, the mean, a linear layer."""

    def __init__(self, encoder: nn.Module, width: int, classes: int = 2) -> None:
        super().__init__()
        self.encoder = encoder
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(width, classes)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        found = self.encoder(input_ids=tokens, attention_mask=mask).last_hidden_state
        present = mask.unsqueeze(-1).float()
        mean = (found.float() * present).sum(1) / present.sum(1)
        logits: Tensor = self.head(self.drop(mean))
        return logits


@dataclass(frozen=True)
class Rows:
    """Token lists, labels (n,), and a teacher's logits (n, classes), NaN where it said nothing."""

    tokens: Sequence[list[int]]
    labels: np.ndarray
    soft: np.ndarray
    padding: int  # the token that fills up
    mask: int  # the token that hides another

    def batch(self, chosen: np.ndarray) -> tuple[Tensor, Tensor]:
        """Tokens (n, length) and mask of some rows."""
        length = max(len(self.tokens[index]) for index in chosen)
        tokens = torch.full((len(chosen), length), self.padding)
        mask = torch.zeros_like(tokens)
        for row, index in enumerate(chosen):
            count = len(self.tokens[index])
            tokens[row, :count] = torch.tensor(self.tokens[index])
            mask[row, :count] = 1
        return tokens, mask

    def batches(self, chosen: np.ndarray, size: int, hidden: float) -> Batches:
        """The chosen rows in a new order; in each row a random share of the tokens is hidden,
        `hidden` on average.
        """
        lengths = np.array([len(row) for row in self.tokens])
        for rows in like_lengths(lengths, chosen, size):
            tokens, mask = self.batch(rows)
            share = 2 * hidden * torch.rand(len(tokens), 1)
            covered = (torch.rand(tokens.shape) < share) & (mask > 0)
            covered[:, 0] = False
            tokens = torch.where(covered, self.mask, tokens)
            soft = torch.from_numpy(self.soft[rows])
            yield (tokens, mask, soft), torch.from_numpy(self.labels[rows])


def like_lengths(lengths: np.ndarray, chosen: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """The chosen indices of `lengths` in a new order, in batches of like length."""
    order = chosen[torch.randperm(len(chosen)).numpy()]
    cut: list[np.ndarray] = []
    for some in np.array_split(order, max(1, len(order) // (size * SORTED))):
        by_length = some[np.argsort(lengths[some], kind="stable")]
        cut += [by_length[at : at + size] for at in range(0, len(by_length), size)]
    for index in torch.randperm(len(cut)).tolist():
        yield cut[index]


def distil(share: float) -> Callable[..., tuple[Tensor, Tensor]]:
    """A loss of which `share` is the distance from the teacher, where it has spoken."""

    def loss(
        module: nn.Module, inputs: tuple[Tensor, Tensor, Tensor], labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        tokens, mask, soft = inputs
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = module(tokens, mask).float()
        hard = F.cross_entropy(logits, labels, reduction="none")
        spoken = ~soft[:, 0].isnan()
        theirs, ours = (F.log_softmax(x, -1) for x in (soft.nan_to_num(), logits))
        apart = F.kl_div(ours, theirs, log_target=True, reduction="none").sum(1)
        mixed = (1 - share) * hard + share * apart
        return torch.where(spoken, mixed, hard).mean(), logits

    return loss


@torch.no_grad()
def answer(module: nn.Module, rows: Rows, chosen: np.ndarray | None = None) -> np.ndarray:
    """Logits (n, classes) of the chosen rows, default all, in their order."""
    module.eval()
    order = np.arange(len(rows.tokens)) if chosen is None else chosen
    lengths = np.array([len(rows.tokens[index]) for index in order])
    by_length = np.argsort(lengths, kind="stable")
    found = np.zeros((len(order), 2), np.float32)
    for some in np.array_split(by_length, -(-len(order) // AT_ONCE)):
        with torch.autocast("cpu", dtype=torch.bfloat16):
            found[some] = module(*rows.batch(order[some])).float().numpy()
    return found


def accuracy(module: nn.Module, rows: Rows) -> float:
    """Share of right answers, 0..1."""
    return float((answer(module, rows).argmax(1) == rows.labels).mean())


def optimizer(module: nn.Module, rate: float, head: float, decay: float) -> torch.optim.AdamW:
    """AdamW in which every layer learns `decay` times as fast as the one above it."""
    layers = 1 + max(_layer(name) for name, _ in module.named_parameters())
    groups = []
    for name, part in module.named_parameters():
        if part.requires_grad:
            own = head if name.startswith("head") else rate * decay ** (layers - 1 - _layer(name))
            groups.append({"params": [part], "lr": own, "weight_decay": 0.01 * (part.ndim > 1)})
    return torch.optim.AdamW(groups, betas=(0.9, 0.98), eps=1e-6, fused=True)


def freeze(module: nn.Module, layers: int = 0) -> None:
    """Fix the embeddings and the lowest layers."""
    for name, part in module.named_parameters():
        if "embeddings" in name or 0 <= _layer(name) < layers:
            part.requires_grad_(False)


def _layer(name: str) -> int:
    found = re.search(r"layer\.(\d+)\.", name)
    return int(found[1]) if found else -1
