"""Sentences that nobody wrote, in the manner of those that somebody did: SmolLM2 learns to go on as
they do, then invents as many as are wanted. Like the reworded ones they wait for a teacher's word.

Rewording stays near the five thousand sentences that there are; these speak of other films.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm import tqdm
from transformers import AutoModelForCausalLM, DynamicCache, PreTrainedModel

from export.recipes.origin import Origin, keep, kept
from export.recipes.reading import like_lengths
from export.recipes.training import Batches, Loop, load_averaged, one_cycle
from model_zoo.text.smollm2 import SPECS, SmolLM2
from model_zoo.weights.store import weights_of

EPOCHS, BATCH, RATE = 2, 32, 1.5e-4  # more epochs, and it recites the sentences themselves
AT_ONCE = 256  # sentences
TOP_K = 50
LONGEST = 64  # tokens; what has not ended by then is dropped


def invent(sentences: Sequence[str], count: int, out: Path, started: Origin) -> list[str]:
    """At least `count` new sentences in the manner of these, sorted. Kept in `out`."""
    file = out / "sentences.npz"
    if (known := kept(file, started)) is not None:
        return [str(sentence) for sentence in known["sentences"]]
    files = weights_of(SPECS[0])
    [weights] = files.values()
    vocabulary = SmolLM2.read_vocabulary(files)
    module: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        weights.parent, gguf_file=weights.name, dtype=torch.float32
    )
    end = vocabulary.document
    imitate(
        module, [[end, *vocabulary.encode(f" {text}"), end] for text in sentences], out, started
    )
    module.to(torch.bfloat16)
    generator = torch.Generator().manual_seed(started["seed"])
    new: set[str] = set()
    with tqdm(total=count, desc="inventing sentences") as bar:
        while len(new) < count:
            drawn = sample(module, end, generator)
            new |= {vocabulary.decode(row).strip() for row in drawn} - set(sentences)
            bar.update(len(new) - bar.n)
    keep(file, started, sentences=np.array(sorted(new)))
    return sorted(new)


def imitate(module: PreTrainedModel, rows: Sequence[list[int]], out: Path, started: Origin) -> None:
    """Train on token lists, each token from those before it; leaves the averaged weights in
    `module`. The embeddings stay as they are.
    """
    module.get_input_embeddings().requires_grad_(False)
    learned = [part for part in module.parameters() if part.requires_grad]
    lengths = np.array([len(row) for row in rows])

    def batches(epoch: int) -> Batches:
        for chosen in like_lengths(lengths, np.arange(len(rows)), BATCH):
            longest = max(lengths[chosen])
            tokens = torch.zeros((len(chosen), longest), dtype=torch.long)
            present = torch.arange(longest) < torch.from_numpy(lengths[chosen])[:, None]
            tokens[present] = torch.tensor([token for index in chosen for token in rows[index]])
            yield (tokens[:, :-1], present[:, 1:]), tokens[:, 1:][present[:, 1:]]

    checkpoint = Loop(
        module=module,
        optimizers=(torch.optim.AdamW(learned, RATE, betas=(0.9, 0.98), fused=True),),
        batches=batches,
        batches_per_epoch=-(-len(rows) // BATCH),
        rate=one_cycle(0.06),
        epochs=EPOCHS,
        seed=started["seed"],
        started=started,
        loss=_next_token,
        average_decay=0.95,
        longest_step=1.0,
    ).run(out)
    load_averaged(module, checkpoint)


def _next_token(
    module: nn.Module, inputs: tuple[Tensor, Tensor], labels: Tensor
) -> tuple[Tensor, Tensor]:
    tokens, present = inputs
    with torch.autocast("cpu", dtype=torch.bfloat16):
        # Padding is at the end, where no earlier token can see it.
        logits = module(input_ids=tokens).logits[present].float()
    return F.cross_entropy(logits, labels), logits


@torch.inference_mode()
def sample(module: PreTrainedModel, end: int, generator: torch.Generator) -> list[list[int]]:
    """Token lists drawn from the model, as many as came to their end."""
    cache = DynamicCache(config=module.config)
    tokens = torch.full((AT_ONCE, 1), end)
    rows: list[list[int]] = [[] for _ in range(AT_ONCE)]
    going = torch.arange(AT_ONCE)
    for _ in range(LONGEST):
        logits = module(input_ids=tokens, past_key_values=cache).logits[:, -1].float()
        best, candidates = logits.topk(TOP_K)
        drawn = torch.multinomial(best.softmax(-1), 1, generator=generator)
        tokens = candidates.gather(1, drawn)
        on = tokens[:, 0] != end
        going, tokens = going[on], tokens[on]
        if not len(going):
            break
        if not on.all():
            cache.batch_select_indices(on.nonzero()[:, 0])
        for index, token in zip(going.tolist(), tokens[:, 0].tolist(), strict=True):
            rows[index].append(token)
    unfinished = set(going.tolist())
    return [row for index, row in enumerate(rows) if row and index not in unfinished]
