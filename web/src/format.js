/** Numbers and types as text, in the form of graphc's own tables. */

const PREFIXES = ["", "k", "M", "G", "T", "P"];

/**
 * Three digits and a prefix: 6530 FLOP is "6.53 kFLOP".
 * @param {number} amount
 * @param {string} [unit]
 * @returns {string}
 */
export function quantity(amount, unit = "") {
  let size = amount;
  let step = 0;
  while (Math.abs(size) >= 999.5 && step < PREFIXES.length - 1) {
    size /= 1000;
    step += 1;
  }
  const text = step === 0 ? String(Math.round(size * 100) / 100) : size.toPrecision(3);
  return `${text} ${PREFIXES[step]}${unit}`.trim();
}

/**
 * @param {number} part of one
 * @returns {string}
 */
export function percent(part) {
  if (part > 0 && part < 0.001) return "<0.1%";
  return `${(100 * part).toFixed(part < 0.1 ? 1 : 0)}%`;
}

/**
 * @param {number} ms
 * @returns {string}
 */
export function milliseconds(ms) {
  return ms >= 0.1 ? `${ms.toPrecision(3)} ms` : `${(1000 * ms).toPrecision(3)} µs`;
}

/**
 * The sizes of a type, as edges have them: "float32[batch, 10]" is "batch × 10".
 * @param {string} type
 * @returns {string}
 */
export function shapeOf(type) {
  const found = /^\w+\[(.*)\]$/.exec(type);
  if (found === null) return type;
  return found[1] === "" ? "scalar" : found[1].split(", ").join(" × ");
}

/**
 * A text of at most so many characters, its middle left out where it is longer.
 * @param {string} text
 * @param {number} most
 * @returns {string}
 */
export function shortened(text, most) {
  const letters = Array.from(text);
  if (letters.length <= most) return text;
  const head = Math.ceil((most - 1) * 0.6);
  return `${letters.slice(0, head).join("")}…${letters.slice(letters.length - (most - 1 - head)).join("")}`;
}

/**
 * @param {number} count
 * @param {string} one
 * @param {string} [several]
 * @returns {string}
 */
export function counted(count, one, several = `${one}s`) {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : several}`;
}
