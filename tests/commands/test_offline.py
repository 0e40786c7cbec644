"""`check --offline`: a policy without a key, and what it changes against the one of the base branch."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from budget_gate.domain.offline import Base, check_policy
from budget_gate.domain.period import MonthToDate
from budget_gate.outputs.policy_check import render_policy_text
from tests.helpers.builders import book, policy
from tests.helpers.inert import EVIL, SURROGATE, Shown, assert_inert, left_by, way_id
from tests.helpers.markup import kinds
from tests.helpers.pages import BLOCKS
from tests.helpers.runner import read_commands, read_outputs
from tests.helpers.running import NOW, OK, Gate, Here, Run
from tests.helpers.surface import action
from tests.helpers.wording import assert_says
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization

POLICY = "version: 1\nglobal: {cap: 5000}\nworkspaces:\n  production: {cap: 2500}\n  a: {cap: 1}\n"
HEADLINE = "Policy is valid: 3 budgets. No spend was checked (offline)."
LIMITS = "Not checked offline: spend, and whether the workspaces and models exist."
OWN = "input: 3, output: 15, cache_write_5m: 3.75, cache_write_1h: 6, cache_read: 0"
WITHOUT_KEY = {"ANTHROPIC_ADMIN_KEY": "", "ANTHROPIC_AUTH_TOKEN": ""}


def offline(here: Here, *flags: str, policy: str = POLICY, base: str | None = None) -> Run:
    """What a run without a key prints; `base` is written as base.yml, and compared with."""
    if base is not None:
        here.program.write(base, "base.yml")
        flags = ("--base-policy", "base.yml", *flags)
    return here.main("check", "--offline", *flags, policy=policy, environment=WITHOUT_KEY)


# The policy alone


def test_a_valid_policy_is_0_without_a_key(here: Here) -> None:
    """The headline says that no spend was checked, and the end what else was not."""
    run = offline(here)
    assert (run.code, run.stderr) == (0, "")
    assert run.stdout == f"{HEADLINE}\nChecked: budget.yml.\n\n{LIMITS}\n"


def test_nothing_is_asked_of_the_api(here: Here) -> None:
    """Though there is a key."""
    with LoopbackAPI(Organization([], []), now=NOW) as api:
        assert here.check(api, "--offline", policy=OK).code == 0
    assert api.requests == []


def test_every_defect_is_told_at_once(here: Here) -> None:
    """Exit 2, each with its place, as with a key."""
    run = offline(here, policy="version: 1\nglobal: {cpa: 1}\nmodels: {a: {cap: -1}}\n")
    assert (run.code, run.stdout) == (2, "")
    assert "budget.yml:2:10: global.cpa: unknown key" in run.stderr
    assert "budget.yml:3:14: models.a.cap: '-1' is not an amount" in run.stderr


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (
            "exceptions: [{budget: workspaces.b, cap: 1, until: 2026-11-30, reason: x}]\n",
            "budget.yml:6:15: exceptions.0.budget: no budget is called 'workspaces.b'",
        ),
        (
            f"prices: {{models: {{claude-sonnet-4-5: {{{OWN.replace('3', '0.000003', 1)}}}}}}}\n",
            "budget.yml:6:39: prices.models.claude-sonnet-4-5.input: 0.000003 is no more than a thousandth",
        ),
    ],
)
def test_exceptions_and_own_prices_are_checked(here: Here, more: str, told: str) -> None:
    """What a run with a key refuses before it asks for anything."""
    run = offline(here, policy=POLICY + more)
    assert run.code == 2
    assert told in run.stderr


@pytest.mark.parametrize(
    ("more", "level", "code"),
    [
        ("prices: {discount: 50%}\n", "warning", "deep_discount"),
        (f"prices: {{models: {{custom: {{{OWN}}}}}}}\n", "info", "free_price"),
        (f"prices: {{models: {{claude-sonnet-4-5: {{{OWN}}}}}}}\n", "warning", "below_list"),
        (
            "exceptions: [{budget: workspaces.a, cap: 2.01, until: 2026-11-30, reason: x}]\n",
            *("warning", "large_exception"),
        ),
        (
            "exceptions: [{budget: workspaces.a, cap: 2, until: 2026-11-14, reason: x}]\n",
            *("info", "expired_exception"),
        ),
        (
            "exceptions: [{budget: workspaces.a, cap: 2, until: 2026-10-01, reason: x}]\n",
            *("warning", "expired_exception"),
        ),
        ("  b: {cap: 2499.01}\n", "warning", "caps_above_global"),
    ],
)
def test_what_the_file_shows_by_itself_is_noted(
    here: Here, more: str, level: str, code: str
) -> None:
    """On 15 November; the caps of the workspaces are 2,501 of 5,000 otherwise."""
    run = offline(here, "--format", "json", policy=POLICY + more)
    assert run.code == 0
    assert (level, code) in [(note["level"], note["code"]) for note in run.report["notes"]]
    plain = offline(here, "--format", "json")
    assert code not in plain.codes


@pytest.mark.parametrize("more", ["", "  b: {cap: 2499}\n", "exceptions: []\n"])
def test_what_is_in_order_is_not_noted(here: Here, more: str) -> None:
    """Caps that add up to the global one, for instance."""
    assert offline(here, "--format", "json", policy=POLICY + more).report["notes"] == []


def test_an_exception_that_doubles_a_cap_does_not_more_than_double_it(here: Here) -> None:
    """Of 1 to 2."""
    more = "exceptions: [{budget: workspaces.a, cap: 2, until: 2026-11-30, reason: x}]\n"
    assert offline(here, "--format", "json", policy=POLICY + more).codes == []


# How it is told


def test_quiet_prints_one_line(here: Here) -> None:
    """The headline, whatever changes."""
    run = offline(here, "--quiet", base=POLICY.replace("2500", "2000"))
    assert (run.code, run.stdout, run.stderr) == (0, f"{HEADLINE}\n", "")


def test_the_json_report_has_every_key_of_a_report_and_the_policy(here: Here) -> None:
    """`unchecked`, not enforced, without a spend or a budget's result."""
    run = offline(here, "--format", "json")
    with LoopbackAPI(Organization([], []), now=NOW) as api:
        checked = here.check(api, "--format", "json", policy=OK)
    assert [*run.report] == [*checked.report, "policy"]
    assert run.report["schema"] == "budget-gate/report/v1"
    assert (run.report["status"], run.report["enforced"]) == ("unchecked", False)
    assert (run.report["spend"], run.report["budgets"]) == (None, [])
    assert run.report["policy"] == {
        "file": "budget.yml",
        "budgets": 3,
        "base": None,
        "changes": None,
    }


def test_the_json_report_has_every_change(here: Here) -> None:
    """Exact USD as texts, and the line of the new policy."""
    policy = POLICY + (
        "exceptions: [{budget: global, cap: 6000, until: 2026-11-30, reason: x}]\n"
        "groups: {g: {workspaces: [b], cap: 3}}\n"
    )
    run = offline(
        here,
        *("--format", "json"),
        policy=policy,
        base=POLICY.replace("2500", "2499.50") + "groups: {g: {workspaces: [b, c], cap: 3}}\n",
    )
    told = run.report["policy"]
    assert told["base"] == "base.yml"
    assert told["changes"] == [
        {
            "path": "workspaces.production",
            "what": "cap",
            "effect": "looser",
            "before": "2499.5",
            "after": "2500",
            "line": 4,
        },
        {
            "path": "groups.g",
            "what": "members",
            "effect": "looser",
            "before": ["c"],
            "after": None,
            "line": 7,
        },
        {
            "path": "global",
            "what": "exception",
            "effect": "looser",
            "before": "5000",
            "after": {"cap": "6000", "until": "2026-11-30", "reason": "x", "approved_by": ""},
            "line": 6,
        },
    ]


def test_the_step_reads_as_no_verdict_about_spend(step: Here) -> None:
    """The outputs say `unchecked` and not enforced; the report is where it was asked for."""
    run = offline(step, "--report", "report.json", base=POLICY.replace("2500", "2000"))
    assert run.code == 0
    assert read_outputs(step.program.output) == {
        "status": "unchecked",
        "enforced": "false",
        "spend-usd": "",
        "basis": "list",
        "cap-usd": "5000",
        "breached": "[]",
        "not-enforced": "[]",
        "report": "report.json",
        "headline": "Policy is valid: 3 budgets. No spend was checked (offline).",
        "changed": "",
        "breached-names": "[]",
    }
    assert step.program.report["status"] == "unchecked"
    assert step.program.summary == (
        "\n### ⚪ budget-gate: unchecked\n\n"
        f"**{HEADLINE}**\n\n"
        "`budget.yml` compared with `base.yml`: 1 change loosens it.\n\n"
        "**Looser**\n\n"
        "- `production`: cap $2,000 -> $2,500\n\n"
        f"<sub>{LIMITS}</sub>\n"
    )


def test_what_is_looser_and_what_is_warned_of_stands_at_its_line(step: Here) -> None:
    """As a warning in the pull request: nothing has failed."""
    run = offline(
        step,
        policy=f"{POLICY}prices: {{discount: 60%}}\n",
        base=POLICY.replace("2500", "2000") + "names: {wrkspc_01A: x}\nunlisted: warn\n",
    )
    told = [command for command in read_commands(run.stderr) if command[0] != "add-mask"]
    here = {"file": "budget.yml", "title": "budget-gate"}
    assert told == [
        ("warning", {**here, "line": "4"}, "Looser: production: cap $2,000 -> $2,500."),
        ("warning", {**here, "line": "1"}, "Looser: unlisted workspaces: warn -> allow."),
        ("warning", {**here, "line": "6"}, "Looser: prices: discount 0% -> 60%."),
        ("warning", here, "Priced with a 60% discount set in the policy."),
    ]


def test_a_terminal_gets_colours(here: Here) -> None:
    """Of what is looser and what is tighter; a file gets none."""
    before, after = (policy(POLICY.replace("2500", cap)) for cap in ("2000", "3000"))
    base = Base("base.yml", before.policy)
    check = check_policy(after, MonthToDate(NOW), book(), base)
    text = render_policy_text(check, "budget.yml", colour=True)
    assert "\n  \x1b[33mLooser\x1b[0m\n" in text
    assert "\x1b" not in offline(here, base=POLICY.replace("2500", "2000")).stdout


def test_a_report_of_an_offline_run_is_no_last_report(here: Here) -> None:
    """It knows of no spend."""
    offline(here, "--report", "report.json")
    with LoopbackAPI(Organization([], []), now=NOW) as api:
        run = here.check(api, "--format", "json", "--last-report", "report.json", policy=OK)
    assert "The last report is not used: it is of a run with --offline, which knows no spend." in [
        note["message"] for note in run.report["notes"]
    ]


# What changes


def example() -> str:
    """What docs/policy.md shows."""
    (text,) = [block.text for block in BLOCKS if block.text.startswith("Policy is valid")]
    return text


BASE = """\
version: 1
global: {cap: 5000}
workspaces:
  production: {cap: 2500}
  staging: {cap: 300}
  default: {cap: 50}
"""
CHANGED = """\
version: 1
global: {cap: 5000, warn_at: [50%, 80%]}
workspaces:
  production: {cap: 2500}
  staging: {cap: 400}
  default: {cap: 50}
exceptions:
  - budget: workspaces.production
    cap: 3500
    until: 2026-11-29
    reason: launch week
    approved_by: finance
prices: {discount: 10%}
"""


def test_the_example_of_the_docs_is_what_is_printed(here: Here) -> None:
    """But for the note on the discount."""
    run = offline(here, policy=CHANGED, base=BASE)
    note = "  info: 10% is taken off list prices of tokens; prices.models are used as\n    written.\n\n"
    assert run.stdout.replace(note, "") == example()


def test_every_line_fits_a_terminal(here: Here) -> None:
    """Of 80 columns, however long a reason is."""
    run = offline(here, policy=CHANGED.replace("launch week", "launch week " * 40), base=BASE)
    assert max(map(len, run.stdout.splitlines())) <= 80


def test_that_nothing_changes_is_said(here: Here) -> None:
    """In text and in Markdown."""
    for form in ("text", "markdown"):
        assert "nothing changes." in offline(here, "--format", form, base=POLICY).stdout


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("", "models: {m: {cap: 1.50}}\n", "model m: new budget: cap $1.5"),
        ("models: {m: {cap: 1}}\n", "", "model m: budget removed (cap $1)"),
        (
            "",
            "groups: {g: {workspaces: [b, 'c-*'], cap: 9, warn_at: [12.5%], daily_cap: 2, forecast: fail}}\n",
            "group g: new budget: cap $9, for b, c-*, warn_at 12.5%, daily_cap $2, forecast fail",
        ),
        (
            "",
            "models: {m: {cap: 1, optional: true}}\n",
            "model m: new budget: cap $1, optional",
        ),
        (
            "unlisted: {cap: 5}\n",
            "unlisted: {cap: 5}\ngroups: {g: {workspaces: [b], cap: 9}}\n",
            "group g: new budget: cap $9, for b (until now $5 if unlisted or matched by a glob)",
        ),
        (
            "groups: {g: {workspaces: [b], cap: 9}}\n",
            "groups: {g: {workspaces: [c, d], cap: 9}}\n",
            "group g: members removed: b",
        ),
        (
            "groups: {g: {workspaces: [b], cap: 9}}\nunlisted: fail\n",
            "groups: {g: {workspaces: [b, c], cap: 9}}\nunlisted: fail\n",
            "group g: members added that were unlisted: c",
        ),
        ("unlisted: fail\n", "unlisted: {cap: 7}\n", "unlisted workspaces: fail -> cap $7"),
        ("", "unlisted: {cap: 7}\n", "unlisted workspaces: allow -> cap $7"),
        ("", "organization: abc\n", "organization's id: none -> abc"),
        ("", "spend: {basis: billed}\n", "spend: basis list -> billed"),
        ("names: {wrkspc_01A: x}\n", "", "name of wrkspc_01A: x -> none"),
        (
            "exceptions: [{budget: global, cap: 6000, until: 2026-11-30, reason: x}]\n",
            "",
            "organization: cap $6,000, exception until Nov 30: x -> $5,000, no exception any more",
        ),
        (
            "",
            "exceptions: [{budget: global, cap: 6000, until: 9999-12-31, reason: x}]\n",
            "organization: cap $5,000 -> $6,000, exception until Dec 31, 9999: x",
        ),
        (
            "exceptions: [{budget: global, cap: 6000, until: 2026-11-30, reason: x}]\n",
            "exceptions: [{budget: global, cap: 6000, until: 2026-11-29, reason: y}]\n",
            "organization: cap $6,000, exception until Nov 30: x -> $6,000, exception until Nov 29: y",
        ),
        (
            "exceptions: [{budget: global, cap: 6000, until: 2026-11-01, reason: x}]\n",
            "",
            "organization: removed: cap $6,000, exception that ended Nov 1: x",
        ),
        (
            "",
            f"prices: {{models: {{custom: {{{OWN}}}}}}}\n",
            "own price of custom: none -> input 3, cache_write_5m 3.75, cache_write_1h 6, cache_read 0, output 15",
        ),
        (
            f"prices: {{models: {{custom: {{{OWN}, batch: 0.4}}}}}}\n",
            f"prices: {{models: {{custom: {{{OWN}}}}}}}\n",
            "own price of custom: batch 0.4 -> without it",
        ),
    ],
)
def test_each_change_reads_so(here: Here, before: str, after: str, told: str) -> None:
    """On one line, were it wide enough."""
    run = offline(here, policy=POLICY + after, base=POLICY + before)
    assert told in re.sub(r"\s+", " ", run.stdout)


def test_many_changes_are_counted(step: Here) -> None:
    """A summary and a log stay readable: 50 budgets of a kind are told, and the rest in the JSON report."""
    names = [f"team-{number}" for number in range(60)]
    low, high = (
        "version: 1\nworkspaces:\n" + "".join(f"  {name}: {{cap: {cap}}}\n" for name in names)
        for cap in (1, 2)
    )
    run = offline(step, "--report", "report.json", policy=high, base=low)
    assert "and 10 more, all of them in the JSON report" in run.stdout
    assert "and 10 more, all of them in the JSON report" in step.program.summary
    assert len(step.program.report["policy"]["changes"]) == 60
    assert run.stderr.count("::warning") == 10


# The base


@pytest.mark.parametrize(
    ("base", "told"),
    [
        (None, ["does not exist", "path is wrong", "changes are not shown"]),
        ("", ["is empty", "path is wrong", "changes are not shown"]),
        (
            "version: 1\nglobal: {cpa: 1}\n",
            ["changes are not shown", "none.yml:2:10: global.cpa: unknown key"],
        ),
        ("version: 1\nglobal: {cpa: 1, wran_at: 1}\n", ["unknown key (and 1 more)"]),
    ],
)
def test_a_base_that_is_no_policy_is_warned_of(
    step: Here, base: str | None, told: list[str]
) -> None:
    """With the reason, in every output: nobody is to think that nothing changes. The policy is checked by itself."""
    if base is not None:
        step.program.write(base, "none.yml")
    run = offline(step, "--base-policy", "none.yml", "--report", "report.json")
    assert run.code == 0
    assert run.stdout.splitlines()[1] == "Checked: budget.yml. Not compared with none.yml."
    (annotation,) = [text for kind, _, text in read_commands(run.stderr) if kind == "warning"]
    for text in (run.stdout, annotation, step.program.summary.replace("`", "")):
        assert_says(text, "none.yml", *told)
    notes = step.program.report["notes"]
    assert [(it["level"], it["code"]) for it in notes] == [("warning", "not_compared")]


def test_a_folder_is_no_base(here: Here) -> None:
    """Nor a file that cannot be read."""
    run = offline(here, "--base-policy", ".")
    assert run.code == 0
    assert_says(run.stdout, ". cannot be read as a policy", "Is a directory")


def test_the_base_may_have_exceptions_that_fit_no_budget(here: Here) -> None:
    """It was merged, so it is compared with as it is."""
    more = "exceptions: [{budget: workspaces.b, cap: 1, until: 2026-11-30, reason: x}]\n"
    run = offline(here, base=POLICY + more)
    assert "b: removed: cap $1, exception until Nov 30: x" in run.stdout


def test_the_report_is_not_written_over_the_base(here: Here) -> None:
    """It is read by this run, as the policy is."""
    run = offline(here, "--report", "base.yml", base=POLICY)
    assert (run.code, here.program.text("base.yml")) == (2, POLICY)


# What does not go together


@pytest.mark.parametrize(
    "flags",
    [
        ("--as-of", "2026-11-15T12:00:00Z"),
        ("--month", "last"),
        ("--reserve", "5"),
        ("--budget", "global"),
        ("--usage", "pages.json"),
        ("--last-report", "report.json"),
        ("--badge", "badge.json"),
        ("--audit",),
    ],
)
def test_what_needs_spend_does_not_go_with_offline(here: Here, flags: tuple[str, ...]) -> None:
    """Exit 2, with the flag and what to do."""
    run = offline(here, *flags)
    assert (run.code, run.stdout) == (2, "")
    assert f"--offline checks no spend, so it does not go with {flags[0]}" in run.stderr
    assert "leave that out, or --offline" in run.stderr


def test_a_base_needs_offline(here: Here) -> None:
    """A check of spend compares no policies."""
    run = here.main("check", "--base-policy", "base.yml", policy=POLICY)
    assert (run.code, run.stdout) == (2, "")
    assert "--base-policy (BUDGET_GATE_BASE_POLICY) only goes with --offline" in run.stderr


@pytest.mark.parametrize(("value", "code"), [("true", 0), ("false", 3), ("", 3), ("yes", 2)])
def test_the_variable_is_true_or_false(here: Here, value: str, code: int) -> None:
    """As an input of the action has it; without it, the spend is not known here (3)."""
    environment = {**WITHOUT_KEY, "BUDGET_GATE_OFFLINE": value}
    run = here.main("check", policy=POLICY, environment=environment)
    assert run.code == code
    assert (code == 2) == ("BUDGET_GATE_OFFLINE" in run.stderr)


def test_the_action_has_both_as_inputs() -> None:
    """Each under its own name."""
    assert {"offline", "base-policy"} <= action()["inputs"].keys()


# Text of a stranger's pull request


def policy_of(text: str, cap: int) -> str:
    """A policy in which everything that people word is `text`; a key of YAML has 1,024 letters at most."""
    text = text[:900]
    name = json.dumps(text if text == text.strip() else f"x{text}x")
    return (
        f"version: 1\nworkspaces: {{{name}: {{cap: {cap}}}}}\n"
        f"groups: {{g: {{workspaces: [{name}, a{cap}], cap: {cap}}}}}\n"
        f"models: {{{name}: {{cap: {cap}}}}}\n"
        f"exceptions: [{{budget: groups.g, cap: 9, until: 2026-12-{cap}, reason: {name}, "
        f"approved_by: {name}}}]\n"
        f"names: {{wrkspc_01A: {name}}}\n"
        f"prices: {{models: {{{name}: {{{OWN}, us: {cap}, source: {name}}}}}}}\n"
    )


def shown(step: Here, base: str, policy: str) -> Shown:
    """All that a step shows of a comparison."""
    step.program.write(base, "base.yml")
    flags = ("--offline", "--base-policy", "base.yml", "--report", "report.json")
    run = step.main("check", *flags, policy=policy)
    return left_by(run, step)


@pytest.mark.parametrize("text", [text for text in EVIL if text != SURROGATE], ids=way_id)
def test_a_strangers_text_is_no_more_than_text(step: Here, text: str) -> None:
    """Wherever a name or a reason is shown, of the policy or of its base."""
    usual = shown(step, policy_of("plain", 11), policy_of("plain", 12))
    for old, new in ((11, 12), (12, 11)):
        seen = shown(step, policy_of(text, old), policy_of(text, new))
        assert seen.run.code == 0, seen.run.stderr
        assert_inert(seen)
        # A word that is longer than a line stays whole.
        assert max(map(len, seen.run.stdout.splitlines())) <= max(80, *map(len, text.split())) + 8
        assert {*kinds(seen.summary)} == {*kinds(usual.summary)}
    seen = shown(step, policy_of("plain", 11), policy_of(text, 12))
    assert seen.run.code == 0
    assert_inert(seen)


def test_the_key_is_in_no_output(step: Here) -> None:
    """Though a policy may hold it."""
    seen = shown(step, POLICY, POLICY + f"names: {{wrkspc_01A: {EXAMPLE_KEY}}}\n")
    assert_inert(seen)
    assert "***" in seen.run.stdout


def test_another_day_has_other_exceptions(here: Here) -> None:
    """The clock says which are in force."""
    more = "exceptions: [{budget: workspaces.a, cap: 9, until: 2026-11-15, reason: x}]\n"
    here.program.write(POLICY, "base.yml")
    flags = ("check", "--offline", "--base-policy", "base.yml")
    told = [
        here.main(*flags, policy=POLICY + more, now=datetime(2026, 11, day, tzinfo=UTC)).stdout
        for day in (15, 16)
    ]
    assert ["1 change loosens it" in text for text in told] == [True, False]


def test_it_runs_as_a_process_in_a_folder(tmp_path: Path) -> None:
    """Without any variable that names a credential."""
    gate = Gate(tmp_path)
    run = gate.run("--offline", policy=POLICY, environment=WITHOUT_KEY)
    assert (run.code, run.stderr) == (0, "")
    assert run.stdout.startswith(HEADLINE)
