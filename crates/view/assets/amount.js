// Kubernetes quantities, as the documents print them: base units, or thousandths with the suffix m.

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function amount(text) {
  if (text === undefined) return 0;
  return text.endsWith("m") ? Number(text.slice(0, -1)) / 1000 : Number(text);
}

function isBytes(resource) {
  return resource === "memory" || resource === "ephemeral-storage" || resource.startsWith("hugepages-");
}

// An amount for reading, as in `1.5` cores or `12 GiB`.
export function print(resource, value) {
  let unit = 0;
  if (isBytes(resource)) {
    while (Math.abs(value) >= 1024 && unit < UNITS.length - 1) {
      value /= 1024;
      unit += 1;
    }
  }
  const digits = Number(value.toFixed(Math.abs(value) < 10 ? 2 : 1)).toLocaleString("en");
  return isBytes(resource) ? `${digits} ${UNITS[unit]}` : digits;
}

// A resource's name without its domain.
export function short(resource) {
  return resource.slice(resource.lastIndexOf("/") + 1);
}

export function percent(share) {
  return `${Math.round(share * 100)}%`;
}

// What is requested or measured of a node's resource; `pods` counts pods.
export function used(node, resource, measured) {
  if (measured) return amount(node.measured?.[resource]);
  return resource === "pods" ? node.pods : amount(node.requested[resource]);
}

export function offered(node, resource) {
  return amount(node.allocatable[resource]);
}

// The share of a resource in use; `fullest` is the largest of all. Undefined if the node does not offer it.
export function share(node, resource, measured) {
  if (resource === "fullest") {
    const shares = Object.keys(node.allocatable).map((one) => share(node, one, measured));
    return Math.max(0, ...shares.filter((one) => one !== undefined));
  }
  const all = offered(node, resource);
  return all > 0 ? used(node, resource, measured) / all : undefined;
}

// The resources of nodes: CPU, memory and pods first. Storage and huge pages only if a pod requests them.
export function resourcesOf(nodes) {
  const names = new Set(["cpu", "memory", "pods"]);
  for (const node of nodes) {
    for (const name of Object.keys(node.allocatable)) {
      if (!isBytes(name) || node.requested[name] !== undefined) names.add(name);
    }
  }
  return [...names];
}
