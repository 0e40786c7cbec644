"""What the page says, read as a browser reads HTML, and the pages that its tests look at."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser
from typing import Any

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.daily import DailyRow
from budget_gate.domain.figures import Figures, figures
from budget_gate.domain.usage import Tokens


@dataclass
class WebPage:
    """The elements of a page: the text of those that have an id or are scripts, and all texts."""

    scripts: list[tuple[dict[str, str | None], str]] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    metas: list[dict[str, str | None]] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All that is to be read without a script, on one line."""
        return " ".join(" ".join(self.texts).split())

    @property
    def figures(self) -> dict[str, Any]:
        """The data of the page's script."""
        (told,) = (text for given, text in self.scripts if given.get("id") == "figures")
        read: dict[str, Any] = json.loads(told)
        return read

    @property
    def total(self) -> Fraction:
        """The exact sum of the lower ends of all costs, in USD."""
        return sum((Fraction(cell[3]) for cell in self.figures["cells"]), Fraction(0))

    @property
    def content_policy(self) -> dict[str, list[str]]:
        """The Content-Security-Policy, by its directives."""
        (told,) = (
            it["content"] for it in self.metas if it.get("http-equiv") == "Content-Security-Policy"
        )
        parts = (part.split() for part in (told or "").split(";"))
        return {name: values for name, *values in parts}


class _Reader(HTMLParser):
    """Collects what a `WebPage` has."""

    def __init__(self) -> None:
        super().__init__()
        self.page, self.stack = WebPage(), [""]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.page.tags.append((tag, given))
        if tag == "meta":
            self.page.metas.append(given)
        elif tag == "script":
            self.page.scripts.append((given, ""))
        if tag not in ("meta", "rect", "input", "br") and self.stack[-1] != "noscript":
            self.stack.append(tag)

    def handle_endtag(self, tag: str) -> None:
        while self.stack[-1] not in ("", tag):
            self.stack.pop()
        if self.stack[-1]:
            self.stack.pop()

    def handle_data(self, data: str) -> None:
        match self.stack[-1]:
            case "script":
                given, text = self.page.scripts[-1]
                self.page.scripts[-1] = (given, text + data)
            case "style":
                self.page.styles.append(data)
            case "title" | "noscript":
                pass
            case tag:
                if tag in ("h1", "h2"):
                    self.page.headings.append(data.strip())
                self.page.texts.append(data)


def read_page(html: str) -> WebPage:
    """The page that `html` is."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page


def make_row(
    day: date,
    workspace: str | None = None,
    model: str | None = "claude-opus-5-5",
    usd: str = "1",
    **changes: Any,
) -> DailyRow:
    """A row of a day at list price; `changes` are fields of it."""
    row = DailyRow(
        day=day,
        workspace=workspace,
        model=model,
        service_tier="standard",
        tokens=Tokens(uncached_input=100, output=10),
        cost=Bounds.exactly(Decimal(usd)),
        basis="list",
        contracted=None,
        listed=None,
    )
    return row._replace(**changes)


def large_figures(*, days: int = 400, workspaces: int = 200, models: int = 12) -> Figures:
    """13 months of a large organization, of which each cost has 10 decimals."""
    first = datetime(2025, 10, 17, tzinfo=UTC).date()
    span = [first + timedelta(days=number) for number in range(days)]

    def rows() -> Iterator[DailyRow]:
        tokens = Tokens(10_000_000, 1_000_000, 1_000_000, 50_000_000, 7_000_000)
        for at, day in enumerate(span):
            for workspace in range(workspaces):
                model = (at + workspace) % models
                for other in range(models) if workspace < 20 else [model]:
                    usd = (
                        f"{100 * (workspaces - workspace) + at}.{(at * 7919 + other) % 10**10:010d}"
                    )
                    id_ = f"wrkspc_{workspace:03d}EXAMPLE"
                    yield make_row(day, id_, f"claude-{other}", usd, tokens=tokens)

    names: dict[str | None, str] = {
        f"wrkspc_{number:03d}EXAMPLE": f"team {number}" for number in range(workspaces)
    }
    found = list(rows())
    saved = {(row.day, row.workspace): row.cost for row in found}
    return figures(found, names, span, saved=saved)
