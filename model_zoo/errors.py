"""What can go wrong, each also the builtin error a caller would expect.

Every message is plain language: what is wrong, and what to do about it.
"""

from __future__ import annotations

import reprlib

from model_zoo.sentence import sentence

LONGEST_NAME = 200  # characters; a longer one is cut in what is said of it


class _Short(reprlib.Repr):
    def repr_int(self, x: int, level: int) -> str:
        try:
            return super().repr_int(x, level)
        except ValueError:  # Python writes no number of more than 4,300 digits
            return f"a number of {x.bit_length():,} bits"


_short = _Short()
_short.maxstring = _short.maxother = _short.maxlong = 80  # characters
_short.maxlist = _short.maxtuple = _short.maxdict = 3  # items, each of so many characters


def brief(value: object) -> str:
    """What was given, as Python writes it, on one line and short enough for a sentence."""
    words = " ".join(line.strip() for line in _short.repr(value).splitlines())
    return words if len(words) <= LONGEST_NAME else f"{words[: LONGEST_NAME - 1]}…"


def named(name: str) -> str:
    """A file's name or an address as it is, but on one line and not too long for a sentence."""
    return name if name.isprintable() and len(name) <= LONGEST_NAME else brief(name)


class ZooError(Exception):
    """Base of every error that the zoo raises on purpose.

    >>> str(BadInput("There is no file {}: check its name.", "a.png"))
    'There is no file a.png: check its name.'
    """

    def __init__(self, template: str, *values: object) -> None:
        super().__init__(sentence(template, *values) if values else template)

    def __str__(self) -> str:
        # KeyError would show the message's repr, and pages show the message.
        return str(self.args[0]) if self.args else ""


class UnknownModel(ZooError, KeyError):
    """No model has this name."""


class WeightsNotFound(ZooError, FileNotFoundError):
    """A weight file is in none of the places it may come from."""


class OriginError(ZooError):
    """One of those places does not give the pinned file; the message is the reason alone."""


class CacheError(ZooError, OSError):
    """The cache folder is full, read-only or not a folder."""


class BadInput(ZooError, ValueError):
    """What was given to a model is not something it can read."""


class ProviderUnavailable(ZooError, RuntimeError):
    """The execution provider asked for is not on this machine."""


class DeviceLost(ProviderUnavailable):
    """A device failed in the middle of a run; from now on its work is done by the CPU."""
