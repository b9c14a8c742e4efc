"""Run `netmon check` with the inputs of the action, which are variables, and write the action's outputs.

Exit status: that of `netmon check`.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections import Counter
from pathlib import Path

from pytest_netmon.cli.main import main as netmon

VERDICTS = {0: "passed", 1: "failed", 3: "inconclusive"}
COUNTED = ("passed", "failed", "inconclusive")


def value_of(name: str) -> str:
    return os.environ.get(f"NETMON_{name}", "").strip()


def arguments(report: Path) -> list[str]:
    """Every input stands behind an option and `=`: none can become an option of its own."""
    words = ["--annotations", f"--output={report / 'netmon.json'}"]
    words += [f"--junit={report / 'netmon-junit.xml'}", f"--html={report / 'netmon.html'}"]
    words += [f"--limit={line.strip()}" for line in value_of("LIMITS").splitlines() if line.strip()]
    if value_of("WAIT"):
        words.append(f"--wait={value_of('WAIT')}")
    if value_of("BASELINE"):
        words.append(f"--baseline={value_of('BASELINE')}")
    if value_of("TARGETS"):
        words.append("--targets-from=-")
    if value_of("FILE"):
        words.append(f"--config={value_of('FILE')}")
    return words


def counts(results: Path) -> Counter[str]:
    return Counter(endpoint["verdict"] for endpoint in json.loads(results.read_text("utf-8"))["endpoints"])


def main() -> int:
    report = Path(value_of("REPORT") or "netmon-report")
    if not str(report).isprintable():  # a second line would be a second output
        sys.stdout.write("report: expected a path in one line\n")
        return 2
    report.mkdir(parents=True, exist_ok=True)
    results = report / "netmon.json"
    if Path(value_of("BASELINE")).absolute() != results.absolute():  # which `netmon check` refuses to write over
        results.unlink(missing_ok=True)
    sys.stdin = io.TextIOWrapper(io.BytesIO(value_of("TARGETS").encode()), "utf-8")
    status = netmon(["check", *arguments(report)])
    counted = counts(results) if status in VERDICTS else Counter()
    outputs = {"verdict": VERDICTS.get(status, "error"), **{name: counted[name] for name in COUNTED}, "report": report}
    with Path(os.environ["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in outputs.items())
    return status


if __name__ == "__main__":
    sys.exit(main())
