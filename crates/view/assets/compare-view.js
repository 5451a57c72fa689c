// The view Compare: the same input under several algorithms.

import { bar, choice, el, limited, notice, plural, svg, table } from "./dom.js";
import { percent, resourcesOf, share } from "./amount.js";
import { addressOf, change, go } from "./address.js";
import { IS_FILE, indexOf, load } from "./data.js";
import { groupNodes } from "./layout.js";
import { groupings } from "./map-view.js";

const BINS = 10;

function algorithmsOf(info, query) {
  const asked = query.getAll("compare").filter((name) => info.algorithms.includes(name));
  if (IS_FILE) return info.compared ?? [];
  const other = info.algorithms.find((name) => name !== info.algorithm);
  return asked.length ? asked : [info.algorithms.includes(info.algorithm) ? info.algorithm : info.algorithms[0], other];
}

function chooser(info, query, chosen) {
  if (IS_FILE) return null;
  const toggle = (name, isOn) => {
    const names = isOn ? [...chosen, name] : chosen.filter((one) => one !== name);
    const rest = [...query].filter(([key]) => key !== "compare" && key !== "pod" && key !== "node");
    go(addressOf("compare", new URLSearchParams([...rest, ...names.map((one) => ["compare", one])])));
  };
  return el(
    "fieldset",
    { class: "checks" },
    el("legend", {}, "Algorithms"),
    info.algorithms.map((name) =>
      el(
        "label",
        { class: "check" },
        el("input", {
          type: "checkbox",
          checked: chosen.includes(name),
          disabled: chosen.length === 1 && chosen.includes(name),
          onchange: (event) => toggle(name, event.target.checked),
        }),
        name,
      ),
    ),
  );
}

function figuresOf(comparison, resource) {
  const { runs } = comparison;
  const number = (text, of) => [text, ...runs.map((run) => of(run).toLocaleString("en"))];
  const part = (text, of) => [
    text,
    ...runs.map((run) => {
      const one = run.utilization[resource];
      return one ? bar(of(one), `${(of(one) * 100).toFixed(1)}%`) : "–";
    }),
  ];
  const rows = [
    number("Placed", (run) => run.placed),
    number("Pending", (run) => run.pending),
    number("Evicted", (run) => run.evicted),
    number("Nodes used", (run) => run.nodesUsed),
    part(`${resource}: mean`, (one) => one.mean),
    part(`${resource}: fullest node`, (one) => one.max),
    part(`${resource}: imbalance`, (one) => one.deviation),
  ];
  return table(
    "Figures; imbalance is the standard deviation of the nodes' shares",
    ["", ...runs.map((run) => run.algorithm)],
    rows,
  );
}

// How many nodes have which share of the resource.
function histogramOf(cluster, resource) {
  const counts = new Array(BINS).fill(0);
  for (const node of cluster.nodes) {
    const part = share(node, resource);
    if (part !== undefined) counts[Math.min(BINS - 1, Math.floor(part * BINS))] += 1;
  }
  const most = Math.max(1, ...counts);
  const text = counts.map((count, at) => `${at * 10} to ${at * 10 + 10} percent: ${count}`).join(", ");
  const bars = counts.map((count, at) => {
    const high = (count / most) * 80;
    return [
      svg("rect", { class: "step-fill", x: at * 30 + 2, y: 92 - high, width: 26, height: high }),
      svg("text", { x: at * 30 + 15, y: 88 - high, class: "count" }, count ? String(count) : ""),
    ];
  });
  const ticks = [0, 50, 100].map((at) =>
    svg("text", { x: at * 3, y: 106, class: "tick", "text-anchor": ["start", "middle", "end"][at / 50] }, `${at}%`),
  );
  return svg(
    "svg",
    {
      viewBox: "0 0 300 110",
      role: "img",
      class: "histogram",
      "aria-label": `${cluster.algorithm}: nodes by share of ${resource}: ${text}`,
    },
    bars,
    svg("line", { x1: 0, y1: 92, x2: 300, y2: 92, class: "axis" }),
    ticks,
  );
}

function spreadOf(states, by) {
  const names = [...new Set(states.flatMap((one) => groupNodes(one.cluster.nodes, by).map((group) => group.name)))];
  const count = (one, name) =>
    groupNodes(one.cluster.nodes, by)
      .filter((group) => group.name === name)
      .flatMap((group) => group.nodes)
      .reduce((sum, node) => sum + node.pods, 0);
  const most = Math.max(1, ...states.flatMap((one) => names.map((name) => count(one, name))));
  const rows = names.map((name) => [
    name,
    ...states.map((one) => bar(count(one, name) / most, count(one, name).toLocaleString("en"))),
  ]);
  return limited(
    rows,
    40,
    (part) => table("Pods by group of nodes", ["", ...states.map((one) => one.name)], part),
    "groups",
  );
}

function differing(states) {
  const indexes = states.map((one) => indexOf(one.podList).byKey);
  const keys = [...new Set(indexes.flatMap((index) => [...index.keys()]))];
  const place = (index, key) => (index.has(key) ? (index.get(key).pod.node ?? "pending") : "does not exist");
  const rows = keys
    .map((key) => [key, ...indexes.map((index) => place(index, key))])
    .filter(([, ...places]) => new Set(places).size > 1);
  if (rows.length === 0) return el("p", { class: "empty" }, "Every pod has the same place.");
  return limited(
    rows,
    100,
    (part) =>
      table(`${plural(rows.length, "pod")} with different places`, ["Pod", ...states.map((one) => one.name)], part),
    "pods",
  );
}

export async function compareView(root, { info, cluster, query }) {
  const chosen = algorithmsOf(info, query);
  const heading = el("div", { class: "toolbar" }, el("h1", {}, "Compare algorithms"), chooser(info, query, chosen));
  const result = el("div", { "aria-busy": "true" }, el("p", { class: "quiet" }, "Computing"));
  root.replaceChildren(heading, result);
  try {
    const comparison = await load(
      "comparison",
      chosen.map((name) => ["compare", name]),
    );
    const states = [];
    for (const name of chosen) {
      const question = [["algorithm", name]];
      states.push({ name, cluster: await load("cluster", question), podList: await load("pods", question) });
    }
    const names = resourcesOf(cluster.nodes).filter((name) => comparison.runs.some((run) => run.utilization[name]));
    const resource = names.includes(query.get("colour")) ? query.get("colour") : "cpu";
    const groups = groupings(cluster.nodes);
    const by = groups.some(([key]) => key === query.get("by")) ? query.get("by") : groups[0][0];
    result.replaceChildren(
      el(
        "div",
        { class: "toolbar" },
        choice(
          "Resource",
          names.map((name) => [name, name]),
          resource,
          (value) => change({ colour: value }),
        ),
        choice("Spread over", groups, by, (value) => change({ by: value })),
      ),
      el("div", { class: "scroll" }, figuresOf(comparison, resource)),
      el("h2", {}, `Nodes by share of ${resource}`),
      el(
        "div",
        { class: "histograms" },
        states.map((one) => el("figure", {}, el("figcaption", {}, one.name), histogramOf(one.cluster, resource))),
      ),
      el("h2", {}, "Spread"),
      spreadOf(states, by),
      el("h2", {}, "Pods that differ"),
      differing(states),
    );
  } catch (error) {
    result.replaceChildren(...error.message.split("\n").map((line) => notice(line, { role: "alert" })));
  }
  result.removeAttribute("aria-busy");
}
