// Lists what users of keyboards and screen readers, or with weak sight, could not use.
const problems = [];
const isShown = (one) => one.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && one.getClientRects().length > 0;
const say = (one, what) => problems.push(`${what}: ${one.outerHTML.slice(0, 160)}`);
const all = (selector) => [...document.querySelectorAll(selector)].filter(isShown);

for (const one of all("a, button, summary, input, select, [role=application], [role=img]")) {
  const label = one.getAttribute("aria-label") ?? one.innerText ?? "";
  const named = one.labels ? [...one.labels].map((label_) => label_.innerText).join("") : "";
  if (!label.trim() && !named.trim()) say(one, "no name");
}
for (const one of all("table")) {
  if (!one.closest("[aria-hidden=true]") && !one.caption?.innerText.trim()) say(one, "no caption");
}
for (const one of all("th")) {
  if (!one.closest("[aria-hidden=true]") && !one.scope) say(one, "no scope");
}
const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
ids.filter((id, at) => ids.indexOf(id) !== at).forEach((id) => problems.push(`the id ${id} is there twice`));
for (const [role, count] of [["main", 1], ["header", 1], ["nav", 1]]) {
  if (document.querySelectorAll(role).length !== count) problems.push(`not one ${role}`);
}
if (document.documentElement.lang === "") problems.push("the page has no language");

const channels = (text) => text.match(/[\d.]+/g).map(Number);
const over = ([r, g, b, a = 1], below) => [r, g, b].map((one, at) => one * a + below[at] * (1 - a));
const backgroundOf = (one) => {
  const layers = [];
  for (let at = one; at; at = at.parentElement) {
    const colour = channels(getComputedStyle(at).backgroundColor);
    layers.push(colour);
    if ((colour[3] ?? 1) === 1) break;
  }
  return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
};
const luminance = (colour) => {
  const [r, g, b] = colour.map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
for (const one of all("body *")) {
  const hasText = [...one.childNodes].some((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
  if (!hasText || one instanceof SVGElement || one.closest(".unseen, noscript, option, datalist")) continue;
  const style = getComputedStyle(one);
  // A bar's text stands on its fill or beside it; both must do.
  const fill = one.closest(".bar")?.querySelector(".fill");
  for (const background of [backgroundOf(one), fill && channels(getComputedStyle(fill).backgroundColor)].filter(Boolean)) {
    const text = over(channels(style.color), background);
    const [light, dark] = [luminance(text), luminance(background.slice(0, 3))].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) say(one, `contrast ${ratio.toFixed(2)}`);
  }
}
return problems;
