"""Compare what is shipped with the original implementation, number by number; one file a family.

Whatever is changed in a model, a weight, a label, a step before or behind its graph, some
comparison here fails: tests/export/test_check.py damages each in every way that it has.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

from export.checks.comparison import Comparison, NotCompared, Row, attempt
from export.checks.reference import compare_digests
from model_zoo.discovery import offered
from model_zoo.errors import BadInput, ZooError
from model_zoo.spec import ModelSpec

__all__ = ["Comparison", "NotCompared", "Row", "check", "module_of"]


def module_of(spec: ModelSpec) -> ModuleType:
    """What checks models of this task: a module with `check` and `record`, each taking a spec.

    ImportError without torch where it needs it; BadInput where nobody has written one.
    """
    checks = offered("sensorium.checks", spec.task.slug)
    if checks is None:
        raise BadInput(f"Nobody has written a check for {spec.task}.")
    return sys.modules[checks.__module__]


def check(spec: ModelSpec, digests: bool = True) -> Iterator[Row]:
    """Every comparison of a model as it is made, and what could not be compared.

    Without `digests` the committed files are judged by what they compute alone.
    """
    if digests:
        yield from compare_digests(spec)
    try:
        yield from attempt(spec.name, "", "the check", module_of(spec).check(spec))
    except ImportError as error:
        missing = (error.name or str(error)).partition(".")[0]
        reason = f'{missing} is not installed: pip install -e ".[export]"'
        yield NotCompared(spec.name, "", "what it computes", reason)
    except ZooError as error:
        yield NotCompared(spec.name, "", "what it computes", str(error))
