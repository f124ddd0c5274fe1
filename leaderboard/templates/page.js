// The page: what is asked for stands in the address (#dataset=...&sort=...), and the tables follow it.

const data = JSON.parse(document.getElementById("data").textContent);
const filters = document.getElementById("filters");
const boards = document.getElementById("boards");
const dialog = document.getElementById("details");
const FACETS = ["dataset", "protocol", "subset", "part", "kind"];
const KEYS = [...FACETS, "q", "sort", "dir", "row"];
const blank = () => Object.fromEntries(KEYS.map((key) => [key, ""]));
const openPlots = new Set();
let state = blank();
let shown = [];

const haystacks = new Map(data.tables.flatMap((table) => table.entries.map((entry) => [entry,
  [entry.model, entry.variant, entry.train_data, entry.source, entry.device, table.dataset, table.protocol, ...remarksOf(entry)].join("\n").toLowerCase()])));

const subsetsOf = (table, entry, part) => [...new Set(Object.keys(entry.parts[part] || {}).map((column) => table.columns[column].subset))];

function valuesOf(facet, table, entry) {
  if (facet === "part") return Object.keys(entry.parts).filter((part) => part);
  if (facet === "subset") return subsetsOf(table, entry, state.part);
  return [facet === "kind" ? entry.kind : table[facet]];
}

function matches(table, entry, except = "") {
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  return words.every((word) => haystacks.get(entry).includes(word)) &&
    (except === "part" || Object.hasOwn(entry.parts, state.part)) &&
    FACETS.every((facet) => facet === "part" || facet === except || !state[facet] || valuesOf(facet, table, entry).includes(state[facet]));
}

/** Offers of each facet the values that the other filters leave, with how many rows they have. */
function fillFilters() {
  filters.elements.q.value = state.q;
  for (const facet of FACETS) {
    const counts = new Map(state[facet] ? [[state[facet], 0]] : []);
    for (const table of data.tables) {
      for (const entry of table.entries) {
        if (!matches(table, entry, facet)) continue;
        for (const value of valuesOf(facet, table, entry)) counts.set(value, (counts.get(value) || 0) + 1);
      }
    }
    const select = filters.elements[facet];
    const option = (value) => make("option", { value, selected: value === state[facet] }, `${value} (${counts.get(value)})`);
    select.replaceChildren(make("option", { value: "" }, facet === "part" ? "whole subset" : "all"), ...[...counts.keys()].sort(byName).map(option));
    select.value = state[facet];
    select.disabled = !counts.size;
  }
}

function render() {
  fillFilters();
  shown = [];
  const groups = new Map();
  for (const table of data.tables) {
    const entries = table.entries.filter((entry) => matches(table, entry));
    if (!entries.length) continue;
    const made = makeTable(table, entries, state, { sort, open });
    shown.push(made);
    const name = [table.dataset, table.split].join("\n");
    if (!groups.has(name)) groups.set(name, make("section", { class: "dataset" }, make("h2", {}, table.dataset, table.split ? make("small", {}, table.split) : null)));
    groups.get(name).append(made.node);
    addPlots(made);
  }
  for (const each of shown) each.arrange(state.sort, state.dir);
  boards.replaceChildren(...groups.values());
  if (!shown.length) boards.append(make("p", { class: "empty" }, "No row matches these filters."));
  const rows = shown.reduce((sum, each) => sum + each.entries.length, 0);
  document.getElementById("count").textContent = `${count(rows, "row")} in ${count(shown.length, "table")}`;
}

/** Plots under a table, drawn when they are unfolded. */
function addPlots(made) {
  const titles = plotsOf(made.table, made.entries, data.runs).map(([title]) => title);
  if (!titles.length) return;
  const body = make("div", { class: "plots" });
  made.paint = () => {
    const figures = plotsOf(made.table, made.order, data.runs).map(([title, each]) => figure(title, each));
    body.replaceChildren(...figures.map((each) => each.node));
    for (const each of figures) each.paint();
  };
  const fold = make("details", { class: "fold", ontoggle: () => {
    openPlots[fold.open ? "add" : "delete"](made.table);
    if (fold.open) made.paint();
  } }, make("summary", {}, "Plots: ", titles.join(", ")), body);
  fold.open = openPlots.has(made.table);
  made.fold = fold;
  made.node.append(fold);
}

function sort(column, now, table) {
  const opposite = { ascending: "descending", descending: "ascending" };
  state.dir = opposite[now] || natural(table, column);
  state.sort = column;
  for (const each of shown) {
    each.arrange(state.sort, state.dir);
    if (each.fold?.open) each.paint();
  }
  keep();
}

function open(entry, table) {
  const made = shown.find((each) => each.table === table);
  state.row = entry.id;
  keep();
  openDetails(dialog, entry, made, state, data.runs);
}

function keep() {
  const asked = new URLSearchParams(KEYS.filter((key) => state[key]).map((key) => [key, state[key]]));
  history.replaceState(null, "", `#${asked}`);
}

function restore() {
  if (location.hash === "#boards") return keep();
  const asked = new URLSearchParams(location.hash.slice(1));
  state = Object.fromEntries(KEYS.map((key) => [key, asked.get(key) || ""]));
  render();
  const made = shown.find((each) => each.entries.some((entry) => entry.id === state.row));
  if (made) open(made.entries.find((entry) => entry.id === state.row), made.table);
  else dialog.close();
}

filters.addEventListener("input", (event) => {
  state[event.target.name] = event.target.value;
  keep();
  render();
});
filters.addEventListener("submit", (event) => event.preventDefault());
filters.addEventListener("reset", (event) => {
  event.preventDefault();
  state = blank();
  keep();
  render();
});
boards.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || !event.target.matches("button.model")) return;
  const buttons = [...boards.querySelectorAll("button.model")];
  const next = buttons[buttons.indexOf(event.target) + step];
  if (next) next.focus();
  event.preventDefault();
});
dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
dialog.addEventListener("close", () => {
  const button = boards.querySelector(`button[data-entry="${CSS.escape(state.row)}"]`);
  state.row = "";
  keep();
  button?.focus();
});
window.addEventListener("hashchange", restore);
restore();
