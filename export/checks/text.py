"""Compare language models with transformers: at the prompt, at each of 20 steps, as text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
)
from whisper.tokenizer import get_encoding

from export.checks import reference
from export.checks.comparison import NotCompared, Row, compare, pairs, same
from export.checks.weights import compare_weights, table
from model_zoo import zoo
from model_zoo.errors import ZooError
from model_zoo.graphs import gpt2, llama
from model_zoo.runtime.decoder import Decoder
from model_zoo.runtime.session import Session
from model_zoo.runtime.sessions import open_session
from model_zoo.spec import ModelSpec
from model_zoo.text.gpt2 import WEIGHTS as GPT2_WEIGHTS
from model_zoo.text.tokens import Vocabulary
from model_zoo.weights import store

PRECISIONS = ("fp32", "int8", "fp16")
PROMPT, STEPS = 12, 20  # tokens
TEXT = (
    'The lighthouse keeper\'s daughter counted 37 ships before breakfast. "None of them," she '
    'said, "will stop here; they never do." By noon the fog had come in from the west, and the '
    "café on the pier was closed: naïve tourists knocked, then left."
)


@dataclass(frozen=True)
class Original:
    """transformers' module, how it goes on with a prompt, and the logits that it has for both."""

    module: PreTrainedModel
    prompt: np.ndarray  # [prompt]
    text: np.ndarray  # [steps + 1]
    logits: np.ndarray  # [prompt + steps, vocabulary]

    @property
    def rows(self) -> np.ndarray:
        """What it looks its tokens up in."""
        found: np.ndarray = self.module.get_input_embeddings().weight.detach().numpy()
        return found


def check(spec: ModelSpec) -> Iterator[Row]:
    """A small random model of the same class and, where it can be had, the model itself."""
    yield from _vocabulary(spec)
    make = small_gpt2 if _is_gpt2(spec) else small_llama
    with tempfile.TemporaryDirectory() as folder:
        small = f"{spec.name}, random"
        made = {precision: make(_below(folder, precision), precision) for precision in PRECISIONS}
        graphs = {precision: graph for precision, (_, graph) in made.items()}
        original = _original(made["fp32"][0])
        yield from _numbers(small, graphs, original)
        for precision, graph in graphs.items():
            yield from _compare(small, precision, Session(graph, precision, "cpu"), original)
    try:
        original = load(spec)
    except ZooError as error:
        yield NotCompared(spec.name, "", "its own weights, only a random model's,", str(error))
        return
    graphs = {precision: store.graph_file(spec, precision) for precision in spec.run.precisions}
    yield from _numbers(spec.name, graphs, original)
    for precision, provider in pairs(spec):
        session = open_session(spec, precision, provider)
        yield from _compare(spec.name, f"{precision} {provider}", session, original)
        yield from _judged(spec, precision, provider)


@lru_cache(maxsize=1)
def load(spec: ModelSpec) -> Original:
    """transformers' own model from the publisher's file."""
    files = store.weights_of(spec)
    if _is_gpt2(spec):
        return _original(gpt2_of(files[GPT2_WEIGHTS], gpt2.HEAD_SIZE))
    (file,) = files.values()
    module = AutoModelForCausalLM.from_pretrained(
        file.parent, gguf_file=file.name, dtype=torch.float32
    )
    return _original(module.eval())


def record(spec: ModelSpec) -> Mapping[str, np.ndarray]:
    """How probable the original finds each token of a text, and a digest of the vocabulary."""
    vocabulary = zoo.load(spec.name, "fp32", "cpu").vocabulary
    tokens = np.array([vocabulary.document, *vocabulary.encode(TEXT)])
    with torch.inference_mode():
        logits = load(spec).module(torch.from_numpy(tokens[None])).logits[0, :-1]
    chances = torch.log_softmax(logits.double(), -1).numpy()
    return {
        "text": np.array(TEXT),
        "tokens": tokens[1:],
        "log_probabilities": chances[np.arange(len(chances)), tokens[1:]],
        "vocabulary": np.array([_digest(vocabulary)]),
    }


def small_gpt2(folder: Path, precision: str = "fp32") -> tuple[PreTrainedModel, Path]:
    """Two layers of noise in the publisher's format, and their graph."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=320, n_positions=256, n_embd=64, n_layer=2, n_head=4, initializer_range=0.3
    )
    model = _noisy(GPT2LMHeadModel(config))
    model.save_pretrained(folder)
    graph = folder / "gpt2.onnx"
    gpt2.build(folder / "model.safetensors", precision, graph, heads=4)
    return model, graph


def small_llama(folder: Path, precision: str = "fp32") -> tuple[PreTrainedModel, Path]:
    """Two layers of noise with shared keys and values, as llama.cpp keeps them, and their graph."""
    import gguf

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=320, hidden_size=64, intermediate_size=96, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
        rms_norm_eps=1e-5, rope_theta=10_000.0, tie_word_embeddings=True, initializer_range=0.3,
    )  # fmt: skip
    model = _noisy(LlamaForCausalLM(config))
    writer = gguf.GGUFWriter(folder / "small.gguf", "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        array = tensor.numpy()
        for part, heads in (("q_proj", 4), ("k_proj", 2)):
            if part in name:  # the halves of a rotation side by side
                array = array.reshape(heads, 2, -1, array.shape[1]).swapaxes(1, 2)
                array = np.ascontiguousarray(array).reshape(tensor.shape)
        if name != "lm_head.weight":
            writer.add_tensor(names.get_name(name, (".weight",)), array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    graph = folder / "llama.onnx"
    llama.build(folder / "small.gguf", precision, graph)
    return model, graph


def _noisy(model: PreTrainedModel) -> PreTrainedModel:
    """Noise in biases and norms too, which begin as zeros and ones: nothing would miss them."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter += 0.2 * torch.randn_like(parameter)
    return model.eval()


def _below(folder: str, name: str) -> Path:
    path = Path(folder) / name
    path.mkdir()
    return path


def gpt2_of(file: Path, head_size: int) -> PreTrainedModel:
    """transformers' GPT-2 of the size that the tensors of a file have."""
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in gpt2.read(file).items()}
    (vocabulary, width), (places, _) = (tensors[f"{n}.weight"].shape for n in ("wte", "wpe"))
    layers = sum(name.endswith(".ln_1.weight") for name in tensors)
    config = GPT2Config(
        vocab_size=vocabulary, n_positions=places, n_embd=width, n_layer=layers,
        n_head=width // head_size,
    )  # fmt: skip
    module = GPT2LMHeadModel(config).eval()
    module.transformer.load_state_dict(tensors)
    return module


def _original(module: PreTrainedModel) -> Original:
    """The tokens that greed writes with transformers' own cache, and the logits of all of them."""
    prompt = np.random.default_rng(0).integers(20, 300, PROMPT)
    with torch.inference_mode():
        given = torch.from_numpy(prompt[None])
        written = module.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=STEPS + 1,
            do_sample=False, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        logits = module(written[:, :-1]).logits[0].float().numpy()
    return Original(module, prompt, written[0, PROMPT:].numpy(), logits)


def _numbers(name: str, graphs: Mapping[str, Path], original: Original) -> Iterator[Row]:
    """The lower precisions against fp32, and fp32's tokens against the original's, row by row."""
    exact = graphs["fp32"]
    for precision, graph in graphs.items():
        if precision != "fp32":
            yield compare_weights(name, precision, graph, exact)
    yield compare(name, "fp32", "embeddings", table(exact).T, original.rows.T)


def _compare(name: str, where: str, session: Session, original: Original) -> Iterator[Row]:
    """Both read the prompt and then, token by token, the text that the original writes."""
    prompt, text = original.prompt, original.text
    decoder = Decoder(session, 1, PROMPT + STEPS)
    first = decoder(prompt[None], range(PROMPT))[0]
    steps = [decoder(np.array([[token]]))[0] for token in text[:-1]]
    ours = np.concatenate([first, *steps])
    for output, part in (("prompt", slice(0, PROMPT)), ("20 steps", slice(PROMPT, None))):
        yield compare(name, where, output, ours[part], original.logits[part])
    if not where.startswith("int8"):  # which of two alike comes first is left to rounding
        greedy = ours[PROMPT - 1 :].argmax(-1)
        yield same(name, where, "greedy text", greedy.tolist(), text.tolist())


def _vocabulary(spec: ModelSpec) -> Iterator[Row]:
    """GPT-2's against the copy that openai-whisper brings; others against what was written down."""
    try:
        vocabulary = zoo.load(spec.name, "fp32", "cpu").vocabulary
    except ZooError as error:
        yield NotCompared(spec.name, "", "its vocabulary", str(error))
        return
    if _is_gpt2(spec):
        theirs = get_encoding("gpt2")
        pieces = [vocabulary.piece(token) for token in range(vocabulary.document)]
        expected = [theirs.decode_single_token_bytes(token) for token in range(len(pieces))]
        yield same(spec.name, "", "vocabulary", pieces, expected)
        yield same(spec.name, "", "tokens of a text", vocabulary.encode(TEXT), theirs.encode(TEXT))
        return
    known = reference.read(spec)
    yield same(spec.name, "", "vocabulary", [_digest(vocabulary)], list(known["vocabulary"]))
    tokens = vocabulary.encode(str(known["text"]))
    yield same(spec.name, "", "tokens of a text", tokens, known["tokens"].tolist())


def _judged(spec: ModelSpec, precision: str, provider: str) -> Iterator[Row]:
    """How probable all of the program finds a text, against what was written down."""
    where = f"{precision} {provider}"
    try:
        known = reference.read(spec)
    except ZooError as error:
        yield NotCompared(spec.name, where, "how it judges a text", str(error))
        return
    score = zoo.load(spec.name, precision, provider).score(str(known["text"]))
    ours = np.log([token.probability for token in score.tokens])
    yield compare(
        spec.name, where, "log probabilities", ours[:, None], known["log_probabilities"][:, None],
    )  # fmt: skip


def _is_gpt2(spec: ModelSpec) -> bool:
    return GPT2_WEIGHTS in {source.filename for source in spec.weights.sources}


def _digest(vocabulary: Vocabulary) -> str:
    """Of every token's number and bytes, as they are read here."""
    pieces = [vocabulary.piece(token) for token in range(vocabulary.size)]
    return sha256(repr(pieces).encode()).hexdigest()
