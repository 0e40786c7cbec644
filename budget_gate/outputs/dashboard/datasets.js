// The datasets of each chart.

function daily(list, days) {
  const of = grouped(list, "day", "workspace");
  const rows = [];
  for (const workspace of all.filter((it) => selected.has(it))) {
    for (const day of days) {
      rows.push({ from: edge(day), series: colour(workspace), usd: float(of(day, workspace).low) });
    }
    // The last day has a width, too.
    const last = rows[rows.length - 1];
    rows.push({ ...last, from: last.from + DAY });
  }
  return { daily: rows, columns: columns(days) };
}

const budget = () => {
  const chosen = [...selected];
  const its = chosen.length === all.length ? data.budgets.all : undefined;
  return its || (chosen.length === 1 ? data.budgets[chosen[0]] : undefined);
};

const monthDays = data.days.map((_, day) => day).filter((day) => data.days[day] >= data.month[0]);

function month() {
  const list = cells.filter((it) => selected.has(it.workspace));
  const of = grouped(list, "day");
  const [start, end] = data.month.map(time);
  const rows = [{ from: start, usd: 0, high: 0 }];
  let [low, high] = [0n, 0n];
  for (const day of monthDays) {
    low += of(day).low;
    high += of(day).high;
    const end = data.days[day] === data.openDay ? time(data.asOf) : time(data.days[day]) + DAY;
    rows.push({ from: end, usd: float(low), high: float(high) });
  }
  const its = budget();
  const last = rows[rows.length - 1];
  const ends = its && its.forecast && last.from < end ? its.forecast.map(Number) : null;
  // A point alone draws nothing, and has the axis reach to the end of the month.
  const forecast = ends
    ? [
        { from: last.from, low: last.usd, usd: last.usd, high: last.high },
        { from: end, low: ends[0], usd: ends[1], high: ends[2] },
      ]
    : [{ from: end, low: last.usd, usd: last.usd, high: last.usd }];
  const cap = its
    ? [{ from: start, to: end, usd: Number(its.cap), label: `cap ${dollars(its.cap)}` }]
    : [{ from: end, to: end, usd: last.usd, label: "" }];
  // A month that has just begun has a column without a width.
  const pointed = monthDays.length ? columns(monthDays, (day) => time(data.days[day])) : [{ from: start, to: start }];
  return { month: rows, forecast, cap, month_columns: pointed };
}

function models(list) {
  const of = grouped(list, "model");
  const rows = data.models.map(({ name }, model) => {
    const { low, high } = of(model);
    return { name, usd: float(low), cost: between(low, high), label: `${name}\n${between(low, high)}`, model };
  });
  const spent = rows.filter((it) => it.usd > 0).sort((one, other) => other.usd - one.usd);
  // Without any bar, an axis would have no extent.
  return { models: spent.length ? spent : rows };
}

function used(days) {
  const found = new Map(days.map((day) => [day, [0, 0, 0, 0]]));
  for (const [day, workspace, ...counts] of data.uses) {
    if (selected.has(workspace) && found.has(day)) {
      found.set(day, found.get(day).map((it, number) => it + counts[number]));
    }
  }
  return found;
}

const added = (counts) =>
  [...counts.values()].reduce((whole, it) => whole.map((count, number) => count + it[number]), [0, 0, 0, 0]);

function shares(days) {
  const rows = [];
  for (const [day, [input, read, tokens, batch]] of used(days)) {
    const from = edge(day);
    // A day without tokens has no share, and the line a gap.
    const both = [["cache", input ? read / input : null], ["batch", tokens ? batch / tokens : null]];
    for (const [what, share] of both) rows.push({ from, what, share });
  }
  rows.push(...rows.slice(-2).map((it) => ({ ...it, from: it.from + DAY })));
  return { shares: rows, share_columns: columns(days) };
}
