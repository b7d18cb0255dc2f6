/** Where the boxes of a drawing stand, by dagre. */

import dagre from "@dagrejs/dagre";

/** @import {Drawing} from "./hierarchy.js" */

/**
 * @typedef {{x: number, y: number, width: number, height: number}} Place of a box, by its centre
 * @typedef {object} Layout
 * @property {Map<string, Place>} boxes
 * @property {Map<string, Place>} clusters
 * @property {{x: number, y: number}[][]} edges the points of each edge of the drawing
 * @property {({x: number, y: number} | null)[]} labels where each edge's label stands
 * @property {number} width
 * @property {number} height
 */

/**
 * @param {Drawing} drawing
 * @param {(id: string) => {width: number, height: number}} sizeOf of a box
 * @param {(label: string) => number} widthOf of an edge's label
 * @returns {Layout}
 */
export function layOut(drawing, sizeOf, widthOf) {
  const graph = new dagre.graphlib.Graph({ compound: true, multigraph: true });
  const ranker = drawing.boxes.length > 150 ? "longest-path" : "network-simplex";
  graph.setGraph({
    rankdir: "TB",
    nodesep: 18,
    ranksep: 30,
    edgesep: 8,
    marginx: 12,
    marginy: 12,
    ranker,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const cluster of drawing.clusters) graph.setNode(cluster.id, { label: cluster.id });
  for (const box of drawing.boxes) graph.setNode(box.id, { ...sizeOf(box.id) });
  for (const cluster of drawing.clusters) {
    if (cluster.parent !== null) graph.setParent(cluster.id, cluster.parent);
  }
  for (const box of drawing.boxes) if (box.cluster !== null) graph.setParent(box.id, box.cluster);
  const routed = routedEdges(drawing);
  drawing.edges.forEach((edge, k) => {
    if (!routed.has(k)) return;
    const label =
      edge.label === "" ? {} : { width: widthOf(edge.label), height: 14, labelpos: "c" };
    graph.setEdge(edge.from, edge.to, label, String(k));
  });
  dagre.layout(graph);
  /** @param {string} id @returns {Place} */
  const place = (id) => {
    const { x, y, width, height } = graph.node(id);
    return { x, y, width, height };
  };
  const found = drawing.edges.map((edge, k) =>
    routed.has(k)
      ? graph.edge(edge.from, edge.to, String(k))
      : { points: direct(place(edge.from), place(edge.to)) },
  );
  const { width, height } = graph.graph();
  return {
    boxes: new Map(drawing.boxes.map((box) => [box.id, place(box.id)])),
    clusters: new Map(drawing.clusters.map((cluster) => [cluster.id, place(cluster.id)])),
    edges: found.map((edge) => edge.points),
    labels: found.map((edge) => (edge.x === undefined ? null : { x: edge.x, y: edge.y })),
    width: Math.max(0, width ?? 0),
    height: Math.max(0, height ?? 0),
  };
}

/** The most ranks that all edges cross together, if dagre is to find a way for each. */
const MOST_CROSSED = 400;

/** Of edges in larger drawings: the most ranks that one crosses which has its own way. */
const LONG = 4;

/**
 * The edges that dagre lays out. It takes a place in each rank that an edge crosses, and seconds
 * where hundreds cross dozens; the long ones are drawn directly then.
 * @param {Drawing} drawing
 * @returns {Set<number>} their positions
 */
export function routedEdges({ boxes, edges }) {
  const ranks = ranksOf({ boxes, edges });
  const spans = edges.map(({ from, to }) =>
    Math.abs(/** @type {number} */ (ranks.get(to)) - /** @type {number} */ (ranks.get(from))),
  );
  if (spans.reduce((sum, span) => sum + span, 0) <= MOST_CROSSED) return new Set(edges.keys());
  // A box keeps the shortest of its edges, so that it stands beside what it belongs to.
  /** @type {Map<string, number>} */
  const nearest = new Map();
  edges.forEach(({ from, to }, k) => {
    for (const end of [from, to]) {
      const known = nearest.get(end);
      if (known === undefined || spans[k] < spans[known]) nearest.set(end, k);
    }
  });
  const kept = new Set(nearest.values());
  return new Set([...edges.keys()].filter((k) => spans[k] <= LONG || kept.has(k)));
}

/**
 * The length of the longest way to each box; an edge that closes a cycle counts for none.
 * @param {Pick<Drawing, "boxes" | "edges">} drawing
 * @returns {Map<string, number>}
 */
function ranksOf({ boxes, edges }) {
  /** @type {Map<string, string[]>} */
  const sources = new Map(boxes.map((box) => [box.id, []]));
  for (const { from, to } of edges) sources.get(to)?.push(from);
  /** @type {Map<string, number>} */
  const ranks = new Map();
  const begun = new Set();
  const pending = boxes.map((box) => box.id).reverse();
  while (pending.length > 0) {
    const id = /** @type {string} */ (pending[pending.length - 1]);
    const above = /** @type {string[]} */ (sources.get(id));
    const waiting = begun.has(id) ? [] : above.filter((one) => !begun.has(one));
    begun.add(id);
    if (waiting.length > 0) pending.push(...waiting);
    else {
      pending.pop();
      if (!ranks.has(id))
        ranks.set(id, 1 + Math.max(-1, ...above.map((one) => ranks.get(one) ?? -1)));
    }
  }
  return ranks;
}

/**
 * The points of an edge that goes its way beside the boxes between its ends.
 * @param {Place} from
 * @param {Place} to
 * @returns {{x: number, y: number}[]}
 */
function direct(from, to) {
  const start = { x: from.x - from.width / 2, y: from.y };
  const end = { x: to.x - to.width / 2, y: to.y };
  const beside = Math.min(start.x, end.x) - 24;
  return [start, { x: beside, y: start.y }, { x: beside, y: end.y }, end];
}

/**
 * The path of a smooth line through points, for SVG.
 * @param {{x: number, y: number}[]} points
 * @returns {string}
 */
export function smoothPath(points) {
  const [first, ...others] = points;
  const last = others.at(-1) ?? first;
  let path = `M${round(first.x)},${round(first.y)}`;
  for (let k = 0; k < others.length - 1; k += 1) {
    const [at, next] = [others[k], others[k + 1]];
    const end = k === others.length - 2 ? next : { x: (at.x + next.x) / 2, y: (at.y + next.y) / 2 };
    path += `Q${round(at.x)},${round(at.y)} ${round(end.x)},${round(end.y)}`;
  }
  return others.length > 1 ? path : `${path}L${round(last.x)},${round(last.y)}`;
}

/** @param {number} x */
function round(x) {
  return Math.round(10 * x) / 10;
}
