/** The steps of a program along an axis: each as wide as the others, or as long as it takes. */

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Measured, Phase} from "./types.js" */

/**
 * @typedef {object} Timeline
 * @property {number[]} starts where each step begins; the last one is the end of all
 * @property {{kernel: number, from: number, to: number}[]} spans of the kernels, in order
 * @property {boolean} isTimed whether the axis is in milliseconds
 */

/** Of all steps together: a step that takes no time, or was not measured, is seen too. */
const LEAST = 1 / 1500;

/**
 * @param {CompiledIndex} index
 * @param {boolean} byTime
 * @returns {Timeline}
 */
export function timelineOf(index, byTime) {
  const isTimed = byTime && index.time.size > 0;
  const last = Math.max(
    0,
    ...index.kernels.map((kernel) => kernel.step),
    ...index.values.map((value) => value.steps[1]),
  );
  /** @type {number[][]} */
  const kernels = Array.from({ length: last + 1 }, () => []);
  index.kernels.forEach((kernel, k) => kernels[kernel.step].push(k));
  const total = [...index.time.values()].reduce((sum, ms) => sum + ms, 0);
  const time = (/** @type {number} */ k) => index.time.get(k) ?? 0;
  const starts = [0];
  /** @type {Timeline["spans"]} */
  const spans = [];
  kernels.forEach((inside, step) => {
    const taken = inside.reduce((sum, k) => sum + time(k), 0);
    const width = isTimed ? Math.max(taken, LEAST * total) : 1;
    let from = starts[step];
    for (const k of inside) {
      const part = isTimed && taken > 0 ? time(k) / taken : 1 / inside.length;
      spans.push({ kernel: k, from, to: from + part * width });
      from += part * width;
    }
    starts.push(starts[step] + width);
  });
  return { starts, spans, isTimed };
}

/**
 * What the lane of kernels is, in few letters, and in words: each kernel is timed on one thread, or by
 * the clock of the stream, which all launches of a step are in. Empty where nothing was measured.
 * @param {Measured | null} measured
 * @returns {[string, string]}
 */
export function laneOf(measured) {
  if (measured === null) return ["", ""];
  if (measured.device === "gpu") return ["stream", "one stream has all launches of a step"];
  const { threads = 1 } = measured.facts;
  return [
    "thread 1",
    threads === 1
      ? "one thread computes all kernels"
      : `timed on the first of the ${threads} threads that share each kernel; the others are not timed`,
  ];
}

/**
 * The step at a place of the axis.
 * @param {Timeline} timeline
 * @param {number} at
 * @returns {number}
 */
export function stepAt({ starts }, at) {
  let [low, high] = [0, starts.length - 2];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (starts[middle] <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/**
 * The phase that most nodes of a kernel are part of.
 * @param {CompiledIndex} index
 * @param {number} kernel
 * @returns {Phase | "other"}
 */
export function phaseOf(index, kernel) {
  const counts = { forward: 0, gradient: 0, update: 0 };
  for (const node of index.view.kernel_links[kernel].nodes) {
    if (!index.isSilent(node)) counts[index.nodes[node].phase] += 1;
  }
  const phases = /** @type {Phase[]} */ (["forward", "gradient", "update"]);
  const most = phases.reduce((best, phase) => (counts[phase] > counts[best] ? phase : best));
  return counts[most] === 0 ? "other" : most;
}
