"""The zoo itself: which models there are, and loaded models that share open sessions."""

from __future__ import annotations

import copyreg
import os
import warnings
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from threading import Condition
from typing import Any, TypeVar, overload

from cachetools import cached

from model_zoo import discovery
from model_zoo.errors import BadInput, UnknownModel, brief
from model_zoo.runtime.background import BACKGROUND
from model_zoo.runtime.placement import choose
from model_zoo.runtime.sessions import SESSIONS
from model_zoo.spec import Model, ModelSpec
from model_zoo.task import Task

Folder = str | os.PathLike[str]
Runs = TypeVar("Runs")

LARGE_DOWNLOAD_BYTES = 1_000_000_000  # bytes: larger weights come only when their model is named


@cache
def specs() -> dict[str, ModelSpec]:
    """Every model by name, smallest first: the zoo's own, other packages', the user's folder's."""
    ours = {spec.name: spec for spec in discovery.own()}
    found = dict(ours)
    for spec in (*discovery.installed(), *discovery.in_folder()):
        if spec.name in found:
            warnings.warn(f"There are two models {spec.name}: the first is taken.", stacklevel=2)
        else:
            found[spec.name] = spec
    theirs = sorted(found.values(), key=lambda spec: (spec.name not in ours, spec.card.parameters))
    return {spec.name: spec for spec in theirs}


def names() -> tuple[str, ...]:
    """The models' names, smallest model first."""
    return tuple(specs())


def default_models() -> tuple[str, ...]:
    """The models that are fetched, measured and examined without being named."""
    return tuple(name for name, spec in specs().items() if spec.download <= LARGE_DOWNLOAD_BYTES)


def of(task: Task[Any, Any, Any]) -> tuple[str, ...]:
    """The models of a task by name, the one that a page and its endpoint begin with first."""
    found = [spec for spec in specs().values() if spec.task is task]
    return tuple(spec.name for spec in sorted(found, key=lambda spec: not spec.everywhere))


def spec(name: str) -> ModelSpec:
    """The card of a model; raises UnknownModel with the names there are."""
    try:
        return specs()[name]
    except (KeyError, TypeError):
        raise UnknownModel(
            "There is no model {}: choose one of {}.", brief(name), ", ".join(names())
        ) from None


@overload
def load(
    name: str,
    precision: str = "auto",
    provider: str = "auto",
    folder: Folder | None = None,
    *,
    task: Task[Any, Any, Runs],
) -> Runs: ...


@overload
def load(
    name: str, precision: str = "auto", provider: str = "auto", folder: Folder | None = None
) -> Model: ...


def load(
    name: str,
    precision: str = "auto",
    provider: str = "auto",
    folder: Folder | None = None,
    *,
    task: Task[Any, Any, Any] | None = None,
) -> Any:
    """A model ready to be called; its graph is fetched and opened at the first call.

    `auto` is the fastest pair on this machine that stays inside the spec's accuracy budget: at
    first by a rule, and once it was measured, in the background after the first answers, the next
    call of `load` gives the winner. However a pair was asked for, there is one model that runs at
    it. A `folder` holds the weights of a model that is fetched
    otherwise, as files of the names on its card. With a `task` the model is typed as one of its
    models. Raises UnknownModel, BadInput.
    """
    chosen = spec(name)
    if task not in (None, chosen.task):
        raise BadInput(
            "{} does {}, not {}: choose {}.", name, chosen.task, task, ", ".join(of(task))
        )
    if folder and chosen.embedded:
        raise BadInput("{} has its weights in the program: leave the folder out.", name)
    where = str(Path(folder).expanduser().absolute()) if folder else ""
    return _model(name, *_pair(name, precision, provider), where)


def unload(name: str | None = None) -> None:
    """Give back a model's memory, or all models'; `load` looks for the fastest pair anew.

    What a caller holds, a model or an answer that is under way, keeps its sessions open.
    """
    if name is not None:
        spec(name)
    for kept in (_pairs, _models):
        for key in [key for key in kept if name in (None, key[0])]:
            kept.pop(key, None)
    SESSIONS.close(lambda key: name in (None, key[0]))


_pairs: dict[tuple[str, ...], tuple[str, str]] = {}  # by what was asked for
_models: dict[tuple[str, ...], Any] = {}  # by what runs


@cached(_pairs, condition=Condition())
def _pair(name: str, precision: str, provider: str) -> tuple[str, str]:
    choice = choose(spec(name), precision, provider)
    if precision == provider == "auto":
        BACKGROUND.soon(spec(name), partial(_switch, name, (choice.precision, choice.provider)))
    return choice.precision, choice.provider


def _switch(name: str, before: tuple[str, str]) -> None:
    """After a measurement: what is asked for next runs at the pair that won, with its threads."""
    _pairs.pop((name, "auto", "auto"), None)
    if _pair(name, "auto", "auto") != before:
        unload(name)


@cached(_models, condition=Condition())
def _model(name: str, precision: str, provider: str, folder: str) -> Any:
    chosen = spec(name)
    if folder:
        chosen = replace(chosen, weights=replace(chosen.weights, folder=Path(folder)))
    model = chosen.run.factory(chosen, precision, provider)
    copyreg.pickle(type(model), _by_name)
    return model


def _by_name(model: Any) -> tuple[Any, ...]:
    """How any model is pickled: what it is called, so that another process opens its own."""
    return load, (model.spec.name, model.precision, model.provider, model.spec.weights.folder)
