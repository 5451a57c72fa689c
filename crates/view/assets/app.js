// The page: reads the address, loads documents, and shows the view.

import { announce, el, notice } from "./dom.js";
import { addressOf, change, questionOf, readAddress } from "./address.js";
import { IS_FILE, forget, hasDocument, load, setMoment } from "./data.js";
import { showLive, showMoment } from "./moment.js";
import { closePanel, nodeDetails, openPanel } from "./panel.js";
import { absentExplanation, explanationOf } from "./explanation.js";
import { mapView } from "./map-view.js";
import { pendingView, placedView } from "./pods-view.js";
import { askAlso, whatIfView } from "./what-if-view.js";
import { compareView } from "./compare-view.js";
import { devicesView } from "./devices-view.js";
import { timeView } from "./time-view.js";
import { nodesWith, startSearch } from "./search.js";

const TITLES = {
  map: "Map",
  pending: "Pending",
  placed: "Placed",
  "what-if": "What if",
  compare: "Compare",
  "over-time": "Over time",
  devices: "Devices",
};
const VIEWS = Object.keys(TITLES);
// The views that follow a running scheduler; the others show answers, which stay until they are asked again.
const FOLLOWING = ["map", "pending", "placed", "over-time", "devices"];
// The time between two looks at a running scheduler.
const PERIOD = 5000;
const root = document.getElementById("view");

// What was loaded: `info`, `cluster` and `podList`, which comes last.
const loaded = {};
let pass = 0;
// The part of the address that the view's content depends on.
let present = null;

function isShown(view) {
  if (view === "devices") return Boolean(loaded.info.devices) && !IS_FILE;
  if (view === "over-time") return Boolean(loaded.info.overTime);
  if (view === "what-if") return !IS_FILE || hasDocument("difference");
  return view !== "compare" || !IS_FILE || (loaded.info.compared ?? []).length > 0;
}

function markTab(view) {
  for (const name of VIEWS) {
    const tab = document.getElementById(`tab-${name}`);
    tab.hidden = !isShown(name);
    if (name === view) tab.setAttribute("aria-current", "page");
    else tab.removeAttribute("aria-current");
  }
  const count = loaded.cluster.summary.pending;
  document
    .getElementById("tab-pending")
    .replaceChildren("Pending", count ? el("span", { class: "badge" }, count.toLocaleString("en")) : "");
  document.getElementById(`tab-${view}`).scrollIntoView({ block: "nearest", inline: "nearest" });
  document.title = `${TITLES[view]} – ${loaded.info.title} – Berth`;
}

// The documents before and after the changes of a question.
async function answer(question) {
  const before = { cluster: loaded.cluster, podList: await pods() };
  if (IS_FILE) {
    return {
      difference: await load("difference"),
      before: { cluster: await load("before/cluster"), podList: await load("before/pods") },
      after: before,
    };
  }
  const difference = await load("difference", question);
  const after = { cluster: await load("cluster", question), podList: await load("pods", question) };
  return { difference, before, after };
}

async function pods() {
  const { at } = loaded;
  const list = loaded.podList ?? (await load("pods"));
  if (at === loaded.at) loaded.podList = list;
  return list;
}

async function showView(view, query) {
  const context = { ...loaded, query };
  if (view === "map") {
    const marked = query.get("find") ? nodesWith(loaded.cluster.nodes, query.get("find")) : null;
    mapView(root, { ...context, marked });
    if (marked) announce(`${marked.size} nodes match ${query.get("find")}`);
    return;
  }
  if (view === "compare") {
    await compareView(root, context);
    return;
  }
  if (view === "over-time") {
    await timeView(root, context);
    return;
  }
  if (view === "devices") {
    await devicesView(root, context);
    return;
  }
  if (!loaded.podList) root.replaceChildren(el("p", { class: "quiet" }, "Loading pods"));
  context.podList = await pods();
  if (view === "pending") pendingView(root, context);
  else if (view === "placed") placedView(root, context);
  else await whatIfView(root, context, () => answer(questionOf(query)));
}

async function showPanel(query, mine) {
  const question = questionOf(query);
  const [pod, name] = [query.get("pod"), query.get("node")];
  if (pod) {
    openPanel(pod, el("p", { class: "quiet" }, "Computing the explanation"));
    try {
      const document_ = await load("explanation", [["pod", pod], ...question]);
      if (mine === pass) openPanel(pod, ...explanationOf(document_));
    } catch (error) {
      if (mine === pass)
        openPanel(pod, ...(IS_FILE ? absentExplanation(pod) : [notice(error.message, { role: "alert" })]));
    }
    return;
  }
  if (!name) {
    closePanel();
    return;
  }
  const isAsked = question.length > 0 && !IS_FILE;
  const cluster = isAsked ? await load("cluster", question) : loaded.cluster;
  const node = cluster.nodes.find((one) => one.name === name);
  if (mine !== pass) return;
  if (!node) {
    openPanel(name, notice("There is no node of this name here."));
    return;
  }
  const ask = IS_FILE ? null : (option, value) => askAlso(query, option, value);
  const askFit = IS_FILE ? null : () => load("fit", [["node", name], ...question]);
  openPanel(name, ...nodeDetails(node, isAsked ? null : loaded.podList, ask, askFit));
  const needsPods = isAsked || !loaded.podList;
  const list = isAsked ? await load("pods", question) : await pods();
  if (mine === pass && needsPods) openPanel(name, ...nodeDetails(node, list, ask, askFit));
}

// Loads the cluster as it was at the moment of the address. False if another address was opened in the meantime.
async function enterMoment(query, mine) {
  const timeline = await load("timeline");
  if (mine !== pass) return false;
  showMoment(timeline, query);
  const at = query.get("at");
  if (at === loaded.at) return true;
  setMoment(at);
  const cluster = await load("cluster");
  if (mine !== pass) return false;
  loaded.at = at;
  loaded.cluster = cluster;
  loaded.podList = undefined;
  return true;
}

// Whether somebody types, has opened a list, or has marked a text: drawing the view again would undo that.
function isInUse() {
  const types = root.contains(document.activeElement) && document.activeElement.matches("input, select");
  return types || root.querySelector("details[open]") !== null || !getSelection().isCollapsed;
}

// Looks at a running scheduler again, unless nobody sees the page. The panel stays as it was opened.
async function follow() {
  const { view, query } = readAddress();
  if (isPaused || document.hidden || !FOLLOWING.includes(view) || isInUse()) return;
  const mine = pass;
  try {
    forget();
    const cluster = await load("cluster");
    const podList = view === "over-time" ? undefined : await load("pods");
    if (isPaused || mine !== pass) return;
    Object.assign(loaded, { cluster, podList });
    markTab(view);
    const at = root.scrollTop;
    await showView(view, query);
    root.scrollTop = at;
    showLive(`Live · ${new Date().toLocaleTimeString("en-GB")}`, false, pause);
  } catch (error) {
    showLive(error.message, false, pause);
  }
}

let isPaused = false;

function pause(isOn) {
  isPaused = isOn;
  showLive(isOn ? "Paused" : "Live", isOn, pause);
  if (!isOn) follow();
}

async function followAlways() {
  for (;;) {
    await new Promise((done) => setTimeout(done, PERIOD));
    await follow();
  }
}

async function show() {
  pass += 1;
  const mine = pass;
  const { view: asked, query } = readAddress();
  // The other views show the same moment.
  for (const name of VIEWS) document.getElementById(`tab-${name}`).href = addressOf(name);
  const view = VIEWS.includes(asked) && isShown(asked) ? asked : "map";
  if (loaded.info.overTime === "recording" && !(await enterMoment(query, mine))) return;
  markTab(view);
  const own = new URLSearchParams([...query].filter(([name]) => !["pod", "node"].includes(name)));
  const address = addressOf(view, own);
  // The map marks the chosen node; other views do not depend on what the panel shows.
  if (address !== present || view === "map") {
    const isOther = present?.split("?")[0] !== address.split("?")[0];
    present = address;
    if (isOther) root.scrollTop = 0;
    await Promise.all([showView(view, query), showPanel(query, mine)]);
  } else {
    await showPanel(query, mine);
  }
}

function keys(event) {
  if (event.target.matches?.("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const view = VIEWS[Number(event.key) - 1];
  if (event.key === "/") document.getElementById("search").focus();
  else if (event.key === "Escape") change({ node: null, pod: null });
  else if (view && isShown(view)) location.hash = addressOf(view);
  else return;
  event.preventDefault();
}

async function start() {
  try {
    loaded.at = readAddress().query.get("at");
    setMoment(loaded.at);
    [loaded.info, loaded.cluster] = await Promise.all([load("info"), load("cluster")]);
  } catch (error) {
    root.replaceChildren(...error.message.split("\n").map((line) => notice(line, { role: "alert" })));
    return;
  }
  if (loaded.info.warnings.length) {
    const items = loaded.info.warnings.map((text) => el("li", {}, text));
    document
      .querySelector("header")
      .after(
        el(
          "details",
          { class: "warnings" },
          el("summary", {}, `${items.length} warnings about the input`),
          el("ul", {}, items),
        ),
      );
  }
  startSearch(() => loaded);
  addEventListener("hashchange", show);
  addEventListener("keydown", keys);
  document.getElementById("skip").addEventListener("click", (event) => {
    event.preventDefault();
    root.focus();
  });
  await show();
  await pods();
  if (loaded.info.overTime === "live") {
    showLive("Live", false, pause);
    await followAlways();
  }
}

start();
