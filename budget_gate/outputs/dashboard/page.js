// What is pointed at.

function tip(name, datum) {
  const rows = [];
  const line = (label, value, mark) => {
    const row = make("div");
    if (mark) row.append(mark);
    row.append(make("span", label), make("b", value));
    rows.push(row);
  };
  if (name === "models") {
    line(datum.name, datum.cost);
    return rows;
  }
  const open = data.days[datum.day] === data.openDay ? " so far" : "";
  rows.push(make("div", `${words(data.days[datum.day])}${open}`));
  if (name === "shares") {
    const [input, read, tokens, batch] = used([datum.day]).get(datum.day);
    line("cache hits", percent(read, input));
    line("batch", percent(batch, tokens));
    return rows;
  }
  const list = cells.filter((it) => selected.has(it.workspace));
  if (name === "month") {
    const until = list.filter((it) => it.day <= datum.day && it.day >= monthDays[0]);
    line("since the 1st", between(sum(until, (it) => it.low), sum(until, (it) => it.high)));
    return rows;
  }
  const of = grouped(list, "day", "workspace");
  for (const workspace of all) {
    const { low, high } = of(datum.day, workspace);
    if (high) line(data.workspaces[workspace].name, between(low, high), swatch(workspace));
  }
  const whole = grouped(list, "day")(datum.day);
  line("total", between(whole.low, whole.high));
  return rows;
}

function point(name) {
  return (_, event, item, value) => {
    const box = at("tip");
    box.hidden = !value;
    if (!value) return;
    box.replaceChildren(...tip(name, item.datum));
    const { clientX: x, clientY: y } = event;
    const { width, height } = box.getBoundingClientRect();
    const left = x + 16 + width > innerWidth ? Math.max(0, x - width - 16) : x + 16;
    box.style.transform = `translate(${left}px, ${Math.max(0, Math.min(y + 12, innerHeight - height))}px)`;
  };
}

// What is shown.

function draw(name, datasets, told) {
  const place = at(name);
  place.setAttribute("role", "img");
  place.setAttribute("aria-label", told);
  if (views[name]) {
    views[name].then(({ view }) => {
      for (const [key, rows] of Object.entries(datasets)) view.data(key, rows);
      return view.resize().runAsync();
    });
    return;
  }
  // Within what has the role of an image, nothing has one of its own.
  const inner = make("div");
  inner.setAttribute("aria-hidden", "true");
  place.replaceChildren(inner);
  views[name] = vegaEmbed(inner, { ...charts[name], datasets }, {
    actions: false, ast: true, defaultStyle: false, renderer: "svg", tooltip: point(name),
  });
}

function tiles(list, days) {
  const low = sum(list, (it) => it.low);
  const high = sum(list, (it) => it.high);
  const full = list.filter((it) => data.days[it.day] !== data.openDay);
  const count = days.filter((day) => data.days[day] !== data.openDay).length;
  const [input, read, tokens, batch] = added(used(days));
  const rows = [["Spend", between(low, high), ""]];
  const average = (of) => sum(full, of) / BigInt(count);
  if (count) rows.push(["Daily average", between(average((it) => it.low), average((it) => it.high)), "of full days"]);
  rows.push(["Cache hits", percent(read, input), "of input tokens"]);
  if (data.saved) {
    const kept = data.saved.filter(([day, workspace]) => isChosen(day) && selected.has(workspace));
    const least = sum(kept, (it) => units(it[2]));
    const most = sum(kept, (it) => units(it[3] || it[2]));
    rows.push([most < 0n ? "Caching cost" : "Saved by caching", most < 0n ? between(-most, -least) : between(least, most), "against uncached prices"]);
  }
  rows.push(["Batch", percent(batch, tokens), "of tokens"]);
  const billed = data.uses.filter((it) => it[6] && isChosen(it[0]) && selected.has(it[1]));
  if (billed.length) {
    const [listed, paid] = [6, 7].map((number) => sum(billed, (it) => units(it[number])));
    const off = listed - paid;
    const share = percent(Math.abs(float(off)), float(listed));
    const told = `${usd(listed)} at list prices (${share} ${off < 0n ? "more" : "less"}), settled days`;
    rows.push(["Billed", usd(paid), told]);
  }
  at("tiles").replaceChildren(
    ...rows.map(([name, value, more]) => {
      const box = make("div");
      const shown = make("dd", value);
      if (more) shown.append(make("small", more));
      box.append(make("dt", name), shown);
      return box;
    }),
  );
}

function table(list, days) {
  const shown = all.filter((it) => selected.has(it));
  const of = grouped(list, "day", "workspace");
  const total = grouped(list, "day");
  const inAll = grouped(list, "workspace");
  const counts = used(days);
  const head = make("tr");
  for (const name of ["Day (UTC)", ...shown.map((it) => data.workspaces[it].name), "Total", "Cache hits", "Batch"]) {
    const cell = make("th", name);
    cell.scope = "col";
    head.append(cell);
  }
  const rowOf = (name, costs, [input, read, tokens, batch]) => {
    const row = make("tr");
    const cell = make("th", name);
    cell.scope = "row";
    const texts = [...costs.map((it) => between(it.low, it.high)), percent(read, input), percent(batch, tokens)];
    row.append(cell, ...texts.map((it) => make("td", it)));
    return row;
  };
  const rows = [...days].reverse().map((day) => {
    const open = data.days[day] === data.openDay ? " so far" : "";
    return rowOf(`${data.days[day]}${open}`, [...shown.map((it) => of(day, it)), total(day)], counts.get(day));
  });
  const whole = { low: sum(list, (it) => it.low), high: sum(list, (it) => it.high) };
  const [thead, tbody, tfoot] = [make("thead"), make("tbody"), make("tfoot")];
  thead.append(head);
  tbody.append(...rows);
  tfoot.append(rowOf("Total", [...shown.map((it) => inAll(it)), whole], added(counts)));
  at("table").replaceChildren(make("caption", "USD by day and workspace, cache hits and batch by day"), thead, tbody, tfoot);
}

let file = "";
function csv(list) {
  const lines = list.map(({ day, workspace, model, texts }) =>
    [data.days[day], data.workspaces[workspace].cells, data.models[model].cells, ...texts].join(),
  );
  const text = ["date,workspace_id,workspace,model,usd,usd_high", ...lines, ""].join("\r\n");
  if (file) URL.revokeObjectURL(file);
  file = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  at("download").href = file;
}

function show() {
  const days = data.days.map((_, day) => day).filter(isChosen);
  const list = cells.filter(isShown);
  const isEmpty = !selected.size || !days.length;
  at("shown").hidden = isEmpty;
  const [low, high] = [sum(list, (it) => it.low), sum(list, (it) => it.high)];
  const total = between(low, high);
  const which = selected.size === all.length ? "all workspaces" : `${selected.size} of ${all.length} workspaces`;
  const dates = days.length ? `${words(data.days[days[0]])} to ${words(data.days[days[days.length - 1]])}` : "no days";
  // Said by the line that is read out when it changes.
  const missing = all.length ? "No workspace is selected. Select one above." : "Nothing was used on these days.";
  at("showing").textContent = isEmpty ? missing : `${total} in ${which}, ${dates} (UTC)`;
  if (isEmpty) return;
  tiles(list, days);
  const notes = [];
  if (days.some((day) => data.days[day] === data.openDay)) {
    notes.push(`${words(data.openDay, false)} so far (until ${data.asOf.slice(11, 16)} UTC).`);
  }
  if (usd(low) !== usd(high)) notes.push("Areas and bars show what was spent at least.");
  at("daily-note").textContent = notes.join(" ");
  draw("daily", daily(list, days), `Stacked area: USD per day by workspace, ${dates}. In all: ${total}. The table below has every value.`);
  const its = budget();
  const ofMonth = cells.filter((it) => selected.has(it.workspace) && it.day >= monthDays[0]);
  const ends = [sum(ofMonth, (it) => it.low), sum(ofMonth, (it) => it.high)];
  const capped = its ? `${between(...ends)} of the ${dollars(its.cap)} cap` : between(...ends);
  const ahead = its && its.forecast ? its.outlook : "";
  at("month-heading").textContent = `${monthOf(data.month[0], true)}${its ? " against the cap" : ""}`;
  const told = usd(ends[0]) === usd(ends[1]) ? [] : ["Line: spend, at least; dark band: at most."];
  if (ahead) told.push(`Dashed is the ${ahead}.`);
  if (!its && Object.keys(data.budgets).length) told.push("Select all workspaces, or one that has a budget, to see a cap.");
  at("month-note").textContent = told.join(" ");
  draw("month", month(), `Line: cumulative USD since ${words(data.month[0])}: ${[capped, ahead].filter(Boolean).join("; ")}.`);
  const byModel = models(list);
  draw("models", byModel, `Bars: USD by model. ${byModel.models.map((it) => `${it.name} ${it.cost}`).join(", ")}.`);
  draw("shares", shares(days), "Lines: cache hits and batch per day, in percent. The table below has every value.");
  if (at("data").open) table(list, days);
  csv(list);
}

// The controls.

function control(kind, name, label, isChecked, change, mark) {
  const box = make("label");
  const input = make("input");
  Object.assign(input, { type: kind, name, checked: isChecked });
  input.addEventListener("change", () => { change(input.checked); show(); });
  box.append(input);
  if (mark) box.append(mark);
  box.append(make("span", label));
  return box;
}

at("ranges").append(
  ...choices.map((it) => control("radio", "range", it.label, it === range, () => { range = it; })),
);
at("workspaces").append(
  ...all.map((it) =>
    control("checkbox", "workspace", data.workspaces[it].name, true, (on) => { selected[on ? "add" : "delete"](it); }, swatch(it)),
  ),
);
const select = (isOn) => {
  selected.clear();
  if (isOn) all.forEach((it) => selected.add(it));
  document.querySelectorAll("#workspaces input").forEach((it) => { it.checked = isOn; });
  show();
};
at("select-all").addEventListener("click", () => select(true));
at("select-none").addEventListener("click", () => select(false));
at("data").addEventListener("toggle", show);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("filters").hidden = !all.length;

// How old the page is: it may stay open, or be what a run that failed has left.

function age() {
  const hours = Math.floor((Date.now() - time(data.asOf)) / HOUR);
  if (hours < OLD || !data.ages) return;
  const told = hours < 72 ? `${hours} hours` : `${Math.floor(hours / 24)} days`;
  at("age").textContent = `This page is ${told} old: later spend is not on it, nor in its verdict.`;
  at("age").hidden = false;
  document.body.classList.add("old");
}

at("nothing").hidden = true;
age();
setInterval(age, HOUR / 60);
show();
