/** The network from inputs to outputs: a box a layer, containers that open. */

import { element, pane } from "./dom.js";
import { counted, percent, quantity, shapeOf, shortened } from "./format.js";
import { GraphView } from "./graph_view.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Group} from "./hierarchy.js" */
/** @import {Face} from "./graph_view.js" */

const TITLE = 24;
const LINE = 27;

/**
 * The amounts that layers can be compared by, as parts of the whole.
 * @param {CompiledIndex} index
 * @returns {{name: string, title: string, of: (layers: string[]) => number}[]}
 */
export function measures(index) {
  const { flops } = index.view.kernels.totals;
  const outer = index.layers.filter((layer) => layer.parent === null);
  const parameters = outer.reduce((sum, layer) => sum + layer.parameters, 0);
  const bytes = index.values.reduce((sum, value) => sum + value.bytes, 0);
  /** @param {string} name @param {string} title @param {number} whole @param {(layers: string[]) => number} amount */
  const measure = (name, title, whole, amount) => ({
    name,
    title,
    of: (/** @type {string[]} */ layers) => (whole > 0 ? amount(layers) / whole : 0),
  });
  const parametersOf = (/** @type {string} */ layer) =>
    index.layers[index.layerAt.get(layer) ?? 0].parameters;
  const found = [
    measure("FLOP", "of the FLOPs of a step, its gradient's included", flops, (layers) =>
      index.flops(layers),
    ),
    measure("memory", "of the bytes of all values, its gradient's included", bytes, (layers) =>
      index.bytes(layers),
    ),
    measure("parameters", "of the model's parameters", parameters, (layers) =>
      layers.reduce((sum, layer) => sum + parametersOf(layer), 0),
    ),
  ];
  if (index.time.size > 0) {
    const whole = [...index.time.values()].reduce((sum, ms) => sum + ms, 0);
    const title =
      "of the measured time of all kernels; one that computes for several layers counts for each";
    const time = measure("time", title, whole, (layers) => index.timeOf(layers));
    found.unshift(time);
  }
  return found;
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function layersPane(index, store) {
  const choices = measures(index);
  let measure = choices[0];
  const choice = element(
    "select",
    { "aria-label": "Bars show the share of", title: measure.title },
    ...choices.map((one) => element("option", { value: one.name }, `share of ${one.name}`)),
  );
  const { pane: made, head, body } = pane("layers", "Layers", [choice]);
  head.insertBefore(element("span", { class: "count" }, String(index.layers.length)), choice);

  /** @param {Group} group a stretch, blocks that repeat, or a block @returns {Face} */
  const faceOfSeveral = ({ kind, times = 1, position, members }) => {
    const layers = members.map((name) => index.layers[index.layerAt.get(name) ?? 0]);
    const share = measure.of(members);
    const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
    const [first, last] = [members[0], members[members.length - 1]];
    const each = members.length / times;
    const count = counted(members.length, "layer");
    const titles = {
      repeat: `${each === 1 ? (layers[0].kind ?? "layer") : "block"} × ${times.toLocaleString("en-US")}`,
      block: position === undefined ? "block" : `block ${position} of ${times}`,
      stretch: count,
      named: count,
    };
    const title = titles[kind];
    const what = kind === "repeat" && each > 1 ? `${each} layers each, ${count}` : count;
    const amounts = [
      parameters > 0 ? `${quantity(parameters)} parameters` : "",
      share > 0 ? percent(share) : "",
    ];
    return {
      title: shortened(title, TITLE - 5),
      lines: [
        kind === "stretch" ? "" : what,
        `${first} … ${last}`,
        amounts.filter(Boolean).join("  "),
      ]
        .filter((line) => line !== "")
        .map((line) => shortened(line, LINE)),
      phase: "stretch",
      isNew: false,
      share: share > 0 ? share : null,
      hint: `${title}: ${what}, ${first} to ${last}; click to open`,
    };
  };
  /** @param {Group | string} what @returns {Face} */
  const face = (what) => {
    if (typeof what !== "string" && what.kind !== "named") return faceOfSeveral(what);
    const name = typeof what === "string" ? what : containerOf(what.id);
    const layer = index.layers[index.layerAt.get(name) ?? 0];
    const share = measure.of([name]);
    const parameters = layer.parameters > 0 ? `${quantity(layer.parameters)} parameters` : "";
    const lines = [
      [layer.kind, layer.type === null ? "" : shapeOf(layer.type)].filter(Boolean).join("  "),
    ];
    if (typeof what !== "string")
      lines[0] = `${layer.kind ?? "container"}, ${counted(what.members.length, "layer")}`;
    if (parameters !== "" || share > 0)
      lines.push([parameters, share > 0 ? percent(share) : ""].filter(Boolean).join("  "));
    return {
      title: shortened(name, TITLE),
      lines: lines.filter((line) => line !== "").map((line) => shortened(line, LINE)),
      phase: layer.kind === "input" ? "source" : "forward",
      isNew: false,
      share: share > 0 ? share : null,
      hint: [name, layer.kind, layer.type, parameters, `${percent(share)} ${measure.title}`]
        .filter(Boolean)
        .join("\n"),
    };
  };

  const view = new GraphView(body, {
    label: "Layers",
    face,
    choose: (what) => {
      if (typeof what !== "string" && what.kind !== "named") return false;
      store.select({ kind: "layer", id: typeof what === "string" ? what : containerOf(what.id) });
      return true;
    },
  });
  const held = new Set(index.children.keys());
  const items = index.layers
    .filter((layer) => !held.has(layer.name) || layer.reads.length > 0 || layer.type !== null)
    .map((layer) => ({
      id: layer.name,
      path: pathOf(index, layer.name),
      reads: layer.reads.map((edge) => edge.source),
      labels: layer.reads.map((edge) => shapeOf(edge.type)),
      likeness: [
        layer.kind,
        layer.type,
        layer.parameters,
        ...layer.reads.map((edge) => edge.type),
      ].join(),
    }));
  choice.addEventListener("change", () => {
    measure = choices[choice.selectedIndex];
    choice.title = measure.title;
    view.repaint();
    mark();
  });
  const mark = () => {
    const { selection, related } = store.state;
    const chosen = selection?.kind === "layer" ? selection.id : null;
    view.mark(related.layers, chosen);
  };
  requestAnimationFrame(() => {
    view.show(items);
    store.subscribe(mark);
  });
  made.addEventListener("resized", () => view.fit());
  return made;
}

/** @param {string} group the id of a group of the hierarchy */
function containerOf(group) {
  return decodeURIComponent(group.slice(group.lastIndexOf("/") + 1));
}

/** @param {CompiledIndex} index @param {string} name */
function pathOf(index, name) {
  /** @type {string[]} */
  const path = [];
  let at = index.layers[index.layerAt.get(name) ?? 0];
  if (index.children.has(name)) path.push(encodeURIComponent(name));
  while (at.parent !== null) {
    path.unshift(encodeURIComponent(at.parent));
    at = index.layers[index.layerAt.get(at.parent) ?? 0];
  }
  return path;
}
