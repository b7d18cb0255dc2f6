/** The network from inputs to outputs: a box a layer, containers that open. */

import { element, pane } from "./dom.js";
import { counted, percent, quantity, shapeOf, shortened } from "./format.js";
import { GraphView } from "./graph_view.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Box, Cluster} from "./hierarchy.js" */
/** @import {Face} from "./graph_view.js" */

const TITLE = 26;
const LINE = 27;

/**
 * The amounts that layers can be compared by, as parts of the whole.
 * @param {CompiledIndex} index
 * @returns {{name: string, title: string, of: (layer: string) => number}[]}
 */
export function measures(index) {
  const { flops } = index.view.kernels.totals;
  const outer = index.layers.filter((layer) => layer.parent === null);
  const parameters = outer.reduce((sum, layer) => sum + layer.parameters, 0);
  const bytes = index.values.reduce((sum, value) => sum + value.bytes, 0);
  /** @param {string} name @param {string} title @param {number} whole @param {(layer: string) => number} amount */
  const measure = (name, title, whole, amount) => ({
    name,
    title,
    of: (/** @type {string} */ layer) => (whole > 0 ? amount(layer) / whole : 0),
  });
  const related = (/** @type {string} */ id) => index.related({ kind: "layer", id });
  const found = [
    measure("FLOP", "of the FLOPs of a step, its gradient's included", flops, (layer) =>
      index.flops(layer),
    ),
    measure("memory", "of the bytes of all values, its gradient's included", bytes, (layer) =>
      [...related(layer).values].reduce((sum, value) => sum + index.values[value].bytes, 0),
    ),
    measure(
      "parameters",
      "of the model's parameters",
      parameters,
      (layer) => index.layers[index.layerAt.get(layer) ?? 0].parameters,
    ),
  ];
  if (index.time.size > 0) {
    const whole = [...index.time.values()].reduce((sum, ms) => sum + ms, 0);
    const title =
      "of the measured time of all kernels; one that computes for several layers counts for each";
    const time = measure("time", title, whole, (layer) => index.timeOf(layer));
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
  /** @type {Map<string, number>} */
  let shares = new Map();
  const choice = element(
    "select",
    { "aria-label": "Bars show the share of", title: measure.title },
    ...choices.map((one) => element("option", { value: one.name }, `share of ${one.name}`)),
  );
  const { pane: made, head, body } = pane("layers", "Layers", [choice]);
  head.insertBefore(element("span", { class: "count" }, String(index.layers.length)), choice);

  const shareOf = (/** @type {string} */ layer) => {
    const known = shares.get(layer);
    if (known !== undefined) return known;
    const found = measure.of(layer);
    shares.set(layer, found);
    return found;
  };

  /** @param {Box | Cluster} box @returns {Face} */
  const face = (box) => {
    if (box.divides !== undefined) {
      const [first, last] = [box.members[0], box.members[box.members.length - 1]];
      return {
        title: counted(box.members.length, "layer"),
        lines: [shortened(`${first} … ${last}`, LINE)],
        phase: "stretch",
        isNew: false,
        share: null,
        hint: `${first} to ${last}: click to open`,
      };
    }
    const name =
      box.members.length === 1 && !("isGroup" in box && box.isGroup)
        ? box.members[0]
        : containerOf(box.id);
    const layer = index.layers[index.layerAt.get(name) ?? 0];
    const share = shareOf(name);
    const parameters = layer.parameters > 0 ? `${quantity(layer.parameters)} parameters` : "";
    const lines = [
      [layer.kind, layer.type === null ? "" : shapeOf(layer.type)].filter(Boolean).join("  "),
    ];
    if ("isGroup" in box && box.isGroup)
      lines[0] = `${layer.kind ?? "container"}, ${counted(box.members.length, "layer")}`;
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
    choose: (box) =>
      store.select({ kind: "layer", id: box.isGroup ? containerOf(box.id) : box.members[0] }),
  });
  const held = new Set(index.children.keys());
  const items = index.layers
    .filter((layer) => !held.has(layer.name) || layer.reads.length > 0 || layer.type !== null)
    .map((layer) => ({
      id: layer.name,
      path: pathOf(index, layer.name),
      reads: layer.reads.map((edge) => edge.source),
      labels: layer.reads.map((edge) => shapeOf(edge.type)),
    }));
  choice.addEventListener("change", () => {
    measure = choices[choice.selectedIndex];
    choice.title = measure.title;
    shares = new Map();
    view.repaint();
    mark();
  });
  const mark = () => {
    const { selection, related } = store.state;
    const chosen = selection?.kind === "layer" ? selection.id : null;
    view.mark((layer) => related.layers.has(layer), chosen, true);
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
