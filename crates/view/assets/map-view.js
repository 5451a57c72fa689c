// The view Map: the nodes as cells or as a table.

import { bar, button, choice, el, limited, plural, table } from "./dom.js";
import { offered, percent, print, resourcesOf, share, short, used } from "./amount.js";
import { addressOf, change } from "./address.js";
import { groupNodes, groupingLabels } from "./layout.js";
import { ClusterMap, stateOf } from "./map.js";
import { nodeLink } from "./panel.js";

// How nodes can be grouped: by what the documents say, and by labels.
export function groupings(nodes) {
  const known = [
    ["zone", "Zone"],
    ["pool", "Node pool"],
  ].filter(([key]) => nodes.some((node) => node[key]));
  const labels = groupingLabels(nodes).map((key) => [`label:${key}`, key]);
  return [...known, ["none", "Nothing"], ...labels];
}

export function resources(nodes) {
  return [["fullest", "The fullest resource"], ...resourcesOf(nodes).map((name) => [name, name])];
}

// The settings of the address, or what is good for these nodes.
export function settingsOf(query, nodes) {
  const allowed = (value, options, other) => (options.some(([key]) => key === value) ? value : other);
  const groups = groupings(nodes);
  return {
    by: allowed(query.get("by"), groups, groups[0][0]),
    resource: allowed(query.get("colour"), resources(nodes), "fullest"),
    measured: query.get("share") === "measured" && nodes.some((node) => node.measured),
  };
}

// The controls that choose settings.
export function controls(settings, nodes) {
  const set = (name) => (value) => change({ [name]: value });
  const parts = [
    choice("Group by", groupings(nodes), settings.by, set("by")),
    choice("Colour by", resources(nodes), settings.resource, set("colour")),
  ];
  if (nodes.some((node) => node.measured)) {
    const options = [
      ["requested", "requested"],
      ["measured", "measured"],
    ];
    parts.push(choice("Share", options, settings.measured ? "measured" : "requested", set("share")));
  }
  return parts;
}

export function legend() {
  const steps = Array.from({ length: 6 }, (_, at) => el("span", { class: `step step-${at}` }));
  const mark = (name, text) => el("li", {}, el("span", { class: `mark ${name}`, "aria-hidden": "true" }), text);
  return el(
    "ul",
    { class: "legend", "aria-label": "Legend" },
    el("li", {}, "0%", el("span", { class: "scale", "aria-hidden": "true" }, steps), "100%"),
    mark("tainted", "tainted"),
    mark("cordoned", "cordoned"),
    mark("not-ready", "not ready"),
  );
}

// A small box beside the pointer that tells a node's amounts.
export function tooltip() {
  const box = el("div", { class: "tooltip", hidden: true, "aria-hidden": "true" });
  const show = (node, event) => {
    box.hidden = node === null;
    if (node === null) return;
    const line = (name) =>
      el(
        "tr",
        {},
        el("th", {}, short(name)),
        el("td", {}, percent(share(node, name))),
        el("td", {}, `${print(name, used(node, name))} of ${print(name, offered(node, name))}`),
      );
    box.replaceChildren(
      el("strong", {}, node.name),
      el(
        "table",
        {},
        resourcesOf([node])
          .filter((name) => offered(node, name) > 0)
          .slice(0, 6)
          .map(line),
      ),
      ...stateOf(node).map((state) => el("div", {}, state)),
    );
    const [width, height] = [box.offsetWidth, box.offsetHeight];
    const x = event.clientX + 16 + width > innerWidth ? event.clientX - 16 - width : event.clientX + 16;
    const y = Math.min(event.clientY + 16, innerHeight - height - 8);
    box.style.setProperty("transform", `translate(${Math.max(4, x)}px, ${Math.max(4, y)}px)`);
  };
  return { box, show };
}

// All nodes as tables, one for each group.
export function nodeTables(groups, settings, nodes) {
  const named = resourcesOf(nodes);
  const columns = [
    ...new Set([settings.resource === "fullest" ? "cpu" : settings.resource, "cpu", "memory", "pods", ...named]),
  ].slice(0, 5);
  const headings = ["Node", ...columns.map((name) => short(name)), "State"];
  const cell = (node, name) => {
    const part = share(node, name, settings.measured);
    return part === undefined
      ? "–"
      : bar(part, `${percent(part)}  ${print(name, used(node, name, settings.measured))}`);
  };
  const row = (node) => [nodeLink(node.name), ...columns.map((name) => cell(node, name)), stateOf(node).join("; ")];
  return el(
    "div",
    { class: "tables" },
    groups.map((group) =>
      limited(
        group.nodes,
        100,
        (part) =>
          table(`${group.name}: ${plural(group.nodes.length, "node")}`, headings, part.map(row), { class: "nodes" }),
        "nodes",
      ),
    ),
  );
}

// Counts of the run in a line.
export function summaryLine(cluster, isOverTime) {
  const { nodes, pods, placed, pending, evicted } = cluster.summary;
  const parts = [plural(nodes, "node"), plural(pods, "pod")];
  if (placed > 0 || !isOverTime) parts.push(`${placed.toLocaleString("en")} placed now`);
  const waits = el(
    "a",
    { href: addressOf("pending"), class: pending ? "waits" : "quiet" },
    `${pending.toLocaleString("en")} pending`,
  );
  return el(
    "p",
    { class: "summary" },
    parts.join(" · "),
    " · ",
    waits,
    evicted ? ` · ${evicted.toLocaleString("en")} evicted` : "",
    el("span", { class: "quiet" }, ` · ${cluster.algorithm}`),
  );
}

let shown = null;

// Renders the view; the map itself stays as it is if only its settings change.
export function mapView(root, { info, cluster, query, marked }) {
  const { nodes } = cluster;
  if (nodes.length === 0) {
    shown = null;
    root.replaceChildren(el("p", { class: "empty" }, "The input has no nodes."));
    return;
  }
  const settings = settingsOf(query, nodes);
  const groups = groupNodes(nodes, settings.by);
  const isTable = query.get("as") === "table";
  const as = (value, text) =>
    button(text, () => change({ as: value }), { "aria-pressed": String((value === "table") === isTable) });
  const bar_ = el(
    "div",
    { class: "toolbar" },
    controls(settings, nodes),
    el("span", { class: "switch", role: "group", "aria-label": "Show as" }, as(null, "Map"), as("table", "Table")),
    summaryLine(cluster, Boolean(info.overTime)),
  );
  if (isTable) {
    shown = null;
    root.replaceChildren(bar_, nodeTables(groups, settings, nodes));
    return;
  }
  if (shown?.root !== root || !root.contains(shown.map.element)) {
    const tip = tooltip();
    const map = new ClusterMap({
      label: "Map of the cluster",
      open: (node) => change({ node, pod: null }),
      hover: tip.show,
    });
    shown = { root, map };
    const zoom = el(
      "div",
      { class: "zoom", role: "group", "aria-label": "Zoom" },
      button("+", () => map.zoom(1.5), { "aria-label": "Zoom in" }),
      button("−", () => map.zoom(1 / 1.5), { "aria-label": "Zoom out" }),
      button("Fit", () => map.reset()),
    );
    map.element.append(zoom);
    root.replaceChildren(bar_, map.element, legend(), tip.box);
  } else {
    root.replaceChild(bar_, root.firstChild);
  }
  shown.map.show(groups, { ...settings, marked, chosen: query.get("node") });
}
