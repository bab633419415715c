// Permitted and refused calls over time, drawn from the table that stands under the plot.
//
// The table is the source: `figure.plot` holds `tbody[data-plot-figures]` whose rows carry data-at (milliseconds),
// data-permitted and data-refused. When htmx brings new rows, the plot follows. Without a script the server's bars stay.
(() => {
  "use strict";
  if (typeof uPlot === "undefined") return;

  const colour = (figure, name) => getComputedStyle(figure.querySelector(".swatch-" + name)).backgroundColor;

  const read = (rows) => {
    const at = [];
    const total = [];
    const permitted = [];
    rows.querySelectorAll("tr[data-at]").forEach((row) => {
      const good = Number(row.dataset.permitted);
      at.push(Number(row.dataset.at) / 1000);
      permitted.push(good);
      total.push(good + Number(row.dataset.refused));
    });
    return [at, total, permitted];
  };

  const spell = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";

  // Half a bar more at either end, so that the first and the last are whole.
  const roomy = (plot, low, high) => {
    const at = plot.data[0];
    const half = (at.length > 1 ? at[1] - at[0] : 60) * 0.6;
    return [low - half, high + half];
  };

  const options = (figure, width) => {
    const now = figure.querySelector(".plot-now");
    const ink = colour(figure, "ink");
    const grid = { stroke: colour(figure, "grid"), width: 1 };
    const font = "12px " + getComputedStyle(figure).fontFamily;
    const axis = { stroke: ink, grid, ticks: grid, font };
    const bars = uPlot.paths.bars({ size: [0.8, 24], gap: 1 });
    const series = (name) => ({ paths: bars, stroke: colour(figure, name), fill: colour(figure, name), points: { show: false }, width: 0 });
    return {
      width,
      height: 208,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { show: false } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { x: { range: (plot, low, high) => roomy(plot, low, high) }, y: { range: (_plot, _low, high) => [0, Math.max(4, high * 1.1)] } },
      axes: [
        { ...axis, values: [[86400, "{DD} {MMM}"], [3600, "{HH}:{mm}"], [60, "{HH}:{mm}"], [1, "{HH}:{mm}:{ss}"]].map(([step, text]) => [step, text, null, null, null, null, null, null, 1]) },
        { ...axis, size: 48, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 1e6, 1e7] },
      ],
      series: [{}, series("refused"), series("permitted")],
      hooks: {
        setCursor: [
          (plot) => {
            const index = plot.cursor.idx;
            if (index === null || index === undefined) {
              now.textContent = "";
              return;
            }
            const [at, total, permitted] = plot.data;
            now.textContent = spell(at[index]) + ": " + permitted[index] + " permitted, " + (total[index] - permitted[index]) + " refused";
          },
        ],
      },
    };
  };

  const draw = (figure) => {
    const place = figure.querySelector(".plot-canvas");
    const rows = figure.querySelector("[data-plot-figures]");
    if (!place || !rows || figure.dataset.drawn) return;
    figure.dataset.drawn = "yes";
    let plot = null;
    const build = () => {
      const data = read(rows);
      if (plot) plot.destroy();
      plot = null;
      if (data[0].length === 0) return;
      plot = new uPlot(options(figure, place.clientWidth), data, place);
      plot.root.setAttribute("aria-hidden", "true");
      figure.classList.add("is-drawn");
    };
    build();
    new ResizeObserver(() => {
      if (plot && plot.width !== place.clientWidth) plot.setSize({ width: place.clientWidth, height: 208 });
    }).observe(place);
    new MutationObserver(() => {
      if (plot) plot.setData(read(rows));
      else build();
    }).observe(rows, { childList: true });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  };

  const drawAll = (root) => root.querySelectorAll("figure.plot").forEach(draw);
  drawAll(document);
  document.addEventListener("htmx:load", (event) => drawAll(event.target));
})();
