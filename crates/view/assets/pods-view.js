// The views Pending and Placed: pods by workload or by reason.

import { button, el, limited, plural, table } from "./dom.js";
import { addressOf, change } from "./address.js";
import { grouped, indexOf, workloadName } from "./data.js";
import { nodeLink, podLink } from "./panel.js";

function switchOf(query) {
  const by = query.get("list") ?? "workload";
  const one = (value, text) => button(text, () => change({ list: value }), { "aria-pressed": String(by === value) });
  return el(
    "span",
    { class: "switch", role: "group", "aria-label": "Group by" },
    one("workload", "By workload"),
    one("reason", "By reason"),
  );
}

// The pods of a group as links; the first one stands for all.
function podsIn(entries, words) {
  if (entries.length === 1) return podLink(entries[0].key, words ?? entries[0].key);
  return el(
    "details",
    {},
    el("summary", {}, plural(entries.length, "pod")),
    limited(
      entries,
      50,
      (part) =>
        el(
          "ul",
          { class: "plain" },
          part.map((entry) => el("li", {}, podLink(entry.key))),
        ),
      "pods",
    ),
  );
}

export function pendingView(root, { podList, query }) {
  const { pending } = indexOf(podList);
  if (pending.length === 0) {
    root.replaceChildren(el("h1", {}, "Pending pods"), el("p", { class: "empty" }, "No pod is pending."));
    return;
  }
  const head = el("div", { class: "toolbar" }, el("h1", {}, plural(pending.length, "pending pod")), switchOf(query));
  const untried = (pod) => (pod.queue ? `Not tried yet: it is in the queue (${pod.queue})` : "The run did not try it.");
  const reason = (entry) => entry.pod.message ?? untried(entry.pod);
  if (query.get("list") === "reason") {
    const groups = grouped(pending, reason).map(([message, entries]) => {
      const rows = grouped(entries, workloadName).map(([name, members]) => [
        podLink(members[0].key, name),
        members.length,
        podsIn(members, "explain"),
      ]);
      return el(
        "section",
        { class: "group" },
        el("h2", {}, `${plural(entries.length, "pod")}`),
        el("p", { class: "message" }, message),
        limited(
          rows,
          50,
          (part) => table("Workloads", ["Workload", { text: "Pods", class: "number" }, "Explain"], part),
          "workloads",
        ),
      );
    });
    root.replaceChildren(head, ...groups);
    return;
  }
  const rows = grouped(pending, (entry) => `${workloadName(entry)}\n${reason(entry)}`).map(([, entries]) => [
    podLink(entries[0].key, workloadName(entries[0])),
    entries.length,
    el("span", { class: "message" }, reason(entries[0])),
    podsIn(entries, "explain"),
  ]);
  root.replaceChildren(
    head,
    limited(
      rows,
      100,
      (part) =>
        table("Pending pods by workload", ["Workload", { text: "Pods", class: "number" }, "Why", "Explain"], part),
      "workloads",
    ),
  );
}

function matches(entry, text) {
  return `${workloadName(entry)} ${entry.key} ${entry.pod.node}`.toLowerCase().includes(text);
}

export function placedView(root, { podList, query }) {
  const all = [...indexOf(podList).byNode.values()].flat();
  const text = (query.get("filter") ?? "").toLowerCase();
  const onlyNew = query.get("which") === "new";
  const shown = all.filter((entry) => (!onlyNew || entry.pod.score !== undefined) && (!text || matches(entry, text)));
  const filter = el("input", {
    type: "search",
    value: query.get("filter") ?? "",
    placeholder: "Workload, pod or node",
    onchange: (event) => change({ filter: event.target.value }),
  });
  const which = (value, words) =>
    button(words, () => change({ which: value }), { "aria-pressed": String((value === "new") === onlyNew) });
  const head = el(
    "div",
    { class: "toolbar" },
    el("h1", {}, plural(shown.length, "placed pod")),
    all.some((entry) => entry.pod.score !== undefined) &&
      el(
        "span",
        { class: "switch", role: "group", "aria-label": "Pods" },
        which(null, "All"),
        which("new", "Placed now"),
      ),
    el("label", { class: "choice" }, el("span", {}, "Filter"), filter),
  );
  const rows = grouped(shown, workloadName).map(([name, entries]) => {
    const nodes = [...new Set(entries.map((entry) => entry.pod.node))];
    const few = nodes.slice(0, 3).map((node, at) => [at ? ", " : "", nodeLink(node)]);
    const rest = nodes.length > 3 ? ` and ${nodes.length - 3} more` : "";
    return [podLink(entries[0].key, name), entries.length, el("span", {}, few, rest), podsIn(entries, "why here")];
  });
  const list =
    rows.length === 0
      ? el("p", { class: "empty" }, "No pod matches.")
      : limited(
          rows,
          100,
          (part) =>
            table(
              "Placed pods by workload",
              ["Workload", { text: "Pods", class: "number" }, "Nodes", "Why here"],
              part,
            ),
          "workloads",
        );
  root.replaceChildren(head, list);
}

// The view that shows a pod.
export function addressOfPod(entry) {
  return addressOf(entry.pod.node === undefined ? "pending" : "placed", { pod: entry.key });
}
