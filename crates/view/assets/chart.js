// Small charts over time, as SVG.

import { el, svg } from "./dom.js";

const WIDTH = 600;
const HEIGHT = 120;
const TOP = 8;
const BOTTOM = 100;

// A round number that is at least as large.
export function roundUp(value) {
  if (!(value > 0)) return 1;
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((step) => step * unit).find((step) => step >= value * 0.999);
}

// The path of a line, and that of its dots: points without a neighbour. Points without a value are gaps.
function pathsOf(points, x, y) {
  const isKnown = (at) => points[at]?.[1] !== undefined && points[at]?.[1] !== null;
  let [path, dots] = ["", ""];
  points.forEach(([seconds, value], at) => {
    if (!isKnown(at)) return;
    const place = `${x(seconds).toFixed(1)} ${y(value).toFixed(1)}`;
    path += `${isKnown(at - 1) ? "L" : "M"}${place}`;
    if (!isKnown(at - 1) && !isKnown(at + 1)) dots += `M${place}h0`;
  });
  return [path, dots];
}

// A chart: `lines` are objects with a `name`, a `points` list of [seconds, value], and a `print` for values. The line at
// `now` marks the moment that is looked at. `choose` gets the seconds of a click.
export function chart({ title, lines, seconds, most, now, print, clock, choose }) {
  const top = most ?? roundUp(Math.max(0, ...lines.flatMap((line) => line.points.map(([, value]) => value ?? 0))));
  const x = (at) => (seconds > 0 ? (at / seconds) * WIDTH : WIDTH);
  const y = (value) => BOTTOM - (Math.min(value, top) / top) * (BOTTOM - TOP);
  const valueAt = (line, at) => (line.points.find(([end]) => end >= at) ?? line.points.at(-1))?.[1];
  const values = lines.map((line) => el("span", { class: "value" }));
  const legend = el(
    "ul",
    { class: "lines" },
    lines.map((line, number) =>
      el(
        "li",
        {},
        svg(
          "svg",
          { viewBox: "0 0 24 8", class: "key", "aria-hidden": "true" },
          svg("path", { class: `line line-${number}`, d: "M0 4H24" }),
        ),
        line.name,
        values[number],
      ),
    ),
  );
  const cursor = svg("line", { class: "cursor", y1: TOP, y2: BOTTOM });
  const point = (at) => {
    cursor.setAttribute("x1", x(at));
    cursor.setAttribute("x2", x(at));
    lines.forEach((line, number) => {
      const value = valueAt(line, at);
      values[number].textContent = value === undefined || value === null ? "–" : print(value);
    });
  };
  const grid = [0, 0.5, 1].map((share) => {
    const height = BOTTOM - share * (BOTTOM - TOP);
    return svg("line", { class: "grid", x1: 0, x2: WIDTH, y1: height, y2: height });
  });
  const spoken = lines
    .map((line) => {
      const known = line.points.map(([, value]) => value).filter((value) => value !== undefined && value !== null);
      return known.length ? `${line.name} from ${print(Math.min(...known))} to ${print(Math.max(...known))}` : "";
    })
    .filter(Boolean);
  const picture = svg(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      class: choose ? "plot chooses" : "plot",
      "aria-label": `${title}: ${spoken.join(", ") || "nothing"}`,
    },
    grid,
    lines.map((line, number) => {
      const [path, dots] = pathsOf(line.points, x, y);
      return [
        svg("path", { class: `line line-${number}`, d: path }),
        svg("path", { class: `line line-${number} dots`, d: dots }),
      ];
    }),
    cursor,
  );
  const secondsOf = (event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) * seconds;
  };
  const time = el("span", { class: "quiet" });
  const show = (at) => {
    point(at);
    time.textContent = clock(at);
  };
  picture.addEventListener("pointermove", (event) => show(secondsOf(event)));
  picture.addEventListener("pointerleave", () => show(now));
  if (choose) picture.addEventListener("click", (event) => choose(secondsOf(event)));
  show(now);
  return el(
    "figure",
    { class: "chart" },
    el("figcaption", {}, title, time),
    el(
      "div",
      { class: "axes" },
      el("span", { class: "top" }, print(top)),
      el("span", { class: "bottom" }, print(0)),
      picture,
    ),
    el("div", { class: "ends" }, el("span", {}, clock(0)), el("span", {}, clock(seconds))),
    legend,
  );
}
