"""Which token comes next: what a caller may choose, and how a choice is made from the logits."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from model_zoo import values

MAX_NEW_TOKENS, MAX_BEAMS, MAX_STOPS = 4096, 8, 8
MAX_DRAWN_SEED = 2**31  # short enough to write down
COLDEST = 1e-6  # any lower temperature is the same, and too small to divide float32 by
ROWS = 64  # that logits are laid in, one behind the other, when the largest are searched

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TextOptions:
    """How a text is written; every value is judged here, and BadInput says what is allowed.

    What plainly means one of the kinds below is taken for it: "0.5" and NumPy's numbers, "false",
    one stop text alone.

    `temperature`: 0 always takes the likeliest token, 1 takes each as often as the model says,
    more makes the unlikely likelier. `top_k`, `top_p`, `min_p`: only the k likeliest; only the
    likeliest that together have the share p; only those that have the share p of the best one's.
    `repetition_penalty`: above 1 makes what is already written less likely. `stop`: end before
    any of these texts. `seed`: the same one writes the same text; None, "" and -1 draw another
    each time, which then stands here. `beams`: above 1 follows that many texts at once and gives
    the likeliest whole one, greedily. `chat`: ask an instruct model, rather than let it go on with
    the text. `answer`: how the answer begins, to go on from.
    """

    max_new_tokens: int = 256
    temperature: float = 0.4
    top_k: int = 40
    top_p: float = 0.95
    min_p: float = 0.0
    repetition_penalty: float = 1.1
    stop: tuple[str, ...] = ()
    seed: int | None = 0
    beams: int = 1
    chat: bool = False
    answer: str = ""

    def __post_init__(self) -> None:
        found: dict[str, Any] = {}
        for name, least, most in (
            ("temperature", 0, 5), ("top_p", 0, 1), ("min_p", 0, 1), ("repetition_penalty", 0.5, 2),
        ):  # fmt: skip
            found[name] = values.within(name, getattr(self, name), least, most)
        drawn = secrets.randbelow(MAX_DRAWN_SEED) if values.is_another(self.seed) else self.seed
        for name, value, least, most in (
            ("max_new_tokens", self.max_new_tokens, 1, MAX_NEW_TOKENS),
            ("top_k", self.top_k, 0, 1_000_000),
            ("seed", drawn, 0, 2**63 - 1),
            ("beams", self.beams, 1, MAX_BEAMS),
        ):
            found[name] = values.whole(name, value, least, most)
        found["stop"] = values.texts("stop", self.stop, MAX_STOPS)
        found["chat"] = values.flag("chat", self.chat)
        found["answer"] = values.text("answer", self.answer)
        for name, value in found.items():
            object.__setattr__(self, name, value)  # as dataclasses do it that are frozen


def probabilities(logits: Logits) -> Logits:
    """The share of each token [vocabulary]."""
    shifted: Logits = logits - logits.max()
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(dtype=np.float32)
    return shifted


def largest(logits: Logits, count: int) -> npt.NDArray[np.int64]:
    """The tokens of the `count` largest logits, the best first, lower ones first among equals.

    The k largest lie in the k columns with the largest maxima, so that few are compared at all.
    """
    columns = len(logits) // ROWS
    if count * 2 > columns:
        return np.argsort(-logits, kind="stable")[:count]
    best = logits[: columns * ROWS].reshape(ROWS, columns).max(axis=0)
    best.partition(columns - count)
    likely = np.flatnonzero(logits >= best[columns - count])
    order: npt.NDArray[np.int64] = likely[np.argsort(-logits[likely], kind="stable")[:count]]
    return order


class Sampler:
    """Chooses token after token; the same options, logits and seed choose the same ones.

    `position`: of the first token in the text. Each position has a random number of its own, so
    that a text that is continued is the one that would have been written at once.
    """

    def __init__(self, options: TextOptions, position: int = 0) -> None:
        self.options, self._position = options, position

    def __call__(self, logits: Logits, written: Collection[int]) -> int:
        """One token from logits [vocabulary], which stay as they are."""
        options, position = self.options, self._position
        self._position += 1
        penalised = penalise(logits, written, options.repetition_penalty)
        if options.temperature == 0 or options.top_k == 1:
            return int(penalised.argmax())
        count = min(int(options.top_k) or len(logits), len(logits))
        tokens = largest(penalised, count)
        shares = probabilities(penalised[tokens] / np.float32(max(options.temperature, COLDEST)))
        before = np.cumsum(shares) - shares  # what the better ones have together
        allowed = (before < options.top_p) & (shares >= options.min_p * shares[0])
        allowed[0] = True
        ends = np.cumsum(shares[allowed], dtype=np.float64)
        chance = np.random.default_rng((options.seed or 0, position)).random()
        chosen = np.searchsorted(ends, chance * ends[-1], side="right")
        return int(tokens[allowed][min(chosen, len(ends) - 1)])


def penalise(logits: Logits, written: Collection[int], penalty: float) -> Logits:
    """Logits in which every token already written is less likely (CTRL, Keskar et al. 2019)."""
    if penalty == 1 or not written:
        return logits
    changed = logits.copy()
    seen = np.fromiter(written, np.int64, len(written))
    values = changed[seen]
    changed[seen] = np.where(values > 0, values / np.float32(penalty), values * np.float32(penalty))
    return changed
