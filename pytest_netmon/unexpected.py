"""The one exception of those who read a value: what was expected. Pure."""

from __future__ import annotations


class Unexpected(ValueError):  # noqa: N818  (reads as what it says: `raise Unexpected("a port 1..65535")`)
    """A value that is not what stands in `expected`; `hint` says how to mend it.

    Neither holds the value itself, which may be secret: whoever reports it adds what was found. Where the hint
    holds a part of it, `quotes` says so.
    """

    def __init__(self, expected: str, hint: str = "", *, quotes: bool = False) -> None:
        super().__init__(expected, hint)
        self.expected = expected
        self.hint = hint
        self.quotes = quotes

    def told(self, found: str, *, is_secret: bool = False) -> str:
        """Return the sentence for people; `found` is the value as it may be shown. Of one that is secret the
        hint says nothing either."""
        sentence = f"expected {self.expected}, got {found}"
        is_told = self.hint and not (self.quotes and is_secret)
        return f"{sentence}: {self.hint}" if is_told else sentence
