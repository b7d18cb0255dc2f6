/**
 * Sequences that repeat: blocks of a network that follow each other and are alike, each of the same
 * steps that read each other in the same way.
 */

/**
 * @typedef {object} Step one of a sequence
 * @property {number} code equal for steps that are alike
 * @property {number[]} sources the positions of the steps that it reads, ascending; `OUTSIDE` of what
 *   is no step
 *
 * @typedef {object} Repeat
 * @property {number} start the position of its first step
 * @property {number} period how many steps a block has
 * @property {number} times how many blocks there are
 */

export const OUTSIDE = -1;

/** The least number of steps that folding a repeat has to save. */
const LEAST_SAVED = 4;

/** The most comparisons of steps for one search: long sequences are searched for short blocks. */
const MOST_COMPARISONS = 400_000;

/**
 * The repeats of a sequence, in order; none overlaps another. Where several could be taken, it is
 * those that save most.
 * @param {Step[]} steps
 * @returns {Repeat[]}
 */
export function repeatsOf(steps) {
  const cuts = cutsOf(steps);
  /** @type {Repeat[]} */
  const found = [];
  const pending = [{ begin: 0, end: steps.length }];
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    const best = largest(steps, cuts, part.begin, part.end);
    if (best === null) continue;
    found.push(best);
    pending.push({ begin: part.begin, end: best.start });
    pending.push({ begin: best.start + best.period * best.times, end: part.end });
  }
  return found.sort((one, other) => one.start - other.start);
}

/** The least number of steps of a branched stretch: one box saves less. */
const LEAST_BRANCHED = 3;

/**
 * The stretches of a sequence within which ways part and come together again, as in a block of a
 * residual network: ahead of each, and behind it, at most one value passes. What reads no other step,
 * as a target or what all blocks read alike, may pass too.
 * @param {number[][]} sources of each step, as a step has them
 * @returns {{start: number, length: number}[]} in order
 */
export function branchesOf(sources) {
  const last = sources.map((_, k) => k);
  sources.forEach((read, k) => {
    for (const source of read) if (source !== OUTSIDE) last[source] = Math.max(last[source], k);
  });
  const changes = new Array(sources.length + 1).fill(0);
  sources.forEach((read, k) => {
    if (read.every((source) => source === OUTSIDE)) return;
    changes[k + 1] += 1;
    changes[last[k] + 1] -= 1;
  });
  /** @type {{start: number, length: number}[]} */
  const found = [];
  let [passing, start] = [0, 0];
  for (let k = 1; k <= sources.length; k += 1) {
    passing += changes[k];
    const isOpen =
      k === sources.length && last.slice(start, -1).some((at, own) => at === start + own);
    if (passing > 1 || isOpen) continue;
    if (k - start >= LEAST_BRANCHED) found.push({ start, length: k - start });
    start = k;
  }
  return found;
}

/**
 * How badly a sequence is divided ahead of each step: by the number of values that are read across,
 * and, where these are as many, by how few reads of them there are. A block of a residual network
 * begins at what its shortcut reads, too.
 * @param {Step[]} steps
 * @returns {number[]}
 */
function cutsOf(steps) {
  const end = steps.length;
  const last = steps.map((_, k) => k);
  const reads = new Array(end + 1).fill(0);
  steps.forEach(({ sources }, k) => {
    for (const source of sources) {
      if (source === OUTSIDE) continue;
      last[source] = Math.max(last[source], k);
      const [from, to] = source < k ? [source, k] : [k, source];
      reads[from + 1] += 1;
      reads[to + 1] -= 1;
    }
  });
  const values = new Array(end + 1).fill(0);
  last.forEach((at, k) => {
    values[k + 1] += 1;
    values[at + 1] -= 1;
  });
  let [open, read] = [0, 0];
  return steps.map((_, k) => {
    open += values[k];
    read += reads[k];
    return open + 1 / (1 + read);
  });
}

/**
 * The repeat within a part of the sequence that saves most; of equals that of the shortest block.
 * @param {Step[]} steps
 * @param {number[]} cuts
 * @param {number} begin
 * @param {number} end
 * @returns {Repeat | null}
 */
function largest(steps, cuts, begin, end) {
  const length = end - begin;
  const longest = Math.min(length >> 1, Math.ceil(MOST_COMPARISONS / Math.max(1, length)));
  /** @type {Repeat | null} */
  let best = null;
  let saved = LEAST_SAVED - 1;
  // Of what is left longer blocks could save no more than all but one of them.
  for (let period = 1; period <= longest && saved < length - period; period += 1) {
    let from = begin;
    for (let k = begin; k <= end - period; k += 1) {
      if (k < end - period && areAlike(steps[k], steps[k + period], period, from)) continue;
      const times = Math.floor((k - from) / period) + 1;
      const gain = (times - 1) * period;
      if (gain > saved) {
        // The steps that are left over may stand at either end.
        const spare = (k - from) % period;
        let start = from;
        for (let at = from + 1; at <= from + spare; at += 1) if (cuts[at] < cuts[start]) start = at;
        best = { start, period, times };
        saved = gain;
      }
      from = k + 1;
    }
  }
  return best;
}

/**
 * Whether a step is what another one is a block earlier: it reads what is as far behind it, or the
 * very same. What the first block reads ahead of itself may stand anywhere.
 * @param {Step} one
 * @param {Step} later
 * @param {number} period
 * @param {number} from where the first block begins
 */
function areAlike(one, later, period, from) {
  if (one.code !== later.code || one.sources.length !== later.sources.length) return false;
  return one.sources.every((source, k) => {
    const other = later.sources[k];
    return other === source || other === source + period || (source < from && from <= other);
  });
}
