"""What goes into the prober and what comes out of it. Values and texts only.

In: the first line of standard input is the **job**, one JSON object:

    {"netmon": 1,
     "sample_file": "/path/samples.ndjson",      created by the prober (it must not exist)
     "shared": false,                             true: a relay appends to the sample file, too
     "parent": 4711,                              process id; the prober ends with it
     "max_rate": 2000, "max_rate_per_host": 200,  checks a second
     "host_rates": {},                            of single hosts, where they differ
     "refresh_s": null,                           resolve names again this often (monitor: 60)
     "kernel": true,                              false: judge by our own clock alone
     "context": "{...}",                          a JSON text: copied into the header, never looked at
     "endpoints": [{"index": 3,                    its name in the sample file
                    "host": "db.internal", "port": 5432,
                    "count": 40,                  null: until told to stop
                    "warmup": 0,                  so many of them come first and have the number 0
                    "interval_us": 250000, "timeout_us": 3000000,
                    "retry_on": null,             or a list of outcomes: check again only after these
                    "wait": null,                 or {"for": ["open"], "interval_us": 250000,
                                                  "until_us": 60000000, "stable": 1}
                    "late": "timeout",            or "open": what a handshake past the deadline comes to
                    "proxy": null,                or what to connect to, for a tunnel to host and port:
                        {"kind": "http",          or "socks5"
                         "host": "proxy.internal", "port": 3128,
                         "auth": null},           or [user, password]; of all that we write, only the job holds them
                    "tls": null,                  or a handshake after the connect, with these settings:
                        {"server_name": null,     SNI and the name to verify; null: the host
                         "verify": true, "ca_file": null, "min_version": null},   or "1.2", "1.3"
                    "hold_us": 0,                 keep what was opened open that long: see below
                    "close": "fin",               or "reset": at once, no drain and no TIME_WAIT
                    "family": "any",              or "4", "6": addresses of that one only; "both": each by itself
                    "addresses": "any",           or "first": no other one; "all": each by itself
                    "redact": false}, ...]}       true: no address and no host in the sample file

With `retry_on` null, `count` checks start at a fixed rate and may overlap. With a list, one check
runs at a time, the next starts `interval_us` after the start of the last one or when that has
ended, whichever is later, at most `count` in all, only after an outcome in the list.
With `proxy` the figures of resolution and connect and the address are those of the proxy; what that connect fails with
is `proxy_refused` or `proxy_timeout`. Then come `tls` and `hold_us`; one deadline holds for connect, proxy and TLS.
With `hold_us` a connection stays open that long, beyond the deadline, and is looked at once at the end of it: closed by
the peer without a single byte it is `closed_at_once`, reset `reset`.

With `wait`, tries come first: one at a time, `interval_us` apart in the same way, none that would start later than
`until_us` after the start of the campaign, until `stable` of them in a row came to an outcome that is waited for.
Then the checks begin; with a list in `retry_on` that was all. Without it the tries have the number -1.
With `family` "both" or `addresses` "all" of a name each check is made for each of its parts: an address, or a family.
The samples of one check have the same number, and each its part. A family without an address is a part too
(`dns_no_address`). With `retry_on` only those parts are tried again that came to an outcome in the list.
End of standard input means stop.

Out: the **sample file**, NDJSON in UTF-8, lines appended whole. First a header:

    {"netmon": 1, "started_unix_us": 1782000000000000, "base_ns": 4711000000, "context": {...}}

(`base_ns`: the same moment by the monotonic clock of this machine, for a relay)

then samples, arrays of eleven values, times in whole microseconds:

    [endpoint, check, start_us, outcome, connect_us, clock_us, dns_us, rtt_us, syn_repeats,
     address, detail]

`endpoint` is the index that the job gave it, `check` counts from 1 (not counted: 0 a warm-up, -1 a try before),
`start_us` is monotonic time since the start of the campaign. What was not measured is null. `detail` is null or an
object with any of "errno" ("ECONNREFUSED"), "icmp" ([type, code]), "text" (the system's words, or ours),
"attempts" ([[address or null, outcome, clock_us], ...], those that failed before), "proxy_us" (the tunnel asked for to
given), "tls_us" (connected or tunnelled to shaken hands), both where that ended well, and "cert_expires_s" (from the
check to the end of the server's certificate, negative when it has expired; also of a check that failed, where it is
known). `clock_us` of an open check ends with its connect, of one that failed with that. "part": what of the endpoint it
is about ("10.0.0.3", "IPv6"; "address 1" where it is redacted). Between the samples stand events, objects:

    {"event": "done", "endpoint": 3}                       no more samples of it; of parts also "samples": how many
    {"event": "waited", "endpoint": 3, "met": true, "took_us": .., "tries": 9, "latest": [..], "failing": []}
                                 the end of its wait: as it was to be, or not; since the start; the last three tries;
                                 parts that were not as waited for in the last one
    {"event": "gap", "at_us": .., "length_us": .., "cause": "stalled", "missed": 12}
                                 starts left out; also "suspended", and "late": the loop ran, but not in time
    {"event": "address", "host": .., "old": [..], "new": [..]}
    {"event": "lost", "samples": 7, "text": ".."}         not recorded: disk full
    {"event": "warning", "text": ".."}
    {"event": "near", "endpoint": 3, "connect_us": 31}     another machine cannot be that near
    {"event": "lateness", "starts": 4000, "median_us": 90, "p99_us": 400, "max_us": 2100}
                                                           scheduled starts against their time
    {"event": "end", "reason": "complete"}                or "stopped", "orphaned"; the prober's last line
    {"event": "vantage", "name": "app", "state": "began", "text": null,
     "machine": {...}, "round_trip_us": 310}              of a relay: checks from another place have begun,
                                                           "ended" (text: the reason, as of the end), or they
                                                           are "lost" (text: why, for people)

Whatever writes a line `sealed`s it: its last value, after those above (in an object: "crc"), is the CRC-32 of all bytes
before the comma in front of it. A line that a disk, a copy or a hand has changed is then known as such, and no wrong
number is taken from it.
"""

from __future__ import annotations

from binascii import crc32

VERSION = 1


def sealed(line: bytes) -> bytes:
    """Return a line of the sample file, which ends in `]` or `}` and a newline, with its checksum (0.4 us)."""
    body = line[:-2]
    return (b"%b,%d]\n" if line.endswith(b"]\n") else b'%b,"crc":%d}\n') % (body, crc32(body))


def is_sealed(line: bytes) -> bool:
    """Whether a line, with or without its newline, is as `sealed` made it, to the byte."""
    text = line.rstrip(b"\n")
    return sealed(b"%b%b\n" % (text[: text.rfind(b",")], text[-1:]))[:-1] == text
