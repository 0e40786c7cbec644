"""The recipes of docs/recipes.md and docs/feed.md end to end: their workflows run by act, against the loopback API."""

import csv
import json
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.test_action import NOW, ORGANIZATION, SPEND
from tests.helpers.acting import logged, machine
from tests.helpers.listening import calls, listening, put_gh
from tests.helpers.pages import BLOCKS, scripts
from tests.helpers.postgresql import cluster
from tests.helpers.running import installed
from tests.world.loopback import EXAMPLE_KEY, LoopbackAPI

LABEL = ["label", "create", "claude-budget", "--force"]
LOW = "version: 1\nglobal: {cap: 17.99, forecast: off}\n"
HIGH = "version: 1\nglobal: {cap: 100, forecast: off}\n"
# What a run before this one came to, and how the policy is now.
CASES = {
    "breach": ("ok", LOW),
    "again": ("breached", LOW),
    "recovery": ("breached", HIGH),
    "calm": ("ok", HIGH),
    "mistake": ("ok", "version: 1\nglobal: {cpa: 1}\n"),
}


def workflow(url: str, kept: Path) -> dict[str, Any]:
    """The workflow of the page with every recipe that needs no other machine, as a job for each case.

    Caches are GitHub's: the last report is in the checkout.
    """
    (base,) = (
        yaml.safe_load(block.text)
        for block in BLOCKS
        if block.page == "docs/recipes.md" and block.text.startswith("name: budget\n")
    )
    (job,) = base["jobs"].values()
    steps = [step for step in job["steps"] if "actions/cache" not in step.get("uses", "")]
    for text in scripts():
        steps += yaml.safe_load(text)
    steps = [step for step in steps if "branch" not in step.get("name", "")]
    jobs = {}
    for number, (case, (before, _)) in enumerate(CASES.items()):
        environment = {
            "ANTHROPIC_BASE_URL": url,
            "BUDGET_GATE_POLICY": f"{case}.yml",
            "BUDGET_GATE_AS_OF": NOW.isoformat(),
            "KEPT": str(kept / case),
            "FOUND": "31" if before == "breached" else "",
        }
        own = [
            {
                **step,
                "with": {
                    **step["with"],
                    "report": f"{case}.json",
                    "last-report": f"{before}-{number}.json",
                },
            }
            if step.get("id") == "gate"
            else step
            for step in steps
        ]
        jobs[case] = {**job, "env": environment, "steps": own}
    return {"on": "push", "jobs": jobs}


def last_report(status: str) -> str:
    """The report of an hour before."""
    budget = {
        "id": "global",
        "name": "organization",
        "cap": "17.99" if status == "breached" else "100",
        "spend": {"low": str(SPEND), "high": str(SPEND)},
        "status": status,
    }
    report = {
        "schema": "budget-gate/report/v1",
        "as_of": NOW.replace(hour=11).isoformat(),
        "period": {"start": "2026-11-01T00:00:00Z", "end": NOW.replace(hour=11).isoformat()},
        "organization": ORGANIZATION.id,
        "evidence_as_of": None,
        "budgets": [budget],
    }
    return json.dumps(report)


def test_what_is_news_is_told_once(tmp_path: Path) -> None:
    """A breach, a recovery and a mistake are told; a breach that goes on and a calm hour are not."""
    kept, tools = tmp_path / "kept", tmp_path / "tools"
    for folder in (
        tmp_path / "runner",
        tmp_path / "action",
        tools,
        *(kept / case for case in CASES),
    ):
        folder.mkdir(parents=True)
    put_gh(tools)
    runner = machine(tmp_path / "runner", tmp_path / "action")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api, listening() as slack, listening() as monitor:
        files = {f"{case}.yml": policy for case, (_, policy) in CASES.items()}
        files |= {
            f"{before}-{number}.json": last_report(before)
            for number, (before, _) in enumerate(CASES.values())
        }
        files[".github/workflows/budget.yml"] = json.dumps(workflow(api.url, kept))
        secrets = {
            "ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY,
            "SLACK_WEBHOOK": slack.url,
            "HEARTBEAT": monitor.url,
            "GIST_TOKEN": "EXAMPLE",
        }
        job = runner.act(runner.caller(files), "push", secrets=secrets, tools=tools)
    told = [json.loads(body)["blocks"][0]["text"]["text"] for _, body in slack.requests]
    assert sorted(text.partition(":")[0] for text in told) == [
        "Budget breached",
        "The budget check came to no verdict.",
        "Within budget",
    ], job.output
    assert len(monitor.requests) == 4
    issues = {case: [c[1] for c in calls(kept / case) if c[0] == "issue"] for case in CASES}
    assert issues == {
        "breach": ["list", "create"],
        "again": ["list"],
        "recovery": ["list", "close"],
        "calm": ["list"],
        "mistake": ["list"],
    }
    badges = {
        case: json.loads((kept / case / "body").read_text("utf-8"))
        for case in CASES
        if case != "breach"
    }
    assert {case: badge["message"].partition(":")[0] for case, badge in badges.items()} == {
        "again": "breached",
        "recovery": "ok",
        "calm": "ok",
        "mistake": "no verdict",
    }
    assert all(["workflow", "enable", "budget.yml"] in calls(kept / case) for case in CASES)


def test_the_nightly_run_keeps_a_history(tmp_path: Path) -> None:
    """Twice, in PostgreSQL: the table has each row once, and so has the file; nothing shows the password.

    What is installed is a script of the tests, as an index would be needed; the file is copied, as GitHub keeps artifacts.
    """
    (nightly,) = (yaml.safe_load(it.text) for it in BLOCKS if it.text.startswith("name: usage\n"))
    (job,) = nightly["jobs"].values()
    checkout, install, sync, export, upload = job["steps"]
    assert install["name"] == "Install budget-gate"
    for name in ("runner", "action"):
        (tmp_path / name).mkdir()
    runner = machine(tmp_path / "runner", tmp_path / "action")
    with cluster() as server, LoopbackAPI(ORGANIZATION, now=NOW) as api:
        url = server.new()
        installed(tmp_path / "program" / "budget-gate", ANTHROPIC_BASE_URL=api.url)
        bin_ = '"$RUNNER_TEMP/gate/bin"'
        install["run"] = f"mkdir -p {bin_} && cp {tmp_path}/program/budget-gate {bin_}"
        copy = {"run": f"cp {upload['with']['path']} {tmp_path}/usage.csv"}
        job["steps"] = [checkout, install, sync, export, copy]
        files = {".github/workflows/usage.yml": json.dumps({"on": "push", "jobs": nightly["jobs"]})}
        secrets = {"ANTHROPIC_ADMIN_KEY": EXAMPLE_KEY, "USAGE_DATABASE": url}
        for _ in range(2):
            acted = runner.act(runner.caller(files), "push", secrets=secrets)
            assert acted.passed, acted.output
        told = server.ask("SELECT date, workspace, usd FROM anthropic_usage", url.split("/")[-1])
    assert told == [(date(2026, 11, 12), "production", SPEND)]
    rows = list(csv.DictReader((tmp_path / "usage.csv").read_text("utf-8").splitlines()))
    assert [(row["date"], row["workspace"], row["usd"]) for row in rows] == [
        ("2026-11-12", "production", str(SPEND))
    ]
    log = logged([entry for entry in acted.entries if "msg" in entry])
    assert "to postgresql+psycopg://tester:***@127.0.0.1" in log
    assert "EXAMPLE-password" not in log
