// The map: a canvas with a cell for each node. Drag or scroll to move, wheel or pinch to zoom, arrow keys to choose.

import { announce, el } from "./dom.js";
import { percent, resourcesOf, share, short } from "./amount.js";
import { LABELLED, cellAt, cornerOf, findCell, layoutOf, nextCell } from "./layout.js";

const STEPS = 6;
const ZOOM_MAX = 24;
// From this height on a cell shows the shares of several resources, one below the other.
const DETAILED = 76;

// The taints of a node beside those by which the node controller says what the node's state is.
function ownTaints(node) {
  return (node.taints ?? []).filter((taint) => !taint.startsWith("node.kubernetes.io/"));
}

// What is to be said of a node's state.
export function stateOf(node) {
  const parts = [];
  if (node.notReady) parts.push("not ready");
  if (node.unschedulable) parts.push("cordoned");
  const taints = ownTaints(node);
  if (taints.length > 0) parts.push(`tainted ${taints.join(", ")}`);
  return parts;
}

// A node's cell in words.
export function describe(node, resource, measured) {
  const part = share(node, resource, measured);
  const amount = part === undefined ? `no ${resource}` : `${resource} ${percent(part)}`;
  return [node.name, amount, `${node.pods} pods`, ...stateOf(node)].join(", ");
}

export class ClusterMap {
  // `open` is called with the name of a node that is chosen, `hover` with a node or null and the place of the pointer.
  constructor({ label, open, hover }) {
    this.label = label;
    this.open = open;
    this.hover = hover ?? (() => {});
    this.groups = [];
    this.settings = { resource: "fullest", measured: false, marked: null, chosen: null };
    this.view = { k: 1, x: 0, y: 0 };
    this.focus = null;
    this.pointers = new Map();
    this.frame = 0;
    this.canvas = el("canvas", { tabindex: "0", role: "application", "aria-roledescription": "map" });
    this.element = el("div", { class: "map" }, this.canvas);
    this.listen();
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.element);
    this.scheme = matchMedia("(prefers-color-scheme: dark)");
    this.scheme.addEventListener("change", () => this.request());
  }

  // Shows groups of nodes. `marked` is a set of names that stand out, or null.
  show(groups, settings) {
    this.groups = groups;
    this.settings = { ...this.settings, ...settings };
    const { resource, measured } = this.settings;
    const nodes = groups.flatMap((group) => group.nodes);
    // Read once and not in each frame.
    this.shares = new Map(nodes.map((node) => [node, share(node, resource, measured)]));
    this.canvas.setAttribute(
      "aria-label",
      `${this.label}: ${nodes.length} nodes in ${groups.length} groups. Arrow keys choose a ` +
        "node, Enter opens it, plus and minus zoom. The same is in the table.",
    );
    this.arrange();
  }

  resize() {
    const box = this.element.getBoundingClientRect();
    const ratio = devicePixelRatio || 1;
    if (box.width === 0 || (box.width === this.width && box.height === this.height && ratio === this.ratio)) return;
    [this.width, this.height, this.ratio] = [box.width, box.height, ratio];
    this.canvas.width = Math.round(box.width * ratio);
    this.canvas.height = Math.round(box.height * ratio);
    this.arrange();
  }

  arrange() {
    if (!this.width) return;
    // On a narrow screen the buttons have a place of their own below the map.
    const controls = this.width < 600 ? 46 : 2;
    this.layout = layoutOf(this.groups, this.width - 2, this.height - controls);
    if (this.focus) this.focus = findCell(this.layout, this.focus.node.name);
    this.bound();
    this.request();
  }

  // Draws the map again with the next frame.
  request() {
    this.picture = null;
    this.schedule();
  }

  schedule() {
    if (!this.frame) this.frame = requestAnimationFrame(() => this.draw());
  }

  // Keeps a part of the map in sight.
  bound() {
    const { k } = this.view;
    const [w, h] = [this.width * k, Math.max(this.layout.height, this.height) * k];
    this.view.x = Math.min(0, Math.max(this.width - w, this.view.x));
    this.view.y = Math.min(0, Math.max(this.height - h, this.view.y));
  }

  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const k = Math.min(ZOOM_MAX, Math.max(1, this.view.k * factor));
    const real = k / this.view.k;
    this.view = { k, x: x - (x - this.view.x) * real, y: y - (y - this.view.y) * real };
    this.bound();
    this.request();
  }

  pan(dx, dy) {
    this.view.x += dx;
    this.view.y += dy;
    this.bound();
    this.schedule();
  }

  reset() {
    this.view = { k: 1, x: 0, y: 0 };
    this.request();
  }

  cellUnder(event) {
    const box = this.canvas.getBoundingClientRect();
    const { k, x, y } = this.view;
    return this.layout && cellAt(this.layout, (event.clientX - box.left - x) / k, (event.clientY - box.top - y) / k);
  }

  listen() {
    const on = (name, listener, options) => this.canvas.addEventListener(name, listener, options);
    on("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.pointers.set(event.pointerId, event);
      this.moved = 0;
    });
    on("pointermove", (event) => this.pointerMoves(event));
    on("pointerup", (event) => {
      this.pointers.delete(event.pointerId);
      if (this.moved > 4) return;
      const cell = this.cellUnder(event);
      if (cell) this.choose(cell, true);
    });
    on("pointercancel", (event) => this.pointers.delete(event.pointerId));
    on("pointerleave", () => this.hover(null));
    on(
      "wheel",
      (event) => {
        event.preventDefault();
        const box = this.canvas.getBoundingClientRect();
        this.zoom(Math.exp(-event.deltaY / 400), event.clientX - box.left, event.clientY - box.top);
      },
      { passive: false },
    );
    on("keydown", (event) => this.key(event));
    on("focus", () => {
      const first = this.layout?.blocks[0];
      if (!this.focus && first?.nodes.length) this.focus = { block: first, at: 0, node: first.nodes[0] };
      this.request();
    });
    on("blur", () => this.request());
  }

  pointerMoves(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      const cell = this.cellUnder(event);
      this.canvas.classList.toggle("over", cell !== null);
      this.hover(cell?.node ?? null, event);
      return;
    }
    const [dx, dy] = [event.clientX - before.clientX, event.clientY - before.clientY];
    this.moved += Math.abs(dx) + Math.abs(dy);
    if (this.pointers.size === 2) {
      const [other] = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, one]) => one);
      const distance = (one) => Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      const box = this.canvas.getBoundingClientRect();
      this.zoom(
        distance(event) / Math.max(1, distance(before)),
        (event.clientX + other.clientX) / 2 - box.left,
        (event.clientY + other.clientY) / 2 - box.top,
      );
    } else if (this.moved > 4) {
      this.hover(null);
      this.pan(dx, dy);
    }
    this.pointers.set(event.pointerId, event);
  }

  key(event) {
    const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const arrow = arrows[event.key];
    if (arrow && this.focus) {
      const cell = nextCell(this.layout, this.focus, ...arrow);
      if (cell) this.choose(cell, false);
    } else if (event.key === "Enter" && this.focus) {
      this.choose(this.focus, true);
    } else if (event.key === "+" || event.key === "=") {
      this.zoom(1.4);
    } else if (event.key === "-") {
      this.zoom(1 / 1.4);
    } else if (event.key === "0") {
      this.reset();
    } else {
      return;
    }
    event.preventDefault();
  }

  choose(cell, opens) {
    this.focus = cell;
    announce(describe(cell.node, this.settings.resource, this.settings.measured));
    this.reveal(cell);
    this.request();
    if (opens) this.open(cell.node.name);
  }

  // Moves the map so that a cell is in sight.
  reveal(cell) {
    const [x, y] = cornerOf(this.layout, cell.block, cell.at);
    const { k } = this.view;
    const into = (from, size, all) => Math.min(0, all - 12 - (from + size)) + Math.max(0, 12 - from);
    this.view.x += into(x * k + this.view.x, this.layout.width * k, this.width);
    this.view.y += into(y * k + this.view.y, this.layout.size * k, this.height);
    this.bound();
  }

  colours() {
    const style = getComputedStyle(this.element);
    const colour = (name) => style.getPropertyValue(name).trim();
    const steps = Array.from({ length: STEPS }, (_, at) => colour(`--step-${at}`));
    return {
      steps,
      empty: colour("--cell"),
      line: colour("--line"),
      text: colour("--text"),
      quiet: colour("--quiet"),
      accent: colour("--accent"),
      warn: colour("--warn"),
      page: colour("--page"),
      font: style.fontFamily,
    };
  }

  // Copies the part of the picture that is in sight. The picture has a margin, so that most frames of a move only copy.
  draw() {
    this.frame = 0;
    if (!this.layout) return;
    const { x, y } = this.view;
    const isCovered = (one) => Math.abs(x - one.x) <= one.marginX && Math.abs(y - one.y) <= one.marginY;
    if (!this.picture || !isCovered(this.picture)) this.picture = this.paint();
    const { picture, ratio } = this;
    const context = this.canvas.getContext("2d");
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const left = Math.round((x - picture.x - picture.marginX) * ratio);
    const top = Math.round((y - picture.y - picture.marginY) * ratio);
    context.drawImage(picture.canvas, left, top);
  }

  // Draws what is in sight and a margin around it, if the map is larger than its place.
  paint() {
    const { k, x, y } = this.view;
    const marginX = k > 1 ? this.width / 2 : 0;
    const marginY = Math.max(this.layout.height, this.height) * k > this.height ? this.height / 2 : 0;
    const [width, height] = [this.width + 2 * marginX, this.height + 2 * marginY];
    const canvas = el("canvas", { width: Math.ceil(width * this.ratio), height: Math.ceil(height * this.ratio) });
    const context = canvas.getContext("2d");
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    const colours = this.colours();
    const frame = { k, x: x + marginX, y: y + marginY, width, height };
    for (const block of this.layout.blocks) {
      const [left, top] = [block.x * k + frame.x, block.y * k + frame.y];
      if (left > width || top > height || left + block.w * k < 0 || top + block.h * k < 0) continue;
      this.drawHeading(context, colours, block, left, top);
      this.drawCells(context, colours, block, frame);
    }
    return { canvas, x, y, marginX, marginY };
  }

  drawHeading(context, colours, block, left, top) {
    const { k } = this.view;
    context.font = `600 12px ${colours.font}`;
    context.textBaseline = "middle";
    const count = ` ${block.nodes.length}`;
    const room = block.w * k;
    const name = fitted(context, block.name, room - context.measureText(count).width - 2);
    const middle = top + (this.layout.heading * k) / 2;
    context.fillStyle = colours.text;
    context.fillText(name, left, middle);
    const used = context.measureText(name).width;
    context.font = `12px ${colours.font}`;
    context.fillStyle = colours.quiet;
    context.fillText(count, left + used + 2, middle);
  }

  drawCells(context, colours, block, frame) {
    const { layout } = this;
    const [w, h] = [layout.width * frame.k, layout.size * frame.k];
    for (let at = 0; at < block.nodes.length; at += 1) {
      const [cx, cy] = cornerOf(layout, block, at);
      const [x, y] = [cx * frame.k + frame.x, cy * frame.k + frame.y];
      if (x > frame.width || y > frame.height || x + w < 0 || y + h < 0) continue;
      this.drawCell(context, colours, block.nodes[at], x, y, w, h);
    }
  }

  drawCell(context, colours, node, x, y, w, h) {
    const { marked, chosen } = this.settings;
    const part = this.shares.get(node);
    const step = part === undefined ? 0 : Math.min(STEPS - 1, Math.floor(part * STEPS));
    const isLabelled = h >= LABELLED && w >= 1.8 * LABELLED;
    context.globalAlpha = marked && !marked.has(node.name) ? 0.45 : 1;
    context.fillStyle = colours.empty;
    context.fillRect(x, y, w, h);
    drawCordon(context, colours, node, x, y, w, h);
    if (isLabelled) {
      this.drawText(context, colours, node, part, x, y, w, h);
    } else if (part !== undefined) {
      context.fillStyle = colours.steps[step];
      const high = Math.max(part > 0 ? 1 : 0, Math.min(1, part) * h);
      context.fillRect(x, y + h - high, w, high);
      drawCordon(context, colours, node, x, y, w, h);
    }
    drawState(context, colours, node, x, y, w, h, isLabelled);
    context.globalAlpha = 1;
    const isFocus = this.focus?.node.name === node.name && document.activeElement === this.canvas;
    if (isFocus || chosen === node.name || marked?.has(node.name)) {
      context.lineWidth = isFocus ? 3 : 2;
      context.strokeStyle = isFocus || chosen === node.name ? colours.accent : colours.warn;
      context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    } else if (h >= 20) {
      context.lineWidth = 1;
      context.strokeStyle = colours.line;
      context.strokeRect(x + 0.5, y + 0.5, w - 1, h - 1);
    }
  }

  drawText(context, colours, node, part, x, y, w, h) {
    const { resource, measured } = this.settings;
    const left = x + 8;
    context.textBaseline = "alphabetic";
    context.font = `600 12px ${colours.font}`;
    context.fillStyle = colours.text;
    context.fillText(fitted(context, node.name, w - 26), left, y + 18);
    context.font = `12px ${colours.font}`;
    if (h < DETAILED) {
      const text = part === undefined ? "–" : percent(part);
      context.fillStyle = colours.quiet;
      if (h >= 46) context.fillText(h >= 56 ? `${text} · ${node.pods} pods` : text, left, y + 34);
      this.drawShare(context, colours, part, x, y + h - 8, w, 8);
      return;
    }
    const isListed = (name) =>
      name !== "pods" && name !== "ephemeral-storage" && share(node, name, measured) !== undefined;
    const names = resourcesOf([node]).filter(isListed);
    const lines = [...new Set([resource === "fullest" ? names[0] : resource, ...names, "pods"])];
    const count = Math.min(lines.length, Math.floor((h - 26) / 17));
    for (let at = 0; at < count; at += 1) {
      const top = y + 27 + at * 17;
      const one = share(node, lines[at], measured);
      context.fillStyle = colours.quiet;
      context.fillText(fitted(context, short(lines[at]), w * 0.38 - 8), left, top + 10);
      context.fillStyle = colours.text;
      context.fillText(one === undefined ? "–" : percent(one), x + w * 0.38, top + 10);
      const start = x + w * 0.38 + 40;
      this.drawShare(context, colours, one, start, top + 2, x + w - 8 - start, 9);
    }
  }

  drawShare(context, colours, part, x, y, w, h) {
    context.fillStyle = colours.line;
    context.fillRect(x, y, w, h);
    if (part === undefined) return;
    context.fillStyle = colours.steps[Math.min(STEPS - 1, Math.floor(part * STEPS))];
    context.fillRect(x, y, Math.min(1, part) * w, h);
  }
}

// A cordoned node is hatched.
function drawCordon(context, colours, node, x, y, w, h) {
  if (!node.unschedulable) return;
  context.save();
  context.beginPath();
  context.rect(x, y, w, h);
  context.clip();
  context.strokeStyle = colours.quiet;
  context.lineWidth = Math.max(1, Math.min(1.5, h / 14));
  context.globalAlpha *= h >= LABELLED ? 0.22 : 0.7;
  context.beginPath();
  const step = Math.max(4, Math.min(9, h / 3));
  for (let at = -h; at < w; at += step) {
    context.moveTo(x + at, y + h);
    context.lineTo(x + at + h, y);
  }
  context.stroke();
  context.restore();
}

// A node with taints has a corner, and a node that is not ready a cross, so that no colour carries a state alone.
function drawState(context, colours, node, x, y, w, h, isLabelled) {
  const size = Math.max(3, Math.min(12, h * 0.42));
  if (ownTaints(node).length > 0) {
    context.fillStyle = colours.warn;
    context.beginPath();
    context.moveTo(x + w - size, y);
    context.lineTo(x + w, y);
    context.lineTo(x + w, y + size);
    context.fill();
  }
  if (node.notReady) {
    const [left, top, side] = isLabelled ? [x + w - 26, y + 7, 11] : [x + 1, y + 1, Math.min(w, h) - 2];
    context.strokeStyle = colours.text;
    context.lineWidth = Math.max(1.5, Math.min(2.5, h / 8));
    context.beginPath();
    context.moveTo(left, top);
    context.lineTo(left + side, top + side);
    context.moveTo(left + side, top);
    context.lineTo(left, top + side);
    context.stroke();
  }
}

// A text that is cut in the middle if it is too long: names of nodes differ at their ends.
function fitted(context, text, room) {
  if (context.measureText(text).width <= room) return text;
  for (let keep = text.length - 1; keep > 1; keep -= 1) {
    const front = Math.ceil(keep / 2);
    const cut = `${text.slice(0, front)}…${text.slice(text.length - (keep - front))}`;
    if (context.measureText(cut).width <= room) return cut;
  }
  return "";
}
