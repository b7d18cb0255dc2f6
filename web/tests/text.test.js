import assert from "node:assert/strict";
import { test } from "node:test";

import { counted, milliseconds, percent, quantity, shapeOf, shortened } from "../src/format.js";
import { tokens } from "../src/highlight.js";

test("quantities have three digits and a prefix", () => {
  const found = [0, 7, 999, 999.6, 6530, 10240, 419430400, 1.5e16].map((amount) =>
    quantity(amount, "B"),
  );
  assert.deepEqual(found, [
    "0 B",
    "7 B",
    "999 B",
    "1.00 kB",
    "6.53 kB",
    "10.2 kB",
    "419 MB",
    "15.0 PB",
  ]);
  assert.equal(quantity(6530), "6.53 k");
});

test("other amounts", () => {
  assert.deepEqual([0, 0.0004, 0.0456, 0.5].map(percent), ["0.0%", "<0.1%", "4.6%", "50%"]);
  assert.deepEqual([1.2345, 0.01].map(milliseconds), ["1.23 ms", "10.0 µs"]);
  assert.deepEqual([counted(1, "layer"), counted(2000, "layer")], ["1 layer", "2,000 layers"]);
});

test("shapes of types", () => {
  assert.equal(shapeOf("float32[batch, 10]"), "batch × 10");
  assert.equal(shapeOf("float32[]"), "scalar");
  assert.equal(shapeOf("(float32[2], float32[3])"), "(float32[2], float32[3])");
});

test("long texts lose their middle, and no letter is cut", () => {
  assert.equal(shortened("dense_1", 7), "dense_1");
  assert.equal(shortened("activation_3_sample_weights", 12), "activat…ghts");
  assert.equal(Array.from(shortened("😀".repeat(20), 8)).length, 8);
});

test("the words of a line make up the line", () => {
  const lines = [
    '        const float t5 = gc_add(sum0.of[lane], t4);  // dense_1 "x"',
    '#include "reduce.cuh"',
    "  for (int k = 0, n = 3435973836LL; k < n; k += 64) { x[k] *= 1e-07f; }",
    "",
    "  ☃ // </script>",
  ];
  for (const line of lines)
    assert.equal(
      tokens(line)
        .map((token) => token.text)
        .join(""),
      line,
    );
  const kinds = Object.fromEntries(tokens(lines[0]).map(({ text, kind }) => [text.trim(), kind]));
  assert.equal(kinds["const"], "keyword");
  assert.equal(kinds["float"], "type");
  assert.equal(kinds["gc_add"], "call");
  assert.equal(kinds['// dense_1 "x"'], "comment");
});
