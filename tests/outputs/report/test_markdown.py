"""The step summary, read by a Markdown parser: its own structure, and nothing that a name adds."""

import html
import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from budget_gate.domain.bounds import Bounds
from budget_gate.domain.forecast.month_end import Forecast
from budget_gate.domain.forecast.pace import Pace
from budget_gate.domain.notes import Note
from budget_gate.domain.spend import PriceFacts
from budget_gate.domain.verdict.report import DaySpend, ModelSpend, Report, WorkspaceSpend
from budget_gate.domain.verdict.results import STATUSES, Driver, Status
from budget_gate.errors import ConfigurationError, Problem
from budget_gate.outputs.escaping import code, prose
from budget_gate.outputs.report.links import Links
from budget_gate.outputs.report.markdown import render_configuration_error, render_markdown
from tests.helpers.builders import bounds
from tests.helpers.markup import assert_own_structure, kinds, mermaid, plain_text, tables
from tests.helpers.reports import HOSTILE, hostile_report, large_report, make_budget, make_report

# GitHub's documented limit of a step summary.
MEBIBYTE = 1024 * 1024


def render(report: Report) -> str:
    """The summary under a policy of an ordinary name."""
    return render_markdown(report, "budget.yml")


def points(chart: Iterable[str], kind: str) -> list[str]:
    """The values of a series, or the labels of the x-axis."""
    (line,) = [line for line in chart if line.startswith(f"{kind} [")]
    return line.removeprefix(f"{kind} [").removesuffix("]").split(", ")


def test_the_verdict_is_the_heading_and_the_sentence_below_it() -> None:
    """Whoever reads no further knows the answer."""
    text = render(make_report("breached", make_budget(spend="12", status="breached")))
    heading, sentence = text.split("\n\n")[:2]
    assert heading == "### 🔴 budget-gate: breached"
    assert plain_text(sentence).startswith("Budget breached: production has spent $12.00")
    assert kinds(sentence)[2] == "text"
    assert "strong_open" in kinds(sentence)


def test_the_table_of_budgets_has_a_row_for_each() -> None:
    """Status, name, share, spend, cap, what is left, today, a mean day and the month's end."""
    report = make_report(
        "warning",
        make_budget("staging", "8.5", status="warning", pace=PACE, forecast=FORECAST),
        make_budget("new", "3", None, status="warning", reason="not listed"),
    )
    header, _, *rows = tables(render(report))[0]
    assert (
        header == "| | Budget | Used | List cost | Cap | Left | Today | Daily average | Forecast |"
    )
    assert [[html.unescape(cell.strip()) for cell in row.split("|")[1:-1]] for row in rows] == [
        [
            "🟡\xa0warning",
            "`staging`",
            "85.0%",
            "$8.50",
            "$10.00",
            *("$5.00", "$0.40", "$0.23", "$7.25"),
        ],
        ["🟡\xa0warning", "`new`", "\N{EN DASH}", "$3.00", "any", "", "", "", ""],
    ]


def test_an_unverified_report_is_the_verdict_and_the_period() -> None:
    """No empty table, no empty chart, and the reason only once."""
    note = Note("error", "http_401", "The key is wrong.")
    report = make_report("unverified", spend=None, coverage=None, prices=None, notes=(note,))
    assert render(report) == (
        "### ⚫ budget-gate: spend unknown\n\n"
        "**Spend unknown: The key is wrong.**\n\n"
        "<sub>Nov 1 to Nov 22, 16:00 UTC.</sub>\n"
    )


def test_details_are_folded() -> None:
    """Workspaces, models and notes are below the verdict, each closed until it is clicked."""
    text = render(hostile_report("name"))
    assert text.count("<details><summary>") == text.count("</details>") == 3
    assert "<details open" not in text
    assert text.index("| | Budget |") < text.index("<details>")


def test_the_tables_inside_of_details_are_tables() -> None:
    """Each stands behind an empty line, without which GitHub shows bars."""
    text = render(hostile_report("name"))
    assert kinds(text).count("table_open") == len(tables(text)) == 3


def test_an_archived_workspace_is_marked() -> None:
    """Only that one."""
    rows = (
        WorkspaceSpend("wrkspc_01EXAMPLE", "old", archived=True, spend=bounds("3")),
        WorkspaceSpend("wrkspc_02EXAMPLE", "new", archived=False, spend=bounds("2", "4")),
    )
    text = render(make_report("ok", make_budget(), workspaces=rows))
    assert "| `old` (archived) | $3.00 |\n| `new` | $2.00 to $4.00 |\n" in text


def test_a_model_without_a_name_is_unnamed() -> None:
    """It has spend like any other."""
    text = render(make_report("ok", make_budget(), models=(ModelSpend(None, bounds("2")),)))
    assert "| `unnamed` | $2.00 |" in text


def test_what_a_ledger_reserves_is_of_no_model() -> None:
    """It stands among the models, and is called what it is."""
    note = Note("info", "ledger_beyond", "Since 09:00 UTC the ledger has $2.00 reserved.")
    models = (ModelSpend(None, bounds("0", "2")),)
    text = render(make_report("ok", make_budget(), models=models, notes=(note,)))
    assert "| `reserved or unnamed` | $0.00 to $2.00 |" in text


@pytest.mark.parametrize("hostile", HOSTILE)
def test_tables_keep_their_columns_whatever_a_name_holds(hostile: str) -> None:
    """Every row of a table has as many cells as its header, by the bars as by the parser."""
    text = render(hostile_report(hostile))
    expected = render(hostile_report("name"))
    assert [len(table) for table in tables(text)] == [len(table) for table in tables(expected)]
    for table in tables(text):
        assert len({line.count("|") for line in table}) == 1, table
    assert kinds(text).count("td_open") == kinds(expected).count("td_open")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_third_partys_text_stays_text(hostile: str) -> None:
    """The document is built of the same parts as with an ordinary name, and has no foreign one."""
    text = render(hostile_report(hostile))
    assert_own_structure(text)
    spans = {"text", "text_special", "code_inline"}
    assert [kind for kind in kinds(text) if kind not in spans] == [
        kind for kind in kinds(render(hostile_report("name"))) if kind not in spans
    ]


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_line_is_a_command_of_the_runner(hostile: str, status: Status) -> None:
    """`--format markdown` prints to the log, where `::` begins a command and `##[` is one."""
    text = render(hostile_report(hostile, status))
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())
    assert "##[" not in text
    assert text.replace("\n", "").isprintable()


@settings(max_examples=200)
@given(hostile=st.text(max_size=80) | st.text("`|\\<>[]()!*_#@:/ \n&;~$-", max_size=30))
def test_no_text_at_all_breaks_out(hostile: str) -> None:
    """Whatever characters a name has, and in whatever order."""
    text = render(hostile_report(hostile))
    assert_own_structure(text)
    for table in tables(text):
        assert len({line.count("|") for line in table}) == 1, table


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), max_size=60))
def test_escaped_text_reads_as_it_was_written(text: str) -> None:
    """A reader sees the very characters, but for what keeps a mention or a runner's command from being one."""
    shown = plain_text(f"begin {prose(text)} end").replace("\u200b", "")
    assert shown == f"begin {text} end".replace("##[", "# #[")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("production", "`production`"),
        ("a|b", "`a│b`"),
        ("a`b", "`a\N{MODIFIER LETTER PRIME}b`"),
        ("", "` `"),
        ("x" * 61, f"`{'x' * 59}…`"),
    ],
)
def test_a_name_is_one_code_span(text: str, shown: str) -> None:
    """Bars and backticks, which no code span in a table can hold, become their likes."""
    assert code(text) == shown


def test_a_mention_notifies_nobody() -> None:
    """Behind its `@` stands a mark without width, and outside of code no `@` is left."""
    text = prose("ask @octocat")
    assert "@" not in text
    assert "&#64;&#8203;octocat" in text


def test_an_expression_of_a_workflow_is_broken_up() -> None:
    """Outside of code neither `$` nor braces are left to be evaluated by anyone."""
    assert not set(prose("${{ secrets.KEY }}")) & set("${}")


def test_a_large_organization_stays_below_githubs_limit() -> None:
    """5,000 budgets, workspaces and models: a page that can be read, and the rest counted."""
    text = render(large_report(5000))
    assert len(text.encode()) < MEBIBYTE
    assert len(text.splitlines()) < 120
    assert "And 4980 more, all breached." in text
    # 4,980 x 12 USD
    assert text.count("| 4980 more | $59,760.00 |") == 2
    assert "- and 4980 more, all of them in the JSON report" in text


def test_long_names_are_cut() -> None:
    """10,000 characters of a name do not push the numbers out of sight."""
    assert max(map(len, tables(render(hostile_report("x" * 10_000)))[0])) < 200


DAYS = (
    DaySpend(date(2026, 11, 1), bounds("3.10")),
    DaySpend(date(2026, 11, 2), bounds("0")),
    DaySpend(date(2026, 11, 3), bounds("2.405")),
)


def test_the_chart_adds_the_days_up() -> None:
    """3.10, then nothing, then 2.405: 3.10, 3.10, 5.505, which is half even 5.50."""
    text = render(make_report("ok", make_budget(), days=DAYS))
    chart = mermaid(text)
    assert "xychart-beta" in chart
    assert points(chart, "x-axis") == ["1", "2", "3"]
    assert points(chart, "bar") == ["3.10", "3.10", "5.50"]


def test_the_chart_shows_the_global_cap() -> None:
    """A line as long as the bars, and an axis that reaches above both."""
    cap = make_budget("organization", cap="10", id="global")
    chart = mermaid(render(make_report("ok", make_budget(), cap, days=DAYS)))
    assert points(chart, "line") == ["10.00"] * 3
    (axis,) = [line for line in chart if line.startswith("y-axis")]
    assert axis == 'y-axis "USD" 0 --> 12.00'


def test_without_a_global_cap_the_chart_has_no_line() -> None:
    """The cap of a workspace is not that of the organization."""
    chart = mermaid(render(make_report("ok", make_budget(), days=DAYS)))
    assert not any(line.startswith("line") for line in chart)


def test_a_cap_of_zero_has_a_line_too() -> None:
    """A cap of 0 is a cap."""
    cap = make_budget("organization", cap="0", id="global")
    chart = mermaid(render(make_report("ok", cap, days=DAYS)))
    assert points(chart, "line") == ["0.00"] * 3


def test_the_chart_of_a_month_without_spend_has_an_axis() -> None:
    """From 0 to 0 there is none."""
    nothing = (DaySpend(date(2026, 11, 1), bounds("0")),)
    chart = mermaid(render(make_report("ok", make_budget(), days=nothing)))
    (axis,) = [line for line in chart if line.startswith("y-axis")]
    assert Decimal(axis.rpartition(" ")[2]) > 0


def test_the_chart_shows_the_lower_bound_where_there_is_no_upper_one() -> None:
    """Infinity is no height of a bar."""
    days = (*DAYS[:2], DaySpend(date(2026, 11, 3), bounds("1", "unlimited")))
    chart = mermaid(render(make_report("unverified", make_budget(), days=days)))
    assert points(chart, "bar") == ["3.10", "3.10", "4.10"]


@pytest.mark.parametrize("changes", [{"days": ()}, {"days": DAYS, "spend": None}])
def test_without_days_or_spend_there_is_no_chart(changes: dict[str, Any]) -> None:
    """An empty one would be an error of the renderer's."""
    assert "mermaid" not in render(make_report("ok", make_budget(), **changes))


def test_the_footer_tells_what_is_covered() -> None:
    """The period in UTC, the days, and the day of the prices."""
    last = render(make_report("ok", make_budget())).strip().splitlines()[-1]
    assert last == (
        "<sub>Nov 1 to Nov 22, 16:00 UTC (21 full days + today). List prices, last checked Nov 20."
        "</sub>"
    )


def test_the_footer_tells_the_prices() -> None:
    """What the policy changes of list prices stands beside their day."""
    prices = PriceFacts(date(2026, 11, 20), ("claude-a",), Decimal("0.125"))
    last = render(make_report("ok", make_budget(), prices=prices)).strip().splitlines()[-1]
    assert last.endswith(
        ". List prices less 12.5%, own prices for 1 model, last checked Nov 20.</sub>"
    )


@pytest.mark.parametrize(
    ("spend", "title"),
    [
        (bounds("5.505"), 'title "Cumulative list cost, November 2026 (USD)"'),
        (bounds("5.505", "7"), 'title "Cumulative list cost, November 2026 (USD, upper bound)"'),
    ],
)
def test_the_chart_is_titled(spend: Bounds, title: str) -> None:
    """That its bars add up, and whether they are what was spent or what may have been."""
    chart = mermaid(render(make_report("ok", make_budget(), days=DAYS, spend=spend)))
    assert [line for line in chart if line.startswith("title")] == [title]


def problem(number: int, text: str = "unknown key") -> Problem:
    """A defect of a policy in a line of its own."""
    return Problem(f"budget.yml:{number}:3", "global.cpa", text, "did you mean 'cap'?", number, 3)


def test_a_configuration_error_lists_its_defects() -> None:
    """That nothing was decided comes first; then each place, defect and remedy."""
    error = ConfigurationError(
        "budget.yml is not a valid policy", problems=(problem(2), problem(5)), file="budget.yml"
    )
    text = render_configuration_error(error)
    assert text.startswith(
        "### ⚫ budget-gate: nothing was decided\n\n"
        "**The configuration is wrong: budget.yml is not a valid policy.**\n\n"
        "- `budget.yml:2:3` global.cpa: unknown key: did you mean 'cap'?\n"
    )
    assert kinds(text).count("list_item_open") == 2


def test_a_configuration_error_without_defects_is_one_sentence() -> None:
    """No empty list follows."""
    text = render_configuration_error(ConfigurationError("There is no policy", "write one"))
    assert text == (
        "### ⚫ budget-gate: nothing was decided\n\n"
        "**The configuration is wrong: There is no policy. Write one.**\n"
    )


def test_many_defects_are_counted() -> None:
    """Twenty are shown, the rest is in the log."""
    problems = tuple(problem(number) for number in range(1, 5001))
    text = render_configuration_error(ConfigurationError("wrong", problems=problems))
    assert "- and 4980 more, all of them in the step's log\n" in text
    assert len(text.encode()) < MEBIBYTE


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_configuration_errors_text_stays_text(hostile: str) -> None:
    """A policy may come from a stranger's pull request."""
    defect = Problem(f"{hostile}:1:1", hostile, hostile, hostile, 1, 1)
    error = ConfigurationError(f"{hostile} is wrong", f"{hostile} helps", problems=(defect,))
    text = render_configuration_error(error)
    assert_own_structure(text)
    assert kinds(text).count("list_item_open") == 1
    assert kinds(text).count("heading_open") == 1


# Pace, forecast and what changed

PACE = Pace(Decimal(5), Decimal("0.59"), bounds("0.4"), Decimal("0.23"))
FORECAST = Forecast(Decimal(6), Decimal("7.25"), Decimal(9), None)
CROSSING = Forecast(Decimal(6), Decimal(11), Decimal(15), date(2026, 11, 28))
THEN = datetime(2026, 11, 22, 15, tzinfo=UTC)


def items(report: Report) -> list[str]:
    """The items of every list of a report, as a reader sees them."""
    lines = render(report).splitlines()
    return [plain_text(line.removeprefix("- ")) for line in lines if line.startswith("- ")]


def test_nothing_is_said_of_what_there_is_not() -> None:
    """Neither of a budget without pace and forecast, nor of what is left of a cap that is used up."""
    assert items(make_report("ok", make_budget())) == []
    used_up = Pace(Decimal(0), Decimal(0), bounds("0.4"), None)
    result = make_budget(spend="12", status="breached", pace=used_up)
    assert items(make_report("breached", result)) == []


def test_the_rest_is_a_list_below_the_table() -> None:
    """Why, what is left, the month's end with its crossing, and since when it is so."""
    result = make_budget(status="warning", pace=PACE, forecast=CROSSING, since=THEN)
    (item,) = items(make_report("warning", result))
    assert item == (
        "🟡 production: spend is what it is; $5.00 left, $0.59 per day until month-end; "
        "forecast for month-end: about $11.00 ($6.00 to $15.00); expected to cross the cap on Nov 28; "
        "first reported warning Nov 22, 15:00 UTC"
    )


def test_a_budget_of_which_no_more_is_known_is_in_no_list() -> None:
    """No empty item."""
    assert items(make_report("ok", make_budget())) == []


def test_what_changed_stands_below_the_budgets() -> None:
    """When the last report was made, what was spent since, and what drives today's spend."""
    report = make_report(
        "ok",
        make_budget(),
        previous_as_of=THEN,
        change=Decimal("1.75"),
        drivers=(Driver("production", "claude-opus-5-5", Decimal("9.5"), Decimal("1.25")),),
    )
    text = render(report)
    assert text.index("| | Budget |") < text.index("**What changed**") < text.index("<sub>")
    assert items(report) == [
        "Since the last report (Nov 22, 15:00 UTC): $1.75 spent.",
        "claude-opus-5-5 in production: $9.50 today, usually $1.25 a day.",
    ]


def test_without_a_last_report_nothing_changed() -> None:
    """There is no section without a sentence."""
    assert "changed" not in render(make_report("ok", make_budget(pace=PACE)))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_names_of_drivers_stay_names(hostile: str) -> None:
    """A model and a workspace are a code span each, and a section of two items has no more."""
    report = make_report(
        "ok",
        make_budget(),
        previous_as_of=THEN,
        drivers=(Driver(hostile, hostile, Decimal(2), Decimal(1)),),
    )
    text = render(report)
    assert_own_structure(text)
    assert kinds(text).count("list_item_open") == 2
    # The budget's name and both of the driver.
    assert kinds(text).count("code_inline") == 3


# Many budgets, links and the forecast's bars


def test_of_many_budgets_those_that_are_ok_are_folded() -> None:
    """What is to be looked at stands in the open, however many others there are."""
    budgets = [make_budget(f"ok-{number}") for number in range(8)]
    breach = make_budget("bad", "12", status="breached")
    eight = render(make_report("breached", breach, *budgets[:7]))
    nine = render(make_report("breached", breach, *budgets))
    assert "budgets are ok</summary>" not in eight
    shown, folded = nine.split("<details><summary>8 budgets are ok</summary>")
    assert ("`bad`" in shown, "`ok-0`" in shown, "`ok-0`" in folded) == (True, False, True)


COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINKS = Links("https://github.example", "OWNER/app", COMMIT, "42")


def test_the_policys_line_and_the_run_are_links() -> None:
    """Where GitHub says which repository, commit and run this is."""
    report = make_report("breached", make_budget(spend="12", status="breached"))
    text = render_markdown(report, "ci/budget.yml", LINKS)
    base = "https://github.example/OWNER/app"
    assert f"[`ci/budget.yml:4`]({base}/blob/{COMMIT}/ci/budget.yml#L4)" in text
    assert f"[This run]({base}/actions/runs/42)" in text


@pytest.mark.parametrize(
    "links",
    [
        LINKS._replace(server="http://github.example"),
        LINKS._replace(server="https://github.example/) x"),
        LINKS._replace(repository="OWNER/app/../.."),
        LINKS._replace(repository="OWNER"),
        LINKS._replace(commit="main)"),
        Links(),
    ],
)
def test_what_looks_odd_makes_no_link_to_the_policy(links: Links) -> None:
    """A variable of the environment may hold anything."""
    report = make_report("breached", make_budget(spend="12", status="breached"))
    assert "](http" not in render_markdown(report, "budget.yml", links._replace(run_id="x"))


@pytest.mark.parametrize(
    "policy", ["/etc/budget.yml", "../budget.yml", "a/../../b.yml", "a\\b.yml"]
)
def test_a_policy_that_is_not_the_repositorys_has_no_link(policy: str) -> None:
    """It is not in the commit."""
    assert LINKS.policy(policy, 4) is None


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_file_name_stays_in_its_link(hostile: str) -> None:
    """Its address is quoted, and its label is code."""
    address = LINKS.policy(hostile, 4)
    assert address is None or re.fullmatch(r"[A-Za-z0-9:/._~%#-]+", address)


@pytest.mark.parametrize(
    ("least", "next_day", "last"), [("5.505", "6.00", "20.00"), ("4.505", "6.50", "20.50")]
)
def test_days_to_come_go_on_from_what_was_spent(least: str, next_day: str, last: str) -> None:
    """Up to the month-end that is forecast; half a range higher, as the bars show its upper end."""
    path = tuple(Decimal(20 if day == 30 else 6) for day in range(3, 31))
    forecast = Forecast(Decimal(10), path[-1], Decimal(30), None, path)
    whole = make_budget("organization", cap="10", id="global", forecast=forecast)
    chart = mermaid(render(make_report("ok", whole, days=DAYS, spend=bounds(least, "5.505"))))
    grey, spent = (line for line in chart if line.startswith("bar"))
    heights = grey.removeprefix("bar [").removesuffix("]").split(", ")
    assert spent == "bar [3.10, 3.10, 5.50]"
    assert heights[:4] == ["3.10", "3.10", "5.50", next_day]
    assert (len(heights), heights[-1]) == (30, last)
    assert points(chart, "x-axis") == [str(day) for day in range(1, 31)]


def test_days_to_come_are_never_below_what_was_spent() -> None:
    """A forecast of less than that, as usage may be taken back, draws no fall."""
    path = tuple(Decimal(1) for _ in range(28))
    forecast = Forecast(Decimal(1), Decimal(1), Decimal(1), None, path)
    whole = make_budget("organization", cap="10", id="global", forecast=forecast)
    chart = mermaid(render(make_report("ok", whole, days=DAYS, spend=bounds("5.505"))))
    grey = next(line for line in chart if line.startswith("bar"))
    assert grey.removesuffix("]").split(", ")[-1] == "5.50"
