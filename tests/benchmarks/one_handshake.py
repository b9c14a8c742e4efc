"""A client that makes one TLS handshake at a time, and so is late for none of them.

    one_handshake.py ROOT NAME COUNT HOST:PORT...

Prints one line of JSON: connects and handshakes in milliseconds, `COUNT` of each, of the addresses in turn.
"""

from __future__ import annotations

import itertools
import json
import socket
import ssl
import sys
import time


def main(root: str, name: str, count: int, places: list[str]) -> None:
    context = ssl.create_default_context(cafile=root)
    connects_ms, handshakes_ms = [], []
    for place in itertools.islice(itertools.cycle(places), count):
        host, _, port = place.partition(":")
        began_s = time.perf_counter()
        with socket.create_connection((host, int(port)), 10) as plain:
            connected_s = time.perf_counter()
            with context.wrap_socket(plain, server_hostname=name):
                ended_s = time.perf_counter()
        connects_ms.append((connected_s - began_s) * 1000)
        handshakes_ms.append((ended_s - connected_s) * 1000)
    print(json.dumps({"connect_ms": connects_ms, "handshake_ms": handshakes_ms}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4:])
