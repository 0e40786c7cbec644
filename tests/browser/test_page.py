"""The page in Chromium: it draws, filters, follows the theme, downloads, and asks for nothing."""

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.figures import Figures, figures
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.notes import Note
from budget_gate.domain.usage import Tokens
from budget_gate.domain.verdict.report import Report
from budget_gate.outputs.dashboard.page import render_page
from budget_gate.outputs.escaping import NAME_LENGTH, plain
from tests.commands.test_dashboard import GLOBAL, made
from tests.commands.test_export import api
from tests.helpers.browsing import Screen, browsing, shown
from tests.helpers.builders import bounds
from tests.helpers.reports import HOSTILE, MONTH, hostile_report, make_budget, make_report
from tests.helpers.running import NOW, Here
from tests.helpers.serving import at
from tests.helpers.web_page import large_figures, make_row
from tests.world.oracle import Usage, total
from tests.world.organizations import random_organization, seeded

# Of October 14 to November 22, which is open: 40 days.
DAYS = [MONTH.as_of.date() - timedelta(days=number) for number in range(39, -1, -1)]
WORKSPACES: dict[str | None, str] = {"w1": "production", "w2": "research", "w3": "staging"}
TOKENS = Tokens(uncached_input=20, cache_write_5m=10, cache_read=70, output=100)
# $4, $2 and $1 a day.
FIGURES = figures(
    [
        make_row(day, id_, model, usd, tokens=TOKENS)
        for day in DAYS
        for id_, model, usd in (
            ("w1", "claude-opus-5-5", "4"),
            ("w2", "claude-opus-5-5", "2"),
            ("w3", "claude-haiku-5-5", "1"),
        )
    ],
    WORKSPACES,
    DAYS,
    open_day=DAYS[-1],
    saved={(DAYS[-1], "w1"): Bounds.exactly(Decimal(3))},
)
REPORT = make_report(
    "breached",
    make_budget("w2", "44", "40", status="breached"),
    make_budget(
        "organization",
        "154",
        "200",
        id="global",
        forecast=Forecast(Decimal(190), Decimal(210), Decimal(230), None),
    ),
)

Show = Callable[..., Screen]

# The texts of a chart that do not lie within it.
_CUT = """
(selector) => {
  const chart = document.querySelector(`${selector} svg`).getBoundingClientRect();
  return [...document.querySelectorAll(`${selector} svg text`)].filter((text) => {
    const { left, right } = text.getBoundingClientRect();
    return left < chart.left - 1 || right > chart.right + 1;
  }).map((text) => text.textContent);
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser for the tests of this file, started with the first of them."""
    with browsing() as started:
        yield started


@pytest.fixture
def show(browser: Browser, tmp_path: Path) -> Iterator[Show]:
    """Shows a page; in the end the browser is to have said nothing of it, and to have asked for nothing else."""
    screens: list[Screen] = []
    with ExitStack() as stack:

        def open_page(
            found: Figures | Path = FIGURES,
            report: Report = REPORT,
            policy: str | None = "budget.yml",
            *,
            draws: bool = True,
            **how: Any,
        ) -> Screen:
            path = found if isinstance(found, Path) else tmp_path / "index.html"
            if isinstance(found, Figures):
                path.write_text(render_page(found, report, policy), encoding="utf-8")
            screen = stack.enter_context(shown(browser, path, **how))
            if draws:
                screen.page.wait_for_selector("#shares svg")
            screens.append(screen)
            return screen

        yield open_page
        for screen in screens:
            assert screen.said == []
            assert [url for url in screen.asked if not url.startswith("blob:")] == screen.asked[:1]
            assert screen.violations == []


def rows(text: bytes) -> list[dict[str, str]]:
    """The rows of a CSV."""
    assert text.endswith(b"\r\n")
    return list(csv.DictReader(io.StringIO(text.decode(), newline=""), strict=True))


def usd(told: list[dict[str, str]], column: str = "usd") -> Fraction:
    """The sum of a column of exact USD."""
    return sum((Fraction(row[column]) for row in told), Fraction(0))


def test_it_draws(show: Show) -> None:
    """An area for each workspace, a bar for each model, the month with its cap, and two shares."""
    screen = show()
    assert screen.areas() == 3
    assert screen.count("#models .mark-rect path") == 2
    assert screen.count("#shares .mark-line path") == 2
    assert "cap $200" in screen.page.locator("#month svg").text_content()  # type: ignore[operator]
    assert screen.text("h1") == "🔴 Over budget"


def test_the_last_30_days_are_shown_first(show: Show) -> None:
    """$7 a day; an average is of full days alone."""
    screen = show()
    assert (
        screen.text("#showing") == "$210.00 in all workspaces, Oct 24, 2026 to Nov 22, 2026 (UTC)"
    )
    tiles = screen.text("#tiles")
    assert "Daily average $7.00 of full days" in tiles
    # 70 of 100 input tokens were read from the cache.
    assert "Cache hits 70.0% of input tokens" in tiles
    assert "Saved by caching $3.00" in tiles
    assert "Batch 0.0% of tokens" in tiles


@pytest.mark.parametrize(
    ("amounts", "shown_as"),
    [
        # Half a cent goes to the even cent, and only once all is added up.
        (["0.005", "0.005", "0.005"], "$0.02"),
        (["0.0125", "0.0125"], "$0.02"),
        (["0.000000000001", "0.004999999999"], "$0.00"),
        (["0.000000000002", "0.004999999999"], "$0.01"),
        # As a float that would be 9007199254740992.00.
        (["9007199254740991.99", "1.02"], "$9,007,199,254,740,993.01"),
    ],
)
def test_sums_are_exact(show: Show, amounts: list[str], shown_as: str) -> None:
    """They are rounded once, to the cent, half to even."""
    rows_ = [make_row(day, usd=it) for day, it in zip(DAYS, amounts, strict=False)]
    screen = show(figures(rows_, {}, DAYS[: len(amounts)]))
    assert screen.text("#showing").startswith(f"{shown_as} in all workspaces")


@pytest.mark.parametrize(("label", "days"), [("last 7", 7), ("last 30", 30), ("all 40", 40)])
def test_a_range_is_chosen(show: Show, label: str, days: int) -> None:
    """Numbers, table and file have these days."""
    screen = show()
    screen.page.get_by_label(label).check()
    assert screen.text("#showing").startswith(f"${7 * days}.00 in all workspaces")
    screen.page.click("#data summary")
    screen.page.wait_for_selector("#table tbody tr")
    assert screen.count("#table tbody tr") == days
    assert usd(rows(screen.downloaded())) == 7 * days


def test_a_whole_month_is_chosen(show: Show) -> None:
    """The last one or this one, as a bill is of a month: 31 and 22 days of $7."""
    days = [DAYS[-1] - timedelta(days=number) for number in range(53, -1, -1)]
    found = figures([make_row(day, "w1", usd="7") for day in days], WORKSPACES, days)
    screen = show(found)
    choices = screen.page.locator("#ranges label").all_text_contents()
    assert choices == ["last 7", "last 30", "October", "November", "all 54"]
    screen.page.get_by_label("October").check()
    assert screen.text("#showing").endswith("Oct 1, 2026 to Oct 31, 2026 (UTC)")
    assert usd(rows(screen.downloaded())) == 217
    screen.page.get_by_label("November").check()
    assert screen.text("#showing").startswith("$154.00 in all workspaces, Nov 1, 2026")
    assert "Spend $154.00" in screen.text("#tiles")


def test_a_month_with_days_that_are_missing_is_no_choice(show: Show) -> None:
    """Of October the first 13 days are not there."""
    screen = show()
    choices = screen.page.locator("#ranges label").all_text_contents()
    assert choices == ["last 7", "last 30", "November", "all 40"]


def test_the_table_has_sums_and_shares(show: Show) -> None:
    """22 days of $4, $2 and $1; of 100 input tokens 70 are read from the cache."""
    screen = show()
    screen.page.get_by_label("November").check()
    screen.page.click("#data summary")
    screen.page.wait_for_selector("#table tfoot tr")
    assert screen.text("#table tfoot") == "Total $88.00 $44.00 $22.00 $154.00 70.0% 0.0%"
    newest = screen.text("#table tbody tr:first-child")
    assert newest == "2026-11-22 so far $4.00 $2.00 $1.00 $7.00 70.0% 0.0%"


def test_charts_are_told_in_words(show: Show) -> None:
    """To who cannot see them: every amount, the cap and the forecast."""
    page = show().page
    month = page.get_by_role("img", name="Line: ")
    assert month.get_attribute("aria-label") == (
        "Line: cumulative USD since Nov 1, 2026: $154.00 of the $200 cap; "
        "forecast for month-end: about $210 ($190 to $230)."
    )
    models = page.get_by_role("img", name="Bars").get_attribute("aria-label")
    assert models == "Bars: USD by model. claude-opus-5-5 $180.00, claude-haiku-5-5 $30.00."


def test_what_a_chart_cannot_show_stands_above_it(show: Show) -> None:
    """That the last day is not over, how the month is forecast to end, and what a model cost."""
    screen = show()
    assert screen.text("#daily-note") == "Nov 22 so far (until 16:00 UTC)."
    assert screen.text("#month-heading") == "November 2026 against the cap"
    forecast = "Dashed is the forecast for month-end: about $210 ($190 to $230)."
    assert screen.text("#month-note") == forecast
    labels = screen.page.locator("#models svg").text_content() or ""
    assert all(amount in labels for amount in ("$180.00", "$30.00"))


def test_a_date_stands_below_the_middle_of_its_day(show: Show) -> None:
    """And none below the end of the last one."""
    screen = show()
    screen.page.get_by_label("last 7").check()
    label = screen.page.locator("#daily svg text", has_text="Nov 22")
    label.wait_for()
    assert screen.page.locator("#daily svg text", has_text="Nov 23").count() == 0
    place, column = label.bounding_box(), screen.page.locator("#daily .mark-rect path").last
    day = column.bounding_box()
    assert place is not None
    assert day is not None
    assert abs(place["x"] + place["width"] / 2 - day["x"] - day["width"] / 2) < 2


def test_a_workspace_is_left_out(show: Show) -> None:
    """In every chart and number; a workspace alone is held against its own cap."""
    screen = show()
    screen.page.get_by_label("production").uncheck()
    screen.wait_for_areas(2)
    assert screen.text("#showing").startswith("$90.00 in 2 of 3 workspaces")
    screen.page.get_by_label("staging").uncheck()
    screen.wait_for_areas(1)
    screen.page.wait_for_function(
        "document.querySelector('#month svg').textContent.includes('cap $40')"
    )
    assert screen.count("#models .mark-rect path") == 1
    assert {row["workspace"] for row in rows(screen.downloaded())} == {"research"}


def test_a_single_workspace_has_its_own_cap(show: Show) -> None:
    """Also where it is all there is, and the organization has none."""
    report = make_report("ok", make_budget("w1", "4", "40"))
    screen = show(figures([make_row(DAYS[-1], "w1", usd="4")], WORKSPACES, DAYS), report)
    assert "cap $40" in screen.page.locator("#month svg").text_content()  # type: ignore[operator]
    assert screen.text("#month-heading") == "November 2026 against the cap"


@pytest.mark.parametrize(
    ("cap", "shown_as"),
    [("2400", "cap $2,400"), ("1000.5", "cap $1,000.50"), ("0.0004", "cap $0.0004")],
)
def test_a_cap_is_shown_as_it_was_written(show: Show, cap: str, shown_as: str) -> None:
    """With its cents, or what is less."""
    screen = show(report=make_report("ok", make_budget("organization", "1", cap, id="global")))
    labels = screen.page.locator("#month svg text").all_text_contents()
    assert shown_as in labels
    assert f"of the {shown_as[4:]} cap" in (screen.label("#month"))


def test_where_nothing_was_used_it_says_so(show: Show) -> None:
    """Nobody is asked to select what is not there."""
    screen = show(figures([], {}, DAYS), make_report("ok", make_budget()), draws=False)
    assert screen.text("#showing") == "Nothing was used on these days."
    for selector in ("#filters", "#shown", "#select-all"):
        assert not screen.page.locator(selector).is_visible(), selector


def test_days_without_spend_are_drawn(show: Show) -> None:
    """The last 30 of 40 days, where only the first one has any; the browser warns of nothing."""
    screen = show(figures([make_row(DAYS[0], "w1")], WORKSPACES, DAYS))
    assert screen.text("#showing").startswith("$0.00 in all workspaces")
    assert screen.page.locator("#models svg").is_visible()


def test_a_range_is_shown_as_one(show: Show) -> None:
    """The month may be above its cap: both ends stand in the chart and in what it is called."""
    rows_ = [make_row(day, "w1", cost=bounds("10", "30")) for day in DAYS[-2:]]
    report = make_report("uncertain", make_budget("organization", "20", "50", id="global"))
    screen = show(figures(rows_, WORKSPACES, DAYS), report)
    assert "$20.00 to $60.00 of the $50 cap" in screen.label("#month")
    assert "claude-opus-5-5 $20.00 to $60.00" in screen.label("#models")
    assert screen.text("#daily-note") == "Areas and bars show what was spent at least."
    assert "dark band: at most" in screen.text("#month-note")
    # The axis reaches what may have been spent.
    assert "$60" in screen.page.locator("#month svg text").all_text_contents()
    screen.point_at("#models .mark-rect path")
    assert screen.text("#tip") == "claude-opus-5-5 $20.00 to $60.00"
    assert "$20.00 to $60.00" in (screen.page.locator("#models svg").text_content() or "")


def test_what_is_exact_has_no_word_of_ranges(show: Show) -> None:
    """Neither of the charts."""
    screen = show()
    assert "at least" not in screen.text("#daily-note")
    assert "at most" not in screen.text("#month-note")


def test_a_day_without_tokens_has_no_share(show: Show) -> None:
    """Its line has a gap there, where 0% would say that the cache was missed."""
    used = [make_row(DAYS[at], "w1", tokens=TOKENS) for at in (0, 1, 4)]
    screen = show(figures(used, WORKSPACES, DAYS[:6]))
    paths = screen.page.locator("#shares .mark-line path").all()
    assert [path.get_attribute("d").count("M") for path in paths] == [2, 2]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("billed", "told"), [("8", "$10.00 at list prices (20.0% less)"), ("12", "(20.0% more)")]
)
def test_a_bill_is_held_against_list_prices(show: Show, billed: str, told: str) -> None:
    """It may be more than those."""
    row = make_row(DAYS[-1], "w1", usd=billed, basis="billed", listed=bounds("10"))
    assert told in show(figures([row], WORKSPACES, DAYS)).text("#tiles")


def test_labels_of_large_amounts_are_whole(show: Show) -> None:
    """Tens of millions fit below the bars and beside the areas."""
    rows_ = [make_row(day, "w1", usd="12345678.9") for day in DAYS[-7:]]
    screen = show(figures(rows_, WORKSPACES, DAYS))
    assert "$80M" in screen.page.locator("#models svg text").all_text_contents()
    for chart in ("#daily", "#month", "#models", "#shares"):
        assert screen.page.evaluate(_CUT, chart) == []


@pytest.mark.parametrize(
    ("spent", "label"), [("0.004", "$0.002"), ("1234.5", "$500"), ("4e12", "$2,000B")]
)
def test_labels_are_of_the_size_of_the_amounts(show: Show, spent: str, label: str) -> None:
    """No two of an axis are alike."""
    screen = show(figures([make_row(DAYS[-1], "w1", usd=spent)], WORKSPACES, DAYS))
    labels = screen.page.locator("#models svg .role-axis-label text").all_text_contents()
    assert label in labels
    assert len(labels) == len(set(labels))


def test_names_that_look_alike_are_told_apart(show: Show) -> None:
    """As a legend, and as bars: where they are cut, and where what differs cannot be shown."""
    names: dict[str | None, str] = {
        "w1": "x" * 80,
        "w2": "x" * 80,
        "w3": "y\u200b",
        "w4": "y\u200e",
    }
    rows_ = [make_row(DAYS[-1], id_, f"claude-{'m' * 70}-{id_}") for id_ in names]
    screen = show(figures(rows_, names, DAYS))
    labels = screen.page.locator("#workspaces label").all_text_contents()
    assert len(set(labels)) == 4
    assert all(f": {id_})" in " ".join(labels) for id_ in names)
    assert max(map(len, labels)) <= NAME_LENGTH
    assert screen.count("#models .mark-rect path") == 4
    assert {row["workspace"] for row in rows(screen.downloaded())} >= {f"{'x' * 80} (w1)"}


def test_all_or_none(show: Show) -> None:
    """Without any, it says so; with all, it is as it was."""
    screen = show()
    before = screen.text("#showing")
    screen.page.click("#select-none")
    # In the line that a screen reader reads out when it changes.
    status = screen.page.get_by_role("status")
    assert status.inner_text() == "No workspace is selected. Select one above."
    assert not screen.page.locator("#daily").is_visible()
    screen.page.click("#select-all")
    screen.wait_for_areas(3)
    assert screen.text("#showing") == before


def test_values_are_shown_where_one_points(show: Show) -> None:
    """Each workspace of the day, and their sum."""
    screen = show()
    screen.point_at("#daily svg")
    told = screen.text("#tip")
    assert re.match(r"(Oct|Nov) \d+, 2026 ", told)
    assert told.endswith("production $4.00 research $2.00 staging $1.00 total $7.00")
    screen.page.mouse.move(0, 0)
    screen.page.wait_for_selector("#tip", state="hidden")


def test_the_theme_is_that_of_the_system_and_follows_it(show: Show) -> None:
    """Charts and text alike, while the page is open."""
    screen = show(scheme="light")
    light = [screen.look("body", "backgroundColor"), screen.look("#daily .mark-area path", "fill")]
    screen.page.emulate_media(color_scheme="dark")
    dark = [screen.look("body", "backgroundColor"), screen.look("#daily .mark-area path", "fill")]
    assert light == ["rgb(255, 255, 255)", "rgb(17, 119, 255)"]
    assert dark == ["rgb(20, 23, 28)", "rgb(85, 153, 255)"]


@pytest.mark.parametrize(
    "place",
    [
        {"timezone_id": "Pacific/Kiritimati", "locale": "ar-EG"},
        {"timezone_id": "Pacific/Pago_Pago", "locale": "de-DE"},
    ],
    ids=["east", "west"],
)
def test_days_and_amounts_are_the_same_everywhere(show: Show, place: dict[str, str]) -> None:
    """Days are UTC, 14 hours ahead of it and 11 behind; amounts have no comma of another country."""
    told = []
    for how in ({}, place):
        screen = show(**how)
        screen.page.click("#data summary")
        screen.page.wait_for_selector("#table tbody tr")
        screen.point_at("#daily svg")
        told.append(
            (
                screen.text("body"),
                screen.page.locator("svg text").all_text_contents(),
                screen.downloaded(),
            )
        )
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("hours", "told"),
    [
        (35, None),
        (36, "This page is 36 hours old: later spend is not on it, nor in its verdict."),
        (10 * 24, "This page is 10 days old: later spend is not on it, nor in its verdict."),
    ],
)
def test_an_old_page_says_so_first(show: Show, hours: int, told: str | None) -> None:
    """A run that fails leaves the last page: what was within budget then is not shown as green."""
    report = make_report("ok", make_budget())
    screen = show(report=report, now=MONTH.as_of + timedelta(hours=hours))
    is_green = screen.look(".verdict h1", "color") == "rgb(26, 127, 55)"
    assert screen.page.locator("#age").is_visible() is (told is not None)
    assert is_green is (told is None)
    assert screen.text("h1") == ("Within budget" if told else "🟢 Within budget")
    if told:
        assert screen.text("#age") == told
        assert screen.text("header").index(told) < screen.text("header").index("Within budget")


def test_a_breach_does_not_fade(show: Show) -> None:
    """On an old page either."""
    screen = show(now=MONTH.as_of + timedelta(days=3))
    assert screen.text("h1") == "🔴 Over budget"
    assert screen.look("h1", "color") == "rgb(193, 18, 31)"


def test_a_page_gets_old_while_it_is_open(show: Show) -> None:
    """As on a screen on a wall."""
    screen = show()
    assert not screen.page.locator("#age").is_visible()
    later = int((MONTH.as_of + timedelta(days=3)).timestamp() * 1000)
    screen.page.evaluate(f"Date.now = () => {later}; ticks.forEach((tick) => tick())")
    assert screen.page.locator("#age").is_visible()


def test_a_sample_does_not_get_old(show: Show) -> None:
    """It says that it is a sample."""
    report = make_report(notes=(Note("info", "sample", "This is a sample."),))
    screen = show(report=report, now=MONTH.as_of + timedelta(days=300))
    assert not screen.page.locator("#age").is_visible()
    assert "This is a sample." in screen.text("header")


def test_colours_are_there_where_a_system_forces_its_own(show: Show) -> None:
    """Without them, nobody knows whose area is whose."""
    screen = show(forced_colors="active")
    for at_, name in enumerate(("production", "research")):
        swatch = screen.look(f"#workspaces label:nth-child({at_ + 1}) .swatch", "backgroundColor")
        area = screen.page.locator("#daily .mark-area path").nth(at_)
        assert swatch == area.evaluate("it => getComputedStyle(it).fill"), name


def test_it_can_be_used_by_keyboard(show: Show) -> None:
    """Arrows choose the days, the space bar a workspace."""
    screen = show()
    screen.page.get_by_label("last 30").focus()
    screen.page.keyboard.press("ArrowLeft")
    assert screen.text("#showing").startswith("$49.00 in all workspaces")
    screen.page.keyboard.press("Tab")
    screen.page.keyboard.press("Space")
    screen.wait_for_areas(2)
    assert screen.text("#showing").startswith("$21.00 in 2 of 3 workspaces")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 360])
def test_axe_finds_nothing_serious(show: Show, scheme: str, width: int) -> None:
    """In either theme and on a phone, with the table open."""
    screen = show(scheme=scheme, width=width)
    screen.page.click("#data summary")
    screen.page.wait_for_selector("#table tbody tr")
    assert screen.findings() == []


def test_axe_would_find_what_is_serious(show: Show) -> None:
    """A control without a name is."""
    screen = show()
    screen.page.evaluate("document.body.append(document.createElement('select'))")
    assert [it.partition(":")[0] for it in screen.findings()] == ["select-name"]


@pytest.mark.parametrize("width", [320, 400])
def test_a_phone_scrolls_in_one_direction(show: Show, width: int) -> None:
    """Nothing is wider than its screen, with long names and large amounts either; 320 px is also 400% of 1280."""
    rows_ = [make_row(day, "w1", "y" * 100, "1234567890123456.78") for day in DAYS]
    found = figures(rows_, {"w1": "x" * 100}, DAYS, saved={(DAYS[-1], "w1"): bounds("1", "1e15")})
    screen = show(found, hostile_report("x" * 10_000), width=width)
    assert screen.page.evaluate("document.documentElement.scrollWidth") == width


def test_it_is_printed_on_white(show: Show) -> None:
    """Without what only a screen is for; what was chosen says whose colour is whose."""
    screen = show(scheme="dark")
    screen.page.get_by_label("staging").uncheck()
    screen.wait_for_areas(2)
    screen.page.emulate_media(media="print", color_scheme="dark")
    assert screen.look("body", "backgroundColor") == "rgb(255, 255, 255)"
    for selector in ("#ranges", "#select-all", "#download", "#workspaces input"):
        assert not screen.page.locator(selector).first.is_visible(), selector
    assert screen.text("#workspaces") == "production research"
    assert screen.page.locator("#daily svg").is_visible()


def test_folded_budgets_are_printed(show: Show) -> None:
    """Paper has nothing to click on; the table is printed where it was opened."""
    budgets = [make_budget(f"team {number}") for number in range(25)]
    screen = show(report=make_report("ok", *budgets))
    last = screen.page.locator("details .budgets li").last
    assert not last.evaluate("it => it.checkVisibility()")
    screen.page.emulate_media(media="print")
    assert last.evaluate("it => it.checkVisibility() && it.offsetHeight > 0")
    assert not screen.page.locator("#data").is_visible()


def test_without_scripts_the_verdict_is_there(browser: Browser, tmp_path: Path) -> None:
    """And the budgets; it says that the charts need JavaScript."""
    path = tmp_path / "index.html"
    path.write_text(render_page(FIGURES, REPORT, "budget.yml"), encoding="utf-8")
    with shown(browser, path, scripts=False) as screen:
        told = screen.page.locator("body").inner_text()
        assert "Over budget" in told
        assert "$44.00 of $40.00" in told
        assert "need JavaScript" in told
        assert not screen.page.locator("#filters").is_visible()


def test_a_script_that_was_changed_does_not_run(browser: Browser, tmp_path: Path) -> None:
    """By the page's own policy."""
    text = render_page(FIGURES, REPORT, "budget.yml")
    changed = text.replace('"use strict";', '"use strict"; fetch("https://evil.example");')
    assert changed != text
    path = tmp_path / "index.html"
    path.write_text(changed, encoding="utf-8")
    with shown(browser, path) as screen:
        assert screen.violations == ["script-src-elem inline"]
        assert len(screen.asked) == 1
        assert not screen.page.locator("#filters").is_visible()
        assert "need JavaScript" in screen.text("#nothing")


@pytest.mark.parametrize("number", range(0, len(HOSTILE), 10))
def test_a_strangers_text_is_text(show: Show, number: int) -> None:
    """Names of workspaces and models, wherever they are shown."""
    texts = HOSTILE[number : number + 10]
    names: dict[str | None, str] = {f"w{at}": text for at, text in enumerate(texts)}
    told = figures(
        [make_row(day, f"w{at}", text) for day in DAYS[-3:] for at, text in enumerate(texts)],
        names,
        DAYS[-3:],
    )
    screen = show(told, hostile_report(texts[0]))
    labels = screen.page.locator("#workspaces label").all_text_contents()
    shown_names = {plain(it.name, NAME_LENGTH) or " " for it in told.workspaces}
    assert set(labels) == shown_names
    screen.point_at("#daily svg")
    screen.page.click("#data summary")
    screen.page.wait_for_selector("#table tbody tr")
    assert shown_names <= set(screen.page.locator("#table thead th").all_text_contents())
    assert screen.count("img, iframe, a[href^='http'], #workspaces script") == 0
    # A spreadsheet takes no cell for a formula.
    for row in rows(screen.downloaded()):
        assert not row["workspace"].lstrip().startswith(("=", "+", "-", "@"))


@pytest.mark.parametrize("seed", range(2))
def test_the_file_adds_up_to_what_the_gate_says(show: Show, here: Here, seed: int) -> None:
    """And to what the oracle says, to the last digit."""
    organization = random_organization(seeded(seed), start=at("2026-10-16T00:00:00Z"), end=NOW)
    run = made(here, api(organization), policy=GLOBAL)
    assert run.code == 0
    screen = show(here.program.folder / "site" / "index.html")
    screen.page.get_by_label("all 31").check()
    told = rows(screen.downloaded())
    assert (usd(told), usd(told, "usd_high")) == total(organization.usage)
    month = [it for it in organization.usage if it.day >= at("2026-11-01T00:00:00Z").date()]
    with api(organization) as server:
        report = here.check(server, "--format", "json").report
    assert usd([row for row in told if row["date"] >= "2026-11"]) == total(month)[0]
    assert Fraction(report["spend"]["low"]) == total(month)[0]


def words(low: Fraction, high: Fraction) -> str:
    """An amount or a range of USD, to the cent."""
    ends = [f"${round(it * 100) / 100:,.2f}" for it in (low, high)]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def saved(usage: Usage) -> tuple[Fraction, Fraction]:
    """What caching saved at least and at most: reads and writes may have been of other requests."""
    nothing = replace(usage, uncached=0, write_5m=0, write_1h=0, read=0, output=0, searches=0)
    read, written = usage.read, usage.write_5m + usage.write_1h
    parts = [
        (replace(nothing, uncached=read), replace(nothing, read=read)),
        (
            replace(nothing, write_5m=usage.write_5m, write_1h=usage.write_1h),
            replace(nothing, uncached=written),
        ),
    ]
    (read_low, read_high), (low, high) = (
        [more - less for more, less in zip(total([one]), total([other]), strict=True)]
        for one, other in parts
    )
    return read_low - high, read_high - low


def shares(usage: Sequence[Usage]) -> tuple[str, str]:
    """Which part of the input was read from the cache, and which part of all tokens ran in batches."""
    tokens = [it.uncached + it.write_5m + it.write_1h + it.read for it in usage]
    every = [count + it.output for count, it in zip(tokens, usage, strict=True)]
    batch = sum(count for count, it in zip(every, usage, strict=True) if it.service_tier == "batch")

    def share(part: int, whole: int) -> str:
        return f"{Decimal(1000 * part) / whole / 10:.1f}%" if whole else "\N{EN DASH}"

    return share(sum(it.read for it in usage), sum(tokens)), share(batch, sum(every))


@pytest.mark.parametrize("seed", range(2))
def test_every_number_is_that_of_the_oracle(show: Show, here: Here, seed: int) -> None:
    """Spend, average, shares and what caching saved; in the table, every workspace on every day."""
    organization = random_organization(seeded(seed), start=at("2026-10-16T00:00:00Z"), end=NOW)
    assert made(here, api(organization), policy=GLOBAL).code == 0
    screen = show(here.program.folder / "site" / "index.html")
    screen.page.get_by_label("all 31").check()
    usage = organization.usage
    full = [it for it in usage if it.day < NOW.date()]
    ends = [sum(end, Fraction(0)) for end in zip(*map(saved, usage), strict=True)]
    cached, batched = shares(usage)
    assert screen.text("#tiles") == " ".join(
        (
            f"Spend {words(*total(usage))}",
            f"Daily average {words(*(it / 30 for it in total(full)))} of full days",
            f"Cache hits {cached} of input tokens",
            f"Saved by caching {words(*ends)} against uncached prices",
            f"Batch {batched} of tokens",
        )
    )
    screen.page.click("#data summary")
    screen.page.wait_for_selector("#table tbody tr")
    names: dict[str | None, str] = {None: "default workspace"}
    names |= {it.id: it.name for it in organization.workspaces}
    _, *columns = screen.page.locator("#table thead th").all_text_contents()
    told: dict[tuple[str, str], str] = {}
    for line in screen.page.locator("#table :is(tbody, tfoot) tr").all():
        day, *values = line.locator("th, td").all_text_contents()
        told |= {(day[:10], name): it for name, it in zip(columns, values, strict=True)}
    days = [str(DAYS[-1] + timedelta(days=number)) for number in range(-37, -6)]
    for day in (*days, "Total"):
        its = [it for it in usage if day in (str(it.day), "Total")]
        for name in columns[:-2]:
            of_name = [it for it in its if name in ("Total", names[it.workspace])]
            assert told[day, name] == words(*total(of_name)), (day, name)
        assert (told[day, "Cache hits"], told[day, "Batch"]) == shares(its), day


def test_thirteen_months_of_200_workspaces_are_drawn(show: Show) -> None:
    """All of them can be chosen, and none is missing from the file."""
    found = large_figures()
    screen = show(found)
    screen.page.get_by_label("all 400").check()
    screen.wait_for_areas(13)
    told = rows(screen.downloaded())
    assert usd(told) == Fraction(found.total.low)
    assert {row["workspace_id"] for row in told if row["workspace"] == "188 other workspaces"} == {
        "other"
    }
