// The search: nodes, labels, workloads, pods and reasons.

import { announce, el, plural } from "./dom.js";
import { addressOf, go } from "./address.js";
import { indexOf, workloadName } from "./data.js";
import { addressOfPod } from "./pods-view.js";

const PER_KIND = 6;

// The names of the nodes whose name or labels contain a text.
export function nodesWith(nodes, text) {
  const wanted = text.toLowerCase();
  const has = (node) =>
    node.name.toLowerCase().includes(wanted) ||
    Object.entries(node.labels).some(([key, value]) => `${key}=${value}`.toLowerCase().includes(wanted));
  return new Set(nodes.filter(has).map((node) => node.name));
}

// What contains a text: lists of a kind, a text and an address, the best first.
function find({ cluster, podList }, text) {
  const wanted = text.toLowerCase();
  const results = [];
  const add = (kind, items) =>
    results.push(...items.slice(0, PER_KIND).map(([name, address]) => ({ kind, name, address })));
  const byPlace = (name) => [name.toLowerCase().indexOf(wanted), name.length];
  const sorted = (names) =>
    names.sort((a, b) => byPlace(a)[0] - byPlace(b)[0] || a.length - b.length || (a < b ? -1 : 1));
  const contains = (name) => name.toLowerCase().includes(wanted);
  const nodes = sorted(cluster.nodes.map((node) => node.name).filter(contains));
  add(
    "Node",
    nodes.map((name) => [name, addressOf("map", { node: name })]),
  );
  const labels = new Set(
    cluster.nodes.flatMap((node) => Object.entries(node.labels).map(([key, value]) => `${key}=${value}`)),
  );
  add(
    "Label",
    sorted([...labels].filter(contains)).map((name) => [name, addressOf("map", { find: name })]),
  );
  if (podList) {
    const { byKey, pending } = indexOf(podList);
    const reasons = [...new Set(pending.map((entry) => entry.pod.message ?? ""))].filter(contains);
    add(
      "Reason",
      reasons.map((name) => [name, addressOf("pending", { list: "reason" })]),
    );
    const workloads = new Map(
      [...byKey.values()].filter((entry) => entry.group.workload).map((entry) => [workloadName(entry), entry]),
    );
    add(
      "Workload",
      sorted([...workloads.keys()].filter(contains)).map((name) => [name, addressOfPod(workloads.get(name))]),
    );
    add(
      "Pod",
      sorted([...byKey.keys()].filter(contains)).map((name) => [name, addressOfPod(byKey.get(name))]),
    );
  }
  return results;
}

// Connects the field of the page's head. `documents` gives what is searched.
export function startSearch(documents) {
  const field = document.getElementById("search");
  const list = document.getElementById("found");
  let results = [];
  let at = -1;
  const close = () => {
    list.hidden = true;
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const open = (result) => {
    close();
    field.blur();
    go(result ? result.address : addressOf("map", { find: field.value }));
  };
  const mark = (next) => {
    at = next;
    [...list.children].forEach((item, index) => item.setAttribute("aria-selected", String(index === at)));
    if (at >= 0) field.setAttribute("aria-activedescendant", `found-${at}`);
    list.children[at]?.scrollIntoView({ block: "nearest" });
  };
  const update = () => {
    const text = field.value.trim();
    if (!text) return close();
    results = find(documents(), text);
    at = -1;
    list.replaceChildren(
      ...results.map((result, index) =>
        el(
          "li",
          {
            role: "option",
            id: `found-${index}`,
            "aria-selected": "false",
            onmousedown: (event) => {
              event.preventDefault();
              open(result);
            },
          },
          el("span", { class: "kind" }, result.kind),
          result.name,
        ),
      ),
    );
    if (results.length === 0)
      list.append(
        el("li", { role: "option", "aria-disabled": "true", class: "quiet" }, "Nothing has this in its name"),
      );
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    announce(plural(results.length, "result"));
    return undefined;
  };
  field.addEventListener("input", update);
  field.addEventListener("focus", update);
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      if (results.length) mark((at + step + results.length) % results.length);
    } else if (event.key === "Enter") {
      open(results[at] ?? (results.length === 1 ? results[0] : null));
    } else if (event.key === "Escape") {
      field.value = "";
      close();
      field.blur();
    } else {
      return;
    }
    event.preventDefault();
  });
}
