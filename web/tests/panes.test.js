import assert from "node:assert/strict";
import { test } from "node:test";

import { CompiledIndex } from "../src/compiled_index.js";
import { firedRules, itemsOf } from "../src/graph_pane.js";
import { fullest } from "../src/graph_view.js";
import { columnsOf } from "../src/kernels_pane.js";
import { measures } from "../src/layers_pane.js";
import { find } from "../src/search.js";
import { factsOf, shownKernel } from "../src/source_pane.js";
import { Store } from "../src/store.js";
import { VIEW, node } from "./document.js";

const index = new CompiledIndex(VIEW);

test("rules that fired, the most frequent first", () => {
  const found = firedRules(VIEW.stages[1]);
  assert.deepEqual(found, [
    { rule: "-(-x) = x", count: 2, nodes: [4] },
    { rule: "x + 0 = x", count: 1, nodes: [] },
  ]);
});

test("a drawing of the graph leaves constants out, and phases that are not chosen", () => {
  const all = itemsOf(index, 0, new Set(["forward", "gradient", "update"]));
  assert.deepEqual(all.map((item) => item.id).sort(), ["0", "1", "4", "5", "6", "7", "8"]);
  assert.deepEqual(all.find((item) => item.id === "4")?.reads, ["1"]);
  assert.deepEqual(all.find((item) => item.id === "8")?.reads, ["4", "7"]);
  assert.deepEqual(itemsOf(index, 0, new Set(["update"])), []);
  assert.deepEqual(all.find((item) => item.id === "0")?.path, []);
  assert.deepEqual(all.find((item) => item.id === "8")?.path, ["forward", "forward:rnn"]);
});

test("layers stand in the order of the network, their gradients in the opposite one", () => {
  // The order of the nodes is another one: what comes first is needed by nothing of the network.
  const nodes = [
    node({ op: "tanh", layer: "rnn" }),
    node({ op: "exp", layer: "dense" }),
    node({ op: "neg", layer: "dense", phase: "gradient" }),
    node({ op: "neg", layer: "rnn", phase: "gradient" }),
  ];
  const outputs = nodes.map((_, k) => k);
  const stages = [{ ...VIEW.stages[0], outputs, fetched: 4, firings: [] }];
  const other = new CompiledIndex({ ...VIEW, nodes, stages, kernel_links: [], value_nodes: [] });
  const items = itemsOf(other, 0, new Set(["forward", "gradient"]));
  assert.deepEqual(
    items.map((item) => item.path.at(-1)),
    ["forward:dense", "forward:rnn", "gradient:rnn", "gradient:dense"],
  );
});

test("the part of a drawing that shows most boxes, those at the top above all", () => {
  const box = (/** @type {number} */ x, /** @type {number} */ y) => ({
    x,
    y,
    width: 100,
    height: 40,
  });
  const above = [box(50, 20), box(950, 20), box(950, 80)];
  assert.equal(fullest(above, [1, 1, 1], 1000, 300, 300), 700);
  assert.equal(fullest(above, [3, 1, 1], 1000, 300, 300), 0);
  const below = [box(500, 20), box(50, 290), box(50, 400)];
  assert.equal(fullest(below, [1, 1, 1], 1000, 300, 310), 350);
  assert.equal(fullest([], [], 1000, 300, 300), 350);
});

test("a kernel's bytes are told by what it reads and writes", () => {
  const [first, ...others] = VIEW.kernels.kernels;
  const moves = [
    { value: "x", written: false, bytes: 96 },
    { value: "w", written: false, bytes: 5000 },
    { value: "dense/matmul", written: true, bytes: 48 },
  ];
  const kernels = { ...VIEW.kernels, kernels: [{ ...first, moves }, ...others] };
  const store = new Store(new CompiledIndex({ ...VIEW, kernels }));
  store.select({ kind: "kernel", id: 0 });
  const facts = Object.fromEntries(factsOf(new CompiledIndex({ ...VIEW, kernels }), store.state));
  assert.equal(facts["reads"], "96 B of x, 5.00 kB of w");
  assert.equal(facts["writes"], "48 B of dense/matmul");
  store.select({ kind: "kernel", id: 1 });
  assert.ok(!("reads" in Object.fromEntries(factsOf(index, store.state))));
});

test("columns of what was not measured are not there", () => {
  assert.deepEqual(
    columnsOf(index).map((column) => column.name),
    ["kernel", "layers", "times", "FLOP", "fewest", "moved", "ratio"],
  );
  const ms = { median: 2, spread: 0.1, samples: 5, least: 1.9 };
  const measured = {
    device: /** @type {const} */ ("cpu"),
    executor: "e",
    facts: { threads: 2 },
    between: { ...ms, median: 0.5 },
    step: ms,
    notes: [],
    rows: [{ name: "k2_scan", times: 4, ms, share: 1, gflops: 1, gbytes: 1 }],
  };
  const timed = new CompiledIndex({
    ...VIEW,
    kernels: { ...VIEW.kernels, target: "cpu" },
    measured,
  });
  assert.deepEqual(
    columnsOf(timed).map((column) => column.name),
    ["kernel", "layers", "times", "FLOP", "fewest", "time", "share"],
  );
  assert.equal(timed.time.get(2), 8);
  assert.equal(measures(timed)[0].of(["rnn"]), 1);
});

test("shares of layers are of the totals", () => {
  const [flops, memory, parameters] = measures(index);
  assert.equal(flops.of(["dense"]), 100 / 130);
  assert.equal(flops.of(["rnn"]), 20 / 130);
  assert.equal(flops.of(["dense", "rnn"]), 120 / 130);
  assert.equal(memory.of(["block"]), 1200 / 1348);
  assert.equal(parameters.of(["block"]), 1);
});

test("search finds layers, kernels, values and ops by all words", () => {
  assert.deepEqual(
    find(index, "dense").map((hit) => `${hit.kind} ${hit.text}`),
    ["layer dense", "value dense/matmul", "node matmul"],
  );
  assert.deepEqual(find(index, "rnn RNN layer").length, 0);
  assert.deepEqual(
    find(index, "k2").map((hit) => hit.go),
    [{ kind: "kernel", id: 2 }],
  );
  assert.deepEqual(find(index, "  "), []);
  assert.equal(find(index, "a", 2).length, 2);
});

test("facts are those of the document", () => {
  const store = new Store(index);
  store.select({ kind: "value", id: 1 });
  const facts = Object.fromEntries(factsOf(index, store.state));
  assert.equal(facts["size"], "200 B (200 bytes)");
  assert.equal(facts["lies in"], "the arena, at byte 1,024");
  assert.equal(facts["lives"], "from step 1 to 2");
  assert.deepEqual(
    /** @type {{text: string}[]} */ (facts["read by"]).map((link) => link.text),
    ["k2_scan"],
  );
  assert.equal(shownKernel(store.state), 1);
});
