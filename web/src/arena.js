/** The arena as rectangles: time, in steps of the program, by address. */

/** @import {Memory} from "./types.js" */

/** @typedef {{value: number, first: number, last: number, offset: number, bytes: number}} Stay */

/**
 * The values that lie in the arena, the largest first.
 * @param {Memory} memory
 * @returns {Stay[]}
 */
export function staysOf(memory) {
  /** @type {Stay[]} */
  const stays = [];
  memory.buffers.forEach(({ offset, steps: [first, last], bytes }, value) => {
    if (offset !== null) stays.push({ value, first, last, offset, bytes });
  });
  return stays;
}

/** Bytes from a value to where the next one may begin. */
const ALIGNMENT = 256;

/**
 * The first step at which the most bytes are in use.
 * @param {Stay[]} stays
 * @returns {{step: number, bytes: number}}
 */
export function peakOf(stays) {
  /** @type {Map<number, number>} */
  const change = new Map();
  for (const { first, last, bytes: own } of stays) {
    const bytes = ALIGNMENT * Math.max(1, Math.ceil(own / ALIGNMENT));
    change.set(first, (change.get(first) ?? 0) + bytes);
    change.set(last + 1, (change.get(last + 1) ?? 0) - bytes);
  }
  let [now, most, at] = [0, 0, 0];
  for (const step of [...change.keys()].sort((a, b) => a - b)) {
    now += /** @type {number} */ (change.get(step));
    if (now > most) [most, at] = [now, step];
  }
  return { step: at, bytes: most };
}

/**
 * The value at a time and an address, the smallest where several touch.
 * @param {Stay[]} stays
 * @param {number} step
 * @param {number} address
 * @returns {Stay | null}
 */
export function stayAt(stays, step, address) {
  /** @type {Stay | null} */
  let found = null;
  for (const stay of stays) {
    const isHere =
      stay.first <= step &&
      step < stay.last + 1 &&
      stay.offset <= address &&
      address < stay.offset + stay.bytes;
    if (isHere && (found === null || stay.bytes < found.bytes)) found = stay;
  }
  return found;
}

/**
 * The next value in a direction: in time (dx), or by address (dy, upwards).
 * @param {Stay[]} stays
 * @param {Stay} from
 * @param {number} dx
 * @param {number} dy
 * @returns {Stay | null}
 */
export function neighbour(stays, from, dx, dy) {
  const centre = (/** @type {Stay} */ stay) => ({
    x: (stay.first + stay.last) / 2,
    y: stay.offset + stay.bytes / 2,
  });
  const meets = (/** @type {Stay} */ stay) =>
    dx === 0
      ? stay.first <= from.last && from.first <= stay.last
      : stay.offset < from.offset + from.bytes && from.offset < stay.offset + stay.bytes;
  const at = centre(from);
  /** @type {[Stay | null, number]} */
  let best = [null, Infinity];
  for (const stay of stays) {
    const to = centre(stay);
    const along = dx === 0 ? dy * (to.y - at.y) : dx * (to.x - at.x);
    if (along <= 0 || stay === from) continue;
    const distance = meets(stay) ? along : along + 1e12;
    if (distance < best[1]) best = [stay, distance];
  }
  return best[0];
}
