"""What docs/feed.md says of the history: its SQL is asked of real databases, its lines are run by real shells.

The rows that are asked about stand here by hand, in the tables that `sync` made. The nightly workflow is tried with the
other recipes, in `test_recipes`.
"""

import re
import sqlite3
import subprocess
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from budget_gate.commands.sync import FIRST_DAYS, REVISED_DAYS
from budget_gate.domain.columns import COLUMNS
from tests.helpers.pages import BLOCKS, PAGES, table
from tests.helpers.postgresql import Cluster
from tests.helpers.running import NOW, ORGANIZATION, PRODUCTION, Gate, Here, Run, installed
from tests.helpers.surface import help_of
from tests.helpers.wording import assert_says
from tests.test_readme import ORGANIZATION as OF_THE_README
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization, Workspace

PAGE = "docs/feed.md"
ROLES, BY_MONTH, BY_MODEL, CACHE, WEEKS, PANEL = (
    block.text for block in BLOCKS if block.language == "sql"
)
ALPHA, BETA, OTHER = "wrkspc_01ALPHA", "wrkspc_01BETA", "wrkspc_01OTHER"
# No usage of its own: after a sync at NOW, 31 days up to November 14 are there, all of them empty.
EMPTY = Organization([], [Workspace(PRODUCTION, "production")])
OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5"
# As the columns stand in the table. BETA was renamed, and OTHER has the name of ALPHA.
ROWS = [
    ("2026-10-31", ALPHA, "alpha", OPUS, "standard", 100, 10, 0, 0, 300, 0, "1.1", "1.1", "list"),
    ("2026-11-01", ALPHA, "alpha", OPUS, "standard", 40, 20, 10, 50, 100, 0, "0.1", "0.1", "list"),
    ("2026-11-07", ALPHA, "alpha", SONNET, "standard", 10, 5, 0, 0, 0, 0, "0.2", "0.25", "list"),
    ("2026-11-08", BETA, "beta", SONNET, "batch", 1, 7, 0, 0, 3, 0, "2", "2", "list"),
    ("2026-11-08", OTHER, "alpha", OPUS, "standard", 0, 1, 0, 0, 0, 0, "0.7", "0.7", "list"),
    ("2026-11-14", BETA, "beta two", SONNET, "batch", 0, 1, 0, 0, 0, 0, "0.4", "0.4", "list"),
    ("2026-11-14", "default", "default workspace", "", "", *6 * (0,), "0.25", "0.25", "billed"),
]
INSERT = (
    "INSERT INTO anthropic_usage "
    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
)
# Worked out from them, with sums of USD to the last digit.
ANSWERS: dict[str, list[tuple[Any, ...]]] = {
    BY_MONTH: [
        ("2026-10", "alpha", Decimal("1.1"), Decimal("1.1")),
        ("2026-11", "beta two", Decimal("2.4"), Decimal("2.4")),
        ("2026-11", "alpha", Decimal("0.7"), Decimal("0.7")),
        ("2026-11", "alpha", Decimal("0.3"), Decimal("0.35")),
        ("2026-11", "default workspace", Decimal("0.25"), Decimal("0.25")),
    ],
    # Of 3.65 in all.
    BY_MODEL: [
        (SONNET, 13, Decimal("2.6"), Decimal("71.2")),
        (OPUS, 21, Decimal("0.8"), Decimal("21.9")),
        ("", 0, Decimal("0.25"), Decimal("6.8")),
    ],
    # 0 of 10, 100 of 200, 3 of 4; two have no input.
    CACHE: [
        ("alpha", SONNET, Decimal(0)),
        ("alpha", OPUS, Decimal(50)),
        ("beta two", SONNET, Decimal(75)),
    ],
    # November 8 to 14, and 1 to 7.
    WEEKS: [
        ("beta two", Decimal("2.4"), Decimal(0), Decimal("2.4")),
        ("alpha", Decimal("0.7"), Decimal(0), Decimal("0.7")),
        ("default workspace", Decimal("0.25"), Decimal(0), Decimal("0.25")),
        ("alpha", Decimal(0), Decimal("0.3"), Decimal("-0.3")),
    ],
}
every_question = pytest.mark.parametrize(
    "question", ANSWERS, ids=["month", "model", "cache", "week"]
)


@pytest.fixture(scope="module")
def server(postgresql: Cluster) -> Cluster:
    """A PostgreSQL."""
    return postgresql


def synced(
    here: Here,
    url: str,
    organization: Organization = EMPTY,
    settings: Mapping[str, str] | None = None,
) -> Run:
    """How a sync into a database ends."""
    with LoopbackAPI(organization, now=NOW) as api:
        given = {"ANTHROPIC_BASE_URL": api.url, "BUDGET_GATE_STORE": url, **(settings or {})}
        return here.main("sync", environment=given)


def make_tables(folder: Path, url: str) -> None:
    """Syncs the empty organization into a new database, for several tests."""
    with LoopbackAPI(EMPTY, now=NOW) as api:
        run = Gate(folder, api.url).run("sync", environment={"BUDGET_GATE_STORE": url})
    assert run.code == 0, run.stderr


def connected(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    """The database of a URL, by the driver alone."""
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.fixture(scope="module")
def asked(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The URL of a PostgreSQL with the rows, and with the roles of the page."""
    url = server.new()
    make_tables(tmp_path_factory.mktemp("asked"), url)
    with connected(url) as connection:
        connection.execute(ROLES)
        connection.cursor().executemany(INSERT, [(EMPTY.id, *row) for row in ROWS])
    return url


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with the rows."""
    folder = tmp_path_factory.mktemp("file")
    make_tables(folder, "sqlite:///usage.db")
    connection = sqlite3.connect(folder / "usage.db")
    with connection:
        connection.executemany(INSERT.replace("%s", "?"), [(EMPTY.id, *row) for row in ROWS])
    connection.close()
    return folder / "usage.db"


def as_user(url: str, user: str, password: str) -> str:
    """The same database for another user."""
    return url.replace("tester:EXAMPLE-password", f"{user}:{password}")


def password_of(user: str) -> str:
    """What the page has in the place of a password."""
    (found,) = re.findall(rf"CREATE ROLE {user} LOGIN PASSWORD '(.+)';", ROLES)
    return str(found)


# Questions


@every_question
def test_the_questions_run_on_postgresql_unchanged(asked: str, question: str) -> None:
    """With exact sums, for a user that may only read."""
    with connected(as_user(asked, "reader", password_of("reader"))) as connection:
        assert connection.execute(question).fetchall() == ANSWERS[question]


@every_question
def test_the_questions_run_on_sqlite_as_the_table_changes_them(file: Path, question: str) -> None:
    """With sums as near as a floating-point number is."""
    changed = question
    for there, (instead,) in table(PAGE, "in PostgreSQL").items():
        changed = changed.replace(there, instead.strip("`"))
    connection = sqlite3.connect(file)
    answer = connection.execute(changed).fetchall()
    connection.close()
    for row, wanted in zip(answer, ANSWERS[question], strict=True):
        for value, exact in zip(row, wanted, strict=True):
            assert value == (pytest.approx(float(exact)) if isinstance(exact, Decimal) else exact)


def test_a_sum_on_sqlite_is_not_exact_and_that_of_an_export_is(file: Path) -> None:
    """0.1 and 0.2 are no 0.3 as floating-point numbers."""
    connection = sqlite3.connect(file)
    ((total,),) = connection.execute(
        "SELECT sum(usd) FROM anthropic_usage WHERE date > '2026-11' AND workspace_id = ?", [ALPHA]
    )
    connection.close()
    assert Decimal(total) != Decimal("0.3")
    run = Gate(file.parent).run("export", "--store", "sqlite:///usage.db", "--from", "2026-11-01")
    amounts = [line.split(",")[11] for line in run.stdout.splitlines() if f",{ALPHA}," in line]
    assert sum(map(Decimal, amounts)) == Decimal("0.3")


def test_the_panel_has_what_grafana_looks_for(asked: str) -> None:
    """A time, a name and a number for each, in the order of time; the first and the last day are whole.

    The macro becomes what grafana-postgresql-datasource puts there.
    """
    query, count = re.subn(
        r"\$__timeFilter\((\w+)\)",
        r"\1 BETWEEN '2026-11-07T13:00:00Z' AND '2026-11-14T09:30:00.5Z'",
        PANEL,
    )
    assert count == 1
    with connected(as_user(asked, "reader", password_of("reader"))) as connection:
        cursor = connection.execute(query)
        told = cursor.fetchall()
        columns = {it.name: it.type_display for it in cursor.description or ()}
    assert columns == {"time": "date", "metric": "text", "usd": "numeric"}
    assert told == sorted(told, key=lambda row: row[0])
    assert sorted(told) == [
        (date(2026, 11, 7), "alpha", Decimal("0.2")),
        (date(2026, 11, 8), "alpha", Decimal("0.7")),
        (date(2026, 11, 8), "beta", Decimal(2)),
        (date(2026, 11, 14), "beta two", Decimal("0.4")),
        (date(2026, 11, 14), "default workspace", Decimal("0.25")),
    ]


# Users


def test_a_reader_reads_and_changes_nothing(here: Here, asked: str) -> None:
    """It exports, and takes names from there; to delete is refused."""
    url = as_user(asked, "reader", password_of("reader"))
    with connected(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("DELETE FROM anthropic_usage")
    exported = here.main(
        "export", "--days", "31", environment={"BUDGET_GATE_STORE": url, "ANTHROPIC_ADMIN_KEY": ""}
    )
    assert (exported.code, len(exported.stdout.splitlines())) == (0, len(ROWS) + 1)
    here.set({"BUDGET_GATE_NAMES_FROM": url})
    with LoopbackAPI(EMPTY, now=NOW) as api:
        checked = here.check(api, policy="version: 1\nglobal: {cap: 1}\n")
    assert checked.code == 0, checked.stderr


@pytest.mark.usefixtures("asked")
def test_a_writer_syncs_once_the_tables_are_there(here: Here, server: Cluster) -> None:
    """Rows come, go and are counted anew; it needs not be the owner."""
    url = server.new()
    assert synced(here, url).code == 0
    with connected(url) as connection:
        connection.execute(re.sub("CREATE ROLE.*", "", ROLES))
    writer = as_user(url, "writer", password_of("writer"))
    counts: list[int] = []
    for organization in (ORGANIZATION, EMPTY):
        run = synced(here, writer, organization)
        assert run.code == 0, run.stderr
        with connected(writer) as connection:
            counts += connection.execute("SELECT count(*) FROM anthropic_usage").fetchone() or ()
    assert counts == [1, 0]


@pytest.mark.usefixtures("asked")
def test_a_writer_may_not_make_the_tables(here: Here, server: Cluster) -> None:
    """On first use somebody else has to."""
    run = synced(here, as_user(server.new(), "writer", password_of("writer")))
    assert run.code == 3
    assert_says(run.stderr, "nothing was synced", "permission denied")


@pytest.mark.parametrize("place", ["PGPASSWORD", ".pgpass"])
def test_the_password_may_stand_elsewhere(
    here: Here, server: Cluster, tmp_path: Path, place: str
) -> None:
    """In the driver's own variable, or in a file that only its owner can read."""
    bare = server.new().replace(":EXAMPLE-password", "")
    settings = {"HOME": str(tmp_path)}
    assert synced(here, bare, settings=settings).code == 3
    if place == "PGPASSWORD":
        settings[place] = "EXAMPLE-password"
    else:
        (tmp_path / place).write_text("*:*:*:tester:EXAMPLE-password\n", encoding="ascii")
        (tmp_path / place).chmod(0o600)
    assert synced(here, bare, settings=settings).code == 0


def test_special_characters_of_a_password_are_encoded(
    here: Here, server: Cluster, asked: str
) -> None:
    """With a percent sign and two digits."""
    with connected(asked) as connection:
        connection.execute("CREATE ROLE special SUPERUSER LOGIN PASSWORD 'EX@MPLE/:'")
    assert synced(here, as_user(server.new(), "special", "EX%40MPLE%2F%3A")).code == 0


def test_a_server_that_proves_nothing_is_refused(here: Here, server: Cluster) -> None:
    """With what the page appends to the URL: that of the tests has no certificate."""
    (appended,) = re.findall(r"append `(\?\S+)`", PAGES[PAGE])
    run = synced(here, server.new() + appended)
    assert run.code == 3
    assert_says(run.stderr, "SSL")


# Tables


def test_the_tables_are_those_of_the_page(asked: str) -> None:
    """Their keys and their other columns; those of the export are in a table of their own."""
    with connected(asked) as connection:
        found = connection.execute(
            "SELECT c.table_name, c.column_name, k.column_name IS NOT NULL "
            "FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k "
            "USING (table_schema, table_name, column_name) WHERE table_schema = 'public'"
        ).fetchall()
    described = table(PAGE, "table")
    assert {name for name, _, _ in found} == described.keys()
    for name, (key, others) in described.items():
        keys = {column for table_, column, is_key in found if (table_, is_key) == (name, True)}
        rest = {column for table_, column, is_key in found if (table_, is_key) == (name, False)}
        assert {*re.findall("`(.+?)`", key)} == keys
        exported = {*COLUMNS} - keys if "[columns]" in others else set()
        assert {*re.findall("`(.+?)`", others)} | exported == rest


def test_types_are_those_of_the_page(asked: str, file: Path) -> None:
    """Exact numbers and times in PostgreSQL, and text in SQLite."""
    with connected(asked) as connection:
        found = connection.execute(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE column_name IN ('usd', 'usd_high', 'synced_at', 'last_seen')"
        ).fetchall()
    time = "timestamp with time zone"
    assert {*found} == {
        *(("usd", "numeric"), ("usd_high", "numeric")),
        *(("synced_at", time), ("last_seen", time)),
    }
    connection_ = sqlite3.connect(file)
    assert connection_.execute(
        "SELECT max(date), max(synced_at) FROM anthropic_synced_days"
    ).fetchone() == ("2026-11-14", "2026-11-15 12:00:00.000000")
    assert {*connection_.execute("SELECT typeof(usd), typeof(usd_high) FROM anthropic_usage")} == {
        ("text", "text")
    }
    connection_.close()


# Runs


def test_the_page_shows_what_a_sync_says(here: Here) -> None:
    """The first one, of the README's organization."""
    (shown,) = [block.text for block in BLOCKS if block.text.startswith("synced ")]
    (line,) = re.findall(r"^budget-gate (sync .*)$", PAGES[PAGE], re.MULTILINE)
    with LoopbackAPI(OF_THE_README, now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        assert here.main(*line.split()).stdout == shown


def test_the_days_of_the_page_are_those_of_the_program() -> None:
    """On first use, and of those that are read again."""
    assert f"reads the last {FIRST_DAYS} full days" in PAGES[PAGE]
    assert f"from {REVISED_DAYS} days before" in PAGES[PAGE]


def test_exit_codes_are_those_of_the_help() -> None:
    """But that of a bug, which is the same for all commands."""
    listed = re.findall(r"(?<= )(\d)  ?(?=[a-z])", help_of("sync").partition("exit codes:")[2])
    assert [*table(PAGE, "code"), "4"] == listed


# cron


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the program where the page has it, and with the file of the page, which is still empty."""
    installed(tmp_path / "budget-gate" / ".venv" / "bin" / "budget-gate")
    (creates,) = [block.text for block in BLOCKS if block.text.startswith("install ")]
    shell(tmp_path, creates)
    return tmp_path


def shell(home: Path, script: str) -> Run:
    """How a line ends in the shell and the bare environment that cron gives it."""
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=home,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "LOGNAME": "tester", "SHELL": "/bin/sh"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    return Run(done.returncode, done.stdout, done.stderr)


def crontab() -> str:
    """The command of the line for the crontab, whose time is every six hours."""
    (line,) = [it.text for it in BLOCKS if " * * * " in it.text and "budget-gate sync" in it.text]
    minute, hour, *every, command = line.rstrip("\n").split(" ", 5)
    assert (minute.isdigit(), hour, every) == (True, "*/6", ["*", "*", "*"])
    # In a crontab it is the end of the line.
    assert "%" not in command
    return command


def fill(home: Path, api: str, database: str) -> None:
    """Puts the lines of the page into the file, with values of the tests in the quotes."""
    (lines,) = [block.text for block in BLOCKS if block.text.startswith("ANTHROPIC_ADMIN_KEY='")]
    policy = home / "policy.yml"
    policy.write_text("version: 1\nunlisted: warn\nprices: {discount: 10%}\n", encoding="utf-8")
    for name, value in (
        ("ANTHROPIC_ADMIN_KEY", EXAMPLE_KEY),
        ("BUDGET_GATE_STORE", database),
        ("BUDGET_GATE_POLICY", str(policy)),
    ):
        lines, count = re.subn(rf"(?m)^{name}='.*'$", f"{name}='{value}'", lines)
        assert count == 1
    with (home / ".budget-gate").open("a", encoding="utf-8") as file:
        file.write(f"{lines}ANTHROPIC_BASE_URL='{api}'\n")


def test_the_file_of_the_key_is_its_owners_alone(home: Path) -> None:
    """Before there is anything in it."""
    file = home / ".budget-gate"
    assert (file.stat().st_mode & 0o777, file.read_bytes()) == (0o600, b"")


def test_cron_syncs_in_silence(home: Path, server: Cluster) -> None:
    """By the policy of the file, with its discount of 10% on $18; nothing is left to mail, twice."""
    url = server.new()
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        fill(home, api.url, url)
        runs = [shell(home, crontab()) for _ in range(2)]
    assert runs == [Run(0, "", "")] * 2
    with connected(url) as connection:
        assert connection.execute("SELECT date, usd FROM anthropic_usage").fetchall() == [
            (date(2026, 11, 12), Decimal("16.2"))
        ]


def test_cron_mails_what_went_wrong(home: Path, server: Cluster) -> None:
    """A key that is refused, and a file that is not there."""
    with LoopbackAPI(ORGANIZATION, now=NOW, key="sk-ant-admin01-EXAMPLE-ANOTHER") as api:
        fill(home, api.url, server.new())
        run = shell(home, crontab())
    assert (run.code, run.stdout) == (3, "")
    assert_says(run.stderr, "nothing was synced", "401")
    (home / ".budget-gate").unlink()
    run = shell(home, crontab())
    assert run.code not in (0, 1)
    assert ".budget-gate" in run.stderr


def test_every_line_of_sql_is_tried_here() -> None:
    """A new block has no test yet."""
    assert {ROLES, PANEL, *ANSWERS} == {it.text for it in BLOCKS if it.language == "sql"}
