"""Run a program in which the kernel fails one system call with one error: `shortage.py CALL ERRNO COMMAND...`.

A seccomp filter, as an ordinary user may set it for himself and his children (seccomp(2)). CALL may be `CALL:FAMILY`:
then only where its first argument is that (socket's address family: 2 IPv4, 10 IPv6).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

#: Numbers of system calls, by machine: x86-64 and the generic table of newer ones (asm-generic/unistd.h).
CALLS = {
    "x86_64": {"socket": 41, "connect": 42, "sendmmsg": 307},
    "aarch64": {"socket": 198, "connect": 203, "sendmmsg": 269},
}
# linux/bpf_common.h, linux/seccomp.h: struct seccomp_data has the call's number at 0, its first argument at 16.
_LOAD, _JUMP_EQUAL, _RETURN = 0x20, 0x15, 0x06
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _FILTER = 38, 22, 2


def missing() -> str | None:
    """Why that cannot be done here; None where it can."""
    if not sys.platform.startswith("linux"):
        return "system calls are failed by seccomp, which is Linux's"
    if platform.machine() not in CALLS:
        return f"no numbers of system calls are known here for {platform.machine()}"
    return None


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, value)


def fail(call: str, error: int) -> None:
    """Have this process's calls of that name fail, from now on and for ever."""
    name, _, first = call.partition(":")
    wanted = [_step(_LOAD, 0), _step(_JUMP_EQUAL, CALLS[platform.machine()][name], 0, 3 if first else 1)]
    if first:
        wanted += [_step(_LOAD, 16), _step(_JUMP_EQUAL, int(first), 0, 1)]
    steps = [*wanted, _step(_RETURN, _FAIL | error), _step(_RETURN, _ALLOW)]
    program = ctypes.create_string_buffer(b"".join(steps))
    filter_ = struct.pack("@HxxxxxxP", len(steps), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _FILTER, filter_, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    fail(sys.argv[1], getattr(errno, sys.argv[2]))
    os.execvp(sys.argv[3], sys.argv[3:])
