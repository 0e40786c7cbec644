"""The page as text: what it says without a script, what it lets itself do, and how large it is."""

import json
import math
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import timedelta
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from typing import Final

import pytest

from budget_gate.domain.figures import MOST_WORKSPACES, figures
from budget_gate.domain.notes import Note
from budget_gate.domain.verdict.report import Report
from budget_gate.outputs.dashboard.charts import charts
from budget_gate.outputs.dashboard.page import render_page
from tests.helpers.builders import bounds
from tests.helpers.inert import way_id
from tests.helpers.paths import PACKAGE
from tests.helpers.reports import HOSTILE, MONTH, hostile_report, make_budget, make_report
from tests.helpers.web_page import WebPage, large_figures, make_row, read_page
from tests.helpers.wording import assert_says

DAYS = [MONTH.period.start.date() + timedelta(days=number) for number in range(22)]
FIGURES = figures([make_row(day, "wrkspc_1") for day in DAYS], {"wrkspc_1": "production"}, DAYS)


def page(report: Report, policy: str | None = "budget.yml") -> WebPage:
    """The page of a report."""
    return read_page(render_page(FIGURES, report, policy))


# What it says


@pytest.mark.parametrize(
    ("report", "answer"),
    [
        (make_report("ok", make_budget()), "Within budget"),
        (make_report("warning", make_budget(spend="9", status="warning")), "with a warning"),
        (
            make_report("warning", make_budget(spend="9", high="11", status="warning")),
            "Possibly over budget",
        ),
        (
            make_report("uncertain", make_budget(spend="9", high="11", status="uncertain")),
            "Possibly over budget",
        ),
        (make_report("breached", make_budget(spend="12", status="breached")), "Over budget"),
        (
            make_report("breached", make_budget(status="breached", cause="forecast")),
            "Forecast to be over budget",
        ),
    ],
)
def test_the_first_line_answers_whether_a_budget_is_breached(report: Report, answer: str) -> None:
    """And the headline of the gate follows."""
    found = page(report)
    assert answer in found.text[:60]
    assert_says(found.text, answer, "production")


def test_a_budget_has_its_spend_cap_and_state() -> None:
    """$12.00 of $10.00 are 120%."""
    found = page(make_report("breached", make_budget(spend="12", status="breached")))
    assert_says(found.text, "Budgets", "production", "breached", "$12.00 of $10.00 (120.0%)")


def test_only_the_first_budgets_are_unfolded() -> None:
    """Of 25, five are behind a summary that says so."""
    budgets = [make_budget(f"team {number}") for number in range(25)]
    found = page(make_report("ok", *budgets))
    assert_says(found.text, "team 19", "5 more budgets", "team 20", "team 24")


def test_without_a_policy_nothing_is_judged() -> None:
    """The spend is the answer then, and no budget is named or drawn."""
    found = page(make_report("warning", make_budget(status="warning")), None)
    assert_says(found.text, "$5.00 spent in November", "No policy", "no budget was checked")
    assert "Budgets" not in found.headings
    assert found.figures["budgets"] == {}


def test_it_says_as_of_when_on_which_basis_and_what_is_left_out() -> None:
    """As the report does, its notes among them: warnings first."""
    notes = (Note("info", "not_included", "No sessions."), Note("warning", "clock", "It is late."))
    found = page(make_report("ok", make_budget(), notes=notes))
    assert_says(found.text, "Nov 22, 16:00 UTC", "21 full days + today", "List prices")
    assert_says(found.text, "warning:", "It is late.", "No sessions.")


@pytest.mark.parametrize(("count", "name"), [(13, "1 other workspace"), (14, "2 other workspaces")])
def test_others_are_counted(count: int, name: str) -> None:
    """In words that fit the number."""
    rows = [make_row(DAYS[0], f"w{number}") for number in range(count)]
    found = read_page(render_page(figures(rows, {}, DAYS), make_report(), None)).figures
    assert found["workspaces"][-1]["name"] == name


def test_caps_go_to_the_charts() -> None:
    """That of the organization, and those of the workspaces that are shown by name."""
    budgets = (
        make_budget("wrkspc_1", cap="10"),
        make_budget("organization", cap="20", id="global"),
        make_budget("other", cap="30"),
    )
    found = page(make_report("ok", *budgets)).figures["budgets"]
    assert {key: it["cap"] for key, it in found.items()} == {"all": "20", "0": "10"}


# What it may do


def test_only_its_own_scripts_may_run() -> None:
    """By the digests of what stands there; nothing may be loaded, sent or framed."""
    found = page(make_report())
    digests = {
        kind: [f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'" for text in texts]
        for kind, texts in {
            "script-src": [text for given, text in found.scripts if "type" not in given],
            "style-src": found.styles,
        }.items()
    }
    assert found.content_policy == {
        "default-src": ["'none'"],
        **digests,
        "img-src": ["data:"],
        "connect-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert len(digests["script-src"]) == 2


def test_nothing_is_loaded_and_nothing_runs_from_an_attribute() -> None:
    """No address stands in an element, and neither does a handler or a style."""
    for tag, given in page(make_report("breached", make_budget(status="breached"))).tags:
        assert not given.keys() & {"src", "srcset", "action", "style", "ping"}, tag
        assert not [name for name in given if name.startswith("on")], tag
        assert tag not in ("link", "iframe", "object", "embed", "base", "img")
        assert "href" not in given or tag == "a"


@pytest.mark.parametrize("text", HOSTILE, ids=way_id)
def test_a_strangers_text_makes_no_element(text: str) -> None:
    """Whatever names and messages hold, the elements are those of a page with plain ones."""
    days = DAYS[:1]
    told = figures([make_row(days[0], "w", text or "m")], {"w": text}, days)
    plain = figures([make_row(days[0], "w", "m")], {"w": "plain"}, days)
    found = read_page(render_page(told, hostile_report(text), "budget.yml"))
    expected = read_page(render_page(plain, hostile_report("plain"), "budget.yml"))

    def tags(of: WebPage) -> list[str]:
        return [tag for tag, _ in of.tags]

    assert tags(found) == tags(expected)
    assert found.figures["cells"] == expected.figures["cells"]
    assert found.content_policy.keys() == expected.content_policy.keys()


def test_thirteen_months_of_200_workspaces_are_under_3_mb() -> None:
    """As only what is shown is in it; and that adds up to all there is."""
    large = large_figures()
    text = render_page(large, make_report(), "budget.yml")
    assert len(text.encode()) < 3_000_000
    found = read_page(text)
    assert found.total == Fraction(large.total.low)
    assert len(found.figures["days"]) == 400
    assert len(found.figures["workspaces"]) == 13


# Colours


THEMES: Final = ("light", "dark")
# Colours as those see them who lack one kind of cone, in linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
SEEN: Final = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "no green": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "no blue": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def colours(theme: str) -> dict[str, str]:
    """The variables of a theme, by name."""
    style = (PACKAGE / "outputs" / "dashboard" / "page.css").read_text(encoding="utf-8")
    light, dark = (
        dict(re.findall(r"--([a-z0-9-]+): (#[0-9a-f]+);", it))
        for it in style.split("@media screen")
    )
    found = light if theme == "light" else {**light, **dark}
    return {
        name: it if len(it) == 7 else "#" + "".join(2 * char for char in it[1:])
        for name, it in found.items()
    }


def linear(colour: str) -> list[float]:
    """Linear RGB of a colour, as WCAG 2.2 has it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    return [it / 12.92 if it <= 0.04045 else ((it + 0.055) / 1.055) ** 2.4 for it in parts]


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    light = [dot((0.2126, 0.7152, 0.0722), linear(each)) for each in (one, other)]
    return (max(light) + 0.05) / (min(light) + 0.05)


def dot(one: Sequence[float], other: Sequence[float]) -> float:
    """The sum of the products."""
    return sum(x * y for x, y in zip(one, other, strict=True))


def seen(colour: str, by: str) -> tuple[float, ...]:
    """Where a colour lies in Oklab, for who sees it so."""
    red, green, blue = linear(colour)
    parts = [min(1, max(0, x * red + y * green + z * blue)) for x, y, z in SEEN[by]]
    to_cones = (
        (0.4122214708, 0.5363325363, 0.0514459929),
        (0.2119034982, 0.6806995451, 0.1073969566),
        (0.0883024619, 0.2817188376, 0.6299787005),
    )
    to_lab = (
        (0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660),
    )
    cones = [math.cbrt(dot(row, parts)) for row in to_cones]
    return tuple(dot(row, cones) for row in to_lab)


@pytest.mark.parametrize("theme", THEMES)
def test_neighbours_in_a_stack_can_be_told_apart(theme: str) -> None:
    """By everybody: they lie far apart in Oklab, and no two colours of a theme are near."""
    found = [colours(theme)[f"series-{number}"] for number in range(MOST_WORKSPACES)]
    for by in SEEN:
        places = [seen(it, by) for it in found]
        assert min(math.dist(*pair) for pair in pairwise(places)) > 0.13
        least = 0.12 if by == "all" else 0.065
        assert min(math.dist(a, b) for n, a in enumerate(places) for b in places[:n]) > least


@pytest.mark.parametrize("theme", THEMES)
def test_the_first_workspaces_do_not_look_breached(theme: str) -> None:
    """As red is what is over its cap: none of the first eight is near to it in Oklab."""
    found = colours(theme)
    red = seen(found["breached"], "all")
    for number in range(8):
        assert math.dist(seen(found[f"series-{number}"], "all"), red) > 0.15, number


@pytest.mark.parametrize("theme", THEMES)
def test_colours_stand_out(theme: str) -> None:
    """Of text 4.5 to 1 and of all else that counts 3 to 1, as WCAG 2.2 AA asks."""
    found = colours(theme)
    for name in ("text", "quiet", "ok", "warning", "uncertain", "breached"):
        assert contrast(found[name], found["page"]) >= 4.5, name
        assert contrast(found[name], found["box"]) >= 4.5, name
    for name in ("accent", "second", "control", *(f"series-{it}" for it in range(13))):
        assert contrast(found[name], found["page"]) >= 3, name


def test_the_charts_have_no_data_and_no_address_but_that_of_their_schema() -> None:
    """Data comes from the page alone."""
    told = json.dumps(charts())
    assert set(re.findall(r"https?://[^\"]+", told)) == {charts()["daily"]["$schema"]}
    assert '"url"' not in told


@pytest.mark.parametrize(
    ("report", "word"),
    [
        (make_report("ok", make_budget()), "ok"),
        (make_report("uncertain", make_budget(high="11", status="uncertain")), "undecided"),
        (make_report("breached", make_budget(status="breached")), "breached"),
    ],
)
def test_a_status_is_told_in_words(report: Report, word: str) -> None:
    """Whoever sees no colours reads it."""
    assert word in page(report).text.split("Budgets")[1]


def test_an_amount_is_exact_in_the_data() -> None:
    """To the last digit, and as a range where it is one."""
    rows = [make_row(DAYS[0], usd="0.000000000001"), make_row(DAYS[1], cost=bounds("1", "2"))]
    found = read_page(render_page(figures(rows, {}, DAYS), make_report(), None)).figures
    assert [cell[3:] for cell in found["cells"]] == [["0.000000000001"], ["1", "2"]]
