"""The command `init`: a first policy from last month's spend, and nothing where that is not known."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from budget_gate.delivery.files import write_whole
from budget_gate.domain.bounds import EXACT, Bounds, exact
from budget_gate.domain.first_policy import Draft, cap_for, draft_policy
from budget_gate.domain.period import MonthToDate, Period
from budget_gate.domain.policy.directory import directory
from budget_gate.domain.policy.keys import resolve
from budget_gate.domain.policy.model import Policy
from budget_gate.domain.spend import Workspace as Listed
from budget_gate.outputs.first_policy import render_draft
from budget_gate.sources.files.documents import load_document
from tests.helpers.builders import bounds, policy, spend_of
from tests.helpers.pages import PAGES
from tests.helpers.running import NOWHERE, Here, Run
from tests.helpers.serving import NOW, USAGE, WORKSPACES, refuse
from tests.helpers.wording import assert_says
from tests.world.loopback import (
    EXAMPLE_AUTH_TOKEN,
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Response,
    Workspace,
)
from tests.world.oracle import Usage

OCTOBER = Period(datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC))
PRODUCTION, RESEARCH, STAGING = "wrkspc_01PROD", "wrkspc_01RES", "wrkspc_01STAG"
EVALS = ("wrkspc_01EV1", "wrkspc_01EV2")
LEGACY = "wrkspc_01OLD"
LISTED = [
    Workspace(PRODUCTION, "production"),
    Workspace(RESEARCH, "research"),
    Workspace(STAGING, "staging"),
    Workspace(EVALS[0], "evals"),
    Workspace(EVALS[1], "evals"),
    Workspace(LEGACY, "legacy-bot", archived_at="2026-10-20T00:00:00Z"),
]
SCHEMA = (
    "# yaml-language-server: $schema="
    "https://raw.githubusercontent.com/OWNER/budget-gate/main/budget_gate/data/policy.schema.json"
)


def used(workspace: str | None, millions: str, at: str = "2026-10-10T12:00:00Z") -> Usage:
    """Output of Claude Sonnet 4.5, at 15 USD per million tokens."""
    tokens = int(Decimal(millions) * 1_000_000)
    return Usage(datetime.fromisoformat(at), workspace, "claude-sonnet-4-5", output=tokens)


# 1,234.50, 185.19, 7.50, 0.30 and 45 USD: 1,472.49 together.
SPENT = [
    used(PRODUCTION, "82.3"),
    used(RESEARCH, "12.346"),
    used(EVALS[0], "0.5"),
    used(None, "0.02"),
    used(LEGACY, "3"),
]


def init(
    here: Here,
    *arguments: str,
    usage: Sequence[Usage] = SPENT,
    workspaces: Sequence[Workspace] = LISTED,
    now: datetime = NOW,
    answer: dict[str, Response] | None = None,
) -> Run:
    """What `init` does beside an organization; `answer` goes before the API's own, by path."""
    with LoopbackAPI(
        Organization(list(usage), list(workspaces)),
        now=now,
        intercept=lambda request, _: (answer or {}).get(request.path),
    ) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        return here.main("init", *arguments, now=now)


def written(here: Here, name: str = "budget.yml") -> Policy:
    """The policy that was written."""
    return policy(here.program.text(name)).policy


def caps(found: Policy) -> dict[str, str]:
    """The caps of the workspaces by key, as they are written."""
    return {key: f"{budget.cap:f}" for key, budget in found.workspaces.items()}


def files(here: Here) -> list[str]:
    """What stands in the folder."""
    return sorted(path.name for path in here.program.folder.iterdir())


# The caps


def test_each_workspace_gets_last_months_spend_and_a_quarter(here: Here) -> None:
    """By hand: 1,543.125, 231.4875, 9.375 and 0.375, up to two digits and 1 at the least."""
    assert init(here).code == 0
    assert caps(written(here)) == {
        "production": "1600",
        "research": "240",
        EVALS[0]: "9.4",
        "default": "1",
    }


QUIET = [Workspace(STAGING, "staging")]


@pytest.mark.parametrize(
    ("usage", "workspaces", "guessed", "placeholder"),
    [
        (SPENT, LISTED, True, True),
        (SPENT, [it for it in LISTED if it.id not in (STAGING, EVALS[1])], True, False),
        ([], QUIET, False, True),
    ],
)
def test_the_header_says_where_the_caps_are_from(
    here: Here,
    usage: Sequence[Usage],
    workspaces: Sequence[Workspace],
    *,
    guessed: bool,
    placeholder: bool,
) -> None:
    """From last month's spend, or from nothing."""
    init(here, usage=usage, workspaces=workspaces)
    header = here.program.text("budget.yml").partition("version:")[0]
    assert ("each cap is the spend of 2026-10 at list price plus 25%" in header) is guessed
    assert ("a placeholder" in header) is placeholder


def test_the_organization_gets_a_cap_likewise(here: Here) -> None:
    """By hand: 1,472.49 * 1.25 = 1,840.6125; archived workspaces have spent of it, too."""
    init(here)
    budget = written(here).global_
    assert budget
    assert f"{budget.cap:f}" == "1900"


@pytest.mark.parametrize(
    ("spent", "cap"),
    [
        *(("1234.50", "1600"), ("0.01", "1"), ("0.8", "1"), ("0.81", "1.1"), ("1", "1.3")),
        *(("8", "10"), ("7.92", "9.9"), ("7.93", "10"), ("80", "100"), ("80.01", "110")),
        *(("99999", "130000"), ("0.000000000001", "1")),
    ],
)
def test_a_cap_is_readable_and_never_below(spent: str, cap: str) -> None:
    """By hand, on both sides of each step."""
    assert exact(cap_for(bounds(spent))) == cap


@given(st.decimals("0.000001", "1000000000", places=6))
def test_a_cap_never_lies_below_the_spend_and_a_quarter(spent: Decimal) -> None:
    """Nor further above than the second digit, where it is more than a dollar."""
    cap = cap_for(Bounds(spent, spent))
    raised = EXACT.multiply(spent, Decimal("1.25"))
    assert cap >= raised
    assert cap <= max(raised * Decimal("1.1"), Decimal(1))
    assert len(cap.normalize().as_tuple().digits) <= 2


def test_a_range_counts_by_its_high_end() -> None:
    """The cap is to hold wherever the cost lies."""
    assert cap_for(bounds("10", "20")) == 25


def test_last_month_is_the_calendar_month_before(here: Here) -> None:
    """Its first and its last second count, and those beside them do not."""
    edges = [
        ("2026-09-30T23:59:59Z", "1000"),
        ("2026-10-01T00:00:00Z", "1"),
        ("2026-10-31T23:59:59Z", "1"),
        ("2026-11-01T00:00:00Z", "1000"),
    ]
    init(here, usage=[used(PRODUCTION, millions, at) for at, millions in edges])
    assert caps(written(here)) == {"production": "38"}


def test_the_month_may_be_named(here: Here) -> None:
    """October is the month before `--as-of`, though it is January."""
    run = init(here, "--as-of", "2026-11-30T23:00:00Z", now=datetime(2027, 1, 9, tzinfo=UTC))
    assert run.code == 0
    assert caps(written(here))["production"] == "1600"


def test_the_month_before_january_is_december() -> None:
    """Of the year before."""
    december = MonthToDate(datetime(2027, 1, 31, 12, tzinfo=UTC)).before
    assert (december.start.date().isoformat(), december.end.date().isoformat()) == (
        "2026-12-01",
        "2027-01-01",
    )


# What is written


def test_the_file_names_its_schema_first(here: Here) -> None:
    """Editors look for it there."""
    init(here)
    assert here.program.text("budget.yml").splitlines()[0] == SCHEMA


def test_each_cap_tells_what_it_goes_by(here: Here) -> None:
    """The spend of the month, rounded to cents."""
    init(here)
    text = here.program.text("budget.yml")
    assert "  cap: 1900 # $1,472.49 in 2026-10\n" in text
    assert "  production: {cap: 1600} # $1,234.50 in 2026-10\n" in text


def test_a_workspace_without_spend_is_commented_out(here: Here) -> None:
    """It stands there to be filled in, and caps nothing."""
    init(here)
    assert "  # staging: {cap: 100} # no spend in 2026-10\n" in here.program.text("budget.yml")


def test_what_is_commented_out_is_right_where_it_is_let_in(here: Here) -> None:
    """Without its `# ` each such line is one of the policy."""
    init(here)
    text = here.program.text("budget.yml").replace("  # ", "  ").replace("# unlisted", "unlisted")
    assert caps(policy(text).policy)["staging"] == "100"


def test_workspaces_of_one_name_are_keyed_by_id(here: Here) -> None:
    """With the name in a comment."""
    init(here)
    text = here.program.text("budget.yml")
    assert f"  {EVALS[0]}: {{cap: 9.4}} # evals: $7.50 in 2026-10\n" in text
    assert f"  # {EVALS[1]}: {{cap: 100}} # evals: no spend in 2026-10\n" in text


def test_an_archived_workspace_gets_no_line(here: Here) -> None:
    """Nothing can be spent there any more."""
    init(here)
    assert "legacy-bot" not in here.program.text("budget.yml")


def test_the_default_workspace_is_left_out_without_spend(here: Here) -> None:
    """Many organizations do not use it."""
    init(here, usage=[used(PRODUCTION, "1")])
    assert "# no spend" in here.program.text("budget.yml")
    assert "\n  # default:" not in here.program.text("budget.yml")


@pytest.mark.parametrize("workspaces", [[], LISTED], ids=["none", "some"])
def test_an_organization_without_spend_gets_a_policy(
    here: Here, workspaces: list[Workspace]
) -> None:
    """Its global cap is a placeholder, and says so, there and in what is told."""
    run = init(here, usage=[], workspaces=workspaces)
    assert run.code == 0
    assert_says(run.stderr, "$100", "placeholder")
    assert "  cap: 100 # no spend in 2026-10\n" in here.program.text("budget.yml")
    assert caps(written(here)) == {}


def test_caps_that_add_up_to_more_are_told(here: Here) -> None:
    """Each is rounded up: 3 * 130 is above 303.03 * 1.25 = 378.7875, which is 380."""
    thrice = [used(workspace, "6.734") for workspace in (PRODUCTION, RESEARCH, STAGING)]
    init(here, usage=thrice)
    text = here.program.text("budget.yml")
    assert "  cap: 380 # $303.03 in 2026-10\n" in text
    assert "  # Below this, the caps of the workspaces add up to $390.\n" in text


def test_what_is_written_can_be_checked_at_once(here: Here) -> None:
    """The gate finds every key."""
    with LoopbackAPI(Organization(SPENT, LISTED), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        here.main("init", now=NOW)
        assert here.main("check", now=NOW).code == 0


def test_stderr_says_what_to_do_next(here: Here) -> None:
    """Stdout is empty, as nothing was asked to be printed."""
    run = init(here, "--policy", "my budget.yml")
    assert run.stdout == ""
    assert run.stderr.startswith(
        "budget-gate: wrote my budget.yml, with a cap for the organization ($1,900) and for 4 "
        "workspaces.\nNext: "
    )
    assert "`budget-gate check --policy 'my budget.yml'`" in run.stderr


def test_stdout_is_the_policy_and_no_file(here: Here) -> None:
    """Even beside a policy that exists."""
    here.program.write("mine\n")
    run = init(here, "--stdout")
    assert (run.code, run.stderr) == (0, "")
    assert caps(policy(run.stdout).policy)["production"] == "1600"
    assert here.program.text("budget.yml") == "mine\n"
    assert files(here) == ["budget.yml"]


def test_an_oauth_token_will_do(here: Here) -> None:
    """As for a check."""
    here.set({"ANTHROPIC_ADMIN_KEY": "", "ANTHROPIC_AUTH_TOKEN": EXAMPLE_AUTH_TOKEN})
    assert init(here).code == 0


def test_the_reference_shows_what_is_written_and_what_the_doctor_says_of_it(here: Here) -> None:
    """Word for word, for this organization, which has used two workspaces in November."""
    november = "2026-11-10T12:00:00Z"
    usage = [*SPENT, used(PRODUCTION, "52.3", november), used(STAGING, "1.346", november)]
    page = PAGES["docs/commands.md"]
    with LoopbackAPI(Organization(usage, LISTED), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        assert here.main("init", now=NOW).code == 0
        assert f"```yaml\n{here.program.text('budget.yml')}```\n" in page
        told = here.main("doctor", now=NOW).stdout.replace(f", asked at {api.url}", "")
        assert f"```text\n{told}```\n" in page


# Usage without a price


def test_usage_without_a_price_is_told(here: Here) -> None:
    """The cap goes by the rest, a comment says so, and stderr warns: exit 0."""
    unknown = Usage(NOW - timedelta(days=30), RESEARCH, "claude-unknown-9", output=5)
    run = init(here, usage=[*SPENT, unknown])
    assert run.code == 0
    assert run.stderr.startswith(
        "warning: 5 tokens of claude-unknown-9 on 2026-10-23 have no price"
    )
    assert caps(written(here))["research"] == "240"
    text = here.program.text("budget.yml")
    told = "at least {} in 2026-10: part of the usage has no price, so the cap may be too low\n"
    assert f"  research: {{cap: 240}} # {told.format('$185.19')}" in text
    assert f"  cap: 1900 # {told.format('$1,472.49')}" in text


def test_the_lower_bound_of_unpriced_usage_may_be_nothing() -> None:
    """It is spend all the same, and gets the least of caps."""
    assert cap_for(bounds("0", "unlimited")) == 1


# What is never overwritten


def test_a_policy_that_exists_is_left(here: Here) -> None:
    """Exit 2, with the ways out, and before anything is asked for."""
    here.program.write("mine\n")
    here.set({"ANTHROPIC_BASE_URL": NOWHERE})
    run = here.main("init", now=NOW)
    assert run.code == 2
    assert run.stderr.startswith("budget-gate: budget.yml already exists; not changed\n")
    assert "--force" in run.stderr
    assert here.program.text("budget.yml") == "mine\n"


def test_a_policy_below_github_is_not_put_aside(here: Here) -> None:
    """A new budget.yml would go before it."""
    here.program.write("mine\n", ".github/budget.yml")
    run = init(here)
    assert run.code == 2
    assert ".github/budget.yml already exists" in run.stderr
    assert files(here) == [".github"]


def test_a_link_to_nowhere_is_left(here: Here) -> None:
    """What it points to may be mounted later."""
    (here.program.folder / "budget.yml").symlink_to("elsewhere.yml")
    assert init(here).code == 2
    assert files(here) == ["budget.yml"]


def test_force_replaces_a_policy(here: Here) -> None:
    """Whole, with nothing left beside it."""
    here.program.write("mine\n" * 1000)
    assert init(here, "--force").code == 0
    assert caps(written(here))["production"] == "1600"
    assert files(here) == ["budget.yml"]


@pytest.mark.parametrize("target", [None, "elsewhere.yml"], ids=["file", "link"])
def test_what_appears_in_the_meantime_is_left(tmp_path: Path, target: str | None) -> None:
    """Between the look and the writing, another may have written one."""
    path = tmp_path / "budget.yml"
    path.symlink_to(target) if target else path.write_text("mine", encoding="utf-8")
    with pytest.raises(Exception, match="File exists"):
        write_whole(path, "new", overwrite=False)
    assert list(tmp_path.iterdir()) == [path]
    assert path.is_symlink() or path.read_text(encoding="utf-8") == "mine"


def test_a_folder_that_does_not_exist_is_told(here: Here) -> None:
    """Exit 2, before anything is asked for."""
    here.set({"ANTHROPIC_BASE_URL": NOWHERE})
    run = here.main("init", "--policy", "config/budget.yml", now=NOW)
    assert run.code == 2
    assert "its folder does not exist" in run.stderr
    assert files(here) == []


def test_a_folder_of_that_name_is_told(here: Here) -> None:
    """With --force, too: exit 2, and nothing is left beside it."""
    (here.program.folder / "budget.yml").mkdir()
    run = init(here, "--force")
    assert run.code == 2
    assert "budget.yml cannot be written" in run.stderr
    assert files(here) == ["budget.yml"]


# Failures


@pytest.mark.parametrize("path", [USAGE, WORKSPACES])
@pytest.mark.parametrize("flag", ["--policy=budget.yml", "--stdout"])
def test_an_api_that_refuses_leaves_nothing(here: Here, path: str, flag: str) -> None:
    """Exit 3, and the reason with its remedy."""
    run = init(here, flag, answer={path: refuse(401)})
    assert (run.code, run.stdout, files(here)) == (3, "", [])
    assert_says(
        run.stderr, "nothing was written", "(401)", "Check that the Admin key", f"(GET {path}: "
    )


def test_without_a_credential_nothing_is_written(here: Here) -> None:
    """Exit 3, as for a check."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    run = here.main("init", now=NOW)
    assert (run.code, files(here)) == (3, [])
    assert "no credential found. Set ANTHROPIC_ADMIN_KEY" in run.stderr


def test_a_wrong_clock_writes_nothing(here: Here) -> None:
    """It might be the wrong month."""
    with LoopbackAPI(Organization(SPENT, LISTED), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("init", now=NOW + timedelta(days=20))
    assert (run.code, files(here)) == (3, [])


def test_a_month_that_has_not_ended_is_refused(here: Here) -> None:
    """Exit 2: what it will cost is not known."""
    now = datetime(2026, 11, 30, 23, 58, tzinfo=UTC)
    run = init(here, "--as-of", "2026-12-01T00:00:00Z", now=now)
    assert (run.code, files(here)) == (2, [])
    assert "the month before 2026-12 has not ended yet" in run.stderr


def test_the_key_is_shown_nowhere(here: Here) -> None:
    """Not even where a workspace is called like it."""
    workspaces = [Workspace(PRODUCTION, EXAMPLE_KEY)]
    run = init(here, workspaces=workspaces)
    assert run.code == 0
    assert EXAMPLE_KEY not in run.stderr + here.program.text("budget.yml")


# Hostile names

HOSTILE = (
    *("default", "null", "Yes", "~", "1.5", "010", "<<", "-", "? a", "a: b", "a # b", "a #b", "#"),
    *(
        '"',
        "'",
        "\\",
        '\\"',
        "a\nb",
        "a\r\nversion: 2",
        "\x85",
        "\u2028",
        "\ufeff",
        "\x00",
        "\x1b[",
    ),
    *(
        "\u202eabc",
        "\u200b",
        "*",
        "prod-*",
        "[ab]",
        "&a",
        "*a",
        "!t",
        "%a",
        "@a",
        "`a`",
        "{}",
        "[]",
    ),
    *("##[error]x", "::error::x", "a" * 101, "é" * 100, "😀" * 100, "a" * 5000, " ", " a ", "---"),
    *("wrkspc_01PROD", "workspaces", "cap", "unlisted"),
)
names = st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=120).filter(
    lambda text: text.isascii() or text.encode("utf-8", "ignore").decode() == text
)
organizations = st.lists(
    st.tuples(names | st.from_regex(r"wrkspc_01[A-Z]{3}", fullmatch=True), names, st.booleans()),
    max_size=12,
    unique_by=lambda each: each[0],
)


def draft_of(listed: list[tuple[str, str, bool]], *, every: bool) -> tuple[Draft, list[Listed]]:
    """The draft for workspaces of which each, or every other one, has spent 10 USD."""
    workspaces = [Listed(id_, name, is_archived) for id_, name, is_archived in listed]
    costs = {it.id: bounds("10") for n, it in enumerate(workspaces) if every or n % 2}
    spend = spend_of(costs, workspaces=tuple(workspaces))
    return draft_policy(spend, OCTOBER), workspaces


@given(organizations, st.booleans())
def test_a_policy_with_any_names_loads_and_fits(
    listed: list[tuple[str, str, bool]],
    every: bool,  # noqa: FBT001 - drawn
) -> None:
    """Every key names the one workspace it was written for, whatever that is called."""
    draft, workspaces = draft_of(listed, every=every)
    file = policy(render_draft(draft))
    spend = spend_of({}, workspaces=tuple(workspaces))
    named = resolve(file, spend, directory(file.policy, spend)).workspaces
    assert {key: len(ids) for key, ids in named.items()} == {
        budget.key: 1 for budget in draft.workspaces
    }
    by_id = {workspace.id: workspace for workspace in workspaces}
    for budget in draft.workspaces:
        (id_,) = named[budget.key]
        assert by_id[id_].name == budget.name
        assert file.policy.workspaces[budget.key].cap == 13


@given(organizations)
def test_no_name_breaks_out_of_its_line(listed: list[tuple[str, str, bool]]) -> None:
    """Every line is of this program's making, printable, and no command of GitHub's runner."""
    draft, _ = draft_of(listed, every=False)
    text = render_draft(draft)
    lines = text.splitlines()
    assert len(lines) == text.count("\n")
    budgets = len(draft.workspaces) + len(draft.idle)
    assert len(lines) <= 13 + budgets + 1
    assert all(line.isprintable() for line in lines)
    assert "##[" not in text
    assert not any(line.lstrip().startswith("::") for line in lines)


@given(organizations)
def test_commented_lines_of_any_names_load_too(listed: list[tuple[str, str, bool]]) -> None:
    """Where a person lets them in."""
    draft, _ = draft_of(listed, every=False)
    lines = [
        line.replace("# ", "", 1) if line.startswith(("  # ", "#   ", "# workspaces")) else line
        for line in render_draft(draft).splitlines()
        if "Below this" not in line
    ]
    loaded = load_document("\n".join(lines).encode(), "budget.yml", Policy)[0]
    assert len(loaded.workspaces) == len(draft.workspaces) + len(draft.idle)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_workspace_of_any_name_gets_its_cap(here: Here, name: str) -> None:
    """By its name or its id, in a file that a check accepts."""
    workspaces = [Workspace(PRODUCTION, name)]
    with LoopbackAPI(Organization([used(PRODUCTION, "1")], workspaces), now=NOW) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        assert here.main("init", now=NOW).code == 0
        assert here.main("check", now=NOW).code == 0
    assert list(caps(written(here)).values()) == ["19"]
