"""Where a report and what goes wrong are told: the streams, the files and GitHub Actions."""

import os
import stat
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from budget_gate.domain.audit import Audit
from budget_gate.domain.report import Report
from budget_gate.errors import ConfigurationError
from budget_gate.outputs.files import append, write_whole
from budget_gate.outputs.github import (
    render_annotations,
    render_mask,
    render_outputs,
    render_problems,
)
from budget_gate.outputs.json import render_json
from budget_gate.outputs.markdown import render_configuration_error, render_markdown
from budget_gate.outputs.text import render_error, render_text
from budget_gate.settings import Settings, Surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from budget_gate.domain.doctor import Finding


def mask(settings: Settings) -> None:
    """Tells GitHub Actions which texts its log must never show."""
    # A file would keep what the runner takes out of a log.
    if settings.in_github_actions and not _is_file(sys.stderr):
        for secret in settings.secrets:
            _write(sys.stderr, render_mask(secret))


def publish(report: Report, policy: str, settings: Settings) -> None:
    """Prints the report and writes it wherever the settings say; `policy` is the policy file.

    Raises ConfigurationError where a file cannot be written, once all others are.
    """
    report = _blotted(report, settings.secrets)
    match settings.format:
        case "text":
            plain = settings.no_color or settings.terminal == "dumb"
            is_terminal = sys.stdout is not None and sys.stdout.isatty()
            text = render_text(report, policy, colour=is_terminal and not plain)
        case "markdown":
            text = render_markdown(report, policy)
        case "json":
            text = render_json(report)
    publish_text(text, settings)
    files: list[tuple[Callable[[Path, str], None], str | None, str]] = []
    if settings.in_github_actions:
        _write(sys.stderr, without_secrets(render_annotations(report, policy), settings))
        files = [
            (append, settings.step_output, render_outputs(report, settings.report or "")),
            (append, settings.step_summary, "\n" + render_markdown(report, policy)),
        ]
    if settings.report:
        files.append((write_whole, settings.report, render_json(report)))
    failed = None
    for write, name, content in files:
        try:
            if name:
                write(Path(name), without_secrets(content, settings))
        except ConfigurationError as error:
            failed = failed or error
    if failed:
        raise failed


def publish_audit(audit: Audit, settings: Settings) -> None:
    """Prints the audit."""
    from budget_gate.outputs.audit import (
        render_audit_json,
        render_audit_markdown,
        render_audit_text,
    )

    audit = _blotted(audit, settings.secrets)
    text = {
        "text": render_audit_text,
        "markdown": render_audit_markdown,
        "json": render_audit_json,
    }[settings.format](audit)
    publish_text(text, settings)


def publish_findings(findings: "Sequence[Finding]", settings: Settings) -> None:
    """Prints what the doctor found."""
    from budget_gate.outputs.doctor import render_findings

    findings = _blotted(tuple(findings), settings.secrets)
    publish_text(render_findings(findings), settings)


def publish_text(text: str, settings: Settings) -> None:
    """Prints what a command made."""
    _write(sys.stdout, without_secrets(text, settings))


def explain(error: ConfigurationError, settings: Surroundings) -> None:
    """Says on stderr, and where GitHub shows it, what is wrong with the configuration."""
    say(render_error(error), settings)
    if not settings.in_github_actions:
        return
    _write(sys.stderr, without_secrets(render_problems(error), settings))
    if settings.step_summary:
        summary = without_secrets("\n" + render_configuration_error(error), settings)
        try:
            append(Path(settings.step_summary), summary)
        except ConfigurationError as unwritable:
            say(render_error(unwritable), settings)


def say(text: str, settings: Surroundings) -> None:
    """Says something on stderr, the report being on stdout."""
    _write(sys.stderr, without_secrets(text.rstrip("\n"), settings) + "\n")


def _blotted(value: Any, secrets: Sequence[str]) -> Any:
    """A text, or a report before anything of it is cut or escaped, without any credential."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, "***")
        return value
    if type(value) is tuple:
        return tuple(_blotted(item, secrets) for item in value)
    if type(value) is dict:
        return {key: _blotted(item, secrets) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes = {f.name: _blotted(getattr(value, f.name), secrets) for f in fields(value)}
        return replace(value, **changes)
    return value


def without_secrets(text: str, settings: Surroundings) -> str:
    """`text` with every credential blotted out, should an answer have echoed one."""
    blotted: str = _blotted(text, settings.secrets)
    return blotted


def _is_file(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except (OSError, ValueError):
        return False


def _write(stream: TextIO | None, text: str) -> None:
    """Writes to a stream that may be closed, broken, full, or too narrow for a character."""
    if stream is None:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()
    except OSError:
        # Nor may the interpreter's own flush at exit fail and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
