"""Runs that end before their verdict, by a signal or an API that is down: what is left of them."""

import fcntl
import json
import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from budget_gate.cli import main
from tests.helpers.runner import read_commands, read_outputs
from tests.helpers.running import (
    AS_OF,
    BREACHED,
    LAST_REPORT,
    NOW,
    OK,
    ORGANIZATION,
    RECORDED,
    Gate,
    Here,
    Run,
    checkout,
    ended,
    stalling,
)
from tests.helpers.serving import ME, USAGE, WORKSPACES, refuse, reply
from tests.world.loopback import Intercept, LoopbackAPI, Organization, Request, Response
from tests.world.oracle import Usage

SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def step(tmp_path: Path) -> Gate:
    """The program in a checkout whose policy holds, with a report of yesterday."""
    program = checkout(tmp_path)
    program.write(OK)
    program.write('{"status": "ok"}', "report.json")
    return program


def started(step: Gate, api: LoopbackAPI, *flags: str, **streams: Any) -> subprocess.Popen[str]:
    """The program as a step of GitHub Actions that writes a report, under way."""
    environment = {**step.step, "ANTHROPIC_BASE_URL": api.url}
    arguments = (*AS_OF, "--report", "report.json", *flags)
    return step.start(*arguments, environment=environment, **streams)


def interrupted(
    step: Gate, number: signal.Signals, *flags: str, path: str = USAGE, only: bool = False
) -> Run:
    """A run that a signal ends while the API does not answer, or `only` not on one route."""
    with stalling(path, only=only) as (api, asked):
        process = started(step, api, *flags)
        assert asked.wait(30)
        # The answers that do come are read by then, so that it is the stalled one that is awaited.
        time.sleep(0.2 if only else 0)
        process.send_signal(number)
        return ended(process)


# Signals


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_step_says_so_everywhere(step: Gate, number: signal.Signals) -> None:
    """Exit 3; stdout, the report file, the summary, the outputs and an annotation tell the signal's name."""
    run = interrupted(step, number)
    assert run.code == 3
    assert run.stdout.startswith("Spend unknown: ")
    assert number.name in run.stdout
    assert (step.report["status"], step.report["spend"]) == ("unverified", None)
    assert [note["code"] for note in step.report["notes"]] == ["interrupted"]
    assert number.name in step.report["notes"][0]["message"]
    assert number.name in step.summary
    outputs = read_outputs(step.output)
    assert (outputs["status"], outputs["enforced"]) == ("unverified", "true")
    assert [(level, number.name in said) for level, _, said in read_commands(run.stderr)] == [
        ("add-mask", False),
        ("error", True),
    ]


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupted_step_leaves_no_half_of_a_file(step: Gate, number: signal.Signals) -> None:
    """The report stands in the place of the old one, and nothing stands beside it."""
    interrupted(step, number)
    names = sorted(path.name for path in step.folder.iterdir())
    assert names == ["budget.yml", "report.json"]
    assert step.report["schema"] == "budget-gate/report/v1"


@pytest.mark.parametrize(
    "flags",
    [
        ("--on-error", "warn"),
        ("--fail-on", "never"),
        ("--fail-on", "never", "--on-error", "warn"),
        ("--fail-on", "warning", "--format", "json"),
    ],
    ids=" ".join,
)
def test_whoever_stops_a_run_has_not_waived_it(step: Gate, flags: tuple[str, ...]) -> None:
    """Neither flag lets an interrupted run pass."""
    run = interrupted(step, signal.SIGTERM, *flags)
    assert run.code == 3
    assert (step.report["status"], step.report["enforced"]) == ("unverified", True)
    assert "NOT ENFORCED" not in run.stdout + step.summary


def test_a_stopped_run_is_not_decided_by_the_last_report(step: Gate) -> None:
    """Not even where that proves a breach: nobody waited for the answer."""
    step.write(json.dumps(LAST_REPORT), "last.json")
    step.write(BREACHED)
    run = interrupted(step, signal.SIGINT, "--last-report", "last.json")
    assert (run.code, step.report["status"]) == (3, "unverified")


@pytest.mark.parametrize("path", [USAGE, WORKSPACES])
def test_a_run_is_stopped_whatever_it_waits_for(step: Gate, path: str) -> None:
    """The usage, or the workspaces once the usage is there."""
    run = interrupted(step, signal.SIGTERM, path=path, only=True)
    assert (run.code, step.report["status"]) == (3, "unverified")


def test_a_run_that_has_hardly_begun_is_stopped(step: Gate) -> None:
    """The last report is still to be read, and no request under way: no report of yesterday is left."""
    os.mkfifo(step.folder / "last.json")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        process = started(step, api, "--last-report", "last.json")
        writing = None
        while writing is None and process.poll() is None:
            # Refused until somebody reads.
            with suppress(OSError):
                writing = os.open(step.folder / "last.json", os.O_WRONLY | os.O_NONBLOCK)
        assert writing is not None
        process.send_signal(signal.SIGTERM)
        # One that came in the moment before it reads is heard when that ends.
        os.close(writing)
        run = ended(process)
    assert (run.code, step.report["status"], api.requests) == (3, "unverified", [])


def test_a_run_that_pauses_between_two_tries_is_stopped(step: Gate) -> None:
    """It does not sit the pause out: the server asks for four of a minute."""
    asked = threading.Event()

    def busy(_: Request, __: int) -> Response:
        asked.set()
        return replace(refuse(503, "overloaded_error"), headers={"retry-after": "60"})

    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=busy) as api:
        process = started(step, api, "--deadline", "600")
        assert asked.wait(30)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=50)
    assert process.returncode == 3
    assert [note["code"] for note in step.report["notes"]] == ["interrupted"]


def test_a_run_that_waits_for_its_organization_alone_has_a_whole_report(step: Gate) -> None:
    """The spend is determined by then: a breach, or an interruption, but the file says what the exit code does."""
    step.write(BREACHED)
    run = interrupted(step, signal.SIGTERM, path=ME, only=True)
    assert (run.code, step.report["status"]) in ((1, "breached"), (3, "unverified"))


@pytest.mark.parametrize("first", SIGNALS)
def test_further_signals_change_nothing(step: Gate, first: signal.Signals) -> None:
    """A runner that cancels sends one and then the other; here they rain until the process has ended."""
    with stalling(USAGE) as (api, asked):
        process = started(step, api)
        assert asked.wait(30)
        process.send_signal(first)
        ends = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < ends:
            for number in SIGNALS:
                process.send_signal(number)
            time.sleep(0.0005)
        run = ended(process)
    assert run.code == 3
    assert "Traceback" not in run.stderr
    assert step.report["status"] == "unverified"
    assert "budget-gate: spend unknown" in step.summary
    assert read_outputs(step.output)["status"] == "unverified"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_while_the_report_is_printed_leaves_it_whole(
    step: Gate, number: signal.Signals
) -> None:
    """Nobody reads stdout when it comes: the report file and the exit code still say the same."""
    step.write("version: 1\nunlisted: {cap: 0.01}\n")
    usage = [
        Usage(NOW.replace(day=3), f"wrkspc_01EXAMPLE{team:04}", "claude-sonnet-4-5", output=100_000)
        for team in range(400)
    ]
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    with LoopbackAPI(Organization(usage, []), now=NOW) as api:
        process = started(step, api, "--format", "json", stdout=writing)
        os.close(writing)
        first = os.read(reading, 1)
        time.sleep(0.2)
        process.send_signal(number)
        with os.fdopen(reading, encoding="utf-8") as pipe:
            printed = first.decode() + pipe.read()
        process.communicate(timeout=30)
    assert (process.returncode, step.report["status"]) in ((1, "breached"), (3, "unverified"))
    assert printed.startswith("{")
    names = sorted(path.name for path in step.folder.iterdir())
    assert names == ["budget.yml", "report.json"]


# In this process


def test_a_run_leaves_the_signals_as_they_were(here: Here) -> None:
    """Whoever calls `main` has handlers of their own."""
    before = [signal.getsignal(number) for number in SIGNALS]
    assert here.main(*RECORDED, "--partial", policy=OK).code == 0
    assert [signal.getsignal(number) for number in SIGNALS] == before


def test_a_run_beside_the_main_thread_has_its_verdict(here: Here) -> None:
    """Only the main thread may handle signals; a run elsewhere leaves them alone."""
    here.program.write("version: 1\nglobal: {cap: 1}\n")
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(main([*RECORDED, "--partial"])))
    thread.start()
    thread.join(30)
    assert codes == [1]


# An API that is down, and a run that is told to pass

UNPRICED = Organization(
    [Usage(NOW.replace(day=3), None, "claude-nobody-knows-1", output=1_000)], []
)


def passing(here: Here, api: LoopbackAPI, *flags: str) -> Run:
    """A check in a step of GitHub Actions with `--on-error warn`."""
    here.set(here.program.step)
    return here.check(api, *AS_OF, "--on-error", "warn", "--report", "report.json", *flags)


DOWN: dict[str, tuple[Organization, Intercept | None]] = {
    "refused": (ORGANIZATION, lambda *_: refuse(401, "authentication_error")),
    "forbidden": (ORGANIZATION, lambda *_: refuse(403, "permission_error")),
    "no JSON": (ORGANIZATION, lambda *_: reply(b"<html>")),
    "no report": (ORGANIZATION, lambda *_: reply({})),
    "hung up": (ORGANIZATION, lambda *_: Response(0)),
    "no price": (UNPRICED, None),
}


@pytest.mark.parametrize("why", DOWN)
def test_a_run_that_is_let_pass_is_visibly_unenforced(here: Here, why: str) -> None:
    """Green, but unverified and not enforced in the report, the outputs, the summary and one warning."""
    organization, intercept = DOWN[why]
    here.program.write(OK)
    with LoopbackAPI(organization, now=NOW, intercept=intercept) as api:
        run = passing(here, api, "--deadline", "1.2")
    assert run.code == 0
    report = here.program.report
    assert (report["status"], report["enforced"]) == ("unverified", False)
    outputs = read_outputs(here.program.output)
    assert (outputs["status"], outputs["enforced"], outputs["spend-usd"]) == (
        *("unverified", "false"),
        "",
    )
    mask, warning, *others = read_commands(run.stderr)
    assert (mask[0], warning[0]) == ("add-mask", "warning")
    assert warning[2].startswith("NOT ENFORCED (on-error: warn). ")
    # An error would be shown as the reason of a failure that there was not.
    assert {level for level, _, _ in others} <= {"warning"}
    assert run.stdout.startswith("NOT ENFORCED (on-error: warn). Spend unknown: ")


def test_the_summary_says_first_that_nothing_was_enforced(here: Here) -> None:
    """Right below the heading, with the reason, before anything that looks like a good month."""
    here.program.write(OK)
    with LoopbackAPI(ORGANIZATION, now=NOW, intercept=lambda *_: refuse(401)) as api:
        passing(here, api)
    summary = here.program.summary.split("\n\n")
    heading, verdict = [part.strip() for part in summary if part.strip()][:2]
    assert "spend unknown" in heading
    assert verdict.startswith("**NOT ENFORCED (on-error: warn). Spend unknown: ")
    assert "401" in verdict


def test_a_breach_that_is_known_is_not_let_pass_for_what_is_not(here: Here) -> None:
    """18.30 USD are above the cap already, whatever the model without a price costs."""
    here.program.write(BREACHED)
    both = Organization([*ORGANIZATION.usage, *UNPRICED.usage], ORGANIZATION.workspaces)
    with LoopbackAPI(both, now=NOW) as api:
        run = passing(here, api)
    assert run.code == 1
    assert "NOT ENFORCED" not in run.stdout + run.stderr


def test_a_wrong_policy_is_not_let_pass(here: Here) -> None:
    """A cap for a workspace that does not exist is told once the workspaces are known, and is exit 2."""
    here.program.write(f"{OK}workspaces:\n  prodution: {{cap: 1}}\n")
    with LoopbackAPI(ORGANIZATION, now=NOW) as api:
        run = passing(here, api)
    assert (run.code, run.stdout) == (2, "")
    assert not (here.program.folder / "report.json").exists()
