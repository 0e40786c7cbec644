"""Tells the channels of the policy what is news, and the report what became of that."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Final, NamedTuple

from budget_gate.delivery.results import say
from budget_gate.delivery.secrets import blotted
from budget_gate.delivery.webhooks import DEADLINE, Post, send
from budget_gate.domain.address import webhook_fault
from budget_gate.domain.notes import Note
from budget_gate.domain.period import format_instant
from budget_gate.domain.policy.model import PolicyFile
from budget_gate.domain.policy.warnings import Notify
from budget_gate.domain.verdict.earlier import EarlierReport, are_different
from budget_gate.domain.verdict.report import Report, Told
from budget_gate.domain.verdict.telling import Event, event_of, new_in, told_after
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.report.headline import plain_headline
from budget_gate.outputs.report.json import document_of
from budget_gate.outputs.report.links import Links
from budget_gate.outputs.report.slack import render_slack, render_slack_test
from budget_gate.settings import Settings

TEST_SCHEMA: Final = "budget-gate/test/v1"


class _Channel(NamedTuple):
    """A channel by its name, the variable of its address, and that, or why there is none."""

    name: str
    variable: str
    url: str
    fault: str


def notify(
    report: Report, file: PolicyFile, settings: Settings, earlier: EarlierReport | Note | None
) -> Report:
    """`report` with what the channels of the policy know, once they are told what is news.

    `earlier` is the last report, by which that is judged. What cannot be posted is a warning, and
    never changes the verdict.
    """
    told = None
    if isinstance(earlier, EarlierReport) and not are_different(
        earlier.organization, report.organization
    ):
        told = earlier.told
    # Neither a time of one's choice nor what is only reserved is news to others; and whoever ends
    # a run is told by it, and waits for no channel.
    is_stopped = any(note.code == "interrupted" for note in report.notes)
    if settings.fixed_time or report.month.is_whole or settings.reserve or is_stopped:
        return report._replace(told=told or {})
    if told and isinstance(earlier, EarlierReport) and earlier.month != report.period.start:
        # A month begins at 0: what is over its cap again is news.
        told = {name: it._replace(budgets={}) for name, it in told.items()}
    return _told(report, file, settings, told)


def _told(
    report: Report, file: PolicyFile, settings: Settings, earlier: Mapping[str, Told] | None
) -> Report:
    rules, policy = file.policy.notify, file.source.file
    channels = _channels(rules, settings)
    if not channels:
        return report
    notes, known, after = list[Note](), dict(earlier or {}), dict[str, Told]()
    remind = timedelta(hours=rules.remind) if rules.remind else None
    events = {it.name: event_of(report, known.get(it.name), remind) for it in channels}
    due = [it for it in channels if events[it.name] and not it.fault]
    posts = [
        _post(it, report, policy, settings, (events[it.name], known.get(it.name))) for it in due
    ]
    failures = _sent(due, posts)
    for it in channels:
        told, event = known.get(it.name), events[it.name]
        why = it.fault or failures.get(it.name, "")
        if why and (event or it.fault):
            what = (
                f"The change was not posted to {it.name}"
                if event
                else f"Nothing can be posted to {it.name}"
            )
            notes.append(Note("warning", "not_posted", f"{what}: {why}."))
            say(f"warning: {plain(notes[-1].message)}", settings)
        knows = told_after(report, told, is_posted=bool(event), failed=bool(event and why))
        if knows:
            after[it.name] = knows
    if earlier is None and any(events.values()):
        message = (
            "There is no last report to compare with, so every run that is not ok is posted. Keep "
            "the JSON report and name it with --last-report, so that only changes are."
        )
        notes.append(Note("info", "posted_anew", message))
    return report._replace(told=after, notes=(*report.notes, *notes))


def send_test(rules: Notify, settings: Settings) -> list[tuple[str, str]]:
    """Posts a test message to each channel: its name, and why that failed; empty for success."""
    channels = _channels(rules, settings)
    due = [it for it in channels if not it.fault]
    told = render_slack_test()
    body = {"schema": TEST_SCHEMA, "message": told["text"]}
    posts = [Post(it.url, told if it.name == "slack" else body) for it in due]
    failures = _sent(due, posts)
    return [(it.name, it.fault or failures[it.name]) for it in channels]


def faults(rules: Notify, settings: Settings) -> list[tuple[str, str]]:
    """Each channel's name, and why nothing can be posted to it; empty where something can."""
    return [(it.name, it.fault) for it in _channels(rules, settings)]


def _sent(channels: Sequence[_Channel], posts: Sequence[Post]) -> dict[str, str]:
    """Why each post failed, by its channel; empty for one that was taken."""
    names = [channel.name for channel in channels]
    return dict(zip(names, send(posts, DEADLINE), strict=True))


def _channels(rules: Notify, settings: Settings) -> list[_Channel]:
    named = {
        "slack": rules.slack and rules.slack.webhook_env,
        "webhook": rules.webhook and rules.webhook.url_env,
    }
    found = []
    for name, variable in named.items():
        if variable:
            url = settings.secret_address(variable)
            fault = webhook_fault(url) if url else "is not set"
            found.append(_Channel(name, variable, url, fault and f"{variable} {fault}"))
    return found


def _post(
    channel: _Channel,
    report: Report,
    policy: str,
    settings: Settings,
    news: tuple[Event | None, Told | None],
) -> Post:
    event, told = news
    report = blotted(report, settings.secrets)
    if channel.name == "slack":
        links = Links(settings.server, settings.repository, settings.commit, settings.run_id)
        new = new_in(report, told)
        return Post(channel.url, render_slack(report, policy, links, event or "worse", new=new))
    # The same for a post that the next run tries again, as nobody knows whether it was taken.
    state = told_after(report, None, is_posted=True, failed=False)
    about = (
        policy,
        [(it.id, str(it.cap)) for it in report.budgets],
        report.organization,
        format_instant(report.period.start),
        event,
        told and format_instant(told.at),
        state and (state.status, sorted(state.budgets.items()), sorted(state.alerts)),
    )
    key = sha256(repr(about).encode()).hexdigest()
    body = document_of(report, plain_headline(report, policy))
    return Post(channel.url, body, {"idempotency-key": key})
