import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST_CHILDREN, drawing, membersOf, pathTo, tree } from "../src/hierarchy.js";

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
    boxes.map((box) => [box.id, "group" in box, membersOf(box).length]),
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
    boxes.map((box) => [box.id, "group" in box]),
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
    assert.ok(root.root.children.length <= MOST_CHILDREN);
    const { boxes } = drawing(root, byId(items), () => false);
    assert.deepEqual(
      boxes.flatMap(membersOf),
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

/** A chain of so many blocks; each adds what it reads to the end of a branch of its own. @param {number} blocks @param {number} from */
function residual(blocks, from = 0) {
  return Array.from({ length: blocks }, (_, k) => {
    const id = (/** @type {string} */ kind) => `${kind}${from + k}`;
    const before = from + k === 0 ? "x" : `add${from + k - 1}`;
    return [
      { id: id("conv"), path: [], reads: [before], likeness: "conv" },
      { id: id("relu"), path: [], reads: [id("conv")], likeness: "relu" },
      { id: id("last"), path: [], reads: [id("relu")], likeness: "conv" },
      { id: id("add"), path: [], reads: [id("last"), before], likeness: "add" },
    ];
  }).flat();
}

test("blocks that repeat are one box, which opens to blocks", () => {
  const items = [
    { id: "x", path: [], reads: [], likeness: "x" },
    ...residual(3),
    { id: "y", path: [], reads: ["add2"], likeness: "y" },
  ];
  const found = tree(items);
  const { boxes } = drawing(found, byId(items), () => false);
  assert.deepEqual(
    boxes.map((box) => ("group" in box ? [box.group.kind, box.group.times] : box.id)),
    ["x", ["repeat", 3], "y"],
  );
  const [repeat, block, ...deeper] = pathTo(found, "relu1");
  assert.deepEqual(deeper, []);
  const opened = drawing(found, byId(items), (group) => group === repeat || group === block);
  assert.deepEqual(
    opened.boxes.map((box) => ("group" in box ? `${box.group.position}` : box.item)),
    ["x", "1", "conv1", "relu1", "last1", "add1", "3", "y"],
  );
});

test("a group that would be divided is divided at its branches", () => {
  // No block is like another one.
  const items = residual(20).map((item, k) => ({ ...item, likeness: String(k) }));
  const stem = [
    { id: "given", path: [], reads: [], likeness: "given" },
    { id: "x", path: [], reads: ["given"], likeness: "x" },
  ];
  const { root } = tree([...stem, ...items]);
  assert.deepEqual(
    root.children.map((child) => typeof child !== "string" && [child.kind, child.children.length]),
    [false, false, ...Array.from({ length: 20 }, () => ["block", 4])],
  );
  const few = tree(items.slice(0, 20)).root;
  assert.ok(few.children.every((child) => typeof child === "string"));
});

test("a long run of equals is one box, divided within", () => {
  const items = Array.from({ length: 2000 }, (_, k) => ({
    id: String(k),
    path: [],
    reads: [k > 0 ? String(k - 1) : "input"],
    likeness: "dense",
  }));
  const { root } = tree(items);
  const [run] = root.children;
  assert.equal(root.children.length, 1);
  assert.ok(typeof run !== "string" && run.kind === "repeat" && run.times === 2000);
  assert.ok(run.children.length <= MOST_CHILDREN);
  assert.deepEqual(
    run.members,
    items.map((item) => item.id),
  );
});

test("containers that hold the same repeat, others do not", () => {
  const inner = (/** @type {string} */ name, /** @type {string[]} */ kinds) =>
    kinds.map((kind, k) => ({
      id: `${name}${k}`,
      path: [name],
      reads: [k > 0 ? `${name}${k - 1}` : "x"],
      likeness: kind,
    }));
  const items = ["a", "b", "c", "d", "e"].flatMap((name) => inner(name, ["conv", "relu"]));
  const { root } = tree([...items, ...inner("f", ["conv", "tanh"])]);
  assert.deepEqual(
    root.children.map((child) => typeof child !== "string" && [child.kind, child.children.length]),
    [
      ["repeat", 5],
      ["named", 2],
    ],
  );
});
