import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_CHILDREN, drawing, pathTo, tree } from "../src/hierarchy.js";

/** @import {Item} from "../src/hierarchy.js" */

/** @param {Item[]} items */
function byId(items) {
  return new Map(items.map((item) => [item.id, item]));
}

const ITEMS = [
  { id: "a", path: [], reads: [] },
  { id: "b", path: ["g"], reads: ["a"], labels: ["2"] },
  { id: "c", path: ["g"], reads: ["a", "b"], labels: ["2", "3"] },
  { id: "d", path: ["g", "h"], reads: ["c"] },
  { id: "e", path: ["g", "h"], reads: ["d", "missing"] },
];

test("a closed group is one box, and its edges are one", () => {
  const { boxes, clusters, edges } = drawing(tree(ITEMS), byId(ITEMS), () => false);
  assert.deepEqual(
    boxes.map((box) => [box.id, box.isGroup, box.members.length]),
    [
      ["a", false, 1],
      ["/g", true, 4],
    ],
  );
  assert.deepEqual(clusters, []);
  assert.deepEqual(edges, [{ from: "a", to: "/g", label: "2", count: 2, isWeak: false }]);
});

test("an open group shows what is in it, groups too", () => {
  const { boxes, clusters, edges } = drawing(tree(ITEMS), byId(ITEMS), (group) => group === "/g");
  assert.deepEqual(
    boxes.map((box) => [box.id, box.cluster]),
    [
      ["a", null],
      ["b", "/g"],
      ["c", "/g"],
      ["/g/h", "/g"],
    ],
  );
  assert.deepEqual(
    clusters.map((cluster) => cluster.id),
    ["/g"],
  );
  assert.deepEqual(
    edges.map((edge) => [edge.from, edge.to]),
    [
      ["a", "b"],
      ["a", "c"],
      ["b", "c"],
      ["c", "/g/h"],
    ],
  );
});

test("a group of one is no group", () => {
  const items = [{ id: "a", path: ["only"], reads: [] }];
  const { boxes } = drawing(tree(items), byId(items), () => false);
  assert.deepEqual(
    boxes.map((box) => [box.id, box.isGroup]),
    [["a", false]],
  );
});

test("edges of unlike labels have none", () => {
  const items = [
    { id: "a", path: [], reads: [] },
    { id: "b", path: ["g"], reads: ["a"], labels: ["2"] },
    { id: "c", path: ["g"], reads: ["a"], labels: ["3"] },
  ];
  const { edges } = drawing(tree(items), byId(items), () => false);
  assert.deepEqual(edges, [{ from: "a", to: "/g", label: "", count: 2, isWeak: false }]);
});

test("no drawing has more children of one group than fit, at any number", () => {
  for (const count of [MOST_CHILDREN, MOST_CHILDREN + 1, 1000, 10000]) {
    const items = Array.from({ length: count }, (_, k) => ({
      id: String(k),
      path: [],
      reads: k > 0 ? [String(k - 1)] : [],
    }));
    const root = tree(items);
    assert.ok(root.children.length <= MOST_CHILDREN);
    const { boxes } = drawing(root, byId(items), () => false);
    assert.deepEqual(
      boxes.flatMap((box) => box.members),
      items.map((item) => item.id),
    );
    const open = new Set(pathTo(root, String(count - 1)));
    const opened = drawing(root, byId(items), (group) => open.has(group));
    assert.ok(opened.boxes.some((box) => box.id === String(count - 1)));
    assert.ok(opened.boxes.length <= (open.size + 1) * MOST_CHILDREN);
  }
});

test("the way to an item leads through all groups around it", () => {
  const root = tree(ITEMS);
  assert.deepEqual(pathTo(root, "e"), ["/g", "/g/h"]);
  assert.deepEqual(pathTo(root, "a"), []);
});

test("an edge is weak if all that it stands for are", () => {
  const items = [
    { id: "w", path: [], reads: [] },
    { id: "x", path: [], reads: [] },
    { id: "b", path: ["g"], reads: ["w", "x"], weak: [true, false] },
    { id: "c", path: ["g"], reads: ["w", "x"], weak: [true, true] },
  ];
  const { edges } = drawing(tree(items), byId(items), () => false);
  assert.deepEqual(
    edges.map((edge) => [edge.from, edge.isWeak]),
    [
      ["w", true],
      ["x", false],
    ],
  );
});
