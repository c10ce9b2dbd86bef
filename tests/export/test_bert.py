"""BERT's graph on a tiny random BERT, against transformers, and its adapter against PEFT."""

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.numpy import save_file
from transformers import BertConfig, BertModel

from model_zoo.graphs import bert
from model_zoo.runtime.session import Session, softmax

pytestmark = pytest.mark.export

HEADS, WIDTH = 4, 32
SHAPES = ((1, 1), (1, 9), (3, 5), (5, 20))


@pytest.fixture(scope="module")
def tiny() -> tuple[BertModel, dict[str, np.ndarray]]:
    """A network of two layers with a head, and its weights by name."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=HEADS,
        intermediate_size=64, max_position_embeddings=24, initializer_range=0.3,
    )  # fmt: skip
    module = BertModel(config, add_pooling_layer=False).eval()
    weights = {name: value.numpy() for name, value in module.state_dict().items()}
    rng = np.random.default_rng(0)
    weights["head.weight"] = rng.normal(0, 0.5, (2, WIDTH)).astype(np.float32)
    weights["head.bias"] = np.array([0.1, -0.2], np.float32)
    return module, weights


def given(rows: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(rows * length)
    mask = np.ones((rows, length), np.int64)
    for row in range(1, rows):
        mask[row, int(rng.integers(1, length + 1)) :] = 0
    return rng.integers(1, 50, (rows, length)) * mask, mask


def expected(module, weights, tokens: np.ndarray, mask: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        found = module(torch.from_numpy(tokens), torch.from_numpy(mask)).last_hidden_state.numpy()
    mean = (found * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
    return mean @ weights["head.weight"].T + weights["head.bias"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("precision", "most"), [("fp32", 1e-5), ("fp16", 0.02), ("int8", 0.2)])
def test_the_graph_answers_as_transformers_does(tiny, tmp_path, shape, precision, most):
    path = tmp_path / "tiny.onnx"
    bert.classifier(tiny[1], precision, path, HEADS)
    tokens, mask = given(*shape)
    (logits,) = Session(path, precision, "cpu")(tokens=tokens, mask=mask)
    assert logits.dtype == np.float32
    apart = softmax(logits) - softmax(expected(*tiny, tokens, mask))
    assert np.abs(apart).max() <= most


def test_int8_multiplies_in_signed_integers_per_channel(tiny, tmp_path):
    import onnx

    path = tmp_path / "tiny.onnx"
    bert.classifier(tiny[1], "int8", path, HEADS)
    graph = onnx.load(path).graph
    products = [node for node in graph.node if node.op_type == "DynamicQuantizeMatMul"]
    assert len(products) == 2 * 4
    kinds = {tensor.name: tensor.data_type for tensor in graph.initializer}
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for node in products:
        assert kinds[node.input[1]] == onnx.TensorProto.INT8
        assert sizes[node.input[2]] == sizes[node.input[1]][1:]


def test_padding_changes_nothing(tiny, tmp_path):
    path = tmp_path / "tiny.onnx"
    bert.classifier(tiny[1], "fp32", path, HEADS)
    session = Session(path, "fp32", "cpu")
    tokens, mask = given(1, 6)
    padded = (np.pad(array, ((0, 0), (0, 7))) for array in (tokens, mask))
    alone, beside = (
        session(tokens=tokens, mask=mask)[0],
        session(**dict(zip(("tokens", "mask"), padded, strict=True)))[0],
    )
    np.testing.assert_allclose(alone, beside, atol=1e-6)


def test_an_adapter_is_merged_as_peft_merges_it(tiny, tmp_path: Path):
    module, weights = tiny
    import copy

    adapted = get_peft_model(
        copy.deepcopy(module), LoraConfig(r=3, lora_alpha=6, target_modules=["query", "dense"])
    )
    adapter = {"head.weight": weights["head.weight"] * 2, "head.bias": weights["head.bias"]}
    for name, value in adapted.named_parameters():
        if ".lora_" in name:
            torch.nn.init.normal_(value, std=0.2)
            stem = name.removeprefix("base_model.model.").replace(".default.weight", "")
            adapter[stem] = (value * (2 if ".lora_B" in name else 1)).detach().numpy()
    files = {"model.safetensors": tmp_path / "base", "x.adapter.safetensors": tmp_path / "adapter"}
    save_file({n: v for n, v in weights.items() if not n.startswith("head")}, tmp_path / "base")
    save_file(adapter, tmp_path / "adapter")
    merged = bert.merge(*(bert.load_file(path) for path in files.values()))
    path = tmp_path / "tiny.onnx"
    bert.classifier(merged, "fp32", path, HEADS)
    tokens, mask = given(3, 8)
    (logits,) = Session(path, "fp32", "cpu")(tokens=tokens, mask=mask)
    plain = expected(module, merged, tokens, mask)
    theirs = expected(adapted.merge_and_unload().eval(), merged, tokens, mask)
    np.testing.assert_allclose(logits, theirs, atol=1e-5)
    assert np.abs(logits - plain).max() > 0.01


def test_in_int8_a_row_is_answered_alone_as_beside_any_other(tiny, tmp_path):
    module, weights = tiny
    path = tmp_path / "tiny.onnx"
    tokens, mask = given(5, 20)
    seen = {}
    hooks = [
        part.register_forward_pre_hook(
            lambda _, x, name=name: seen.update({name: x[0].flatten(0, -2).detach()})
        )
        for name, part in module.named_modules()
        if name.endswith((".query", ".dense"))
    ]
    expected(module, weights, tokens, mask)
    for hook in hooks:
        hook.remove()
    ranges = {
        name.removesuffix(".query") + bert.SEEN: torch.stack([x.amin(0), x.amax(0)]).numpy()
        for name, x in seen.items()
    }
    bert.classifier(weights | ranges, "int8", path, HEADS)
    session = Session(path, "int8", "cpu")
    (beside,) = session(tokens=tokens, mask=mask)
    assert np.abs(softmax(beside) - softmax(expected(*tiny, tokens, mask))).max() <= 0.1
    for row in range(len(tokens)):
        (alone,) = session(tokens=tokens[row : row + 1], mask=mask[row : row + 1])
        assert alone[0] == pytest.approx(beside[row], abs=1e-4)
