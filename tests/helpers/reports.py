"""Values of the report for the tests of its renderers, and texts that try to be more than text."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from budget_gate.domain.notes import Note
from budget_gate.domain.period import MonthToDate
from budget_gate.domain.spend import Coverage, PriceFacts
from budget_gate.domain.verdict.report import DaySpend, ModelSpend, Report, WorkspaceSpend
from budget_gate.domain.verdict.results import BudgetResult, Driver, LiveException, Status
from tests.helpers.builders import bounds

NOW: Final = datetime(2026, 11, 22, 16, tzinfo=UTC)
MONTH: Final = MonthToDate(NOW)

# What a name, a model or a message of somebody else may hold to become more than text.
HOSTILE: Final = (
    "a|b|c",
    "a\\|b\\",
    "`code` ``more`` ```",
    "line\nbreak\r\nand\rreturn",
    "x\n::error::pwned",
    "::stop-commands::token",
    "##[error]pwned",
    "####[[stop-commands]token",
    "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "</details></summary><!-- ",
    "[click](https://evil.example) ![see](https://evil.example/x.png)",
    "https://evil.example www.evil.example <https://evil.example> someone@evil.example",
    "[a]: https://evil.example",
    "@octocat @org/team #1 ~~gone~~ **loud** _soft_ $x$",
    "${{ secrets.ANTHROPIC_ADMIN_KEY }}",
    "\x1b[31mred\x1b[0m\x07\x08\x00\x9b2J",
    "\u202eexe.gnp\u2066\u200b\u200f\ufeff",
    "\u2028::error::x\u2029::error::x\x85::error::x\v\f",
    "&lt;b&gt; &#64; &amp;",
    "\ud800 alone",
    "- item\n# title\n> quote\n| - |",
    "%0A::error::pwned%0D",
    "x" * 10_000,
    "|" * 10_000,
    " ",
    "",
)


def make_budget(
    name: str = "production",
    spend: str = "5",
    cap: str | None = "10",
    *,
    high: str | None = None,
    status: Status = "ok",
    **changes: Any,
) -> BudgetResult:
    """A budget in line 4 of the policy; `changes` are fields of it."""
    result = BudgetResult(
        id=f"workspaces.{name}",
        name=name,
        cap=None if cap is None else Decimal(cap),
        warn_at=(Decimal("0.8"),),
        spend=bounds(spend, high),
        status=status,
        reason="spend is what it is",
        line=4,
    )
    return result._replace(**changes)


def make_report(status: Status = "ok", *budgets: BudgetResult, **changes: Any) -> Report:
    """A report on 22 November 2026; `changes` are fields of it."""
    report = Report(
        status=status,
        enforced=True,
        as_of=NOW,
        period=MONTH.period,
        spend=bounds("5"),
        cap=next((budget.cap for budget in budgets if budget.id == "global"), None),
        budgets=budgets,
        coverage=Coverage(through=NOW, closed_days=21, open_day=True),
        prices=PriceFacts(date(2026, 11, 20), ()),
    )
    return report._replace(**changes)


def hostile_report(text: str, status: Status = "breached") -> Report:
    """A report in which everything that a third party words is `text`."""
    exception = LiveException(Decimal(8), date(2026, 11, 30), reason=text, approved_by=text)
    results = (
        make_budget(text, "12", status="breached", exception=exception),
        make_budget(text, "9", high="11", status="uncertain"),
        make_budget(text, "9", status="warning"),
        make_budget(text, "1", None, status="warning"),
        make_budget(text, "1"),
    )
    return make_report(
        status,
        *results,
        workspaces=(
            WorkspaceSpend("wrkspc_01EXAMPLE", text, archived=True, spend=bounds("3")),
            WorkspaceSpend(None, "default workspace", archived=False, spend=bounds("2")),
        ),
        models=(ModelSpend(text, bounds("3")), ModelSpend(None, bounds("2"))),
        days=(DaySpend(date(2026, 11, 1), bounds("3")), DaySpend(date(2026, 11, 2), bounds("2"))),
        notes=(Note("error", "unpriced", text), Note("info", "range", text)),
        previous_as_of=NOW,
        drivers=(Driver(text, text, Decimal(2), Decimal(1)),),
    )


def large_report(count: int) -> Report:
    """A report with `count` budgets, workspaces and models, all of them breached or spent on."""
    names = [f"team-{number:05d}-{'x' * 80}" for number in range(count)]
    return make_report(
        "breached",
        *(make_budget(name, "12", status="breached") for name in names),
        workspaces=tuple(
            WorkspaceSpend(f"wrkspc_{name}", name, archived=False, spend=bounds("12"))
            for name in names
        ),
        models=tuple(ModelSpend(name, bounds("12")) for name in names),
        notes=tuple(Note("warning", "note", f"{name} {'&' * 1000}") for name in names),
    )
