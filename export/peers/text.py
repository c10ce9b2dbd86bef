"""Text generation by others: llama.cpp on the very GGUF file, CTranslate2 on GPT-2's shape.

All write 128 tokens greedily after 16, one text at a time, on the cores that this process may use.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from export.peers import Contender, Contest, Run, installed, ours
from model_zoo import zoo
from model_zoo.runtime.providers import usable_cores
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.text.generation import generate
from model_zoo.text.memory import Reader
from model_zoo.text.prompt import Prompt
from model_zoo.text.sampling import TextOptions
from model_zoo.text.task import GENERATION
from model_zoo.text.tokens import Vocabulary
from model_zoo.weights.random import stand_in
from model_zoo.weights.store import weights_of

PROMPT, NEW, LONG = 16, 128, 400  # tokens
CONTEXT = 1024
GREEDY = TextOptions(max_new_tokens=NEW, temperature=0, repetition_penalty=1)


def contests(spec: ModelSpec) -> Iterator[Contest]:
    """Tokens a second, and the time to the first token after a long prompt."""
    make = {"smollm2-135m": _smollm2, "gpt2": _gpt2}.get(spec.name)
    return make(spec) if make else iter(())


def _smollm2(spec: ModelSpec) -> Iterator[Contest]:
    vocabulary = zoo.load(spec.name, task=GENERATION).vocabulary
    words = "The history of the small harbour town begins with a lighthouse and a storm. " * 40
    tokens = vocabulary.encode(words)
    for length, new, work in (
        (PROMPT, NEW, f"{NEW} tokens after {PROMPT}"),
        (LONG, 1, f"first token after {LONG}"),
    ):
        prompt = tokens[:length]
        contenders = [Contender(ours(spec), partial(_smollm2_of_ours, spec, new))]
        if installed("llama_cpp"):
            contenders.append(Contender("llama.cpp Q4_1", partial(_llama_cpp, spec, new)))
        yield Contest(f"{spec.name}, {work}", "tokens", new, tuple(contenders), [prompt])


def _gpt2(spec: ModelSpec) -> Iterator[Contest]:
    """Of its shape only: the weights are noise, which takes the same time."""
    if not installed("ctranslate2"):
        return
    prompt = np.random.default_rng(0).integers(0, 50_000, PROMPT).tolist()
    contenders = [Contender("sensorium int8 cpu", partial(_gpt2_of_ours, spec))]
    for kind in ("int8", "float32"):
        name = f"CTranslate2 {version('ctranslate2')} {kind}"
        contenders.append(Contender(name, partial(_ctranslate2, kind)))
    work = f"gpt2's shape, {NEW} tokens after {PROMPT}"
    yield Contest(work, "tokens", NEW, tuple(contenders), [prompt], lambda answers: "")


def _smollm2_of_ours(spec: ModelSpec, new: int) -> Run:
    model = zoo.load(spec.name, task=GENERATION)
    return _loop(model.session, model.vocabulary, new)


def _gpt2_of_ours(spec: ModelSpec) -> Run:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = stand_in(spec, Path(folder), "int8", spec.run.parts)
        return _loop(open_session(made, "int8", "cpu"), _Silent(), NEW)


class _Silent(Vocabulary):
    """Without an end token, and every token an "x": random weights write no text."""

    def __init__(self) -> None:
        self.ends = self.special = frozenset()

    def piece(self, token: int) -> bytes:
        return b"x"

    def shown(self, token: int) -> str:
        return "x"


def _loop(session: Session, vocabulary: Vocabulary, new: int) -> Run:
    """The whole loop that pages and callers get, probabilities and alternatives included."""
    options = replace(GREEDY, max_new_tokens=new)
    reader = Reader(session, CONTEXT)  # its memory stays, as the others' does

    def run(prompt: list[int]) -> str:
        reader.forget(0)
        tokens = generate(reader, vocabulary, Prompt(tuple(prompt)), options)
        return "".join(token.text for token in tokens)

    return run


@cache
def _llama(file: Path) -> Any:
    import llama_cpp

    cores = usable_cores()
    # Its AMX buffers crash on some virtual machines; without them it repacks nothing.
    default = llama_cpp.llama_model_default_params

    def params() -> Any:
        chosen = default()
        chosen.use_extra_bufts = False
        return chosen

    llama_cpp.llama_cpp.llama_model_default_params = params
    return llama_cpp.Llama(
        str(file), n_ctx=CONTEXT, n_threads=cores, n_threads_batch=cores, verbose=False
    )


def _llama_cpp(spec: ModelSpec, new: int) -> Run:
    [file] = weights_of(spec).values()
    model = _llama(file)

    def run(prompt: list[int]) -> str:
        model.reset()
        tokens = model.generate(prompt, temp=0.0, repeat_penalty=1.0)
        written = [next(tokens) for _ in range(new)]
        return str(model.detokenize(written).decode("utf-8", "replace"))

    return run


def _ctranslate2(kind: str) -> Run:
    import ctranslate2

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        converted = _convert(Path(name), kind)
        generator = ctranslate2.Generator(
            str(converted), compute_type=kind, intra_threads=usable_cores(), inter_threads=1
        )

    def run(prompt: list[int]) -> int:
        names = [f"t{token}" for token in prompt]
        found = generator.generate_batch(
            [names], max_length=NEW, min_length=NEW, beam_size=1, include_prompt_in_result=False
        )
        return len(found[0].sequences_ids[0])

    return run


def _convert(folder: Path, kind: str) -> Path:
    """GPT-2 124M of random weights by CTranslate2's own converter, with made-up words."""
    import torch
    from ctranslate2.converters import TransformersConverter
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    GPT2LMHeadModel(GPT2Config()).save_pretrained(folder / "torch")

    class Converter(TransformersConverter):
        def load_tokenizer(self, tokenizer_class: Any, name: str, **_: Any) -> Any:
            return _Words()

    target = folder / "ctranslate2"
    Converter(str(folder / "torch")).convert(str(target), quantization=kind)
    return target


class _Words:
    """As much of a tokenizer as the converter asks for."""

    bos_token = eos_token = unk_token = "t50256"
    additional_special_tokens: tuple[str, ...] = ()

    def get_vocab(self) -> dict[str, int]:
        return {f"t{token}": token for token in range(50257)}
