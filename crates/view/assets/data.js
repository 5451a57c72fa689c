// Documents: from the server, or from the page itself if it is a file.

const known = new Map();
// How many documents are kept. The first ones are those of the cluster as it is; they are kept longest.
const KEPT = 24;
const KEPT_LONGEST = 8;
// Documents that are the same at every moment of a recording.
const TIMELESS = ["info", "timeline", "decisions"];
const inline = document.getElementById("data");
const documents = inline ? JSON.parse(inline.textContent) : null;

// Whether the page is a file, which answers only what was asked when it was made.
export const IS_FILE = documents !== null;

// The moment of a recording that documents are loaded for; null for its end.
let moment = null;

export function setMoment(at) {
  moment = at;
}

// Forgets what was loaded, because the cluster has changed.
export function forget() {
  known.clear();
}

export function hasDocument(name) {
  return !IS_FILE || name in documents;
}

// The document of this name, with query parameters as pairs.
export async function load(name, parameters = []) {
  const now = moment === null || TIMELESS.includes(name) ? [] : [["at", moment]];
  const query = new URLSearchParams([...parameters, ...now]).toString();
  const address = query ? `${name}?${query}` : name;
  if (IS_FILE) {
    if (address in documents) return documents[address];
    throw new Error("This file does not have the answer. Run berth view on the same input to ask for it.");
  }
  if (!known.has(address)) {
    known.set(
      address,
      fetchDocument(address).catch((error) => {
        known.delete(address);
        throw error;
      }),
    );
    if (known.size > KEPT) known.delete([...known.keys()][KEPT_LONGEST]);
  }
  return known.get(address);
}

async function fetchDocument(address) {
  let response;
  try {
    response = await fetch(`api/v1/${address}`, { credentials: "omit" });
  } catch {
    throw new Error("The server does not answer. Is it still running?");
  }
  const isJson = response.headers.get("content-type")?.startsWith("application/json");
  if (!isJson) throw new Error(`The server answers ${response.status}: ${(await response.text()).trim()}`);
  const body = await response.json();
  if (!response.ok) throw new Error(body.problems.join("\n"));
  return body;
}

// Where each pod is: lists by node, and by key `namespace/name`. Made once for each list.
const indexes = new WeakMap();

export function indexOf(list) {
  if (!indexes.has(list)) {
    const index = { byNode: new Map(), byKey: new Map(), pending: [] };
    for (const group of list.groups) {
      for (const pod of group.pods) {
        const entry = { pod, group, key: `${group.namespace}/${pod.name}` };
        index.byKey.set(entry.key, entry);
        if (pod.node === undefined) {
          index.pending.push(entry);
        } else {
          if (!index.byNode.has(pod.node)) index.byNode.set(pod.node, []);
          index.byNode.get(pod.node).push(entry);
        }
      }
    }
    indexes.set(list, index);
  }
  return indexes.get(list);
}

// What a group is called: its workload, or the pod's own name.
export function workloadName(entry) {
  const { namespace, workload } = entry.group;
  return workload ? `${workload.kind} ${namespace}/${workload.name}` : `Pod ${entry.key}`;
}

// Entries by what `keyOf` says, the largest group first.
export function grouped(entries, keyOf) {
  const groups = new Map();
  for (const entry of entries) {
    const key = keyOf(entry);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(entry);
  }
  return [...groups].sort((a, b) => b[1].length - a[1].length || (a[0] < b[0] ? -1 : 1));
}
