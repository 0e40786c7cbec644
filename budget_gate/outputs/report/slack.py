"""The verdict as a message for Slack's incoming webhooks: blocks, and a plain text for lists."""

import re
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any, Final

from budget_gate.domain.notes import enumerated
from budget_gate.domain.period import on_day
from budget_gate.domain.verdict.report import Report
from budget_gate.domain.verdict.results import STATUSES, BudgetResult
from budget_gate.domain.verdict.telling import Event
from budget_gate.outputs.escaping import MESSAGE_LENGTH, NAME_LENGTH, Escape, plain
from budget_gate.outputs.report.basis import covered_time
from budget_gate.outputs.report.causes import culprits
from budget_gate.outputs.report.headline import headline, state
from budget_gate.outputs.report.icons import ICONS
from budget_gate.outputs.report.links import CONSOLE, Links
from budget_gate.outputs.report.sentences import spent_of_cap

# What Slack takes at most, in characters, as its reference for blocks says (November 2026).
MOST_TEXT: Final = 3000
MOST_BUDGETS: Final = 5
MOST_ALERTS: Final = 3
# Of all blocks together it takes some 12,000, which the reference does not say.
_MOST_BUDGET: Final = 1000
_MOST_ALERTS: Final = 2000
_MOST_FOOTER: Final = 1000

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "@": "@\u200b"}
_SPECIAL: Final = re.compile("[&<>@]")
# There is no escape for these: a letter that looks alike stands in their place.
_MARKS: Final = {
    "*": "\N{ASTERISK OPERATOR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
    "~": "\N{TILDE OPERATOR}",
    "`": "\N{MODIFIER LETTER PRIME}",
    ":": "\N{RATIO}",
}
# An underscore within a word is none, and a colon only before what may be the name of an emoji.
_MARK: Final = re.compile(r"[*~`]|(?<![^\W_])_|_(?![^\W_])|:(?=[^\s:]+:)")


def render_slack(
    report: Report, policy: str, links: Links, event: Event, *, new: Collection[str] = ()
) -> dict[str, Any]:
    """The message on a report, decoded JSON; `policy` is the policy file.

    `new` are the ids of budgets and the keys of alerts that the channel does not know: they stand
    first, and the title is about them.

    A third party's text makes no link, no mention and no markup of a name.
    """

    def place(line: int) -> str:
        address, shown = links.policy(policy, line), f"{policy}:{line}"
        return _link(address, shown) if address else slack_name(shown)

    verdict = headline(report, place, name=slack_name, prose=slack_text)
    fallback = headline(
        report,
        lambda line: slack_text(f"{policy}:{line}"),
        name=partial(slack_text, length=NAME_LENGTH),
        prose=slack_text,
    )
    blocks = [
        {
            "type": "header",
            "text": {"type": "plain_text", "text": _title(report, event, new), "emoji": False},
        },
        *([_section(_news(report, new, slack_name))] if _news(report, new, slack_name) else []),
        _section(verdict),
    ]
    worst = [it for it in report.budgets if it.status != "ok"]
    worst = sorted(worst, key=lambda it: it.id not in new)[:MOST_BUDGETS]
    blocks += [_section("\n".join(_budget(it, report)), _MOST_BUDGET) for it in worst]
    alerts = [it for it in report.alerts if it is not report.leading_alert]
    alerts = sorted(alerts, key=lambda it: it.key not in new)[:MOST_ALERTS]
    if alerts:
        told = "\n".join(f"• {slack_text(it.message)}" for it in alerts)
        blocks.append(_section(told, _MOST_ALERTS))
    footer = _text(_footer(report, policy, links), _MOST_FOOTER)
    blocks.append({"type": "context", "elements": [footer]})
    # What a phone shows, and a list of channels.
    lead = _news(report, new, partial(slack_text, length=NAME_LENGTH)) or _lead(report, event)
    fallback = f"{ICONS[report.status]} {lead} {fallback}".replace("  ", " ")
    return {"text": _cut(fallback, MOST_TEXT), "blocks": blocks, "unfurl_links": False}


def render_slack_test() -> dict[str, Any]:
    """The message of a test, which says that nothing has happened."""
    told = "A test message of budget-gate: changes of the verdict will be posted here."
    return {"text": told, "blocks": [_section(told)]}


def slack_text(text: str, length: int = MESSAGE_LENGTH) -> str:
    """A third party's text for Slack: nothing in it is markup, an emoji, a link or a mention."""
    shown = _MARK.sub(lambda found: _MARKS[found[0]], plain(text, length))
    return _SPECIAL.sub(lambda found: _ENTITIES[found[0]], shown)


def slack_name(text: str) -> str:
    """A third party's name as code, where Slack makes nothing of markup or emoji."""
    shown = plain(text, NAME_LENGTH).replace("`", "\N{MODIFIER LETTER PRIME}")
    return f"`{_SPECIAL.sub(lambda found: _ENTITIES[found[0]], shown) or ' '}`"


def _news(report: Report, new: Collection[str], name: Escape) -> str:
    """What is new beside what is known already; empty where that is all there is to say."""
    fresh = [it for it in report.budgets if it.id in new]
    known = [it for it in report.budgets if it.decides and it.status != "ok" and it.id not in new]
    if not (fresh and known):
        return ""
    told = [f"{name(it.name)} ({it.status}) {spent_of_cap(it, report)}" for it in fresh]
    return f"New: {enumerated(told, MOST_BUDGETS)}."


def _title(report: Report, event: Event, new: Collection[str]) -> str:
    icon, now = ICONS[report.status], state(report.status)
    fresh = [it.status for it in report.budgets if it.id in new]
    if event == "worse" and fresh and report.status not in (*fresh, "unverified"):
        worst = max(fresh, key=STATUSES.index)
        return f"{ICONS[worst]} budget-gate: new {state(worst)}, and still {now}"
    if event == "recovered":
        now = "within budget again" if report.status == "ok" else f"no longer red: {now}"
    if event == "reminder":
        since = min((it.since for it in _worst(report) if it.since), default=None)
        now = f"still {now} since {on_day(since)}" if since else f"still {now}"
    return f"{icon} budget-gate: {now}"


def _lead(report: Report, event: Event) -> str:
    if event == "recovered":
        return "Recovered. " if report.status == "ok" else "No longer red. "
    return "Reminder. " if event == "reminder" else ""


def _worst(report: Report) -> list[BudgetResult]:
    return [it for it in report.budgets if it.decides and it.status == report.status]


def _budget(budget: BudgetResult, report: Report) -> Iterator[str]:
    """A budget with its spend and what that is mostly of."""
    icon, name = ICONS[budget.status], slack_name(budget.name)
    yield f"{icon} {name}: {spent_of_cap(budget, report)}"
    for cause in culprits(budget, report, slack_name):
        yield f"      {cause}"


def _footer(report: Report, policy: str, links: Links) -> str:
    address = links.policy(policy, 1)
    parts = [slack_text(covered_time(report))]
    parts += [_link(links.run, "This run and its notes")] if links.run else []
    parts += [_link(address, policy)] if address else [slack_text(policy)]
    return " · ".join([*parts, _link(CONSOLE, "Usage in the Console")])


def _link(address: str, shown: str) -> str:
    return f"<{address}|{slack_text(shown).replace('|', chr(0xA6))}>"


def _section(text: str, most: int = MOST_TEXT) -> dict[str, Any]:
    return {"type": "section", "text": _text(text, most)}


def _text(text: str, most: int) -> dict[str, Any]:
    # Verbatim, Slack makes no links of what merely looks like an address or a channel.
    return {"type": "mrkdwn", "text": _cut(text, most), "verbatim": True}


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    text = text[: most - 1]
    if text.count("`") % 2:
        text = text[: text.rindex("`")]
    for begins, ends in ("<>", "&;"):
        if text.rfind(begins) > text.rfind(ends):
            text = text[: text.rindex(begins)]
    return text + "\N{HORIZONTAL ELLIPSIS}"
