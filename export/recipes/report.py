"""The report of a training run: report.json, report.md and their pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from export.recipes.metrics import Measured, measure
from export.recipes.origin import Origin
from export.recipes.plots import draw_confusion, draw_curves, draw_reliability


@dataclass(frozen=True)
class Report:
    """Logits of the exported graph by part, with labels, and how they came about."""

    name: str
    labels: Sequence[str]
    headline: str  # the part that pictures and the table per class show
    temperature: float  # already inside the logits
    logits: dict[str, np.ndarray]
    truth: dict[str, np.ndarray]
    curves: Sequence[dict[str, float]]
    parameters: int
    file_bytes: int
    unit: str = "images"  # what a part is counted in
    kind: str = "as ONNX"  # what the file is
    started: Origin = field(default_factory=dict)
    notes: Sequence[str] = ()  # paragraphs on what the figures mean

    def write(self, out: Path) -> dict[str, float]:
        """Write everything into `out`; returns the accuracy by part."""
        out.mkdir(parents=True, exist_ok=True)
        after = {part: measure(self.logits[part], self.truth[part]) for part in self.logits}
        before = {
            part: measure(self.logits[part] * self.temperature, self.truth[part])
            for part in self.logits
        }
        draw_curves(self.curves, out / "curves.png")
        draw_confusion(after[self.headline].confusion, self.labels, out / "confusion.png")
        bins = before[self.headline].reliability, after[self.headline].reliability
        draw_reliability(*bins, out / "reliability.png")
        table = self._figures(before, after)
        (out / "report.json").write_text(
            json.dumps(table, indent=1, ensure_ascii=False), encoding="utf-8"
        )
        (out / "report.md").write_text(self._page(before, after), encoding="utf-8")
        return {part: measured.accuracy for part, measured in after.items()}

    def _figures(
        self, before: dict[str, Measured], after: dict[str, Measured]
    ) -> dict[str, object]:
        parts = {
            part: {
                self.unit: found.count,
                "accuracy": round(found.accuracy, 5),
                "nll": round(found.nll, 5),
                "calibration_error_before": round(before[part].calibration_error, 5),
                "calibration_error": round(found.calibration_error, 5),
                "answered_with_a_class_not_in_the_part": round(found.foreign, 5),
                "precision": dict(zip(self.labels, found.precision.round(5).tolist(), strict=True)),
                "recall": dict(zip(self.labels, found.recall.round(5).tolist(), strict=True)),
                "f1": dict(zip(self.labels, found.f1.round(5).tolist(), strict=True)),
                "confusion": found.confusion.tolist(),
            }
            for part, found in after.items()
        }
        return {
            "name": self.name,
            "started": dict(self.started),
            "epochs": len(self.curves),
            "parameters": self.parameters,
            "file_bytes": self.file_bytes,
            "temperature": round(self.temperature, 5),
            "parts": parts,
        }

    def _page(self, before: dict[str, Measured], after: dict[str, Measured]) -> str:
        lines = [
            f"# {self.name}",
            "",
            f"{self.parameters:,} parameters, {len(self.curves)} epochs, "
            f"{self.file_bytes / 1e6:.2f} MB {self.kind}, temperature {self.temperature:.3f}.",
            "Measured with ONNX Runtime on the exported file.",
            *(line for note in self.notes for line in ("", note)),
            "",
            f"| part | {self.unit} | accuracy | calibration error (before) | foreign answers |",
            "|---|---|---|---|---|",
        ]
        for part, found in after.items():
            error, was = found.calibration_error, before[part].calibration_error
            lines.append(
                f"| {part} | {found.count:,} | {found.accuracy:.2%} "
                f"| {error:.2%} ({was:.2%}) | {found.foreign:.2%} |"
            )
        lines += ["", "A foreign answer is a class that the part has none of."]
        shown = after[self.headline]
        lines += [
            "",
            f"Classes, on “{self.headline}”:",
            "",
            "| class | precision | recall | F1 |",
            "|---|---|---|---|",
        ]
        for index in np.flatnonzero(shown.confusion.sum(axis=1)):
            figures = (shown.precision[index], shown.recall[index], shown.f1[index])
            cells = " | ".join(f"{value:.4f}" for value in figures)
            lines.append(f"| {self.labels[index]} | {cells} |")
        pictures = ("curves", "confusion", "reliability")
        return "\n".join([*lines, "", *(f"![{name}]({name}.png)" for name in pictures), ""])
