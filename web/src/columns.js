/** Tables that a document holds by columns, which is shorter: thousands of rows, few values. */

/**
 * @typedef {object} Columns
 * @property {Record<string, unknown[]>} values the values of each column, each once
 * @property {Record<string, number[]>} rows the number of each row's value, by column
 */

/** @import {ComparedBuilds, CompiledView, GraphNode} from "./types.js" */

/**
 * The documents as a page holds them.
 * @typedef {Omit<CompiledView, "nodes"> & {nodes: Columns}} HeldView
 * @typedef {Omit<ComparedBuilds, "builds"> & {builds: [HeldView, HeldView]}} HeldBuilds
 */

/**
 * @param {HeldView} held
 * @returns {CompiledView}
 */
export function viewOf(held) {
  return { ...held, nodes: /** @type {GraphNode[]} */ (rowsOf(held.nodes)) };
}

/**
 * @param {HeldBuilds} held
 * @returns {ComparedBuilds}
 */
export function buildsOf(held) {
  const [before, after] = held.builds;
  return { ...held, builds: [viewOf(before), viewOf(after)] };
}

/**
 * @template Row
 * @param {Columns} table
 * @returns {Row[]}
 */
export function rowsOf({ values, rows }) {
  const columns = Object.keys(rows).map((name) => ({
    name,
    own: values[name],
    numbers: rows[name],
  }));
  return Array.from({ length: columns[0]?.numbers.length ?? 0 }, (_, k) => {
    /** @type {Record<string, unknown>} */
    const row = {};
    for (const { name, own, numbers } of columns) row[name] = own[numbers[k]];
    return /** @type {Row} */ (row);
  });
}
