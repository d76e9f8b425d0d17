"use strict";
/* Draws every panel over one time axis. Left and right gutters are fixed, so the plot areas stand under each other. */
(() => {
  const root = document.documentElement;
  root.classList.add("scripting");
  const holder = document.getElementById("series");
  if (!holder) return;
  const data = JSON.parse(holder.textContent);
  const GUTTER = 58, RIGHT = 14, ROW = 19;
  const LOOKS = {
    plan: { width: 5 }, sent: { width: 1.75 }, good: { width: 2.5 }, slow: { width: 2.5 },
    bad: { width: 2.25 }, late: { dash: [3, 3], width: 1.75 }, over: { width: 2.25, fill: true, step: true },
  };
  const end = Math.max(data.t[data.t.length - 1], ...data.phases.map((p) => p.end_s), data.t[0] + 1);
  let plots = [];
  let drawn = [];

  const ink = (name) => getComputedStyle(root).getPropertyValue("--" + name).trim();
  const font = (weight) => `${weight} ${11 * devicePixelRatio}px ${getComputedStyle(document.body).fontFamily}`;

  const short = (v) => {
    if (v == null) return "";
    if (Math.abs(v) >= 10000) return +(v / 1000).toFixed(1) + "k";
    return String(+v.toFixed(Math.abs(v) < 10 ? 2 : Math.abs(v) < 100 ? 1 : 0));
  };
  const seconds = (s) => (s < 120 ? data.words.seconds.replace("#", short(s))
    : `${Math.floor(s / 60)}:${String(Math.round(s % 60)).padStart(2, "0")}`);
  const WRITE = {
    rate: short, count: short,
    ms: (v) => (v == null ? "" : v < 1000 ? data.words.millis.replace("#", short(v))
      : data.words.seconds.replace("#", +(v / 1000).toPrecision(3))),
    share: (v) => (v == null ? "" : +(v * 100).toFixed(v < 0.1 ? 1 : 0) + "%"),
    percent: (v) => (v == null ? "" : short(v) + "%"),
  };

  const x = (u, at) => u.valToPos(at, "x", true);
  const inside = (u, from, to) => {
    const left = Math.max(x(u, from), u.bbox.left), right = Math.min(x(u, to), u.bbox.left + u.bbox.width);
    return right > left ? [left, right] : null;
  };

  /* Phases are quiet alternating bands; fault windows are hatched, so that they are told apart without colour. */
  function bands(u) {
    const { ctx, bbox } = u, dpr = devicePixelRatio;
    ctx.save();
    data.phases.forEach((phase, i) => {
      const at = inside(u, phase.start_s, phase.end_s);
      if (!at || i % 2) return;
      ctx.fillStyle = ink("band");
      ctx.fillRect(at[0], bbox.top, at[1] - at[0], bbox.height);
    });
    data.faults.forEach((fault) => {
      const at = inside(u, fault.start_s, fault.end_s);
      if (!at) return;
      ctx.save();
      ctx.beginPath();
      ctx.rect(at[0], bbox.top, at[1] - at[0], bbox.height);
      ctx.fillStyle = ink("fault");
      ctx.fill();
      ctx.clip();
      ctx.beginPath();
      for (let s = at[0] - bbox.height; s < at[1]; s += 9 * dpr) {
        ctx.moveTo(s, bbox.top + bbox.height);
        ctx.lineTo(s + bbox.height, bbox.top);
      }
      ctx.strokeStyle = ink("fault");
      ctx.lineWidth = dpr;
      ctx.stroke();
      ctx.restore();
    });
    ctx.restore();
  }

  function breaks(u, panel) {
    const { ctx, bbox } = u, dpr = devicePixelRatio;
    ctx.save();
    ctx.strokeStyle = ink("bad");
    data.marks.forEach((mark) => {
      const at = x(u, mark.at_s);
      if (at < bbox.left || at > bbox.left + bbox.width) return;
      const own = !panel || panel.measures.includes(mark.measure);
      ctx.lineWidth = (own ? 2 : 1) * dpr;
      ctx.setLineDash(own ? [] : [2 * dpr, 4 * dpr]);
      ctx.beginPath();
      ctx.moveTo(at, bbox.top);
      ctx.lineTo(at, bbox.top + bbox.height);
      ctx.stroke();
    });
    ctx.restore();
  }

  function limit(u, panel) {
    if (panel.limit == null) return;
    const { ctx, bbox } = u, dpr = devicePixelRatio, y = u.valToPos(panel.limit, "y", true);
    if (!(y >= bbox.top && y <= bbox.top + bbox.height)) return;
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = ink("bad");
    ctx.lineWidth = 1.25 * dpr;
    ctx.setLineDash([9 * dpr, 4 * dpr]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.font = font(600);
    const wide = ctx.measureText(panel.limit_label).width, at = bbox.left + 6 * dpr;
    const above = y - 17 * dpr > bbox.top, top = above ? y - 17 * dpr : y + 2 * dpr;
    ctx.globalAlpha = 0.85;
    ctx.fillStyle = ink("paper");
    ctx.fillRect(at - 3 * dpr, top, wide + 6 * dpr, 15 * dpr);
    ctx.globalAlpha = 1;
    ctx.fillStyle = ink("bad");
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.fillText(panel.limit_label, at, top + 8 * dpr);
    ctx.restore();
  }

  function fit(ctx, text, room) {
    if (ctx.measureText(text).width <= room) return text;
    let cut = text;
    while (cut.length && ctx.measureText(cut + "…").width > room) cut = cut.slice(0, -1);
    return cut.length > 1 ? cut + "…" : "";
  }

  /* Rows for things that would overlap in one: each goes to the first row where it fits. */
  function rows(items) {
    const free = [];
    return items.map(([from, to]) => {
      let row = free.findIndex((until) => until <= from);
      if (row < 0) row = free.length;
      free[row] = to;
      return row;
    });
  }

  function markPlaces(ctx, width, at) {
    const dpr = devicePixelRatio;
    ctx.font = font(700);
    const places = data.marks.map((mark) => {
      const wide = ctx.measureText("✕ " + mark.label).width + 10 * dpr, left = at(mark.at_s);
      return left + wide > width ? [left - wide, left + 2 * dpr] : [left, left + wide];
    });
    return [places, rows(places)];
  }

  function timelineRows() {
    const faults = rows(data.faults.map((f) => [f.start_s, f.end_s]));
    return { faults, faultRows: Math.max(0, ...faults.map((r) => r + 1)) };
  }

  function timeline(u) {
    const { ctx, bbox } = u, dpr = devicePixelRatio, row = ROW * dpr, { faults, faultRows } = timelineRows();
    ctx.save();
    ctx.textBaseline = "middle";
    ctx.textAlign = "left";
    ctx.font = font(600);
    data.phases.forEach((phase) => {
      const at = inside(u, phase.start_s, phase.end_s);
      if (!at) return;
      ctx.fillStyle = ink("soft");
      ctx.fillRect(at[0], bbox.top, dpr, row);
      ctx.fillStyle = ink("ink");
      ctx.fillText(fit(ctx, phase.name, at[1] - at[0] - 8 * dpr), at[0] + 5 * dpr, bbox.top + row / 2);
    });
    data.faults.forEach((fault, i) => {
      const at = inside(u, fault.start_s, fault.end_s), top = bbox.top + row * (1 + faults[i]);
      if (!at) return;
      ctx.fillStyle = ink("fault-ink");
      ctx.fillRect(at[0], top + row - 4 * dpr, at[1] - at[0], 3 * dpr);
      const room = bbox.left + bbox.width - at[0] - 4 * dpr;
      ctx.fillText(fit(ctx, "⚡ " + fault.name, room), at[0] + 2 * dpr, top + row / 2 - 2 * dpr);
    });
    const [places, levels] = markPlaces(ctx, bbox.left + bbox.width, (s) => x(u, s));
    data.marks.forEach((mark, i) => {
      const at = x(u, mark.at_s), top = bbox.top + row * (1 + faultRows + levels[i]);
      if (at < bbox.left || at > bbox.left + bbox.width) return;
      ctx.fillStyle = ink("paper");
      ctx.fillRect(places[i][0] + (places[i][0] < at ? 0 : 2 * dpr), top + dpr, places[i][1] - places[i][0] - 4 * dpr, row - 2 * dpr);
      ctx.fillStyle = ink("bad");
      ctx.fillText("✕ " + mark.label, places[i][0] + 5 * dpr, top + row / 2);
    });
    ctx.restore();
  }

  const axis = (more) => ({
    stroke: ink("soft"), font: font(400).replace(/[\d.]+px/, "11px"), grid: { stroke: ink("grid"), width: 1 },
    ticks: { stroke: ink("grid"), width: 1, size: 4 }, ...more,
  });

  const common = (width, height) => ({
    width, height, padding: [6, RIGHT, 0, 0],
    scales: { x: { time: false, range: (u, from, to) => (from === data.t[0] && to === data.t[data.t.length - 1] ? [Math.min(0, from), end] : [from, to]) } },
    cursor: { sync: { key: "surge", scales: ["x", null] }, y: false, drag: { x: true, y: false, dist: 6 }, points: { size: 7 } },
  });

  function drawTimeline(box) {
    const width = box.clientWidth, { faultRows } = timelineRows(), plot = width - GUTTER - RIGHT;
    const scratch = document.createElement("canvas").getContext("2d"), dpr = devicePixelRatio;
    const [, levels] = markPlaces(scratch, plot * dpr, (s) => (s / end) * plot * dpr);
    const count = 1 + faultRows + Math.max(0, ...levels.map((r) => r + 1));
    return new uPlot({
      ...common(width, count * ROW + 8),
      legend: { show: false },
      scales: { ...common().scales, y: { range: [0, 1] } },
      axes: [{ show: false }, axis({ size: GUTTER, values: () => [], ticks: { show: false }, grid: { show: false } })],
      series: [{}, { show: true, paths: () => null, points: { show: false } }],
      hooks: { drawClear: [bands], draw: [(u) => breaks(u, null), timeline] },
    }, [data.t, data.t.map(() => null)], box);
  }

  /* A lone second between gaps has no line to be part of: give it a dot. */
  const lone = (u, i) => u.data[i].reduce((found, v, at, all) =>
    (v != null && all[at - 1] == null && all[at + 1] == null ? [...found, at] : found), []);

  /* A log axis ends at 1, 2 or 5 times a power of ten, and has its lines at the powers only. */
  function step125(value, round) {
    const power = 10 ** Math.floor(Math.log10(value)), steps = [1, 2, 5, 10].map((s) => s * power);
    return round === Math.ceil ? steps.find((s) => s >= value) : steps.reverse().find((s) => s <= value);
  }
  function powers(u, i, low, high) {
    const found = [];
    for (let p = 10 ** Math.ceil(Math.log10(low) - 1e-9); p <= high * 1.000001; p *= 10) found.push(p);
    return found.length > 1 ? found : [low, ...found, high];
  }

  function drawPanel(box, panel) {
    const write = WRITE[panel.kind], width = box.clientWidth, phone = width < 520;
    const lines = panel.lines.map((line) => {
      const look = LOOKS[line.look] || LOOKS.plan, color = ink("c-" + line.look);
      return {
        label: line.label, stroke: color, width: look.width, dash: look.dash,
        fill: look.fill ? ink("fault") : undefined, paths: look.step ? uPlot.paths.stepped({ align: 1 }) : undefined,
        points: { show: true, size: 5, fill: color, filter: lone }, value: (u, v) => write(v),
      };
    });
    const top = (high) => Math.max(high ?? 0, panel.limit ?? 0) || 1;
    const floor = (low) => Math.max(1, Math.min(low ?? 1, panel.limit ?? low ?? 1));
    const y = panel.log ? { distr: 3, range: (u, low, high) => [step125(floor(low), Math.floor), step125(top(high) * 1.1, Math.ceil)] }
      : panel.kind === "percent" ? { range: (u, low, high) => [0, Math.max(100, top(high) * 1.05)] }
        : { range: (u, low, high) => [0, top(high) * 1.1] };
    return new uPlot({
      ...common(width, (panel.name === "rate" || panel.name === "latency" ? 170 : 130) - (phone ? 10 : 0)),
      scales: { ...common().scales, y },
      axes: [
        axis({ size: 24, gap: 3, space: phone ? 56 : 80, values: (u, at) => at.map(seconds) }),
        axis({ size: GUTTER, gap: 4, space: 28, splits: panel.log ? powers : undefined, values: (u, at) => at.map((v) => (v == null ? "" : write(v))) }),
      ],
      series: [{ label: data.words.time, value: (u, v) => (v == null ? "" : seconds(v)) }, ...lines],
      legend: { live: true, markers: { width: 3, stroke: (u, i) => lines[i - 1].stroke, dash: (u, i) => (lines[i - 1].dash ? "dashed" : "solid") } },
      hooks: {
        drawClear: [bands],
        drawSeries: [(u, i) => { if (i) drawn.push(panel.name + "." + panel.lines[i - 1].column); }],
        draw: [(u) => limit(u, panel), (u) => breaks(u, panel)],
        setCursor: [(u) => root.classList.toggle("reading", u.cursor.idx != null && u.cursor.left >= 0)],
      },
    }, [data.t, ...panel.lines.map((line) => data.columns[line.column])], box);
  }

  function build() {
    plots.forEach((plot) => plot.destroy());
    plots = [];
    drawn = [];
    const strip = document.getElementById("timeline");
    plots.push(drawTimeline(strip));
    strip.querySelector("canvas").setAttribute("aria-label", strip.dataset.label);
    data.panels.forEach((panel) => {
      const box = document.querySelector(`[data-panel="${panel.name}"]`), plot = drawPanel(box, panel);
      box.querySelector("canvas").setAttribute("aria-label", `${panel.title}. ${panel.says}`);
      plots.push(plot);
    });
    document.querySelectorAll(".plot canvas").forEach((canvas) => canvas.setAttribute("role", "img"));
    requestAnimationFrame(() => { root.dataset.drawn = [...new Set(drawn)].join(" "); });
  }

  build();
  let width = innerWidth, waiting;
  addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => { if (innerWidth !== width) { width = innerWidth; build(); } }, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", build);
  /* Paper is white and narrow, whatever the screen was; folded examples would be lost on it. */
  addEventListener("beforeprint", () => {
    root.classList.add("paper");
    document.querySelectorAll("details").forEach((one) => { one.open = true; });
    document.body.style.width = "680px";
    build();
  });
  addEventListener("afterprint", () => {
    root.classList.remove("paper");
    document.body.style.width = "";
    build();
  });
})();
