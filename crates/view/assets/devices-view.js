// The view Devices: classes and nodes with their devices, and the claims on them.

import { bar, button, el, limited, notice, plural, table } from "./dom.js";
import { change } from "./address.js";
import { load } from "./data.js";
import { nodeLink, podLink } from "./panel.js";

function useOf({ total, allocated }) {
  return bar(total > 0 ? allocated / total : 0, `${allocated.toLocaleString("en")} of ${total.toLocaleString("en")}`);
}

function classesOf(claims) {
  const rows = Object.entries(claims.classes).map(([name, use]) => [name, useOf(use)]);
  if (rows.length === 0) return el("p", { class: "empty" }, "No node can reach a device of a class.");
  return el(
    "div",
    { class: "scroll" },
    table("Allocated devices by class; a device counts in each of its classes", ["Class", "Allocated"], rows, {
      class: "counts",
    }),
  );
}

function nodesOf(cluster, claims) {
  const names = Object.keys(claims.classes);
  const nodes = cluster.nodes.filter((node) => Object.keys(node.devices ?? {}).length > 0);
  if (nodes.length === 0) return null;
  const row = (node) => [
    nodeLink(node.name),
    ...names.map((name) => (node.devices[name] ? useOf(node.devices[name]) : "–")),
  ];
  return el(
    "section",
    {},
    el("h2", {}, "Nodes"),
    el(
      "div",
      { class: "scroll" },
      limited(nodes, 60, (part) => table("Allocated devices by node", ["Node", ...names], part.map(row)), "nodes"),
    ),
  );
}

// What a request asks for, as in `2 of gpu.example.com`; alternatives are joined by "or else".
function asked(request) {
  const one = (ask) => (ask.count === undefined ? `all of ${ask.class}` : `${ask.count} of ${ask.class}`);
  return `${request.name}: ${request.alternatives.map(one).join(", or else ")}`;
}

function lines(items) {
  return el(
    "ul",
    { class: "plain" },
    items.map((item) => el("li", {}, item)),
  );
}

function holds(claim) {
  if (claim.devices.length === 0) {
    const why = claim.message ? el("span", { class: "message" }, claim.message) : null;
    const text = claim.pendingPods.length ? "waits" : "not allocated";
    return el("div", {}, el("span", { class: claim.pendingPods.length ? "waits" : "quiet" }, text), " ", why);
  }
  return lines(
    claim.devices.map((device) => [
      `${device.driver}/${device.pool}/${device.device}`,
      device.node ? [" on ", nodeLink(device.node)] : "",
    ]),
  );
}

function claimsOf(claims, query) {
  const isWaiting = (claim) => claim.devices.length === 0;
  const onlyWaiting = query.get("which") === "waiting";
  const shown = claims.claims.filter((claim) => !onlyWaiting || isWaiting(claim));
  const which = (value, text) =>
    button(text, () => change({ which: value }), { "aria-pressed": String((value === "waiting") === onlyWaiting) });
  const waiting = claims.claims.filter(isWaiting).length;
  const row = (claim) => [
    `${claim.namespace}/${claim.name}`,
    lines(claim.requests.map(asked)),
    holds(claim),
    lines([...claim.pods, ...claim.pendingPods].map((name) => podLink(`${claim.namespace}/${name}`, name))),
  ];
  return el(
    "section",
    {},
    el(
      "div",
      { class: "toolbar" },
      el("h2", {}, "Claims"),
      el(
        "span",
        { class: "switch", role: "group", "aria-label": "Claims" },
        which(null, `All ${claims.claims.length.toLocaleString("en")}`),
        which("waiting", `Without devices ${waiting.toLocaleString("en")}`),
      ),
    ),
    shown.length === 0
      ? el("p", { class: "empty" }, "No claim.")
      : el(
          "div",
          { class: "scroll" },
          limited(
            shown,
            100,
            (part) => table(plural(shown.length, "claim"), ["Claim", "Asks for", "Has", "Pods"], part.map(row)),
            "claims",
          ),
        ),
  );
}

export async function devicesView(root, { cluster, query }) {
  try {
    const claims = await load("claims");
    const parts = [
      el("div", { class: "toolbar" }, el("h1", {}, "Devices")),
      classesOf(claims),
      claimsOf(claims, query),
      nodesOf(cluster, claims),
    ];
    root.replaceChildren(...parts.filter(Boolean));
  } catch (error) {
    root.replaceChildren(...error.message.split("\n").map((line) => notice(line, { role: "alert" })));
  }
}
