"""A sentence that keeps what it was made of, so that it can be told in another language."""

from __future__ import annotations


class Sentence(str):
    """English text made from a template and values: what a page translates is the template.

    >>> sentence("{} is not {}.", "a", "b").template
    '{} is not {}.'
    """

    template: str
    values: tuple[object, ...]

    def __str__(self) -> str:
        return self  # Python's own would forget the template


def sentence(template: str, *values: object) -> Sentence:
    """The template with its values, each in the place of a {}."""
    found = Sentence(template.format(*values))
    found.template, found.values = template, values
    return found
