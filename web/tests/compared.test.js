import assert from "node:assert/strict";
import { test } from "node:test";

import {
  bothText,
  changesText,
  Compared,
  difference,
  layerChangesText,
  ratioText,
  statusOf,
} from "../src/compared.js";
import { quantity } from "../src/format.js";
import { lineDiff } from "../src/line_diff.js";
import { VIEW } from "./document.js";

/** @import {CompiledView, ComparedBuilds, KernelPair} from "../src/types.js" */

/** The document by hand with another first kernel, and without the last one. @type {CompiledView} */
const OTHER = {
  ...VIEW,
  kernels: {
    ...VIEW.kernels,
    kernels: [
      { ...VIEW.kernels.kernels[0], name: "k0_gemm", flops: 150, moved: null },
      VIEW.kernels.kernels[1],
    ],
    totals: { ...VIEW.kernels.totals, kernels: 2, flops: 160, moved: null },
  },
  kernel_links: VIEW.kernel_links.slice(0, 2),
  memory: { ...VIEW.memory, peak: 4096 },
};

/** @param {Partial<KernelPair>} given @returns {KernelPair} */
const pair = (given) => ({
  before: 0,
  after: 0,
  changes: [],
  is_close: null,
  lost: [],
  gained: [],
  elsewhere: [],
  ...given,
});

/** @type {ComparedBuilds} */
const BUILDS = {
  format: 2,
  graphc: "0",
  names: ["one", "other"],
  builds: [VIEW, OTHER],
  facts: [],
  step_is_close: null,
  layers: [{ before: "dense", after: "dense", changes: ["type", "reads"] }],
  kernels: [
    pair({ changes: ["flops", "moved"] }),
    pair({ before: 1, after: 1 }),
    pair({ before: 2, after: null, elsewhere: [1] }),
  ],
};
const compared = new Compared(BUILDS);

test("what became of a pair", () => {
  assert.deepEqual(BUILDS.kernels.map(statusOf), ["changed", "same", "removed"]);
  assert.equal(statusOf(pair({ before: null })), "added");
  assert.equal(changesText(BUILDS.kernels[0]), "FLOPs, the bytes moved");
  assert.equal(layerChangesText(BUILDS.layers[0]), "result, what it reads");
});

test("sums are the totals of both documents", () => {
  const found = new Map(
    compared.totals().map(({ name, before, after }) => [name, [before, after]]),
  );
  assert.deepEqual(found.get("kernels"), [3, 2]);
  assert.deepEqual(found.get("FLOPs"), [130, 160]);
  assert.deepEqual(found.get("bytes moved"), [48, null]);
  assert.deepEqual(found.get("memory at most"), [2048, 4096]);
  assert.deepEqual(found.get("parameters"), [4, 4]);
  assert.equal(found.has("time of a step"), false);
  assert.equal(found.has("scratch"), false);
});

test("amounts of a pair are those of its kernels", () => {
  const [changed, , removed] = BUILDS.kernels;
  assert.deepEqual(compared.amount(changed, "flops"), [100, 150]);
  assert.deepEqual(compared.amount(changed, "moved"), [8, null]);
  assert.deepEqual(compared.amount(removed, "flops"), [5, null]);
  assert.equal(compared.titleOf(changed), "k0_matmul → k0_gemm");
  assert.equal(compared.titleOf(BUILDS.kernels[1]), "k1_pointwise");
  assert.equal(compared.titleOf(removed), "k2_scan");
});

test("measured times are of all launches of a kernel", () => {
  const ms = { median: 2, spread: 0.1, samples: 5, least: 1.9 };
  const rows = [{ name: "k2_scan", times: 4, ms, share: 1, gflops: 1, gbytes: 1 }];
  const measured = {
    device: /** @type {const} */ ("cpu"),
    executor: "e",
    facts: {},
    between: null,
    step: ms,
    notes: [],
    rows,
  };
  const timed = new Compared({ ...BUILDS, builds: [{ ...VIEW, measured }, OTHER] });
  assert.equal(timed.isTimed, true);
  assert.deepEqual(timed.time(BUILDS.kernels[2]), [8, null]);
  assert.deepEqual(timed.totals()[0].before, 2);
});

test("amounts in few letters", () => {
  assert.equal(bothText([1500, 3000], quantity), "1.50 k → 3.00 k");
  assert.equal(bothText([1500, 1500], quantity), "1.50 k");
  assert.equal(bothText([1500, 1500.1], quantity), "1.50 k");
  assert.equal(bothText([null, 3000], quantity), "3.00 k");
  assert.equal(bothText([3000, null], quantity), "3.00 k");
  assert.equal(bothText([null, null], quantity), "");
  assert.equal(ratioText([2, 3]), "1.50 ×");
  assert.equal(ratioText([2, 3], true), "~ 1.50 ×");
  assert.equal(ratioText([2, 2]), "");
  assert.equal(ratioText([0, 2]), "");
  assert.equal(ratioText([null, 2]), "");
  assert.equal(difference([null, 2]), 2);
  assert.equal(difference([3, 2]), -1);
});

test("lines of two texts, what is gone ahead of what is new", () => {
  const signs = (/** @type {string} */ before, /** @type {string} */ after) =>
    lineDiff([...before], [...after])
      .map(({ text, before: j, after: k }) =>
        k === null ? `-${text}` : j === null ? `+${text}` : text,
      )
      .join("");
  assert.equal(signs("abc", "abc"), "abc");
  assert.equal(signs("abc", "axc"), "a-b+xc");
  assert.equal(signs("", "ab"), "+a+b");
  assert.equal(signs("ab", ""), "-a-b");
  assert.equal(signs("abcd", "bdx"), "-ab-cd+x");
  assert.equal(signs("aba", "a"), "a-b-a");
  const numbers = lineDiff(["a", "b"], ["b"]).map(({ before, after }) => [before, after]);
  assert.deepEqual(numbers, [
    [0, null],
    [1, 0],
  ]);
});

test("of texts too long for a table both sides are whole", () => {
  const before = Array.from({ length: 2100 }, (_, k) => `a${k}`);
  const after = Array.from({ length: 2100 }, (_, k) => `b${k}`);
  const lines = lineDiff(["head", ...before], ["head", ...after]);
  assert.deepEqual(
    lines.filter((line) => line.before !== null).map((line) => line.text),
    ["head", ...before],
  );
  assert.deepEqual(
    lines.filter((line) => line.after !== null).map((line) => line.text),
    ["head", ...after],
  );
});
