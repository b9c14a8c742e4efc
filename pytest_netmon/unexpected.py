"""The one exception of those who read a value: what was expected. Pure."""

from __future__ import annotations


class Unexpected(ValueError):  # noqa: N818  (reads as what it says: `raise Unexpected("a port 1..65535")`)
    """A value that is not what stands in `expected`; `hint` says how to mend it.

    Neither holds the value itself, which may be secret: whoever reports it adds what was found.
    """

    def __init__(self, expected: str, hint: str = "") -> None:
        super().__init__(expected, hint)
        self.expected = expected
        self.hint = hint

    def told(self, found: str) -> str:
        """Return the sentence for people; `found` is the value as it may be shown."""
        sentence = f"expected {self.expected}, got {found}"
        return f"{sentence}: {self.hint}" if self.hint else sentence
