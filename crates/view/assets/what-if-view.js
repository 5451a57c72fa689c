// The view What if: changes of the cluster, and what they do to its pods.

import { bar, button, choice, el, limited, notice, plural, table } from "./dom.js";
import { percent, share } from "./amount.js";
import { addressOf, change, go, questionOf } from "./address.js";
import { IS_FILE, indexOf } from "./data.js";
import { groupNodes } from "./layout.js";
import { ClusterMap } from "./map.js";
import { nodeLink, podLink } from "./panel.js";
import { commandOf } from "./explanation.js";
import { controls, legend, settingsOf, tooltip } from "./map-view.js";

const KINDS = [
  ["cordon", "Cordon nodes"],
  ["drain", "Drain nodes"],
  ["without", "Remove nodes"],
  ["add", "Add nodes"],
  ["scale", "Scale a workload"],
  ["untaint", "Remove a taint"],
  ["weight", "Change a plugin's weight"],
  ["algorithm", "Use another algorithm"],
];
const SCALED = { Deployment: "deploy", StatefulSet: "sts", ReplicaSet: "rs", ReplicationController: "rc", Job: "job" };
const FATES = [
  ["waits", "Wait", "now pending"],
  ["comesIn", "Come in", "now on a node"],
  ["moves", "Move", "on another node"],
  ["gone", "Gone", "do not exist"],
];

// The address of the question with one more change.
export function askAlso(query, option, value) {
  const kept = [...query].filter(
    ([name]) => !["node", "pod"].includes(name) && !(option === "algorithm" && name === option),
  );
  return addressOf("what-if", new URLSearchParams([...kept, [option, value]]));
}

function withoutChange(query, at) {
  const question = questionOf(query);
  const rest = [...query].filter(
    ([name]) => !question.some(([option]) => option === name) && name !== "pod" && name !== "node",
  );
  return addressOf("what-if", new URLSearchParams([...rest, ...question.filter((_, other) => other !== at)]));
}

function sentenceOf([option, value]) {
  const [, text] = KINDS.find(([key]) => key === option) ?? [];
  return text ? `${text}: ${value}` : `--${option}`;
}

// The inputs of a kind of change; `value` makes the option's value of them, or gives undefined.
function inputsOf(kind, { info, cluster, podList }) {
  const input = (label, list, attributes = {}) => {
    const id = `list-${label.replaceAll(" ", "-").toLowerCase()}`;
    const field = el("input", {
      list: list ? id : null,
      autocomplete: "off",
      spellcheck: "false",
      required: true,
      ...attributes,
    });
    const options = list
      ? el(
          "datalist",
          { id },
          list.map((value) => el("option", { value })),
        )
      : null;
    return { field, element: el("label", { class: "choice" }, el("span", {}, label), field, options) };
  };
  const number = (label, value, least) =>
    input(label, null, { type: "number", min: String(least), value: String(value), class: "count" });
  const chosen = (label, options) => {
    const element = choice(label, options, options[0]?.[0], () => {});
    return { field: element.querySelector("select"), element };
  };
  const names = cluster.nodes.map((node) => node.name);
  if (["cordon", "drain", "without"].includes(kind)) {
    const zones = [...new Set(cluster.nodes.map((node) => node.zone).filter(Boolean))].map((zone) => `zone=${zone}`);
    const nodes = input("Node or label", [...zones, ...names], { placeholder: "n1, zone=a, pool=spot" });
    return { parts: [nodes], value: () => nodes.field.value.trim() };
  }
  if (kind === "add") {
    const [count, node] = [number("How many", 1, 1), input("Like node", names)];
    return {
      parts: [count, node],
      value: () => node.field.value && `${count.field.value}=node/${node.field.value.trim()}`,
    };
  }
  if (kind === "scale") {
    const groups = podList.groups.filter((group) => group.workload && SCALED[group.workload.kind]);
    const all = [
      ...new Set(groups.map((group) => `${SCALED[group.workload.kind]}/${group.namespace}/${group.workload.name}`)),
    ];
    const [workload, count] = [input("Workload", all, { placeholder: "deploy/shop/web" }), number("Pods", 1, 0)];
    return {
      parts: [workload, count],
      value: () => workload.field.value && `${workload.field.value.trim()}=${count.field.value}`,
    };
  }
  if (kind === "untaint") {
    const taints = [
      ...new Set(cluster.nodes.flatMap((node) => [...(node.taints ?? []), ...(node.softTaints ?? [])])),
    ].sort();
    const taint = input("Taint", taints, { placeholder: "dedicated=ml:NoSchedule" });
    return { parts: [taint], value: () => taint.field.value.trim() };
  }
  if (kind === "weight") {
    const plugin = chosen(
      "Plugin",
      info.plugins.map((one) => [one.name, `${one.name} (${one.weight})`]),
    );
    const weight = number("Weight", 1, 0);
    return { parts: [plugin, weight], value: () => `${plugin.field.value}=${weight.field.value}` };
  }
  const algorithm = chosen(
    "Algorithm",
    info.algorithms.map((name) => [name, name]),
  );
  return { parts: [algorithm], value: () => algorithm.field.value };
}

function formOf(context) {
  const { query } = context;
  const fields = el("span", { class: "fields" });
  let inputs = null;
  const select = (kind) => {
    inputs = inputsOf(kind, context);
    fields.replaceChildren(...inputs.parts.map((part) => part.element));
  };
  const kind = choice("Change", KINDS, "cordon", select);
  select("cordon");
  const submit = (event) => {
    event.preventDefault();
    const value = inputs.value();
    if (value) go(askAlso(query, kind.querySelector("select").value, value));
  };
  return el(
    "form",
    { class: "toolbar", onsubmit: submit },
    kind,
    fields,
    el("button", { class: "primary" }, "Add this change"),
  );
}

function changesOf(query) {
  const question = questionOf(query);
  const items = question.map((one, at) =>
    el(
      "li",
      {},
      sentenceOf(one),
      el("a", { href: withoutChange(query, at), class: "remove", "aria-label": `Take back: ${sentenceOf(one)}` }, "×"),
    ),
  );
  const flag = (name, text) =>
    el(
      "label",
      { class: "check" },
      el("input", {
        type: "checkbox",
        checked: query.has(name),
        onchange: (event) => change({ [name]: event.target.checked ? "true" : null }),
      }),
      text,
    );
  const drains = question.some(([option]) => option === "drain");
  return el(
    "div",
    { class: "changes" },
    el("ul", { class: "chips", "aria-label": "Changes" }, items),
    drains
      ? [
          flag("force", "delete pods without a controller"),
          flag("delete-emptydir-data", "delete pods with emptyDir data"),
        ]
      : null,
    question.length > 1 ? el("a", { href: addressOf("what-if") }, "Take all back") : null,
  );
}

function meanShare(cluster, resource) {
  const shares = cluster.nodes.map((node) => share(node, resource)).filter((one) => one !== undefined);
  return shares.length ? shares.reduce((sum, one) => sum + one, 0) / shares.length : 0;
}

function countsOf(difference, before, after) {
  const pods = ({ podList }) => [...indexOf(podList).byNode.values()].reduce((sum, list) => sum + list.length, 0);
  const row = (text, one, two) => [text, one.toLocaleString("en"), two.toLocaleString("en"), signed(two - one)];
  const part = (text, resource) => {
    const [one, two] = [meanShare(before.cluster, resource), meanShare(after.cluster, resource)];
    const points = Math.round((two - one) * 1000) / 10;
    return [text, bar(one, percent(one)), bar(two, percent(two)), points ? `${signed(points)} points` : "–"];
  };
  const number = (text) => ({ text, class: "number" });
  return table(
    "Before and after",
    ["", number("Before"), number("After"), number("Difference")],
    [
      row("Nodes", difference.before.nodes, difference.after.nodes),
      row("Pods on nodes", pods(before), pods(after)),
      row("Pending pods", difference.before.pending, difference.after.pending),
      row("Evicted pods", difference.before.evicted, difference.after.evicted),
      part("CPU requested, mean", "cpu"),
      part("Memory requested, mean", "memory"),
    ],
    { class: "counts" },
  );
}

function signed(value) {
  if (value === 0) return "–";
  return `${value > 0 ? "+" : "−"}${Math.abs(value).toLocaleString("en")}`;
}

function mapsOf(context, before, after, difference) {
  const settings = settingsOf(context.query, before.cluster.nodes);
  const touched = new Set([
    ...difference.pods.flatMap((pod) => [pod.from, pod.to]),
    ...difference.changes.flatMap((one) => one.nodes ?? []),
  ]);
  const tip = tooltip();
  const one = (title, { cluster }) => {
    const map = new ClusterMap({ label: title, open: (node) => change({ node, pod: null }), hover: tip.show });
    map.show(groupNodes(cluster.nodes, settings.by), {
      ...settings,
      marked: touched,
      chosen: context.query.get("node"),
    });
    return el("figure", {}, el("figcaption", {}, title), map.element);
  };
  return el(
    "section",
    {},
    el("div", { class: "toolbar" }, el("h2", {}, "Side by side"), controls(settings, before.cluster.nodes)),
    el("div", { class: "pair" }, one("Before", before), one("After", after)),
    el(
      "p",
      { class: "quiet" },
      `Outlined: ${plural([...touched].filter(Boolean).length, "node")} that the changes concern.`,
    ),
    legend(),
    tip.box,
  );
}

function podsOfDifference(context, difference) {
  if (difference.pods.length === 0) return el("p", { class: "empty" }, "No pod moves, waits or comes in.");
  const chosen = context.query.get("fate");
  const filter = (fate, text, count) =>
    button(`${text} ${count.toLocaleString("en")}`, () => change({ fate }), {
      "aria-pressed": String((fate ?? null) === chosen),
    });
  const counts = FATES.map(([fate, text]) => [fate, text, difference.pods.filter((pod) => pod.fate === fate).length]);
  const shown = difference.pods.filter((pod) => !chosen || pod.fate === chosen);
  const link = (name) => (name ? nodeLink(name) : "–");
  const words = Object.fromEntries(FATES.map(([fate, , text]) => [fate, text]));
  const row = (pod) => {
    const key = `${pod.namespace}/${pod.name}`;
    return [
      pod.fate === "gone" ? key : podLink(key),
      words[pod.fate],
      pod.from ?? "–",
      link(pod.to),
      el("span", { class: "message" }, pod.message ?? ""),
    ];
  };
  return el(
    "section",
    {},
    el(
      "div",
      { class: "toolbar" },
      el("h2", {}, "Pods"),
      el(
        "span",
        { class: "switch", role: "group", "aria-label": "Which pods" },
        filter(null, "All", difference.pods.length),
        counts.filter(([, , count]) => count > 0).map((one) => filter(...one)),
      ),
    ),
    limited(
      shown,
      100,
      (part) => table("Pods whose place differs", ["Pod", "With the changes", "Before", "After", "Why"], part.map(row)),
      "pods",
    ),
  );
}

function reportsOf(difference) {
  const items = difference.changes.map((one) =>
    el(
      "li",
      {},
      el("code", {}, one.change),
      " ",
      one.summary,
      (one.blocked ?? []).map((why) => notice(`Blocked: ${why}`)),
      one.lost?.length ? notice(`Lost: ${one.lost.map((pod) => `${pod.namespace}/${pod.name}`).join(", ")}`) : null,
    ),
  );
  return items.length ? el("ul", { class: "reports" }, items) : null;
}

// The view. `answer` gives the difference and the documents before and after it.
export async function whatIfView(root, context, answer) {
  const question = questionOf(context.query);
  const heading = el("div", { class: "toolbar" }, el("h1", {}, "What if"));
  const form = IS_FILE ? null : formOf(context);
  if (question.length === 0 && !IS_FILE) {
    root.replaceChildren(
      heading,
      form,
      el(
        "p",
        { class: "empty" },
        "Add a change to see which pods move, wait or come in. Several changes are made together. " +
          "Nothing is changed in a cluster.",
      ),
    );
    return;
  }
  const result = el("div", { "aria-busy": "true" }, el("p", { class: "quiet" }, "Computing"));
  root.replaceChildren(...[heading, form, changesOf(context.query), result].filter(Boolean));
  try {
    const started = performance.now();
    const { difference, before, after } = await answer();
    const seconds = ((performance.now() - started) / 1000).toFixed(2);
    result.replaceChildren(
      ...[
        el(
          "div",
          { class: "columns" },
          el("div", { class: "scroll" }, countsOf(difference, before, after)),
          el(
            "div",
            {},
            reportsOf(difference),
            difference.command && el("h3", {}, "The same on the command line"),
            difference.command && commandOf(difference.command),
            IS_FILE ? null : el("p", { class: "quiet" }, `Answered in ${seconds} s.`),
          ),
        ),
        mapsOf(context, before, after, difference),
        podsOfDifference(context, difference),
      ],
    );
  } catch (error) {
    result.replaceChildren(...error.message.split("\n").map((line) => notice(line, { role: "alert" })));
  }
  result.removeAttribute("aria-busy");
}
