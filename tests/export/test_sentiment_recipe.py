"""SST-2 without leaks, rewording, the student's and the teacher's parts, on data made here."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from export.recipes import invention, sentiment, sst2
from export.recipes.parts import DataNotFound
from export.recipes.reading import Reader, Rows, answer, distil, freeze, optimizer
from export.recipes.rewording import reword
from export.recipes.sentiment import SCALE, STEM, adapter

pytestmark = pytest.mark.export


def folder(root: Path) -> Path:
    """A training part of two thousand sentences with two phrases each, and a dev part of four."""
    rows = [
        (text, n % 2)
        for n in range(2000)
        for text in (f"film {n} is a number {n * 7} .", f"is a number {n * 7}", f"film {n}")
    ]
    dev = [("film 5 is a number 35", 1), ("the other one is good .", 1), ("one is good", 1)]
    (root / "sst2").mkdir(parents=True)
    for name, part in (("train", [*rows, ("is good", 1)]), ("dev", dev)):
        lines = ["sentence\tlabel", *(f"{text} \t{label}" for text, label in part)]
        (root / "sst2" / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def kept_out(parts: dict[str, sst2.Texts]) -> bool:
    """Whether nothing in the training part is cut out of a validation sentence."""
    kept = [f" {text} " for text in parts["validation"].texts]
    return not any(f" {text} " in one for text in parts["train"].texts for one in kept)


def test_no_phrase_of_a_dev_sentence_is_trained_on(tmp_path):
    parts = sst2.sst2(folder(tmp_path))
    assert parts["validation"].texts[-1] == "the other one is good ."
    assert len(parts["validation"]) == sst2.KEPT_APART + 1
    assert parts["validation"].whole.all()
    assert kept_out(parts)
    assert "is good" not in parts["train"].texts
    assert len(parts["dev"]) == 3


def test_without_a_dev_part_sentences_of_the_training_part_are_kept_apart(tmp_path, monkeypatch):
    rows = sst2._folder(folder(tmp_path) / "sst2")
    monkeypatch.setattr(sst2, "_official", lambda: {"train": rows["train"], "test": [("new .", 1)]})
    parts = sst2.sst2(None)
    assert len(parts["validation"]) == sst2.KEPT_APART
    assert kept_out(parts)
    assert parts["test"].texts == ("new .",)


def test_missing_sentences_are_named(tmp_path):
    with pytest.raises(DataNotFound, match=r"train\.tsv"):
        sst2.sst2(tmp_path)


def test_phrases_are_found_by_whole_words():
    phrases = sst2.Phrases(["a good film ."])
    assert "good film" in phrases
    assert "goo" not in phrases
    assert "film good" not in phrases


def test_rewording_changes_words_for_their_neighbours_and_repeats_itself_with_the_seed():
    words = ["the", "film", "is", "good", "great", "bad", "tree", "car"]
    table = np.random.default_rng(0).normal(size=(len(words), 8))
    table[words.index("great")] = table[words.index("good")] + 0.01
    vocabulary = {word: index for index, word in enumerate(words)}
    # Enough other words that those above are not among the commonest, which are left alone.
    filler = [f"x{n} x{n} x{n}" for n in range(60)]
    given = [*filler, *(f"the film is {word} ." for word in words[3:] * 2)]
    found = reword(given, vocabulary, table, seed=1)
    assert found == reword(given, vocabulary, table, seed=1)
    assert found != reword(given, vocabulary, table, seed=2)
    assert not set(found) & set(given)
    assert {word for text in found for word in text.split()} <= {
        w for t in given for w in t.split()
    }


def small_llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
            num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=128,
        )
    )  # fmt: skip


def test_a_language_model_imitates_what_it_is_shown_and_ends_where_that_ended(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(invention, "RATE", 1e-2)
    monkeypatch.setattr(invention, "EPOCHS", 6)
    monkeypatch.setattr(invention, "TOP_K", 2)
    module, shown = small_llama(), [[0, 5, 6, 7, 0], [0, 8, 9, 0], [0, 8, 9, 5, 6, 7, 0]]
    invention.imitate(module, shown * 100, tmp_path, {"seed": 0})
    drawn = invention.sample(module, 0, torch.Generator().manual_seed(1))
    assert len(drawn) == invention.AT_ONCE
    assert sum([0, *row, 0] in shown for row in drawn) > 0.9 * len(drawn)
    assert len({tuple(row) for row in drawn}) > 1
    assert drawn == invention.sample(module, 0, torch.Generator().manual_seed(1))


def test_what_never_comes_to_its_end_is_dropped(monkeypatch):
    monkeypatch.setattr(invention, "LONGEST", 3)
    monkeypatch.setattr(invention, "TOP_K", 40)
    drawn = invention.sample(small_llama(), 0, torch.Generator().manual_seed(1))
    assert 0 < len(drawn) < invention.AT_ONCE
    assert all(0 < len(row) < 3 for row in drawn)


class Bag(nn.Module):
    """An encoder that looks words up, and nothing else."""

    def __init__(self) -> None:
        super().__init__()
        self.embeddings = nn.Embedding(20, 8)
        self.layer = nn.ModuleList([nn.Linear(8, 8)])

    def forward(self, input_ids, attention_mask):
        from types import SimpleNamespace

        return SimpleNamespace(last_hidden_state=self.layer[0](self.embeddings(input_ids)))


def some_rows(count: int = 40) -> Rows:
    rng = np.random.default_rng(0)
    labels = np.arange(count) % 2  # each has words of its own
    tokens = [[1, *rng.integers(5 + 7 * n, 12 + 7 * n, rng.integers(1, 9)), 2] for n in labels]
    soft = np.full((count, 2), np.nan, np.float32)
    soft[::2] = np.eye(2, dtype=np.float32)[labels[::2]] * 6
    return Rows(tokens, labels, soft, 0, 3)


def test_a_reader_learns_from_labels_and_teacher_together():
    torch.manual_seed(0)
    module, rows = Reader(Bag(), 8), some_rows()
    freeze(module)
    assert not module.encoder.embeddings.weight.requires_grad
    steps, loss = optimizer(module, 0.02, 0.02, 0.9), distil(0.8)
    values = []
    for _ in range(30):
        module.train()
        for inputs, labels in rows.batches(np.arange(40), 8, 0.05):
            value, _ = loss(module, inputs, labels)
            steps.zero_grad()
            value.backward()
            steps.step()
            values.append(value.item())
    assert np.mean(values[-10:]) < 0.6 * np.mean(values[:10])
    assert (answer(module, rows).argmax(1) == rows.labels).mean() > 0.85


def test_the_loss_is_the_labels_where_the_teacher_is_silent_and_zero_where_both_agree():
    rows = some_rows(2)
    tokens, mask = rows.batch(np.arange(2))

    class Fixed(nn.Module):
        def forward(self, tokens, mask):
            return torch.tensor([[2.0, 0.0], [1.0, 0.0]])

    soft = torch.tensor([[2.0, 0.0], [float("nan"), float("nan")]])
    value, _ = distil(1.0)(Fixed(), (tokens, mask, soft), torch.tensor([1, 0]))
    # The first row says what the teacher says, whatever its label; the second has a label alone.
    assert value.item() == pytest.approx(np.log1p(np.exp(-1)) / 2, abs=1e-3)


def test_batches_hold_every_row_once_and_never_hide_the_first_token():
    rows, seen = some_rows(), []
    for (tokens, mask, _), labels in rows.batches(np.arange(40), 8, 0.4):
        assert (tokens[:, 0] == 1).all()
        assert ((tokens == 0) == (mask == 0)).all()
        seen += labels.tolist()
    assert sorted(seen) == sorted(rows.labels.tolist())


def test_what_is_published_has_scale_and_temperature_inside():
    stem = "encoder.layer.0.attention.self.query"
    state = {
        f"{STEM}{stem}.lora_A.default.weight": torch.ones(2, 3),
        f"{STEM}{stem}.lora_B.default.weight": torch.ones(3, 2),
        f"{STEM}{stem}.base_layer.weight": torch.ones(3, 3),
        "head.weight": torch.ones(2, 3),
        "head.bias": torch.ones(2),
    }
    found = adapter(state, 4.0)
    assert set(found) == {f"{stem}.lora_A", f"{stem}.lora_B", "head.weight", "head.bias"}
    assert all(value.dtype == torch.float16 for value in found.values())
    assert found[f"{stem}.lora_B"][0, 0] == SCALE
    assert found["head.bias"][0] == 0.25


@pytest.mark.weights
def test_the_recipe_runs_from_data_to_a_published_adapter(tmp_path, monkeypatch):
    """On a handful of sentences and with a teacher that knows the labels of none."""
    rng, words = np.random.default_rng(0), ("good", "bad", "dull", "fine", "slow", "great", "tired")
    lines = [" ".join(rng.choice(words, 6)) + " ." for _ in range(140)]
    rows = [f"{line} \t{int(line.count('good') > line.count('bad'))}" for line in lines]
    (tmp_path / "sst2").mkdir()
    for name, part in (("train", rows[:120]), ("dev", rows[120:])):
        text = "\n".join(["sentence\tlabel", *part]) + "\n"
        (tmp_path / "sst2" / f"{name}.tsv").write_text(text, encoding="utf-8")

    def silent(train, more, validation, out, started):
        return [np.full((len(some), 2), np.nan, np.float32) for some in (train, *more)]

    monkeypatch.setattr(sentiment, "teach", silent)
    monkeypatch.setattr(sentiment, "invent", lambda sentences, *rest: [f"so {sentences[0]}"])
    out = tmp_path / "run"
    checkpoint = sentiment.RECIPE.train(tmp_path, out, 2, 0)
    path = sentiment.RECIPE.deliver(checkpoint, tmp_path, out)
    assert path.name == "sst2-minilm.adapter.safetensors"
    assert path.stat().st_size <= 3_000_000
    report = json.loads((out / "report" / "report.json").read_text(encoding="utf-8"))
    assert report["epochs"] == 2  # one of each cycle
    assert set(report["parts"]) == {"validation", "dev"}
    assert report["parts"]["validation"]["texts"] == 80
