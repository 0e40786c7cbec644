"""Every fault of tests/faults.py against every request of a run: none ends green, and none passes for less than the truth."""

import gc
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults import (
    ANSWERED_WITHIN,
    DEADLINE,
    FAULTS,
    KEY,
    KNOWN,
    NOW,
    REQUESTS,
    TABLE,
    Fault,
    Outcome,
    Scenario,
    Strike,
    check,
    environment,
    faulty,
    judge,
    outcome,
    policy,
    shows_key,
    table,
    truth,
    try_fault,
    try_once,
)
from tests.serving import ROOT, raw_server

QUICK = [name for name, fault in FAULTS.items() if not fault.is_slow]
SLOW = [name for name, fault in FAULTS.items() if fault.is_slow]
PASSING = [name for name, fault in FAULTS.items() if fault.passes]
AS_OF = ("--as-of", f"{NOW:%Y-%m-%dT%H:%M:%SZ}")

Tried = tuple[Strike, Outcome]


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Yield processes that try faults, as a run takes all of a process: its environment and its streams."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.faults"])
    # What was imported is no garbage: not to look for it in every run saves a fifth of the time.
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=gc.freeze)
    try:
        yield executor
    finally:
        executor.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def slowly() -> Iterator[dict[Strike, Future[Tried]]]:
    """Slow runs, all on their way at once: they wait for nothing but their deadlines."""
    with pool(len(REQUESTS)) as executor:
        strikes = [Strike(request, name) for name in SLOW for request in FAULTS[name].requests]
        yield {strike: executor.submit(try_fault, strike) for strike in strikes}


@pytest.fixture(scope="module")
def workers(slowly: dict[Strike, Future[Tried]]) -> Iterator[ProcessPoolExecutor]:  # noqa: ARG001 - those begin first
    """As many processes as the machine can keep busy, or some more."""
    with pool(max(4, os.cpu_count() or 1)) as executor:
        yield executor


def requests_of(scenario: Scenario) -> list[str]:
    """Return the names of the requests of a scenario."""
    return [name for name, asked in REQUESTS.items() if asked.scenario == scenario]


def defects(fault: Fault, tried: Tried, codes: tuple[int, ...]) -> list[str]:
    """Return what is wrong with a run that met a fault, each with the request that met it."""
    strike, ended = tried
    wrong = check(ended, REQUESTS[strike.request].scenario)
    if not ended.met:
        wrong.append("the fault was not met")
    if ended.code not in codes:
        wrong.append(f"exit code {ended.code} is not of {codes}")
    return [f"{fault.name}, {strike.request}: {each}" for each in wrong]


@pytest.mark.parametrize("scenario", KNOWN)
def test_without_a_fault_the_breach_is_found_to_the_last_digit(scenario: Scenario) -> None:
    """The cap is a cent below what was surely spent, so exit code 1 shows that nothing is lost."""
    ended = judge(scenario=scenario)
    assert check(ended, scenario) == []
    assert (ended.code, ended.spend) == (1, truth(scenario))


@pytest.mark.parametrize("scenario", KNOWN)
def test_requests_are_told_apart(scenario: Scenario) -> None:
    """A run asks for every request of its scenario, and a fault meets no other."""
    for name in requests_of(scenario):
        assert judge([Strike(name, "Compression: gzip as it should be", 1)]).met == 1


@pytest.mark.parametrize("name", QUICK)
def test_a_fault_ends_in_no_false_pass(name: str, workers: ProcessPoolExecutor) -> None:
    """Whichever request meets the fault at every try, the run ends in time, safely, and as the table says."""
    fault = FAULTS[name]
    strikes = [Strike(request, name) for request in fault.requests]
    wrong: list[str] = []
    for tried in workers.map(try_fault, strikes):
        wrong += defects(fault, tried, fault.codes_for(tried[0].request))
    assert wrong == []


@pytest.mark.parametrize("name", SLOW)
def test_slowness_ends_in_no_false_pass(name: str, slowly: dict[Strike, Future[Tried]]) -> None:
    """Whichever request is answered slowly, the deadline holds and the run ends as the table says."""
    fault = FAULTS[name]
    wrong: list[str] = []
    for request in fault.requests:
        tried = slowly[Strike(request, name)].result()
        wrong += defects(fault, tried, fault.codes_for(request))
    assert wrong == []


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_is_ridden_out(name: str, workers: ProcessPoolExecutor) -> None:
    """Where the first try of every request meets the fault, and no later one, the run ends with the exact spend."""
    ended = list(workers.map(try_once, [name] * len(KNOWN), KNOWN))
    assert [(each.code, each.spend) for each in ended] == [(1, truth(it)) for it in KNOWN]
    assert [each.met for each in ended] == [len(requests_of(it)) for it in KNOWN]


# Clocks.


@pytest.mark.parametrize(
    ("minutes", "code", "notes"),
    [
        (0, 1, set()),
        (4, 1, set()),
        (-4, 1, set()),
        (6, 1, {("warning", "clock")}),
        (-6, 1, {("warning", "clock")}),
        (-6 * 60, 1, {("warning", "clock")}),
        (3 * 60, 3, {("error", "clock")}),
        (18 * 60, 3, {("error", "clock")}),
        (-7 * 60, 3, {("error", "clock")}),
        (31 * 24 * 60, 3, {("error", "clock")}),
        (-365 * 24 * 60, 3, {("error", "clock")}),
    ],
)
def test_clocks_that_differ_are_told(minutes: int, code: int, notes: set[tuple[str, str]]) -> None:
    """More than five minutes apart is a warning, and another hour ahead or another day is not judged."""
    ended = judge(skew=timedelta(minutes=minutes))
    assert check(ended, "direct") == []
    assert ended.code == code
    assert {note for note in ended.notes if note[1] == "clock"} == notes


@pytest.mark.parametrize("days", [-400, -1, 1, 31])
def test_a_time_that_was_named_does_not_depend_on_clocks(days: int) -> None:
    """With `--as-of` the API's clock is nobody's business, and the spend is exact."""
    ended = judge(flags=AS_OF, skew=timedelta(days=days))
    assert (ended.code, ended.spend) == (1, truth("direct"))
    assert "clock" not in {code for _, code in ended.notes}


# Faults together.

Strikes = tuple[Scenario, list[Strike]]


@st.composite
def some_strikes(draw: st.DrawFn) -> Strikes:
    """Draw up to six faults, each for some tries of a request, that the requests of one run meet."""
    scenario = draw(st.sampled_from(sorted(KNOWN)))
    requests = requests_of(scenario)
    strikes = []
    for _ in range(draw(st.integers(1, 6))):
        request = draw(st.sampled_from(requests))
        name = draw(st.sampled_from([it for it in QUICK if request in FAULTS[it].requests]))
        strikes.append(Strike(request, name, draw(st.integers(1, 6))))
    return scenario, strikes


@given(strikes=some_strikes())
@settings(max_examples=100, deadline=None)
def test_faults_together_end_in_no_false_pass(strikes: Strikes) -> None:
    """However faults are composed over the requests of a run, it ends neither green nor in a bug."""
    scenario, struck = strikes
    ended = judge(struck, scenario=scenario)
    assert check(ended, scenario) == []


@pytest.mark.parametrize("scenario", KNOWN)
@pytest.mark.parametrize("name", [name for name in QUICK if FAULTS[name].group == "Statuses"])
def test_an_api_that_only_refuses_is_no_pass(name: str, scenario: Scenario) -> None:
    """Where every request meets the same status, no spend is established."""
    ended = judge([Strike(request, name) for request in requests_of(scenario)])
    assert check(ended, scenario) == []
    assert (ended.code, ended.spend) == (3, None)


# Whole processes, with nothing patched.

RUN = "import runpy; runpy.run_module('budget_gate', run_name='__main__', alter_sys=True)"
HANGING_DNS = f"""
import pathlib, socket, time
def hang(*_, **__):
    pathlib.Path("asked").touch()
    time.sleep(60)
socket.getaddrinfo = hang
{RUN}
"""


def run_process(folder: Path, url: str, code: str = RUN) -> Outcome:
    """Run the gate in a process of its own; the time is that from its start to its end."""
    (folder / "budget.yml").write_text(policy("direct"), encoding="utf-8")
    started = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-c", code, *AS_OF],
        cwd=folder,
        env={**environment(url, folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    seconds = time.monotonic() - started
    done = outcome(ended.returncode, ended.stdout, ended.stderr, folder)
    return replace(done, seconds=seconds)


def say_nothing(connection: socket.socket) -> None:
    """Read whatever comes and never answer."""
    while connection.recv(4096):
        pass


@pytest.mark.parametrize("name", ["silence", "one byte of the body a second"])
def test_a_process_keeps_its_deadline_when_answers_are_slow(name: str, tmp_path: Path) -> None:
    """From the first connection on, a whole process ends within the deadline and a second."""
    strikes = [Strike(request, f"Slowness: {name}") for request in requests_of("direct")]
    with faulty(strikes, "direct") as (url, server):
        ended = run_process(tmp_path, url)
        seconds = time.monotonic() - (server.began or 0)
    assert check(replace(ended, seconds=seconds), "direct") == []
    assert (ended.code, ended.spend) == (3, None)


def test_a_process_keeps_its_deadline_when_a_handshake_hangs(tmp_path: Path) -> None:
    """A server that accepts and never says hello in TLS does not outlast the deadline."""
    began: list[float] = []

    def serve(connection: socket.socket) -> None:
        began.append(time.monotonic())
        say_nothing(connection)

    with raw_server(serve) as url:
        ended = run_process(tmp_path, url.replace("http://", "https://"))
        seconds = time.monotonic() - began[0]
    assert check(replace(ended, seconds=seconds), "direct") == []
    assert (ended.code, ended.spend) == (3, None)


def test_a_process_keeps_its_deadline_when_a_look_up_hangs(tmp_path: Path) -> None:
    """A look-up of the host's name that cannot be interrupted is left behind at the deadline."""
    ended = run_process(tmp_path, "http://localhost:9", HANGING_DNS)
    seconds = time.time() - (tmp_path / "asked").stat().st_mtime
    assert check(replace(ended, seconds=seconds), "direct") == []
    assert (ended.code, ended.spend) == (3, None)


# The suite itself.


def changed(ended: Outcome, change: Callable[[dict[str, object]], None]) -> Outcome:
    """Return an outcome with a changed report."""
    report = json.loads(ended.report)
    change(report)
    return replace(ended, report=json.dumps(report))


def test_the_check_sees_what_must_not_be() -> None:
    """A false pass, a bug, a leak, a smaller number and lateness are each found."""
    good = judge()
    assert check(good, "direct") == []
    low, high = (str(float(end) - 1) for end in truth("direct"))
    bad = [
        replace(good, code=0),
        replace(good, code=4),
        replace(good, stderr="Traceback (most recent call last):"),
        replace(good, summary=KEY[30:60]),
        replace(good, report=""),
        replace(good, seconds=ANSWERED_WITHIN + 0.1),
        changed(good, lambda report: report.update(status="ok")),
        changed(good, lambda report: report.update(spend={"low": low, "high": None})),
        changed(good, lambda report: report.update(spend={"low": "0", "high": high})),
    ]
    assert [len(check(ended, "direct")) > 0 for ended in bad] == [True] * len(bad)


def test_the_key_that_servers_echo_is_as_long_as_a_real_one() -> None:
    """A message that is cut to a length cannot hide that it shows a part of the key."""
    assert 100 <= len(KEY) <= 120
    assert "EXAMPLE" in KEY
    assert shows_key(f"no {KEY[50:80]}...")


def test_the_table_is_that_of_the_faults() -> None:
    """tests/FAULTS.md is what `python -m tests.faults` prints."""
    assert TABLE.read_text(encoding="utf-8") == table()


def test_the_deadline_is_a_second_before_the_bound() -> None:
    """What the table promises is the deadline and one second."""
    assert ANSWERED_WITHIN == DEADLINE + 1
