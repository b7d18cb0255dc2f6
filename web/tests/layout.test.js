import assert from "node:assert/strict";
import { test } from "node:test";

import { drawing, tree } from "../src/hierarchy.js";
import { Layouts, routedEdges } from "../src/layout.js";

/** @import {Item} from "../src/hierarchy.js" */
/** @import {Layout, Place} from "../src/layout.js" */

const SIZE = { width: 100, height: 40 };

/**
 * @param {Item[]} items
 * @param {string[]} open
 * @param {Layouts} [layouts]
 */
function laidOut(items, open, layouts = new Layouts()) {
  const drawn = drawing(tree(items), new Map(items.map((item) => [item.id, item])), (group) =>
    open.includes(group),
  );
  return {
    drawn,
    layout: layouts.of(
      drawn,
      () => SIZE,
      () => 30,
    ),
  };
}

/** @param {Place} one @param {Place} other */
function overlap(one, other) {
  return (
    Math.abs(one.x - other.x) < (one.width + other.width) / 2 - 1e-6 &&
    Math.abs(one.y - other.y) < (one.height + other.height) / 2 - 1e-6
  );
}

/** @param {Place} inner @param {Place} outer */
function isInside(inner, outer) {
  return (
    Math.abs(inner.x - outer.x) <= (outer.width - inner.width) / 2 &&
    Math.abs(inner.y - outer.y) <= (outer.height - inner.height) / 2
  );
}

/** Ways from box to box along the lines, those that go on at a border joined there. @param {Layout} layout */
function connections({ boxes, clusters, routes }) {
  /** @param {{x: number, y: number}} point @param {Place} place */
  const touches = ({ x, y }, { x: cx, y: cy, width, height }) =>
    Math.abs(x - cx) <= width / 2 + 0.1 && Math.abs(y - cy) <= height / 2 + 0.1;
  const ends = routes.map(({ points, from, to }) => {
    const at = (/** @type {string} */ id) => boxes.get(id) ?? clusters.get(id);
    const [start, end] = [at(from), at(to)];
    if (start !== undefined) assert.ok(touches(points[0], start), `${from} to ${to}`);
    if (end !== undefined) assert.ok(touches(points[points.length - 1], end), `${from} to ${to}`);
    return { first: points[0], last: points[points.length - 1], from, to };
  });
  const found = new Set();
  /** @param {string} from @param {{x: number, y: number}} at @param {string} to */
  const follow = (from, at, to) => {
    if (boxes.has(to)) {
      found.add(`${from} ${to}`);
      return;
    }
    for (const next of ends)
      if (Math.hypot(next.first.x - at.x, next.first.y - at.y) < 0.1)
        follow(from, next.last, next.to);
  };
  for (const { from, last, to } of ends) if (boxes.has(from)) follow(from, last, to);
  return found;
}

const NESTED = [
  { id: "x", path: [], reads: [] },
  { id: "a", path: ["g"], reads: ["x"], labels: ["2"] },
  { id: "b", path: ["g"], reads: ["a"] },
  { id: "c", path: ["g", "h"], reads: ["b"] },
  { id: "d", path: ["g", "h"], reads: ["c", "x"] },
  { id: "y", path: [], reads: ["d", "b"] },
];

test("boxes do not overlap, and stand within the groups around them", () => {
  const { drawn, layout } = laidOut(NESTED, ["/g", "/g/h"]);
  const places = [...layout.boxes.values()];
  places.forEach((one, k) => {
    for (const other of places.slice(k + 1)) assert.ok(!overlap(one, other));
  });
  for (const { id, cluster } of drawn.boxes) {
    const place = /** @type {Place} */ (layout.boxes.get(id));
    for (const [group, around] of layout.clusters) {
      const isHere = cluster === group || (cluster === "/g/h" && group === "/g");
      assert.equal(isInside(place, around), isHere);
      assert.equal(overlap(place, around), isHere);
    }
    assert.ok(place.x + 50 <= layout.width && place.y + 20 <= layout.height);
  }
});

test("lines go from box to box through the borders of groups", () => {
  const { layout } = laidOut(NESTED, ["/g", "/g/h"]);
  const found = connections(layout);
  for (const way of ["x a", "a b", "b c", "c d", "d y", "b y", "x d"])
    assert.ok(found.has(way), way);
  assert.ok(!found.has("a c"));
  const closed = laidOut(NESTED, []).layout;
  assert.deepEqual(connections(closed), new Set(["x /g", "/g y"]));
  assert.deepEqual(
    closed.routes.map(({ label, arrives }) => [label, arrives]),
    [
      ["", true],
      ["", true],
    ],
  );
});

test("a group that opens leaves the inside of others as it was", () => {
  const items = Array.from({ length: 40 }, (_, k) => ({
    id: `i${k}`,
    path: [`g${Math.floor(k / 10)}`],
    reads: k > 0 ? [`i${k - 1}`] : [],
  }));
  const layouts = new Layouts();
  const before = laidOut(items, ["/g0", "/g1"], layouts).layout;
  const after = laidOut(items, ["/g0", "/g1", "/g3"], layouts).layout;
  assert.deepEqual(after, laidOut(items, ["/g0", "/g1", "/g3"]).layout);
  for (const group of ["/g0", "/g1"]) {
    const [one, other] = [before, after].map((layout) => {
      const corner = /** @type {Place} */ (layout.clusters.get(group));
      return [...layout.boxes]
        .filter(([id]) => Math.floor(Number(id.slice(1)) / 10) === Number(group.slice(2)))
        .map(([id, { x, y }]) => [id, Math.round(x - corner.x), Math.round(y - corner.y)]);
    });
    assert.deepEqual(one, other);
  }
});

test("of a large drawing the long edges go their own way, and each box keeps one", () => {
  const count = 60;
  const ids = Array.from({ length: count }, (_, k) => String(k));
  const edge = (/** @type {number} */ from, /** @type {number} */ to) => ({
    from: String(from),
    to: String(to),
  });
  // A chain, its mirror image, and an edge from each to its own image: as layers and gradients.
  const chain = ids.slice(1).map((_, k) => edge(k, k + 1));
  const across = ids.slice(0, count / 2 - 1).map((_, k) => edge(k, count - 1 - k));
  const routed = routedEdges(ids, [...chain, ...across]);
  assert.ok(chain.every((_, k) => routed.has(k)));
  assert.ok(routed.size < chain.length + 5);
  const few = [edge(0, 1), edge(1, 4), edge(0, 4)];
  assert.deepEqual(routedEdges(ids.slice(0, 5), few), new Set([0, 1, 2]));
  const cycle = [edge(0, 1), edge(1, 0)];
  assert.deepEqual(routedEdges(ids.slice(0, 2), cycle), new Set([0, 1]));
  const items = ids.map((id, k) => ({
    id,
    path: [],
    reads: [
      ...(k > 0 ? [String(k - 1)] : []),
      ...(k >= count / 2 + 1 ? [String(count - 1 - k)] : []),
    ],
  }));
  const { layout } = laidOut(items, ["/:0:0", "/:0:20", "/:0:40"]);
  assert.ok(layout.routes.every(({ points }) => points.length >= 2));
});
