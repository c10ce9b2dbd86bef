"""gpt2: OpenAI's GPT-2, which goes on with any text, from the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model_zoo.sampling import TextOptions
from model_zoo.source import HubFile, Source
from model_zoo.spec import ModelSpec
from model_zoo.text import command
from model_zoo.text.model import LanguageModel
from model_zoo.text.tokens import Vocabulary, from_files

WEIGHTS, VOCABULARY, MERGES = "model.safetensors", "vocab.json", "merges.txt"


class GPT2(LanguageModel):
    """`for token in lm("Once upon a time"): print(token.text, end="")`."""

    capacity = 1024

    @staticmethod
    def read_vocabulary(files: Mapping[str, Path]) -> Vocabulary:
        return from_files(files[VOCABULARY], files[MERGES])


def build(weights: Mapping[str, Path], part: str, precision: str, path: Path) -> None:
    """Write the graph from the publisher's tensors."""
    from export.graphs import gpt2

    gpt2.build(weights[WEIGHTS], precision, path)


def _sources(repo: str, revision: str, sha256: str, size: int) -> tuple[Source, ...]:
    """The weights of one size, and the two files of the vocabulary, which all sizes share."""
    shared = {
        VOCABULARY: ("196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", 1_042_301),
        MERGES: ("1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318),
    }
    return tuple(
        Source(name, digest, length, HubFile(repo, revision, name))
        for name, (digest, length) in {WEIGHTS: (sha256, size), **shared}.items()
    )


_GPT2 = ModelSpec(
    name="gpt2",
    title="The language model that goes on with any text",
    task="text generation",
    summary="Goes on with any English text, in its tone.",
    parameters=124_439_808,
    licence="MIT",
    inputs="tokens: int64 [batch, new], and the keys and values of those before",
    outputs="logits: float32 [batch, wanted, 50257] of the next token",
    architecture=(
        "12 transformer layers, width 768, 12 heads, learned places, tied embeddings, the norm "
        "before each layer."
    ),
    training_data="WebText: 40 GB of pages that people on Reddit had linked to, until 2017",
    made_by="OpenAI; built by export/graphs/gpt2.py",
    intended_use="To see how a language model works, and as the yardstick that everybody knows.",
    not_for=(
        "Facts, advice, or readers who were not warned: it repeats what the web says, and was "
        "never taught to answer or to be polite."
    ),
    factory=GPT2,
    read=command.read,
    example=command.example,
    precisions=("fp32", "int8", "fp16"),
    yardstick="perplexity",
    accuracy_budget=0.01,
    spin=True,
    placement=command.place,
    sources=_sources(
        "openai-community/gpt2",
        "607a30d783dfa663caf39e06633721c8d4cfcd7e",
        "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707",
        548_105_171,
    ),
    build=build,
    options=TextOptions,
    stream=command.stream,
)
SPECS = (_GPT2,)
