"""The URL of a history: whatever is wrong with it, no part of a password is shown, and only PostgreSQL's options are taken."""

import pytest

from tests.helpers.running import OK, Here
from tests.helpers.wording import assert_says
from tests.stores.test_database import CHECK, SYNC, Use, all_of, ran, use

__all__ = ["use"]

HOST = "h.invalid"
# URLs by which a password is no password any more, each with the parts of it that could be shown.
SPLIT = (
    "host=h user=u password=SecretPw123",
    "user:SecretPw123@host/db",
    "postgresql:/u:SecretPw123@h/db",
    f"postgresql+psycopg://u:Secr@etPw123@{HOST}/db",
    f"postgresql+psycopg://u:Secr:@et@Pw123@{HOST}/db",
    f"postgresql+psycopg://{HOST}:5432/db?user=u&password=Secr@etPw123",
    f"postgresql+psycopg://us/er:SecretPw123@{HOST}/db",
    f"postgresql+psycopg://u@{HOST}/db?passwd=SecretPw123",
    f"postgresql+psycopg://u%3ASecretPw123@{HOST}/db",
    f"mysql://u:Secr@etPw123@{HOST}/db",
    f"sqlite://u:Secr@etPw123@{HOST}/usage.db",
)
PARTS = ("Secr", "etPw123", "Pw123")


def assert_hides(text: str) -> None:
    """Fails where any part of the password is shown."""
    assert [part for part in PARTS if part in text] == []


@pytest.mark.parametrize("url", SPLIT)
def test_no_part_of_a_split_password_is_shown(step: Here, use: Use, url: str) -> None:
    """By a flag: not as text, as an annotation or in the summary; the code is 2, with what to do."""
    flags = () if use is not CHECK else ("--report", "report.json", "--badge", "badge.json")
    run = ran(step, use.arguments[0], *flags, *use.arguments[1:], url)
    assert (run.code, run.stdout) == (2, "")
    assert "::error" in run.stderr
    assert any(word in run.stderr for word in ("write", "leave out"))
    assert_hides(all_of(step, run))


@pytest.mark.parametrize("url", SPLIT)
@pytest.mark.parametrize(
    ("command", "variable"),
    [
        ("sync", "BUDGET_GATE_STORE"),
        ("check", "BUDGET_GATE_NAMES_FROM"),
        ("export", "BUDGET_GATE_NAMES_FROM"),
    ],
)
def test_nor_of_one_in_a_variable(step: Here, command: str, variable: str, url: str) -> None:
    """Which is where a workflow has it."""
    step.program.write(OK)
    step.set({variable: url})
    run = ran(step, command)
    assert run.code == 2
    assert_hides(all_of(step, run))


def test_a_password_under_an_escaped_name_is_a_password(step: Here, use: Use) -> None:
    """`%70assword` is `password`: the URL is good, and where nothing listens it is shown without it."""
    run = use.run(step, "postgresql+psycopg://u@127.0.0.1:9/db?%70assword=SecretPw123")
    assert run.code == 3
    assert_says(run.stdout + run.stderr, "the history postgresql+psycopg://u@127.0.0.1:9/db")
    assert_hides(all_of(step, run))


@pytest.mark.parametrize(
    "option",
    ["autocommit=true", "prepare_threshold=0", "row_factory=dict_row", "cursor_factory=x", "x=1"],
)
def test_options_of_a_driver_are_2(here: Here, use: Use, option: str) -> None:
    """With autocommit, a sync that fails would leave half of its days."""
    run = use.run(here, f"postgresql+psycopg://u@127.0.0.1:9/db?sslmode=prefer&{option}")
    assert (run.code, run.stdout) == (2, "")
    assert_says(run.stderr, "an option that is not known", "leave out", "such as sslmode")


def test_options_of_postgresql_are_taken(here: Here) -> None:
    """With them the server is asked: nothing listens there."""
    options = "sslmode=prefer&application_name=nightly&connect_timeout=3&options=-csearch_path%3Dx"
    run = SYNC.run(here, f"postgresql+psycopg://u@127.0.0.1:9/db?{options}")
    assert run.code == 3
    assert_says(run.stderr, "cannot be read", "refused")


@pytest.mark.parametrize("path", ["a:b.db", "a@b.db", "u:p@h.db"])
def test_a_file_may_have_any_name(here: Here, path: str) -> None:
    """What would split the URL of a server is a character like others there."""
    assert SYNC.run(here, f"sqlite:///{path}").code == 0
    assert (here.program.folder / path).exists()
