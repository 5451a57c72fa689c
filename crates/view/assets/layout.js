// Where the cells of the map are: nodes in blocks, one block for each group.

const SIZES = [132, 116, 104, 92, 80, 72, 64, 56, 48, 40, 34, 28, 24, 20, 17, 14, 12, 10, 8, 7, 6, 5, 4];
const ASPECTS = [0.6, 1.6, 2.6, 4.5, 9, 20];
const HEADING = 24;
const BLOCK_GAP = 18;
const BLOCK_WIDTH_MIN = 104;
// From this height on a cell has room for text, and is wider than high.
export const LABELLED = 40;

export function cellWidth(height) {
  return height >= LABELLED ? Math.round(Math.min(210, height * 2.3)) : height;
}

// Nodes by a label's value, or by `zone` or `pool`; the groups and the nodes in them are in the order of their names.
export function groupNodes(nodes, by) {
  if (by === "none") return [{ name: "All nodes", nodes }];
  const key = by.startsWith("label:") ? by.slice(6) : null;
  const valueOf = (node) => (key === null ? node[by] : node.labels[key]) ?? "";
  const groups = new Map();
  for (const node of nodes) {
    const value = valueOf(node);
    if (!groups.has(value)) groups.set(value, []);
    groups.get(value).push(node);
  }
  const compare = new Intl.Collator("en", { numeric: true }).compare;
  const title = by.startsWith("label:") ? key : by;
  return [...groups]
    .sort((a, b) => (a[0] === "") - (b[0] === "") || compare(a[0], b[0]))
    .map(([value, members]) => ({ name: value === "" ? `no ${title}` : value, nodes: members }));
}

// The labels by which nodes can be grouped: those with at least two values and fewer values than nodes.
export function groupingLabels(nodes) {
  const values = new Map();
  for (const node of nodes) {
    for (const [key, value] of Object.entries(node.labels)) {
      if (!values.has(key)) values.set(key, new Set());
      values.get(key).add(value);
    }
  }
  const useful = [...values].filter(([, set]) => set.size > 1 && (set.size < nodes.length || nodes.length < 3));
  return useful.map(([key]) => key).sort();
}

function place(groups, width, size, aspect) {
  const gap = size >= 12 ? 2 : 1;
  const [stepX, stepY] = [cellWidth(size) + gap, size + gap];
  const widest = Math.max(1, Math.floor(width / stepX));
  const blocks = [];
  let [x, y, rowHeight] = [0, 0, 0];
  for (const group of groups) {
    const wanted = Math.ceil(Math.sqrt(group.nodes.length * aspect * (stepY / stepX)));
    const columns = Math.min(widest, Math.max(1, wanted));
    const w = Math.max(columns * stepX - gap, Math.min(width, BLOCK_WIDTH_MIN));
    const h = HEADING + Math.ceil(group.nodes.length / columns) * stepY;
    if (x > 0 && x + w > width) {
      [x, y, rowHeight] = [0, y + rowHeight + BLOCK_GAP, 0];
    }
    blocks.push({ name: group.name, nodes: group.nodes, x, y, w, h, columns });
    x += w + BLOCK_GAP;
    rowHeight = Math.max(rowHeight, h);
  }
  return { blocks, size, stepX, stepY, width: cellWidth(size), height: y + rowHeight, heading: HEADING };
}

// The blocks with the largest cells that fit; if none fit, the smallest cells, and the map is higher than its place.
export function layoutOf(groups, width, height) {
  for (const size of SIZES) {
    for (const aspect of ASPECTS) {
      const placed = place(groups, width, size, aspect);
      if (placed.height <= height && Math.max(...placed.blocks.map((one) => one.w)) <= width) return placed;
    }
  }
  return place(groups, width, SIZES[SIZES.length - 1], 4.5);
}

// The left upper corner of a cell.
export function cornerOf(layout, block, at) {
  const row = Math.floor(at / block.columns);
  return [block.x + (at % block.columns) * layout.stepX, block.y + layout.heading + row * layout.stepY];
}

// The place of the cell at a point, or null.
export function cellAt(layout, x, y) {
  for (const block of layout.blocks) {
    if (x < block.x || x > block.x + block.w || y < block.y + layout.heading || y > block.y + block.h) continue;
    const column = Math.floor((x - block.x) / layout.stepX);
    const row = Math.floor((y - block.y - layout.heading) / layout.stepY);
    const at = row * block.columns + column;
    return column < block.columns && at < block.nodes.length ? { block, at, node: block.nodes[at] } : null;
  }
  return null;
}

// The nearest cell in a direction: `dx` and `dy` are -1, 0 or 1.
export function nextCell(layout, from, dx, dy) {
  const [startX, startY] = cornerOf(layout, from.block, from.at);
  let best = null;
  for (const block of layout.blocks) {
    for (let at = 0; at < block.nodes.length; at += 1) {
      const [x, y] = cornerOf(layout, block, at);
      const along = (x - startX) * dx + (y - startY) * dy;
      const across = Math.abs((x - startX) * dy) + Math.abs((y - startY) * dx);
      if (along <= 0.5) continue;
      const distance = along + across * 3;
      if (best === null || distance < best.distance) best = { distance, block, at, node: block.nodes[at] };
    }
  }
  return best;
}

export function findCell(layout, name) {
  for (const block of layout.blocks) {
    const at = block.nodes.findIndex((node) => node.name === name);
    if (at >= 0) return { block, at, node: block.nodes[at] };
  }
  return null;
}
