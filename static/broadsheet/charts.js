// Charts in the colours of the theme: by mouse and by keyboard, each line to be switched on and off, still where motion
// is not wanted. The table below each chart says the same without this script.

(() => {
  "use strict";

  const DASHES = [[], [6, 4], [2, 3], [10, 4, 2, 4], [1, 2]];
  const MARKS = ["circle", "rect", "triangle", "rectRot", "crossRot"];
  const ASPECT = { maintainAspectRatio: false, interaction: { mode: "index", intersect: false } };
  let printing = false;
  const hidden = new Map(); // name of a chart -> labels of the lines that are switched off, also when it is fetched anew

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dataOf = (canvas) => JSON.parse(document.getElementById(canvas.dataset.chart).textContent);
  const written = (value, unit) => (value === null ? "not yet" : unit === "share" ? `${(value * 100).toFixed(1)} %` : value.toLocaleString("en"));

  function datasets(data, off) {
    const few = data.labels.length < 3;
    return data.series.map((series, index) => ({
      label: series.label,
      data: series.values,
      hidden: off.has(series.label),
      borderColor: colour(`--bs-${series.tone}`),
      backgroundColor: colour(`--bs-${series.tone}${few ? "" : "-soft"}`),
      pointBackgroundColor: colour(`--bs-${series.tone}`),
      borderWidth: few ? 0 : 2,
      borderDash: DASHES[index % DASHES.length],
      pointStyle: MARKS[index % MARKS.length],
      pointRadius: data.labels.length > 60 ? 0 : 2.5,
      pointHoverRadius: 5,
      cubicInterpolationMode: "monotone",
      maxBarThickness: 48,
    }));
  }

  function options(data) {
    const axis = { grid: { color: colour("--bs-line") }, border: { display: false } };
    const ticks = { color: colour("--bs-muted") };
    const still = printing || window.matchMedia("(prefers-reduced-motion: reduce)").matches;
    const label = (item) => ` ${item.dataset.label}: ${written(item.parsed.y, data.unit)}`;
    return {
      ...ASPECT,
      animation: still ? false : { duration: 300 },
      plugins: { legend: { display: false }, tooltip: { usePointStyle: true, callbacks: { label } } },
      scales: {
        x: { ...axis, grid: { display: false }, ticks: { ...ticks, maxTicksLimit: 8, maxRotation: 0 } },
        y: { ...axis, beginAtZero: true, ticks: { ...ticks, precision: data.unit ? undefined : 0, maxTicksLimit: 7, callback: (value) => written(value, data.unit) } },
      },
    };
  }

  function draw(canvas) {
    const data = dataOf(canvas);
    const name = canvas.dataset.chart;
    if (!hidden.has(name)) hidden.set(name, new Set(data.series.filter((series) => !series.shown).map((series) => series.label)));
    addSwitches(canvas, data);
    window.Chart.getChart(canvas)?.destroy();
    const type = data.labels.length < 3 ? "bar" : "line";
    const drawn = { labels: data.labels, datasets: datasets(data, hidden.get(name)) };
    new window.Chart(canvas, { type, data: drawn, options: options(data) });
  }

  // A button for each line: it shows its colour, its dashes, and whether it is drawn.
  function addSwitches(canvas, data) {
    const box = document.querySelector(`[data-chart-lines="${canvas.dataset.chart}"]`);
    const off = hidden.get(canvas.dataset.chart);
    if (box?.childElementCount) return;
    data.series.forEach((series, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = `bs-line bs-line--${index % DASHES.length} bs-dot--${series.tone}`;
      button.textContent = series.label;
      button.setAttribute("aria-pressed", String(!off.has(series.label)));
      button.addEventListener("click", () => turn(canvas, series.label, button));
      box?.append(button);
    });
  }

  function turn(canvas, label, button) {
    const off = hidden.get(canvas.dataset.chart);
    off.has(label) ? off.delete(label) : off.add(label);
    button.setAttribute("aria-pressed", String(!off.has(label)));
    const chart = window.Chart.getChart(canvas);
    chart.data.datasets.forEach((each) => (each.hidden = off.has(each.label)));
    chart.update();
  }

  // Arrow keys walk along the steps, Home and End leap; the tooltip follows, and a screen reader hears it.
  const MOVES = { ArrowRight: (at) => at + 1, ArrowLeft: (at) => at - 1, Home: () => 0, End: () => Infinity };

  document.addEventListener("keydown", (event) => {
    const canvas = event.target.closest?.("canvas[data-chart]");
    const chart = canvas && window.Chart.getChart(canvas);
    if (chart && event.key === "Escape") point(chart, null);
    if (!chart || !MOVES[event.key]) return;
    event.preventDefault();
    const last = chart.data.labels.length - 1;
    const at = MOVES[event.key](Number(canvas.dataset.at ?? -1));
    canvas.dataset.at = Math.max(0, Math.min(last, at));
    point(chart, Number(canvas.dataset.at));
  });

  document.addEventListener("focusout", (event) => {
    const chart = event.target.matches?.("canvas[data-chart]") && window.Chart.getChart(event.target);
    if (chart) point(chart, null);
  });

  function point(chart, at) {
    const shown = chart.data.datasets.map((each, index) => ({ each, index })).filter(({ each }) => !each.hidden);
    const active = at === null ? [] : shown.map(({ index }) => ({ datasetIndex: index, index: at }));
    const place = active.length ? chart.getDatasetMeta(active[0].datasetIndex).data[at] : { x: 0, y: 0 };
    chart.setActiveElements(active);
    chart.tooltip.setActiveElements(active, { x: place?.x ?? 0, y: place?.y ?? 0 });
    chart.update("none");
    if (at !== null) say(chart, at, shown);
  }

  function say(chart, at, shown) {
    const box = document.querySelector(`[data-chart-said="${chart.canvas.dataset.chart}"]`);
    const { unit } = dataOf(chart.canvas);
    const numbers = shown.map(({ each }) => `${each.label} ${written(each.data[at], unit)}`);
    if (box) box.textContent = `${chart.data.labels[at]}: ${numbers.join(", ")}`;
  }

  const canvases = () => document.querySelectorAll("canvas[data-chart]");
  const drawAll = () => canvases().forEach(draw);
  window.addEventListener("load", () => {
    drawAll();
    new MutationObserver(drawAll).observe(document.documentElement, { attributeFilter: ["class"] });
  });

  // Charts in parts of a page that are fetched later, and fetched again.
  const within = (root) => root?.querySelectorAll?.("canvas[data-chart]") ?? [];
  document.addEventListener("htmx:beforeSwap", (event) => {
    within(event.detail.target).forEach((canvas) => window.Chart?.getChart(canvas)?.destroy());
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (window.Chart) within(event.target).forEach((canvas) => window.Chart.getChart(canvas) || draw(canvas));
  });

  // On paper: dark lines on white, as wide as the sheet, whatever the screen looks like.
  const root = document.documentElement;
  let wasDark = false;
  window.addEventListener("beforeprint", () => {
    printing = true;
    wasDark = root.classList.contains("dark");
    root.classList.remove("dark");
    drawAll();
    canvases().forEach((canvas) => window.Chart.getChart(canvas).resize());
  });
  window.addEventListener("afterprint", () => {
    printing = false;
    root.classList.toggle("dark", wasDark);
    drawAll();
  });

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("[data-print]").forEach((button) => {
      button.hidden = false;
      button.addEventListener("click", () => window.print());
    });
  });
})();
