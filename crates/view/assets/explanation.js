// The explanation of a pod, as `berth explain` gives it.

import { bar, button, el, limited, notice, plural, table } from "./dom.js";
import { amount, print, short } from "./amount.js";
import { nodeLink } from "./panel.js";

const OUTCOMES = {
  Placed: ["placed", "Placed"],
  Preempts: ["placed", "Preempts other pods"],
  Running: ["placed", "Running"],
  Pending: ["waits", "Pending"],
  Gated: ["waits", "Gated"],
  OtherScheduler: ["waits", "Waits for another scheduler"],
};
const COMPARED = 5;

function answerOf(document_) {
  const [kind, text] = OUTCOMES[document_.outcome];
  const requests = Object.entries(document_.pod.requests).map(
    ([name, value]) => `${short(name)} ${print(name, amount(value))}`,
  );
  const [sentence, ...rest] = document_.answer;
  const first = sentence.replace(/^Pending: (.)/, (_, letter) => letter.toUpperCase());
  return el(
    "section",
    { class: "answer" },
    el("p", {}, el("span", { class: `outcome ${kind}` }, text), " ", el("strong", {}, first)),
    rest.length
      ? el(
          "ul",
          {},
          rest.map((one) => el("li", {}, one)),
        )
      : null,
    el(
      "p",
      { class: "quiet" },
      [
        requests.length ? `Requests ${requests.join(", ")}.` : "Requests nothing.",
        ` Priority ${document_.pod.priority}.`,
        document_.pod.profile ? ` Profile ${document_.pod.profile}.` : "",
      ].join(""),
    ),
  );
}

// Scores by plugin of the chosen node beside those of the next ones.
function scoresOf(document_) {
  const feasible = document_.nodes.filter((node) => node.feasible);
  const chosen = feasible.find((node) => node.name === document_.node);
  const others = feasible.filter((node) => node !== chosen).slice(0, chosen ? COMPARED - 1 : COMPARED);
  const shown = chosen ? [chosen, ...others] : others;
  if (shown.length === 0) return null;
  const plugins = [...new Set(shown.flatMap((node) => Object.keys(node.scores)))];
  const most = Math.max(1, ...shown.flatMap((node) => Object.values(node.scores)));
  plugins.sort(
    (a, b) =>
      Math.max(...shown.map((node) => node.scores[b] ?? 0)) - Math.max(...shown.map((node) => node.scores[a] ?? 0)),
  );
  const cell = (node, plugin) => bar((node.scores[plugin] ?? 0) / most, String(node.scores[plugin] ?? 0));
  const rows = plugins.map((plugin) => [plugin, ...shown.map((node) => cell(node, plugin))]);
  rows.push([el("strong", {}, "Total"), ...shown.map((node) => el("strong", { class: "total" }, node.score))]);
  const headings = [
    "Plugin",
    ...shown.map((node) => ({
      text: el("span", {}, nodeLink(node.name), node === chosen ? el("span", { class: "chosen" }, " chosen") : null),
    })),
  ];
  const title = chosen
    ? "Scores by plugin, the chosen node beside the next ones"
    : "Scores by plugin of the best nodes";
  return el(
    "section",
    {},
    el("h3", {}, "Why here"),
    el("div", { class: "wide" }, table(title, headings, rows, { class: "scores" })),
  );
}

function rejectionsOf(document_) {
  if (document_.rejectedNodes.length === 0) return null;
  const all = document_.feasibleNodes + document_.rejectedNodes.reduce((sum, one) => sum + one.nodes, 0);
  const rows = document_.rejectedNodes.map((one) => [one.reason, one.plugin, bar(one.nodes / all, String(one.nodes))]);
  return el(
    "section",
    {},
    el("h3", {}, "Nodes that reject it"),
    el(
      "div",
      { class: "scroll" },
      table(`${document_.feasibleNodes} of ${plural(all, "node")} fit`, ["Reason", "Plugin", "Nodes"], rows),
    ),
  );
}

function nearestOf(document_) {
  const rejected = document_.nodes.filter((node) => !node.feasible);
  if (rejected.length === 0) return null;
  const words = (one) => (one.details?.length ? one.details : one.reasons).join(", ");
  const row = (node) => [
    nodeLink(node.name),
    el(
      "ul",
      { class: "plain" },
      node.rejections.map((one) => el("li", {}, words(one))),
    ),
  ];
  const left = document_.nodesLeftOut;
  return el(
    "section",
    {},
    el("h3", {}, "The nearest nodes"),
    limited(
      rejected,
      8,
      (part) => table("The nearest to fitting first", ["Node", "What it lacks"], part.map(row)),
      "nodes",
    ),
    left
      ? el("p", { class: "quiet" }, `${plural(left, "more node")} not listed; berth explain -o wide lists all.`)
      : null,
  );
}

function remediesOf(document_) {
  if (document_.remedies.length === 0) return null;
  return el(
    "section",
    {},
    el("h3", {}, "What would help"),
    el("p", { class: "quiet" }, "Each change alone would place it. Each was tried."),
    el(
      "ol",
      {},
      document_.remedies.map((one) => el("li", {}, one.description)),
    ),
  );
}

export function explanationOf(document_) {
  return [
    answerOf(document_),
    document_.victims?.length
      ? el(
          "section",
          {},
          el("h3", {}, "Pods that go for it"),
          el(
            "ul",
            {},
            document_.victims.map((one) => el("li", {}, one)),
          ),
        )
      : null,
    remediesOf(document_),
    scoresOf(document_),
    rejectionsOf(document_),
    nearestOf(document_),
    document_.message
      ? el("section", {}, el("h3", {}, "In kube-scheduler's words"), el("p", { class: "message" }, document_.message))
      : null,
  ].filter(Boolean);
}

// A command line with a button that copies it.
export function commandOf(command) {
  const copy = button(
    "Copy",
    async () => {
      try {
        await navigator.clipboard.writeText(command);
        copy.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        copy.textContent = "Selected; press Ctrl+C";
      }
    },
    { class: "copy" },
  );
  const code = el("code", {}, command);
  return el("div", { class: "command" }, code, copy);
}

export function absentExplanation(key) {
  return [
    notice("This file has no explanation of this pod. This command prints it:"),
    commandOf(`berth explain ${key}`),
  ];
}
