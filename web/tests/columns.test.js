import assert from "node:assert/strict";
import { test } from "node:test";

import { rowsOf } from "../src/columns.js";

test("rows have the values that columns name by number", () => {
  const table = {
    values: { op: ["add", "exp"], inputs: [[], [0], [0, 1]], name: [null] },
    rows: { op: [1, 1, 0], inputs: [0, 1, 2], name: [0, 0, 0] },
  };
  assert.deepEqual(rowsOf(table), [
    { op: "exp", inputs: [], name: null },
    { op: "exp", inputs: [0], name: null },
    { op: "add", inputs: [0, 1], name: null },
  ]);
});
