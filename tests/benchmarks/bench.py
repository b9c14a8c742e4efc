"""What every row is given: the ground, how much to do, and where to say what was left out."""

from __future__ import annotations

from ground import Ground


class Bench:
    """quick: small numbers, one round. peers_python: the Python that has the peers from PyPI.

    left_out: peers and why. notes: what else a reader should know. path_late: where -> how late the path
    itself was, microseconds (`native/path.c`, report).
    """

    def __init__(self, ground: Ground, quick: bool, peers_python: str) -> None:
        self.ground = ground
        self.quick = quick
        self.peers_python = peers_python
        self.left_out: dict[str, str] = {}
        self.notes: list[str] = []
        self.path_late: dict[str, dict[str, int]] = {}

    def some(self, rounds: int) -> int:
        """How many rounds of a pair to make."""
        return 1 if self.quick else rounds

    def fewer(self, number: int) -> int:
        """How many checks, tests or names to make."""
        return max(1, number // 4) if self.quick else number

    def leave_out(self, name: str, why: str) -> None:
        self.left_out[name] = why

    def note_path(self, where: str | None) -> None:
        """Ask the path how late it was since the last time; keep the worst of it under `where`, if given."""
        if self.ground.path is None:
            return
        said = self.ground.path.ask("report")
        if where is None:
            return
        late, before = said["late_us"], self.path_late.get(where)
        kept = {"most_queued": said["most_queued"], "overflowed": said["overflowed"], **late}
        self.path_late[where] = kept if before is None else {key: max(kept[key], before[key]) for key in kept}
