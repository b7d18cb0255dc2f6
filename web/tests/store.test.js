import assert from "node:assert/strict";
import { test } from "node:test";

import { CompiledIndex } from "../src/compiled_index.js";
import { Store } from "../src/store.js";
import { VIEW } from "./document.js";

const index = new CompiledIndex(VIEW);
const last = VIEW.stages.length - 1;

test("an address restores what was looked at", () => {
  for (const selection of /** @type {import("../src/types.js").Selection[]} */ ([
    { kind: "layer", id: "dense" },
    { kind: "node", id: 4 },
    { kind: "kernel", id: 1 },
    { kind: "value", id: 3 },
  ])) {
    const store = new Store(index);
    store.select(selection);
    store.showStage(1);
    const other = new Store(index);
    other.restore(store.hash());
    assert.deepEqual(other.state, store.state);
  }
});

test("addresses name layers and kernels", () => {
  const store = new Store(index);
  assert.equal(store.hash(), "");
  store.select({ kind: "layer", id: "dense" });
  assert.equal(store.hash(), "#layer=dense");
  store.select({ kind: "kernel", id: 2 });
  store.showStage(0);
  assert.equal(store.hash(), "#kernel=k2_scan&stage=0");
});

test("a layer of any name has an address", () => {
  const name = "a&b=c #%</script> 漢";
  const layers = [...VIEW.layers, { ...VIEW.layers[0], name }];
  const other = new CompiledIndex({ ...VIEW, layers });
  const store = new Store(other);
  store.select({ kind: "layer", id: name });
  const again = new Store(other);
  again.restore(store.hash());
  assert.deepEqual(again.state.selection, { kind: "layer", id: name });
});

test("what an address names and is not there is left out", () => {
  const store = new Store(index);
  for (const hash of [
    "#layer=none",
    "#node=99",
    "#node=-1",
    "#node=1e0",
    "#kernel=none",
    "#what",
    "#stage=9",
  ]) {
    store.restore(hash);
    assert.equal(store.state.selection, null);
    assert.equal(store.state.stage, last);
  }
});

test("listeners hear of changes alone", () => {
  /** @type {(string | undefined)[]} */
  const heard = [];
  /** @type {string[]} */
  const hashes = [];
  const store = new Store(index, (hash) => hashes.push(hash));
  store.subscribe(({ selection }) => heard.push(selection?.kind));
  store.select({ kind: "node", id: 1 });
  store.select({ kind: "node", id: 1 });
  store.showStage(last);
  store.select(null);
  assert.deepEqual(heard, [undefined, "node", undefined]);
  assert.deepEqual(hashes, ["#node=1", ""]);
});
