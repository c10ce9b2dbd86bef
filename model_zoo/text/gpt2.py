"""gpt2, gpt2-medium, gpt2-large: OpenAI's GPT-2, which goes on with any text, from the hub."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model_zoo.spec import Card, ModelSpec, Run, Weights
from model_zoo.text.model import LanguageModel
from model_zoo.text.task import GENERATION, place
from model_zoo.text.tokens import Vocabulary, from_files
from model_zoo.weights.source import HubFile, Source

WEIGHTS, VOCABULARY, MERGES = "model.safetensors", "vocab.json", "merges.txt"


class GPT2(LanguageModel):
    """`for token in lm("Once upon a time"): print(token.text, end="")`."""

    capacity = 1024

    @staticmethod
    def read_vocabulary(files: Mapping[str, Path]) -> Vocabulary:
        return from_files(files[VOCABULARY], files[MERGES])


def build(weights: Mapping[str, Path], part: str, precision: str, path: Path) -> None:
    """Write the graph from the publisher's tensors."""
    from model_zoo.graphs import gpt2

    gpt2.build(weights[WEIGHTS], precision, path)


def _spec(
    name: str, layers: int, width: int, parameters: int, revision: str, sha256: str, size: int
) -> ModelSpec:
    """The card of one size; `revision`, `sha256` and `size` are those of its weights on the hub."""
    weights = Source(WEIGHTS, sha256, size, HubFile(f"openai-community/{name}", revision, WEIGHTS))
    return ModelSpec(
        name=name,
        task=GENERATION,
        card=Card(
            title="The language model that goes on with any text"
            + f", in its {name.removeprefix('gpt2-')} size" * (name != "gpt2"),
            summary="Goes on with any English text, in its tone.",
            parameters=parameters,
            licence="MIT",
            inputs="tokens: int64 [batch, new], and the keys and values of those before",
            outputs="logits: float32 [batch, wanted, 50257] of the next token",
            architecture=(
                f"{layers} transformer layers, width {width}, {width // 64} heads, learned places, "
                "tied embeddings, the norm before each layer."
            ),
            training_data="WebText: 40 GB of pages that people on Reddit had linked to, until 2017",
            made_by="OpenAI; built by model_zoo/graphs/gpt2.py",
            intended_use="To see how a language model works; the yardstick that everybody knows.",
            not_for=(
                "Facts, advice, or readers who were not warned: it repeats what the web says, and "
                "was never taught to answer or to be polite."
            ),
        ),
        weights=Weights(
            sources=(weights, *_SHARED),
            build=build,
        ),
        run=Run(
            factory=GPT2,
            precisions=("fp32", "int8", "fp16"),
            placement=place,
            spin=True,
        ),
    )


_SMALL = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
_SHARED = tuple(  # the vocabulary of all sizes
    Source(name, sha256, size, HubFile("openai-community/gpt2", _SMALL, name))
    for name, sha256, size in (
        (VOCABULARY, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", 1_042_301),
        (MERGES, "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318),
    )
)
# The larger two could not be fetched where this was written: their digests are those on which
# several projects that pin the same commits agree.
SPECS = (
    _spec(
        "gpt2", 12, 768, 124_439_808, _SMALL,
        "248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707", 548_105_171,
    ),
    _spec(
        "gpt2-medium", 24, 1024, 354_823_168, "6dcaa7a952f72f9298047fd5137cd6e4f05f41da",
        "fc5a354a19255ad494f3d71549390baca1ccf61d1d822b9408971705c687c9cd", 1_519_984_962,
    ),
    _spec(
        "gpt2-large", 36, 1280, 774_030_080, "32b71b12589c2f8d625668d2335a01cac3249519",
        "5f47f3e12f91cd33b662ce7e433b6150ad5512b5884a2cee961b50e9c3bbebce", 3_247_159_078,
    ),
)  # fmt: skip
