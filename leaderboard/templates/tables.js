// Tables: order and cells. A table is one dataset, split and full protocol id; a view is what is asked of it:
// {part, subset}, a stratum (empty: the whole subset) and a subset (empty: all of them).

const LAST = { partial: 3, untrained: 2, oracle: 1, "": 0 };

const numberOf = (entry, part, column) => {
  const number = entry.parts[part]?.[column];
  return number && number.value !== undefined ? number : null;
};

const columnsOf = (table, entries, { part, subset }) => Object.keys(table.columns).filter(
  (column) => (!subset || table.columns[column].subset === subset) && entries.some((entry) => numberOf(entry, part, column)));

const natural = (table, column) => (table.columns[column]?.higher ? "descending" : "ascending");

/** Best value of each column among entries that a rank is for. */
function bestOf(table, columns, part) {
  return new Map(columns.map((column) => {
    const values = table.entries.filter((entry) => !entry.mark).map((entry) => numberOf(entry, part, column)?.value).filter((value) => value !== undefined);
    return [column, table.columns[column].higher ? Math.max(...values) : Math.min(...values)];
  }));
}

/** Rank by the first column, and why. */
function placeOf(entry, part, headline) {
  const number = numberOf(entry, part, headline);
  if (!number) return ["–", `no ${headline}`];
  if (number.rank !== undefined) return [String(number.rank), [`by ${headline}`, number.note].filter(Boolean).join("; ")];
  return [(number.note || "").startsWith("not resolvable") ? "n.r." : "–", number.note];
}

/** Order of a table: by a column where it has it, else by its first number; what is not ranked and gaps are last. */
function ordering(table, columns, part, sort, dir) {
  const texts = new Map([["model", label], ["kind", (entry) => entry.kind], ["training", (entry) => entry.train_data], ["source", (entry) => entry.source]]);
  const column = columns.includes(sort) || texts.has(sort) ? sort : columns[0];
  const direction = column === sort && dir ? dir : natural(table, column);
  const sign = direction === "ascending" ? 1 : -1;
  const compare = (a, b) => {
    if (texts.has(column)) return sign * byName(texts.get(column)(a), texts.get(column)(b)) || byName(label(a), label(b));
    const [one, two] = [numberOf(a, part, column), numberOf(b, part, column)];
    return LAST[a.mark] - LAST[b.mark] || !one - !two || (one ? sign * (one.value - two.value) : 0) || byName(label(a), label(b));
  };
  return { column, direction, compare };
}

/** Builds one table; `sort(column, direction now, table)` and `open(entry, table)` say what was asked for. */
function makeTable(table, entries, view, { sort, open }) {
  const { part } = view;
  const columns = columnsOf(table, entries, view);
  const best = bestOf(table, columns, part);
  const widths = new Map(columns.map((column) => [column, columnWidths(column, entries, part)]));
  const subsets = new Set(columns.map((column) => table.columns[column].subset));
  const heads = new Map();
  const head = (column, words, kind, above = "", below = "") => {
    const mark = make("span", { class: "mark", "aria-hidden": "true" });
    const cell = make("th", { scope: "col", class: kind }, make("button", { type: "button", onclick: () => sort(column, cell.getAttribute("aria-sort"), table) },
      above ? make("small", { class: "subset" }, above) : null, make("span", { class: "name" }, mark, words), below ? make("small", {}, below) : null));
    heads.set(column, { cell, mark });
    return cell;
  };
  const numeric = (column) => {
    const { metric, subset, unit, higher } = table.columns[column];
    return head(column, metric, "num", subsets.size > 1 ? subset : "", `${unit} ${higher ? "↑" : "↓"}`);
  };
  const names = entries.map(label);
  const twice = (entry) => names.indexOf(label(entry)) !== names.lastIndexOf(label(entry));
  const rows = new Map(entries.map((entry) => [entry, makeRow(table, entry, part, columns, widths, best, twice(entry), open)]));
  const body = make("tbody");
  const node = make("table", {},
    make("thead", {}, make("tr", {},
      make("th", { scope: "col", class: "rank", title: `rank by ${columns[0]}` }, "#"), head("model", "Model", "text"), head("kind", "Kind", "kind"),
      columns.map(numeric), head("training", "Trained on", "text"), head("source", "Source", "text"))),
    body);
  const shown = { table, entries, columns, order: entries };
  shown.arrange = (column, dir) => {
    const by = ordering(table, columns, part, column, dir);
    shown.order = [...entries].sort(by.compare);
    body.replaceChildren(...shown.order.map((entry) => rows.get(entry)));
    for (const [name, { cell, mark }] of heads) {
      cell.setAttribute("aria-sort", name === by.column ? by.direction : "none");
      mark.textContent = name !== by.column ? "" : by.direction === "ascending" ? "▲" : "▼";
    }
  };
  shown.node = make("section", { class: "board" }, caption(table, shown, view, subsets),
    make("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${table.dataset} ${table.split} ${table.protocol}` }, node));
  return shown;
}

/** The heading over a table, with what a reader must know of its ranks. */
function caption(table, { entries, columns }, { part }, subsets) {
  const units = Math.max(0, ...table.entries.map((entry) => numberOf(entry, part, columns[0])?.units ?? 0));
  const unresolved = entries.some((entry) => placeOf(entry, part, columns[0])[0] === "n.r.");
  const vague = table.protocol.includes("=unstated") && entries.some((entry) => entry.kind === "reported");
  const only = subsets.size === 1 ? [...subsets][0] : "all";
  return [
    make("h3", {}, make("code", {}, table.protocol), only === "all" ? null : make("span", { class: "tag" }, only), part ? make("span", { class: "tag" }, part) : null,
      make("small", {}, [count(entries.length, "row"), units ? count(units, "recording") : "", vague ? "what is unstated may differ between papers: a rough order" : ""].filter(Boolean).join(" · "))),
    unresolved ? make("p", { class: "hint" }, `n.r.: not resolvable. With ${count(units, "recording")} the order of two models is chance; 10 are needed for a rank.`) : null,
  ];
}

const placesOf = (number) => (number.text.split(".")[1] || "").length;

/** The most digits behind the point and the widest interval of a column, so that its points stand in line. */
function columnWidths(column, entries, part) {
  const numbers = entries.map((entry) => numberOf(entry, part, column)).filter(Boolean);
  const ranges = numbers.map(({ range = "" }) => range.replace(/\D/g, "").length + 0.45 * range.replace(/\d/g, "").length);
  return { places: Math.max(0, ...numbers.map(placesOf)), range: Math.max(0, ...ranges) };
}

/** One line; where another has its name (`twice`), what tells them apart stands beside it. */
function makeRow(table, entry, part, columns, widths, best, twice, open) {
  const [rank, why] = placeOf(entry, part, columns[0]);
  const remarks = new Set(Object.values(entry.parts[part]).map((number) => number.remarks));
  const shared = remarks.size === 1 ? [...remarks][0] : undefined;
  return make("tr", { class: entry.mark ? "unranked" : null, onclick: () => getSelection().isCollapsed && open(entry, table) },
    make("td", { class: "rank", title: why }, rank),
    make("th", { scope: "row" }, make("button", { type: "button", class: "model", "data-entry": entry.id }, entry.model), shared ? make("sup", { title: shared }, "†") : null,
      entry.variant ? make("span", { class: "variant" }, entry.variant) : null, twice ? make("span", { class: "via" }, [entry.kind === "reported" ? entry.source : entry.date, entry.train_data].filter(Boolean).join(", ")) : null,
      make("span", { class: "narrow" }, entry.kind), entry.mark ? badge(entry.mark) : null),
    make("td", { class: "kind" }, badge(entry.kind)),
    columns.map((column) => makeCell(numberOf(entry, part, column), widths.get(column), entry.mark ? null : best.get(column), shared)),
    make("td", { class: "long", title: entry.train_data }, entry.train_data),
    make("td", { class: "long", title: entry.source }, entry.source));
}

function makeCell(number, width, best, shared) {
  const range = width.range ? make("span", { class: "ci" }, number?.range ?? "") : null;
  if (range) range.style.minWidth = `${width.range}ch`;
  if (!number) return make("td", { class: "num gap" }, "–", range);
  const places = placesOf(number);
  const pad = (places || !width.places ? "" : ".") + "0".repeat(width.places - places);
  return make("td", { class: "num", title: number.remarks },
    number.value === best ? make("b", {}, number.text) : number.text,
    number.remarks && number.remarks !== shared ? make("sup", {}, "†") : null, pad ? make("span", { class: "pad", "data-pad": pad }) : null,
    number.spread && !number.range ? make("span", { class: "ci" }, `± ${number.spread}`) : null, range);
}
