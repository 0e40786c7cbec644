"""Tells a result, or what went wrong, on the streams, in the files and to GitHub Actions."""

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from budget_gate import signals
from budget_gate.delivery.files import append, write_whole
from budget_gate.delivery.secrets import blotted, without_secrets
from budget_gate.delivery.streams import is_file, is_terminal, width, write
from budget_gate.domain.notes import Note
from budget_gate.domain.verdict.report import Report
from budget_gate.errors import ConfigurationError
from budget_gate.exits import CONFIGURATION_WRONG, OK
from budget_gate.outputs.escaping import plain
from budget_gate.outputs.report.badge import is_badge, render_badge, render_no_verdict
from budget_gate.outputs.report.github import (
    render_annotations,
    render_mask,
    render_outputs,
    render_problems,
)
from budget_gate.outputs.report.headline import plain_headline
from budget_gate.outputs.report.json import render_json
from budget_gate.outputs.report.links import Links
from budget_gate.outputs.report.markdown import render_configuration_error, render_markdown
from budget_gate.outputs.report.text import render_error, render_text
from budget_gate.settings import Settings, Surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.domain.offline import PolicyCheck

Found = TypeVar("Found")


class _Renderers(NamedTuple):
    """What a run came to, for each place that it is told in; `headline` is it in one line.

    `badge` is that of a run which ends in the exit code that it is given.
    """

    headline: str
    text: Callable[[bool, int | None], str]
    markdown: Callable[[], str]
    json: Callable[[], str]
    annotations: Callable[[], str]
    badge: Callable[[int], str] | None = None


def mask(settings: Settings) -> None:
    """Tells GitHub Actions which texts its log must never show, once each is known."""
    # A file would keep what the runner takes out of a log.
    if settings.in_github_actions and not is_file(sys.stderr):
        settings.secrets.tell(lambda secret: write(sys.stderr, render_mask(secret)))


def deliver(tell: Callable[[], None], exit_code: int, settings: Settings) -> int:
    """Tells a result whole, whatever signal comes; its exit code, but 2 for 0 where any is lost."""
    signals.ignore()
    try:
        tell()
    except ConfigurationError as error:
        explain(error, settings)
        return exit_code or CONFIGURATION_WRONG
    return exit_code


def publish(
    report: Report, policy: str, settings: Settings, *, exit_code: int, quiet: bool = False
) -> None:
    """Prints the report and writes it wherever the settings say; `policy` is the policy file.

    `exit_code` is what the run ends in, unless a part of this is lost; `quiet` prints no more than
    the verdict, in one line. Raises ConfigurationError as `_tell` does.
    """
    report = blotted(report, settings.secrets)
    links = Links(settings.server, settings.repository, settings.commit, settings.run_id)
    verdict = plain_headline(report, policy)
    _tell(
        _Renderers(
            verdict,
            lambda colour, width: (
                f"{verdict}\n" if quiet else render_text(report, policy, colour=colour, width=width)
            ),
            partial(render_markdown, report, policy, links),
            partial(render_json, report, policy),
            partial(render_annotations, report, policy),
            lambda lost: render_badge(report, exit_code or lost),
        ),
        report,
        settings,
    )


def publish_policy_check(
    check: "PolicyCheck", policy: str, settings: Settings, *, quiet: bool = False
) -> None:
    """The same for a policy that was checked without any spend."""
    from budget_gate.outputs.policy_check import (
        policy_headline,
        render_policy_annotations,
        render_policy_json,
        render_policy_markdown,
        render_policy_text,
    )

    check = blotted(check, settings.secrets)
    headline = policy_headline(check)
    _tell(
        _Renderers(
            headline,
            lambda colour, width: (
                f"{headline}\n"
                if quiet
                else render_policy_text(check, policy, colour=colour, width=width)
            ),
            partial(render_policy_markdown, check, policy),
            partial(render_policy_json, check, policy),
            partial(render_policy_annotations, check, policy),
        ),
        check.report,
        settings,
    )


def _tell(render: _Renderers, report: Report, settings: Settings) -> None:
    """Prints what a run came to, and writes it wherever the settings say.

    Raises ConfigurationError where any of these cannot be written, once all others are.
    """
    match settings.format:
        case "text":
            text = render.text(_has_colour(settings), width(sys.stdout))
        case "markdown":
            text = render.markdown()
        case "json":
            text = render.json()
    ways: list[Callable[[], object]] = [partial(publish_text, text, settings)]
    files: list[tuple[Callable[[Path, str], None], str | None, str]] = []
    if settings.in_github_actions:
        told = without_secrets(render.annotations(), settings)
        ways.append(partial(write, sys.stderr, told))
        outputs = render_outputs(report, settings.report or "", render.headline)
        files = [
            (append, settings.step_output, outputs),
            (append, settings.step_summary, "\n" + render.markdown()),
        ]
    if settings.report:
        files.append((write_whole, settings.report, render.json()))
    ways += [
        partial(put, Path(name), without_secrets(content, settings))
        for put, name, content in files
        if name
    ]
    failed = _tried(ways)
    if settings.badge and render.badge:
        # Last, as it must not be green where any of the others is lost.
        badge = render.badge(CONFIGURATION_WRONG if failed else OK)
        told = without_secrets(badge, settings)
        failed = _tried([partial(write_whole, Path(settings.badge), told)]) or failed
    if failed:
        raise failed


def _tried(ways: Sequence[Callable[[], object]]) -> ConfigurationError | None:
    """Goes every way, whatever becomes of the others; the first error, if there is one."""
    failed = None
    for tell in ways:
        try:
            tell()
        except ConfigurationError as error:
            failed = failed or error
    return failed


def retract_badge(settings: Surroundings) -> None:
    """Has the badge of a run without a verdict say so; what stands there and is none is left."""
    if not settings.badge:
        return
    path = Path(settings.badge)
    try:
        if not path.exists() or (path.is_file() and is_badge(path.read_text(encoding="utf-8"))):
            write_whole(path, render_no_verdict())
    except (ConfigurationError, OSError, ValueError) as error:
        if os.path.lexists(path):
            say(f"budget-gate: the badge {path} may be an old one: {error}", settings)


def _has_colour(settings: Surroundings) -> bool:
    if settings.no_color:
        return False
    return bool(settings.force_color) or (is_terminal(sys.stdout) and settings.terminal != "dumb")


def publish_found(
    found: Found, renderers: Mapping[str, Callable[[Found], str]], settings: Settings
) -> None:
    """Prints what a command found, by the renderer of the format that is set.

    Raises ConfigurationError where that is lost.
    """
    publish_text(renderers[settings.format](blotted(found, settings.secrets)), settings)


def publish_text(text: str, settings: Settings) -> None:
    """Prints what a command made.

    Raises ConfigurationError where that is lost; not where its reader has had enough.
    """
    lost = write(sys.stdout, without_secrets(text, settings))
    if lost and not isinstance(lost, BrokenPipeError):
        raise ConfigurationError(
            f"stdout cannot be written: {lost.strerror or lost}",
            "make room where it goes, or send it elsewhere",
        )


def explain(error: ConfigurationError, settings: Surroundings) -> None:
    """Says on stderr, and where GitHub shows it, what is wrong with the configuration."""
    say(render_error(error, width(sys.stderr)), settings)
    if not settings.in_github_actions:
        return
    write(sys.stderr, without_secrets(render_problems(error), settings))
    if settings.step_summary:
        summary = without_secrets("\n" + render_configuration_error(error), settings)
        try:
            append(Path(settings.step_summary), summary)
        except ConfigurationError as unwritable:
            say(render_error(unwritable, width(sys.stderr)), settings)


def say_warnings(notes: Iterable[Note], settings: Settings) -> None:
    """Says on stderr the notes of a run that are more than information."""
    for note in notes:
        if note.level != "info":
            say(f"{note.level}: {plain(note.message)}", settings)


def say(text: str, settings: Surroundings) -> None:
    """Says something on stderr, the report being on stdout."""
    write(sys.stderr, without_secrets(text.rstrip("\n"), settings) + "\n")
