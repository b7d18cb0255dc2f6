/** Look-ups over a document: what belongs to a layer, a node, a kernel, a value. */

/** @import {CompiledView, GraphNode, Related, Selection, Stage} from "./types.js" */

/** The ops that no drawing has: what they hold is said where it is read. */
const SILENT = new Set(["constant", "dim"]);

/**
 * A list in a map of lists.
 * @template K, V
 * @param {Map<K, V[]>} lists
 * @param {K} key
 * @param {V} value
 */
function append(lists, key, value) {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

export class CompiledIndex {
  /** @param {CompiledView} view */
  constructor(view) {
    this.view = view;
    this.nodes = view.nodes;
    this.layers = view.layers;
    this.kernels = view.kernels.kernels;
    this.values = view.memory.buffers;
    this.stages = view.stages;
    /** @type {Map<string, number>} */
    this.layerAt = new Map(view.layers.map((layer, k) => [layer.name, k]));
    /** @type {Map<string, number>} */
    this.kernelAt = new Map(this.kernels.map((kernel, k) => [kernel.name, k]));
    /** @type {Map<number, number[]>} */
    this.kernelsOfNode = new Map();
    /** @type {Map<string, Set<number>>} */
    this.kernelsOfLayer = new Map();
    /** @type {Map<string, number>} of one step */
    this.flopsOfLayer = new Map();
    view.kernel_links.forEach((links, k) => {
      for (const [layer, count] of Object.entries(links.flops)) {
        const all = count * this.kernels[k].launch.times;
        this.flopsOfLayer.set(layer, (this.flopsOfLayer.get(layer) ?? 0) + all);
      }
      for (const node of links.nodes) {
        append(this.kernelsOfNode, node, k);
        const layer = this.nodes[node].layer;
        if (layer === null) continue;
        const known = this.kernelsOfLayer.get(layer) ?? new Set();
        this.kernelsOfLayer.set(layer, known.add(k));
      }
    });
    /** @type {Map<string, number[]>} */
    this.nodesOfLayer = new Map();
    this.nodes.forEach((node, k) => {
      if (node.layer !== null) append(this.nodesOfLayer, node.layer, k);
      else if (node.op === "input" && node.name !== null) append(this.nodesOfLayer, node.name, k);
    });
    /** @type {Map<string, number[]>} */
    this.valuesOfLayer = new Map();
    /** @type {Map<number, number[]>} */
    this.valuesOfNode = new Map();
    view.value_nodes.forEach((node, value) => {
      if (node === null) return;
      append(this.valuesOfNode, node, value);
      const { layer, name, op } = this.nodes[node];
      if (layer !== null) append(this.valuesOfLayer, layer, value);
      else if (op === "input" && name !== null) append(this.valuesOfLayer, name, value);
    });
    /** @type {Map<number, number[]>} */
    this.valuesOfKernel = new Map();
    this.values.forEach((value, k) => {
      for (const name of new Set([...value.writers, ...value.readers])) {
        const kernel = this.kernelAt.get(name);
        if (kernel !== undefined) append(this.valuesOfKernel, kernel, k);
      }
    });
    /** @type {Map<string, string[]>} */
    this.children = new Map();
    for (const layer of view.layers) {
      if (layer.parent !== null) append(this.children, layer.parent, layer.name);
    }
    /** @type {Map<number, number>} */
    this.time = new Map();
    for (const row of view.measured?.rows ?? []) {
      const kernel = this.kernelAt.get(row.name);
      if (kernel !== undefined) this.time.set(kernel, row.ms.median * row.times);
    }
    /** @type {Map<number, number[]>} */
    this._orders = new Map();
  }

  /**
   * A layer, and the layers that it holds at any depth.
   * @param {string} name
   * @returns {string[]}
   */
  within(name) {
    const found = [name];
    for (let k = 0; k < found.length; k += 1) found.push(...(this.children.get(found[k]) ?? []));
    return found;
  }

  /**
   * The source of a kernel: its own, or that of the one whose function it runs.
   * @param {number} kernel
   * @returns {string}
   */
  source(kernel) {
    const { repeats, source } = this.kernels[kernel];
    const first = repeats === null ? undefined : this.kernelAt.get(repeats);
    return first === undefined ? source : this.kernels[first].source;
  }

  /**
   * What belongs to a selection.
   * @param {Selection | null} selection
   * @returns {Related}
   */
  related(selection) {
    /** @type {Related} */
    const found = { layers: new Set(), nodes: new Set(), kernels: new Set(), values: new Set() };
    if (selection === null) return found;
    if (selection.kind === "layer") {
      for (const layer of this.within(selection.id)) {
        found.layers.add(layer);
        for (const node of this.nodesOfLayer.get(layer) ?? []) found.nodes.add(node);
        for (const kernel of this.kernelsOfLayer.get(layer) ?? []) found.kernels.add(kernel);
        for (const value of this.valuesOfLayer.get(layer) ?? []) found.values.add(value);
      }
      // Of an input those that read it.
      if (found.kernels.size === 0)
        for (const value of found.values) this._addKernels(value, found);
    } else if (selection.kind === "node") {
      this._addNode(selection.id, found);
      for (const kernel of this.kernelsOfNode.get(selection.id) ?? []) found.kernels.add(kernel);
      for (const value of this.valuesOfNode.get(selection.id) ?? []) found.values.add(value);
      // Of what is fed, or kept between steps, those that read and write it.
      if (found.kernels.size === 0)
        for (const value of found.values) this._addKernels(value, found);
    } else if (selection.kind === "kernel") {
      found.kernels.add(selection.id);
      for (const node of this.view.kernel_links[selection.id].nodes) this._addNode(node, found);
      for (const value of this.valuesOfKernel.get(selection.id) ?? []) found.values.add(value);
    } else {
      found.values.add(selection.id);
      const node = this.view.value_nodes[selection.id];
      if (node !== null) this._addNode(node, found);
      this._addKernels(selection.id, found);
    }
    return found;
  }

  /**
   * @param {number} number
   * @param {Related} found
   */
  _addNode(number, found) {
    const node = this.nodes[number];
    found.nodes.add(number);
    if (node.loop !== null) found.nodes.add(node.loop);
    if (node.layer !== null) found.layers.add(node.layer);
    else if (node.op === "input" && node.name !== null) found.layers.add(node.name);
  }

  /**
   * @param {number} value
   * @param {Related} found
   */
  _addKernels(value, found) {
    const { readers, writers } = this.values[value];
    for (const name of [...writers, ...readers]) {
      const kernel = this.kernelAt.get(name);
      if (kernel !== undefined) found.kernels.add(kernel);
    }
  }

  /**
   * The nodes of a stage in topological order, those of loops' bodies ahead of the loop.
   * @param {number} stage
   * @returns {number[]}
   */
  order(stage) {
    const known = this._orders.get(stage);
    if (known !== undefined) return known;
    const isSame = stage > 0 && this._isUnchanged(stage);
    const order = isSame ? this.order(stage - 1) : topological(this.nodes, this.stages[stage]);
    this._orders.set(stage, order);
    return order;
  }

  /**
   * The nodes of a stage that the one before lacks, and how many it has no more.
   * @param {number} stage
   * @returns {{added: Set<number>, removed: number}}
   */
  changes(stage) {
    if (stage === 0 || this._isUnchanged(stage)) return { added: new Set(), removed: 0 };
    const [before, after] = [this.order(stage - 1), this.order(stage)];
    const isBefore = new Uint8Array(this.nodes.length);
    for (const node of before) isBefore[node] = 1;
    const added = new Set(after.filter((node) => isBefore[node] === 0));
    return { added, removed: before.length - (after.length - added.size) };
  }

  /** @param {number} stage behind another one */
  _isUnchanged(stage) {
    const earlier = this.stages[stage - 1].outputs;
    return this.stages[stage].outputs.every((node, k) => node === earlier[k]);
  }

  /**
   * Whether a node is left out of drawings: a constant, a size, or one of these spread out.
   * @param {number} number
   * @returns {boolean}
   */
  isSilent(number) {
    let node = this.nodes[number];
    while ((node.op === "broadcast" || node.op === "reshape") && node.inputs.length === 1) {
      node = this.nodes[node.inputs[0]];
    }
    return SILENT.has(node.op);
  }

  /**
   * The measured time of the kernels that compute for layers, or for those inside of them.
   * @param {string[]} layers
   * @returns {number} in milliseconds
   */
  timeOf(layers) {
    const kernels = new Set();
    for (const name of layers.flatMap((layer) => this.within(layer))) {
      for (const kernel of this.kernelsOfLayer.get(name) ?? []) kernels.add(kernel);
    }
    return [...kernels].reduce((sum, kernel) => sum + (this.time.get(kernel) ?? 0), 0);
  }

  /**
   * The FLOPs of one step that are layers' own, their gradient's included; of a container those of
   * all inside.
   * @param {string[]} layers
   * @returns {number}
   */
  flops(layers) {
    const within = layers.flatMap((layer) => this.within(layer));
    return within.reduce((sum, name) => sum + (this.flopsOfLayer.get(name) ?? 0), 0);
  }

  /**
   * The bytes of the values of layers, or of those inside of them.
   * @param {string[]} layers
   * @returns {number}
   */
  bytes(layers) {
    const within = layers.flatMap((layer) => this.within(layer));
    const values = within.flatMap((name) => this.valuesOfLayer.get(name) ?? []);
    return values.reduce((sum, value) => sum + this.values[value].bytes, 0);
  }
}

/**
 * @param {GraphNode[]} nodes
 * @param {Stage} stage
 * @returns {number[]}
 */
function topological(nodes, stage) {
  /** @type {number[]} */
  const order = [];
  const begun = new Uint8Array(nodes.length);
  const pending = [...stage.outputs].reverse();
  while (pending.length > 0) {
    const node = pending[pending.length - 1];
    if (begun[node] !== 0) {
      pending.pop();
      // Once met again on top of what waits, all that it reads is there.
      if (begun[node] === 1) order.push(node);
      begun[node] = 2;
      continue;
    }
    begun[node] = 1;
    const { inputs, body } = nodes[node];
    for (const list of [body, inputs])
      for (let k = list.length - 1; k >= 0; k -= 1) if (begun[list[k]] === 0) pending.push(list[k]);
  }
  return order;
}
