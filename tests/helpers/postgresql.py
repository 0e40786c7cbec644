"""A PostgreSQL of the tests' own: a cluster in a folder of its own, on a port of this machine, for as long as it takes."""

import os
import pwd
import resource
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

NUMBERS = count(1)


@dataclass(frozen=True)
class Cluster:
    """A server with its folder; `account` is what it runs as where root may not run it."""

    folder: Path
    port: int
    account: str | None

    def url(self, database: str = "postgres") -> str:
        """Where a database is, as the program takes it."""
        return f"postgresql+psycopg://tester:EXAMPLE-password@127.0.0.1:{self.port}/{database}"

    def new(self) -> str:
        """The URL of a new, empty database."""
        name = f"history{next(NUMBERS)}"
        self.ask(f"CREATE DATABASE {name}")
        return self.url(name)

    def ask(self, query: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """What a query gives, by the driver alone; nothing where it gives no rows."""
        with psycopg.connect(
            self.url(database).replace("+psycopg", ""), autocommit=True
        ) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def limit_files(self, size: int) -> None:
        """Lets no file of new connections grow above `size` bytes, as a full disk would."""
        process = int((self.folder / "data" / "postmaster.pid").read_text().split()[0])
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def run(self, program: str, *arguments: str) -> None:
        """Runs a program of PostgreSQL to its end, as whoever owns the folder."""
        done = subprocess.run(
            [found(program), *arguments],
            user=self.account,
            group=self.account and pwd.getpwnam(self.account).pw_gid,
            extra_groups=[] if self.account else None,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=(log := self.folder / "programs.log").open("a"),
            stderr=subprocess.STDOUT,
            check=False,
        )
        assert done.returncode == 0, log.read_text()


def found(program: str) -> str:
    """A program of the newest PostgreSQL here: Debian keeps them out of the PATH."""
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda it: float(it.parent.name)
    )
    for folder in reversed(folders):
        if (folder / program).exists():
            return str(folder / program)
    path = shutil.which(program)
    assert path, f"{program} of PostgreSQL is missing: install the package postgresql"
    return path


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextmanager
def cluster(settings: Sequence[str] = ()) -> Iterator[Cluster]:
    """A server that runs, with the user `tester` and files of WAL of 1 MB; it is gone afterwards."""
    account = None
    if os.geteuid() == 0:
        account = next(
            it for it in ("postgres", "nobody") if it in {e.pw_name for e in pwd.getpwall()}
        )
    folder = Path(tempfile.mkdtemp(prefix="budget-gate-postgresql-"))
    server = Cluster(folder, free_port(), account)
    try:
        secret = folder / "password"
        secret.write_text("EXAMPLE-password")
        (folder / "programs.log").touch()
        if account:
            for path in (folder, secret, folder / "programs.log"):
                shutil.chown(path, account)
        server.run(
            *("initdb", "--pgdata=data", "--username=tester", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"),
            "--wal-segsize=1",
        )
        # Nothing of it has to outlive the machine.
        options = ["listen_addresses=127.0.0.1", f"port={server.port}", "fsync=off"]
        options += [f"unix_socket_directories={folder}", *settings]
        given = " ".join(f"-c {option}" for option in options)
        server.run(
            "pg_ctl", "start", "--wait", "--pgdata=data", "--log=server.log", f"--options={given}"
        )
        try:
            yield server
        finally:
            server.run("pg_ctl", "stop", "--pgdata=data", "--mode=immediate")
    finally:
        shutil.rmtree(folder)
