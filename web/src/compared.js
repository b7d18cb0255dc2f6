/** Two builds of a model as rows: what belongs together, and by how much it differs. */

import { CompiledIndex } from "./compiled_index.js";
import { milliseconds, quantity } from "./format.js";

/** @import {ComparedBuilds, KernelPair, LayerPair} from "./types.js" */

/**
 * An amount in both builds; null where a build has none.
 * @typedef {object} Amount
 * @property {string} name
 * @property {string} hint
 * @property {number | null} before
 * @property {number | null} after
 * @property {(amount: number) => string} text
 * @property {boolean} isClose whether the two may differ by chance
 */

/** Of the changes of a kernel, in words. */
const CHANGES = /** @type {Record<string, string>} */ ({
  nodes: "what it computes",
  types: "sizes or types",
  kind: "its kind",
  launch: "its launch",
  flops: "FLOPs",
  fewest: "the fewest bytes",
  moved: "the bytes moved",
  source: "its source",
});

const LAYER_CHANGES = /** @type {Record<string, string>} */ ({
  kind: "class",
  type: "result",
  parameters: "parameters",
  reads: "what it reads",
});

const bytes = (/** @type {number} */ amount) => quantity(amount, "B");
const count = (/** @type {number} */ amount) => amount.toLocaleString("en-US");

export class Compared {
  /** @param {ComparedBuilds} compared */
  constructor(compared) {
    this.kernels = compared.kernels;
    this.layers = compared.layers;
    this.facts = compared.facts;
    this.names = compared.names;
    this.stepIsClose = compared.step_is_close ?? false;
    const [before, after] = compared.builds;
    this.before = new CompiledIndex(before);
    this.after = new CompiledIndex(after);
  }

  /**
   * The sums that the builds are compared by.
   * @returns {Amount[]}
   */
  totals() {
    const [before, after] = [this.before.view, this.after.view];
    /** @type {Amount[]} */
    const found = [];
    /**
     * @param {string} name
     * @param {string} hint
     * @param {(view: import("./types.js").CompiledView) => number | null} of
     * @param {(amount: number) => string} text
     * @param {boolean} [isClose]
     */
    const add = (name, hint, of, text, isClose = false) => {
      const [one, other] = [of(before), of(after)];
      if ((one ?? 0) !== 0 || (other ?? 0) !== 0)
        found.push({ name, hint, before: one, after: other, text, isClose });
    };
    const step = (/** @type {typeof before} */ view) => view.measured?.step.median ?? null;
    add("time of a step", "the median, as measured", step, milliseconds, this.stepIsClose);
    add("kernels", "", (view) => view.kernels.totals.kernels, count);
    add("launches", "of one step", (view) => view.kernels.totals.launches, count);
    add("FLOPs", "of one step", (view) => view.kernels.totals.flops, quantity);
    add(
      "fewest bytes",
      "that the kernels have to move",
      (view) => view.kernels.totals.fewest,
      bytes,
    );
    add("bytes moved", "that they ask memory for", (view) => view.kernels.totals.moved, bytes);
    add("memory at most", "the peak", (view) => view.memory.peak, bytes);
    add("arena", "what values share", (view) => view.memory.arena, bytes);
    add("live", "most in use of the arena", (view) => view.memory.live, bytes);
    add("states", "weights and what optimizers keep", (view) => view.memory.states, bytes);
    add("constants", "", (view) => view.memory.constants, bytes);
    add("inputs", "", (view) => view.memory.inputs, bytes);
    add("scratch", "of threads", (view) => view.memory.scratch, bytes);
    const parameters = (/** @type {typeof before} */ view) =>
      view.layers
        .filter((layer) => layer.parent === null)
        .reduce((sum, layer) => sum + layer.parameters, 0);
    add("parameters", "of all layers", parameters, count);
    return found;
  }

  /**
   * An amount of one pair of kernels.
   * @param {KernelPair} pair
   * @param {"flops" | "fewest" | "moved"} name
   * @returns {[number | null, number | null]}
   */
  amount({ before, after }, name) {
    return [
      before === null ? null : this.before.kernels[before][name],
      after === null ? null : this.after.kernels[after][name],
    ];
  }

  /**
   * The measured milliseconds of all launches in a step.
   * @param {KernelPair} pair
   * @returns {[number | null, number | null]}
   */
  time({ before, after }) {
    return [
      before === null ? null : (this.before.time.get(before) ?? null),
      after === null ? null : (this.after.time.get(after) ?? null),
    ];
  }

  get isTimed() {
    return this.before.time.size > 0 || this.after.time.size > 0;
  }

  /**
   * The name of a pair: that of both, or of each.
   * @param {KernelPair} pair
   */
  titleOf({ before, after }) {
    const one = before === null ? null : this.before.kernels[before].name;
    const other = after === null ? null : this.after.kernels[after].name;
    return one === other || other === null
      ? String(one)
      : one === null
        ? other
        : `${one} → ${other}`;
  }

  /**
   * The layers of a pair of kernels.
   * @param {KernelPair} pair
   * @returns {string}
   */
  layersOf({ before, after }) {
    const kernel = after === null ? this.before.kernels[before ?? 0] : this.after.kernels[after];
    if (kernel.continues !== null) return `goes on with ${kernel.continues}`;
    return kernel.layers.join(", ") || "no layer";
  }
}

/**
 * What became of a pair.
 * @param {KernelPair | LayerPair} pair
 * @returns {"added" | "removed" | "changed" | "same"}
 */
export function statusOf({ before, after, changes }) {
  if (before === null) return "added";
  if (after === null) return "removed";
  return changes.length > 0 ? "changed" : "same";
}

/**
 * @param {KernelPair} pair
 * @returns {string}
 */
export function changesText({ changes }) {
  return changes.map((name) => CHANGES[name] ?? name).join(", ");
}

/**
 * @param {LayerPair} pair
 * @returns {string}
 */
export function layerChangesText({ changes }) {
  return changes.map((name) => LAYER_CHANGES[name] ?? name).join(", ");
}

/**
 * An amount in both builds, in few letters: once where it reads the same.
 * @param {[number | null, number | null]} both
 * @param {(amount: number) => string} text
 * @returns {string}
 */
export function bothText([before, after], text) {
  if (before === null && after === null) return "";
  if (after === null) return text(/** @type {number} */ (before));
  if (before === null || text(before) === text(after)) return text(after);
  return `${text(before)} → ${text(after)}`;
}

/**
 * How many times the amount after is that before: "1.50 ×"; with a ~ where that may be chance.
 * @param {[number | null, number | null]} both
 * @param {boolean} [isClose]
 * @returns {string}
 */
export function ratioText([before, after], isClose = false) {
  if (before === null || after === null || before === after || before === 0) return "";
  return `${isClose ? "~ " : ""}${(after / before).toFixed(2)} ×`;
}

/**
 * The amount by which a pair differs: to sort by; what one build lacks is none.
 * @param {[number | null, number | null]} both
 * @returns {number}
 */
export function difference([before, after]) {
  return (after ?? 0) - (before ?? 0);
}
