"""A Python somewhere else with execnet's gateway in it, started by a command or found behind a socket.

execnet's own `makegateway` starts a command too, but hides its process, its standard error and what it prints before
execnet begins: a hung login could not be ended, and no reason be told. So the first part is ours: a pipe to a process
of which we keep hold. Everything after it is execnet's: its gateway, its channels, its serializer.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import shlex
import signal
import socket
import subprocess
import threading
from collections.abc import Sequence

import execnet
from execnet import gateway_base, gateway_bootstrap
from execnet.gateway_socket import SocketIO
from execnet.xspec import XSpec

#: Its first words, on its standard output: what a login prints before them is passed over.
_BEGUN = b"netmon-gateway\n"
_MOST_NOISE = 1 << 16
#: The last of what is said on its standard error.
_MOST_WORDS = 4096
#: kubectl's last words, which come after those that say why.
_SAYS_NOTHING = "command terminated with exit code"
#: A message that is longer is none of ours; execnet would gather up to 2 GiB of it.
_MOST_MESSAGE = 64 << 20
#: In one line and without single quotes, for any shell that ssh may lead to, and for any Python that may be there.
_BOOT = (
    "import sys;"
    'sys.version_info<(3,8) and sys.exit("netmon: this is Python %d.%d, not 3.8 or newer"%sys.version_info[:2]);'
    "exec(eval(sys.stdin.readline()))"
)


class GatewayError(Exception):
    """No Python was had there. The text says why, in words that end no sentence."""


class CommandIO(gateway_base.Popen2IO):
    """The standard streams of a command in a process group of its own, so that all of it can be ended."""

    def __init__(self, arguments: Sequence[str]) -> None:
        """Raises GatewayError where it cannot be started."""
        try:
            self.process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise GatewayError(
                f"the command {arguments[0]} was not found here: install it, or name it in full"
            ) from None
        except OSError as error:
            raise GatewayError(f"the command {arguments[0]} could not be started: {error.strerror}") from None
        super().__init__(self.process.stdin, self.process.stdout, gateway_base.get_execmodel("thread"))
        self._said = bytearray()
        self.noise = b""
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def read(self, numbytes: int) -> bytes:
        if numbytes > _MOST_MESSAGE:
            raise EOFError(f"a message of {numbytes} bytes")
        return super().read(numbytes)

    def wait(self) -> int | None:
        return self.process.wait()

    def kill(self) -> None:
        """End it and what it has started, as far as that is in its group."""
        with contextlib.suppress(OSError):
            os.killpg(self.process.pid, signal.SIGKILL)

    def words(self) -> str:
        """The last line that it has said on its standard error, else on its standard output before it began."""
        if self.process.poll() is not None:
            self._listener.join(0.2)
        for text in (bytes(self._said), self.noise):
            lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines() if line.strip()]
            told = [line for line in lines if not line.startswith(_SAYS_NOTHING)] or lines
            if told:
                return told[-1]
        return ""

    def boot(self) -> None:
        """Send execnet's code and wait until it runs. Raises EOFError and OSError where it does not."""
        source = "\n".join(
            (
                inspect.getsource(gateway_base),
                "io = init_popen_io(get_execmodel('thread'))",
                f"io.write({_BEGUN!r})",
                "serve(io, id='netmon')",
            )
        )
        with contextlib.suppress(OSError):  # it ended already: what it said says why
            self.write(f"{source!a}\n".encode("ascii"))
        noise = bytearray()
        while not noise.endswith(_BEGUN):
            noise += self.read(1)
            self.noise = bytes(noise[-_MOST_WORDS:])
            if len(noise) > _MOST_NOISE:
                raise EOFError("something else than Python")
        self.noise = b""

    def _listen(self) -> None:
        assert self.process.stderr is not None
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self.process.stderr.fileno(), 4096):
                self._said += data
                del self._said[:-_MOST_WORDS]


def started_command(command: Sequence[str], python: Sequence[str], *, through_shell: bool) -> CommandIO:
    """Start Python through a command. Raises GatewayError."""
    start = (*python, "-u", "-c", _BOOT)
    return CommandIO((*command, shlex.join(start)) if through_shell else (*command, *start))


def connected(server: tuple[str, int], timeout_s: float) -> SocketIO:
    """Connect to execnet's socket server and make a gateway of it. Raises GatewayError."""
    try:
        sock = socket.create_connection(server, timeout=timeout_s)
        io = SocketIO(sock, gateway_base.get_execmodel("thread"))
        gateway_bootstrap.bootstrap_socket(io, "netmon")
        sock.settimeout(None)
    except TimeoutError:
        raise GatewayError(f"{server[0]}:{server[1]}: no answer of an execnet socket server") from None
    except (OSError, EOFError, AssertionError) as error:
        said = getattr(error, "strerror", None) or str(error) or "no execnet socket server"
        raise GatewayError(f"{server[0]}:{server[1]}: {said}") from None
    return io


def gateway_of(io: CommandIO | SocketIO, name: str) -> execnet.Gateway:
    """Return execnet's gateway over streams on which it has begun."""
    return execnet.Gateway(io, XSpec(f"popen//id={name}"))
