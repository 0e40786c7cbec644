// What there is: the data, exact sums, what is selected.

const at = (id) => document.getElementById(id);
const data = JSON.parse(at("figures").textContent);
const charts = JSON.parse(at("charts").textContent);
const DAY = 86400000;
const HOUR = DAY / 24;
// In hours: a history that is synced every six hours is of the day before.
const OLD = 36;
const RANGES = [7, 30, 90];
const newest = data.days.length - 1;
const all = data.workspaces.map((_, number) => number);
const selected = new Set(all);
const views = {};

// Exact sums: amounts are whole numbers of their smallest unit.
const decimals = (text) => text.length - 1 - (text + ".").indexOf(".");
const amounts = [...data.cells, ...(data.saved || [])].flatMap((it) => it.filter((part) => typeof part === "string"));
const bills = data.uses.flatMap((it) => it.slice(6));
const places = [...amounts, ...bills].reduce((most, it) => Math.max(most, decimals(it)), 2);
const units = (text) => {
  const [whole, fraction = ""] = text.split(".");
  return BigInt(whole + fraction.padEnd(places, "0"));
};
const exact = (sum) => {
  const digits = String(sum < 0n ? -sum : sum).padStart(places + 1, "0");
  const cut = `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, "");
  return sum < 0n ? `-${cut}` : cut;
};
const float = (sum) => Number(exact(sum));
const usd = (sum) => {
  const cent = 10n ** BigInt(places - 2);
  const size = sum < 0n ? -sum : sum;
  let cents = size / cent;
  const rest = 2n * (size % cent);
  if (rest > cent || (rest === cent && cents % 2n)) cents += 1n;
  const text = `$${(cents / 100n).toLocaleString("en-US")}.${String(cents % 100n).padStart(2, "0")}`;
  return sum < 0n && cents ? `-${text}` : text;
};
const between = (low, high) => (usd(low) === usd(high) ? usd(low) : `${usd(low)} to ${usd(high)}`);
// A cap, as it was written.
const dollars = (text) => {
  const [whole, fraction = ""] = text.split(".");
  return `$${BigInt(whole).toLocaleString("en-US")}${fraction && `.${fraction.padEnd(2, "0")}`}`;
};
const percent = (part, whole) => (whole ? `${((100 * part) / whole).toFixed(1)}%` : "–");
const time = (day) => Date.parse(day);
const words = (day, year = true) =>
  new Date(day).toLocaleDateString("en-US", {
    day: "numeric", month: "short", timeZone: "UTC", ...(year ? { year: "numeric" } : {}),
  });
const monthOf = (day, year) =>
  new Date(day).toLocaleDateString("en-US", { month: "long", timeZone: "UTC", ...(year ? { year: "numeric" } : {}) });
const make = (tag, text, ...classes) => {
  const element = document.createElement(tag);
  if (text !== undefined) element.textContent = text;
  if (classes.length) element.classList.add(...classes);
  return element;
};
// What stands for all others has a grey of its own.
const colour = (number) => (number === all.length - 1 && data.others ? 12 : number);
const swatch = (number) => {
  const element = make("span", "", "swatch");
  element.style.background = `var(--series-${colour(number)})`;
  return element;
};

const cells = data.cells.map(([day, workspace, model, low, high = low]) => ({
  day, workspace, model, low: units(low), high: units(high), texts: [low, high],
}));

// What is selected.

// The last month and this one, where none of their days is missing: what an invoice is of.
function monthChoice(month) {
  const from = data.days.indexOf(`${month}-01`);
  const to = data.days.findLastIndex((day) => day.startsWith(month));
  return from < 0 || to - from === newest ? [] : [{ label: monthOf(`${month}-01`), from, to }];
}
const lastMonth = new Date(time(data.month[0]) - DAY).toISOString().slice(0, 7);
const choices = [
  ...RANGES.filter((it) => it <= newest).map((it) => ({ label: `last ${it}`, from: newest - it + 1, to: newest })),
  ...[lastMonth, data.month[0].slice(0, 7)].flatMap(monthChoice),
  { label: `all ${data.days.length}`, from: 0, to: newest },
];
let range = choices.find((it) => it.label === "last 30") || choices[choices.length - 1];
const isChosen = (day) => day >= range.from && day <= range.to;
const inRange = (it) => isChosen(it.day);
const isShown = (it) => inRange(it) && selected.has(it.workspace);
const sum = (list, of) => list.reduce((total, it) => total + of(it), 0n);

function grouped(list, ...keys) {
  const found = new Map();
  for (const it of list) {
    const key = keys.map((name) => it[name]).join();
    const known = found.get(key) || { low: 0n, high: 0n };
    found.set(key, { low: known.low + it.low, high: known.high + it.high });
  }
  return (...parts) => found.get(parts.join()) || { low: 0n, high: 0n };
}

// A day is drawn around its date, so that the date stands below its middle.
const edge = (day) => time(data.days[day]) - DAY / 2;

function columns(days, start = edge) {
  return days.map((day) => ({ from: start(day), to: start(day) + DAY, day }));
}
