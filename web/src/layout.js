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
  drawing.edges.forEach((edge, k) => {
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
  const found = drawing.edges.map((edge, k) => graph.edge(edge.from, edge.to, String(k)));
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
