"""Compare language models with transformers: at the prompt, at each of 20 steps, as text."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
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

from export.checks import Comparison
from model_zoo.graphs import gpt2, llama
from model_zoo.runtime.decoder import Decoder
from model_zoo.runtime.session import Session
from model_zoo.spec import ModelSpec
from model_zoo.weights import store
from model_zoo.weights.store import weights_of

PROMPT, STEPS = 12, 20  # tokens
# Float32 differs by the order of its sums. SmolLM2's logits are some 20 wide after 30 layers.
TOLERANCE, REAL_TOLERANCE = 1e-4, 5e-4
HALF_TOLERANCE = 0.4  # half precision: a hundredth of how wide they are


def check(spec: ModelSpec) -> Iterator[Comparison]:
    """A small random model of the same class and, where it can be had, the model itself."""
    make = small_llama if spec.name == "smollm2-135m" else small_gpt2
    with tempfile.TemporaryDirectory() as folder:
        original, graph = make(Path(folder))
        yield from _compare(f"{spec.name}, random", graph, original, "fp32", TOLERANCE)
        original, graph = make(Path(folder), "fp16")
        yield from _compare(f"{spec.name}, random", graph, original, "fp16", HALF_TOLERANCE)
    if spec.name == "smollm2-135m":
        [file] = weights_of(spec).values()
        original = AutoModelForCausalLM.from_pretrained(
            file.parent, gguf_file=file.name, dtype=torch.float32
        )
        for precision, tolerance in (("fp32", REAL_TOLERANCE), ("fp16", HALF_TOLERANCE)):
            graph = store.graph_file(spec, precision)
            yield from _compare(spec.name, graph, original, precision, tolerance)


def small_gpt2(folder: Path, precision: str = "fp32") -> tuple[PreTrainedModel, Path]:
    """Two layers of noise in the publisher's format, and their graph."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=320, n_positions=256, n_embd=64, n_layer=2, n_head=4, initializer_range=0.3
    )
    model = GPT2LMHeadModel(config).eval()
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
    model = LlamaForCausalLM(config).eval()
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


def _compare(
    name: str, graph: Path, original: PreTrainedModel, precision: str, tolerance: float
) -> Iterator[Comparison]:
    """Both read the prompt and then, token by token, the text that the original writes."""
    prompt = np.random.default_rng(0).integers(20, 300, PROMPT)
    theirs, text = _theirs(original, prompt)
    ours = _ours(Session(graph, precision, "cpu"), prompt, text)
    if ours.shape != theirs.shape:
        raise ValueError(f"{name}: logits {ours.shape}, transformers {theirs.shape}")
    for output, part in (("prompt", slice(0, PROMPT)), ("20 steps", slice(PROMPT, None))):
        largest = float(np.abs(ours[part] - theirs[part]).max())
        yield Comparison(name, precision, output, ours[part].shape, largest, tolerance)
    different = int((ours[PROMPT - 1 :].argmax(-1) != text).sum())
    yield Comparison(name, precision, "greedy text", text.shape, float(different), 0)


def _ours(session: Session, prompt: np.ndarray, text: np.ndarray) -> np.ndarray:
    """Logits [prompt + steps, vocabulary]."""
    decoder = Decoder(session, 1, PROMPT + STEPS)
    first = decoder(prompt[None], range(PROMPT))[0]
    steps = [decoder(np.array([[token]]))[0] for token in text[:-1]]
    return np.concatenate([first, *steps])


def _theirs(model: PreTrainedModel, prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same, and the tokens [steps + 1] that greed writes with transformers' own cache."""
    with torch.inference_mode():
        given = torch.from_numpy(prompt[None])
        written = model.generate(
            given, attention_mask=torch.ones_like(given), max_new_tokens=STEPS + 1,
            do_sample=False, eos_token_id=None, pad_token_id=0,
        )  # fmt: skip
        logits = model(written[:, :-1]).logits[0].float().numpy()
    return logits, written[0, PROMPT:].numpy()
