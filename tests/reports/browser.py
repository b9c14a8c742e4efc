"""A real Chromium without a window, driven through chromedriver's own protocol (W3C WebDriver) on loopback."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

#: Nothing of the machine, nothing of the network, an empty profile.
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1200,900",
)
#: What the browser may look up: nothing, so that a page which tries to load something is seen to fail.
_NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND"
_STARTED = b"started successfully on port "


class BrowserError(Exception):
    """What chromedriver said against a command."""


def missing_programs() -> str | None:
    """What keeps a browser from being started here, None where nothing does."""
    missing = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found: apt-get install chromium chromium-driver" if missing else None


class Browser:
    """One window. `folder` must be empty: the profile is made in it."""

    def __init__(self, folder: Path) -> None:
        environment = {**os.environ, "HOME": str(folder), "XDG_CONFIG_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
        self._driver = subprocess.Popen(
            [shutil.which("chromedriver") or "chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )
        try:
            self._port = self._read_port()
            options = {
                "binary": shutil.which("chromium"),
                "args": [*_FLAGS, _NO_NETWORK, f"--user-data-dir={folder}/profile"],
            }
            wanted = {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
            session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
            self._session = f"/session/{session['sessionId']}"
        except BaseException:
            self._driver.kill()
            raise

    def close(self) -> None:
        try:
            self._ask("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait()
            self._driver.stdout.close()

    def open(self, path: Path | str, fragment: str = "") -> None:
        self.log()
        self._ask("POST", f"{self._session}/url", {"url": "about:blank"})
        self._ask("POST", f"{self._session}/url", {"url": Path(path).as_uri() + fragment})

    def run(self, script: str, *arguments: object) -> Any:
        """The value that a script returns."""
        return self._ask("POST", f"{self._session}/execute/sync", {"script": script, "args": [*arguments]})

    def click(self, selector: str) -> None:
        self._ask("POST", f"{self._element(selector)}/click", {})

    def write(self, selector: str, text: str) -> None:
        self._ask("POST", f"{self._element(selector)}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Press keys one after another, whatever has the focus."""
        actions = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        source = {"type": "key", "id": "keyboard", "actions": actions}
        self._ask("POST", f"{self._session}/actions", {"actions": [source]})

    def log(self) -> list[str]:
        """What the console said since the last look: errors of scripts, what the page's policy refused."""
        return [entry["message"] for entry in self._ask("POST", f"{self._session}/se/log", {"type": "browser"})]

    def command(self, name: str, **parameters: object) -> Any:
        """A command of the DevTools protocol."""
        return self._ask("POST", f"{self._session}/goog/cdp/execute", {"cmd": name, "params": parameters})

    def _element(self, selector: str) -> str:
        found = self._ask("POST", f"{self._session}/element", {"using": "css selector", "value": selector})
        return f"{self._session}/element/{next(iter(found.values()))}"

    def _read_port(self) -> int:
        for line in self._driver.stdout:
            if _STARTED in line:
                return int(line.rpartition(b" ")[2].strip(b".\n"))
        raise BrowserError("chromedriver ended before it had a port")

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(answer, dict) and "error" in answer:
            raise BrowserError(f"{answer['error']}: {answer['message']}")
        return answer
