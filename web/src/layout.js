/**
 * Where the boxes of a drawing stand. What is in an open group is laid out by itself, by dagre, and
 * the group is one box for what is around it: a group that opens changes only those around it.
 */

import dagre from "@dagrejs/dagre";

/** @import {Drawing, Edge} from "./hierarchy.js" */

/**
 * @typedef {{x: number, y: number}} Point
 * @typedef {{x: number, y: number, width: number, height: number}} Place of a box, by its centre
 *
 * A line between two boxes or open groups side by side, or between the border of a group and what is
 * in it.
 * @typedef {object} Route
 * @property {string} from
 * @property {string} to
 * @property {Point[]} points
 * @property {boolean} arrives whether it ends at what reads the value
 * @property {boolean} isWeak
 * @property {string} label
 * @property {Point | null} labelAt
 *
 * @typedef {object} Layout
 * @property {Map<string, Place>} boxes
 * @property {Map<string, Place>} clusters
 * @property {Route[]} routes
 * @property {number} width
 * @property {number} height
 *
 * The inside of an open group, or the whole of a drawing.
 * @typedef {object} Room
 * @property {{id: string, width: number, height: number}[]} children boxes and open groups
 * @property {Map<string, Edge>} edges between children, or from and to the border; by both ends
 *
 * A room as it is laid out, from its own corner.
 * @typedef {object} Laid
 * @property {Map<string, Place>} places of the children and, where lines cross the border, of `IN`
 *   and `OUT`
 * @property {Route[]} routes
 * @property {number} width
 * @property {number} height
 */

/** Where lines enter and leave an open group. No box has such an id: theirs are numbers or paths. */
const IN = "\u0000in";
const OUT = "\u0000out";

/** Above what is in an open group is its title. */
const HEAD = 14;
const LEAST_WIDTH = 150;

const MARGIN = 12;

/** The margin where edges go beside the boxes. */
const BESIDE = 26;

export class Layouts {
  constructor() {
    /** @type {Map<string, Laid>} by what is laid out */
    this._known = new Map();
  }

  /**
   * @param {Drawing} drawing
   * @param {(id: string) => {width: number, height: number}} sizeOf of a box
   * @param {(label: string) => number} widthOf of an edge's label
   * @returns {Layout}
   */
  of(drawing, sizeOf, widthOf) {
    const rooms = roomsOf(drawing);
    for (const { id, cluster } of drawing.boxes)
      rooms.get(cluster ?? "")?.children.push({ id, ...sizeOf(id) });
    /** @type {Map<string, Laid>} */
    const laid = new Map();
    const used = new Map();
    const lay = (/** @type {string} */ id) => {
      const room = /** @type {Room} */ (rooms.get(id));
      const key = JSON.stringify([id === "", room.children, [...room.edges.values()]]);
      const known = this._known.get(key) ?? layRoom(room, id !== "", widthOf);
      used.set(key, known);
      laid.set(id, known);
      return known;
    };
    // Each open group comes behind the one around it.
    for (const { id, parent } of [...drawing.clusters].reverse()) {
      const { width, height } = lay(id);
      // In order: where two read each other dagre ranks the earlier one above.
      rooms.get(parent ?? "")?.children.unshift({ id, width, height });
    }
    const whole = lay("");
    this._known = used;
    return placed(drawing, laid, whole);
  }
}

/**
 * The rooms of a drawing without their children, each with the edges that are laid out in it: an edge
 * is one between two children of a room, and leads in or out of the groups in these that hold its
 * ends.
 * @param {Drawing} drawing
 * @returns {Map<string, Room>}
 */
function roomsOf({ boxes, clusters, edges }) {
  /** @type {Map<string, Room>} */
  const rooms = new Map(
    ["", ...clusters.map((cluster) => cluster.id)].map((id) => [
      id,
      { children: [], edges: new Map() },
    ]),
  );
  /** @type {Map<string, string>} */
  const around = new Map(clusters.map(({ id, parent }) => [id, parent ?? ""]));
  for (const { id, cluster } of boxes) around.set(id, cluster ?? "");
  /** @param {string} room @param {string} from @param {string} to @param {Edge} edge */
  const add = (room, from, to, edge) => {
    const { edges: known } = /** @type {Room} */ (rooms.get(room));
    const key = `${from}\n${to}`;
    const other = known.get(key);
    const label = from === IN || to === OUT ? "" : edge.label;
    if (other === undefined) known.set(key, { ...edge, from, to, label });
    else {
      other.count += edge.count;
      other.isWeak &&= edge.isWeak;
      if (other.label !== label) other.label = "";
    }
  };
  for (const edge of edges) {
    const above = new Set();
    for (let room = around.get(edge.from); room !== undefined; room = around.get(room))
      above.add(room);
    let to = edge.to;
    while (!above.has(around.get(to))) {
      add(/** @type {string} */ (around.get(to)), IN, to, edge);
      to = /** @type {string} */ (around.get(to));
    }
    const common = /** @type {string} */ (around.get(to));
    let { from } = edge;
    while (around.get(from) !== common) {
      add(/** @type {string} */ (around.get(from)), from, OUT, edge);
      from = /** @type {string} */ (around.get(from));
    }
    add(common, from, to, edge);
  }
  return rooms;
}

/**
 * @param {Room} room
 * @param {boolean} isGroup whether it has a border, and a title above
 * @param {(label: string) => number} widthOf
 * @returns {Laid}
 */
function layRoom({ children, edges }, isGroup, widthOf) {
  const graph = new dagre.graphlib.Graph();
  const all = [...edges.values()];
  const ends = [
    ...(all.some(({ from }) => from === IN) ? [IN] : []),
    ...(all.some(({ to }) => to === OUT) ? [OUT] : []),
  ];
  const ids = [...children.map(({ id }) => id), ...ends];
  for (const { id, width, height } of children) graph.setNode(id, { width, height });
  for (const id of ends) graph.setNode(id, { width: 1, height: 1 });
  const routed = routedEdges(ids, all);
  const marginx = routed.size < all.length ? BESIDE : MARGIN;
  graph.setGraph({ rankdir: "TB", nodesep: 18, ranksep: 30, edgesep: 8, marginx, marginy: MARGIN });
  all.forEach(({ from, to, label }, k) => {
    if (routed.has(k))
      graph.setEdge(
        from,
        to,
        label === "" ? {} : { width: widthOf(label), height: 14, labelpos: "c" },
      );
  });
  // The border is ahead of all that is in a group, and behind it.
  for (const id of ids) {
    if (ends.includes(id)) continue;
    if (ends.includes(IN) && graph.predecessors(id)?.length === 0)
      graph.setEdge(IN, id, { weight: 0 });
    if (ends.includes(OUT) && graph.successors(id)?.length === 0)
      graph.setEdge(id, OUT, { weight: 0 });
  }
  dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  const aside = isGroup ? Math.max(0, (LEAST_WIDTH - width) / 2) : 0;
  const head = isGroup ? HEAD : 0;
  /** @param {Point} point */
  const moved = ({ x, y }) => ({ x: x + aside, y: y + head });
  const high = Math.max(0, height) + head;
  const places = new Map(
    ids.map((id) => {
      const { x, y, width: wide, height: tall } = graph.node(id);
      return [id, { ...moved({ x, y }), width: wide, height: tall }];
    }),
  );
  const routes = all.map((edge, k) => {
    const { from, to, label, isWeak } = edge;
    const way = routed.has(k) ? graph.edge(from, to) : null;
    const points =
      way === null
        ? direct(
            /** @type {Place} */ (places.get(from)),
            /** @type {Place} */ (places.get(to)),
            children.map(({ id }) => /** @type {Place} */ (places.get(id))),
          )
        : way.points.map(moved);
    const start = /** @type {Place} */ (places.get(from));
    const end = /** @type {Place} */ (places.get(to));
    if (from === IN) points[0] = { x: start.x, y: 0 };
    if (to === OUT) points[points.length - 1] = { x: end.x, y: high };
    const labelAt = way?.x === undefined ? null : moved({ x: way.x, y: way.y });
    return { from, to, points, arrives: to !== OUT, isWeak, label, labelAt };
  });
  return { places, routes, width: Math.max(0, width) + 2 * aside, height: high };
}

/**
 * All rooms of a drawing together.
 * @param {Drawing} drawing
 * @param {Map<string, Laid>} laid
 * @param {Laid} whole
 * @returns {Layout}
 */
function placed({ boxes, clusters }, laid, whole) {
  /** @type {Map<string, Point>} of each room */
  const corners = new Map([["", { x: 0, y: 0 }]]);
  /** @param {string} id @param {string | null} around @returns {Place} */
  const place = (id, around) => {
    const corner = /** @type {Point} */ (corners.get(around ?? ""));
    const own = /** @type {Place} */ (laid.get(around ?? "")?.places.get(id));
    return { ...own, x: own.x + corner.x, y: own.y + corner.y };
  };
  /** @type {Map<string, Place>} */
  const open = new Map();
  for (const { id, parent } of clusters) {
    const at = place(id, parent);
    open.set(id, at);
    corners.set(id, { x: at.x - at.width / 2, y: at.y - at.height / 2 });
  }
  const routes = [...laid].flatMap(([id, room]) => {
    const corner = /** @type {Point} */ (corners.get(id));
    const moved = (/** @type {Point} */ { x, y }) => ({ x: x + corner.x, y: y + corner.y });
    return room.routes.map((route) => {
      const points = route.points.map(moved);
      // At an open group a line goes on within.
      const [out, into] = [open.get(route.from), open.get(route.to)];
      /** @param {string} group @param {string} side */
      const gate = (group, side) => {
        const within = /** @type {Laid} */ (laid.get(group));
        return /** @type {Place} */ (within.places.get(side)).x;
      };
      if (out !== undefined) {
        const x = out.x - out.width / 2 + gate(route.from, OUT);
        points[0] = { x, y: out.y + out.height / 2 };
      }
      if (into !== undefined) {
        const x = into.x - into.width / 2 + gate(route.to, IN);
        points[points.length - 1] = { x, y: into.y - into.height / 2 };
      }
      const arrives = route.arrives && into === undefined;
      const labelAt = route.labelAt === null ? null : moved(route.labelAt);
      return { ...route, points, arrives, labelAt };
    });
  });
  return {
    boxes: new Map(boxes.map((box) => [box.id, place(box.id, box.cluster)])),
    clusters: open,
    routes,
    width: whole.width,
    height: whole.height,
  };
}

/** The most ranks that all edges cross together, if dagre is to find a way for each. */
const MOST_CROSSED = 400;

/** Of edges in larger drawings: the most ranks that one crosses which has its own way. */
const LONG = 4;

/** The most long edges from and to the border of a group that have their own way. */
const MOST_TO_BORDER = 3;

/**
 * The edges that dagre lays out. It takes a place in each rank that an edge crosses, and seconds
 * where hundreds cross dozens; the long ones are drawn directly then. So are the long ones to the
 * border of a group where there are several, beside each other they would fill it.
 * @param {string[]} ids of what the edges connect
 * @param {{from: string, to: string}[]} edges
 * @returns {Set<number>} their positions
 */
export function routedEdges(ids, edges) {
  const ranks = ranksOf(ids, edges);
  const spans = edges.map(({ from, to }) =>
    Math.abs(/** @type {number} */ (ranks.get(to)) - /** @type {number} */ (ranks.get(from))),
  );
  const isLong = spans.map((span) => span > LONG);
  const isToBorder = edges.map(({ from, to }) => from === IN || to === OUT);
  const crossed = spans.reduce((sum, span) => sum + span, 0);
  const toBorder = isLong.filter((long, k) => long && isToBorder[k]).length;
  const isDirect = isLong.map(
    (long, k) => long && (crossed > MOST_CROSSED || (isToBorder[k] && toBorder > MOST_TO_BORDER)),
  );
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
  return new Set([...edges.keys()].filter((k) => !isDirect[k] || kept.has(k)));
}

/**
 * The length of the longest way to each box; an edge that closes a cycle counts for none.
 * @param {string[]} ids
 * @param {{from: string, to: string}[]} edges
 * @returns {Map<string, number>}
 */
function ranksOf(ids, edges) {
  /** @type {Map<string, string[]>} */
  const sources = new Map(ids.map((id) => [id, []]));
  for (const { from, to } of edges) sources.get(to)?.push(from);
  /** @type {Map<string, number>} */
  const ranks = new Map();
  const begun = new Set();
  const pending = [...ids].reverse();
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
 * The points of an edge that goes its way beside all boxes at the heights between its ends.
 * @param {Place} from
 * @param {Place} to
 * @param {Place[]} boxes
 * @returns {{x: number, y: number}[]}
 */
function direct(from, to, boxes) {
  const start = { x: from.x - from.width / 2, y: from.y };
  const end = { x: to.x - to.width / 2, y: to.y };
  const [top, bottom] = [Math.min(from.y, to.y), Math.max(from.y, to.y)];
  const lefts = boxes
    .filter((box) => box.y + box.height / 2 >= top && box.y - box.height / 2 <= bottom)
    .map((box) => box.x - box.width / 2);
  const beside = Math.min(start.x, end.x, ...lefts) - BESIDE / 2;
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
