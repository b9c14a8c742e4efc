"""Certificates made by the `openssl` command: a chain of its own for each test that needs one."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

HAS_OPENSSL = shutil.which("openssl") is not None


_SETTINGS = """
[ca]
default_ca = own
[own]
database = {folder}/database
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = any
[any]
commonName = supplied
"""


@dataclass(frozen=True)
class Issued:
    """Files in PEM: a key, and the certificate with the issuers between it and the root."""

    key: Path
    chain: Path


class Authority:
    """A root, and what it issues. `root` is the file to trust."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._folder = folder
        self.root = folder / "root.pem"
        self._key = folder / "root.key"
        self._self_sign("netmon test root", self.root, self._key)
        self._settings = folder / "ca.conf"
        self._settings.write_text(_SETTINGS.format(folder=folder), "utf-8")
        (folder / "database").touch()

    def issue(self, *names: str, days: int = 30, issuer_days: int | None = None) -> Issued:
        """A certificate for `names` (`DNS:..`, `IP:..`) that expires in `days`; with `issuer_days` an intermediate
        that expires then stands between it and the root. Negative: has expired."""
        number = len(list(self._folder.glob("*.chain")))
        issuer, issuer_key, between = self.root, self._key, b""
        if issuer_days is not None:
            issuer, issuer_key = self._folder / f"{number}.issuer", self._folder / f"{number}.issuer-key"
            extension = "basicConstraints=critical,CA:true"
            self._sign("netmon test issuer", issuer, issuer_key, self.root, self._key, extension, issuer_days)
            between = issuer.read_bytes()
        issued = Issued(self._folder / f"{number}.key", self._folder / f"{number}.chain")
        extension = f"subjectAltName={','.join(names)}"
        self._sign("netmon test", issued.chain, issued.key, issuer, issuer_key, extension, days)
        issued.chain.write_bytes(issued.chain.read_bytes() + between)
        return issued

    def self_signed(self, name: str) -> Issued:
        number = len(list(self._folder.glob("*.chain")))
        issued = Issued(self._folder / f"{number}.key", self._folder / f"{number}.chain")
        self._self_sign(name, issued.chain, issued.key, "-addext", f"subjectAltName=DNS:{name}")
        return issued

    def _self_sign(self, name: str, to: Path, key: Path, *more: str) -> None:
        self._openssl("req", "-x509", *_new_key(key), "-out", to, "-days", "30", "-subj", f"/CN={name}", *more)

    def _sign(self, name: str, to: Path, key: Path, by: Path, by_key: Path, extension: str, days: int) -> None:
        request, extensions = to.with_suffix(".request"), to.with_suffix(".extensions")
        extensions.write_text(extension + "\n", "ascii")
        self._openssl("req", *_new_key(key), "-out", request, "-subj", f"/CN={name}")
        # `openssl ca` and not `x509`: only that one takes an end that has passed.
        end = datetime.now(timezone.utc) + timedelta(days=days)
        begin = min(end, datetime.now(timezone.utc)) - timedelta(days=1)
        self._openssl(
            "ca", "-batch", "-notext", "-config", self._settings, "-in", request, "-out", to, "-cert", by,
            "-keyfile", by_key, "-startdate", f"{begin:%Y%m%d%H%M%SZ}", "-enddate", f"{end:%Y%m%d%H%M%SZ}",
            "-extfile", extensions,
        )  # fmt: skip

    @staticmethod
    def _openssl(*arguments: str | Path) -> None:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def _new_key(key: Path) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(key))
