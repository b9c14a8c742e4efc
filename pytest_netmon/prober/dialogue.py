"""What is said on an opened connection before the check counts as open: one dialogue a stage. State only, no sockets.

A stage (a proxy's tunnel, a TLS handshake) takes bytes and gives bytes; `stages` moves them.
"""

from __future__ import annotations

from typing import Callable, Dict, NamedTuple, Optional, Tuple


class Step(NamedTuple):
    """What a dialogue comes to with the last bytes.

    send: bytes for the peer. is_over: it ended well, `surplus` came behind it. outcome: it failed, `text` says why.
    """

    send: bytes = b""
    is_over: bool = False
    surplus: bytes = b""
    outcome: Optional[str] = None
    text: Optional[str] = None


class Dialogue:
    """One stage of one check.

    phase: of its time in the sample file (`tls_us`). timeout, reset: what it comes to when the deadline passes or the
    peer resets. silence: what is to be said of a passed deadline, if anything. cert_expires_s: known once a certificate
    was seen.
    """

    phase = ""
    timeout = ""
    reset = "reset"
    silence: Optional[str] = None
    cert_expires_s: Optional[int] = None

    def begin(self) -> Step:
        """Return the first words. Called once, before `take`."""
        raise NotImplementedError

    def take(self, data: bytes) -> Step:
        """Go on with what the peer said; nothing (`b""`) where it closed."""
        raise NotImplementedError

    def hear(self, data: bytes) -> Step:
        """Understand what it says after this stage ended well: is_over where that is a word of the service itself."""
        return Step(is_over=bool(data))

    def farewell(self) -> bytes:
        """Return what is said before an orderly close."""
        return b""


#: So much of a peer's words is shown.
_MOST_SHOWN = 60


def first_line(data: bytes) -> str:
    """Return the first line of what a peer said, as far as it can be shown."""
    line = data.split(b"\n", 1)[0][:_MOST_SHOWN].decode("ascii", "replace")
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in line.rstrip("\r"))


Stage = Callable[[], Dialogue]


class Passage:
    """How far a connection is on its way through the stages of its endpoint; times in nanoseconds.

    dialogue: the one under way. last: the last that ended well. ready_ns: since when there is something to do.
    lag_ns: for how long in all there was, and we did not. figures: phases that ended well, as samples have them.
    """

    __slots__ = (
        "begun_lag_ns", "begun_ns", "dialogue", "figures", "is_expired", "is_queued", "lag_ns", "last", "ready_ns",
        "stages", "surplus", "took_leave",
    )  # fmt: skip

    def __init__(self, stages: Tuple[Stage, ...]) -> None:
        self.stages = stages
        self.dialogue: Optional[Dialogue] = None
        self.last: Optional[Dialogue] = None
        self.figures: Dict[str, object] = {}
        #: What came behind the words of a stage that is over.
        self.surplus = b""
        self.ready_ns = 0
        self.lag_ns = 0
        self.begun_ns = 0
        self.begun_lag_ns = 0
        self.is_queued = False
        #: Whether the deadline has passed: what is there is looked at once more.
        self.is_expired = False
        #: Whether we said that we close: from then on a reset is an answer to that.
        self.took_leave = False

    def begin(self, at_ns: int) -> Step:
        """Enter the next stage."""
        self.dialogue, self.stages = self.stages[0](), self.stages[1:]
        self.begun_ns, self.begun_lag_ns = at_ns, self.lag_ns
        return self.dialogue.begin()

    def end(self, step: Step, at_ns: int) -> None:
        """Leave a stage that ended well. Its time is the peer's and that of our own computing, without the lag."""
        dialogue = self.dialogue
        assert dialogue is not None
        spent_ns = at_ns - self.begun_ns - (self.lag_ns - self.begun_lag_ns)
        self.figures[f"{dialogue.phase}_us"] = max(0, spent_ns) // 1000
        self.dialogue, self.last, self.surplus = None, dialogue, step.surplus
