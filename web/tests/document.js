/** A document by hand: two layers, three kernels, a loop. */

/** @import {CompiledView, GraphNode} from "../src/types.js" */

/**
 * @param {Partial<GraphNode>} given
 * @returns {GraphNode}
 */
export function node(given) {
  return {
    op: "add",
    type: "float32[batch, 2]",
    attributes: "",
    inputs: [],
    name: null,
    layer: null,
    phase: "forward",
    body: [],
    loop: null,
    ...given,
  };
}

const nodes = [
  node({ op: "input", name: "x" }),
  node({ op: "matmul", layer: "dense", inputs: [0] }),
  node({ op: "constant", type: "float32[]", attributes: "value=0.0" }),
  node({ op: "broadcast", inputs: [2] }),
  node({ op: "maximum", layer: "relu", inputs: [1, 3] }),
  node({ op: "neg", layer: "relu", inputs: [4] }),
  node({ op: "neg", layer: "relu", inputs: [5] }),
  node({ op: "tanh" }),
  node({ op: "scan", layer: "rnn", inputs: [4], body: [7] }),
  node({ op: "tanh", layer: "rnn", loop: 8 }),
];

/**
 * @param {string} name
 * @param {number} step
 * @param {number} flops
 * @param {number} times
 */
function kernel(name, step, flops, times = 1) {
  return {
    name,
    kind: "pointwise",
    layers: [],
    ops: ["add"],
    extents: [6, 2],
    step,
    launch: { times, grid: [1, 1, 1], block: [32, 1, 1], shared: 0 },
    flops,
    bytes: 8,
    fewest: 8,
    moved: 8,
    moves: [],
    ratio: 1,
    reads: [],
    writes: [],
    continues: null,
    repeats: null,
    reason: "",
    notes: [],
    source: `void ${name}() {\n}\n`,
  };
}

/**
 * @param {string} name
 * @param {number} bytes
 * @param {[number, number]} steps
 * @param {number | null} offset
 * @param {string[]} writers
 * @param {string[]} readers
 */
function buffer(name, bytes, steps, offset, writers, readers) {
  const held = offset === null ? "input" : "arena";
  return { name, dtype: "float32", shape: [2], bytes, held, steps, offset, writers, readers };
}

/** @type {CompiledView} */
export const VIEW = /** @type {any} */ ({
  format: 2,
  graphc: "0",
  flags: { mode: "FAST_RUN" },
  kernels: {
    model: "m",
    summary: "by hand",
    title: "m.train",
    target: "cuda",
    sizes: { batch: 6 },
    kernels: [
      kernel("k0_matmul", 0, 100),
      kernel("k1_pointwise", 1, 10),
      kernel("k2_scan", 2, 5, 4),
    ],
    totals: { kernels: 3, launches: 6, flops: 130, fewest: 48, moved: 48, ratio: 1 },
  },
  memory: {
    target: "cuda",
    peak: 2048,
    states: 0,
    constants: 256,
    inputs: 512,
    arena: 1280,
    live: 1280,
    scratch: 0,
    threads: 1,
    buffers: [
      buffer("dense/matmul", 1000, [0, 1], 0, ["k0_matmul"], ["k1_pointwise"]),
      buffer("relu/maximum", 200, [1, 2], 1024, ["k1_pointwise"], ["k2_scan"]),
      buffer("x", 48, [0, 0], null, [], ["k0_matmul"]),
      buffer("rnn/tanh", 100, [2, 3], 0, ["k2_scan"], []),
    ],
  },
  measured: null,
  layers: [
    { name: "x", kind: "input", parent: null, type: "float32[batch, 2]", parameters: 0, reads: [] },
    { name: "block", kind: "Sequential", parent: null, type: null, parameters: 4, reads: [] },
    {
      name: "dense",
      kind: "Dense",
      parent: "block",
      type: "float32[batch, 2]",
      parameters: 4,
      reads: [{ source: "x", type: "float32[batch, 2]" }],
    },
    {
      name: "relu",
      kind: "Activation",
      parent: "block",
      type: "float32[batch, 2]",
      parameters: 0,
      reads: [{ source: "dense", type: "float32[batch, 2]" }],
    },
    {
      name: "rnn",
      kind: "RNN",
      parent: null,
      type: "float32[batch, 2]",
      parameters: 0,
      reads: [{ source: "relu", type: "float32[batch, 2]" }],
    },
  ],
  nodes,
  stages: [
    { name: "given", seconds: null, nodes: 9, outputs: [6, 8], fetched: 1, firings: [] },
    {
      name: "simplify",
      seconds: 0.001,
      nodes: 7,
      outputs: [4, 8],
      fetched: 1,
      firings: [
        { rule: "-(-x) = x", old: 6, new: 4 },
        { rule: "x + 0 = x", old: null, new: null },
        { rule: "-(-x) = x", old: null, new: 4 },
      ],
    },
    { name: "kernels", seconds: null, nodes: 7, outputs: [4, 8], fetched: 1, firings: [] },
  ],
  kernel_links: [
    { nodes: [1], flops: { dense: 100 }, lines: { 0: [1] } },
    { nodes: [3, 4], flops: { relu: 10 }, lines: {} },
    { nodes: [8, 9], flops: { rnn: 5 }, lines: { 1: [9] } },
  ],
  value_nodes: [1, 4, 0, 8],
});
