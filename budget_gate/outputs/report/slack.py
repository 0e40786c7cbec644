"""The verdict as a message for Slack's incoming webhooks: blocks, and a plain text for lists."""

import re
from collections.abc import Iterator
from typing import Any, Final

from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import BudgetResult
from budget_gate.domain.verdict.telling import Event
from budget_gate.outputs.escaping import NAME_LENGTH, plain
from budget_gate.outputs.report.basis import covered_time
from budget_gate.outputs.report.causes import culprits
from budget_gate.outputs.report.headline import headline, state
from budget_gate.outputs.report.icons import ICONS
from budget_gate.outputs.report.links import CONSOLE, Links
from budget_gate.outputs.report.sentences import spent_of_cap

# What Slack takes at most, in characters, as its reference for blocks says (November 2026).
MOST_HEADER: Final = 150
MOST_TEXT: Final = 3000
MOST_BUDGETS: Final = 5
MOST_ALERTS: Final = 3

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"}
_SPECIAL: Final = re.compile("[&<>@]")
# What may be cut off in the midst.
_BROKEN: Final = re.compile(r"(&[a-z]{0,4}|<[^>]*|`[^`]*)$")


def render_slack(report: Report, policy: str, links: Links, event: Event) -> dict[str, Any]:
    """The message on a report, decoded JSON; `policy` is the policy file.

    A third party's text makes no link, no mention and no markup of a name.
    """

    def place(line: int) -> str:
        address = links.policy(policy, line)
        shown = slack_text(f"{policy}:{line}")
        return f"<{address}|{shown}>" if address else f"`{shown}`"

    verdict = headline(report, place, name=slack_name, prose=slack_text)
    fallback = headline(
        report, lambda line: slack_text(f"{policy}:{line}"), name=slack_text, prose=slack_text
    )
    blocks = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _title(report, event), "emoji": False},
        },
        _section(verdict),
    ]
    worst = [it for it in report.budgets if it.status != "ok"][:MOST_BUDGETS]
    blocks += [_section("\n".join(_budget(it, report))) for it in worst]
    alerts = [it for it in report.alerts if it is not report.leading_alert][:MOST_ALERTS]
    if alerts:
        blocks.append(_section("\n".join(f"• {slack_text(it.message)}" for it in alerts)))
    blocks.append({"type": "context", "elements": [_text(_footer(report, policy, links))]})
    return {"text": _cut(fallback), "blocks": blocks}


def render_slack_test() -> dict[str, Any]:
    """The message of a test, which says that nothing has happened."""
    told = "A test message of budget-gate: this channel will be told when the verdict changes."
    return {"text": told, "blocks": [_section(told)]}


def slack_text(text: str) -> str:
    """A third party's text for Slack: nothing in it is a link, a mention or an entity."""
    return _SPECIAL.sub(lambda found: _ENTITIES[found[0]], plain(text))


def slack_name(text: str) -> str:
    """A third party's name as code, where Slack makes nothing of markup or emoji."""
    shown = plain(text, NAME_LENGTH).replace("`", "\N{MODIFIER LETTER PRIME}")
    return f"`{_SPECIAL.sub(lambda found: _ENTITIES[found[0]], shown) or ' '}`"


def _title(report: Report, event: Event) -> str:
    told = {"worse": "", "recovered": "no longer red: ", "reminder": "still "}[event]
    if report.status == "ok" and event == "recovered":
        return f"{ICONS['ok']} budget-gate: within budget again"
    return f"{ICONS[report.status]} budget-gate: {told}{state(report.status)}"[:MOST_HEADER]


def _budget(budget: BudgetResult, report: Report) -> Iterator[str]:
    """A budget with its spend and what that is mostly of."""
    icon, name = ICONS[budget.status], slack_name(budget.name)
    yield f"{icon} {name}: {spent_of_cap(budget, report)}"
    for cause in culprits(budget, report, slack_name):
        yield f"      {cause}"


def _footer(report: Report, policy: str, links: Links) -> str:
    address = links.policy(policy, 1)
    parts = [slack_text(covered_time(report))]
    parts += [f"<{links.run}|This run>"] if links.run else []
    parts += [f"<{address}|{slack_text(policy)}>"] if address else [slack_text(policy)]
    return " · ".join([*parts, f"<{CONSOLE}|Usage in the Console>"])


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": _text(text)}


def _text(text: str) -> dict[str, Any]:
    # Verbatim, Slack makes no links of what merely looks like an address or a channel.
    return {"type": "mrkdwn", "text": _cut(text), "verbatim": True}


def _cut(text: str) -> str:
    if len(text) <= MOST_TEXT:
        return text
    return _BROKEN.sub("", text[: MOST_TEXT - 1]) + "\N{HORIZONTAL ELLIPSIS}"
