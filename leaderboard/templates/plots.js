// Line plots as inline SVG: PCK curves, and error against occlusion.

const MOST_LINES = 8;
const OCCLUSION = /^occlusion ([\d.]+)-([\d.]+)$/;

const label = (entry) => entry.model + (entry.variant ? ` ${entry.variant}` : "");

/** One view for each curve that some entry has. */
function curveViews(entries, runs) {
  const views = new Map();
  for (const entry of entries) {
    for (const curve of entry.run === undefined ? [] : runs[entry.run].curves) {
      if (!views.has(curve.name)) views.set(curve.name, { name: curve.name, x: `threshold [${curve.x_unit}]`, y: `${curve.name} [${curve.y_unit}]`, unit: curve.y_unit, top: curve.y_unit === "%" ? 100 : 0, series: [] });
      const points = curve.x.map((x, i) => ({ x, y: curve.y[i] })).filter((point) => point.x !== null && point.y !== null);
      views.get(curve.name).series.push({ entry, points });
    }
  }
  return [...views.values()];
}

/** The figures of some entries of a table: title and views; those without a view are left out. */
const plotsOf = (table, entries, runs) =>
  [["PCK", curveViews(entries, runs)], ["Error against occlusion", occlusionViews(table, entries)]].filter(([, views]) => views.length);

/** One view for each column that some entry has in two bins of occlusion or more. */
function occlusionViews(table, entries) {
  return Object.entries(table.columns).map(([column, { unit }]) => {
    const bins = new Map();
    const series = entries.map((entry) => ({ entry, points: Object.entries(entry.parts).flatMap(([part, numbers]) => {
      const bin = OCCLUSION.exec(part);
      const number = numbers[column];
      if (!bin || !number || number.value === undefined) return [];
      const x = (Number(bin[1]) + Number(bin[2])) / 2;
      bins.set(x, `${bin[1]}–${bin[2]}`);
      return [{ x, y: number.value, low: number.low, high: number.high }];
    }).sort((a, b) => a.x - b.x) }));
    const ticks = [...bins].sort((a, b) => a[0] - b[0]);
    return { name: column, x: "occlusion: hidden share of the hand", y: `${column} [${unit}]`, unit, top: 0, ticks, series: series.filter((line) => line.points.length > 1) };
  }).filter((view) => view.series.length);
}

/** A figure with a choice of views; the lines' values at the pointer stand in its legend. */
function figure(title, views, highlight = null) {
  const body = make("div", { class: "plot" });
  const choose = make("select", { "aria-label": `${title}: which`, onchange: () => paint(views[choose.selectedIndex]) },
    views.map((view) => make("option", {}, view.name)));
  const paint = (view) => body.replaceChildren(...plot(view, highlight, Math.min(620, Math.max(280, body.clientWidth))));
  const node = make("figure", {}, make("figcaption", {}, title, " ", views.length > 1 ? choose : make("span", {}, views[0].name)), body);
  return { node, paint: () => paint(views[Math.max(0, choose.selectedIndex)]) };
}

function plot(view, highlight, width) {
  const all = view.series;
  const chosen = all.filter((line, i) => i < MOST_LINES || line.entry === highlight);
  const points = chosen.flatMap((line) => line.points);
  const box = { left: 44, right: width - 12, top: 10, bottom: 244 };
  const xs = points.map((point) => point.x);
  const ys = points.flatMap((point) => [point.y, point.high ?? point.y]);
  const yTicks = ticksOf(0, view.top || Math.max(...ys) || 1);
  const xTicks = view.ticks || ticksOf(Math.min(...xs), Math.max(...xs)).filter((x) => x <= Math.max(...xs)).map((x) => [x, String(x)]);
  const margin = view.ticks ? 0.06 : 0;
  const scale = (value, low, high, from, to) => from + ((value - low) / (high - low || 1)) * (to - from);
  const inset = margin * (box.right - box.left);
  const X = (x) => scale(x, Math.min(...xs), Math.max(...xs), box.left + inset, box.right - inset);
  const Y = (y) => scale(y, 0, yTicks.at(-1), box.bottom, box.top);
  const cursor = draw("line", { class: "cursor", y1: box.top, y2: box.bottom, visibility: "hidden" });
  const legend = chosen.map((line, i) => {
    const value = make("span", { class: "at" });
    const faded = highlight !== null && line.entry !== highlight;
    return { line, value, paint: `s${i % MOST_LINES}${faded ? " faded" : ""}`, item: null };
  });
  const svg = draw("svg", { viewBox: `0 0 ${width} 286`, role: "img", "aria-label": `${view.y} against ${view.x} of ${chosen.map((line) => label(line.entry)).join(", ")}` },
    yTicks.map((y) => [draw("line", { class: "grid", x1: box.left, x2: box.right, y1: Y(y), y2: Y(y) }), draw("text", { x: box.left - 7, y: Y(y) + 4, "text-anchor": "end" }, String(y))]),
    xTicks.map(([x, text]) => draw("text", { x: X(x), y: box.bottom + 17, "text-anchor": "middle" }, text)),
    draw("text", { class: "axis", x: (box.left + box.right) / 2, y: box.bottom + 37, "text-anchor": "middle" }, view.x),
    cursor,
    [...legend].sort((a, b) => (a.line.entry === highlight) - (b.line.entry === highlight)).map((each) => strokes(each, X, Y, Boolean(view.ticks))));
  svg.addEventListener("pointermove", (event) => {
    const frame = svg.getBoundingClientRect();
    const at = ((event.clientX - frame.left) / frame.width) * width;
    const x = xs.reduce((best, value) => (Math.abs(X(value) - at) < Math.abs(X(best) - at) ? value : best), xs[0]);
    build(cursor, { x1: X(x), x2: X(x), visibility: "visible" }, []);
    for (const each of legend) {
      const point = each.line.points.find((candidate) => candidate.x === x);
      each.value.textContent = point ? `${point.y.toFixed(view.unit === "%" ? 1 : 2)} ${view.unit}` : "";
    }
  });
  svg.addEventListener("pointerleave", () => {
    cursor.setAttribute("visibility", "hidden");
    for (const each of legend) each.value.textContent = "";
  });
  const list = make("ul", { class: "legend" }, legend.map((each) => make("li", { class: each.paint }, make("i"), make("span", {}, label(each.line.entry)), each.value)));
  const left = all.length - chosen.length;
  return [make("p", { class: "y" }, view.y), svg, list, left > 0 ? make("p", { class: "hint" }, `${count(left, "more line")} not drawn: sort or filter to choose.`) : ""];
}

function strokes({ line, paint }, X, Y, marks) {
  const path = line.points.map((point, i) => `${i ? "L" : "M"}${X(point.x).toFixed(1)} ${Y(point.y).toFixed(1)}`).join("");
  const bars = line.points.filter((point) => point.low !== undefined && point.high !== undefined);
  return draw("g", { class: paint },
    draw("path", { d: path }),
    bars.map((point) => draw("line", { x1: X(point.x), x2: X(point.x), y1: Y(point.low), y2: Y(point.high) })),
    marks ? line.points.map((point) => draw("circle", { cx: X(point.x), cy: Y(point.y), r: 3 })) : []);
}

/** About five round numbers from low to past high. */
function ticksOf(low, high) {
  const rough = (high - low || 1) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999);
  const first = Math.floor(low / step + 1e-9);
  const last = Math.ceil(high / step - 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(6)));
}
