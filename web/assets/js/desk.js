// The market: charts of the numbers that the tables show, drawn anew when the house hints that they moved.

import { connect, liveAddress, show } from "./socket.js";

const HEIGHT = 240;
const HUES = ["--accent", "--alert", "--brass", "--focus", "--ink-soft", "--rule-strong"];
const charts = new Map();
const colour = (name) => {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const resolved = getComputedStyle(probe).color;
  probe.remove();
  return resolved;
};

let isAsking = false;
let isStale = false;

/** Draws what the house says now. One question at a time: what comes during one is asked after it. */
async function refresh() {
  isStale = true;
  if (isAsking) return;
  isAsking = true;
  while (isStale) {
    isStale = false;
    // Without an answer the last numbers stay; the next hint, or the next connection, asks again.
    const figures = await ask().catch(() => null);
    if (figures) redraw(figures);
  }
  isAsking = false;
}

async function ask() {
  const answer = await fetch(`/admin/data${location.search}`);
  return answer.ok ? answer.json() : null;
}

function redraw(figures) {
  document.querySelector("[data-totals]").replaceChildren(...figures.totals.map(measure));
  for (const chart of figures.charts) draw(chart, figures.at_s);
  for (const breakdown of figures.breakdowns) fill(breakdown);
}

function measure({ id, label, text }) {
  const box = document.createElement("div");
  const value = cell("dd", text);
  value.dataset.total = id;
  box.append(cell("dt", label), value);
  return box;
}

function draw(chart, at) {
  const place = document.querySelector(`[data-chart="${chart.id}"]`);
  const nothing = document.querySelector(`[data-nothing="${chart.id}"]`);
  if (nothing) nothing.hidden = chart.series.length > 0;
  place.hidden = chart.series.length === 0;
  tabulate(chart, at);
  if (place.hidden) return;
  const values = [at, ...chart.series.map((series) => series.cells.map((cell) => cell.value))];
  const labels = chart.series.map((series) => series.label).join("\n");
  const known = charts.get(chart.id);
  if (known?.labels === labels) {
    known.plot.setData(values);
    return;
  }
  known?.plot.destroy();
  charts.set(chart.id, { labels, plot: new window.uPlot(options(chart, place.clientWidth), values, place) });
}

function options(chart, width) {
  const axis = () => ({ stroke: colour("--ink-soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule"), width: 1 } });
  const line = (series, index) => ({
    label: series.label,
    stroke: colour(HUES[index % HUES.length]),
    width: 2,
    dash: index >= HUES.length ? [6, 4] : undefined,
    spanGaps: true,
    value: (_plot, _value, _series, point) => (point === null ? "" : (series.cells[point]?.text ?? "")),
  });
  return {
    width,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_plot, _min, max) => [0, Math.max(1, max * 1.1)] } },
    axes: [axis(), { ...axis(), size: 64 }],
    series: [{}, ...chart.series.map(line)],
  };
}

const cell = (tag, text, className) => {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
};

function tabulate(chart, at) {
  const table = document.querySelector(`[data-table="${chart.id}"]`);
  const head = table.tHead.rows[0];
  head.replaceChildren(cell("th", "From"), ...chart.series.map((series) => cell("th", series.label, "number")));
  for (const heading of head.cells) heading.scope = "col";
  const time = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  table.tBodies[0].replaceChildren(
    ...at.map((seconds, index) => {
      const row = document.createElement("tr");
      const from = cell("th", time.format(new Date(seconds * 1000)));
      from.scope = "row";
      row.append(from, ...chart.series.map((series) => cell("td", series.cells[index].text, "number")));
      return row;
    }),
  );
}

function fill(breakdown) {
  document.querySelector(`[data-empty="${breakdown.id}"]`).hidden = breakdown.rows.length > 0;
  document.querySelector(`[data-breakdown="${breakdown.id}"]`).replaceChildren(
    ...breakdown.rows.map(([label, count]) => {
      const row = document.createElement("tr");
      const heading = cell("th", label);
      heading.scope = "row";
      row.append(heading, cell("td", String(count), "number"));
      return row;
    }),
  );
}

function resize() {
  for (const [id, { plot }] of charts) {
    plot.setSize({ width: document.querySelector(`[data-chart="${id}"]`).clientWidth, height: HEIGHT });
  }
}

function repaint() {
  for (const { plot } of charts.values()) plot.destroy();
  charts.clear();
  refresh();
}

addEventListener("resize", resize);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
// What moved while there was no connection, nobody hinted at.
const follow = (state, waitMs) => {
  show(state, waitMs);
  if (state === "live") refresh();
};
refresh();
connect(() => liveAddress("/live/admin"), (frame) => "measures" in frame && refresh(), follow);
