/** The table of kernels: what each costs, and the source of the one that is looked at. */

import { element, pane } from "./dom.js";
import { milliseconds, percent, quantity } from "./format.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Kernel} from "./types.js" */

const ROW = 26;

/** Of columns that hold no short number. */
const WIDTHS = /** @type {Record<string, string>} */ ({
  kernel: "124px",
  layers: "minmax(80px, 1fr)",
  times: "38px",
  ratio: "40px",
  share: "44px",
});

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} hint
 * @property {(kernel: Kernel, k: number) => number | string} value by which rows are sorted
 * @property {(kernel: Kernel, k: number) => string} text
 * @property {boolean} isNumber
 */

/** Columns that a narrow table leaves out. */
const SPARE = new Set(["times", "fewest"]);

/** @param {Column} column */
function classOf(column) {
  return ["cell", column.isNumber ? "number" : "", SPARE.has(column.name) ? "spare" : ""].join(" ");
}

/**
 * The columns of the table.
 * @param {CompiledIndex} index
 * @returns {Column[]}
 */
export function columnsOf(index) {
  const { target } = index.view.kernels;
  /** @type {Column[]} */
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
  return columns;
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function kernelsPane(index, store) {
  const columns = columnsOf(index);
  const { totals } = index.view.kernels;
  const { pane: made, head, body } = pane("kernels", "Kernels");
  const moved = totals.moved === null ? "" : `, ${quantity(totals.moved, "B")} moved`;
  const summary = `${totals.kernels}${totals.launches === totals.kernels ? "" : ` in ${totals.launches} launches`}: ${quantity(totals.flops, "FLOP")}, ${quantity(totals.fewest, "B")} at the fewest${moved}`;
  head.insertBefore(element("span", { class: "count" }, summary), head.lastChild);
  let order = index.kernels.map((_, k) => k);
  let sorted = { column: 0, down: false };
  const heads = columns.map((column, k) =>
    element(
      "div",
      { role: "columnheader", class: classOf(column), "aria-sort": "none" },
      element(
        "button",
        { title: column.hint, tabindex: -1, onclick: () => sortBy(k) },
        column.name,
      ),
    ),
  );
  const filler = element("div", { class: "filler" });
  const rows = element("div", { class: "rows", role: "rowgroup" }, filler);
  const grid = element(
    "div",
    {
      class: "table",
      role: "grid",
      tabindex: 0,
      "aria-label": "Kernels: arrow keys move",
      "aria-rowcount": index.kernels.length + 1,
      "aria-colcount": columns.length,
    },
    element("div", { class: "row heads", role: "row" }, ...heads),
    rows,
  );
  // The most that one row needs of its place: a bar behind its cells.
  const amount = (/** @type {number} */ k) =>
    index.time.get(k) ?? index.kernels[k].flops * index.kernels[k].launch.times;
  const largest = Math.max(...index.kernels.map((_, k) => amount(k)), 1e-12);
  const tracks = (/** @type {Column[]} */ shown) =>
    shown.map((column) => WIDTHS[column.name] ?? "62px").join(" ");
  grid.style.setProperty("--all", tracks(columns));
  grid.style.setProperty("--few", tracks(columns.filter((column) => !SPARE.has(column.name))));
  body.append(grid);

  const rowOf = (/** @type {number} */ k, /** @type {number} */ position) => {
    const kernel = index.kernels[k];
    const { selection, related } = store.state;
    const isChosen = selection?.kind === "kernel" && selection.id === k;
    const cells = columns.map((column) => {
      const text = column.text(kernel, k);
      return element("div", { role: "gridcell", class: classOf(column), title: text }, text);
    });
    const classes = ["row", related.kernels.has(k) ? "related" : "", isChosen ? "chosen" : ""];
    const row = element(
      "div",
      {
        class: classes.join(" "),
        role: "row",
        "aria-rowindex": position + 2,
        "aria-selected": String(isChosen),
        "data-kernel": kernel.name,
        onclick: () => store.select({ kind: "kernel", id: k }),
      },
      ...cells,
    );
    row.style.top = `${position * ROW}px`;
    row.style.setProperty("--share", String(amount(k) / largest));
    return row;
  };
  const draw = () => {
    const first = Math.max(0, Math.floor(rows.scrollTop / ROW) - 10);
    const end = Math.min(order.length, first + Math.ceil(rows.clientHeight / ROW) + 20);
    const shown = order.slice(first, end).map((k, at) => rowOf(k, first + at));
    filler.style.height = `${order.length * ROW}px`;
    rows.replaceChildren(filler, ...shown);
  };
  /** @param {number} column */
  const sortBy = (column) => {
    const down = sorted.column === column ? !sorted.down : columns[column].isNumber;
    sorted = { column, down };
    const value = (/** @type {number} */ k) => columns[column].value(index.kernels[k], k);
    const compare = (/** @type {number} */ a, /** @type {number} */ b) => {
      const [x, y] = [value(a), value(b)];
      return x < y ? -1 : x > y ? 1 : a - b;
    };
    order = index.kernels.map((_, k) => k).sort((a, b) => (down ? compare(b, a) : compare(a, b)));
    heads.forEach((cell, k) =>
      cell.setAttribute("aria-sort", k !== column ? "none" : down ? "descending" : "ascending"),
    );
    draw();
    bringIntoView();
  };
  const bringIntoView = () => {
    const { selection, related } = store.state;
    const at =
      selection?.kind === "kernel"
        ? order.indexOf(selection.id)
        : order.findIndex((k) => related.kernels.has(k));
    if (at < 0) return;
    const top = at * ROW;
    if (top < rows.scrollTop || top + ROW > rows.scrollTop + rows.clientHeight)
      rows.scrollTop = top - rows.clientHeight / 3;
  };
  grid.addEventListener("keydown", (event) => {
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: 1,
      ArrowUp: -1,
      PageDown: 15,
      PageUp: -15,
      Home: -order.length,
      End: order.length,
    });
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const { selection, related } = store.state;
    const isKernel = selection?.kind === "kernel";
    const at = isKernel
      ? order.indexOf(selection.id)
      : Math.max(
          0,
          order.findIndex((k) => related.kernels.has(k)),
        );
    // The first key only arrives at what is marked.
    const isFirst = !isKernel && Math.abs(step) < order.length;
    const next = Math.min(order.length - 1, Math.max(0, isFirst ? at : at + step));
    store.select({ kind: "kernel", id: order[next] });
  });
  rows.addEventListener("scroll", draw);
  requestAnimationFrame(() => {
    store.subscribe(() => {
      bringIntoView();
      draw();
    });
    new ResizeObserver(draw).observe(rows);
  });
  return made;
}
