"""One dead address behind a name, and a family that is not carried: named, and red (root on Linux)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from namespaces import Cable, missing, run

import pytest_netmon

pytestmark = [pytest.mark.namespace, pytest.mark.skipif(missing() is not None, reason=str(missing()))]

NAME_SERVER = "127.0.0.53"
ROOT = Path(pytest_netmon.__file__).parent.parent
SCHEMA = json.loads((ROOT / "pytest_netmon/schemas/results.schema.json").read_text())
#: 10.77.0.3 stands behind a firewall that drops; so does all of IPv6.
RULES = "ip daddr 10.77.0.3 tcp dport 80 drop\nip6 nexthdr tcp drop"


@pytest.fixture(scope="module")
def cable() -> Iterator[Cable]:
    with Cable() as cable:
        for last in (3, 4):
            run("ip", "-n", cable.far, "address", "add", f"10.77.0.{last}/24", "dev", cable.far_end)
        cable.firewall(RULES)
        folder = Path("/etc/netns") / cable.near
        folder.mkdir(parents=True)
        (folder / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
        (folder / "hosts").write_text("127.0.0.1 localhost\n")
        script = str(Path(__file__).with_name("nameserver.py"))
        server = subprocess.Popen(
            cable.in_near(sys.executable, "-I", script, NAME_SERVER), stdout=subprocess.PIPE, text=True
        )
        listener = cable.listen(80)
        assert server.stdout is not None
        assert server.stdout.readline() == "serving\n"
        yield cable
        for process in (server, listener):
            process.kill()
            process.communicate()
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def check(cable: Cable, folder: Path, *arguments: str) -> tuple[subprocess.CompletedProcess[str], dict[str, object]]:
    command = [sys.executable, "-m", "pytest_netmon", "check", *arguments, "-o", "out.json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(
        cable.in_near(*command), cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    document = json.loads((folder / "out.json").read_text())
    jsonschema.validate(document, SCHEMA)
    return done, document


@pytest.mark.fault("names", "one of three addresses of a name is dead", "named and red with `addresses: all`")
def test_one_dead_address_of_three_is_named_and_fails(cable: Cable, tmp_path: Path) -> None:
    usual, _ = check(cable, tmp_path, "three.test:80", "--count", "20", "--interval", "10ms", "--timeout", "600ms")
    assert usual.returncode == 0, usual
    done, document = check(
        cable,
        tmp_path,
        "three.test:80",
        "--addresses",
        "all",
        "--count",
        "20",
        "--interval",
        "10ms",
        "--timeout",
        "600ms",
    )
    assert done.returncode == 1, done
    first, *others = done.stdout.splitlines()
    assert first == "FAIL   three.test:80: 1 of 3 addresses failed"
    assert others[0].split() == ["10.77.0.3:", "1", "limit", "broken", "in", "20", "checks"]
    assert others[1].split()[:6] == ["success", "0.00", "%", "allowed", ">=", "100"]
    assert others[2].strip().startswith("20 x timeout (no answer within 600 ms")
    assert "    passed: 10.77.0.2 and 10.77.0.4" in done.stdout
    (endpoint,) = document["endpoints"]
    assert {each["part"]: each["verdict"] for each in endpoint["addresses"]} == {
        "10.77.0.2": "passed",
        "10.77.0.3": "failed",
        "10.77.0.4": "passed",
    }
    assert endpoint["statistics"]["checks"] == 60
    assert endpoint["reasons"] == ["10.77.0.3: success 0.00 % (0 of 20), allowed >= 100 %"]


@pytest.mark.fault("names", "one of two families is dropped", "named and red with `family: both`")
def test_a_family_that_is_not_carried_is_named_and_fails(cable: Cable, tmp_path: Path) -> None:
    done, document = check(
        cable, tmp_path, "families.test:80", "--family", "both", "--count", "3", "--timeout", "300ms"
    )
    assert done.returncode == 1, done
    assert done.stdout.startswith("FAIL   families.test:80: 1 of 2 families failed\n")
    assert "IPv6: 1 limit broken in 3 checks" in done.stdout
    assert document["endpoints"][0]["reasons"] == ["IPv6: success 0.00 % (0 of 3), allowed >= 100 %"]
    reached, _ = check(cable, tmp_path, "families.test:80", "-4")
    assert reached.returncode == 0, reached
    other, _ = check(cable, tmp_path, "families.test:80", "-6", "--timeout", "300ms")
    assert (other.returncode, "timeout, not reached in 3 tries" in other.stdout) == (1, True)


def test_a_family_without_an_address_is_named_and_fails(cable: Cable, tmp_path: Path) -> None:
    done, document = check(cable, tmp_path, "three.test:80", "--family", "both", "--timeout", "600ms")
    assert done.returncode == 1, done
    assert "IPv6: dns_no_address, not reached in 1 try" in done.stdout
    assert '"the name has no IPv6 address"' in done.stdout
    assert document["endpoints"][0]["reasons"] == ["IPv6: not reached in 1 try: dns_no_address"]
    none, _ = check(cable, tmp_path, "three.test:80", "-6")
    assert none.returncode == 1
    assert "three.test:80: dns_no_address, not reached in 1 try" in none.stdout


def test_a_dry_run_shows_which_addresses_would_be_tried(cable: Cable, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest_netmon", "check", "--dry-run", "--resolve", "families.test:80"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for option, told in (
        (["--addresses", "all"], "each of "),
        (["--family", "both"], "IPv4: 10.77.0.2, IPv6: fd77::2"),
    ):
        done = subprocess.run(
            cable.in_near(*command, *option), cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        assert f"    addresses: {told}" in done.stdout


def test_a_wait_for_each_address_names_the_one_that_never_came(cable: Cable, tmp_path: Path) -> None:
    arguments = ("three.test:80", "--addresses", "all", "--wait", "500ms", "--timeout", "200ms", "--count", "5")
    done, document = check(cable, tmp_path, *arguments)
    assert done.returncode == 1, done
    waited = document["endpoints"][0]["waited"]
    tries = "1 try" if waited["tries"] == 1 else f"{waited['tries']} tries"
    assert done.stdout.startswith(f"FAIL   three.test:80: timeout, not reached within 0.5 s in {tries}\n")
    assert "    not open in the last try: 10.77.0.3\n" in done.stdout
    assert waited["outcomes"]["timeout"] == waited["tries"]
    assert waited["failing"] == ["10.77.0.3"]


def test_pytest_names_the_dead_address_too(cable: Cable, tmp_path: Path) -> None:
    (tmp_path / "netmon.yaml").write_text(
        "targets: [{host: three.test, ports: [80], addresses: all, timeout: 300ms}]\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--disable-plugin-autoload",
        "-p",
        "pytest_netmon.plugin",
        "-p",
        "no:cacheprovider",
        "--netmon",
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        cable.in_near(*command), cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1, done
    assert "three.test:80: 1 of 3 addresses failed\n  10.77.0.3: timeout, not reached in 3 tries\n" in done.stdout
    document = json.loads((tmp_path / "netmon-report" / "netmon.json").read_text())
    jsonschema.validate(document, SCHEMA)
    tries = [sample["part"] for sample in document["raw_data"]["three.test"]["80"]]
    assert sorted(tries) == ["10.77.0.2", "10.77.0.3", "10.77.0.3", "10.77.0.3", "10.77.0.4"]
