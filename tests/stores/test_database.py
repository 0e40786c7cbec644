"""The database of a history: what its URL may be, what it may hold, and how it fails; its password is shown nowhere."""

import sqlite3
import subprocess
import time
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from socket import socket
from urllib.parse import quote

import psycopg
import pytest
from psycopg.errors import UndefinedTable

from budget_gate.errors import InterruptedRunError
from budget_gate.stores import database as database_module
from budget_gate.stores.database import Database
from tests.helpers.inert import content
from tests.helpers.postgresql import PASSWORD, Cluster, free_port
from tests.helpers.running import AS_OF, NOW, OK, ORGANIZATION, Here, Run
from tests.helpers.serving import raw_server
from tests.helpers.stores import TABLES, Store
from tests.helpers.wording import assert_says
from tests.world.loopback import LoopbackAPI, Organization

# What a password may be: as usual, with what a URL escapes, and shorter than any credential.
PASSWORDS = (
    "EXAMPLE-password",
    "EXAMPLE/pass@word:of?all&signs%",
    "EXAMPLE pass word",
    "x9",
    "z",
    "EXAMPLE-Paßwort-東京",
)


def ran(here: Here, *arguments: str) -> Run:
    """A run at NOW, beside the API of an organization."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        return here.main(*arguments)


@dataclass(frozen=True)
class Use:
    """A way to use a history: a command line that ends in its database's URL, and what it says first where it fails."""

    arguments: tuple[str, ...]
    verb: str

    def run(self, here: Here, url: str) -> Run:
        """A run with the history at that URL."""
        return ran(here, *self.arguments, url)


SYNC = Use(("sync", "--store"), "read")
EXPORT = Use(("export", "--days", "3", "--store"), "read")
NAMED_EXPORT = Use(("export", "--days", "3", "--names-from"), "read")
CHECK = Use(("check", "--names-from"), "read")
USES = (SYNC, EXPORT, NAMED_EXPORT, CHECK)


@pytest.fixture(params=USES, ids=lambda use: " ".join((use.arguments[0], use.arguments[-1])))
def use(request: pytest.FixtureRequest, here: Here) -> Use:
    """Each way to use a history, with a policy."""
    here.program.write(OK)
    chosen: Use = request.param
    return chosen


# URLs


@pytest.mark.parametrize(
    ("url", "facts"),
    [
        ("usage.db", ("what is given is no URL of a database", "sqlite:///usage.db")),
        ("sqlite:/usage.db", ("is no URL of a database", "sqlite:///usage.db")),
        ("sqlite://usage.db", ("names no file", "sqlite:///usage.db")),
        ("sqlite://", ("names no file", "sqlite:///usage.db")),
        ("sqlite:///:memory:", ("names no file", "sqlite:///usage.db")),
        ("sqlite:///usage.db?mode=ro", ("names no file", "sqlite:///usage.db")),
        ("sqlite:///nowhere/usage.db", ("its folder does not exist", "create the folder")),
        ("mysql://somewhere/history", ("neither SQLite nor PostgreSQL", "postgresql+psycopg://")),
        ("postgresql+psycopg2://h/d", ("neither SQLite nor PostgreSQL", "postgresql+psycopg://")),
        ("postgresql://h:port/d", ("is no URL of a database", "postgresql+psycopg://")),
    ],
)
def test_a_url_of_no_database_is_2(here: Here, use: Use, url: str, facts: tuple[str, ...]) -> None:
    """With what to write, whatever it is for."""
    run = use.run(here, url)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, *facts)
    assert [path.name for path in here.program.folder.iterdir()] == ["budget.yml"]


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql", "postgres"])
def test_postgresql_may_be_called_as_usual(here: Here, postgresql: Cluster, scheme: str) -> None:
    """The URL that a provider shows is good as it is."""
    store = Store(postgresql.new())
    assert SYNC.run(here, store.url.replace("postgresql+psycopg", scheme)).code == 0
    assert len(store.days()) == 31


@pytest.mark.parametrize("path", ["usage.db", "./usage.db", "with space.db", "日本.db"])
def test_a_file_of_sqlite_is_beside_the_checkout(here: Here, path: str) -> None:
    """A relative path is one from where the program runs."""
    assert SYNC.run(here, f"sqlite:///{path}").code == 0
    assert len(Store(f"sqlite:///{here.program.folder / path}").days()) == 31


# What it may hold


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_version_of_the_tables_is_2(
    here: Here, store: Store, use: Use, version: int
) -> None:
    """Older or newer: with both versions, and nothing is changed."""
    assert SYNC.run(here, store.url).code == 0
    store.ask(f"UPDATE budget_gate_schema SET version = {version}")  # noqa: S608
    before = store.dump()
    run = use.run(here, store.url)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, f"version {version} of the tables", "needs 1", "name another database")
    assert store.dump() == before


@pytest.mark.parametrize("change", ["DELETE FROM {}", "INSERT INTO {} VALUES (2)"])
def test_tables_of_no_one_version_are_2(here: Here, store: Store, use: Use, change: str) -> None:
    """None at all, or two."""
    assert SYNC.run(here, store.url).code == 0
    store.ask(change.format("budget_gate_schema"))
    run = use.run(here, store.url)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "of the tables", "needs 1")


@pytest.mark.parametrize("table", TABLES[:3])
def test_a_table_of_somebody_else_is_2(here: Here, store: Store, use: Use, table: str) -> None:
    """It is named, and left as it is; so is the database."""
    store.ask(f"CREATE TABLE {table} (mine integer)")
    store.ask(f"INSERT INTO {table} VALUES (7)")  # noqa: S608
    run = use.run(here, store.url)
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, f"a table {table} that is not of budget-gate", "another database")
    assert store.ask(f"SELECT * FROM {table}") == [(7,)]  # noqa: S608
    for other in set(TABLES) - {table}:
        with pytest.raises((sqlite3.OperationalError, UndefinedTable), match=other):
            store.ask(f"SELECT * FROM {other}")  # noqa: S608


def test_tables_of_others_are_left_alone(here: Here, store: Store) -> None:
    """A database that has other tables takes those of the history as well."""
    store.ask("CREATE TABLE somebody_elses (mine integer)")
    assert SYNC.run(here, store.url).code == 0
    assert len(store.days()) == 31
    assert store.ask("SELECT * FROM somebody_elses") == []


# How it fails


def assert_is_3(run: Run, *facts: str) -> None:
    """Fails unless a run ended in 3, with the facts, and with nothing of a traceback."""
    assert run.code == 3
    assert_says(run.stdout + run.stderr, "the history", "cannot be", *facts)
    assert "Traceback" not in run.stdout + run.stderr
    assert "sqlalche.me" not in run.stdout + run.stderr


def test_a_server_that_is_not_there_is_3(here: Here, use: Use) -> None:
    """Where nothing listens."""
    port = free_port()
    run = use.run(here, f"postgresql+psycopg://someone:EXAMPLE-secret@127.0.0.1:{port}/history")
    assert_is_3(run, str(port), "check that the database is there")


def test_a_server_that_is_silent_is_3(here: Here, use: Use) -> None:
    """Within the time that the URL says, if it says one."""

    def listen(connection: socket) -> None:
        while connection.recv(1000):
            pass

    with raw_server(listen) as silent:
        port = silent.rpartition(":")[2]
        url = f"postgresql+psycopg://someone@127.0.0.1:{port}/history?connect_timeout=2"
        before = time.monotonic()
        assert_is_3(use.run(here, url), "timeout")
        assert time.monotonic() - before < 9


def test_a_wrong_password_is_3(here: Here, use: Use, postgresql: Cluster) -> None:
    """With what the server says of it."""
    run = use.run(here, postgresql.url().replace(PASSWORD, "EXAMPLE-wrong"))
    assert_is_3(run, "password authentication failed", "that you may use it")
    assert "EXAMPLE-wrong" not in run.stdout + run.stderr


def test_a_database_that_is_missing_is_3(here: Here, use: Use, postgresql: Cluster) -> None:
    """It is not made, as it may be a slip."""
    run = use.run(here, postgresql.url("no_history"))
    assert_is_3(run, "no_history", "does not exist")


def test_a_file_that_is_no_database_is_3(here: Here, use: Use) -> None:
    """It is left as it is."""
    here.program.write("not a database " * 1000, "usage.db")
    run = use.run(here, "sqlite:///usage.db")
    assert_is_3(run, "is not a database")
    assert here.program.text("usage.db") == "not a database " * 1000


def test_a_folder_is_no_database(here: Here, use: Use) -> None:
    """As SQLite says it."""
    (here.program.folder / "usage.db").mkdir()
    assert_is_3(use.run(here, "sqlite:///usage.db"), "unable to open database file")


def test_a_file_that_may_only_be_read_is_3(here: Here) -> None:
    """It is left as it is; what may be read can be exported."""
    assert SYNC.run(here, "sqlite:///usage.db").code == 0
    file = here.program.folder / "usage.db"
    # By the format of SQLite, who knows no way of writing above 2 is to read the file only; to root, modes say nothing.
    content_before = file.read_bytes()[:18] + b"\x03" + file.read_bytes()[19:]
    file.write_bytes(content_before)
    assert_is_3(SYNC.run(here, "sqlite:///usage.db"), "written", "readonly database")
    assert file.read_bytes() == content_before
    assert EXPORT.run(here, "sqlite:///usage.db").code == 0


def test_a_folder_that_cannot_be_written_to_is_3(here: Here) -> None:
    """Such as one of the system's own."""
    assert_is_3(SYNC.run(here, "sqlite:////proc/usage.db"), "unable to open database file")


def test_a_user_who_may_only_read_is_3(here: Here, postgresql: Cluster) -> None:
    """Nobody else's rows are changed; what may be read can be exported."""
    store = Store(postgresql.new())
    assert SYNC.run(here, store.url).code == 0
    before = store.dump()
    name = store.url.rpartition("/")[2]
    store.ask(f"CREATE USER {name} PASSWORD 'EXAMPLE-reader'")
    store.ask(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    reader = store.url.replace(f"tester:{PASSWORD}", f"{name}:EXAMPLE-reader")
    assert_is_3(SYNC.run(here, reader), "written", "permission denied")
    assert store.dump() == before
    assert EXPORT.run(here, reader).code == 0


def test_a_lock_of_somebody_else_is_waited_for(here: Here, tmp_path: Path) -> None:
    """A reader that holds a file of SQLite for a moment fails nobody."""
    store = Store(f"sqlite:///{tmp_path}/usage.db")
    assert SYNC.run(here, store.url).code == 0
    script = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "print('locked', flush=True)\n"
        "time.sleep(1)\n"
    )
    with subprocess.Popen(
        ["python3", "-c", script, str(store.file)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "locked\n"
        assert SYNC.run(here, store.url).code == 0


def test_a_damaged_table_is_3(here: Here, use: Use, tmp_path: Path) -> None:
    """One that has lost a column, as somebody has changed it by hand."""
    store = Store(f"sqlite:///{tmp_path}/usage.db")
    assert SYNC.run(here, store.url).code == 0
    with closing(sqlite3.connect(tmp_path / "usage.db")) as connection:
        connection.execute("DROP TABLE anthropic_synced_days")
        connection.execute("DROP TABLE workspace_names")
    assert_is_3(use.run(here, store.url), "no such table")


# Its password


def all_of(here: Here, run: Run) -> str:
    """All that a run has shown or written, but for what it has the runner hide."""
    around = here.program.folder.parent
    written = [content(around / "summary.md"), content(around / "output")]
    written += [content(here.program.folder / name) for name in ("report.json", "badge.json")]
    lines = "\n".join([run.stdout, run.stderr, *written]).splitlines()
    return "\n".join(line for line in lines if not line.startswith("::add-mask::"))


def assert_hidden(text: str, *secrets: str) -> None:
    """Fails where a secret is in the text; of a short one that is where the URL would show it."""
    for secret in secrets:
        shown = [f":{secret}@", f"={secret}", f"{secret!r}"] if len(secret) < 3 else [secret]
        assert not [it for it in shown if it in text]


def urls_with(password: str, host: str) -> list[str]:
    """URLs with the password where one may stand, escaped and as it is."""
    escaped = quote(password, safe="")
    return [
        f"postgresql+psycopg://someone:{escaped}@{host}/history",
        f"postgresql+psycopg://someone:{password}@{host}/history",
        f"postgresql+psycopg://someone@realm:{escaped}@{host}/history",
        f"postgresql+psycopg://someone@{host}/history?password={escaped}",
        f"postgresql+psycopg://someone@{host}/history?password={password.replace('&', '%26')}",
        f"postgresql+psycopg://someone@{host}/history?sslmode=prefer&password={escaped}",
    ]


@pytest.mark.parametrize("password", PASSWORDS)
def test_a_password_is_never_shown(step: Here, use: Use, password: str) -> None:
    """On no stream, in no file and no summary, as it is or as the URL has it; where nothing listens."""
    for url in urls_with(password, f"127.0.0.1:{free_port()}"):
        flags = () if use is not CHECK else ("--report", "report.json", "--badge", "badge.json")
        run = ran(step, use.arguments[0], *flags, *use.arguments[1:], url)
        assert run.code in (2, 3)
        assert_hidden(all_of(step, run), password, quote(password, safe=""))


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("kind", ["variable", "twice", "unknown", "misspelt", "scheme"])
def test_an_error_of_a_flag_shows_no_password(step: Here, password: str, kind: str) -> None:
    """Of a flag that is given twice, is unknown or misspelt, and of a URL that is none."""
    step.program.write(OK)
    for url in urls_with(password, "127.0.0.1:9"):
        if kind == "variable":
            step.set({"BUDGET_GATE_STORE": url})
            run = step.main("sync", "--from", url)
        elif kind == "twice":
            run = step.main("sync", "--store", url, "--store", url)
        elif kind == "unknown":
            run = step.main("check", "--store", url)
        elif kind == "misspelt":
            run = step.main("export", f"--stor={url}")
        else:
            run = step.main("sync", "--store", f"x{url}".replace(":9", ":none"))
        assert run.code == 2
        assert_hidden(all_of(step, run), password, quote(password, safe=""))


def test_the_password_of_a_history_that_is_good_is_not_shown(
    step: Here, postgresql: Cluster
) -> None:
    """Where all is well, the database is named without it."""
    step.program.write(OK)
    store = Store(postgresql.new())
    run = SYNC.run(step, store.url)
    assert run.code == 0
    assert f"tester:***@127.0.0.1:{postgresql.port}/" in run.stdout
    text = all_of(step, run)
    for flags in (("check", *AS_OF, "--report", "report.json", "--names-from"), EXPORT.arguments):
        run = ran(step, *flags, store.url)
        assert run.code == 0
        text += all_of(step, run)
    assert_hidden(text, PASSWORD)


def test_the_runner_hides_the_password(step: Here) -> None:
    """Whatever else a job prints, GitHub's log has stars for it."""
    step.program.write(OK)
    url = f"postgresql+psycopg://someone:EXAMPLE%2Dsecret@127.0.0.1:{free_port()}/history"
    run = CHECK.run(step, url)
    assert "::add-mask::EXAMPLE%252Dsecret\n" in run.stderr
    assert "::add-mask::EXAMPLE-secret\n" in run.stderr


# Databases that are set up otherwise


def made(server: Cluster, encoding: str) -> Store:
    """A new database with another encoding."""
    url = server.new()
    name = url.rpartition("/")[2]
    server.ask(f"DROP DATABASE {name}")
    server.ask(
        f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    )
    return Store(url)


def named(name: str) -> Organization:
    """The organization, whose workspace has another name."""
    workspaces = [replace(it, name=name) for it in ORGANIZATION.workspaces[:1]]
    return replace(ORGANIZATION, workspaces=workspaces)


def is_told_again(here: Here, store: Store, name: str) -> None:
    """Fails unless a sync is well, and an export of the history has the name."""
    with LoopbackAPI(named(name), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("sync", "--store", store.url)
        assert (run.code, run.stderr) == (0, "")
        asked = here.main("export", "--days", "5")
    told = here.main("export", "--days", "5", "--store", store.url)
    assert (told.code, told.stderr) == (0, "")
    assert told.stdout == asked.stdout
    assert name in told.stdout


@pytest.mark.parametrize(
    ("encoding", "name"),
    [("SQL_ASCII", "plain"), ("SQL_ASCII", "日本"), ("LATIN1", "plain"), ("LATIN1", "Größe")],
)
def test_another_encoding_has_what_it_can_hold(
    here: Here, postgresql: Cluster, encoding: str, name: str
) -> None:
    """Names come back as they were: of SQL_ASCII any, of LATIN1 those of Western Europe."""
    is_told_again(here, made(postgresql, encoding), name)


def test_what_an_encoding_cannot_hold_is_3(here: Here, postgresql: Cluster) -> None:
    """With the server's own words, and nothing is written."""
    store = made(postgresql, "LATIN1")
    with LoopbackAPI(named("日本"), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("sync", "--store", store.url)
    assert_is_3(run, "written", "encoding", "LATIN1")
    assert store.ask("SELECT * FROM pg_tables WHERE schemaname = 'public'") == []


@pytest.mark.parametrize(
    "setting",
    [
        "client_encoding = 'LATIN1'",
        "client_encoding = 'SQL_ASCII'",
        "datestyle = 'SQL, DMY'",
        "datestyle = 'German'",
        "timezone = 'Asia/Kathmandu'",
    ],
)
def test_a_setting_of_the_database_changes_nothing(
    here: Here, postgresql: Cluster, setting: str
) -> None:
    """Such as the form of its dates: they are read as they were written."""
    store = Store(postgresql.new())
    store.ask(f"ALTER DATABASE {store.url.rpartition('/')[2]} SET {setting}")
    is_told_again(here, store, "日本")
    assert SYNC.run(here, store.url).code == 0


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "WIN1252"])
def test_the_machines_own_encoding_changes_nothing(
    here: Here, postgresql: Cluster, encoding: str
) -> None:
    """Which programs of PostgreSQL obey."""
    here.set({"PGCLIENTENCODING": encoding})
    is_told_again(here, Store(postgresql.new()), "日本")


@pytest.mark.parametrize("use", ["saving", "reading"])
def test_a_signal_is_no_failure_of_the_database(
    store: Store, caplog: pytest.LogCaptureFixture, use: str
) -> None:
    """Not even where a library fails at what it does after one; nothing is logged, and nothing written."""
    database = Database.at(store.url)
    with database.saving():
        pass
    before = store.dump()

    def ended() -> None:
        with getattr(database, use)() as connection:
            try:
                raise InterruptedRunError("SIGTERM")
            finally:
                connection.exec_driver_sql("this is no question")

    with pytest.raises(InterruptedRunError, match="SIGTERM"):
        ended()
    assert caplog.records == []
    assert store.dump() == before


@pytest.mark.parametrize("step", ["do_rollback", "do_close"])
def test_a_signal_while_a_connection_is_given_back_is_no_traceback(
    store: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """What a pool would log of it, and Python print where nobody has set up a log, is told as the signal alone."""
    database = Database.at(store.url)
    with database.saving():
        pass

    done = getattr(database.engine.dialect, step)

    def interrupted(connection: object) -> None:
        done(connection)
        raise InterruptedRunError("SIGTERM")

    monkeypatch.setattr(database.engine.dialect, step, interrupted)
    with pytest.raises(InterruptedRunError, match="SIGTERM"), database.reading():
        pass
    assert caplog.records == []


def test_who_reads_waits_20_seconds_for_a_lock(postgresql: Cluster) -> None:
    """A check in CI does not hang for as long as somebody changes a table; who saves waits longer."""
    database = Database.at(Store(postgresql.new()).url)
    with database.saving() as connection:
        assert connection.exec_driver_sql("SHOW lock_timeout").scalar() == "2min"
    with database.reading() as reader:
        assert reader
        assert reader.exec_driver_sql("SHOW lock_timeout").scalar() == "20s"


def test_a_lock_that_is_held_too_long_is_3(
    here: Here, use: Use, postgresql: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what the server says: here after a second."""
    store = Store(postgresql.new())
    assert SYNC.run(here, store.url).code == 0
    monkeypatch.setattr(database_module, "_PATIENCE_OF_READERS", 1)
    with psycopg.connect(store.url.replace("+psycopg", "")) as other:
        other.execute("LOCK TABLE anthropic_synced_days, workspace_names")
        assert_is_3(use.run(here, store.url), "read", "lock timeout")


# Values that somebody has damaged


DAMAGED = (
    ("anthropic_usage", "usd", "'abc'"),
    ("anthropic_usage", "usd", "'NaN'"),
    ("anthropic_usage", "usd_high", "'sNaN'"),
    ("anthropic_usage", "usd", "'Infinity'"),
    ("anthropic_usage", "usd_high", "'-Infinity'"),
    ("anthropic_usage", "usd", "x'00ff'"),
    ("anthropic_usage", "model", "x'00ff'"),
    ("anthropic_usage", "workspace", "x'00ff'"),
    ("anthropic_usage", "output", "'many'"),
    ("anthropic_usage", "input", "1.5"),
    ("anthropic_usage", "cache_read", "x'00ff'"),
    ("anthropic_usage", "date", "'2026-11-12x'"),
    ("anthropic_usage", "date", "'2026-11-1'"),
    ("anthropic_synced_days", "synced_at", "'soon'"),
    ("anthropic_synced_days", "synced_at", "7"),
)


def assert_damage_is_3(here: Here, store: Store, table: str, change: str) -> None:
    """Fails unless an export of a history with the change ends in 3, and writes nothing."""
    assert SYNC.run(here, store.url).code == 0
    store.ask(f"UPDATE {table} SET {change}")  # noqa: S608
    out = here.program.folder / "days.csv"
    for flags in ((), ("--out", "days.csv")):
        run = here.main("export", "--from", "2026-11-01", "--store", store.url, *flags)
        assert (run.code, run.stdout) == (3, "")
        assert_is_3(run, "read")
        assert len(run.stderr.splitlines()) == 1
        assert not out.exists()


@pytest.mark.parametrize(("table", "column", "value"), DAMAGED)
def test_a_damaged_value_of_sqlite_is_3(
    here: Here, tmp_path: Path, table: str, column: str, value: str
) -> None:
    """SQLite keeps anything in any column: what is no exact amount, count or time is none."""
    store = Store(f"sqlite:///{tmp_path}/usage.db")
    assert_damage_is_3(here, store, table, f"{column} = {value}")


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("anthropic_usage", "usd", "'NaN'"),
        ("anthropic_usage", "usd_high", "'Infinity'"),
        ("anthropic_usage", "usd", "'-Infinity'"),
        ("anthropic_synced_days", "synced_at", "'infinity'"),
        ("anthropic_synced_days", "synced_at", "'4000-01-01 BC'"),
    ],
)
def test_a_damaged_value_of_postgresql_is_3(
    here: Here, postgresql: Cluster, table: str, column: str, value: str
) -> None:
    """It has numbers and times that are none."""
    assert_damage_is_3(here, Store(postgresql.new()), table, f"{column} = {value}")


@pytest.mark.parametrize(
    ("chosen", "change"),
    [
        (CHECK, "last_seen = 'soon'"),
        (CHECK, "last_seen = x'00ff'"),
        (CHECK, "name = x'00ff'"),
        (NAMED_EXPORT, "name = x'00ff'"),
        (NAMED_EXPORT, "id = x'00ff'"),
    ],
)
def test_damaged_names_are_3(here: Here, tmp_path: Path, chosen: Use, change: str) -> None:
    """As a cap, or a row, may be by one of them."""
    here.program.write(OK)
    store = Store(f"sqlite:///{tmp_path}/usage.db")
    assert SYNC.run(here, store.url).code == 0
    store.ask(f"UPDATE workspace_names SET {change}")  # noqa: S608
    assert_is_3(chosen.run(here, store.url), "read")
