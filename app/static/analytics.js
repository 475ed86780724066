/* Analytics: draws the picture of the period from the table beside it, in the colours of its legend,
 * and again when the period, its figures or the colours change. Figures of today follow what happens,
 * some seconds after it: once for all that happens meanwhile. */

Idiomorph.defaults.ignoreActiveValue = true; // a day that somebody is typing stays as it is

const one = (selector) => document.querySelector(selector);
const style = (selector, property) => getComputedStyle(one(selector))[property];
const PATIENCE = 5_000; // ms
let chart;
let due = 0; // timer

function dataset(label, cell, swatch, rows, sideways) {
  return {
    label,
    data: rows.map((row) => Number(row.cells[cell].dataset.count)),
    backgroundColor: style(`.swatch.${swatch}`, "backgroundColor"),
    borderColor: style(".card:has(.chart)", "backgroundColor"),
    borderWidth: sideways ? { right: 1 } : { top: 1 },
    borderSkipped: false,
    maxBarThickness: 40,
    categoryPercentage: 0.9,
    barPercentage: 0.9,
  };
}

function draw() {
  chart?.destroy();
  chart = undefined;
  const canvas = one(".chart canvas");
  if (!canvas || !window.Chart) return;
  // Side by side: the first rows of the table, a bar of each below the other. Else one bar for each day, the newest last.
  const sideways = Number(canvas.dataset.sideways ?? 0);
  const found = [...document.querySelectorAll("#volume tr[data-short]")];
  const rows = sideways ? found.slice(0, sideways) : found.reverse();
  if (sideways) canvas.parentElement.style.height = `${rows.length * 36 + 40}px`;
  const [ink, line] = [style(".legend", "color"), style(".card:has(.chart)", "borderTopColor")];
  const ticks = { color: ink, font: { family: style("body", "fontFamily"), size: 12 }, precision: 0, maxRotation: 0 };
  const category = { stacked: true, grid: { display: false }, border: { color: line }, ticks: { ...ticks, autoSkip: !sideways } };
  const value = { stacked: true, beginAtZero: true, grid: { color: line }, border: { display: false }, ticks: { ...ticks, maxTicksLimit: 6 } };
  chart = new Chart(canvas, {
    type: "bar",
    data: {
      labels: rows.map((row) => row.dataset.short),
      datasets: [
        dataset("Texts out", 1, "out", rows, sideways),
        dataset("Texts in", 2, "in", rows, sideways),
        dataset(sideways ? "By email instead" : "Emails", 3, "mails", rows, sideways),
      ],
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      indexAxis: sideways ? "y" : "x",
      interaction: { mode: "index", axis: sideways ? "y" : "x" },
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { title: ([at]) => rows[at.dataIndex].dataset.title ?? rows[at.dataIndex].cells[0].textContent } },
      },
      scales: sideways ? { x: value, y: category } : { x: category, y: value },
    },
  });
}

function happened() {
  due ||= setTimeout(() => {
    due = 0;
    htmx.trigger("#found", "figures");
  }, PATIENCE);
}

draw();
for (const name of ["live:message", "live:usage.changed"]) document.body.addEventListener(name, happened);
addEventListener("htmx:afterSettle", draw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
new MutationObserver(draw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
