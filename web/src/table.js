/** A table of many rows, of which those in view are drawn: it sorts by its heads, arrow keys move. */

import { element } from "./dom.js";

const ROW = 26;

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {string} hint
 * @property {(row: number) => number | string} value by which rows are sorted
 * @property {(row: number) => string} text
 * @property {boolean} isNumber
 * @property {(row: number) => Node | null} [content] in place of the text
 * @property {string | undefined} [width] a track of a grid
 * @property {boolean} [isSpare] left out of a narrow table
 *
 * @typedef {object} Table
 * @property {HTMLElement} grid
 * @property {() => void} update bring what is looked at into view, and draw
 * @property {(rows: number[]) => void} show these rows, in the order that is chosen
 * @property {() => void} start when it is on the page
 */

/** @param {Column} column */
function classOf(column) {
  return ["cell", column.isNumber ? "number" : "", column.isSpare ? "spare" : ""].join(" ");
}

/**
 * @param {object} given
 * @param {string} given.label
 * @param {Column[]} given.columns
 * @param {number[]} given.rows the numbers of its rows
 * @param {string} given.kind what a row is: "kernel" of rows with data-kernel
 * @param {(row: number) => string} given.name of a row, in that
 * @param {(row: number) => boolean} given.isRelated
 * @param {() => number | null} given.chosen
 * @param {(row: number) => void} given.choose
 * @param {(row: number) => number} given.amount a bar behind the cells is as long
 * @returns {Table}
 */
export function table({
  label,
  columns,
  rows: given,
  kind,
  name,
  isRelated,
  chosen,
  choose,
  amount,
}) {
  let order = given;
  let sorted = { column: -1, down: false };
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
    { class: "table", role: "grid", tabindex: 0, "aria-label": `${label}: arrow keys move` },
    element("div", { class: "row heads", role: "row" }, ...heads),
    rows,
  );
  grid.setAttribute("aria-colcount", String(columns.length));
  const largest = Math.max(...given.map(amount), 1e-12);
  const tracks = (/** @type {Column[]} */ shown) =>
    shown.map((column) => column.width ?? "62px").join(" ");
  grid.style.setProperty("--all", tracks(columns));
  grid.style.setProperty("--few", tracks(columns.filter((column) => !column.isSpare)));

  const rowOf = (/** @type {number} */ k, /** @type {number} */ position) => {
    const isChosen = chosen() === k;
    const cells = columns.map((column) => {
      const text = column.text(k);
      const content = column.content?.(k) ?? text;
      return element("div", { role: "gridcell", class: classOf(column), title: text }, content);
    });
    const classes = ["row", isRelated(k) ? "related" : "", isChosen ? "chosen" : ""];
    const row = element(
      "div",
      {
        class: classes.join(" "),
        role: "row",
        "aria-rowindex": position + 2,
        "aria-selected": String(isChosen),
        [`data-${kind}`]: name(k),
        onclick: () => choose(k),
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
    grid.setAttribute("aria-rowcount", String(order.length + 1));
    rows.replaceChildren(filler, ...shown);
  };
  const place = () => {
    const { column, down } = sorted;
    const at = new Map(given.map((k, position) => [k, position]));
    const position = (/** @type {number} */ k) => at.get(k) ?? 0;
    const value = (/** @type {number} */ k) => columns[column]?.value(k) ?? 0;
    const compare = (/** @type {number} */ a, /** @type {number} */ b) => {
      const [x, y] = [value(a), value(b)];
      return x < y ? -1 : x > y ? 1 : position(a) - position(b);
    };
    order = [...given].sort((a, b) => (down ? compare(b, a) : compare(a, b)));
  };
  /** @param {number} column */
  const sortBy = (column) => {
    const down = sorted.column === column ? !sorted.down : columns[column].isNumber;
    sorted = { column, down };
    heads.forEach((cell, k) =>
      cell.setAttribute("aria-sort", k !== column ? "none" : down ? "descending" : "ascending"),
    );
    place();
    update();
  };
  const at = () => {
    const one = chosen();
    return one === null ? order.findIndex(isRelated) : order.indexOf(one);
  };
  const update = () => {
    const top = at() * ROW;
    if (top >= 0 && (top < rows.scrollTop || top + ROW > rows.scrollTop + rows.clientHeight))
      rows.scrollTop = top - rows.clientHeight / 3;
    draw();
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
    if (step === undefined || order.length === 0) return;
    event.preventDefault();
    // The first key only arrives at what is marked.
    const isFirst = chosen() === null && Math.abs(step) < order.length;
    const from = Math.max(0, at());
    choose(order[Math.min(order.length - 1, Math.max(0, isFirst ? from : from + step))]);
  });
  rows.addEventListener("scroll", draw);
  return {
    grid,
    update,
    show(wanted) {
      given = wanted;
      place();
      update();
    },
    start() {
      update();
      new ResizeObserver(draw).observe(rows);
    },
  };
}
