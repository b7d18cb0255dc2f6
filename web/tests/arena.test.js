import assert from "node:assert/strict";
import { test } from "node:test";

import { neighbour, peakOf, stayAt, staysOf } from "../src/arena.js";
import { VIEW } from "./document.js";

const stays = staysOf(VIEW.memory);

test("only what lies in the arena is drawn", () => {
  assert.deepEqual(
    stays.map((stay) => stay.value),
    [0, 1, 3],
  );
});

test("the most bytes are in use where values meet", () => {
  // 1000 and 200 bytes, each rounded up to 256, meet at step 1.
  assert.deepEqual(peakOf(stays), { step: 1, bytes: 1280 });
  assert.deepEqual(peakOf([]), { step: 0, bytes: 0 });
});

test("a value is found by time and address", () => {
  assert.equal(stayAt(stays, 0.5, 10)?.value, 0);
  assert.equal(stayAt(stays, 1.5, 1100)?.value, 1);
  assert.equal(stayAt(stays, 2.5, 10)?.value, 3);
  assert.equal(stayAt(stays, 0.5, 1100), null);
});

test("arrows go to the next value in time, and by address", () => {
  assert.equal(neighbour(stays, stays[0], 1, 0)?.value, 3);
  assert.equal(neighbour(stays, stays[2], -1, 0)?.value, 0);
  assert.equal(neighbour(stays, stays[0], 0, 1)?.value, 1);
  assert.equal(neighbour(stays, stays[1], 0, 1), null);
});
