"""A PostgreSQL of the tests' own: a cluster in a folder of its own, on a port of this machine, for as long as it takes."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

PASSWORD = "EXAMPLE-password"
NUMBERS = count(1)
TRIES = 5


@dataclass
class Cluster:
    """A server with its folder; `account` is what it runs as where root may not run it."""

    folder: Path
    account: str | None
    settings: Sequence[str]
    port: int = 0

    def url(self, database: str = "postgres") -> str:
        """Where a database is, as the program takes it."""
        return f"postgresql+psycopg://tester:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def new(self) -> str:
        """The URL of a new, empty database."""
        name = f"history{next(NUMBERS)}"
        self.ask(f"CREATE DATABASE {name}")
        return self.url(name)

    def ask(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What a query gives, by the driver alone; nothing where it gives no rows."""
        return asked(self.url(database), query)

    @contextmanager
    def files_of_at_most(self, size: int) -> Iterator[None]:
        """Lets no file of connections that are made meanwhile grow above `size` bytes, as a full disk would."""
        # Root may not do this everywhere, but whoever runs the server may.
        process = (self.folder / "data" / "postmaster.pid").read_text().split()[0]
        assert self.run("prlimit", f"--pid={process}", f"--fsize={size}:"), self.log
        try:
            yield
        finally:
            assert self.run("prlimit", f"--pid={process}", "--fsize=unlimited:"), self.log

    def initialize(self) -> None:
        """Makes the folder that of a server with the user `tester`, and with files of WAL of 1 MB."""
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        (self.folder / "programs.log").touch()
        if self.account:
            for path in (self.folder, secret, self.folder / "programs.log"):
                shutil.chown(path, self.account)
        done = self.run(
            *("initdb", "--pgdata=data", "--username=tester", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync"),
            "--wal-segsize=1",
        )
        assert done, self.log

    def start(self) -> None:
        """Starts the server, on another port where somebody else has taken the first in the meantime."""
        for _ in range(TRIES):
            self.port = free_port()
            # Nothing of it has to outlive the machine, and nobody comes by a socket of Unix.
            options = [*("listen_addresses=127.0.0.1", f"port={self.port}", "fsync=off")]
            options += ["unix_socket_directories=", *self.settings]
            given = " ".join(f"-c {option}" for option in options)
            if self.run(
                *("pg_ctl", "start", "--wait", "--pgdata=data", "--log=server.log"),
                f"--options={given}",
            ):
                return
        pytest.fail(f"PostgreSQL does not start: {self.log}")

    def stop(self) -> None:
        """Stops the server at once, as a machine that is switched off; nothing where it does not run."""
        self.run("pg_ctl", "stop", "--pgdata=data", "--mode=immediate")

    @property
    def log(self) -> str:
        """What its programs and the server said."""
        logs = (self.folder / "programs.log", self.folder / "server.log")
        return "".join(path.read_text() for path in logs if path.exists())

    def run(self, program: str, *arguments: str) -> bool:
        """Runs a program of PostgreSQL to its end, as whoever owns the folder; whether it succeeded."""
        with (self.folder / "programs.log").open("a") as log:
            done = subprocess.run(
                [found(program), *arguments],
                user=self.account,
                group=self.account and pwd.getpwnam(self.account).pw_gid,
                extra_groups=[] if self.account else None,
                cwd=self.folder,
                env={name: it for name, it in os.environ.items() if not name.startswith("PG")},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        return done.returncode == 0


def asked(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query gives in the database at a URL of the program, by the driver alone; nothing where it gives no rows."""
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as connection:
        cursor = connection.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def found(program: str) -> str:
    """A program of the newest PostgreSQL here: Debian keeps them out of the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: float(it.parent.name)
    )
    for folder in reversed(folders):
        if (folder / program).exists():
            return str(folder / program)
    path = shutil.which(program)
    assert path, f"{program} is missing: install the package postgresql, or util-linux for prlimit"
    return path


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def cluster(settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """A server that runs; it is gone afterwards."""
    account = None
    if os.geteuid() == 0:
        accounts = {entry.pw_name for entry in pwd.getpwall()}
        account = next(name for name in ("postgres", "nobody") if name in accounts)
    folder = Path(tempfile.mkdtemp(prefix="budget-gate-postgresql-"))
    server = Cluster(folder, account, settings)
    try:
        server.initialize()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)
