import assert from "node:assert/strict";
import { test } from "node:test";

import { branchesOf, repeatsOf } from "../src/repeats.js";

/** Steps by letters, each of which reads the one ahead, the first what is no step. @param {string} letters */
function chain(letters) {
  return Array.from(letters, (letter, k) => ({ code: letter.charCodeAt(0), sources: [k - 1] }));
}

/** The blocks of each repeat. @param {string} letters @param {{code: number, sources: number[]}[]} [steps] */
function blocks(letters, steps = chain(letters)) {
  return repeatsOf(steps).map(
    ({ start, period, times }) => `${times} ${letters.slice(start, start + period)}`,
  );
}

test("what saves less than four boxes is left as it is", () => {
  assert.deepEqual(blocks("abcdefgh"), []);
  assert.deepEqual(blocks("aaaa"), []);
  assert.deepEqual(blocks("abab"), []);
  assert.deepEqual(blocks("aaaaa"), ["5 a"]);
  assert.deepEqual(blocks("ababab"), ["3 ab"]);
  assert.deepEqual(blocks("xabcdabcdy"), ["2 abcd"]);
  assert.deepEqual(blocks(""), []);
});

test("the shortest block that repeats most is taken, and what is left is searched too", () => {
  assert.deepEqual(blocks("aaaaaaaa"), ["8 a"]);
  assert.deepEqual(blocks("pabcabcabcqdededeq"), ["3 abc", "3 de"]);
  // Five of the outer one rather than runs within.
  assert.deepEqual(blocks("aaaaabaaaaabaaaaab"), ["3 aaaaab"]);
});

test("blocks begin where fewest values pass", () => {
  // c b r c b + of a residual network: what begins a block is read at its end, too.
  const letters = "+cbc+cbc+cbc+";
  const steps = chain(letters);
  for (const at of [4, 8, 12]) steps[at].sources = [at - 4, at - 1];
  assert.deepEqual(blocks(letters, steps), ["3 cbc+"]);
  // One value passes ahead of "+" and behind it; from there both conv and shortcut go.
  const long = "r+rcbc+rcbc+rcbc+r";
  const blocksOfLong = chain(long);
  for (const at of [6, 11, 16]) blocksOfLong[at].sources = [at - 4, at - 1];
  assert.deepEqual(blocks(long, blocksOfLong), ["3 cbc+r"]);
});

test("stretches within which ways part and come together", () => {
  // Two blocks behind a stem; the second one changes the shortcut.
  const sources = [[-1], [0], [1], [2], [1, 3], [4], [5], [4], [6, 7], [8]];
  assert.deepEqual(branchesOf(sources), [
    { start: 2, length: 3 },
    { start: 5, length: 4 },
  ]);
  assert.deepEqual(branchesOf([[-1], [0], [1], [2]]), []);
  // What ends in two results has not come together.
  assert.deepEqual(branchesOf([[-1], [0], [1], [1], [2, 3]]), [{ start: 2, length: 3 }]);
  assert.deepEqual(branchesOf([[-1], [0], [1], [1], [2, 3], [2, 3]]), []);
  assert.deepEqual(branchesOf([]), []);
  // A target goes across all, and is no way of the network.
  const shifted = sources.map((read) => read.map((source) => (source < 0 ? source : source + 1)));
  assert.deepEqual(branchesOf([[], ...shifted, [0, 10]]), [
    { start: 3, length: 3 },
    { start: 6, length: 4 },
  ]);
});

test("blocks that read otherwise are not alike", () => {
  const steps = chain("abcdabcdabcd");
  assert.deepEqual(blocks("abcdabcdabcd", steps), ["3 abcd"]);
  steps[6].sources = [4];
  assert.deepEqual(blocks("abcdabcdabcd", steps), []);
  // What is ahead of the first block may stand anywhere.
  const after = chain("abcdxabcdabcd");
  after[5].sources = [0];
  assert.deepEqual(blocks("abcdxabcdabcd", after), ["2 abcd"]);
  // All may read one value, as decoders do.
  const common = chain("xabcdabcd");
  for (const at of [2, 6]) common[at].sources = [0, at - 1];
  assert.deepEqual(blocks("xabcdabcd", common), ["2 abcd"]);
});

test("repeats do not overlap, and are in order", () => {
  let state = 7;
  const letters = Array.from({ length: 600 }, () => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return "ab"[(state >> 16) % 2];
  }).join("");
  let end = 0;
  for (const { start, period, times } of repeatsOf(chain(letters))) {
    assert.ok(start >= end && times >= 2 && (times - 1) * period >= 4);
    end = start + period * times;
    for (let k = start; k < end - period; k += 1) assert.equal(letters[k], letters[k + period]);
  }
  assert.ok(end > 0 && end <= letters.length);
});
