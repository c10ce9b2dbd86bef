"""docs/benchmarks.md from the figures of one run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from export.benchmark import Results, of
from export.benchmark.chart import Bar, drawn
from export.benchmark.limits import SIDE, bandwidth
from export.benchmark.variant import BATCHES, CALL_SECONDS, CALLERS, STEADY
from model_zoo.errors import BadInput

# What lies between them is this program's; others may write before and behind it.
BEGIN, END = "<!-- bench: written by python -m export benchmarks -->", "<!-- /bench -->"
TITLE = "# Benchmarks\n"

Row = Mapping[str, Any]


def write(file: Path, page: Path) -> tuple[Path, Path]:
    """The page and its chart. Raises BadInput for a file that `bench --peers` has not written."""
    try:
        results: Results = json.loads(file.read_text(encoding="utf-8"))
        text = "\n".join(_lines(results, page.with_suffix(".svg").name))
        bars = [
            Bar(row["work"], row["contender"], row["ours_to_theirs"]) for row in _others(results)
        ]
    except (OSError, ValueError, LookupError, TypeError) as error:
        words = "{} is not what `bench --peers --json {}` writes ({})."
        raise BadInput(words, file, file.name, error) from error
    before, behind = TITLE + "\n", "\n"
    if page.is_file() and BEGIN in (old := page.read_text(encoding="utf-8")):
        before, rest = old.split(BEGIN, 1)
        behind = rest.partition(END)[2]
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{behind}", encoding="utf-8")
    chart = page.with_suffix(".svg")
    chart.write_text(drawn(bars), encoding="utf-8")
    return page, chart


def _lines(results: Results, chart: str) -> Iterator[str]:
    machine = dict(results["machine"])
    packages = ", ".join(f"{k} {v}" for k, v in list(machine.items())[5:])
    yield (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, "
        f"{machine['system']}; providers {machine['providers']}; {packages}. Only what stands in "
        "one table was measured side by side; another machine, or another hour, has other figures."
    )
    yield "\n```sh\n.venv/bin/python -m model_zoo bench --peers --json out.json"
    yield ".venv/bin/python -m export benchmarks out.json\n```\n"
    yield from _against_others(results, chart)
    yield from _variants(results)
    yield from _rates(results)
    yield from _against_limits(results)
    failed = {key: one["failed"] for key, one in results["steps"].items() if "failed" in one}
    for found in of(results, "contests"):
        failed |= found["missing"]
    if failed:
        yield "\n## What did not run\n"
        yield from (f"- {key}: {reason}" for key, reason in failed.items())


def _others(results: Results) -> list[Row]:
    """The rows of other contenders, whom ours are measured by."""
    rows = [row for found in of(results, "contests") for row in found["rows"]]
    return [row for row in rows if not row["contender"].startswith("sensorium")]


def _against_others(results: Results, chart: str) -> Iterator[str]:
    yield "## Beside others\n"
    yield (
        "The same work on the same weights, or on random ones of the same shape, in turns, "
        "everybody in a process of its own; the ratio is ours to theirs, the median of the turns: "
        "below 1 is faster. Memory is the most that the process held, with what it took to build "
        "or to convert the model where that was done there.\n"
    )
    yield f"![Our time as a share of each other's]({chart})\n"
    rows = [row for found in of(results, "contests") for row in found["rows"]]
    yield from _table(
        ("work", "by", "ms", "least to most", "rate", "ours to theirs", "turns", "memory MB",
         "answer"),
        (
            (
                row["work"], row["contender"], _figure(row["median_ms"]),
                f"{_figure(row['least_ms'])} to {_figure(row['most_ms'])}", row["rate"],
                "" if row["contender"].startswith("sensorium") else f"{row['ours_to_theirs']:.2f}",
                row["turns"], _figure(row["memory_mb"] or None), _cell(row["answer"]),
            )
            for row in rows
        ),
    )  # fmt: skip


def _variants(results: Results) -> Iterator[str]:
    yield "\n## Every model and variant\n"
    yield (
        "Each in a process of its own, from input to answer. `first` is the first answer after the "
        f"graphs were opened. Runs end once the 95th percentile is steady within {STEADY:.0%}, or "
        f"after {CALL_SECONDS:.0f} s (~). Memory is the most that the whole process held"
        f"{_of_python(results)}. **Bold** is what `auto` takes. Where the real weights cannot be "
        "had random ones of the same shapes stand in.\n"
    )
    heads = ("model", "variant", "work", "MB", "load ms", "first ms", "median ms", "p95 ms", "runs",
             "memory MB", "accuracy or difference from fp32")  # fmt: skip
    yield from _table(
        heads,
        (
            (
                row["model"], _variant(row), _work(row, results),
                _figure(row["size_mb"]), _figure(row["load_ms"]), _figure(row["first_ms"]),
                _figure(row["median_ms"]), f"{_figure(row['p95_ms'])}{' ~' * (not row['steady'])}",
                row["runs"], _figure(row["memory_mb"] or None), _quality(row),
            )
            for row in of(results, "variant")
        ),
    )  # fmt: skip
    chosen = list(_auto(results))
    if chosen:
        ratios = ", ".join(f"{name} {ratio:.2f}" for name, ratio in chosen)
        yield f"\n`auto` against the fastest variant within the accuracy budget: {ratios}."


def _of_python(results: Results) -> str:
    limits = next(iter(of(results, "limits")), None)
    return f", of which Python with its libraries is {limits['memory_mb']:.0f}" if limits else ""


def _auto(results: Results) -> Iterator[tuple[str, float]]:
    from model_zoo import zoo

    for name in dict.fromkeys(row["model"] for row in of(results, "variant")):
        rows = of(results, "variant", name)
        budget = [
            row["median_ms"] for row in rows if zoo.spec(name).within_budget(row["precision"])
        ]
        mine = [row["median_ms"] for row in rows if row["auto"]]
        if mine and budget:
            yield name, mine[0] / min(budget)


def _rates(results: Results) -> Iterator[str]:
    yield "\n## Throughput\n"
    yield (
        "Pieces of the work above in a second: of the graph alone with so many in one run, and by "
        "as many threads that ask at once.\n"
    )
    heads = ("model", "variant", *(f"batch {n}" for n in BATCHES),
             *(f"{n} caller{'s' * (n > 1)}" for n in CALLERS))  # fmt: skip
    yield from _table(
        heads,
        (
            (
                row["model"], _variant(row),
                *(_figure(row["batches"].get(str(n))) for n in BATCHES),
                *(_figure(row["callers"][str(n)]) for n in CALLERS),
            )
            for row in of(results, "variant")
        ),
    )  # fmt: skip


def _against_limits(results: Results) -> Iterator[str]:
    limits = next(iter(of(results, "limits")), None)
    if limits is None:
        return
    read = ", ".join(f"{rate:.0f} GB/s of {size} MB" for size, rate in limits["read"].items())
    product = ", ".join(f"{rate:,.0f} in {name}" for name, rate in limits["multiply"].items())
    yield "\n## How near the limit\n"
    yield (
        f"What these cores can at best do, in a probe of a second: read {read} again and again; "
        f"multiply, in 10⁹ operations a second, {product} ({SIDE} × {SIDE} matrices, by "
        "onnxruntime itself). The least time is the greater of two: all products and convolutions "
        "of one piece of work at that speed, and its weights read once in every run of a graph. "
        "What a piece does besides, preprocessing, norms and the cache of keys, is not in it, so "
        "that 100% cannot be reached.\n"
    )
    works = {name: of(results, "work", name) for name in
             dict.fromkeys(row["model"] for row in of(results, "variant"))}  # fmt: skip
    heads = ("model", "variant", "10⁹ operations", "MB of weights read", "least ms", "bound by",
             "median ms", "share of the limit")  # fmt: skip
    yield from _table(
        heads,
        (
            (row["model"], _variant(row), *limit)
            for row in of(results, "variant")
            if works[row["model"]] and (limit := _limit(row, works[row["model"]][0], limits))
        ),
    )


def _limit(row: Row, work: Row, limits: Row) -> tuple[str, ...] | None:
    """None where it is not these cores that work, or in a precision that was not probed."""
    if row["provider"] not in ("cpu", "openvino") or row["precision"] not in limits["multiply"]:
        return None
    once = row["weight_bytes"]
    read = {part: size * work["runs"].get(part, 0) for part, size in once.items()}
    seconds = sum(size / bandwidth(limits, once[part]) for part, size in read.items())
    multiplying = work["operations"] / limits["multiply"][row["precision"]] / 1e9
    least = 1000 * max(seconds, multiplying)
    bound = "memory" if seconds > multiplying else "products"
    share = f"{least / row['median_ms']:.0%}"
    return (
        _figure(work["operations"] / 1e9), _figure(sum(read.values()) / 1e6), _figure(least), bound,
        _figure(row["median_ms"]), share,
    )  # fmt: skip


def _variant(row: Row) -> str:
    name = f"{row['precision']} {row['provider']}"
    return f"**{name}**" if row["auto"] else name


def _quality(row: Row) -> str:
    if row["value"] is not None:
        return f"{row['metric']} {row['value']:.4g}"
    return "" if row["difference"] is None else f"difference {row['difference']:.2g}"


def _work(row: Row, results: Results) -> str:
    """What one piece is, with the steps that a token loop takes for it."""
    runs = max(of(results, "work", row["model"])[0]["runs"].values())
    steps = f" in {runs} steps" if runs > 1 else ""
    return ", ".join(filter(None, [f"{row['work']}{steps}", row["weights"]]))


def _cell(answer: Any) -> str:
    return str(answer).replace("|", "\\|").replace("\n", " ")


def _figure(value: float | None) -> str:
    """Three digits, all of those before the point."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(heads: Sequence[str], rows: Iterator[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|---" * len(heads) + "|"
    yield from (f"| {' | '.join(map(str, row))} |" for row in rows)
