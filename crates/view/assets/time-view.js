// The view Over time: charts of a recording or of a running scheduler, and the decisions of a recording.

import { button, el, limited, notice, plural, table } from "./dom.js";
import { short } from "./amount.js";
import { addressOf, change, readAddress } from "./address.js";
import { chart } from "./chart.js";
import { load } from "./data.js";
import { decisionsAt, clockOf, goTo, momentOf, printSeconds, printShare, secondsAt } from "./moment.js";
import { nodeLink } from "./panel.js";

// How many resources the chart of the utilization has.
const RESOURCES = 4;
// How many decisions are listed.
const LISTED = 50;

function count(value) {
  return Number(value.toFixed(value < 10 ? 1 : 0)).toLocaleString("en");
}

// The lines of each chart.
function chartsOf(timeline) {
  const { points } = timeline;
  const line = (name, of) => ({ name, points: points.map((point) => [point.seconds, of(point)]) });
  // The last interval is not over, so that its rate is too low rather than too high.
  const rate = (name, of) => line(name, (point) => of(point) / timeline.intervalSeconds);
  const last = points.at(-1).utilization;
  const resources = ["cpu", "memory", ...Object.keys(last).filter((name) => last[name] > 0)];
  const named = [...new Set(resources)].filter((name) => name in last).slice(0, RESOURCES);
  return [
    {
      title: "Pods in the queue",
      lines: [
        line("active", (point) => point.queue.active),
        line("backoff", (point) => point.queue.backoff),
        line("unschedulable", (point) => point.queue.unschedulable),
        line("gated", (point) => point.queue.gated),
      ],
      print: count,
    },
    {
      title: "Decisions a second",
      lines: [rate("placed", (point) => point.placed), rate("not placed", (point) => point.unplaced)],
      print: count,
    },
    {
      title: "Wait for a node",
      lines: [
        line("half of the pods", (point) => point.waits?.p50),
        line("90%", (point) => point.waits?.p90),
        line("99%", (point) => point.waits?.p99),
      ],
      print: printSeconds,
    },
    {
      title: "Requested share of the nodes",
      lines: named.map((name) => line(short(name), (point) => point.utilization[name])),
      most: 1,
      print: printShare,
    },
    { title: "Pods on nodes", lines: [line("pods", (point) => point.running)], print: count },
    { title: "Pods evicted for others", lines: [line("evicted", (point) => point.evicted)], print: count },
  ];
}

// The intervals as a table.
function tableOf(timeline) {
  const clock = clockOf(timeline);
  const number = (text) => ({ text, class: "number" });
  const headings = [
    "Until",
    ...["Active", "Backoff", "Unschedulable", "Gated", "Placed", "Not placed", "Evicted", "On nodes"].map(number),
    number("Wait 50%"),
    number("Wait 99%"),
    number("CPU"),
  ];
  const row = (point) => [
    clock(point.seconds),
    ...Object.values(point.queue).map(count),
    ...[point.placed, point.unplaced, point.evicted, point.running].map(count),
    point.waits ? printSeconds(point.waits.p50) : "–",
    point.waits ? printSeconds(point.waits.p99) : "–",
    point.utilization.cpu === undefined ? "–" : printShare(point.utilization.cpu),
  ];
  return el(
    "div",
    { class: "scroll" },
    limited(
      timeline.points,
      120,
      (part) => table(`Intervals of ${printSeconds(timeline.intervalSeconds)}`, headings, part.map(row)),
      "intervals",
    ),
  );
}

// The address of the moment before a decision, with its pod explained as the decision saw it.
function addressOfDecision(decision, query) {
  const parameters = new URLSearchParams(query);
  ["node", "pod", "at"].forEach((name) => parameters.delete(name));
  parameters.set("pod", decision.pod);
  parameters.set("at", decision.at);
  return addressOf("over-time", parameters);
}

// The decisions from the moment on, or all of one pod.
async function decisionsOf(timeline, query) {
  const of = query.get("of");
  const at = momentOf(query, timeline);
  const first = Math.max(0, Math.min(at, timeline.decisions - LISTED));
  const asked = of ? [["pod", of.includes("/") ? of : `default/${of}`]] : [["at", first]];
  const list = await load("decisions", [...asked, ["limit", of ? 1000 : LISTED]]);
  const row = (decision) => [
    el(
      "a",
      { href: addressOfDecision(decision, query), "aria-current": decision.at === at ? "true" : null },
      decision.time.slice(11, 23).replace("Z", ""),
    ),
    decision.pod,
    String(decision.attempt),
    decision.node ? nodeLink(decision.node) : el("span", { class: "message" }, decision.message ?? ""),
    decision.score === undefined ? "–" : String(decision.score),
  ];
  const field = el("input", {
    type: "search",
    value: of ?? "",
    placeholder: "namespace/name",
    onchange: (event) => change({ of: event.target.value.trim() }),
  });
  const headings = [
    "Time",
    "Pod",
    { text: "Try", class: "number" },
    "Node, or why not",
    { text: "Score", class: "number" },
  ];
  const caption = of
    ? plural(list.decisions.length, "decision")
    : `${plural(list.decisions.length, "decision")} from ${(first + 1).toLocaleString("en")} on`;
  return el(
    "section",
    { class: "decisions" },
    el(
      "div",
      { class: "toolbar" },
      el("h2", {}, "Decisions"),
      el("label", { class: "choice" }, el("span", {}, "Of pod"), field),
      el("span", { class: "quiet" }, "A time opens the moment before the decision and explains it."),
    ),
    list.decisions.length === 0
      ? el("p", { class: "empty" }, of ? "No decision was made for this pod." : "No decision was made.")
      : el(
          "div",
          { class: "scroll" },
          limited(list.decisions, LISTED, (part) => table(caption, headings, part.map(row)), "decisions"),
        ),
  );
}

export async function timeView(root, { info, query }) {
  const timeline = await load("timeline");
  const isRecording = info.overTime === "recording";
  const clock = clockOf(timeline);
  const isTable = query.get("as") === "table";
  const as = (value, text) =>
    button(text, () => change({ as: value }), { "aria-pressed": String((value === "table") === isTable) });
  const head = el(
    "div",
    { class: "toolbar" },
    el("h1", {}, "Over time"),
    el("span", { class: "switch", role: "group", "aria-label": "Show as" }, as(null, "Charts"), as("table", "Table")),
    el(
      "p",
      { class: "summary" },
      `${timeline.begin.slice(0, 10)} ${clock(0)} to ${clock(timeline.seconds)} UTC · ` +
        `${plural(timeline.decisions, "decision")} · intervals of ${printSeconds(timeline.intervalSeconds)}`,
    ),
  );
  if (timeline.points.length === 0) {
    root.replaceChildren(head, el("p", { class: "empty" }, "Nothing has happened yet."));
    return;
  }
  const now = secondsAt(timeline, momentOf(query, timeline));
  const choose = isRecording ? (seconds) => goTo(decisionsAt(timeline, seconds), timeline) : null;
  const charts = () =>
    chartsOf(timeline).map((one) => chart({ ...one, seconds: timeline.seconds, now, clock, choose }));
  const body = isTable ? tableOf(timeline) : el("div", { class: "charts" }, charts());
  if (!isRecording) {
    root.replaceChildren(head, body);
    return;
  }
  let decisions;
  try {
    decisions = await decisionsOf(timeline, query);
  } catch (error) {
    decisions = notice(error.message, { role: "alert" });
  }
  // Another moment may have been chosen in the meantime.
  if (readAddress().view === "over-time") root.replaceChildren(head, body, decisions);
}
