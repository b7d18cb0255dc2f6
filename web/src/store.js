/** The one place that knows what is looked at: a selection, and the stage of the graph. */

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Related, Selection} from "./types.js" */

/**
 * @typedef {object} State
 * @property {Selection | null} selection
 * @property {number} stage
 * @property {Related} related
 */

export class Store {
  /**
   * @param {CompiledIndex} index
   * @param {(hash: string) => void} [onHash] told of each new address
   */
  constructor(index, onHash = () => {}) {
    this._index = index;
    this._onHash = onHash;
    /** @type {((state: State) => void)[]} */
    this._listeners = [];
    /** @type {State} */
    this.state = { selection: null, stage: index.stages.length - 1, related: index.related(null) };
  }

  /** @param {(state: State) => void} listener called now and at each change */
  subscribe(listener) {
    this._listeners.push(listener);
    listener(this.state);
  }

  /** @param {Selection | null} selection */
  select(selection) {
    const same = JSON.stringify(selection) === JSON.stringify(this.state.selection);
    if (!same) this._change({ selection });
  }

  /** @param {number} stage */
  showStage(stage) {
    if (stage !== this.state.stage) this._change({ stage });
  }

  /** @param {Partial<State>} change */
  _change(change) {
    const state = { ...this.state, ...change };
    if (change.selection !== undefined) state.related = this._index.related(change.selection);
    this.state = state;
    this._onHash(this.hash());
    for (const listener of this._listeners) listener(state);
  }

  /**
   * The address of what is looked at: "#layer=dense_1".
   * @returns {string}
   */
  hash() {
    const { selection, stage } = this.state;
    const parts = new URLSearchParams();
    if (selection?.kind === "kernel") parts.set("kernel", this._index.kernels[selection.id].name);
    else if (selection !== null) parts.set(selection.kind, String(selection.id));
    if (stage !== this._index.stages.length - 1) parts.set("stage", String(stage));
    const text = parts.toString();
    return text === "" ? "" : `#${text}`;
  }

  /**
   * Look at what an address says; what it names and is not there is left out.
   * @param {string} hash
   */
  restore(hash) {
    const parts = new URLSearchParams(hash.replace(/^#/, ""));
    const stage = number(parts.get("stage"), this._index.stages.length);
    this._change({
      selection: this._selectionOf(parts),
      stage: stage ?? this._index.stages.length - 1,
    });
  }

  /**
   * @param {URLSearchParams} parts
   * @returns {Selection | null}
   */
  _selectionOf(parts) {
    const layer = parts.get("layer");
    if (layer !== null && this._index.layerAt.has(layer)) return { kind: "layer", id: layer };
    const kernel = this._index.kernelAt.get(parts.get("kernel") ?? "");
    if (kernel !== undefined) return { kind: "kernel", id: kernel };
    const node = number(parts.get("node"), this._index.nodes.length);
    if (node !== null) return { kind: "node", id: node };
    const value = number(parts.get("value"), this._index.values.length);
    return value === null ? null : { kind: "value", id: value };
  }
}

/**
 * @param {string | null} text
 * @param {number} end
 * @returns {number | null}
 */
function number(text, end) {
  const found = text !== null && /^\d+$/.test(text) ? Number(text) : -1;
  return found >= 0 && found < end ? found : null;
}
