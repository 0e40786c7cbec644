"""The composite action end to end: a workflow run by act, on this machine, against the loopback API."""

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.helpers.acting import Machine, exit_code, logged, machine, summary
from tests.helpers.pages import BLOCKS
from tests.helpers.redis import Server
from tests.helpers.wording import assert_says
from tests.world import ledger
from tests.world.identity import ORGANIZATION_ID, RULE_ID, SERVICE_ACCOUNT_ID, keyless
from tests.world.lagging import Record
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI, Organization, Workspace
from tests.world.oracle import Usage

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
PRODUCTION = "wrkspc_01EXAMPLE"

# Claude Sonnet 4.5 at 3 USD and 15 USD per million tokens: 3 + 15 = 18 USD, all of it in one workspace.
ORGANIZATION = Organization(
    usage=[
        Usage(
            at=NOW - timedelta(days=3),
            workspace=PRODUCTION,
            model="claude-sonnet-4-5",
            uncached=1_000_000,
            output=1_000_000,
        )
    ],
    workspaces=[Workspace(PRODUCTION, "production")],
)
SPEND = Decimal(18)

WORKFLOW = """\
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    env:
      ANTHROPIC_BASE_URL: {url}
      BUDGET_GATE_DEADLINE: '10'
      PIP_TARGET: elsewhere
      PIP_USER: '1'
    steps:
      - uses: actions/checkout@v7 # act copies the folder instead
      - run: echo "$PWD/.venv/bin" >> "$GITHUB_PATH"
      - id: gate
        uses: OWNER/budget-gate@v1
        with:
          admin-key: ${{{{ secrets.ANTHROPIC_ADMIN_KEY }}}}
          as-of: '{as_of}'
          report: report.json
          on-error: '{on_error}'
      - if: always()
        env:
          OUTPUTS: ${{{{ toJSON(steps.gate.outputs) }}}}
          SEEN: {seen}
        run: |
          printf '%s' "$OUTPUTS" > "$SEEN/outputs.json"
          if [ -e report.json ]; then cp report.json "$SEEN/report.json"; fi
"""

# Importing this would end the run: proof that the checkout has no say in what the gate imports.
HIJACK = 'raise SystemExit("the checkout was imported")\n'
# First on the job's PATH: that of the checkout, which must not be run, and hides none behind it.
OWN_PYTHON = "#!/bin/sh\nexit 7\n"


@dataclass(frozen=True)
class Run:
    """How the gate ended, what the runner shows of it, and what the step after it saw.

    `exit_code` is the gate's; the job fails where it is not 0.
    """

    exit_code: int
    log: str
    outputs: dict[str, str]
    summary: str
    report: dict[str, object] | None


@dataclass(frozen=True)
class Runner:
    """A machine to run the gate on by a workflow; the caller's repository is made for each run."""

    machine: Machine

    def run(self, url: str, policy: str, *, on_error: str = "", key: str = EXAMPLE_KEY) -> Run:
        """Pushes a repository with that policy, whose workflow asks the API at that URL."""
        seen = Path(tempfile.mkdtemp(dir=self.machine.folder))
        workflow = WORKFLOW.format(url=url, as_of=NOW.isoformat(), on_error=on_error, seen=seen)
        caller = self.machine.caller(
            {
                ".github/workflows/gate.yml": workflow,
                "budget.yml": policy,
                "json.py": HIJACK,
                "httpx.py": HIJACK,
                ".venv/bin/python3": OWN_PYTHON,
            }
        )
        job = self.machine.act(caller, "push", secrets={"ANTHROPIC_ADMIN_KEY": key})
        assert (seen / "outputs.json").exists(), job.output
        check = job.of("gate", "check")
        code = exit_code(check)
        assert job.passed == (code == 0), job.output
        report = seen / "report.json"
        return Run(
            exit_code=code,
            log=logged(check),
            outputs=json.loads((seen / "outputs.json").read_text(encoding="utf-8")),
            summary=summary(check),
            report=json.loads(report.read_text(encoding="utf-8")) if report.exists() else None,
        )


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """One machine for the whole module, with one checkout of the action."""
    return Runner(machine(tmp_path_factory.mktemp("runner"), tmp_path_factory.mktemp("action")))


@pytest.fixture
def api() -> Iterator[LoopbackAPI]:
    """The organization's API."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        yield server


def test_a_spend_within_its_budget_passes(runner: Runner, api: LoopbackAPI) -> None:
    """The job goes on, and the next step has the outputs and the report."""
    run = runner.run(api.url, "version: 1\nglobal: {cap: 100, forecast: off}\n")
    assert run.exit_code == 0, run.log
    assert run.outputs["status"] == "ok"
    assert run.outputs["enforced"] == "true"
    assert Decimal(run.outputs["spend-usd"]) == SPEND
    assert Decimal(run.outputs["cap-usd"]) == Decimal(100)
    assert json.loads(run.outputs["breached"]) == []
    assert Path(run.outputs["report"]).name == "report.json"
    assert run.report is not None
    assert run.report["schema"] == "budget-gate/report/v1"
    assert "18.00" in run.summary
    assert EXAMPLE_KEY not in run.log


def test_a_breach_fails_the_job_and_still_has_outputs(runner: Runner, api: LoopbackAPI) -> None:
    """A step that runs always is told which budgets are breached."""
    policy = "version: 1\nglobal: {cap: 100}\nworkspaces:\n  production: {cap: 17.99}\n"
    run = runner.run(api.url, policy)
    assert run.exit_code == 1, run.log
    assert run.outputs["status"] == "breached"
    assert json.loads(run.outputs["breached"]) == [f"workspaces.{PRODUCTION}"]
    assert "production" in run.summary


def test_a_wrong_policy_is_told_apart_from_a_breach(runner: Runner, api: LoopbackAPI) -> None:
    """A misspelt key ends in exit code 2, before any spend is asked for."""
    run = runner.run(api.url, "version: 1\nglobal: {cpa: 100}\n")
    assert run.exit_code == 2, run.log
    assert "budget.yml" in run.log
    assert "cpa" in run.log
    assert api.requests == []


def test_an_api_that_is_down_fails_the_job(runner: Runner) -> None:
    """Spend that cannot be determined is exit code 3 and the status unverified, never a pass."""
    run = runner.run(unreachable(), "version: 1\nglobal: {cap: 100}\n")
    assert run.exit_code == 3, run.log
    assert run.outputs["status"] == "unverified"
    assert run.outputs["spend-usd"] == ""


def test_an_api_that_is_down_can_be_told_to_pass(runner: Runner) -> None:
    """With `on-error: warn` the job goes on, and says that nothing was enforced."""
    run = runner.run(unreachable(), "version: 1\nglobal: {cap: 100}\n", on_error="warn")
    assert run.exit_code == 0, run.log
    assert run.outputs["status"] == "unverified"
    assert run.outputs["enforced"] == "false"


def test_a_pull_request_is_told_what_it_changes_of_the_policy(runner: Runner) -> None:
    """By the workflow to copy, without a secret: a looser policy passes, and one that is wrong is exit code 2."""
    (workflow,) = (block.text for block in BLOCKS if block.text.startswith("name: budget policy\n"))
    caller = runner.machine.caller(
        {
            ".github/workflows/budget-policy.yml": workflow + AND_ONE_THAT_IS_WRONG,
            "budget.yml": "version: 1\nglobal: {cap: 100}\n",
            "wrong.yml": "version: 1\nglobal: {cpa: 100}\n",
            "event.json": '{"pull_request": {"number": 1, "base": {"ref": "main"}}}',
        }
    )
    (caller / "budget.yml").write_text("version: 1\nglobal: {cap: 250}\n", encoding="utf-8")
    job = runner.machine.act(caller, "pull_request", "--eventpath", "event.json")
    valid, wrong = job.of("2", "check"), job.of("wrong", "check")
    assert (exit_code(valid), exit_code(wrong), job.passed) == (0, 2, False), job.output
    assert "- organization: cap $100 -> $250" in summary(valid)
    assert "wrong.yml:2:10: global.cpa: unknown key" in logged(wrong)


AND_ONE_THAT_IS_WRONG = """\
      - id: wrong
        if: always()
        uses: OWNER/budget-gate@v1
        with:
          offline: true
          policy: wrong.yml
"""


def test_a_job_without_a_key_asks_by_its_identity(runner: Runner) -> None:
    """By three inputs and the permission's variables, which act has none of; no token is in anything that it tells."""
    with keyless(ORGANIZATION, now=NOW) as world:
        workflow = KEYLESS.format(
            url=world.api.url,
            as_of=NOW.isoformat(),
            rule=RULE_ID,
            organization=ORGANIZATION_ID,
            account=SERVICE_ACCOUNT_ID,
        )
        files = {
            ".github/workflows/gate.yml": workflow,
            "budget.yml": "version: 1\nglobal: {cap: 100}\n",
        }
        caller = runner.machine.caller(files)
        given = [f"--env={name}={value}" for name, value in world.github.environment.items()]
        job = runner.machine.act(caller, "push", *given)
        check = job.of("gate", "check")
        assert exit_code(check) == 0, job.output
        assert world.federation.outcomes == ["granted"]
        assert "18.00" in summary(check)
        assert [secret for secret in world.secrets if secret in job.output] == []


KEYLESS = """\
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    env:
      ANTHROPIC_BASE_URL: {url}
      BUDGET_GATE_DEADLINE: '10'
    steps:
      - uses: actions/checkout@v7 # act copies the folder instead
      - id: gate
        uses: OWNER/budget-gate@v1
        with:
          federation-rule: {rule}
          organization-id: {organization}
          service-account: {account}
          as-of: '{as_of}'
"""


def test_a_ledger_makes_spend_a_range(runner: Runner, ledger_server: Server) -> None:
    """None to 18 USD, which a cap of 17 lies within: exit code 3. Its package is installed, and its address is nowhere."""
    # A ledger is about the last hours: no other time can be judged by it.
    now = datetime.now(UTC)
    with ledger_server.driver() as redis:
        ledger.write(redis, [replace(COUNTED, at=now)], now=now)
    with LoopbackAPI(replace(ORGANIZATION, usage=[]), now=now) as api:
        files = {
            ".github/workflows/gate.yml": BY_LEDGER.format(url=api.url),
            "budget.yml": "version: 1\nglobal: {cap: 17, forecast: off}\n",
        }
        secrets = {"ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY, "LEDGER_URL": ledger_server.url}
        job = runner.machine.act(runner.machine.caller(files), "push", secrets=secrets)
    check = job.of("gate", "check")
    assert exit_code(check) == 3, job.output
    assert_says(summary(check), "$0.00 to $18.00", "$17.00")
    assert ledger_server.url not in job.output


# What a client has counted, and the report does not have yet: 3 USD and 15 USD, as above.
COUNTED = Record(
    at=NOW,
    message="msg_01EXAMPLE",
    workspace="production",
    model="claude-sonnet-4-5",
    service_tier="standard",
    context_window="0-200k",
    inference_geo="global",
    speed="standard",
    tokens={"uncached_input": 1_000_000, "output": 1_000_000},
)
BY_LEDGER = """\
on: push
jobs:
  gate:
    runs-on: ubuntu-latest
    env:
      ANTHROPIC_BASE_URL: {url}
      BUDGET_GATE_DEADLINE: '10'
    steps:
      - uses: actions/checkout@v7 # act copies the folder instead
      - id: gate
        uses: OWNER/budget-gate@v1
        with:
          admin-key: ${{{{ secrets.ANTHROPIC_ADMIN_KEY }}}}
          ledger-url: ${{{{ secrets.LEDGER_URL }}}}
"""


def unreachable() -> str:
    """A loopback URL that nothing listens on any more."""
    with LoopbackAPI(ORGANIZATION, now=NOW) as server:
        return server.url
