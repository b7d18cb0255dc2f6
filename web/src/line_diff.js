/** The lines of two texts side by side: the longest common part, and what only one of them has. */

/** @typedef {{text: string, before: number | null, after: number | null}} DiffLine numbers from 0 */

/** The most cells of the table of common lengths: 16 MB. */
const MOST_CELLS = 4e6;

/**
 * @param {string[]} before
 * @param {string[]} after
 * @returns {DiffLine[]} what is gone ahead of what is new
 */
export function lineDiff(before, after) {
  let head = 0;
  const shorter = Math.min(before.length, after.length);
  while (head < shorter && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < shorter - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  const [rows, columns] = [before.length - head - tail, after.length - head - tail];
  const width = columns + 1;
  // Without the table nothing between head and tail counts as common.
  const isTabled = (rows + 1) * width <= MOST_CELLS;
  const common = new Uint32Array(isTabled ? (rows + 1) * width : 0);
  const length = (/** @type {number} */ j, /** @type {number} */ k) => common[j * width + k] ?? 0;
  const isSame = (/** @type {number} */ j, /** @type {number} */ k) =>
    before[head + j] === after[head + k];
  for (let j = rows - 1; isTabled && j >= 0; j -= 1) {
    for (let k = columns - 1; k >= 0; k -= 1) {
      common[j * width + k] = isSame(j, k)
        ? length(j + 1, k + 1) + 1
        : Math.max(length(j + 1, k), length(j, k + 1));
    }
  }
  /** @type {DiffLine[]} */
  const lines = before.slice(0, head).map((text, k) => ({ text, before: k, after: k }));
  let [j, k] = [0, 0];
  while (j < rows || k < columns) {
    const [left, right] = [head + j, head + k];
    if (j < rows && k < columns && isTabled && isSame(j, k)) {
      lines.push({ text: before[left], before: left, after: right });
      j += 1;
      k += 1;
    } else if (j < rows && (k === columns || length(j + 1, k) >= length(j, k + 1))) {
      lines.push({ text: before[left], before: left, after: null });
      j += 1;
    } else {
      lines.push({ text: after[right], before: null, after: right });
      k += 1;
    }
  }
  for (let at = tail; at > 0; at -= 1) {
    const [left, right] = [before.length - at, after.length - at];
    lines.push({ text: before[left], before: left, after: right });
  }
  return lines;
}
