"""Train `sst2-minilm`: a low-rank adapter on a pinned MiniLM, taught by labels and by a teacher.

Phrases of the training part are learned by heart within an epoch or two; what a larger model makes
of them is harder to learn by heart and says more than a label does.

One file, as every recipe is one.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import Module
from transformers import BertConfig, BertModel

from export.recipes.data import VALIDATION
from export.recipes.invention import invent
from export.recipes.metrics import fit_temperature
from export.recipes.origin import Origin, origin, whole
from export.recipes.reading import Reader, accuracy, distil, freeze, optimizer
from export.recipes.recipe import Recipe
from export.recipes.report import Report
from export.recipes.rewording import reword
from export.recipes.sst2 import Texts, sst2, unlabelled
from export.recipes.teacher import rows_of, teach
from export.recipes.training import Loop, begin, load_averaged, one_cycle, read_curves, read_started
from model_zoo.graphs import bert
from model_zoo.runtime.session import Session
from model_zoo.text import sst2_minilm
from model_zoo.text.sentiment.batches import log_odds
from model_zoo.weights.fetch import fetch_all

RANK, SCALE = 32, 2.0  # of the adapter: 1.3 of the base's 22.6 million numbers
BATCH, HEAD_RATE, DECAY = 80, 1e-3, 0.95
TAUGHT = 0.8  # the teacher's share of the loss
HIDDEN = 0.06  # of the tokens, on average
SHORT = 3  # words: of phrases this short an epoch has a share only
CODE = ("sentiment", "teacher", "invention", "rewording", "reading")
STEM = "encoder.base_model.model."  # what PEFT puts before the names of BERT's matrices
NOTE = (
    "“validation” are whole sentences that the network never saw, nor any phrase of theirs: the "
    "figure to expect on new sentences. The temperature was fitted on them, and the average of the "
    "weights measured after every epoch. “dev” are phrases of any length; many are parts of "
    "sentences in the training data."
)


@dataclass(frozen=True)
class Cycle:
    """A climb and a fall of the rate; it starts with the averaged weights of the one before."""

    epochs: int
    rate: float  # of the uppermost layer, at its peak
    short: float  # share of the short phrases that an epoch has
    sets: int  # of new sentences: so many of REWORDINGS sets of reworded ones and one of invented


REWORDINGS, INVENTED = 2, 60_000
ALONE, JOINED, A_JOIN = 1000, 50, 20  # texts that int8's ranges are measured with
CYCLES = (Cycle(3, 8e-4, 0.4, 1), Cycle(3, 8e-4, 0.2, 3))


def build(base: Path) -> Reader:
    """The student as it is trained: MiniLM from its published file, fixed, and a fresh adapter.

    Attention is written out: torch's fused one is several times slower backwards on rows this
    short. It has no dropout, since the teacher and hidden tokens do as much against overfitting.
    """
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, attn_implementation="eager",
    )  # fmt: skip
    encoder = BertModel(config, add_pooling_layer=False)
    weights = load_file(base)
    encoder.load_state_dict({name: weights[name] for name in encoder.state_dict()})
    targets = ["query", "key", "value", "dense"]
    lora = LoraConfig(r=RANK, lora_alpha=RANK * SCALE, target_modules=targets)
    return Reader(get_peft_model(encoder, lora), config.hidden_size)


def train(data: Path | None, out: Path, epochs: int, seed: int, restart: bool = False) -> Path:
    """Train the teacher, then the student; returns the checkpoint's path. Goes on in `out`.

    A student of more epochs is another one, as its second cycle begins where its first ended.
    """
    parts = sst2(data)
    started = origin(sst2_minilm.NAME, parts, seed, CODE)
    begin(out, started, restart)
    train, validation = parts["train"], parts[VALIDATION]
    files = fetch_all(sst2_minilm.SOURCES, model=sst2_minilm.NAME)
    tokenizer = Tokenizer.from_file(str(files["tokenizer.json"]))
    new = _new_sentences(train, tokenizer, files["model.safetensors"], out, started)
    ours, *theirs = teach(train, new, validation, out / "teacher", started)
    new = [replace(some, labels=said.argmax(1)) for some, said in zip(new, theirs, strict=True)]
    held = rows_of(tokenizer, validation)
    checkpoint = None
    for index, cycle in enumerate(_shared_out(epochs)):
        texts = reduce(Texts.and_also, new[: cycle.sets], train)
        soft = np.concatenate([ours, *theirs[: cycle.sets]])
        rows = replace(rows_of(tokenizer, texts), soft=soft)
        torch.manual_seed(seed + index)
        module = build(files["model.safetensors"])
        freeze(module)
        if checkpoint:
            load_averaged(module, checkpoint)
        loop = Loop(
            module=module,
            optimizers=(optimizer(module, cycle.rate, HEAD_RATE, DECAY),),
            batches=lambda epoch, rows=rows, texts=texts, share=cycle.short: rows.batches(
                _epoch(texts, share), BATCH, HIDDEN
            ),
            batches_per_epoch=-(-len(_epoch(texts, cycle.short)) // BATCH),
            rate=one_cycle(0.06),
            epochs=cycle.epochs,
            seed=seed + index,
            started=started,
            loss=distil(TAUGHT),
            average_decay=0.998,
            longest_step=1.0,
            measure=lambda averaged: {VALIDATION: accuracy(averaged, held)},
        )
        checkpoint = loop.run(out / f"{epochs}-epochs" / f"cycle-{index + 1}")
    assert checkpoint is not None
    return checkpoint


def _new_sentences(
    train: Texts, tokenizer: Tokenizer, base: Path, out: Path, started: Origin
) -> list[Texts]:
    """Sets of sentences that nobody labelled: reworded ones, then the invented."""
    table = load_file(base)["embeddings.word_embeddings.weight"].numpy()
    whole = sorted(set(train.only(train.whole).texts))
    words, seed = tokenizer.get_vocab(), started["seed"]
    sets = [reword(whole, words, table, seed + 1 + number) for number in range(REWORDINGS)]
    sets.append(invent(whole, INVENTED, out / "invention", started))
    return [unlabelled(texts) for texts in sets]


def _shared_out(epochs: int) -> list[Cycle]:
    """The cycles, with this many epochs in all, in the proportion that they have."""
    first = -(-epochs * CYCLES[0].epochs // sum(cycle.epochs for cycle in CYCLES))
    lengths = (first, epochs - first)
    return [replace(c, epochs=n) for c, n in zip(CYCLES, lengths, strict=True) if n]


def _epoch(train: Texts, share: float) -> np.ndarray:
    """Which texts an epoch has: this share of the short ones."""
    short = np.array([len(text.split()) <= SHORT for text in train.texts])
    return np.flatnonzero(~short | (torch.rand(len(train)).numpy() < share))


def adapter(state: dict[str, Tensor], temperature: float) -> dict[str, Tensor]:
    """What is published of a student's state: float16, scale and temperature inside.

    >>> adapter(module.state_dict(), 1.0).keys()
    {"head.weight", "head.bias", "encoder.layer.0.attention.self.query.lora_A", …}
    """
    found = {}
    for name, value in state.items():
        if ".lora_" in name:
            scale = SCALE if ".lora_B." in name else 1.0
            found[name.removeprefix(STEM).replace(".default.weight", "")] = value * scale
        elif name.startswith("head."):
            found[name] = value / temperature
    return {name: value.half().contiguous() for name, value in found.items()}


@torch.no_grad()
def restore(base: Path, file: Path) -> Reader:
    """The student with a published adapter, merged into its matrices by PEFT."""
    module = build(base)
    state = module.state_dict()
    for name, value in load_file(file).items():
        if name.endswith(bert.SEEN):
            continue
        inside = name if name in state else f"{STEM}{name}.default.weight"
        state[inside] = value.float() / (SCALE if name.endswith("lora_B") else 1.0)
    module.load_state_dict(state)
    module.encoder = module.encoder.merge_and_unload()
    return module.eval()


@torch.no_grad()
def ranges(module: Reader, rows: Sequence[list[int]]) -> dict[str, Tensor]:
    """The least and greatest value [2, in] of each channel that each product gets for these rows.

    >>> ranges(restore(base, file), rows).keys()
    {"encoder.layer.0.attention.self.seen", "encoder.layer.0.attention.output.dense.seen", …}
    """
    found: dict[str, Tensor] = {}

    def watch(name: str) -> Callable[[Module, tuple[Tensor, ...]], None]:
        def keep(_: Module, given: tuple[Tensor, ...]) -> None:
            flat = given[0].flatten(0, -2)
            seen = torch.stack([flat.amin(0), flat.amax(0)])
            old = found.get(name, seen)
            least, greatest = torch.minimum(old[0], seen[0]), torch.maximum(old[1], seen[1])
            found[name] = torch.stack([least, greatest])

        return keep

    hooks = [
        part.register_forward_pre_hook(watch(f"{name.removesuffix('.query')}{bert.SEEN}"))
        for name, part in module.encoder.named_modules()
        if name.endswith((".query", ".dense"))
    ]
    for _, alike in groupby(
        sorted(rows, key=len), len
    ):  # without padding, which counts for nothing
        module.encoder(input_ids=torch.tensor(list(alike)))
    for hook in hooks:
        hook.remove()
    return {name: value.half().contiguous() for name, value in found.items()}


def calibration(texts: Sequence[str]) -> list[list[int]]:
    """Rows to measure ranges with: texts alone, and joined to the longest that are read at once."""
    chosen = random.Random(0).sample(list(texts), min(ALONE + JOINED * A_JOIN, len(texts)))
    joined = [" ".join(chosen[n : n + A_JOIN]) for n in range(ALONE, len(chosen), A_JOIN)]
    return [sst2_minilm.pieces(text)[0].row() for text in [*chosen[:ALONE], *joined]]


class SentimentRecipe(Recipe):
    """What is published is the adapter; the graph is made of it and the base where it is used."""

    def deliver(self, checkpoint: Path, data: Path | None, out: Path) -> Path:
        """Fit the temperature; write out/NAME.adapter.safetensors and out/report/."""
        files = fetch_all(sst2_minilm.SOURCES, model=self.name)
        parts = self.evaluation(data)
        state = load_averaged(build(files["model.safetensors"]), checkpoint).state_dict()
        path = out / f"{self.name}{bert.ADAPTER}"
        graph = out / f"{self.name}.fp32.onnx"
        started = read_started(checkpoint)
        with whole(path) as scratch:

            def publish(temperature: float) -> Session:
                save_file(adapter(state, temperature), scratch)
                bert.build(files | {path.name: scratch}, "model", "fp32", graph)
                return Session(graph, "fp32", "cpu")

            logits = self.logits(publish(1.0), parts[VALIDATION])
            temperature = fit_temperature(logits, parts[VALIDATION].labels)
            session = publish(temperature)
            rows = calibration(sst2(data)["train"].texts)
            seen = ranges(restore(files["model.safetensors"], scratch), rows)
            published = load_file(scratch) | seen
            save_file(published, scratch, {"started": json.dumps(started)})
        Report(
            name=self.name,
            labels=self.labels,
            headline=VALIDATION,
            temperature=temperature,
            logits={name: self.logits(session, part) for name, part in parts.items()},
            truth={name: part.labels for name, part in parts.items()},
            curves=_curves(checkpoint.parent.parent),
            parameters=sum(value.numel() for value in adapter(state, 1.0).values()),
            file_bytes=path.stat().st_size,
            unit="texts",
            kind="as an adapter",
            started=started,
            notes=(NOTE,),
        ).write(out / "report")
        return path

    def logits(self, session: Session, part: Any) -> np.ndarray:
        """Log-odds as logits (n, 2), the first 0: softmax makes the same of them."""
        rows = [sst2_minilm.pieces(text)[0].row() for text in part.texts]
        odds = log_odds(session, rows)
        return np.stack([np.zeros_like(odds), odds], axis=1).astype(np.float32)


def _curves(out: Path) -> list[dict[str, float]]:
    """All cycles' curves, their epochs counted through."""
    files = sorted(out.glob("cycle-*/checkpoint.pt"))
    rows = [row for file in files for row in read_curves(file)]
    return [row | {"epoch": number} for number, row in enumerate(rows, 1)]


def evaluation(data: Path | None) -> dict[str, Texts]:
    """All parts but the training part."""
    return {name: part for name, part in sst2(data).items() if name != "train"}


RECIPE = SentimentRecipe(
    name=sst2_minilm.NAME,
    labels=sst2_minilm.LABELS,
    epochs=sum(cycle.epochs for cycle in CYCLES),
    train=train,
    evaluation=evaluation,
)
