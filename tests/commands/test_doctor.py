"""The command `doctor`: a line for each check, each that can be made, and the exit code."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from threading import Event

import pytest

from budget_gate.domain.credential_health import check_credential
from budget_gate.domain.health import Finding, check_time, exit_code, noted
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.verdict.notes import staleness
from budget_gate.outputs.findings import render_findings
from tests.helpers.builders import MILLION
from tests.helpers.running import NOWHERE, Here, Run, stalling
from tests.helpers.serving import ME, NOW, USAGE, WORKSPACES, first, refuse
from tests.helpers.wording import assert_says
from tests.world import slack
from tests.world.billing import bill_of
from tests.world.channels import SECRETS, Answer, Channels
from tests.world.loopback import (
    EXAMPLE_AUTH_TOKEN,
    EXAMPLE_KEY,
    LoopbackAPI,
    Organization,
    Request,
    Response,
    Workspace,
)
from tests.world.loopback_costs import COST, COST_REPORT
from tests.world.oracle import Card, Usage

PRODUCTION, RESEARCH, LEGACY = "wrkspc_01PROD", "wrkspc_01RES", "wrkspc_01OLD"
LISTED = [
    Workspace(PRODUCTION, "production"),
    Workspace(RESEARCH, "research"),
    Workspace(LEGACY, "legacy-bot", archived_at="2026-10-20T00:00:00Z"),
]
GOOD = "version: 1\nglobal: {cap: 1000}\nworkspaces:\n  production: {cap: 500}\n"
ROUTES = (USAGE, WORKSPACES)
LINE = re.compile(r"(ok     |warning|error  )  ([A-Za-z ]+): (.+[.?)])")


def used(workspace: str | None, millions: str) -> Usage:
    """Output of Claude Sonnet 4.5 on 10 November, at 15 USD per million tokens."""
    tokens = int(Decimal(millions) * 1_000_000)
    at = datetime(2026, 11, 10, 12, tzinfo=UTC)
    return Usage(at, workspace, "claude-sonnet-4-5", output=tokens)


SPENT = [used(PRODUCTION, "2")]


def doctor(
    here: Here,
    *arguments: str,
    policy: str | None = GOOD,
    usage: Sequence[Usage] = SPENT,
    workspaces: Sequence[Workspace] = LISTED,
    clock: datetime = NOW,
    answer: Mapping[str, Response] | None = None,
) -> Run:
    """What `doctor` prints beside an organization; `answer` goes before the API's own, by path."""
    with LoopbackAPI(
        Organization(list(usage), list(workspaces)),
        now=NOW,
        intercept=lambda request, _: (answer or {}).get(request.path),
    ) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        return here.main("doctor", *arguments, policy=policy, now=clock)


def lines(run: Run) -> list[tuple[str, str, str]]:
    """Level, check and sentences of every line but the first."""
    found = [LINE.fullmatch(line) for line in run.stdout.splitlines()[1:]]
    assert all(found), run.stdout
    return [(each[1].strip(), each[2], each[3]) for each in found if each]


def told(run: Run, check: str) -> list[tuple[str, str]]:
    """Level and sentences of each line of a check."""
    return [(level, text) for level, name, text in lines(run) if name == check]


# In order


def test_every_check_has_its_line_in_order(here: Here) -> None:
    """The credential before what needs it, and the policy by itself before the policy and usage."""
    run = doctor(here)
    assert run.code == 0
    assert [(level, check) for level, check, _ in lines(run)] == [
        ("ok", "policy"),
        ("ok", "credential"),
        ("ok", "organization"),
        ("ok", "usage report"),
        ("ok", "workspaces"),
        ("ok", "models"),
        ("ok", "clock"),
        ("ok", "keys"),
        ("ok", "caps"),
        ("ok", "uncapped"),
        ("ok", "archived"),
        ("ok", "prices"),
    ]


def test_the_first_line_sums_up(here: Here) -> None:
    """For a reader who reads no further."""
    first = doctor(here).stdout.splitlines()[0]
    assert first == "All 12 checks passed."


def test_the_first_line_counts(here: Here) -> None:
    """Errors before warnings."""
    run = doctor(here, policy=None, usage=[*SPENT, used(None, "1")], answer={ME: refuse(404)})
    assert run.stdout.splitlines()[0] == "Not ready: 1 error and 1 warning."


@pytest.mark.parametrize(
    ("codes", "expected"), [([], 0), ([0, 0], 0), ([0, 3], 3), ([3, 2, 0], 2), ([2], 2)]
)
def test_what_is_configured_wrong_wins(codes: list[int], expected: int) -> None:
    """It can be corrected at once, and an API that is down may be up by then."""
    found = [Finding("ok", "x", "y", exit_code=code) for code in codes]  # type: ignore[arg-type]
    assert exit_code(found) == expected


# The policy


def test_a_missing_policy_is_an_error(here: Here) -> None:
    """With the command that writes one; the API is asked all the same."""
    run = doctor(here, policy=None)
    assert run.code == 2
    assert told(run, "policy") == [
        (
            "error",
            (
                "there is no policy: neither budget.yml nor .github/budget.yml exists here. Write one "
                "with `budget-gate init`, or name it with --policy."
            ),
        )
    ]
    assert told(run, "usage report")[0][0] == "ok"


def test_a_policy_that_is_named_and_missing_is_an_error(here: Here) -> None:
    """It is read where it is said to be."""
    run = doctor(here, "--policy", "other.yml")
    assert run.code == 2
    assert told(run, "policy")[0][1].startswith("the policy other.yml does not exist. ")


def test_every_defect_of_a_policy_has_a_line(here: Here) -> None:
    """With its place and its remedy; the API is asked all the same."""
    run = doctor(here, policy="version: 1\nglobal: {cap: -1}\nworkspace: {}\n")
    assert run.code == 2
    assert [(level, text.split(": ")[0]) for level, text in told(run, "policy")] == [
        ("error", "budget.yml:2:10"),
        ("error", "budget.yml:3:1"),
    ]
    assert "Did you mean 'workspaces'?" in run.stdout
    assert told(run, "workspaces") == [("ok", "3 listed, 1 of them archived.")]


def test_an_exception_for_no_budget_is_an_error(here: Here) -> None:
    """And what else can be told of the policy is told."""
    exception = "exceptions:\n- {budget: globl, cap: 5, until: 2026-12-01, reason: r}\n"
    run = doctor(here, policy=GOOD + exception)
    assert run.code == 2
    assert "no budget is called 'globl'" in told(run, "policy")[0][1]
    assert told(run, "keys")[0][0] == "ok"


def test_prices_of_one_model_twice_are_an_error(here: Here) -> None:
    """A check would end with exit code 2, too."""
    price = "{input: 1, output: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1}"
    names = ("claude-sonnet-4-5", "claude-sonnet-4-5-20250929")
    models = "".join(f"    {name}: {price}\n" for name in names)
    run = doctor(here, policy=f"{GOOD}prices:\n  models:\n{models}")
    assert here.main("check", now=NOW).code == run.code


# The credential


def test_no_credential_is_an_error(here: Here) -> None:
    """Nothing is asked, and what the policy shows by itself is told."""
    here.set({"ANTHROPIC_ADMIN_KEY": ""})
    run = doctor(here, policy=GOOD.replace("500", "1001"))
    assert run.code == 3
    assert [(level, check) for level, check, _ in lines(run)] == [
        ("ok", "policy"),
        ("error", "credential"),
        ("warning", "caps"),
        ("ok", "prices"),
    ]


def test_a_key_in_quotes_stops_no_other_check(here: Here) -> None:
    """What needs no answer is checked; the remedy names no flag, as the key has none."""
    here.set({"ANTHROPIC_ADMIN_KEY": '"sk-ant-admin01-EXAMPLE"'})
    run = doctor(here, policy=GOOD.replace("500", "1001"))
    assert run.code == 2
    assert [(level, check) for level, check, _ in lines(run)] == [
        ("ok", "policy"),
        ("error", "credential"),
        ("warning", "caps"),
        ("ok", "prices"),
    ]
    ((_, text),) = told(run, "credential")
    assert_says(
        text,
        "ANTHROPIC_ADMIN_KEY",
        "is in quotes, so the API was not asked. Paste the key without them.",
    )
    assert "sk-ant-admin01" not in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("variable", "secret", "level", "words"),
    [
        (
            "KEY",
            "sk-ant-admin01-EXAMPLE",
            "ok",
            "ANTHROPIC_ADMIN_KEY is an Admin key (sk-ant-admin...).",
        ),
        (
            "TOKEN",
            "sk-ant-oat01-EXAMPLE",
            "ok",
            "ANTHROPIC_AUTH_TOKEN is an OAuth token (sk-ant-oat...).",
        ),
        ("KEY", "sk-ant-oat01-EXAMPLE", "warning", "Set ANTHROPIC_AUTH_TOKEN to it, and"),
        ("TOKEN", "sk-ant-admin01-EXAMPLE", "warning", "Set ANTHROPIC_ADMIN_KEY to it, and"),
        ("KEY", "sk-ant-api03-EXAMPLE", "warning", "looks like an API key, not an Admin key"),
        ("TOKEN", "sk-ant-api03-EXAMPLE", "warning", "looks like an API key, not an Admin key"),
        ("KEY", "EXAMPLE-OF-A-GATEWAY", "ok", "does not look like an Admin key (sk-ant-admin...)."),
    ],
)
def test_the_kind_of_a_credential_is_a_hint(
    here: Here, variable: str, secret: str, level: str, words: str
) -> None:
    """By how it begins; it is asked with all the same, and shown nowhere."""
    names = {"KEY": "ANTHROPIC_ADMIN_KEY", "TOKEN": "ANTHROPIC_AUTH_TOKEN"}
    here.set({**dict.fromkeys(names.values(), ""), names[variable]: secret})
    run = doctor(here)
    ((found, text),) = told(run, "credential")
    assert found == level
    assert words in text
    assert secret not in run.stdout + run.stderr
    assert told(run, "usage report")


@pytest.mark.parametrize(
    ("key", "token", "named"),
    [("hunter2", None, "ANTHROPIC_ADMIN_KEY"), (None, "hunter2", "ANTHROPIC_AUTH_TOKEN")],
)
@pytest.mark.parametrize(("is_usual", "level"), [(True, "warning"), (False, "ok")])
def test_what_looks_like_no_credential_is_a_warning_where_there_are_no_others(
    key: str | None, token: str | None, named: str, *, is_usual: bool, level: str
) -> None:
    """A gateway may have some of its own; the API's usual address has not."""
    found = check_credential(key, token, has_message_key=False, is_usual_address=is_usual)
    assert found.level == level
    assert_says(found.message, named, "does not look like an")
    assert (named in found.remedy) == is_usual


def test_a_token_beside_a_key_is_told(here: Here) -> None:
    """The key wins, which a reader may not expect."""
    here.set({"ANTHROPIC_AUTH_TOKEN": EXAMPLE_AUTH_TOKEN})
    text = told(doctor(here), "credential")[0][1]
    assert "ANTHROPIC_AUTH_TOKEN is set as well, and not used" in text


# The API


def test_the_organization_is_named(here: Here) -> None:
    """So that a key of another one is noticed."""
    expected = "Sample Org (11111111-2222-4333-8444-555555555555)."
    assert told(doctor(here), "organization") == [("ok", expected)]


def test_an_organization_without_a_name_is_told_by_its_id(here: Here) -> None:
    """As some gateways answer."""
    answer = Response(200, b'{"id": "org-EXAMPLE", "name": null}')
    assert told(doctor(here, answer={ME: answer}), "organization") == [("ok", "org-EXAMPLE.")]


def test_an_organization_that_is_not_told_is_a_warning(here: Here) -> None:
    """Some gateways have no such route; a check does without."""
    run = doctor(here, answer={ME: refuse(404)})
    assert run.code == 0
    assert told(run, "organization")[0][0] == "warning"


@pytest.mark.parametrize("path", ROUTES)
def test_the_route_that_is_refused_is_told(here: Here, path: str) -> None:
    """Exit 3, with what the API said and the remedy; the other one answers."""
    run = doctor(here, answer={path: refuse(403)})
    assert run.code == 3
    checks = dict(zip(ROUTES, ("usage report", "workspaces"), strict=True))
    ((level, text),) = told(run, checks.pop(path))
    assert level == "error"
    assert_says(text, "(403)", "The credential may not read this", f"(GET {path}: ")
    ((level, _),) = told(run, *checks.values())
    assert level == "ok"


def test_a_key_that_is_refused_everywhere_is_told(here: Here) -> None:
    """Exit 3; the policy is looked at all the same."""
    here.set({"ANTHROPIC_ADMIN_KEY": "sk-ant-admin01-EXAMPLE-OF-ANOTHER"})
    run = doctor(here)
    assert run.code == 3
    levels = {check: level for level, check, _ in lines(run)}
    assert levels["usage report"] == "error"
    assert levels["caps"] == "ok"


@pytest.mark.parametrize(
    ("key", "remedies"),
    [
        pytest.param("sk-ant-admin01-EXAMPLE-OF-ANOTHER", ["usage report"], id="revoked"),
        pytest.param("sk-ant-api03-EXAMPLE-OF-ANOTHER", ["credential"], id="message-key"),
    ],
)
def test_a_refused_key_is_one_error_with_one_remedy(
    here: Here, key: str, remedies: list[str]
) -> None:
    """Every route refuses it alike, on either basis: four times the same 401 hides what to do."""
    here.set({"ANTHROPIC_ADMIN_KEY": key})
    run = doctor(here, policy=f"{GOOD}spend: {{basis: billed}}\n")
    assert run.code == 3
    assert run.stdout.count("(401)") == 1
    assert "organization" not in {check for _, check, _ in lines(run)}
    assert [
        check for level, check, text in lines(run) if level != "ok" and re.search(r"\. [A-Z]", text)
    ] == remedies


def test_an_organization_that_answers_is_named_beside_a_refusal(here: Here) -> None:
    """The key is current then, and lacks a right."""
    run = doctor(here, answer=dict.fromkeys(ROUTES, refuse(401)))
    assert told(run, "organization")[0][0] == "ok"
    assert told(run, "usage report")[0][0] == "error"
    assert not told(run, "workspaces")


def test_a_wrong_policy_goes_before_an_api_that_refuses(here: Here) -> None:
    """Both are told, and the exit code is 2."""
    run = doctor(here, policy="version: 2\n", answer=dict.fromkeys(ROUTES, refuse(401)))
    assert run.code == 2
    assert {"policy", "usage report"} <= {
        check for level, check, _ in lines(run) if level == "error"
    }


def test_an_answer_that_cannot_be_trusted_is_an_error(here: Here) -> None:
    """The list of workspaces is one, and has no end."""
    answer = Response(200, b'{"data": [], "has_more": true, "last_id": null}')
    run = doctor(here, answer={WORKSPACES: answer})
    assert run.code == 3
    assert "cannot be trusted" in told(run, "workspaces")[0][1]


def test_an_hour_that_cannot_be_read_is_an_error(here: Here) -> None:
    """Though a full day and the workspaces can be read, a check could not be made."""
    hourly = ("bucket_width", "1h")
    with LoopbackAPI(
        Organization(SPENT, LISTED),
        now=NOW,
        intercept=lambda request, _: refuse(400) if hourly in request.query else None,
    ) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=GOOD, now=NOW)
    assert run.code == 3
    assert [level for level, _ in told(run, "usage report")] == ["error"]
    assert [level for level, _ in told(run, "workspaces")] == ["ok"]


def test_an_api_that_is_silent_is_an_error(here: Here) -> None:
    """At the deadline."""
    with stalling(USAGE) as (api, _):
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", "--deadline", "1", policy=GOOD, now=NOW)
    assert run.code == 3
    assert "did not answer everything within 1 s" in told(run, "usage report")[0][1]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (10, ("in sync with the API (10 s)",)),
        (11, ("11 seconds behind", "5 minutes")),
        (-276, ("276 seconds ahead of", "5 minutes")),
    ],
)
def test_a_clock_that_is_minutes_off_is_not_called_in_sync(
    seconds: int, told: tuple[str, ...]
) -> None:
    """It is right enough, and a reader may see it drift."""
    found = check_time(NOW, timedelta(seconds=seconds), is_told=False)
    assert found.level == "ok"
    assert_says(found.message, *told)


def test_an_api_that_cannot_be_reached_is_an_error(here: Here) -> None:
    """The connection is refused."""
    here.set({"ANTHROPIC_BASE_URL": NOWHERE})
    run = here.main("doctor", "--deadline", "1", policy=GOOD, now=NOW)
    assert run.code == 3
    assert "check the network" in told(run, "usage report")[0][1].lower()


def test_a_connection_that_cannot_be_made_is_one_error(here: Here) -> None:
    """Exit 3, as in a check; the policy is looked at all the same."""
    here.set({"ANTHROPIC_BASE_URL": "https://localhost:9", "SSL_CERT_FILE": "none.pem"})
    run = here.main("doctor", policy=GOOD, now=NOW)
    assert run.code == 3
    assert [(level, check) for level, check, _ in lines(run) if level != "ok"] == [
        ("error", "usage report")
    ]
    assert "SSL_CERT_FILE names none.pem: No such file or directory" in run.stdout
    assert told(run, "caps")[0][0] == "ok"


def test_what_the_report_does_not_tell_is_a_warning(here: Here) -> None:
    """A check would note it."""
    with LoopbackAPI(Organization(SPENT, LISTED), now=NOW, refuse_speed_beta=True) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=GOOD, now=NOW)
    assert run.code == 0
    assert [level for level, _ in told(run, "speed unresolved")] == ["warning"]


def test_routes_below_the_organization_are_found(here: Here) -> None:
    """As behind some gateways: a warning says what they lack."""
    with LoopbackAPI(Organization(SPENT, LISTED[:2]), now=NOW, org_scoped=True) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=GOOD, now=NOW)
    assert run.code == 0
    assert [level for level, _ in told(run, "organization routes")] == ["warning"]
    assert told(run, "workspaces") == [("ok", "2 listed, 0 of them archived.")]


def test_on_the_first_of_the_month_no_cost_is_billed_yet(here: Here) -> None:
    """Nothing of it has ended."""
    first = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)
    with LoopbackAPI(Organization(SPENT, LISTED), now=first) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=f"{GOOD}spend: {{basis: billed}}\n", now=first)
    assert [level for level, _ in told(run, "billed cost")] == ["ok"]


def test_usage_without_a_price_is_an_error(here: Here) -> None:
    """A check would end with exit code 3."""
    unknown = Usage(NOW - timedelta(days=3), PRODUCTION, "claude-unknown-9", output=5)
    run = doctor(here, usage=[*SPENT, unknown])
    assert run.code == 3
    level, text = told(run, "unpriced")[0]
    assert level == "error"
    assert text.startswith("5 tokens of claude-unknown-9 on 2026-11-19 have no price: ")
    assert text.endswith("Add the price under prices.models in the policy, or update budget-gate.")


@pytest.mark.parametrize(
    ("refuse_routes", "level", "code"), [((), "ok", 0), ((COST, COST_REPORT), "error", 3)]
)
def test_billed_cost_is_asked_for_where_the_policy_goes_by_it(
    here: Here, refuse_routes: Sequence[str], level: str, code: int
) -> None:
    """A check could not do without."""
    organization = Organization(SPENT, LISTED)
    with LoopbackAPI(
        organization, now=NOW, bill=bill_of(organization), refuse=dict.fromkeys(refuse_routes, 403)
    ) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy=f"{GOOD}spend: {{basis: billed}}\n", now=NOW)
        check = here.main("check", policy=f"{GOOD}spend: {{basis: billed}}\n", now=NOW)
    assert (run.code, check.code) == (code, code)
    assert [each for each, _ in told(run, "billed cost")] == [level]


# Models that may be used


RATE_LIMITS = "/v1/organizations/rate_limits"


def limits(*models: str) -> Response:
    """Rate limits of one group of models, and of batches, as the API tells them."""
    groups = [({"type": "model_group", "id": "rlg_1", "display_name": "Claude"}, list(models))]
    entries = [
        {
            "id": f"rl_{group['id']}",
            "type": "rate_limit",
            "group": group,
            "limits": [],
            "models": it,
        }
        for group, it in [*groups, ({"type": "batch", "id": "rlg_2"}, None)]
    ]
    return Response(200, json.dumps({"data": entries, "next_page": None}).encode())


def test_models_with_prices_are_in_order(here: Here) -> None:
    """Each that may be used, by its id or by an alias of it."""
    answer = limits("claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-opus-5-5-latest")
    assert told(doctor(here, answer={RATE_LIMITS: answer}), "models") == [
        ("ok", "every model that the organization may use has a price.")
    ]


def test_a_model_without_a_price_is_a_warning_before_its_first_token(here: Here) -> None:
    """Named with what its use does; each remedy that is told is tried, and helps."""
    answer = {RATE_LIMITS: limits("claude-opus-5-5", "claude-nova-1")}
    run = doctor(here, answer=answer)
    assert run.code == 0
    assert told(run, "models") == [
        (
            "warning",
            (
                "1 model that the organization may use has no price, and makes spend unknown once "
                "it is used (exit code 3, spend.unknown_model: fail): claude-nova-1. Update "
                "budget-gate, or add prices under prices.models in the policy."
            ),
        )
    ]
    use = [*SPENT, Usage(NOW - timedelta(days=3), PRODUCTION, "claude-nova-1", output=5)]
    card = "{input: 1, output: 1, cache_write_5m: 1, cache_write_1h: 1, cache_read: 1}"
    for policy, code, level in (
        (GOOD, 3, "warning"),
        (f"{GOOD}spend: {{unknown_model: upper_bound}}\n", 0, "warning"),
        (f"{GOOD}prices: {{models: {{claude-nova-1: {card}}}}}\n", 0, "ok"),
    ):
        run = doctor(here, usage=use, answer=answer, policy=policy)
        assert (run.code, [each for each, _ in told(run, "models")]) == (code, [level])


@pytest.mark.parametrize("status", [400, 403, 404])
def test_models_that_are_not_listed_are_no_warning(here: Here, status: int) -> None:
    """Not every credential may ask, and not every gateway has the route."""
    run = doctor(here, answer={RATE_LIMITS: refuse(status)})
    assert run.code == 0
    ((level, text),) = told(run, "models")
    assert level == "ok"
    assert_says(text, "not listed", str(status), "at its first use")


@pytest.mark.parametrize("answer", [Response(200, b"<html>"), refuse(401), refuse(500)])
def test_a_list_of_models_that_cannot_be_read_is_a_warning(here: Here, answer: Response) -> None:
    """A check does without, so that it is no error."""
    run = doctor(here, answer={RATE_LIMITS: answer})
    assert run.code == 0
    assert [level for level, _ in told(run, "models")] == ["warning"]


def test_models_that_take_too_long_cost_no_other_answer(here: Here) -> None:
    """What a check needs is read before a list without an end is waited for."""
    done = Event()

    def stall(request: Request, _: int) -> None:
        if request.path == RATE_LIMITS:
            done.wait(30)

    organization = Organization(SPENT, LISTED)
    bill = bill_of(organization)
    with LoopbackAPI(organization, now=NOW, bill=bill, intercept=stall) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url, "BUDGET_GATE_DEADLINE": "3"})
        run = here.main("doctor", policy=BILLED, now=NOW)
        done.set()
    assert run.code == 0, run.stdout
    assert [level for level, _ in told(run, "billed cost")] == ["ok"]
    assert [level for level, _ in told(run, "models")] == ["warning"]


def test_models_are_listed_without_a_policy_that_can_be_read(here: Here) -> None:
    """By the bundled prices, and as a check without a setting would take them."""
    answer = {RATE_LIMITS: limits("claude-nova-1")}
    run = doctor(here, policy="version: 2\n", answer=answer)
    assert [level for level, _ in told(run, "models")] == ["warning"]


# What a check judges


BILLED = "version: 1\nglobal: {cap: 1000, forecast: off}\nspend: {basis: billed}\n"


def both(here: Here, api: LoopbackAPI, policy: str) -> tuple[Run, Run]:
    """What a doctor and a check say to the same."""
    with api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        runs = [here.main(name, policy=policy, now=api.now) for name in ("doctor", "check")]
    return runs[0], runs[1]


def test_a_model_without_a_price_is_no_error_once_it_is_billed(here: Here) -> None:
    """$1 of it on a settled day: a check goes by that, and needs no price."""
    use = [Usage(NOW - timedelta(days=5), PRODUCTION, "claude-new-9", output=MILLION)]
    organization = Organization(use, LISTED)
    bill = bill_of(organization, prices={"claude-new-9": Card(*[Fraction(1)] * 5)})
    run, check = both(here, LoopbackAPI(organization, now=NOW, bill=bill), BILLED)
    assert (run.code, check.code) == (0, 0)
    assert told(run, "unpriced") == []


@pytest.mark.parametrize("is_late", [False, True])
def test_a_bill_far_below_list_price_is_told(here: Here, *, is_late: bool) -> None:
    """40% are billed on all days, and on one of them a tenth: both are told, each for what it is."""
    use = [
        Usage(NOW - timedelta(days=day), PRODUCTION, "claude-opus-5-5", output=MILLION)
        for day in range(3, 13)
    ]
    organization = Organization(use, LISTED)
    shares = {day.at.date(): Fraction(4, 10) for day in use}
    if is_late:
        shares[use[5].day] = Fraction(1, 10)
    bill = [replace(it, usd=it.usd * shares[it.day]) for it in bill_of(organization)]
    run, check = both(here, LoopbackAPI(organization, now=NOW, bill=bill), BILLED)
    assert (run.code, check.code) == (0, 0)
    assert [level for level, _ in told(run, "billed cost")] == ["ok"]
    assert [level for level, _ in told(run, "billed far below list")] == ["warning"]
    expected = ["warning"] if is_late else []
    assert [level for level, _ in told(run, "late costs suspected")] == expected


def test_a_model_that_was_used_before_the_month_may_have_a_cap(here: Here) -> None:
    """Without a price it is known by its usage alone, and that was in October."""
    before = Usage(datetime(2026, 10, 28, 12, tzinfo=UTC), PRODUCTION, "claude-new-9", output=1)
    api = LoopbackAPI(Organization([*SPENT, before], LISTED), now=NOW)
    run, check = both(here, api, "version: 1\nmodels: {claude-new-9: {cap: 10}}\n")
    assert (run.code, check.code) == (0, 0)
    assert [level for level, _ in told(run, "keys")] == ["ok"]


def test_a_glob_may_be_for_yesterdays_spend_of_an_archived_workspace(here: Here) -> None:
    """In the first hours of a month a daily cap judges the day before."""
    now = datetime(2026, 12, 1, 1, tzinfo=UTC)
    use = [Usage(datetime(2026, 11, 30, 12, tzinfo=UTC), PRODUCTION, "claude-opus-5-5", output=1)]
    gone = Workspace(PRODUCTION, "production", "2026-11-30T20:00:00Z")
    rules = "version: 1\nworkspaces: {'pro*': {cap: 100, daily_cap: 50}}\n"
    run, check = both(here, LoopbackAPI(Organization(use, [gone]), now=now), rules)
    assert (run.code, check.code) == (0, 0)
    assert [level for level, _ in told(run, "keys")] == ["ok"]


@pytest.mark.parametrize(("forecast", "code"), [("fail", 3), ("warn", 0)])
def test_days_before_the_month_that_cannot_be_read_are_as_for_a_check(
    here: Here, forecast: str, code: int
) -> None:
    """An error where a forecast may fail the run by them."""

    def refuse_days(request: Request, _: int) -> Response | None:
        return refuse(403) if (first(request, "starting_at") or "2026-11") < "2026-11" else None

    api = LoopbackAPI(Organization(SPENT, LISTED), now=NOW, intercept=refuse_days)
    rules = f"version: 1\nglobal: {{cap: 1000, forecast: {forecast}}}\n"
    run, check = both(here, api, rules)
    assert (run.code, check.code) == (code, code)
    assert [level for level, _ in told(run, "days before")] == ["error"] * (code == 3)


# The clock


@pytest.mark.parametrize(
    ("ahead", "level", "code"),
    [
        (timedelta(0), "ok", 0),
        (timedelta(minutes=4), "ok", 0),
        (timedelta(minutes=6), "warning", 0),
        (timedelta(minutes=-6), "warning", 0),
        (timedelta(days=1), "error", 3),
    ],
)
def test_the_clock_is_compared(here: Here, ahead: timedelta, level: str, code: int) -> None:
    """As a check does: minutes are worth a warning, and another day is an error."""
    run = doctor(here, clock=NOW + ahead)
    assert run.code == code
    assert [each for each, _ in told(run, "clock")] == [level]


def test_a_wrong_clock_is_a_warning_where_the_time_is_told(here: Here) -> None:
    """No verdict hangs on it then."""
    run = doctor(here, "--as-of", "2026-11-22T15:00:00Z", clock=NOW + timedelta(days=1))
    assert run.code == 0
    assert [each for each, _ in told(run, "clock")] == ["warning"]


# The policy and the organization


def test_a_key_that_names_nothing_is_an_error(here: Here) -> None:
    """Exit 2, with its place and the nearest names."""
    run = doctor(here, policy=GOOD.replace("production", "prodution"))
    assert run.code == 2
    ((level, text),) = told(run, "keys")
    assert level == "error"
    assert_says(text, "budget.yml:4:3", "workspaces.prodution", "'production'?", "its id")


@pytest.mark.parametrize(("cap", "level"), [("500", "ok"), ("500.01", "warning")])
def test_caps_that_exceed_the_global_one_are_a_warning(here: Here, cap: str, level: str) -> None:
    """500 and 500 of 1,000 do not; a cent more does."""
    run = doctor(here, policy=f"{GOOD}  research: {{cap: {cap}}}\n")
    ((found, text),) = told(run, "caps")
    assert (run.code, found) == (0, level)
    assert level == "ok" or "$1,000.01, more than the global cap of $1,000" in text


def test_a_glob_counts_once_for_each_workspace(here: Here) -> None:
    """Each of them has the cap: 500 and 2 * 251."""
    workspaces = [*LISTED, Workspace("wrkspc_01E1", "exp-1"), Workspace("wrkspc_01E2", "exp-2")]
    run = doctor(here, policy=f"{GOOD}  exp-*: {{cap: 251}}\n", workspaces=workspaces)
    assert "total $1,002, " in told(run, "caps")[0][1]


def test_an_archived_workspace_does_not_count(here: Here) -> None:
    """Nothing can be spent there any more, and the line on it says so."""
    run = doctor(here, policy=f"{GOOD}  legacy-bot: {{cap: 900}}\n")
    assert told(run, "caps")[0][0] == "ok"


def test_without_a_global_cap_there_is_nothing_to_exceed(here: Here) -> None:
    """That is a policy, too."""
    run = doctor(here, policy="version: 1\nworkspaces: {production: {cap: 500}}\n")
    assert told(run, "caps")[0][0] == "ok"


def test_spend_without_a_cap_is_a_warning(here: Here) -> None:
    """The largest first; what is in a group has a cap."""
    usage = [*SPENT, used(None, "1"), used(RESEARCH, "2"), used(LEGACY, "3")]
    group = "groups: {old: {cap: 1, workspaces: [legacy-bot]}}\n"
    run = doctor(here, policy=GOOD + group, usage=usage)
    assert run.code == 0
    assert told(run, "uncapped") == [
        (
            "warning",
            (
                "2 workspaces have spend this month and no cap: research $30.00, default workspace "
                "$15.00. Add a cap under workspaces, or a default with unlisted."
            ),
        )
    ]


def test_of_many_without_a_cap_the_largest_are_named(here: Here) -> None:
    """Twenty of 25."""
    workspaces = [Workspace(f"wrkspc_01N{n:02}", f"team-{n:02}") for n in range(25)]
    usage = [used(workspace.id, str(n + 1)) for n, workspace in enumerate(workspaces)]
    policy = "version: 1\nglobal: {cap: 9000}\n"
    text = told(doctor(here, policy=policy, usage=usage, workspaces=workspaces), "uncapped")[0][1]
    assert text.startswith("25 workspaces have spend this month and no cap, the 20 largest: ")
    assert re.findall("team-[0-9]+", text) == [f"team-{n:02}" for n in range(24, 4, -1)]


@pytest.mark.parametrize(
    ("unlisted", "level"),
    [("allow", "warning"), ("warn", "warning"), ("fail", "ok"), ("{cap: 5}", "ok")],
)
def test_unlisted_may_be_the_cap(here: Here, unlisted: str, level: str) -> None:
    """Where it has one, or lets nothing be spent."""
    run = doctor(here, policy=f"{GOOD}unlisted: {unlisted}\n", usage=[used(RESEARCH, "1")])
    assert told(run, "uncapped")[0][0] == level


def test_an_archived_workspace_that_spent_needs_no_cap(here: Here) -> None:
    """It is told and nothing is asked for: a cap for it would be asked to be deleted."""
    run = doctor(here, usage=[*SPENT, used(LEGACY, "1"), used(RESEARCH, "2")])
    archived, live = told(run, "uncapped")
    assert archived == (
        "ok",
        ("1 archived workspace has spend this month; no cap is needed there: legacy-bot $15.00."),
    )
    assert live[0] == "warning"
    assert "legacy-bot" not in live[1]
    assert "research $30.00. Add a cap under workspaces" in live[1]


def test_a_cap_for_an_archived_workspace_that_spent_is_kept(here: Here) -> None:
    """It watches what was spent before; only the month after has no use for it."""
    policy = f"{GOOD}  legacy-bot: {{cap: 20}}\n"
    run = doctor(here, policy=policy, usage=[*SPENT, used(LEGACY, "1")])
    assert told(run, "uncapped") == [("ok", "every workspace with spend this month has a cap.")]
    assert told(run, "archived") == [
        ("ok", "caps of archived workspaces still watch this month's spend: legacy-bot.")
    ]


def test_a_cap_for_an_archived_workspace_is_a_warning(here: Here) -> None:
    """It watches nothing any more."""
    run = doctor(here, policy=f"{GOOD}  legacy-bot: {{cap: 9}}\n")
    assert run.code == 0
    ((level, text),) = told(run, "archived")
    assert level == "warning"
    assert_says(text, "legacy-bot", "delete")


@pytest.mark.parametrize(("until", "count"), [("2026-11-21", 1), ("2026-11-22", 0)])
def test_an_exception_that_has_ended_is_a_warning(here: Here, until: str, count: int) -> None:
    """Its last day is one of it."""
    exception = f"exceptions:\n- {{budget: global, cap: 5000, until: {until}, reason: launch}}\n"
    run = doctor(here, policy=GOOD + exception)
    assert run.code == 0
    assert (
        told(run, "expired exception")
        == [
            (
                "warning",
                f"The exception for global ended on {until}: its regular cap is in force again.",
            )
        ]
        * count
    )


@pytest.mark.parametrize(("days", "is_told"), [(-3, False), (0, False), (29, False), (30, True)])
def test_old_prices_are_a_warning(days: int, is_told: bool) -> None:  # noqa: FBT001
    """From the day on that a report has a note on it."""
    found = noted(staleness(NOW.date(), MonthToDate(NOW + timedelta(days=days))))
    assert [(it.level, it.check) for it in found] == [("warning", "stale prices")] * is_told


# Channels


CHANNELS = (
    f"{GOOD}notify:\n  slack: {{webhook_env: SLACK_WEBHOOK_URL}}\n"
    "  webhook: {url_env: BUDGET_WEBHOOK_URL}\n"
)


@pytest.fixture
def channels(here: Here) -> Iterator[Channels]:
    """Slack and a receiver, whose addresses stand in variables."""
    with Channels() as beside:
        here.set(beside.environment)
        yield beside


def test_a_test_is_posted_to_each_channel(here: Here, channels: Channels) -> None:
    """Which says that it is one, as Slack and as any other receiver would have it."""
    run = doctor(here, "--notify", policy=CHANNELS)
    assert run.code == 0
    assert told(run, "notify") == [
        ("ok", "slack took a test message."),
        ("ok", "webhook took a test message."),
    ]
    (message,), (posted,) = channels.to_slack, channels.to_hook
    assert channels.refusals == []
    assert_says(slack.read(message), "test", "budget-gate")
    assert posted.body == {"schema": "budget-gate/test/v1", "message": message["text"]}


def test_without_notify_nothing_is_posted(here: Here, channels: Channels) -> None:
    """Only the addresses are looked at."""
    run = doctor(here, policy=CHANNELS)
    assert [level for level, _ in told(run, "notify")] == ["ok", "ok"]
    assert_says(told(run, "notify")[0][1], "slack", "address", "--notify")
    assert (run.code, channels.posts) == (0, [])


def test_a_test_that_fails_is_an_error(here: Here, channels: Channels) -> None:
    """Of that channel alone, with its reason and without its address."""
    channels.answer = lambda it: Answer(404, "no_service") if "services" in it.path else None
    run = doctor(here, "--notify", policy=CHANNELS)
    assert run.code == 2
    first_line, second = told(run, "notify")
    assert first_line[0] == "error"
    assert_says(first_line[1], "slack", "404", "no_service", "correct")
    assert second[0] == "ok"
    assert not [secret for secret in SECRETS if secret in run.stdout + run.stderr]


@pytest.mark.parametrize("arguments", [(), ("--notify",)])
@pytest.mark.parametrize(
    "value", ["", "http://elsewhere.example/xxWRONGxx", "xxWRONGxx-no-address"]
)
def test_a_variable_without_an_address_is_told(
    here: Here, channels: Channels, arguments: tuple[str, ...], value: str
) -> None:
    """By its name, and not its value; the other channel is tried all the same."""
    here.set({"SLACK_WEBHOOK_URL": value})
    run = doctor(here, *arguments, policy=CHANNELS)
    (level, text), (other, _) = told(run, "notify")
    # To post is what was asked for then.
    assert (level, run.code) == (("error", 2) if arguments else ("warning", 0))
    assert "slack: SLACK_WEBHOOK_URL" in text
    assert "xxWRONGxx" not in run.stdout + run.stderr
    assert (other, len(channels.posts)) == ("ok", len(arguments))


def test_a_test_without_a_channel_is_a_warning(here: Here) -> None:
    """Whoever asked for it is told what the policy lacks."""
    run = doctor(here, "--notify")
    assert run.code == 0
    ((level, text),) = told(run, "notify")
    assert level == "warning"
    assert_says(text, "no channel", "notify")


def test_without_a_channel_there_is_nothing_to_say(here: Here) -> None:
    """Nobody asked."""
    assert told(doctor(here), "notify") == []


def test_a_policy_that_is_wrong_names_no_channel(here: Here, channels: Channels) -> None:
    """Nothing is posted by it."""
    run = doctor(here, "--notify", policy=CHANNELS.replace("cap: 1000", "cap: -1"))
    assert (run.code, channels.posts, told(run, "notify")) == (2, [], [])


# What is printed

HOSTILE = (
    *("a\n::error::x", "a\r\nok       x: y.", "\u202eabc", "\x1b[31mred", "##[error]x", "::stop::"),
    *("a" * 5000, "\u2028x", "{cap}", "%s"),
)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_breaks_out_of_its_line(here: Here, name: str) -> None:
    """Neither a workspace's nor the organization's, nor a model's."""
    with LoopbackAPI(
        Organization([used(RESEARCH, "1")], [Workspace(RESEARCH, name)], name=name),
        now=NOW,
        intercept=lambda request, _: limits(name) if request.path == RATE_LIMITS else None,
    ) as api:
        here.set({"ANTHROPIC_BASE_URL": api.url})
        run = here.main("doctor", policy="version: 1\nglobal: {cap: 100}\n", now=NOW)
    assert run.code == 0
    assert len(lines(run)) == 12
    assert all(line.isprintable() for line in run.stdout.splitlines())
    assert "##[" not in run.stdout


def test_what_the_api_says_keeps_to_its_line(here: Here) -> None:
    """An error's message is a third party's, too."""
    body = b'{"error": {"type": "x", "message": "no\\n::error::x ##[error]\\u202e"}}'
    run = doctor(here, answer={USAGE: Response(400, body)})
    assert run.code == 3
    assert told(run, "usage report")[0][0] == "error"
    assert all(line.isprintable() for line in run.stdout.splitlines())
    assert "##[" not in run.stdout


def test_a_key_that_is_echoed_is_blotted(here: Here) -> None:
    """By the API or by a name."""
    body = f'{{"error": {{"type": "x", "message": "bad key {EXAMPLE_KEY}"}}}}'.encode()
    run = doctor(here, "--policy", f"{EXAMPLE_KEY}.yml", answer={USAGE: Response(400, body)})
    assert EXAMPLE_KEY not in run.stdout + run.stderr
    assert "bad key ***" in run.stdout


def test_a_sentence_ends_once() -> None:
    """Whether or not what is told does."""
    found = [Finding("ok", "x", "it is."), Finding("warning", "x", "it is", "do that")]
    assert render_findings(found).splitlines()[1:] == [
        "ok       x: it is.",
        "warning  x: it is. Do that.",
    ]
