"""The token loop on a small random model: stops, whole characters, memory, sliding, turns."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import model_zoo
from model_zoo.errors import BadInput
from model_zoo.graphs import builder
from model_zoo.runtime import decoder
from model_zoo.runtime.decoder import Buffer
from model_zoo.runtime.session import Session
from model_zoo.spec import WHOLE
from model_zoo.text.generation import until
from model_zoo.text.memory import CHUNK, KEPT, Reader
from model_zoo.text.sampling import TextOptions
from model_zoo.text.signs import Token
from model_zoo.text.turns import Turns
from tests.small_lm import PLACES, Small, small_gpt2

GREEDY = TextOptions(max_new_tokens=20, temperature=0, repetition_penalty=1)
PROMPT = "a lighthouse"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    return Session(small_gpt2(tmp_path_factory.mktemp("small")), "fp32", "cpu")


@pytest.fixture
def lm(session: Session) -> Small:
    return Small(session)


def written(text: str, *pieces: str) -> Iterator[Token]:
    return (Token(0, piece, 1.0) for piece in (text, *pieces))


def ids(tokens: Iterator[Token]) -> list[int]:
    return [token.id for token in tokens]


def test_beams_find_a_text_at_least_as_likely_as_greed(lm):
    def mean(**chosen: int) -> float:
        tokens = list(lm(PROMPT, GREEDY, **chosen))
        return sum(math.log(token.probability) for token in tokens if token.text) / len(tokens)

    assert mean(beams=4) >= mean()


def test_what_all_beams_share_comes_before_they_end(lm, monkeypatch):
    steps, together = list[int](), Reader.together

    def counted(reader: Reader, tokens: Sequence[int]) -> np.ndarray:
        steps.append(len(tokens))
        return together(reader, tokens)

    monkeypatch.setattr(Reader, "together", counted)
    tokens = lm(PROMPT, GREEDY, beams=3, max_new_tokens=30)
    first, early = next(tokens), len(steps)
    rest = ids(tokens)
    assert early < len(steps)
    assert [first.id, *rest] == ids(lm(PROMPT, GREEDY, beams=3, max_new_tokens=30))


class Elsewhere(Buffer):
    """Memory that is not ours, as on a GPU: what is read from it is a copy."""

    def __init__(self, array: np.ndarray, provider: str) -> None:
        import onnxruntime

        make = onnxruntime.OrtValue.ortvalue_from_shape_and_type
        self.value, self._array = make(list(array.shape), array.dtype, provider, 0), None
        self.write(array)

    def read(self) -> np.ndarray:
        return super().read().copy()


def test_keys_and_values_may_lie_where_the_graph_runs(lm, monkeypatch):
    texts = [ids(lm(PROMPT, GREEDY)), ids(lm(PROMPT, GREEDY, beams=3))]
    monkeypatch.setattr(decoder, "Buffer", Elsewhere)
    far = Small(lm.session)
    assert [ids(far(PROMPT, GREEDY)), ids(far(PROMPT, GREEDY, beams=3))] == texts


def test_the_token_loop_goes_to_a_gpu_that_keeps_its_cache():
    spec = model_zoo.spec("smollm2-135m")
    for pair in (("fp16", "cuda"), ("fp16", "webgpu"), ("fp32", "webgpu"), ("int8", "webgpu")):
        assert spec.place(*pair) == {WHOLE: pair}
    for pair in (("int8", "cuda"), ("fp32", "cuda"), ("int8", "openvino")):
        assert spec.place(*pair) == {WHOLE: (pair[0], "cpu")}


def test_a_token_comes_with_its_probability_and_five_alternatives(lm):
    tokens = [token for token in lm(PROMPT, GREEDY) if token.text]
    for token in tokens:
        assert len(token.alternatives) == 5
        shares = [share for _, share in token.alternatives]
        assert shares == sorted(shares, reverse=True)
    assert any(token.probability == token.alternatives[0][1] for token in tokens)


def test_the_same_seed_writes_the_same_text_whatever_was_read_before(lm):
    dice = TextOptions(max_new_tokens=15, temperature=1.5, seed=5)
    first = ids(lm(PROMPT, dice))
    list(lm("something else entirely", dice))
    list(lm(PROMPT + " and more", dice))
    assert ids(lm(PROMPT, dice)) == first
    assert ids(lm(PROMPT, dice, seed=6)) != first


def test_a_graph_too_large_for_one_file_has_its_weights_beside_it(lm, tmp_path, monkeypatch):
    monkeypatch.setattr(builder, "MOST", 10_000)
    small_gpt2(tmp_path)  # writes gpt2.onnx
    assert (
        (tmp_path / "gpt2.onnx").stat().st_size < 40_000 < (tmp_path / "gpt2.data").stat().st_size
    )
    graph = (tmp_path / "gpt2.onnx").rename(tmp_path / "gpt2.fp32.onnx")  # as the cache does
    apart = Small(Session(graph, "fp32", "cpu"))
    assert ids(apart(PROMPT, GREEDY)) == ids(lm(PROMPT, GREEDY))


def test_a_stop_text_is_found_across_tokens_and_left_out():
    assert "".join(t.text for t in until(written("one ", "st", "op", " two"), ["stop"])) == "one "
    assert "".join(t.text for t in until(written("abc", "def"), ["cd"])) == "ab"


def test_what_only_began_like_a_stop_text_is_not_lost():
    pieces = [t.text for t in until(written("one ", "sto", "ne", " st"), ["stop"])]
    assert "".join(pieces) == "one stone st"


def test_a_stop_text_that_never_comes_ends_with_the_length(lm):
    assert len(list(lm(PROMPT, GREEDY, stop=("never comes",), max_new_tokens=7))) <= 7


def test_no_character_is_broken(lm):
    dice = TextOptions(max_new_tokens=50, temperature=2, top_k=0, seed=1)
    pieces = [token.text for token in lm("日本", dice)]
    whole = b"".join(lm.vocabulary.piece(token.id) for token in lm("日本", dice))
    assert whole.decode("utf-8", "replace").startswith("".join(pieces))
    assert "" in pieces  # somewhere a character needed more than one token


def test_a_text_longer_than_the_memory_slides_and_says_so(lm):
    tokens = list(lm(PROMPT, GREEDY, max_new_tokens=2 * PLACES, temperature=1.0))
    hints = [token.hint for token in tokens if token.hint]
    if not hints:
        pytest.fail(f"the model ended after {len(tokens)} tokens: choose another seed")
    assert f"{PLACES} tokens" in hints[0]


def test_a_prompt_that_goes_on_is_not_read_again(session, monkeypatch):
    read: list[int] = []
    run = Reader._run
    monkeypatch.setattr(Reader, "_run", lambda me, t, w: read.append(len(t)) or run(me, t, w))
    prompt = np.random.default_rng(0).integers(0, 256, 2 * CHUNK + 20).tolist()
    reader, fresh = Reader(session, 4 * CHUNK), Reader(session, 4 * CHUNK)
    reader.read(prompt)
    read.clear()
    logits = reader.read([*prompt, 1, 2, 3])
    assert read == [23]
    assert np.array_equal(logits, fresh.read([*prompt, 1, 2, 3]))


def test_memory_keeps_few_readers_and_gives_each_to_one_only(lm):
    session, memory = lm.session, lm._memory
    with (
        memory.reader(session, PLACES, [1, 2], "") as one,
        memory.reader(session, PLACES, [1, 2], "") as two,
    ):
        assert one is not two
    for _ in range(KEPT + 2):
        with memory.reader(session, PLACES, [], ""):
            pass
    assert len(memory._kept) <= KEPT


@pytest.mark.parametrize("prompt", ["", "  \n\t "])
def test_an_empty_prompt_is_answered_with_a_hint(lm, prompt):
    with pytest.raises(BadInput, match="nothing to go on from"):
        lm(prompt)


def test_a_prompt_longer_than_the_memory_is_refused(lm):
    with pytest.raises(BadInput, match="shorten it"):
        lm("x" * (PLACES + 1))


@pytest.mark.parametrize("prompt", ["\x00\x01\x7f", "\ud800 alone", "a\ud83d", "\u202eabc\ufeff"])
def test_odd_characters_are_read(lm, prompt):
    read = lm.prompt(prompt, GREEDY).tokens
    assert lm.vocabulary.decode(read) == re.sub("[\ud800-\udfff]", "\ufffd", prompt)
    assert len(list(lm(prompt, GREEDY, max_new_tokens=2))) <= 2


def test_stopping_leaves_nothing_behind(lm):
    tokens = lm(PROMPT, GREEDY)
    next(tokens)
    assert not lm._memory._kept
    tokens.close()
    assert len(lm._memory._kept) == 1


def test_several_people_get_what_one_alone_gets(lm):
    prompts = [f"{name} went out" for name in ("Ann", "Bob", "Cy", "Di")]
    dice = TextOptions(max_new_tokens=25, temperature=1, seed=3)
    alone = [ids(lm(prompt, dice)) for prompt in prompts]
    together: list[list[int]] = [[]] * len(prompts)

    def ask(place: int) -> None:
        together[place] = ids(lm(prompts[place], dice))

    threads = [threading.Thread(target=ask, args=(place,)) for place in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_turns_go_round():
    turns, order = Turns(), list[int]()

    def take(name: int) -> None:
        for _ in range(20):
            with turns.turn():
                order.append(name)
                if len(order) == 1:
                    barrier.wait()  # the others queue up behind the first

    barrier = threading.Barrier(2)
    threads = [threading.Thread(target=take, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    barrier.wait()
    for thread in threads:
        thread.join()
    gaps = [order[i : i + 3] for i in range(9, 45, 3)]
    assert all(len(set(gap)) == 3 for gap in gaps)


def test_a_long_text_is_scored_in_windows(lm):
    text = "abcdefgh" * 40
    score = lm.score(text)
    assert len(score.tokens) == len(text)
    assert "".join(token.text for token in score.tokens) == text


def test_a_text_without_words_is_not_scored(lm, tmp_path: Path):
    with pytest.raises(BadInput, match="no text to judge"):
        lm.score(" \n")
