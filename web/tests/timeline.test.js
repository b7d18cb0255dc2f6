import assert from "node:assert/strict";
import { test } from "node:test";

import { CompiledIndex } from "../src/compiled_index.js";
import { marksOf } from "../src/memory_pane.js";
import { laneOf, phaseOf, stepAt, timelineOf } from "../src/timeline.js";
import { VIEW } from "./document.js";

/** @import {Measured} from "../src/types.js" */

/** @param {string} name @param {number} median @param {number} [times] */
function row(name, median, times = 1) {
  const ms = { median, spread: 0, samples: 5, least: median };
  return { name, times, ms, share: 0, gflops: 0, gbytes: 0 };
}

const index = new CompiledIndex(VIEW);
const step = { median: 20, spread: 0, samples: 5, least: 20 };
const rows = [row("k0_matmul", 6), row("k1_pointwise", 2), row("k2_scan", 3, 4)];
/** @type {Measured} */
const measured = {
  device: "cpu",
  executor: "e",
  facts: { threads: 2 },
  between: null,
  step,
  notes: [],
  rows,
};
const timed = new CompiledIndex({ ...VIEW, measured });

test("steps are as wide as each other where nothing was measured", () => {
  const { starts, spans, isTimed } = timelineOf(index, true);
  assert.equal(isTimed, false);
  assert.deepEqual(starts, [0, 1, 2, 3, 4]); // a value lives to the end, behind the last kernel
  assert.deepEqual(spans[2], { kernel: 2, from: 2, to: 3 });
});

test("steps are as long as they take, all launches of a loop counted", () => {
  const { starts, spans } = timelineOf(timed, true);
  assert.deepEqual(starts.slice(0, 4), [0, 6, 8, 20]);
  assert.ok(starts[4] > 20 && starts[4] < 20.1);
  assert.deepEqual(spans[1], { kernel: 1, from: 6, to: 8 });
  assert.deepEqual(timelineOf(timed, false).starts, [0, 1, 2, 3, 4]);
});

test("the kernels of one step share its time", () => {
  const kernels = VIEW.kernels.kernels.map((kernel) => ({ ...kernel, step: 0 }));
  const one = new CompiledIndex({
    ...VIEW,
    kernels: { ...VIEW.kernels, kernels },
    measured: timed.view.measured,
  });
  const spans = timelineOf(one, true).spans.map(({ from, to }) => [from, to]);
  assert.deepEqual(spans, [
    [0, 6],
    [6, 8],
    [8, 20],
  ]);
});

test("the lane is what was timed, and no more", () => {
  assert.deepEqual(laneOf(null), ["", ""]);
  const [name, meaning] = laneOf(measured);
  assert.equal(name, "thread 1");
  assert.match(meaning, /first of the 2 threads .* others are not timed/);
  assert.match(laneOf({ ...measured, facts: { threads: 1 } })[1], /one thread computes all/);
  assert.equal(laneOf({ ...measured, device: "gpu" })[0], "stream");
});

test("a place of the axis is in a step", () => {
  const timeline = timelineOf(timed, true);
  assert.deepEqual(
    [0, 5.9, 6, 7, 19.9, 99].map((at) => stepAt(timeline, at)),
    [0, 0, 1, 1, 2, 3],
  );
});

test("marks are round, and no more than fit", () => {
  assert.deepEqual(
    marksOf(timelineOf(timed, true), 5).map(([, text]) => text),
    ["0", "5.00 ms", "10.0 ms", "15.0 ms", "20.0 ms"],
  );
  assert.deepEqual(marksOf(timelineOf(index, true), 2), [
    [0.5, "0"],
    [2.5, "2"],
  ]);
});

test("the phase of a kernel is that of most of its nodes", () => {
  assert.equal(phaseOf(index, 0), "forward");
  const nodes = VIEW.nodes.map((node) => ({ ...node, phase: /** @type {const} */ ("gradient") }));
  assert.equal(phaseOf(new CompiledIndex({ ...VIEW, nodes }), 1), "gradient");
});
