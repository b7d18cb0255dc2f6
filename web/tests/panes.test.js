import assert from "node:assert/strict";
import { test } from "node:test";

import { CompiledIndex } from "../src/compiled_index.js";
import { firedRules, itemsOf } from "../src/graph_pane.js";
import { columnsOf } from "../src/kernels_pane.js";
import { measures } from "../src/layers_pane.js";
import { find } from "../src/search.js";
import { factsOf, shownKernel } from "../src/source_pane.js";
import { Store } from "../src/store.js";
import { VIEW } from "./document.js";

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
    rows: [{ name: "k2_scan", calls: 4, ms, share: 1, gflops: 1, gbytes: 1 }],
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
