/** The table of kernels: what each costs, and the source of the one that is looked at. */

import { element, pane } from "./dom.js";
import { milliseconds, percent, quantity } from "./format.js";
import { table } from "./table.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Kernel} from "./types.js" */
/** @import {Column} from "./table.js" */

/** Of columns that hold no short number. */
const WIDTHS = /** @type {Record<string, string>} */ ({
  kernel: "minmax(104px, 124px)",
  layers: "minmax(60px, 1fr)",
  times: "38px",
  ratio: "40px",
  share: "44px",
});

/** Columns that a narrow table leaves out. */
const SPARE = new Set(["times", "fewest"]);

/**
 * The columns of the table.
 * @param {CompiledIndex} index
 * @returns {Column[]}
 */
export function columnsOf(index) {
  const { target } = index.view.kernels;
  /** @type {{name: string, hint: string, value: (kernel: Kernel) => number | string, text: (kernel: Kernel) => string, isNumber: boolean}[]} */
  const columns = [
    {
      name: "kernel",
      hint: "in the order of running",
      value: (kernel) => kernel.step,
      text: (kernel) => kernel.name,
      isNumber: false,
    },
    {
      name: "layers",
      hint: "whose nodes it computes",
      value: (kernel) => kernel.layers.join(", "),
      text: (kernel) =>
        kernel.continues === null
          ? kernel.layers.join(", ") || "no layer"
          : `goes on with ${kernel.continues}`,
      isNumber: false,
    },
    {
      name: "times",
      hint: "launches in one step",
      value: (kernel) => kernel.launch.times,
      text: (kernel) => String(kernel.launch.times),
      isNumber: true,
    },
    {
      name: "FLOP",
      hint: "of one launch",
      value: (kernel) => kernel.flops,
      text: (kernel) => quantity(kernel.flops),
      isNumber: true,
    },
    {
      name: "fewest",
      hint: "the fewest bytes that one launch has to move",
      value: (kernel) => kernel.fewest,
      text: (kernel) => (kernel.continues === null ? quantity(kernel.fewest, "B") : ""),
      isNumber: true,
    },
  ];
  if (target === "cuda") {
    columns.push(
      {
        name: "moved",
        hint: "the bytes that one launch asks memory for and stores",
        value: (kernel) => kernel.moved ?? 0,
        text: (kernel) => quantity(kernel.moved ?? 0, "B"),
        isNumber: true,
      },
      {
        name: "ratio",
        hint: "what all launches of the kernel move, by the fewest",
        value: (kernel) => kernel.ratio ?? 0,
        text: (kernel) => (kernel.ratio === null ? "" : kernel.ratio.toFixed(2)),
        isNumber: true,
      },
    );
  }
  const rows = new Map((index.view.measured?.rows ?? []).map((row) => [row.name, row]));
  if (rows.size > 0) {
    columns.push(
      {
        name: "time",
        hint: "measured, of one launch: the median",
        value: (kernel) => rows.get(kernel.name)?.ms.median ?? 0,
        text: (kernel) => {
          const row = rows.get(kernel.name);
          return row === undefined ? "" : milliseconds(row.ms.median);
        },
        isNumber: true,
      },
      {
        name: "share",
        hint: "of the measured time of all kernels",
        value: (kernel) => rows.get(kernel.name)?.share ?? 0,
        text: (kernel) => {
          const row = rows.get(kernel.name);
          return row === undefined ? "" : percent(row.share);
        },
        isNumber: true,
      },
    );
  }
  return columns.map(({ value, text, ...column }) => ({
    ...column,
    value: (k) => value(index.kernels[k]),
    text: (k) => text(index.kernels[k]),
    width: WIDTHS[column.name],
    isSpare: SPARE.has(column.name),
  }));
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function kernelsPane(index, store) {
  const { totals } = index.view.kernels;
  const { pane: made, head, body } = pane("kernels", "Kernels");
  const moved = totals.moved === null ? "" : `, ${quantity(totals.moved, "B")} moved`;
  const summary = `${totals.kernels}${totals.launches === totals.kernels ? "" : ` in ${totals.launches} launches`}: ${quantity(totals.flops, "FLOP")}, ${quantity(totals.fewest, "B")} at the fewest${moved}`;
  head.insertBefore(element("span", { class: "count" }, summary), head.lastChild);
  // The most that one row needs of its place: a bar behind its cells.
  const amount = (/** @type {number} */ k) =>
    index.time.get(k) ?? index.kernels[k].flops * index.kernels[k].launch.times;
  const listed = table({
    label: "Kernels",
    columns: columnsOf(index),
    rows: index.kernels.map((_, k) => k),
    kind: "kernel",
    name: (k) => index.kernels[k].name,
    isRelated: (k) => store.state.related.kernels.has(k),
    chosen: () => (store.state.selection?.kind === "kernel" ? store.state.selection.id : null),
    choose: (k) => store.select({ kind: "kernel", id: k }),
    amount,
  });
  body.append(listed.grid);
  requestAnimationFrame(() => {
    listed.start();
    store.subscribe(listed.update);
  });
  return made;
}
