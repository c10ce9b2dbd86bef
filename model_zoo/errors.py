"""What can go wrong, each also the builtin error a caller would expect.

Every message is plain language: what is wrong, and what to do about it.
"""


class ZooError(Exception):
    """Base of every error that the zoo raises on purpose."""

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
