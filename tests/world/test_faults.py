"""Every fault of tests/world/faults.py against every request of a run: none ends green, and none passes for less than the truth.

A state machine composes them at random, over the requests of a run and from run to run.
"""

import gc
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import timedelta
from fractions import Fraction
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from budget_gate.exits import UNVERIFIED
from budget_gate.sources.http.transport import ATTEMPTS, REQUEST_TIMEOUT
from tests.helpers.paths import ROOT
from tests.helpers.serving import raw_server
from tests.world.faults import (
    ALWAYS,
    ANSWERED_WITHIN,
    BILLED,
    CLOSED_DAYS,
    FAULTS,
    KEY,
    KNOWN,
    LONGER_DEADLINE,
    NOW,
    REQUESTS,
    TABLE,
    Fault,
    Outcome,
    Scenario,
    Strike,
    caps,
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

QUICK = [name for name, fault in FAULTS.items() if not fault.is_slow]
SLOW = [name for name, fault in FAULTS.items() if fault.is_slow]
PASSING = [name for name, fault in FAULTS.items() if fault.passes]
# Minutes that the clock of the API may differ by, and those that leave the month in doubt.
NEAR = (0, 4, -4, 6, -6, -6 * 60)
FAR = (3 * 60, 18 * 60, -7 * 60, 31 * 24 * 60, -365 * 24 * 60)
AS_OF = ("--as-of", f"{NOW:%Y-%m-%dT%H:%M:%SZ}")

Tried = tuple[Strike, Outcome]


# What a run imports on its way, so that no run has to do so within its deadline.
IMPORTED = ["tests.world.faults", "budget_gate.commands.check"]


@pytest.fixture(autouse=True, scope="module")
def _frozen() -> Iterator[None]:
    """What is there before these thousands of runs is no garbage, and not to look for it in each saves time."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(scope="module")
def processes() -> Iterator[ProcessPoolExecutor]:
    """Processes for runs that wait for little but their deadlines, side by side, as each takes a process's streams."""
    context = get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    with ProcessPoolExecutor(len(REQUESTS), mp_context=context, initializer=gc.freeze) as executor:
        yield executor


# Thousands of runs go where others have gone, and to count their lines would take as long as they do.
uncounted = pytest.mark.uncounted


def requests_of(scenario: Scenario) -> list[str]:
    """Return the names of the requests of a scenario."""
    return [name for name, asked in REQUESTS.items() if asked.scenario == scenario]


def defects(fault: Fault, tried: Tried) -> list[str]:
    """Return what is wrong with a run that met a fault, each with the request that met it."""
    strike, ended = tried
    codes = fault.codes_for(strike.request)
    wrong = check(ended, REQUESTS[strike.request].scenario, fault.settled)
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


@uncounted
@pytest.mark.parametrize("name", QUICK)
def test_a_fault_ends_in_no_false_pass(name: str) -> None:
    """Whichever request meets the fault at every try, the run ends in time, safely, and as the table says."""
    wrong: list[str] = []
    for request in FAULTS[name].requests:
        wrong += defects(FAULTS[name], try_fault(Strike(request, name)))
    assert wrong == []


@pytest.mark.parametrize("name", SLOW)
def test_slowness_ends_in_no_false_pass(name: str, processes: ProcessPoolExecutor) -> None:
    """Whichever request is answered slowly, the deadline holds and the run ends as the table says.

    A busy machine may not come to the rest of a run within its deadline, so that one has a longer deadline then.
    """
    wrong: list[str] = []
    strikes = [Strike(request, name) for request in FAULTS[name].requests]
    for tried in processes.map(try_fault, strikes):
        if tried[1].code == UNVERIFIED and defects(FAULTS[name], tried):
            wrong += defects(FAULTS[name], try_fault(tried[0], LONGER_DEADLINE))
        else:
            wrong += defects(FAULTS[name], tried)
    assert wrong == []


def defects_of_riding_out(name: str, ended: Iterable[Outcome]) -> list[str]:
    """Return what is wrong with runs, one a scenario, whose every request meets a fault once."""
    return [
        f"{name}, {scenario}: exit code {each.code} with {each.spend}, met {each.met} times"
        for scenario, each in zip(KNOWN, ended, strict=True)
        if (each.code, each.spend) != (1, truth(scenario)) or each.met != len(requests_of(scenario))
    ]


@uncounted
@pytest.mark.parametrize("name", [name for name in PASSING if name not in SLOW])
def test_a_passing_fault_is_ridden_out(name: str) -> None:
    """Where the first try of every request meets the fault, and no later one, the run ends with the exact spend."""
    assert defects_of_riding_out(name, (try_once(name, scenario) for scenario in KNOWN)) == []


@pytest.mark.parametrize("name", [name for name in PASSING if name in SLOW])
def test_passing_slowness_is_ridden_out(name: str, processes: ProcessPoolExecutor) -> None:
    """Where it is silence, a request is given up in time for another try."""
    ended = processes.map(try_once, [name] * len(KNOWN), KNOWN)
    assert defects_of_riding_out(name, ended) == []


# The days before the month.

HISTORY = "days before the month"
HARMLESS = [name for name in QUICK if FAULTS[name].codes_for(HISTORY) == (1,)]


@uncounted
def test_days_before_the_month_change_no_verdict() -> None:
    """Whatever becomes of that request, the spend of the month is exact and the breach is found."""
    struck = [Strike(HISTORY, name) for name in HARMLESS if HISTORY in FAULTS[name].requests]
    assert len(struck) > 100
    ended = [try_fault(strike) for strike in struck]
    expected = (1, truth("with history"))
    assert {strike.fault: (it.code, it.spend) for strike, it in ended} == {
        strike.fault: expected for strike in struck
    }


def test_days_before_the_month_that_cannot_be_read_are_told() -> None:
    """One note at the level of information says so, and the forecast goes by the month alone."""
    read = judge(scenario="with history")
    unread = judge([Strike(HISTORY, "Statuses: status 403")])
    assert ("info", "no_history") not in read.notes
    assert ("info", "no_history") in unread.notes
    assert all(
        budget["forecast"] for it in (read, unread) for budget in (it.judged or {})["budgets"]
    )


# Billed cost.

BILLED_REQUESTS = [name for scenario in BILLED for name in requests_of(scenario)]


@pytest.mark.parametrize("analytics", [400, 403, 404])
@pytest.mark.parametrize("report", [400, 403, 404])
def test_without_any_billed_cost_nothing_is_judged(analytics: int, report: int) -> None:
    """Where both routes are refused, list cost is not taken for billed cost."""
    ended = judge(
        [
            Strike("billed cost, page 1", f"Statuses: status {analytics}"),
            Strike("cost report, page 1", f"Statuses: status {report}"),
        ]
    )
    assert check(ended, "billed") == []
    assert (ended.code, ended.spend, ended.met) == (3, None, 2)
    assert ("error", "no_billed_cost") in ended.notes


@pytest.mark.parametrize("request_", BILLED_REQUESTS)
@pytest.mark.parametrize("name", [name for name in FAULTS if name.startswith("Times of answers")])
def test_dates_of_billed_cost_do_not_matter_at_a_named_time(name: str, request_: str) -> None:
    """With `--as-of` what answers say of the time is the end of no run, unless that time is yet to come by it."""
    strike = Strike(request_, name)
    ended = judge([strike], AS_OF)
    assert check(ended, REQUESTS[request_].scenario) == []
    behind = "behind" in name and REQUESTS[request_].scenario == "billed"
    behind |= name.endswith("the date is a year behind")
    assert ended.code == (3 if behind else 1)


# Clocks.


@pytest.mark.parametrize("scenario", ["direct", *BILLED])
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
def test_clocks_that_differ_are_told(
    minutes: int, code: int, notes: set[tuple[str, str]], scenario: Scenario
) -> None:
    """More than five minutes apart is a warning, and another hour ahead or another day is not judged."""
    ended = judge(scenario=scenario, skew=timedelta(minutes=minutes))
    assert check(ended, scenario) == []
    assert ended.code == code
    assert {note for note in ended.notes if note[1] == "clock"} == notes


@pytest.mark.parametrize("days", [-400, -1, 1, 31])
def test_a_time_that_was_named_depends_on_no_clock_of_this_machine(days: int) -> None:
    """With `--as-of` the spend is exact and the wrong clock a warning, unless that time is yet to come by the API's."""
    ended = judge(flags=AS_OF, skew=timedelta(days=days))
    if days < 0:
        assert (ended.code, ended.notes) == (3, ended.notes & {("error", "clock")})
    else:
        assert (ended.code, ended.spend) == (1, truth("direct"))
        assert ("warning", "clock") in ended.notes


# Faults together.

# Those that leave the bill whole: what the others leave of it is told in the table.
COMPOSED = [name for name in QUICK if FAULTS[name].settled == CLOSED_DAYS]


def strikes(
    names: list[str], times: st.SearchStrategy[int]
) -> Callable[[Scenario], st.SearchStrategy[list[Strike]]]:
    """Return what draws some faults, by their names, for the requests of a scenario."""

    def on(request: str) -> st.SearchStrategy[Strike]:
        its = [name for name in names if request in FAULTS[name].requests]
        return st.builds(Strike, st.just(request), st.sampled_from(its), times)

    return lambda scenario: st.lists(
        st.sampled_from(requests_of(scenario)).flatmap(on), min_size=1, max_size=4
    )


any_strikes = strikes(COMPOSED, st.integers(1, ATTEMPTS) | st.just(ALWAYS))
passing_strikes = strikes([name for name in COMPOSED if name in PASSING], st.integers(1, 2))
# What only a last report shows is not shown where that is lost, or is of a run that knew nothing.
some_api = st.sampled_from(sorted(KNOWN.keys() - {"with a last report"})).flatmap(
    lambda scenario: st.tuples(st.just(scenario), any_strikes(scenario) | passing_strikes(scenario))
)


class FaultsTogether(RuleBasedStateMachine):
    """An API whose faults come and go, and runs of the gate that each read the report of the one before.

    What cannot hide the truth must not: a run ends with the exact spend where every fault is ridden
    out. Where none could be read it ends as the last report proves, and never green.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.last = Path(self.folder.name) / "last.json"
        self.scenario: Scenario = "direct"
        self.strikes: list[Strike] = []
        self.minutes = 0
        # What the last report says and of which scenario, by which its caps go; None where it is lost.
        self.proof: tuple[Scenario, dict[str, Any]] | None = None

    def teardown(self) -> None:
        """Take the reports away."""
        self.folder.cleanup()

    @initialize(api=some_api)
    def begin(self, api: tuple[Scenario, list[Strike]]) -> None:
        """Begin with some faults."""
        self.scenario, self.strikes = api

    @rule(api=some_api)
    def switch(self, api: tuple[Scenario, list[Strike]]) -> None:
        """Let the API have other routes and faults; requests of the old ones meet theirs once they are back."""
        self.scenario, strikes = api
        self.strikes += strikes

    @rule(strikes=st.runner().flatmap(lambda machine: any_strikes(machine.scenario)))
    def strike(self, strikes: list[Strike]) -> None:
        """Add faults to requests, for some tries or for good, behind those that they have."""
        self.strikes += strikes

    @rule(strikes=st.runner().flatmap(lambda machine: passing_strikes(machine.scenario)))
    def stumble(self, strikes: list[Strike]) -> None:
        """Add faults that further tries do not meet."""
        self.strikes += strikes

    @precondition(lambda self: self.strikes)
    @rule(strike=st.runner().flatmap(lambda machine: st.sampled_from(machine.strikes)))
    def relieve(self, strike: Strike) -> None:
        """Clear the faults of a request."""
        self.strikes = [each for each in self.strikes if each.request != strike.request]

    @rule(minutes=st.sampled_from([*NEAR, *FAR]))
    def skew(self, minutes: int) -> None:
        """Set the clock of the API."""
        self.minutes = minutes

    @rule()
    def recover(self) -> None:
        """Clear all faults, and set the clock right."""
        self.strikes, self.minutes = [], 0

    @precondition(lambda self: self.proof)
    @rule(percent=st.integers(0, 95))
    def lose(self, percent: int) -> None:
        """Cut the last report, as a disk that was full would have."""
        text = self.last.read_bytes()
        self.last.write_bytes(text[: len(text) * percent // 100])
        self.proof = None

    @invariant()
    def run(self) -> None:
        """Run the gate after each step."""
        strikes = [it for it in self.strikes if REQUESTS[it.request].scenario == self.scenario]
        flags = ("--last-report", str(self.last))
        skew = timedelta(minutes=self.minutes)
        ended = judge(strikes, flags, scenario=self.scenario, skew=skew)
        known = self.known(ended)
        assert check(replace(ended, seconds=0), self.scenario, known=known) == []
        if self.minutes in FAR and not strikes:
            assert ("error", "clock") in ended.notes
        if self.minutes in NEAR and all(is_ridden_out(strikes, it.request) for it in strikes):
            low, high = truth(self.scenario)
            assert (ended.code, ended.spend) == (1, (max(low, known), high))
        report = ended.judged
        if not report:
            return
        if not report["coverage"]:
            assert ended.code == (1 if self.proves_a_breach(ended) else 3)
        self.last.write_text(ended.report, encoding="utf-8")
        self.proof = self.scenario, report

    def known(self, ended: Outcome) -> Fraction:
        """What the last report knew of the month at the same prices: the least that was spent."""
        report = ended.judged
        if not (self.proof and report and report["prices"]) or self.scenario in BILLED:
            return Fraction(0)
        same = (report["period"]["start"], report["prices"]["digest"])
        found = [
            Fraction(it["usd"])
            for it in self.proof[1]["known_spend"]
            if (it["month"], it["prices"]) == same
            and (
                None in (it["organization"], report["organization"])
                or it["organization"] == report["organization"]
            )
        ]
        return max(found, default=Fraction(0))

    def proves_a_breach(self, ended: Outcome) -> bool:
        """Whether the last report found one that still is one, under these caps and in this organization.

        Billed cost may fall, so that no report proves any.
        """
        if not self.proof or self.scenario in BILLED or ("error", "clock") in ended.notes:
            return False
        scenario, last = self.proof
        organizations = {report["organization"] for report in (last, ended.judged) if report}
        return (
            caps(scenario) == caps(self.scenario)
            and last["status"] == "breached"
            and len(organizations - {None}) < 2
        )


def is_ridden_out(strikes: list[Strike], request: str) -> bool:
    """Whether the faults of a request do no harm, or leave it a try that meets none."""
    its = [strike for strike in strikes if strike.request == request]
    harmful = [FAULTS[it.fault] for it in its if FAULTS[it.fault].codes_for(request) != (1,)]
    tries = sum(strike.times for strike in its)
    return not harmful or (all(fault.passes for fault in harmful) and tries < ATTEMPTS)


def test_faults_together_end_in_no_false_pass() -> None:
    """However faults come, meet and go, each run ends as the model says, and neither green nor in a bug."""
    # Shrinking what fails would take minutes, and a few steps can be read as they are.
    phases = set(Phase) - {Phase.shrink, Phase.explain}
    run_state_machine_as_test(
        FaultsTogether,
        settings=settings(max_examples=15, stateful_step_count=5, deadline=None, phases=phases),
    )


@pytest.mark.parametrize("scenario", [it for it in KNOWN if it != "with history"])
@pytest.mark.parametrize("name", [name for name in QUICK if FAULTS[name].group == "Statuses"])
def test_an_api_that_only_refuses_is_no_pass(name: str, scenario: Scenario) -> None:
    """Where every request meets the same status, or every one for costs, no spend is determined."""
    requests = BILLED_REQUESTS if scenario in BILLED else requests_of(scenario)
    ended = judge([Strike(request, name) for request in requests], scenario=scenario)
    assert check(ended, scenario) == []
    assert (ended.code, ended.spend) == (3, None)


def test_a_part_of_the_truth_is_no_defect_where_the_last_report_proves_a_breach(
    tmp_path: Path,
) -> None:
    """A tier that cannot be priced leaves the rest as the least, and the breach of the run before stands."""
    last = tmp_path / "last.json"
    last.write_text(judge(scenario="by organization").report, encoding="utf-8")
    unpriced = Strike("full days by organization", "Dimensions: service_tier is the key")
    ended = judge([unpriced], ("--last-report", str(last)))
    assert check(ended, "by organization") == []
    assert (ended.code, (ended.spend or (0, 0))[1]) == (1, None)


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
    """Run the gate in a process of its own."""
    (folder / "budget.yml").write_text(policy("direct"), encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", code, *AS_OF],
        cwd=folder,
        env={**environment(url, folder), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    return outcome(ended.returncode, ended.stdout, ended.stderr, folder)


def say_nothing(connection: socket.socket) -> None:
    """Read whatever comes and never answer."""
    while connection.recv(4096):
        pass


def slow_answers(name: str, folder: Path) -> Outcome:
    """Run a process whose every request is answered slowly; the time is that from its first connection."""
    strikes = [Strike(request, f"Slowness: {name}") for request in requests_of("direct")]
    with faulty(strikes, "direct") as (url, server):
        ended = run_process(folder, url)
        return replace(ended, seconds=time.monotonic() - (server.began or 0))


def hanging_handshake(folder: Path) -> Outcome:
    """Run a process beside a server that never says hello in TLS; the time is that from its first connection."""
    began: list[float] = []

    def serve(connection: socket.socket) -> None:
        began.append(time.monotonic())
        say_nothing(connection)

    with raw_server(serve) as url:
        ended = run_process(folder, url.replace("http://", "https://"))
        return replace(ended, seconds=time.monotonic() - began[0])


def hanging_look_up(folder: Path) -> Outcome:
    """Run a process in which the look-up of a name hangs; the time is that from the first of them."""
    ended = run_process(folder, "http://localhost:9", HANGING_DNS)
    return replace(ended, seconds=time.time() - (folder / "asked").stat().st_mtime)


HANGS: dict[str, Callable[[Path], Outcome]] = {
    "silence": partial(slow_answers, "silence"),
    "one byte of the body a second": partial(slow_answers, "one byte of the body a second"),
    "TLS handshake": hanging_handshake,
    "look-up of the host": hanging_look_up,
}


@pytest.mark.parametrize("name", HANGS)
def test_a_process_keeps_its_deadline(name: str, tmp_path: Path) -> None:
    """From the first wait on, a whole process ends soon after its deadline, whatever hangs."""
    ended = HANGS[name](tmp_path)
    assert check(ended, "direct") == []
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
    """tests/FAULTS.md is what `python -m tests.world.faults` prints."""
    assert TABLE.read_text(encoding="utf-8") == table()


def test_the_bound_tells_a_deadline_that_holds_from_none() -> None:
    """It leaves a busy machine some seconds after the deadline, and a request that knows of none far behind."""
    assert LONGER_DEADLINE + 5 < ANSWERED_WITHIN < REQUEST_TIMEOUT / 2
