"""The charts of the page, as Vega-Lite: the page's own script gives them their data.

Colours are variables of the style sheet, so that they follow the theme of the reader's system.
"""

from typing import Any, Final

import altair as alt

from budget_gate.domain.figures import MOST_WORKSPACES

_TEXT: Final = "var(--text)"
_QUIET: Final = "var(--quiet)"
_LINE: Final = "var(--line)"
_SERIES: Final = list(range(MOST_WORKSPACES + 1))
_FONT: Final = "system-ui, sans-serif"
# The first of a year is told as that; within a day there is nothing to tell.
_DAY: Final = (
    "utchours(datum.value) ? '' : utcmonth(datum.value) == 0 && utcdate(datum.value) == 1"
    " ? utcFormat(datum.value, '%Y') : utcFormat(datum.value, '%b %-d')"
)
# An axis has a place for six digits: `$40M`, and `$0.002` where cents are too coarse.
_USD: Final = (
    "abs(datum.value) >= 1e9 ? format(datum.value / 1e9, '$,.4~f') + 'B'"
    " : abs(datum.value) >= 1e6 ? format(datum.value / 1e6, '$,.4~f') + 'M'"
    " : abs(datum.value) >= 1 ? format(datum.value, '$,.2~f') : format(datum.value, '$,.2~r')"
)


def charts() -> dict[str, dict[str, Any]]:
    """Each chart by its name on the page, without data."""
    made = {"daily": _daily(), "month": _month(), "models": _models(), "shares": _shares()}
    return {name: _looked_after(chart).to_dict() for name, chart in made.items()}


def vega_lite_version() -> str:
    """The version of Vega-Lite that the charts are written in, such as `6.4`."""
    return ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])


def _looked_after(chart: alt.LayerChart | alt.FacetChart) -> Any:
    """The chart as wide as its place, with the fonts and colours of the page."""
    return (
        chart.properties(
            width="container",
            height=260,
            autosize=alt.AutoSizeParams(type="fit-x", contains="padding"),
        )
        .configure(aria=False, background="transparent", font=_FONT)
        .configure_view(stroke=None)
        .configure_axis(
            domainColor=_LINE,
            gridColor=_LINE,
            labelColor=_QUIET,
            labelFontSize=12,
            tickColor=_LINE,
            titleColor=_QUIET,
            titleFontSize=12,
            titleFontWeight="normal",
        )
    )


def _days(field: str = "from") -> alt.X:
    """A time axis in UTC, as days are."""
    axis = alt.Axis(
        labelExpr=_DAY, labelOverlap=True, labelSeparation=8, tickCount=6, title=None, grid=False
    )
    return alt.X(f"{field}:T", axis=axis, scale=alt.Scale(type="utc", nice=False))


def _amount(field: str) -> alt.Y:
    return alt.Y(f"{field}:Q", axis=alt.Axis(labelExpr=_USD, tickCount=5, title="USD"))


def _pointed_at(data: str) -> Any:
    """A column of each day, to be pointed at; the page's script shows what is there."""
    column = alt.selection_point(
        name=f"{data}_pointed", on="pointerover", clear="pointerout", empty=False
    )
    return (
        alt.Chart(alt.NamedData(data))
        .mark_rect(fill=_TEXT)
        .encode(
            x=_days(),
            x2="to:T",
            opacity=alt.condition(column, alt.value(0.12), alt.value(0)),
            tooltip="from:T",
        )
        .add_params(column)
    )


def _daily() -> alt.LayerChart | alt.FacetChart:
    """A stacked area: a day's cost is as wide as a day, with the date below its middle."""
    colours = alt.Scale(domain=_SERIES, range=[f"var(--series-{it})" for it in _SERIES])
    areas = (
        alt.Chart(alt.NamedData("daily"))
        .mark_area(interpolate="step-after", stroke="var(--page)", strokeWidth=0.7)
        .encode(
            x=_days(),
            y=_amount("usd").stack("zero"),
            color=alt.Color("series:O", scale=colours, legend=None),
            order="series:Q",
        )
    )
    return alt.layer(areas, _pointed_at("columns"))


def _month() -> alt.LayerChart | alt.FacetChart:
    """The spend of the month so far, its cap, and the forecast for its end."""
    forecast = alt.NamedData("forecast")
    spent = alt.Chart(alt.NamedData("month"))
    cap = alt.Chart(alt.NamedData("cap"))
    band = (
        alt.Chart(forecast)
        .mark_area(fill="var(--accent)", opacity=0.15)
        .encode(x=_days(), y=_amount("low"), y2="high:Q")
    )
    expected = (
        alt.Chart(forecast)
        .mark_line(stroke="var(--accent)", strokeDash=[4, 4], strokeWidth=2)
        .encode(x=_days(), y=_amount("usd"))
    )
    most = spent.mark_area(fill="var(--accent)", opacity=0.5).encode(
        x=_days(), y=_amount("usd"), y2="high:Q"
    )
    area = spent.mark_area(fill="var(--accent)", opacity=0.25).encode(x=_days(), y=_amount("usd"))
    line = spent.mark_line(stroke="var(--accent)", strokeWidth=2.5).encode(
        x=_days(), y=_amount("usd")
    )
    rule = cap.mark_rule(stroke="var(--breached)", strokeWidth=2).encode(
        x=_days(), x2="to:T", y=_amount("usd")
    )
    name = cap.mark_text(
        align="left", baseline="bottom", dx=4, dy=-3, fill="var(--breached)", fontSize=12
    ).encode(x=_days(), y=_amount("usd"), text="label:N")
    return alt.layer(band, area, most, expected, line, rule, name, _pointed_at("month_columns"))


def _models() -> alt.LayerChart | alt.FacetChart:
    """A bar for each model, the dearest first, with its amount below its name."""
    names = alt.Axis(
        title=None,
        labelExpr="split(datum.value, '\\n')",
        labelLimit=200,
        labelPadding=8,
        domain=False,
        ticks=False,
    )
    bars = alt.Chart(alt.NamedData("models")).encode(
        y=alt.Y("label:N", sort=None, axis=names),
        x=alt.X("usd:Q", axis=alt.Axis(labelExpr=_USD, labelFlush=True, tickCount=4, title="USD")),
        tooltip="name:N",
    )
    return alt.layer(bars.mark_bar(fill="var(--accent)"))


def _shares() -> alt.LayerChart | alt.FacetChart:
    """How much of the input was read from the cache, and how much ran as batches, day by day."""
    names = alt.Scale(domain=["cache", "batch"], range=["var(--accent)", "var(--second)"])
    dashes = alt.Scale(domain=["cache", "batch"], range=[[1, 0], [5, 3]])
    lines = (
        alt.Chart(alt.NamedData("shares"))
        .mark_line(interpolate="step-after", strokeWidth=2)
        .encode(
            x=_days(),
            y=alt.Y("share:Q", axis=alt.Axis(format="%", tickCount=5, title=None)).scale(
                domain=[0, 1]
            ),
            color=alt.Color("what:N", scale=names, legend=None),
            strokeDash=alt.StrokeDash("what:N", scale=dashes, legend=None),
        )
    )
    return alt.layer(lines, _pointed_at("share_columns"))
