// The drawer: all that is known of one entry.

const BADGES = (entry) => [badge(entry.kind), entry.mark ? badge(entry.mark) : null];

function fact(name, value, kind = "") {
  const items = (Array.isArray(value) ? value : [value]).filter((item) => item !== null && item !== undefined && item !== "");
  return items.length ? [make("dt", {}, name), items.map((item) => make("dd", {}, kind ? make(kind, {}, item) : item))] : null;
}

/** Fills the dialog with one entry of a table that is shown, and opens it. */
function openDetails(dialog, entry, { table, order, columns }, view, runs) {
  const { part } = view;
  const run = entry.run === undefined ? null : runs[entry.run];
  const measured = entry.kind === "measured";
  const figures = plotsOf(table, order, runs)
    .map(([title, views]) => [title, views.filter((each) => each.series.some((line) => line.entry === entry))])
    .filter(([, views]) => views.length).map(([title, views]) => figure(title, views, entry));
  const [rank, why] = placeOf(entry, part, columns[0]);
  dialog.replaceChildren(
    make("header", {},
      make("div", {}, make("h2", { id: "details-title" }, entry.model, entry.variant ? make("span", { class: "variant" }, entry.variant) : null),
        make("p", {}, BADGES(entry), [table.dataset, table.split, part].filter(Boolean).join(" · "))),
      make("button", { type: "button", class: "close", "aria-label": "Close", onclick: () => dialog.close() }, "×")),
    make("div", { class: "body" },
      make("dl", {},
        fact(measured ? "Command" : "Source", entry.source, measured ? "code" : ""),
        fact("Date", entry.date), fact("Protocol", table.protocol, "code"),
        fact("Rank", [/^\d/.test(rank) ? rank : "none", why ? ` (${why})` : ""].join("")),
        fact("Trained on", entry.train_data), fact("Device", entry.device),
        fact("Provenance", entry.provenance, "code"), fact("Remarks", remarksOf(entry)),
        fact("Warnings", run?.warnings), fact("Notes", run?.notes)),
      figures.map((each) => each.node),
      make("h3", {}, "Numbers"), numbersTable(table, entry, part), strataTable(table, entry),
      run && Object.keys(run.provenance).length ? [make("h3", {}, "What made it"), tree(run.provenance)] : null));
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  for (const each of figures) each.paint();
}

/** Each remark once, with its columns where it is not of all. */
function remarksOf(entry) {
  const found = new Map();
  const all = new Set();
  for (const [column, number] of Object.values(entry.parts).flatMap((numbers) => Object.entries(numbers))) {
    all.add(column);
    if (number.remarks) found.set(number.remarks, new Set(found.get(number.remarks)).add(column));
  }
  return [...found].map(([remark, columns]) => (columns.size === all.size ? remark : `${[...columns].join(", ")}: ${remark}`));
}

const boxed = (name, head, rows) => make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": name }, make("table", {},
  make("thead", {}, make("tr", {}, head.map((words, i) => make("th", { scope: "col", class: i ? "num" : "text" }, words)))),
  make("tbody", {}, rows.map(([first, ...others]) => make("tr", {}, make("th", { scope: "row" }, first), others.map((words) => make("td", { class: "num" }, words)))))));

function numbersTable(table, entry, part) {
  const numbers = Object.keys(table.columns).map((column) => [column, numberOf(entry, part, column)]).filter(([, number]) => number);
  const scored = ({ scored: some, total }) => (some === undefined ? "" : `${some.toLocaleString("en")}${total === undefined ? "" : ` of ${total.toLocaleString("en")}`}`);
  const extra = [
    ["95 % interval", (number) => number.range], ["std", (number) => number.spread], ["trainings", (number) => number.seeds],
    ["rank", (number) => number.rank], ["recordings", (number) => number.units], ["scored", scored],
  ].filter(([, text]) => numbers.some(([, number]) => text(number) !== undefined && text(number) !== ""));
  return boxed("Numbers", ["metric", "value", ...extra.map(([name]) => name)], numbers.map(([column, number]) =>
    [column, `${number.text} ${table.columns[column].unit}`, ...extra.map(([, text]) => String(text(number) ?? ""))]));
}

/** All strata, folded away. */
function strataTable(table, entry) {
  const strata = Object.keys(entry.parts).filter((part) => part).sort(byName);
  if (!strata.length) return null;
  const columns = Object.keys(table.columns).filter((column) => strata.some((part) => numberOf(entry, part, column)));
  const cell = (number) => (number ? [number.text, number.range ? make("span", { class: "ci" }, number.range) : null] : "–");
  return make("details", {}, make("summary", {}, `Strata (${strata.length})`),
    boxed("Strata", ["stratum", ...columns.map((column) => `${column} [${table.columns[column].unit}]`)],
      strata.map((part) => [part, ...columns.map((column) => cell(numberOf(entry, part, column)))])));
}

/** A mapping as a list of facts; what is nested is nested. */
function tree(value) {
  const plain = (item) => (item !== null && typeof item === "object" ? JSON.stringify(item) : String(item));
  return make("dl", { class: "tree" }, Object.entries(value).map(([key, item]) =>
    item !== null && typeof item === "object" && !Array.isArray(item)
      ? (Object.keys(item).length ? [make("dt", {}, key), make("dd", {}, tree(item))] : null)
      : fact(key, Array.isArray(item) ? item.map(plain).join(", ") : plain(item), "code")));
}
