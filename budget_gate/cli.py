"""The command line: flags -> use case -> exit code, with the clock and the error boundary."""

import sys

from budget_gate.exits import (
    BUG,
    CONFIGURATION_WRONG,
    UNVERIFIED,
    ended_by,
    is_failed_import,
)
from budget_gate.flags import parse_flags

# --help and --version end in parse_flags: what they do not need is imported where it is used, and
# the module typing is slow enough to be among that.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from budget_gate.domain.policy import Policy
    from budget_gate.settings import Settings

DEMO_AS_OF = "2026-11-20T15:20:00Z"


def main(
    argv: "Sequence[str] | None" = None, *, clock: "Callable[[], datetime] | None" = None
) -> int:
    """Runs the command line and returns its exit code; `clock` tells the time, aware."""
    flags = parse_flags(sys.argv[1:] if argv is None else argv)
    if flags.command == "schema":
        return _schema()

    import gc

    # A run is short and needs what it reads to its end: looking for garbage only costs time.
    gc.disable()
    try:
        from budget_gate.errors import ConfigurationError, InterruptedRunError
        from budget_gate.publish import explain, say
        from budget_gate.settings import Settings, Surroundings
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a damaged module may raise anything
        return ended_by(error)

    settings: Surroundings = Surroundings()
    try:
        with _signals_raise() as ignore_signals:
            settings = checked = Settings.read(_given(flags))
            return _run(flags, checked, clock or _utc_now, ignore_signals)
    except ConfigurationError as error:
        explain(error, settings)
        return CONFIGURATION_WRONG
    except InterruptedRunError as error:
        say(f"budget-gate: {error.message}: nothing was decided", settings)
        return UNVERIFIED
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - the boundary: whatever comes here is a bug of ours
        if is_failed_import(error):
            return ended_by(error)
        import traceback

        from budget_gate.outputs.wording import plain

        # The bar keeps a line of it from being taken for a command by GitHub's runner.
        lines = [f"| {plain(line)}" for line in traceback.format_exc().splitlines()]
        say("\n".join([*lines, "budget-gate: this is a bug, please report it"]), settings)
        return BUG


def _schema() -> int:
    """Prints the policy's JSON Schema, as the package holds it."""
    from pathlib import Path

    from budget_gate.outputs.streams import write

    text = (Path(__file__).with_name("data") / "policy.schema.json").read_text(encoding="ascii")
    lost = write(sys.stdout, text)
    if lost:
        write(sys.stderr, f"budget-gate: the schema cannot be printed: {lost.strerror}\n")
    return CONFIGURATION_WRONG if lost else 0


def _signals_raise() -> "AbstractContextManager[Callable[[], None]]":
    """Has SIGINT and SIGTERM raise InterruptedRunError, once, while the context lasts.

    The context gives a function that has them ignored from then on.
    """
    import signal
    from contextlib import contextmanager
    from threading import current_thread, main_thread

    from budget_gate.errors import InterruptedRunError

    caught = (signal.SIGINT, signal.SIGTERM) if current_thread() is main_thread() else ()
    heard: list[int] = []

    def ignore() -> None:
        for each in caught:
            # Not SIG_IGN: a signal that is already on its way would find no handler to call.
            signal.signal(each, lambda *_: None)

    def interrupt(number: int, _: object) -> None:
        # The report of this is still to be written: a second signal must not cut it short.
        ignore()
        heard.append(number)
        raise InterruptedRunError(signal.Signals(number).name)

    @contextmanager
    def raising() -> "Iterator[Callable[[], None]]":
        before = {each: signal.signal(each, interrupt) for each in caught}
        try:
            yield ignore
        finally:
            for each, handler in before.items():
                # Once one was heard the process is to end by itself, its last steps included.
                signal.signal(each, signal.SIG_IGN if heard else handler)

    return raising()


def _given(flags: "Namespace") -> dict[str, str]:
    """The flags that were given, by the variables they stand for; an empty one is not given."""
    names = (
        "policy",
        "as_of",
        "month",
        "format",
        "report",
        "last_report",
        "fail_on",
        "on_error",
        "reserve",
        "deadline",
    )
    given = {f"BUDGET_GATE_{name.upper()}": getattr(flags, name, None) for name in names}
    if getattr(flags, "budget", None):
        given["BUDGET_GATE_BUDGETS"] = "\n".join(flags.budget)
    if flags.command == "demo":
        given["BUDGET_GATE_AS_OF"] = DEMO_AS_OF
    return {variable: value for variable, value in given.items() if value}


def _utc_now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _run(
    flags: "Namespace",
    settings: "Settings",
    clock: "Callable[[], datetime]",
    ignore_signals: "Callable[[], None]",
) -> int:
    from budget_gate.publish import mask

    mask(settings)
    match flags.command:
        case "init":
            from budget_gate.init_command import write_first_policy
            from budget_gate.policy_name import POLICY_FILES, found_policy

            name = settings.policy or found_policy() or POLICY_FILES[0]
            return write_first_policy(flags, settings, name, clock, ignore_signals)
        case "doctor":
            from budget_gate.doctor_command import examine

            return examine(settings, clock, ignore_signals)
        case "audit":
            return _audit(flags, settings, clock, ignore_signals)
        case _:
            return _check(flags, settings, clock, ignore_signals)


def _check(
    flags: "Namespace",
    settings: "Settings",
    clock: "Callable[[], datetime]",
    ignore_signals: "Callable[[], None]",
) -> int:
    from dataclasses import replace
    from pathlib import Path

    from budget_gate import gate
    from budget_gate.domain.clock import check_age, run_time
    from budget_gate.domain.period import MonthToDate, parse_instant
    from budget_gate.errors import InterruptedRunError
    from budget_gate.policy_name import POLICY_FILES, needed_policy
    from budget_gate.publish import deliver, publish, say
    from budget_gate.reading import connect, read_earlier, read_spend, start_identifying
    from budget_gate.sources.documents import load_policy

    if flags.command == "demo":
        sample = Path(__file__).with_name("data") / "sample"
        flags.usage = sorted(str(page) for page in sample.glob("usage-*.json"))
        flags.workspaces, flags.partial = str(sample / "workspaces.json"), False
        flags.audit = False
        policy_name = POLICY_FILES[0]
        file = load_policy(sample / policy_name, policy_name)
    else:
        policy_name = settings.policy or needed_policy()
        file = load_policy(Path(policy_name), policy_name)
    _refuse_misfits(flags, settings, file.policy)
    now = parse_instant(DEMO_AS_OF) if flags.command == "demo" else clock()
    month = MonthToDate(now) if flags.command == "demo" else settings.judged(now)
    earlier = transport = None
    try:
        # First, as the report of a run that a signal ends may be written over the last one.
        earlier = read_earlier(settings)
        transport = None if flags.usage else connect(settings, clock)
        report, exit_code = gate.check(
            file,
            lambda: read_spend(
                flags, settings, file, month, now=now, transport=transport, last=earlier
            ),
            month,
            settings.terms,
            identify=start_identifying(transport, settings, file),
            earlier=earlier,
        )
    except InterruptedRunError as error:
        report, exit_code = gate.stopped(file, month, error, earlier)
    if transport:
        now = run_time(now, transport.clock_difference)
    aged = check_age(month, now, settings.fixed_time)
    if aged:
        report = replace(report, judged_at=now, notes=(*aged, *report.notes))
    # There is a verdict: it is told whole, whatever comes.
    ignore_signals()
    report = replace(report, base_url=None if flags.usage else settings.other_address)
    exit_code = deliver(lambda: publish(report, policy_name, settings), exit_code, settings)
    if flags.command == "demo":
        say("This was a sample organization: the command `check` judges yours.", settings)
    return exit_code


def _refuse_misfits(flags: "Namespace", settings: "Settings", policy: "Policy") -> None:
    """Raises ConfigurationError where what was asked for does not go together."""
    from pathlib import Path

    from budget_gate.errors import ConfigurationError

    if settings.report and not Path(settings.report).absolute().parent.is_dir():
        raise ConfigurationError(
            f"the report cannot be written to {settings.report}: its folder does not exist",
            "create the folder first, or name another file",
        )
    if not flags.usage and (flags.workspaces or flags.partial):
        raise ConfigurationError(
            "--workspaces and --partial go with --usage", "add --usage FILE, or leave them out"
        )
    if settings.reserve and settings.month and flags.command == "check":
        raise ConfigurationError(
            "what is reserved is spent today, and --month judges a month that has ended",
            "leave out --reserve or --month (or their variables)",
        )
    if flags.usage and (flags.audit or policy.spend.basis == "billed"):
        raise ConfigurationError(
            "saved pages of a usage report do not tell billed cost",
            "leave out --usage, or --audit and spend.basis: billed",
        )


def _audit(
    flags: "Namespace",
    settings: "Settings",
    clock: "Callable[[], datetime]",
    ignore_signals: "Callable[[], None]",
) -> int:
    from dataclasses import replace
    from pathlib import Path

    from budget_gate.domain.audit import Audit
    from budget_gate.domain.period import MonthToDate
    from budget_gate.domain.spend import Note
    from budget_gate.errors import UnverifiedError
    from budget_gate.policy_name import found_policy
    from budget_gate.publish import deliver, publish_audit
    from budget_gate.reading import connect, read_audit
    from budget_gate.sources.documents import load_policy

    name = settings.policy or found_policy()
    file = load_policy(Path(name), name) if name else None
    now = clock()
    month = MonthToDate(settings.time(now))
    transport = connect(settings, clock)
    try:
        audit = read_audit(settings, file, month, flags.days, now=now, transport=transport)
        audit = replace(audit, policy=name)
    except UnverifiedError as error:
        note = Note("error", error.code, error.told)
        audit = Audit("unverified", month.as_of, month.period, notes=(note,))
    ignore_signals()
    exit_code = {"ok": 0, "drift": 1, "unverified": UNVERIFIED}[audit.status]
    return deliver(lambda: publish_audit(audit, settings), exit_code, settings)
