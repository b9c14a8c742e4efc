"""TLS handshakes, over bytes that others move. Imported only where an endpoint wants TLS: `ssl` takes 10 ms to load."""

from __future__ import annotations

import functools
import math
import os
import ssl
import time
from typing import Dict, List, Optional, Union

from .certificate import expires_at, names_of
from .dialogue import Dialogue, Step, first_line

# Of openssl/x509_vfy.h.
_HAS_EXPIRED = 10
_OUTCOMES = {_HAS_EXPIRED: "tls_expired", 62: "tls_name_mismatch", 64: "tls_name_mismatch"}
#: RFC 8446, 5.1: alert and handshake are all that a server may answer with, in records of TLS 1.x or SSL 3.0.
_RECORDS = (0x15, 0x16)

#: Of a certificate for another host; RFC 1035, 2.3.4.
_MOST_NAMES, _MOST_NAME = 4, 255

Context = Union[ssl.SSLContext, str]


@functools.lru_cache(maxsize=None)
def context_of(verify: bool, ca_file: Optional[str], min_version: Optional[str]) -> Context:
    """Return what handshakes with these settings share, or why this machine cannot make any."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3 if min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    # A ca_file may name an issuer that is not a root, as with curl (Python 3.10 knows the flag's name).
    context.verify_flags |= getattr(ssl, "VERIFY_X509_PARTIAL_CHAIN", 0)
    if ca_file is None:
        context.load_default_certs()
        return context if _has_roots(context) else "no CA certificates on this machine: install some, or name a ca_file"
    try:
        context.load_verify_locations(ca_file)
    except ssl.SSLError as error:
        return f"no certificates can be read from the ca_file {ca_file}: {_words(error)}"
    except (OSError, ValueError) as error:
        return f"the ca_file {ca_file} cannot be read: {getattr(error, 'strerror', None) or error}"
    return context


def _has_roots(context: ssl.SSLContext) -> bool:
    """Whether a chain can end anywhere; certificates of a folder are loaded when they are needed."""
    if context.cert_store_stats()["x509_ca"]:
        return True
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and bool(os.listdir(folder))


def server_name_of(host: str) -> str:
    """Return what a certificate should say for a host: a literal without its zone, a name without the root's dot."""
    return host.partition("%")[0] if ":" in host else host[:-1] if host.endswith(".") else host


class Handshake(Dialogue):
    """A client's handshake for `server_name`: SNI and verified name, or the address of a literal (then without SNI)."""

    phase = "tls"
    timeout = "tls_timeout"

    def __init__(self, context: Context, server_name: str) -> None:
        self._context = context
        self._server_name = server_name
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()
        self._has_heard = False

    def begin(self) -> Step:
        context = self._context
        if isinstance(context, str):
            return Step(outcome="local_error", text=context)
        try:
            self._object = context.wrap_bio(self._from_peer, self._to_peer, server_hostname=self._server_name)
        except (OSError, TypeError, ValueError) as error:  # TypeError: NUL in it
            return Step(outcome="local_error", text=f"not a name that TLS can ask for: {error}")
        return self._go_on()

    def take(self, data: bytes) -> Step:
        if not data:
            when = "during the handshake" if self._has_heard else "without a word of TLS"
            return Step(outcome="tls_handshake", text=f"the peer closed the connection {when}")
        if not self._has_heard and data[0] not in _RECORDS:
            return Step(outcome="tls_handshake", text=f"the answer is not TLS: {first_line(data)}")
        self._has_heard = True
        self._from_peer.write(data)
        return self._go_on()

    def hear(self, data: bytes) -> Step:
        """Tickets are no words of the service; from TLS 1.3 on it refuses a client without a certificate only now."""
        self._from_peer.write(data)
        try:
            self._object.read(1)
        except ssl.SSLWantReadError:
            return Step()
        except ssl.SSLZeroReturnError:
            return Step(outcome="closed_at_once")
        except ssl.SSLError as error:
            return Step(outcome="tls_handshake", text=_words(error))
        return Step(is_over=True)

    def farewell(self) -> bytes:
        """Say `close_notify`: servers log a connection that ends without."""
        try:
            self._object.unwrap()
        except ssl.SSLError:  # it wants the peer's own, which nobody waits for
            pass
        return self._to_peer.read()

    def _go_on(self) -> Step:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return Step(send=self._to_peer.read())
        except ssl.SSLCertVerificationError as error:
            return self._refuse(error)
        except ssl.SSLError as error:
            return Step(send=self._to_peer.read(), outcome="tls_handshake", text=_words(error))
        self._note_expiry(self._object.getpeercert(binary_form=True))
        return Step(send=self._to_peer.read(), is_over=True)

    def _refuse(self, error: ssl.SSLCertVerificationError) -> Step:
        sent = _sent_by(self._object)
        self._note_expiry(sent[0] if sent else None)
        text = error.verify_message
        if error.verify_code == _HAS_EXPIRED and self.cert_expires_s is not None and self.cert_expires_s > 0:
            text += ": not its own, but one of its issuers'"
        outcome = _OUTCOMES.get(error.verify_code, "tls_verify")
        if outcome == "tls_name_mismatch" and sent:
            text = f"{text.rstrip('.')}: it is for {_listed(names_of(sent[0]))}"
        return Step(send=self._to_peer.read(), outcome=outcome, text=text)

    def _note_expiry(self, der: Optional[bytes]) -> None:
        at_s = None if der is None else _expires_at(der)
        self.cert_expires_s = None if at_s is None else math.floor(at_s - time.time())


#: Checks of an endpoint see the same certificate again and again.
_expires_at = functools.lru_cache(maxsize=1024)(expires_at)


def _sent_by(peer: ssl.SSLObject) -> List[bytes]:
    """Return the certificates that the peer sent, also those that were refused: nothing where Python (before 3.10) or
    OpenSSL (before 3) does not tell. The method is public from Python 3.13 on and the same before."""
    if hasattr(peer, "get_unverified_chain"):
        return list(peer.get_unverified_chain())
    ask = getattr(getattr(peer, "_sslobj", None), "get_unverified_chain", None)
    sent = ask() if ask is not None else None
    return [certificate.public_bytes(_DER) for certificate in sent or ()]


#: `ENCODING_DER` of the module behind `ssl`.
_DER = 2


def _listed(names: List[str]) -> str:
    """The first few names, each as far as a host name can go."""
    shown = ", ".join(name[:_MOST_NAME] for name in names[:_MOST_NAMES]) or "no name at all"
    return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown


def _words(error: ssl.SSLError) -> str:
    """OpenSSL's reason as words: `tlsv1 alert protocol version`."""
    reason = getattr(error, "reason", None)
    return str(reason).replace("_", " ").lower() if reason else str(error.strerror or error)


def stage_of(job: Dict[str, object], host: str) -> "functools.partial[Handshake]":
    """Return the stage for a job's `tls` (see `protocol`) of a target; files are read here."""
    server_name, ca_file, min_version = (job.get(key) for key in ("server_name", "ca_file", "min_version"))
    context = context_of(
        bool(job.get("verify", True)),
        None if ca_file is None else str(ca_file),
        None if min_version is None else str(min_version),
    )
    return functools.partial(Handshake, context, server_name_of(str(host if server_name is None else server_name)))
