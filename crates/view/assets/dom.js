// Elements. Texts are only set as text, and sizes through the style object, as the page's policy demands.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") Object.entries(value).forEach(([key, text]) => element.style.setProperty(key, text));
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

// An element with attributes, listeners (`onclick`) and children, which are elements or texts.
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

// The same for SVG.
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

export function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, text);
}

// A choice with a label. `options` are pairs of a value and a text.
export function choice(label, options, value, onchange) {
  const select = el("select", { onchange: (event) => onchange(event.target.value) });
  select.append(...options.map(([key, text]) => el("option", { value: key }, text)));
  select.value = value;
  return el("label", { class: "choice" }, el("span", {}, label), select);
}

// A table. A heading is a text, or an object with `text` and `class`; a row is a list of cells.
export function table(caption, headings, rows, attributes = {}) {
  const parts = headings.map((one) => (typeof one === "string" ? { text: one } : one));
  const head = parts.map((one) => el("th", { scope: "col", class: one.class }, one.text));
  const line = (cells) =>
    el(
      "tr",
      {},
      cells.map((cell, at) =>
        el(at === 0 ? "th" : "td", at === 0 ? { scope: "row" } : { class: parts[at].class }, cell),
      ),
    );
  return el(
    "table",
    attributes,
    el("caption", {}, caption),
    el("thead", {}, el("tr", {}, head)),
    el("tbody", {}, rows.map(line)),
  );
}

// A list of which only the first items are made until the rest is asked for.
export function limited(items, limit, render, noun) {
  const box = el("div", { class: "scroll" });
  const show = (count) => {
    const parts = [render(items.slice(0, count))];
    if (items.length > count) {
      const next = Math.min(items.length, count * 5);
      parts.push(button(`Show ${next} of ${items.length} ${noun}`, () => show(next), { class: "more" }));
    }
    box.replaceChildren(...parts);
  };
  show(limit);
  return box;
}

// Says something to users of screen readers.
export function announce(text) {
  document.getElementById("status").textContent = text;
}

export function plural(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

// A share of something as a bar with its text.
export function bar(share, text, attributes = {}) {
  const width = `${Math.min(100, Math.max(0, share * 100))}%`;
  return el(
    "span",
    { class: "bar", ...attributes },
    el("span", { class: "fill", style: { width } }),
    el("span", {}, text),
  );
}

export function notice(text, attributes = {}) {
  return el("p", { class: "notice", ...attributes }, text);
}
