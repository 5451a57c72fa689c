// The panel at the side: a node with its pods, or the explanation of a pod.

import { bar, button, el, limited, plural, table } from "./dom.js";
import { offered, percent, print, resourcesOf, share, short, used } from "./amount.js";
import { addressOf, change, readAddress } from "./address.js";
import { grouped, indexOf, workloadName } from "./data.js";
import { stateOf } from "./map.js";

let opener = null;

// Shows content in the panel; the focus goes there and comes back when the panel is closed.
export function openPanel(title, ...content) {
  const panel = document.getElementById("panel");
  const isNew = panel.hidden;
  if (isNew) opener = document.activeElement;
  panel.hidden = false;
  document.body.classList.add("with-panel");
  const heading = el("h2", { tabindex: "-1" }, title);
  panel.replaceChildren(
    el(
      "div",
      { class: "panel-head" },
      heading,
      button("Close", () => change({ node: null, pod: null }), { class: "close", title: "Close (Escape)" }),
    ),
    ...content,
  );
  panel.scrollTop = 0;
  if (isNew || panel.contains(document.activeElement)) heading.focus({ preventScroll: true });
}

export function closePanel() {
  const panel = document.getElementById("panel");
  if (panel.hidden) return;
  panel.hidden = true;
  document.body.classList.remove("with-panel");
  panel.replaceChildren();
  if (opener?.isConnected) opener.focus({ preventScroll: true });
  opener = null;
}

function amountsOf(node) {
  const rows = resourcesOf([node])
    .filter((name) => offered(node, name) > 0)
    .map((name) => {
      const [taken, all] = [used(node, name), offered(node, name)];
      const part = share(node, name) ?? 0;
      const row = [short(name), bar(part, percent(part)), print(name, taken), print(name, Math.max(0, all - taken))];
      return node.measured ? [...row, node.measured[name] ? print(name, used(node, name, true)) : "–"] : row;
    });
  const headings = ["Resource", "Requested", { text: "Amount", class: "number" }, { text: "Free", class: "number" }];
  if (node.measured) headings.push({ text: "Measured", class: "number" });
  return table("Resources", headings, rows, { class: "amounts" });
}

function podsOf(entries) {
  const groups = grouped(entries, workloadName);
  return groups.map(([name, members]) => {
    const requests = Object.entries(members[0].group.requests).map(
      ([resource, text]) =>
        `${short(resource)} ${print(resource, used({ requested: { [resource]: text } }, resource))}`,
    );
    return el(
      "details",
      { class: "workload" },
      el("summary", {}, el("span", { class: "name" }, name), el("span", { class: "quiet" }, members.length)),
      el("p", { class: "quiet" }, requests.length ? `Each requests ${requests.join(", ")}` : "They request nothing"),
      el(
        "ul",
        {},
        members.map((entry) => el("li", {}, podLink(entry.key))),
      ),
    );
  });
}

// How many more pods of each workload fit on a node; it is asked for when it is opened.
function fitOf(ask) {
  const content = el("div", { "aria-live": "polite" });
  const row = (one) => {
    const key = `${one.namespace}/${one.pod}`;
    const name = one.workload ? `${one.workload.kind} ${one.namespace}/${one.workload.name}` : `Pod ${key}`;
    const count = one.message === undefined ? `${one.count} and more` : String(one.count);
    return [podLink(key, name), String(one.pending || "–"), el("strong", {}, count), one.message ?? ""];
  };
  const number = (text) => ({ text, class: "number" });
  const headings = ["Workload", number("Pending"), number("Fit here"), "What stops the next one"];
  const show = async () => {
    content.replaceChildren(el("p", { class: "quiet" }, "Counting"));
    try {
      const fit = await ask();
      const rest = fit.workloadsLeftOut;
      const caption = "More pods that fit on this node, each workload counted alone";
      content.replaceChildren(
        fit.workloads.length === 0
          ? el("p", { class: "quiet" }, "There are no pods.")
          : el("div", { class: "scroll" }, table(caption, headings, fit.workloads.map(row), { class: "fit" })),
        rest ? el("p", { class: "quiet" }, `${plural(rest, "more workload")} not counted; berth fit counts each.`) : "",
      );
    } catch (error) {
      content.replaceChildren(el("p", { class: "notice", role: "alert" }, error.message));
    }
  };
  const toggle = (event) => event.target.open && !content.hasChildNodes() && show();
  return el("details", { class: "who", ontoggle: toggle }, el("summary", {}, "Who fits here"), content);
}

// A link to the explanation of a pod, in the view that shows it.
export function podLink(key, text = key) {
  const { view, query } = readAddress();
  const parameters = new URLSearchParams(query);
  parameters.delete("node");
  parameters.set("pod", key);
  return el("a", { href: addressOf(view, parameters) }, text);
}

export function nodeLink(name) {
  const { view, query } = readAddress();
  const parameters = new URLSearchParams(query);
  parameters.delete("pod");
  parameters.set("node", name);
  return el("a", { href: addressOf(view, parameters) }, name);
}

// The content of the panel for a node. `ask` has the address of the what-if view with one more change; `askFit` asks how
// many more pods fit.
export function nodeDetails(node, podList, ask, askFit) {
  const entries = podList ? (indexOf(podList).byNode.get(node.name) ?? []) : null;
  const states = stateOf(node);
  const labels = Object.entries(node.labels).map(([key, value]) => [key, value]);
  const questions = [
    ["cordon", node.name, "Cordon"],
    ["drain", node.name, "Drain"],
    ["without", node.name, "Remove"],
    ["add", `1=node/${node.name}`, "Add one like it"],
  ];
  return [
    states.length
      ? el(
          "ul",
          { class: "states" },
          states.map((state) => el("li", {}, state)),
        )
      : null,
    el("div", { class: "scroll" }, amountsOf(node)),
    ask &&
      el(
        "p",
        { class: "ask" },
        el("span", { class: "quiet" }, "What if: "),
        questions.map(([option, value, text]) => el("a", { class: "action", href: ask(option, value) }, text)),
      ),
    askFit && fitOf(askFit),
    el("h3", {}, `Pods${entries ? ` (${entries.length})` : ""}`),
    entries === null ? el("p", { class: "quiet" }, "Loading pods") : null,
    entries?.length === 0 ? el("p", { class: "quiet" }, "No pods") : null,
    entries ? limited(podsOf(entries), 40, (parts) => el("div", {}, parts), "workloads") : null,
    (node.softTaints ?? []).length ? el("p", {}, `Pods rather avoid it: ${node.softTaints.join(", ")}`) : null,
    el("h3", {}, "Labels"),
    table(plural(labels.length, "label"), ["Label", "Value"], labels, { class: "labels" }),
  ].filter(Boolean);
}
