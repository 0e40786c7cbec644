"""What the environment says, what a flag overrides, and that no error shows a key."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from budget_gate.errors import ConfigurationError
from budget_gate.settings import Settings
from tests.helpers.running import FOREIGN, LOOKS
from tests.helpers.wording import assert_says

KEY = "sk-ant-admin01-EXAMPLE_NOT-A-KEY"
TOKEN = "sk-ant-oat01-EXAMPLE_NOT-A-TOKEN"
WORDS = {
    "BUDGET_GATE_FORMAT": ("format (--format", "text, markdown or json"),
    "BUDGET_GATE_FAIL_ON": ("fail-on (--fail-on", "breach, warning or never"),
    "BUDGET_GATE_ON_ERROR": ("on-error (--on-error", "fail or warn"),
}


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment that the tests themselves run in."""
    for name in os.environ:
        if name.startswith(FOREIGN) or name in LOOKS:
            monkeypatch.delenv(name)


def read(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    flags: dict[str, str] | None = None,
) -> Settings:
    """The settings of an environment."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return Settings.read(flags or {})


def all_of(settings: Settings) -> tuple[dict[str, object], list[str]]:
    """Every setting, and what is kept secret."""
    return settings.model_dump(), list(settings.secrets)


def refused(
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    flags: dict[str, str] | None = None,
) -> str:
    """The message that an environment is refused with."""
    with pytest.raises(ConfigurationError) as caught:
        read(monkeypatch, environment, flags).check_credentials()
    return f"{caught.value.message}\n{caught.value.hint}"


def test_nothing_needs_to_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """The documented defaults hold."""
    settings = read(monkeypatch, {})
    assert list(settings.secrets) == []
    assert settings.base_url == "https://api.anthropic.com"
    assert settings.policy is None
    assert settings.as_of is None
    assert settings.report is None
    assert (settings.format, settings.fail_on, settings.on_error) == ("text", "breach", "fail")
    assert settings.deadline == 120
    assert settings.in_github_actions is False


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub passes an input that was not given as an empty text."""
    names = [
        *("ANTHROPIC_ADMIN_KEY", "ANTHROPIC_ADMIN_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        *("ANTHROPIC_BASE_URL", "BUDGET_GATE_POLICY", "BUDGET_GATE_AS_OF", "BUDGET_GATE_FORMAT"),
        *("BUDGET_GATE_REPORT", "BUDGET_GATE_FAIL_ON", "BUDGET_GATE_ON_ERROR"),
        *("BUDGET_GATE_DEADLINE", "GITHUB_ACTIONS", "GITHUB_OUTPUT", "NO_COLOR", "TERM"),
    ]
    unset = all_of(read(monkeypatch, {}))
    assert all_of(read(monkeypatch, dict.fromkeys(names, ""))) == unset


def test_every_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by the name that is documented."""
    settings = read(
        monkeypatch,
        {
            "ANTHROPIC_ADMIN_KEY": KEY,
            "ANTHROPIC_AUTH_TOKEN": TOKEN,
            "ANTHROPIC_BASE_URL": "https://gateway.example/api/",
            "BUDGET_GATE_POLICY": "policies/budget.yml",
            "BUDGET_GATE_AS_OF": "2026-11-22T17:30:00+01:30",
            "BUDGET_GATE_FORMAT": "markdown",
            "BUDGET_GATE_REPORT": "report.json",
            "BUDGET_GATE_FAIL_ON": "warning",
            "BUDGET_GATE_ON_ERROR": "warn",
            "BUDGET_GATE_DEADLINE": "2.5",
        },
    )
    assert list(settings.secrets) == [KEY, TOKEN]
    assert settings.base_url == "https://gateway.example/api"
    assert settings.policy == "policies/budget.yml"
    assert settings.as_of == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert (settings.format, settings.report) == ("markdown", "report.json")
    assert (settings.fail_on, settings.on_error, settings.deadline) == ("warning", "warn", 2.5)


@pytest.mark.parametrize("name", ["ANTHROPIC_ADMIN_KEY", "ANTHROPIC_ADMIN_API_KEY"])
def test_both_names_of_the_admin_key_are_read(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The one that others use is taken as well."""
    settings = read(monkeypatch, {name: KEY})
    assert settings.admin_key is not None
    assert settings.admin_key.get_secret_value() == KEY


def test_the_first_name_of_the_admin_key_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that are set."""
    environment = {"ANTHROPIC_ADMIN_API_KEY": "EXAMPLE-OTHER", "ANTHROPIC_ADMIN_KEY": KEY}
    assert list(read(monkeypatch, environment).secrets) == [KEY]


def test_an_empty_first_name_does_not_hide_the_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unset secret is an empty text in a workflow."""
    environment = {"ANTHROPIC_ADMIN_KEY": "", "ANTHROPIC_ADMIN_API_KEY": KEY}
    assert list(read(monkeypatch, environment).secrets) == [KEY]


def test_a_flag_wins_over_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the job's environment says, and even where that is wrong."""
    environment = {
        "BUDGET_GATE_POLICY": "a.yml",
        "BUDGET_GATE_FORMAT": "nonsense",
        "BUDGET_GATE_DEADLINE": "nonsense",
        "BUDGET_GATE_AS_OF": "nonsense",
    }
    flags = {
        "BUDGET_GATE_POLICY": "b.yml",
        "BUDGET_GATE_FORMAT": "json",
        "BUDGET_GATE_DEADLINE": "5",
        "BUDGET_GATE_AS_OF": "2026-11-22T16:00:00Z",
    }
    settings = read(monkeypatch, environment, flags)
    assert (settings.policy, settings.format, settings.deadline) == ("b.yml", "json", 5)
    assert settings.as_of == datetime(2026, 11, 22, 16, tzinfo=UTC)


def test_only_the_documented_variables_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of the fields are common words, and other programs' variables."""
    unset = all_of(read(monkeypatch, {}))
    words = ("POLICY", "FORMAT", "REPORT", "AS_OF", "DEADLINE", "BASE_URL", "ADMIN_KEY", "FAIL_ON")
    assert all_of(read(monkeypatch, dict.fromkeys(words, "nonsense"))) == unset


def test_no_file_of_the_folder_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout's .env has no say."""
    (tmp_path / ".env").write_text("BUDGET_GATE_FAIL_ON=never\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read(monkeypatch, {}).fail_on == "breach"


@pytest.mark.parametrize("around", ["{}\n", "  {}  ", "\t{}\r\n", "\n{}"])
def test_white_space_around_a_key_is_dropped(monkeypatch: pytest.MonkeyPatch, around: str) -> None:
    """A secret is often pasted with its line end."""
    environment = {
        "ANTHROPIC_ADMIN_KEY": around.format(KEY),
        "ANTHROPIC_AUTH_TOKEN": around.format(TOKEN),
    }
    assert list(read(monkeypatch, environment).secrets) == [KEY, TOKEN]


@pytest.mark.parametrize(
    ("key", "secrets"), [("1234567", []), ("12345678", ["12345678"]), ("x", [])]
)
def test_what_is_too_short_for_a_credential_is_not_blotted_out(
    monkeypatch: pytest.MonkeyPatch, key: str, secrets: list[str]
) -> None:
    """A placeholder such as `x` would blot out every x of the report; it is sent all the same."""
    settings = read(monkeypatch, {"ANTHROPIC_ADMIN_KEY": key, "ANTHROPIC_AUTH_TOKEN": key})
    assert list(settings.secrets) == secrets
    assert settings.admin_key is not None
    assert settings.admin_key.get_secret_value() == key


def test_a_key_of_white_space_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing in it to send."""
    assert list(read(monkeypatch, {"ANTHROPIC_ADMIN_KEY": " \n"}).secrets) == []


@pytest.mark.parametrize("name", ["ANTHROPIC_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN"])
@pytest.mark.parametrize(
    "odd",
    [
        "two\nlines",
        "a space",
        "bell\x07",
        "é",
        "\u200b",
        "null\x7f",
        "tab\tbed",
        "\u202e",
        "“quoted”",
    ],
)
def test_a_key_with_odd_characters_is_refused_unseen(
    monkeypatch: pytest.MonkeyPatch, name: str, odd: str
) -> None:
    """No credential has them, no header may; the message names the variable alone."""
    told = refused(monkeypatch, {name: f"{KEY}{odd}{KEY}"})
    assert_says(told.splitlines()[0], name, "contains characters that no credential has")
    assert "EXAMPLE" not in told
    assert odd not in told


def test_a_refused_second_name_is_the_one_that_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever set ANTHROPIC_ADMIN_API_KEY looks for that."""
    told = refused(monkeypatch, {"ANTHROPIC_ADMIN_API_KEY": f"{KEY} {KEY}"})
    assert "ANTHROPIC_ADMIN_API_KEY" in told
    assert "EXAMPLE" not in told


def test_another_settings_error_does_not_show_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library prints all of its input, the key included, unless it is told not to."""
    environment = {
        "ANTHROPIC_ADMIN_KEY": KEY,
        "ANTHROPIC_AUTH_TOKEN": TOKEN,
        "BUDGET_GATE_DEADLINE": "soon",
        "BUDGET_GATE_FORMAT": "xml",
        "ANTHROPIC_BASE_URL": "http://gateway.example",
        "BUDGET_GATE_AS_OF": "yesterday",
    }
    with pytest.raises(ConfigurationError) as caught:
        read(monkeypatch, environment)
    told = f"{caught.value!r} {caught.value.message} {caught.value.hint}"
    assert "EXAMPLE" not in told
    assert "pydantic" not in told
    chain = [caught.value.__cause__, caught.value.__context__]
    assert not any("EXAMPLE" in f"{error} {error!r}" for error in chain if error)


def test_all_errors_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by the variable that it is about."""
    environment = {"BUDGET_GATE_DEADLINE": "soon", "BUDGET_GATE_FORMAT": "xml"}
    told = refused(monkeypatch, environment)
    assert "deadline (--deadline or BUDGET_GATE_DEADLINE): 'soon'" in told
    assert "format (--format or BUDGET_GATE_FORMAT): 'xml'" in told


@pytest.mark.parametrize(
    ("variable", "value"),
    [("ANTHROPIC_BASE_URL", "nowhere"), ("ANTHROPIC_AUTH_TOKEN", "two words")],
)
def test_a_variable_without_a_flag_is_named_alone(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """There is no `--base-url`, and a key is never a flag."""
    told = refused(monkeypatch, {variable: value})
    assert "--" not in told
    assert told.startswith(variable)


def test_settings_do_not_show_their_secrets() -> None:
    """Not even where somebody prints them."""
    assert "EXAMPLE" not in repr(Settings.read({"ANTHROPIC_ADMIN_KEY": KEY}))


@pytest.mark.parametrize(
    "url",
    [
        "https://api.anthropic.com",
        "https://gateway.example:8443/anthropic",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "HTTP://LOCALHOST",
    ],
)
def test_https_and_this_machine_are_allowed(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """Plain http carries the key to nobody but this machine."""
    assert read(monkeypatch, {"ANTHROPIC_BASE_URL": url}).base_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://api.anthropic.com",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.1@evil.example",
        "http://0.0.0.0:80",
        "http://evil.example\\@localhost",
        "ftp://localhost",
        "file:///etc/passwd",
        "api.anthropic.com",
        "//api.anthropic.com",
        "https://",
        "https:///v1",
        "https://user@gateway.example",
        "https://user:EXAMPLE@gateway.example",
        "https://:EXAMPLE@gateway.example",
        "https://gateway.example/?key=EXAMPLE",
        "https://gateway.example/#EXAMPLE",
        "https://[::1",
        "https://[EXAMPLE]",
        "https://gateway.example:port",
        "https://gateway.example:99999",
        "https://gate way.example",
        "https://gateway.example\n",
        "https://gateway\n.example",
        "https://gateway.example/\x00",
        "https://..",
    ],
)
def test_an_address_that_is_unsafe_or_none_is_refused(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Other plain http, a user, a query, or what is no address at all; passwords are not shown."""
    if "\x00" in url:
        told = refused(monkeypatch, {}, {"ANTHROPIC_BASE_URL": url})
    else:
        told = refused(monkeypatch, {"ANTHROPIC_BASE_URL": url})
    assert told.startswith("ANTHROPIC_BASE_URL: ")
    assert "EXAMPLE" not in told


@pytest.mark.parametrize("port", ["EXAMPLE", "0", "65536", "-1"])
def test_a_port_that_there_is_not_is_not_shown(monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    """It may be a password whose user was left out."""
    told = refused(monkeypatch, {"ANTHROPIC_BASE_URL": f"https://127.0.0.1:{port}/"})
    assert told.splitlines()[0] == ("ANTHROPIC_BASE_URL: its port is not a number from 1 to 65535")


@pytest.mark.parametrize(
    "seconds", ["0", "-1", "nan", "inf", "-inf", "1e9", "3601", "soon", "1m", "1,5"]
)
def test_a_deadline_that_is_no_time_to_wait_is_refused(
    monkeypatch: pytest.MonkeyPatch, seconds: str
) -> None:
    """More than 0 and at most 3600 seconds."""
    told = refused(monkeypatch, {"BUDGET_GATE_DEADLINE": seconds})
    assert_says(
        told,
        f"deadline (--deadline or BUDGET_GATE_DEADLINE): {seconds!r} is not a number of seconds",
        "above 0",
        "3600",
    )


@pytest.mark.parametrize(("seconds", "read_as"), [("0.5", 0.5), ("3600", 3600), (" 10 ", 10)])
def test_a_deadline_may_be_a_fraction_or_an_hour(
    monkeypatch: pytest.MonkeyPatch, seconds: str, read_as: float
) -> None:
    """Both ends of what is allowed."""
    assert read(monkeypatch, {"BUDGET_GATE_DEADLINE": seconds}).deadline == read_as


@pytest.mark.parametrize(
    "time",
    [
        "2026-11-22T16:00:00",
        "22.11.2026",
        "1779000000",
        "now",
        "2026-02-30T00:00:00Z",
        "0001-01-01T00:00:00+23:00",
        "2026-11-22T16:00:00Z\n",
        "9999-12-31T23:59:59-23:00",
        "x" * 10_000,
    ],
)
def test_a_time_without_an_offset_is_refused(monkeypatch: pytest.MonkeyPatch, time: str) -> None:
    """A local time would be read differently on each machine; and what is no time is none."""
    told = refused(monkeypatch, {"BUDGET_GATE_AS_OF": time})
    assert_says(
        told, f"as-of (--as-of or BUDGET_GATE_AS_OF): {time[:40]!r} is not a time", "YYYY-MM-DDTHH"
    )
    assert len(told) < 300


def test_a_day_is_no_time_and_is_shown_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The example is of the day that was written: another would judge another month."""
    told = refused(monkeypatch, {"BUDGET_GATE_AS_OF": "2026-11-20"})
    assert_says(told, "'2026-11-20' is a day and not a time", "write 2026-11-20T")
    example = told.partition("write ")[2].partition(",")[0]
    assert read(monkeypatch, {"BUDGET_GATE_AS_OF": example}).as_of is not None


@pytest.mark.parametrize(
    ("time", "why"),
    [
        ("2026-11-22T16:00:00", "it has no offset"),
        ("2026-12-31T23:59:60Z", "it is a leap second"),
        ("20261122T160000Z", "its form is wrong"),
    ],
)
def test_a_time_is_refused_with_what_is_wrong_of_it(
    monkeypatch: pytest.MonkeyPatch, time: str, why: str
) -> None:
    """Beside one that is right."""
    told = refused(monkeypatch, {"BUDGET_GATE_AS_OF": time})
    assert_says(told, f"{time!r} is not a time", f"({why})", "YYYY-MM-DDTHH:MM:SSZ")


def test_a_time_keeps_its_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    """In UTC, whatever the offset and the zone of the machine: 1 a.m. in Kolkata is October."""
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    settings = read(monkeypatch, {"BUDGET_GATE_AS_OF": "2026-11-01T01:00:00+05:30"})
    assert settings.as_of == datetime(2026, 10, 31, 19, 30, tzinfo=UTC)
    assert settings.as_of.month == 10


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("BUDGET_GATE_FORMAT", "xml"),
        ("BUDGET_GATE_FORMAT", "TEXT"),
        ("BUDGET_GATE_FAIL_ON", "breached"),
        ("BUDGET_GATE_FAIL_ON", "true"),
        ("BUDGET_GATE_ON_ERROR", "ignore"),
    ],
)
def test_an_unknown_word_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, word: str) -> None:
    """Never taken for the default: a gate with a typo must not pass."""
    flag, words = WORDS[name]
    assert_says(refused(monkeypatch, {name: word}), f"{flag} or {name}): {word!r} is not {words}")


@pytest.mark.parametrize(
    ("value", "inside"), [("true", True), ("", False), ("false", False), ("1", False)]
)
def test_only_github_says_that_this_is_github(
    monkeypatch: pytest.MonkeyPatch, value: str, *, inside: bool
) -> None:
    """The runner sets `true` and nothing else."""
    assert read(monkeypatch, {"GITHUB_ACTIONS": value}).in_github_actions is inside


@pytest.mark.parametrize("name", ["ANTHROPIC_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN"])
@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('"', '"', "is in quotes"),
        ("'", "'", "is in quotes"),
        ('"', "", "is in quotes"),
        ("\u201c", "\u201d", "is in quotes"),
        ("Bearer ", "", "begins with 'Bearer'"),
        ("x-api-key: ", "", "begins with 'x-api-key:'"),
        ("Authorization:Bearer ", "", "begins with 'Authorization:'"),
        ("ANTHROPIC_ADMIN_KEY=", "", "begins with 'ANTHROPIC_ADMIN_KEY='"),
        ("export ANTHROPIC_ADMIN_KEY=", "", "begins with 'export ANTHROPIC_ADMIN_KEY='"),
    ],
)
def test_a_key_that_was_pasted_with_more_is_recognised(
    monkeypatch: pytest.MonkeyPatch, name: str, before: str, after: str, words: str
) -> None:
    """The API would only say that it is invalid; the key itself is not shown."""
    told = refused(monkeypatch, {name: f"{before}{KEY}{after}"})
    assert words in told
    assert "paste the key" in told
    assert "correct the variable" not in told
    assert KEY not in told
    assert KEY in read(monkeypatch, {name: f"{before}{KEY}{after}"}).secrets
    assert "EXAMPLE" not in told


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.anthropic.com", None),
        ("https://api.anthropic.com/", None),
        ("https://gateway.example:8443/EXAMPLE/path", "https://gateway.example:8443"),
        ("http://127.0.0.1:9", "http://127.0.0.1:9"),
    ],
)
def test_another_address_is_known_without_its_path(
    monkeypatch: pytest.MonkeyPatch, url: str, address: str | None
) -> None:
    """A gateway's path may be what lets one in."""
    environment = {"ANTHROPIC_BASE_URL": url, "ANTHROPIC_ADMIN_KEY": KEY}
    assert read(monkeypatch, environment).other_address == address


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("BUDGET_GATE_RESERVED", "(did you mean BUDGET_GATE_RESERVE?)"),
        ("BUDGET_GATE_BUDGET", "(did you mean BUDGET_GATE_BUDGETS?)"),
        ("budget_gate_polcy", "(did you mean BUDGET_GATE_POLICY?)"),
        ("BUDGET_GATE_ADMIN_KEY", "(did you mean ANTHROPIC_ADMIN_KEY?)"),
        ("BUDGET_GATE_QQQQQQQQ", ""),
    ],
)
def test_a_variable_that_there_is_not_is_refused(
    monkeypatch: pytest.MonkeyPatch, variable: str, meant: str
) -> None:
    """A reservation that is misspelt reserves nothing; the value, maybe a key, is not shown."""
    told = refused(monkeypatch, {variable: "EXAMPLE-250"})
    assert_says(told, f"{variable} {meant}".rstrip(), "correct the variable's name, or unset it")
    assert ("did you mean" in told) == bool(meant)
    assert "EXAMPLE" not in told


@pytest.mark.parametrize("key", [KEY, KEY.upper()])
def test_a_key_in_the_name_of_a_variable_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    """As where name and value are mixed up; Windows has every name in capitals."""
    told = refused(monkeypatch, {f"BUDGET_GATE_{key}": "1"})
    assert "there is no setting BUDGET_GATE_***" in told
    assert "EXAMPLE" not in told


def test_a_variable_that_there_is_not_may_be_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty means unset."""
    found = all_of(read(monkeypatch, {"BUDGET_GATE_RESERVED": ""}))
    assert found == all_of(read(monkeypatch, {}))


@pytest.mark.parametrize("variable", ["budget_gate_fail_on", "Budget_Gate_Fail_On"])
def test_a_name_in_other_capitals_is_no_setting(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    """Beside the right one, it could turn the gate off."""
    told = refused(monkeypatch, {"BUDGET_GATE_FAIL_ON": "breach", variable: "never"})
    assert_says(told, f"no setting {variable} (did you mean BUDGET_GATE_FAIL_ON?)", "unset it")


def test_a_credential_is_read_by_its_name_in_capitals_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The order of the environment does not choose between two."""
    environment = {"ANTHROPIC_ADMIN_KEY": KEY, "anthropic_admin_key": "EXAMPLE-OTHER"}
    assert list(read(monkeypatch, environment).secrets) == [KEY]


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("$250", "write 250"),
        ("5k", "write 5000"),
        ("1,000=staging", "write 1000=staging"),
        ("10 USD", "write 10"),
        ("x", "250=staging"),
        ("5=", "250=staging"),
    ],
)
def test_a_reservation_that_is_no_amount_is_shown_as_one(
    monkeypatch: pytest.MonkeyPatch, written: str, right: str
) -> None:
    """As a cap is; what it asks for is taken."""
    told = refused(monkeypatch, {"BUDGET_GATE_RESERVE": written})
    assert_says(told, "reserve (--reserve or BUDGET_GATE_RESERVE)", repr(written), "USD", right)
    example = right.removeprefix("write ")
    assert read(monkeypatch, {"BUDGET_GATE_RESERVE": example}).terms.reservation is not None


@pytest.mark.parametrize(
    "line", ["workspaces.production, global", "global,groups.evals", "unlisted, models.a, global"]
)
def test_several_budgets_on_a_line_are_refused(monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """They would be one that there is not."""
    told = refused(monkeypatch, {"BUDGET_GATE_BUDGETS": line})
    count = line.count(",") + 1
    assert_says(told, "--budget", f"{line!r} is {count} budgets", "write one a line")


def test_a_name_with_a_comma_is_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace may be called so."""
    environment = {"BUDGET_GATE_BUDGETS": "workspaces.a, b\nworkspaces.globally, global.x"}
    assert read(monkeypatch, environment).terms.only == (
        "workspaces.a, b",
        "workspaces.globally, global.x",
    )


@pytest.mark.parametrize("name", ["BUDGET_GATE_FAIL_ON", "BUDGET_GATE_AS_OF", "BUDGET_GATE_MONTH"])
def test_a_key_in_the_wrong_place_is_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """What was written is repeated, but for what looks like a key."""
    told = refused(monkeypatch, {name: KEY})
    assert "***" in told
    assert "EXAMPLE" not in told


ODD = "s3cr3t-EXAMPLE-" + "x" * 40


@pytest.mark.parametrize("credential", ["ANTHROPIC_ADMIN_KEY", "ANTHROPIC_AUTH_TOKEN"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BUDGET_GATE_AS_OF", ODD),
        ("BUDGET_GATE_MONTH", ODD),
        ("BUDGET_GATE_FORMAT", f"json {ODD}"),
        ("BUDGET_GATE_FAIL_ON", ODD),
        ("BUDGET_GATE_ON_ERROR", ODD),
        ("BUDGET_GATE_OFFLINE", ODD),
        ("BUDGET_GATE_DEADLINE", ODD),
        ("BUDGET_GATE_RESERVE", f"$5={ODD}"),
        ("BUDGET_GATE_BUDGETS", f"global, workspaces.{ODD}"),
        ("ANTHROPIC_BASE_URL", f"https://127.0.0.1:{ODD}/"),
    ],
)
def test_a_credential_of_any_form_in_the_wrong_place_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, credential: str, name: str, value: str
) -> None:
    """Nor is a part of it, as where it is cut; a gateway's token has any form."""
    told = refused(monkeypatch, {credential: ODD, name: value})
    assert_says(told, name, "it is wrong, and not shown, as it contains a credential")
    assert "s3cr3t" not in told


def test_a_credential_in_the_name_of_a_variable_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of any form, and cut or not."""
    told = refused(monkeypatch, {"ANTHROPIC_AUTH_TOKEN": ODD, f"BUDGET_GATE_{ODD}": "1"})
    assert "there is no setting BUDGET_GATE_***" in told
    assert "s3cr3t" not in told


def test_a_key_is_not_shown_in_what_is_proposed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reservation is shown as it would be right, and the key was to be its workspace."""
    told = refused(monkeypatch, {"BUDGET_GATE_RESERVE": f"$5={KEY}"})
    assert "write 5=***" in told
    assert "EXAMPLE" not in told


@pytest.mark.parametrize(("given", "is_set"), [("sk-ant-api03-EXAMPLE", True), (" \n", False)])
def test_a_key_for_messages_is_only_known_to_be_there(
    monkeypatch: pytest.MonkeyPatch, given: str, *, is_set: bool
) -> None:
    """It is no credential here, so it is not kept."""
    settings = read(monkeypatch, {"ANTHROPIC_API_KEY": given})
    assert settings.has_message_key is is_set
    assert list(settings.secrets) == []
    assert "EXAMPLE" not in repr(settings)


@pytest.mark.parametrize("written", ["5.000", "12.500=production", "$5.000=production"])
def test_a_reservation_that_may_be_a_thousand_times_as_much_is_refused(
    monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """As a cap that is written so: both readings are shown, and neither is taken."""
    told = refused(monkeypatch, {"BUDGET_GATE_RESERVE": written})
    thousands = written.strip("$").partition("=")[0].replace(".", "")
    assert_says(told, repr(written), "may be", thousands, "write", thousands)
