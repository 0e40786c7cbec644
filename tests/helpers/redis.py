"""A Redis of the tests' own: a server with a folder of its own, on a port of this machine, for as long as it takes."""

import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.helpers.postgresql import free_port
from tests.helpers.redis_clock import telling

TRIES = 5
# How often it is asked whether it is there, 0.01 s apart.
PATIENCE = 2_000


@dataclass
class Server:
    """A Redis with its folder; `settings` are those of its command line, and it may be of TLS alone."""

    folder: Path
    settings: Sequence[str] = ()
    password: str = ""
    is_tls: bool = False
    port: int = 0
    process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Where it is, as the program takes it."""
        user = f":{self.password}@" if self.password else ""
        if self.is_tls:
            return f"rediss://{user}localhost:{self.port}/0?ssl_ca_certs={self.folder / 'ca.pem'}"
        return f"redis://{user}127.0.0.1:{self.port}/0"

    @contextmanager
    def at(self, now: datetime) -> Iterator[str]:
        """Where the same Redis is that tells the time `now`, whatever its clock says."""
        with telling(self.port, now) as port:
            yield self.url.replace(f":{self.port}/", f":{port}/")

    def driver(self) -> Any:
        """A client of the driver alone, never of the program; what it reads are texts."""
        return redis.Redis.from_url(self.url, decode_responses=True)

    def ask(self, *command: str | int) -> Any:
        """What a command answers, by the driver alone."""
        with self.driver() as client:
            return client.execute_command(*command)

    def dump(self, key: str) -> bytes | None:
        """The value of a key as Redis would move it elsewhere; None where there is none."""
        with redis.Redis.from_url(self.url) as client:
            found: bytes | None = client.dump(key)
            return found

    def start(self) -> None:
        """Starts the server on the port that it had, or on a free one."""
        for _ in range(TRIES):
            self.port = self.port or free_port()
            port = ["--port", str(self.port)]
            if self.is_tls:
                port = ["--port", "0", "--tls-port", str(self.port), *self._certified()]
            password = ["--requirepass", self.password] if self.password else []
            with (self.folder / "server.log").open("ab") as log:
                self.process = subprocess.Popen(
                    [
                        *("redis-server", "--bind", "127.0.0.1", "--dir", str(self.folder)),
                        # Nothing of it has to outlive the test, unless its settings say so.
                        *("--save", "", "--daemonize", "no"),
                        *(*port, *password, *self.settings),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            if self._answers():
                return
            self.stop()
            self.port = 0
        pytest.fail(f"Redis does not start: {self.log}")

    def stop(self) -> None:
        """Stops the server at once, as a machine that is switched off; nothing where it does not run."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def log(self) -> str:
        """What the server said."""
        return (self.folder / "server.log").read_text(errors="replace")

    def _answers(self) -> bool:
        assert self.process
        for _ in range(PATIENCE):
            if self.process.poll() is not None:
                return False
            try:
                self.ask("PING")
            except (redis.ConnectionError, redis.TimeoutError):
                time.sleep(0.01)
            else:
                return True
        return False

    def _certified(self) -> list[str]:
        """The settings of TLS, with a certificate by an authority of the folder's own."""
        if not (self.folder / "ca.pem").exists():
            certify(self.folder)
        names = {"cert": "server.pem", "key": "server.key", "ca-cert": "ca.pem"}
        return [
            *("--tls-auth-clients", "no"),
            *(
                part
                for name, file in names.items()
                for part in (f"--tls-{name}-file", str(self.folder / file))
            ),
        ]


def certify(folder: Path) -> None:
    """Writes ca.pem, and server.pem with server.key, a certificate of localhost by that authority."""
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    authority = (
        *("req", "-x509", *key, "-days", "2", "-subj", "/CN=EXAMPLE-authority"),
        *("-keyout", "ca.key", "-out", "ca.pem"),
        *("-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=keyCertSign"),
    )
    request = (
        *("req", *key, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        *("-keyout", "server.key", "-out", "server.csr"),
    )
    signed = (
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key"),
        *("-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", "server.pem"),
    )
    for command in (authority, request, signed):
        subprocess.run(["openssl", *command], cwd=folder, check=True, capture_output=True)


@contextmanager
def server(
    *settings: str, password: str = "", is_tls: bool = False, path: Path | None = None
) -> Iterator[Server]:
    """A server that runs; it and its folder are gone afterwards."""
    folder = path or Path(tempfile.mkdtemp(prefix="budget-gate-redis-"))
    one = Server(folder, settings, password, is_tls)
    assert shutil.which("redis-server"), "redis-server is missing: install the package redis-server"
    try:
        one.start()
        yield one
    finally:
        one.stop()
        shutil.rmtree(folder, ignore_errors=True)


def slot(key: str) -> int:
    """The slot of a key in a cluster: CRC-16/XMODEM, bit by bit, of its hash tag modulo 16384 (cluster specification)."""
    start = key.find("{")
    end = key.find("}", start + 1)
    if start >= 0 and end > start + 1:
        key = key[start + 1 : end]
    crc = 0
    for byte in key.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (0x1021 if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return crc % 16384
