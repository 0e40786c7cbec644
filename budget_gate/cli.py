"""The command line: flags -> use case -> exit code, with the clock and the error boundary."""

import sys

from budget_gate.flags import parse_flags

# --help and --version end in parse_flags: what they do not need is imported where it is used, and
# the module typing is slow enough to be among that.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from budget_gate.domain.period import MonthToDate
    from budget_gate.domain.policy import Policy
    from budget_gate.domain.prices import PriceBook
    from budget_gate.domain.spend import Spend
    from budget_gate.domain.usage import Usage
    from budget_gate.domain.verdict import Report
    from budget_gate.errors import ConfigurationError
    from budget_gate.settings import Settings

CONFIGURATION_WRONG = 2
BUG = 4
INTERRUPTED = 130

POLICY_FILES = ("budget.yml", ".github/budget.yml")
DEMO_AS_OF = "2026-11-20T15:20:00Z"


def main(
    argv: "Sequence[str] | None" = None, *, clock: "Callable[[], datetime] | None" = None
) -> int:
    """Runs the command line and returns its exit code; `clock` tells the time, aware."""
    flags = parse_flags(sys.argv[1:] if argv is None else argv)

    import gc

    # A run is short and needs what it reads to its end: looking for garbage only costs time.
    gc.disable()
    from budget_gate.errors import ConfigurationError
    from budget_gate.settings import Settings

    settings = None
    try:
        settings = Settings.read(_given(flags))
        return _run(flags, settings, clock or _utc_now)
    except ConfigurationError as error:
        _explain(error, settings)
        return CONFIGURATION_WRONG
    except KeyboardInterrupt:
        _say("budget-gate: interrupted, nothing was decided", settings)
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the boundary: whatever comes here is a bug of ours
        import traceback

        _say(f"{traceback.format_exc()}budget-gate: this is a bug, please report it", settings)
        return BUG


def _given(flags: "Namespace") -> dict[str, str]:
    """The flags that were given, by the variables they stand for; an empty one is not given."""
    names = ("policy", "as_of", "format", "report", "fail_on", "on_error", "deadline")
    given = {f"BUDGET_GATE_{name.upper()}": getattr(flags, name, None) for name in names}
    if flags.command == "demo":
        given["BUDGET_GATE_AS_OF"] = DEMO_AS_OF
    return {variable: value for variable, value in given.items() if value}


def _utc_now() -> "datetime":
    from datetime import UTC, datetime

    return datetime.now(UTC)


def _run(flags: "Namespace", settings: "Settings", clock: "Callable[[], datetime]") -> int:
    from pathlib import Path

    from budget_gate import gate
    from budget_gate.domain.period import MonthToDate
    from budget_gate.errors import ConfigurationError
    from budget_gate.outputs.github import render_mask
    from budget_gate.sources.documents import load_policy

    if settings.in_github_actions:
        for secret in settings.secrets:
            sys.stderr.write(render_mask(secret))
    if flags.command == "demo":
        sample = Path(__file__).with_name("data") / "sample"
        flags.usage = sorted(str(page) for page in sample.glob("usage-*.json"))
        flags.workspaces, flags.partial = str(sample / "workspaces.json"), False
        policy_name = POLICY_FILES[0]
        _say("This is a sample organization: `budget-gate check` judges yours.", settings)
        file = load_policy(sample / policy_name, policy_name)
    else:
        policy_name = settings.policy or _policy_file()
        file = load_policy(Path(policy_name), policy_name)
    if settings.report and not Path(settings.report).absolute().parent.is_dir():
        raise ConfigurationError(
            f"the report cannot be written to {settings.report}: its folder does not exist",
            "create the folder first, or name another file",
        )
    now = clock()
    month = MonthToDate(settings.as_of or now)
    report, exit_code = gate.check(
        file,
        lambda: _read_spend(flags, settings, file.policy, month, now),
        month,
        fail_on=settings.fail_on,
        on_error=settings.on_error,
    )
    try:
        _publish(report, policy_name, settings)
    except ConfigurationError as error:
        _explain(error, settings)
        return exit_code or CONFIGURATION_WRONG
    return exit_code


def _policy_file() -> str:
    from pathlib import Path

    from budget_gate.errors import ConfigurationError

    for name in POLICY_FILES:
        if Path(name).exists():
            return name
    raise ConfigurationError(
        f"there is no policy: neither {' nor '.join(POLICY_FILES)} exists here",
        "write one (the README shows a first policy), or name it with --policy",
    )


def _read_spend(
    flags: "Namespace",
    settings: "Settings",
    policy: "Policy",
    month: "MonthToDate",
    now: "datetime",
) -> "Spend":
    from dataclasses import replace
    from datetime import timedelta

    from budget_gate.domain.prices import PriceBook
    from budget_gate.domain.pricing import price_usage
    from budget_gate.domain.spend import Note
    from budget_gate.sources.documents import load_price_book

    book = PriceBook(load_price_book()).with_policy(policy.prices)
    usage = _read_usage(flags, settings, month, book)
    if month.as_of > now + timedelta(minutes=5):
        message = "The time to judge at lies in the future: its usage is not known yet."
        usage = replace(usage, notes=(Note("warning", "as_of_in_future", message), *usage.notes))
    return price_usage(usage, book, unknown_model=policy.spend.unknown_model)


def _read_usage(
    flags: "Namespace", settings: "Settings", month: "MonthToDate", book: "PriceBook"
) -> "Usage":
    from pathlib import Path

    from budget_gate.errors import ConfigurationError, UnverifiedError

    if flags.usage:
        from budget_gate.sources.saved_report import read_saved_usage

        workspaces = Path(flags.workspaces) if flags.workspaces else None
        return read_saved_usage(
            [Path(file) for file in flags.usage], workspaces, month, partial=flags.partial
        )
    if flags.workspaces or flags.partial:
        raise ConfigurationError(
            "--workspaces and --partial go with --usage", "add --usage FILE, or leave them out"
        )
    secret = settings.admin_key or settings.auth_token
    if secret is None:
        raise UnverifiedError(
            "There is no credential",
            "Set ANTHROPIC_ADMIN_KEY to an Admin key of the organization (in a workflow: from a "
            "secret; a pull request from a fork has none)",
            code="no_credential",
        )
    from budget_gate.sources.transport import Credential, Transport
    from budget_gate.sources.usage_report import read_usage

    credential = Credential(secret.get_secret_value(), is_token=settings.admin_key is None)
    transport = Transport(settings.base_url, credential, deadline=settings.deadline)
    return read_usage(transport, month, book)


def _publish(report: "Report", policy: str, settings: "Settings") -> None:
    """Prints the report and writes it wherever the settings say."""
    from pathlib import Path

    from budget_gate.outputs.files import append, write_whole
    from budget_gate.outputs.json import render_json
    from budget_gate.outputs.markdown import render_markdown
    from budget_gate.outputs.text import render_text

    match settings.format:
        case "text":
            plain = settings.no_color or settings.terminal == "dumb"
            text = render_text(report, policy, colour=sys.stdout.isatty() and not plain)
        case "markdown":
            text = render_markdown(report, policy)
        case "json":
            text = render_json(report)
    _print(_without_secrets(text, settings))
    if settings.report:
        write_whole(Path(settings.report), _without_secrets(render_json(report), settings))
    if not settings.in_github_actions:
        return
    from budget_gate.outputs.github import render_annotations, render_outputs

    sys.stderr.write(_without_secrets(render_annotations(report, policy), settings))
    if settings.step_output:
        outputs = render_outputs(report, settings.report or "")
        append(Path(settings.step_output), _without_secrets(outputs, settings))
    if settings.step_summary:
        summary = _without_secrets(render_markdown(report, policy), settings)
        append(Path(settings.step_summary), summary)


def _explain(error: "ConfigurationError", settings: "Settings | None") -> None:
    """Says on stderr, and where GitHub shows it, what is wrong with the configuration."""
    from pathlib import Path

    from budget_gate.errors import ConfigurationError
    from budget_gate.outputs.files import append
    from budget_gate.outputs.github import render_problems
    from budget_gate.outputs.markdown import render_configuration_error
    from budget_gate.outputs.text import render_error

    _say(render_error(error), settings)
    if settings is None or not settings.in_github_actions:
        return
    sys.stderr.write(_without_secrets(render_problems(error), settings))
    if settings.step_summary:
        summary = _without_secrets(render_configuration_error(error), settings)
        try:
            append(Path(settings.step_summary), summary)
        except ConfigurationError as unwritable:
            _say(render_error(unwritable), settings)


def _without_secrets(text: str, settings: "Settings | None") -> str:
    """`text` with every credential blotted out, should an answer have echoed one."""
    for secret in settings.secrets if settings else ():
        text = text.replace(secret, "***")
    return text


def _say(text: str, settings: "Settings | None") -> None:
    sys.stderr.write(_without_secrets(text.rstrip("\n"), settings) + "\n")


def _print(text: str) -> None:
    """Prints the report; a reader that has gone away changes nothing of the verdict."""
    import os

    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nor may the interpreter's own flush at exit fail and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
