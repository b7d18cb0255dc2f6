/** What is looked at, in words; and the source of its kernel, each line beside its node. */

import { element, pane } from "./dom.js";
import { counted, milliseconds, quantity } from "./format.js";
import { tokens } from "./highlight.js";
import { laneOf } from "./timeline.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store, State} from "./store.js" */
/** @import {Kernel, Selection} from "./types.js" */

/**
 * The facts about a selection, as rows of a name and what it is: a text, or things to go to.
 * @param {CompiledIndex} index
 * @param {State} state
 * @returns {[string, string | {text: string, go: Selection}[]][]}
 */
export function factsOf(index, { selection, related }) {
  /** @param {Iterable<number>} kernels */
  const toKernels = (kernels) =>
    [...kernels].map((k) => ({
      text: index.kernels[k].name,
      go: /** @type {Selection} */ ({ kind: "kernel", id: k }),
    }));
  /** @param {Iterable<string>} layers */
  const toLayers = (layers) =>
    [...layers]
      .filter((name) => index.layerAt.has(name))
      .map((name) => ({ text: name, go: /** @type {Selection} */ ({ kind: "layer", id: name }) }));
  /** @param {Iterable<number>} nodes */
  const toNodes = (nodes) =>
    [...nodes].map((k) => ({
      text: `${index.nodes[k].op} ${index.nodes[k].name ?? index.nodes[k].layer ?? ""}`.trim(),
      go: /** @type {Selection} */ ({ kind: "node", id: k }),
    }));
  /** @param {Iterable<number>} values */
  const toValues = (values) =>
    [...values].map((k) => ({
      text: index.values[k].name,
      go: /** @type {Selection} */ ({ kind: "value", id: k }),
    }));
  /** @type {[string, string | {text: string, go: Selection}[]][]} */
  let facts = [];
  if (selection === null) {
    const { summary, totals, sizes, target } = index.view.kernels;
    const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
    facts = [
      ["model", summary],
      ["sizes", at.join(", ")],
      ["target", target === "cuda" ? "CUDA" : "native code for the CPU"],
      [
        "kernels",
        `${totals.kernels}, ${quantity(totals.flops, "FLOP")}, ${quantity(totals.fewest, "B")} at the fewest`,
      ],
      ["memory", `${quantity(index.view.memory.peak, "B")} at most`],
    ];
    const { measured } = index.view;
    if (measured !== null) {
      facts.push(
        [
          "a step",
          `${milliseconds(measured.step.median)}, the median of ${measured.step.samples} (${measured.executor})`,
        ],
        ["its kernels", laneOf(measured)[1]],
      );
      if (measured.between !== null)
        facts.push([
          "between them",
          `${milliseconds(measured.between.median)}: threads that start, and wait for each other`,
        ]);
    }
  } else if (selection.kind === "layer") {
    const layer = index.layers[index.layerAt.get(selection.id) ?? 0];
    facts = [
      ["class", layer.kind ?? ""],
      ["result", layer.type ?? ""],
      ["parameters", layer.parameters > 0 ? layer.parameters.toLocaleString("en-US") : ""],
      ["within", layer.parent === null ? "" : toLayers([layer.parent])],
      ["reads", toLayers(new Set(layer.reads.map((edge) => edge.source)))],
      ["kernels", toKernels(related.kernels)],
      ["values", toValues(related.values)],
    ];
  } else if (selection.kind === "node") {
    const node = index.nodes[selection.id];
    facts = [
      ["type", node.type],
      ["attributes", node.attributes],
      [
        "layer",
        node.layer === null
          ? ""
          : index.layerAt.has(node.layer)
            ? toLayers([node.layer])
            : node.layer,
      ],
      [
        "part of",
        node.phase === "forward"
          ? "the forward values"
          : node.phase === "gradient"
            ? "the gradient"
            : "the updates",
      ],
      ["reads", toNodes(node.inputs)],
      ["kernels", toKernels(related.kernels)],
      ["stored as", toValues(related.values)],
    ];
  } else if (selection.kind === "kernel") {
    const kernel = index.kernels[selection.id];
    const { grid, block, shared, times } = kernel.launch;
    const row = index.view.measured?.rows.find((one) => one.name === kernel.name);
    facts = [
      [
        "computes",
        kernel.ops.join(", ") ||
          (kernel.reads.length > 0 ? `a copy of ${kernel.reads.join(", ")}` : "a constant"),
      ],
      ["over", kernel.extents.join(" × ") || "one element"],
      ["layers", toLayers(related.layers)],
      [
        "launch",
        grid === undefined || block === undefined
          ? `${counted(times, "launch", "launches")} a step`
          : `${grid.join("×")} blocks of ${block.join("×")}, ${quantity(shared ?? 0, "B")} shared, ${counted(times, "launch", "launches")} a step`,
      ],
      [
        "time",
        row === undefined
          ? ""
          : `${milliseconds(row.ms.median)} (quartiles ${milliseconds(row.ms.spread)} apart), ${row.gflops.toPrecision(3)} GFLOP/s, ${row.gbytes.toPrecision(3)} GB/s`,
      ],
      ["reads", movesOf(kernel, false)],
      ["writes", movesOf(kernel, true)],
      ["not fused further", kernel.reason],
      ["notes", kernel.notes.join("; ")],
      ["values", toValues(related.values)],
    ];
    if (kernel.repeats !== null)
      facts.push(["source", `the function of ${kernel.repeats}, which computes the same`]);
  } else {
    const value = index.values[selection.id];
    const [first, last] = value.steps;
    const held = {
      state: "memory of its own, from call to call",
      constant: "memory of its own, made once",
      input: "the memory of what is fed",
      arena: `the arena, at byte ${(value.offset ?? 0).toLocaleString("en-US")}`,
    };
    facts = [
      ["type", `${value.dtype}[${value.shape.join(", ")}]`],
      ["size", `${quantity(value.bytes, "B")} (${value.bytes.toLocaleString("en-US")} bytes)`],
      ["lies in", held[value.held]],
      ["lives", first === last ? `in step ${first}` : `from step ${first} to ${last}`],
      ["layers", toLayers(related.layers)],
      ["written by", toKernels(known(index, value.writers))],
      ["read by", toKernels(known(index, value.readers))],
    ];
  }
  return facts.filter(([, what]) => what.length > 0);
}

/**
 * The bytes that a launch moves of each value that it reads, or writes; none where they are not known.
 * @param {Kernel} kernel
 * @param {boolean} written
 */
function movesOf({ moves }, written) {
  return moves
    .filter((move) => move.written === written)
    .map((move) => `${quantity(move.bytes, "B")} of ${move.value}`)
    .join(", ");
}

/** @param {CompiledIndex} index @param {string[]} names */
function known(index, names) {
  return names.map((name) => index.kernelAt.get(name)).filter((k) => k !== undefined);
}

/**
 * The kernel whose source is shown for a selection: itself, or the first that belongs to it.
 * @param {State} state
 * @returns {number | null}
 */
export function shownKernel({ selection, related }) {
  if (selection?.kind === "kernel") return selection.id;
  const [first] = related.kernels;
  return first ?? null;
}

const MOST_LINKS = 12;

/** @param {CompiledIndex} index @param {Selection | null} selection */
export function titleOf(index, selection) {
  if (selection === null) return index.view.kernels.model;
  if (selection.kind === "layer") return selection.id;
  if (selection.kind === "kernel") return index.kernels[selection.id].name;
  if (selection.kind === "value") return index.values[selection.id].name;
  const node = index.nodes[selection.id];
  return `${node.op}${node.name === null ? "" : ` ${node.name}`}`;
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function sourcePane(index, store) {
  const { pane: made, body } = pane("source", "Details and source");
  const facts = element("dl", { class: "facts" });
  const title = element("h3", {});
  const code = element("div", {
    class: "code",
    tabindex: 0,
    role: "listbox",
    "aria-label": "Source: arrow keys go from node to node",
  });
  body.append(title, facts, code);
  /** @type {{kernel: number | null, lines: HTMLElement[]}} */
  let shown = { kernel: null, lines: [] };

  const link = (/** @type {{text: string, go: Selection}} */ { text, go }) =>
    element("button", { class: `link ${go.kind}`, onclick: () => store.select(go) }, text);
  /** @param {State} state */
  const showFacts = (state) => {
    const kind = state.selection?.kind ?? "model";
    title.replaceChildren(element("small", {}, kind), titleOf(index, state.selection));
    const rows = factsOf(index, state).flatMap(([name, what]) => {
      if (typeof what === "string") return [element("dt", {}, name), element("dd", {}, what)];
      const more = what.length - MOST_LINKS;
      return [
        element("dt", {}, name),
        element(
          "dd",
          {},
          ...what.slice(0, MOST_LINKS).map(link),
          more > 0 ? ` and ${more.toLocaleString("en-US")} more` : null,
        ),
      ];
    });
    facts.replaceChildren(...rows);
  };
  /** @param {number | null} kernel */
  const showSource = (kernel) => {
    if (kernel === shown.kernel && kernel !== null) return;
    if (kernel === null) {
      shown = { kernel, lines: [] };
      const { selection } = store.state;
      const why =
        selection === null
          ? "Choose a layer, a node, a kernel or a value: its source is shown here."
          : "No kernel computes this: it is not in the graph that kernels compute.";
      code.replaceChildren(element("p", { class: "empty" }, why));
      return;
    }
    const { lines: links } = index.view.kernel_links[kernel];
    const texts = index.source(kernel).replace(/\n+$/, "").split("\n");
    const lines = texts.map((text, k) => {
      const nodes = links[String(k)] ?? [];
      const line = element(
        "div",
        { class: nodes.length > 0 ? "line linked" : "line", "data-line": k },
        ...tokens(text).map((token) =>
          token.kind === "" ? token.text : element("span", { class: token.kind }, token.text),
        ),
      );
      if (nodes.length > 0) {
        line.title = nodes
          .map((node) => `${index.nodes[node].op}, ${index.nodes[node].layer ?? "no layer"}`)
          .join("\n");
        line.addEventListener("click", () => store.select({ kind: "node", id: nodes[0] }));
      }
      return line;
    });
    shown = { kernel, lines };
    code.replaceChildren(element("p", { class: "of" }, index.kernels[kernel].name), ...lines);
    code.scrollTop = 0;
  };
  /** @param {State} state */
  const mark = ({ selection, related }) => {
    if (shown.kernel === null) return;
    const { lines: links } = index.view.kernel_links[shown.kernel];
    /** @type {HTMLElement | null} */
    let first = null;
    shown.lines.forEach((line, k) => {
      const nodes = links[String(k)] ?? [];
      const isMarked =
        selection !== null &&
        selection.kind !== "kernel" &&
        nodes.some((node) => related.nodes.has(node));
      line.classList.toggle("related", isMarked);
      if (isMarked && first === null) first = line;
    });
    const line = /** @type {HTMLElement | null} */ (first);
    if (
      line !== null &&
      (line.offsetTop < code.scrollTop || line.offsetTop > code.scrollTop + code.clientHeight - 30)
    )
      code.scrollTop = line.offsetTop - code.clientHeight / 3;
  };
  code.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined || shown.kernel === null) return;
    event.preventDefault();
    const { lines: links } = index.view.kernel_links[shown.kernel];
    const numbers = Object.keys(links).map(Number);
    if (numbers.length === 0) return;
    const { selection } = store.state;
    const at =
      selection?.kind === "node"
        ? numbers.findIndex((k) => links[String(k)].includes(selection.id))
        : step > 0
          ? -1
          : numbers.length;
    const next = Math.min(numbers.length - 1, Math.max(0, at + step));
    const [node] = links[String(numbers[next])];
    pinned = shown.kernel;
    store.select({ kind: "node", id: node });
  });
  // A node of several kernels, chosen in the source of one of them, leaves that one in view.
  /** @type {number | null} */
  let pinned = null;
  code.addEventListener("click", () => (pinned = shown.kernel), { capture: true });
  store.subscribe((state) => {
    showFacts(state);
    const stays =
      pinned !== null && state.selection?.kind === "node" && state.related.kernels.has(pinned);
    showSource(stays ? pinned : shownKernel(state));
    if (!stays) pinned = null;
    mark(state);
  });
  return made;
}
