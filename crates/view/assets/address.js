// The page's state is in its address: `#/VIEW?name=value&…`.

export function readAddress() {
  const text = location.hash.replace(/^#\/?/, "");
  const at = text.indexOf("?");
  const view = at < 0 ? text : text.slice(0, at);
  return { view: view || "map", query: new URLSearchParams(at < 0 ? "" : text.slice(at + 1)) };
}

// The address of a view at the moment that is looked at now. Parameters without a value are left out; a list gives a
// parameter for each item.
export function addressOf(view, parameters = {}) {
  const { query } = readAddress();
  const at = query.get("at");
  return at === null ? join(view, parameters) : join(view, parameters, at);
}

function join(view, parameters, at) {
  const query = new URLSearchParams();
  const pairs = parameters instanceof URLSearchParams ? [...parameters] : Object.entries(parameters);
  for (const [name, value] of pairs) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null && one !== "") query.append(name, one);
    }
  }
  if (at !== undefined && !query.has("at")) query.append("at", at);
  const text = query.toString();
  return `#/${view}${text ? `?${text}` : ""}`;
}

// Changes parameters of the present address. Without `replace` the browser's back button undoes it.
export function change(parameters, replace = false) {
  const { view, query } = readAddress();
  for (const [name, value] of Object.entries(parameters)) {
    query.delete(name);
    if (value !== undefined && value !== null && value !== "") query.set(name, value);
  }
  go(join(view, query), replace);
}

export function go(address, replace = false) {
  if (address === location.hash) return;
  if (replace) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}

// The names of the options that a question may have, in the order in which the page offers them.
export const OPTIONS = [
  "cordon",
  "drain",
  "without",
  "add",
  "scale",
  "untaint",
  "weight",
  "algorithm",
  "force",
  "delete-emptydir-data",
];

// The question of an address: pairs of an option and its value, in their order.
export function questionOf(query) {
  return [...query].filter(([name]) => OPTIONS.includes(name));
}
