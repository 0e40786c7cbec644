"""The whole page: one file that asks for nothing, in which nothing but its own scripts can run."""

import json
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from pathlib import Path
from string import Template
from typing import Any, Final

import vl_convert

from budget_gate import __version__
from budget_gate.domain.figures import Figures
from budget_gate.domain.verdict.report import Report
from budget_gate.outputs.dashboard.charts import charts, vega_lite_version
from budget_gate.outputs.dashboard.data import data_of
from budget_gate.outputs.dashboard.parts import (
    answer,
    basis_part,
    budgets_part,
    first_part,
    notes_part,
    verdict_part,
)
from budget_gate.outputs.escaping import logged_name

GENERATOR: Final = "budget-gate"
# What the page's own script calls.
_EXPORT: Final = "window.vegaEmbed = vegaEmbed;"
# In the order in which they need one another.
_SCRIPTS: Final = ("amounts.js", "datasets.js", "page.js")
_HERE: Final = Path(__file__).parent


def render_page(figures: Figures, report: Report, policy: str | None) -> str:
    """The page as HTML; `policy` is the policy file, None where nothing is judged."""
    library, script, style = _library(), _script(), _file("page.css")
    of = f" of organization {logged_name(report.organization)}" if report.organization else ""
    title = answer(report) if policy else "Spend"
    return Template(_file("page.html")).substitute(
        policy=_content_policy(style, library, script),
        generator=f"{GENERATOR} {__version__}",
        title=escape(f"{title}: Claude API spend, {report.month.day:%B %Y}"),
        organization=escape(of),
        first=first_part(report),
        verdict=verdict_part(report, policy),
        basis=basis_part(report),
        budgets=budgets_part(report) if policy else "",
        notes=notes_part(report),
        footer=escape(f"Made by budget-gate {__version__}. All days are UTC."),
        figures=_json(data_of(figures, report, has_policy=policy is not None)),
        charts=_charts(),
        style=style,
        library=library,
        script=script,
    )


def _content_policy(style: str, *scripts: str) -> str:
    """What the browser lets the page do: run and look as it stands here, and nothing else."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {' '.join(map(_digest, scripts))}",
            f"style-src {_digest(style)}",
            "img-src data:",
            "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


@cache
def _library() -> str:
    """The libraries that draw, which hold nothing that would end the script they stand in."""
    library = vl_convert.javascript_bundle(_EXPORT, vl_version=vega_lite_version())
    return library.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _script() -> str:
    """The page's own script, which shares no name with the library."""
    parts = "\n".join(map(_file, _SCRIPTS))
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


@cache
def _charts() -> str:
    return _json(charts())


def _file(name: str) -> str:
    return (_HERE / name).read_text(encoding="utf-8")


def _json(value: Any) -> str:
    """`value` as JSON that no name in it can end the script of."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")
