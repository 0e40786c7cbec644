"""What GitHub Actions reads of a run: step outputs and annotations, escaped for the runner."""

from collections.abc import Sequence
from uuid import uuid4

from budget_gate.domain.bounds import exact
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.errors import ConfigurationError, as_sentence
from budget_gate.outputs.escaping import NAME_LENGTH, command, dumped, plain
from budget_gate.outputs.report.causes import in_ledger, main_cause
from budget_gate.outputs.report.headline import (
    caveats,
    further_alerts,
    state,
    told_first,
    unenforced,
)
from budget_gate.outputs.report.sentences import spent_of_cap, why

# GitHub shows no more of a kind in a step.
MOST_ANNOTATIONS = 10

_TITLE = "budget-gate"
_CHANGED = {None: "", "same": "false", "worse": "worse", "better": "better"}
_LEVELS = {"breached": "error", "uncertain": "error", "warning": "warning"}


def render_outputs(report: Report, report_path: str, headline: str) -> str:
    """The step's outputs for the file `GITHUB_OUTPUT`; `report_path` is that of the JSON report.

    `headline` is the verdict in one line.

    Every value stands between delimiters that it cannot contain.
    """
    verified = report.status != "unverified"
    breached = [budget.id for budget in report.budgets if budget.status == "breached"]
    undecided = [
        it.id for it in report.budgets if not it.decides and it.status in ("breached", "uncertain")
    ]
    values = {
        "status": report.status,
        "enforced": "true" if report.enforced else "false",
        # What was spent at least, as only that is certain.
        "spend-usd": exact(report.spend.low) if verified and report.spend else "",
        "basis": report.basis,
        "cap-usd": "" if report.cap is None else exact(report.cap),
        "breached": dumped(breached),
        "not-enforced": dumped(undecided),
        "report": report_path,
        "headline": headline,
        "changed": _CHANGED[report.shift],
        "breached-names": dumped(
            [plain(it.name, NAME_LENGTH) for it in report.budgets if it.status == "breached"]
        ),
    }
    delimiter = f"end-{uuid4()}"
    return "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())


def render_annotations(report: Report, policy: str) -> str:
    """A workflow command for each budget that is not ok, at its line, and for spend not known.

    First comes what a verdict is told with, and alerts come last. `policy` is the policy file as
    the repository knows it. At most 10, the rest counted.
    """
    # What time is judged goes before all that is said of it.
    leading = [report.leading_alert.note] if report.leading_alert else []
    commands = [
        _command("warning", it.message, title=_TITLE) for it in (*told_first(report), *leading)
    ]
    told = " ".join(note.message for note in caveats(report))
    if told:
        commands.append(_command("notice", told, file=policy, title=_TITLE))
    if report.status == "unverified" or not report.enforced:
        level = "error" if report.enforced else "warning"
        reason = next((note.message for note in report.notes if note.level == "error"), "")
        what = state(report.status).capitalize()
        if report.status == "unverified" and reason:
            what = f"{what}: {reason}"
        else:
            what = f"{what}. {as_sentence(reason)}".rstrip()
        commands.append(_command(level, f"{unenforced(report)}{what}", title=_TITLE))
    notable = [budget for budget in report.budgets if budget.status in _LEVELS]
    commands += [_annotation(budget, policy, report) for budget in notable]
    commands += [_command("warning", it.message, title=_TITLE) for it in further_alerts(report)]
    return _capped(commands)


def render_problems(error: ConfigurationError) -> str:
    """A workflow command for each defect of a document, or one for an error without a place."""
    return _capped(
        [
            _command(
                "error",
                f"{problem.key}: {problem.message}. {problem.remedy}".removeprefix(": "),
                file=error.file,
                line=str(problem.line),
                col=str(problem.column),
                title=_TITLE,
            )
            for problem in error.problems
        ]
        or [_command("error", error.told, title=_TITLE)]
    )


def render_warnings(told: Sequence[tuple[str, int]], policy: str) -> str:
    """A workflow command for each sentence at its line of the policy; at most 10, the rest counted.

    Line 0 is the policy as a whole.
    """
    return _capped(
        [
            _command(
                "warning",
                sentence,
                file=policy,
                title=_TITLE,
                **({"line": str(line)} if line else {}),
            )
            for sentence, line in told
        ]
    )


def render_mask(secret: str) -> str:
    """The workflow command that keeps `secret` out of the log from here on."""
    return command("add-mask", secret)


def _annotation(budget: BudgetResult, policy: str, report: Report) -> str:
    # An error would be taken for the reason of a failure that there was not.
    level = _LEVELS[budget.status] if report.enforced and budget.decides else "warning"
    name = plain(budget.name, NAME_LENGTH)
    when = f"In {report.month.day:%B %Y}, " if report.month.is_whole else ""
    reason = f": {why(budget)}" if why(budget) else ""
    cause = in_ledger(budget, report) or main_cause(
        budget, report, lambda text: plain(text, NAME_LENGTH)
    )
    message = f"{when}{name} has spent {spent_of_cap(budget, report)}{reason}. {cause}".rstrip()
    if not budget.decides:
        message += " Not checked here."
    title = f"{_TITLE}: {name}"
    return _command(level, message, file=policy, line=str(budget.line), title=title)


def _capped(commands: Sequence[str]) -> str:
    if len(commands) > MOST_ANNOTATIONS:
        rest = len(commands) - MOST_ANNOTATIONS + 1
        commands = [
            *commands[: MOST_ANNOTATIONS - 1],
            _command("warning", f"{rest} more are in the step's summary and log.", title=_TITLE),
        ]
    return "".join(commands)


def _command(level: str, message: str, **properties: str) -> str:
    return command(level, plain(message, 1000), **properties)
