import assert from "node:assert/strict";
import { test } from "node:test";

import { CompiledIndex } from "../src/compiled_index.js";
import { VIEW } from "./document.js";

const index = new CompiledIndex(VIEW);

/** @param {import("../src/types.js").Related} related */
function lists({ layers, nodes, kernels, values }) {
  return { layers: [...layers], nodes: [...nodes], kernels: [...kernels], values: [...values] };
}

test("a container has what all inside of it have", () => {
  const found = lists(index.related({ kind: "layer", id: "block" }));
  assert.deepEqual(found.layers, ["block", "dense", "relu"]);
  assert.deepEqual(found.nodes, [1, 4, 5, 6]);
  assert.deepEqual(found.kernels, [0, 1]);
  assert.deepEqual(found.values, [0, 1]);
  assert.equal(index.flops(["block"]), 110);
});

test("a node leads to its layer, its kernel and its value", () => {
  const found = lists(index.related({ kind: "node", id: 4 }));
  assert.deepEqual(found, { layers: ["relu"], nodes: [4], kernels: [1], values: [1] });
});

test("what is fed leads to the kernels that read it", () => {
  const found = lists(index.related({ kind: "node", id: 0 }));
  assert.deepEqual(found, { layers: ["x"], nodes: [0], kernels: [0], values: [2] });
});

test("a kernel of a loop leads to the loop, and to the values that it touches", () => {
  const found = lists(index.related({ kind: "kernel", id: 2 }));
  assert.deepEqual(found, { layers: ["rnn"], nodes: [8, 9], kernels: [2], values: [1, 3] });
});

test("a value leads to those who write and read it", () => {
  const found = lists(index.related({ kind: "value", id: 1 }));
  assert.deepEqual(found, { layers: ["relu"], nodes: [4], kernels: [1, 2], values: [1] });
});

test("launches of a loop count each time", () => {
  assert.equal(index.flops(["rnn"]), 20);
});

test("the nodes of a stage come behind what they read, and bodies ahead of loops", () => {
  const order = index.order(0);
  assert.deepEqual(
    [...order].sort((a, b) => a - b),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  for (const node of order) {
    for (const before of [...VIEW.nodes[node].inputs, ...VIEW.nodes[node].body]) {
      assert.ok(order.indexOf(before) < order.indexOf(node));
    }
  }
});

test("what a pass changed", () => {
  assert.deepEqual(index.changes(0), { added: new Set(), removed: 0 });
  assert.deepEqual(index.changes(1), { added: new Set(), removed: 2 });
  assert.deepEqual(index.changes(2), { added: new Set(), removed: 0 });
});

test("constants, spread out or not, are not drawn", () => {
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((k) => index.isSilent(k)),
    [false, false, true, true, false],
  );
});
