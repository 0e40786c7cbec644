"""The input `verdict-from` end to end: the workflow of docs/deploys.md run by act, by reports that a check has written.

It is the real time here, as a verdict goes by no other; and no job has a secret, as those of a fork.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.helpers.acting import exit_code, machine, summary
from tests.helpers.pages import BLOCKS
from tests.helpers.running import ON_REAL_CLOCK, checkout
from tests.world.loopback import LoopbackAPI, Organization
from tests.world.oracle import Usage

# Of 18 USD, which Claude Sonnet 4.5 costs for a million tokens in and out, at 3 and 15 USD.
HIGH = "version: 1\nglobal: {cap: 100, forecast: off}\n"
LOW = "version: 1\nglobal: {cap: 17.99, forecast: off}\n"
# The policy that a report is judged by (none: there is no report), what the job has besides, and how it ends.
CASES: dict[str, tuple[str, dict[str, str], int, str]] = {
    "within": (HIGH, {}, 0, "ok"),
    "breached": (LOW, {}, 1, "breached"),
    "missing": ("", {}, 3, "unverified"),
    "waived": ("", {"on-error": "warn"}, 0, "unverified"),
    "other-cap": (LOW, {"policy": "high.yml"}, 3, "unverified"),
    "misfit": (HIGH, {"offline": "true"}, 2, ""),
    "unknown": (HIGH, {"budgets": "workspaces.nobody"}, 2, ""),
}
LEAVE = {
    "if": "always()",
    "env": {"OUTPUTS": "${{ toJSON(steps.gate.outputs) }}"},
    "run": 'printf %s "$OUTPUTS" > "$SEEN"',
}


def report(folder: Path, policy: str) -> str:
    """What a check of now writes."""
    folder.mkdir()
    now = datetime.now(UTC)
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    at = max(first, now - timedelta(hours=1))
    usage = Usage(at, None, "claude-sonnet-4-5", uncached=1_000_000, output=1_000_000)
    with LoopbackAPI(Organization([usage], []), now=now) as api:
        gate = checkout(folder, api.url)
        run = gate.run("check", "--report", "report.json", policy=policy, launch=ON_REAL_CLOCK)
    assert run.code == (1 if policy == LOW else 0), run.stderr
    return gate.text("report.json")


def workflow(seen: Path) -> dict[str, Any]:
    """That of the page as a job for each case: caches are GitHub's, so a step puts the report there."""
    (page,) = (
        yaml.safe_load(block.text)
        for block in BLOCKS
        if block.page == "docs/deploys.md" and block.text.startswith("name: budget verdict\n")
    )
    (job,) = page["jobs"].values()
    restore, gate = job["steps"]
    path = restore["with"]["path"]
    jobs = {}
    for case, (policy, inputs, _, _) in CASES.items():
        put = f'cp "$KEPT/{case}.json" {path}; cp "$KEPT/high.yml" .'
        own = {**gate, "with": {**gate["with"], **inputs}}
        jobs[case] = {
            **job,
            "env": {"KEPT": str(seen.parent / "kept"), "SEEN": str(seen / case)},
            "steps": [{"run": put if policy else "echo none"}, own, LEAVE],
        }
    return {"on": "pull_request", "permissions": page["permissions"], "jobs": jobs}


def test_a_pull_request_is_gated_without_a_key(tmp_path: Path) -> None:
    """By the report that was kept: it passes, fails by a breach, and knows what proves nothing from what is wrong."""
    runner, action, kept, seen = (tmp_path / it for it in ("runner", "action", "kept", "seen"))
    for folder in (runner, action, kept, seen):
        folder.mkdir()
    (kept / "high.yml").write_text(HIGH, encoding="utf-8")
    reports = {HIGH: report(tmp_path / "high", HIGH), LOW: report(tmp_path / "low", LOW)}
    for case, (policy, _, _, _) in CASES.items():
        if policy:
            (kept / f"{case}.json").write_text(reports[policy], encoding="utf-8")
    with_act = machine(runner, action)
    name = ".github/workflows/budget-verdict.yml"
    caller = with_act.caller(
        {name: json.dumps(workflow(seen)), "event.json": '{"pull_request": {"number": 1}}'}
    )
    acted = with_act.act(caller, "pull_request", "--eventpath", "event.json")
    checks = {
        case: [it for it in acted.of("gate", "check") if it["jobID"] == case] for case in CASES
    }
    assert {case: exit_code(entries) for case, entries in checks.items()} == {
        case: code for case, (_, _, code, _) in CASES.items()
    }, acted.output
    outputs = {case: json.loads((seen / case).read_text(encoding="utf-8")) for case in CASES}
    assert {case: it.get("status", "") for case, it in outputs.items()} == {
        case: status for case, (_, _, _, status) in CASES.items()
    }
    assert outputs["breached"]["spend-usd"] == "18"
    assert json.loads(outputs["breached"]["breached"]) == ["global"]
    assert outputs["waived"]["enforced"] == "false"
    assert re.search("minutes? ago: Budget breached", summary(checks["breached"]))
