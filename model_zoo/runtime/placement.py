"""Where a model runs here: what this machine can do, what was measured on it, else a rule."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from model_zoo.errors import BadInput, brief
from model_zoo.runtime.measured import Measured, Pair, measured
from model_zoo.runtime.providers import LOST, PROVIDERS, has_amx, has_bf16, is_simulated, ready
from model_zoo.sentence import sentence
from model_zoo.spec import ModelSpec
from model_zoo.trace import Ran

# Without a measurement: CUDA, whose extra is installed for an NVIDIA card only; bfloat16 where AMX
# multiplies it; else int8 on the CPU, which nothing here was ever far ahead of without being
# behind it elsewhere. What is not named comes after these, and is left to the measurement.
RULE = (("fp16", "cuda"), ("fp32", "cuda"), ("bf16", "openvino"), ("int8", "cpu"), ("fp32", "cpu"))
PRECISION_RULE = ("fp16", "bf16", "int8", "fp32")
GAIN = 0.05  # of the time, for which the rule's pair is left


@dataclass(frozen=True)
class Choice:
    """A pair, and in plain words why it and no other."""

    precision: str
    provider: str
    reason: str


def candidates(spec: ModelSpec, precision: str = "auto", provider: str = "auto") -> Iterator[Pair]:
    """(precision, provider) pairs that this machine can run and a request leaves open.

    Of those that a model would run alike, the one that it really runs at.
    """
    known = spec.run.precisions
    if precision not in ("auto", *known):
        words = "{} has no precision {}: choose one of auto, {}."
        raise BadInput(words, spec.name, brief(precision), ", ".join(known))
    if provider not in ("auto", *PROVIDERS):
        words = "There is no provider {}: choose one of auto, {}."
        raise BadInput(words, brief(provider), ", ".join(PROVIDERS))
    precisions = spec.run.precisions if precision == "auto" else (precision,)
    real = (name for name in ready() if name not in LOST and not is_simulated(name))
    providers = tuple(real) if provider == "auto" else (provider,)
    seen = []
    for pair in filter(_sensible, product(precisions, providers)):
        if (placed := spec.place(*pair)) not in seen:
            seen.append(placed)
            yield spec.pair(*pair)


def in_budget(spec: ModelSpec, precision: str = "auto", provider: str = "auto") -> list[Pair]:
    """The candidates that `auto` chooses among: those that lose no more than the task allows."""
    return [
        pair
        for pair in candidates(spec, precision, provider)
        if precision != "auto" or spec.within_budget(pair[0])
    ]


def choose(spec: ModelSpec, precision: str = "auto", provider: str = "auto") -> Choice:
    """The pair to run a model at; what the caller names is taken as it is."""
    pairs = in_budget(spec, precision, provider)
    if "auto" not in (precision, provider):
        return Choice(*spec.pair(precision, provider), "asked for")
    if not pairs:
        raise BadInput(_nothing(spec, precision, provider))
    best = fastest(measured(spec), pairs)
    return Choice(*best, reason(spec, best))


def fastest(known: Measured, pairs: Collection[Pair]) -> Pair:
    """The measured winner among pairs; the rule's, unless it was measured too and is slower."""
    ruled = by_rule([pair for pair in pairs if pair not in known.failed] or pairs, has_amx())
    there = {pair: known.timings[pair].median_ms for pair in pairs if pair in known.timings}
    if ruled not in there:
        return ruled
    best = min(there, key=lambda pair: there[pair])
    return best if there[best] < there[ruled] * (1 - GAIN) else ruled


def by_rule(pairs: Collection[Pair], amx: bool) -> Pair:
    """What to run before any measurement, on a processor with AMX or without.

    >>> by_rule([("bf16", "openvino"), ("int8", "cpu")], amx=False)
    ('int8', 'cpu')
    """

    def place(pair: Pair) -> tuple[int, int, int]:
        named = pair in RULE and (amx or pair[0] != "bf16")
        order = RULE.index(pair) if named else len(RULE)
        return order, PRECISION_RULE.index(pair[0]), PROVIDERS.index(pair[1])

    return min(pairs, key=place)


def reason(spec: ModelSpec, pair: Pair) -> str:
    """Why a model runs at a pair, as the line below an answer says it."""
    return _reason(spec, measured(spec), pair, *LOST)


@lru_cache
def _reason(spec: ModelSpec, known: Measured, pair: Pair, *_: str) -> str:
    if pair != fastest(known, in_budget(spec)):
        return sentence("asked for")
    if pair not in known.timings:
        return sentence("by rule, not measured here yet")
    return sentence("the fastest of {} measured here", len(known.timings))


def details(spec: ModelSpec) -> str:
    """What was measured of a model, fastest first, with threads; "" where nothing was."""
    known = measured(spec)
    rows = sorted(known.timings.items(), key=lambda row: row[1].median_ms)
    found = [f"{'/'.join(pair)} {timing.median_ms:.3g} ms" for pair, timing in rows]
    found += [f"{'/'.join(pair)} failed" for pair in known.failed]
    if not rows:
        return ""
    workers = known.timings[fastest(known, in_budget(spec))].workers
    threads = f"{workers.threads} thread{'s' * (workers.threads > 1)}"
    spinning = ", spinning" * workers.spin
    unsure = "" if known.settled else "; other programs disturbed it, to be measured again"
    return f"{known.day}: {', '.join(found)}; {threads}{spinning}{unsure}"


def explained(ran: Ran, spec: ModelSpec, precision: str, provider: str) -> Ran:
    """Where a model runs, with the reason why it is there."""
    return replace(ran, why=reason(spec, spec.pair(precision, provider)))


def _nothing(spec: ModelSpec, precision: str, provider: str) -> str:
    if precision == "auto":
        words = "{} has nothing to run on {}: choose another provider."
        return sentence(words, spec.name, provider)
    there = ", ".join(ready())
    words = "Nothing here ({}) runs {} in {}: choose another precision."
    return sentence(words, there, spec.name, precision)


def _sensible(pair: Pair) -> bool:
    precision, provider = pair
    if precision == "bf16":
        return provider == "openvino" and has_bf16()
    if precision == "int8":  # these products are for processors, but a language model's
        return provider in ("cpu", "openvino", "webgpu")
    # On a CPU half precision is converted at every operator.
    return precision != "fp16" or provider not in ("cpu", "openvino")
