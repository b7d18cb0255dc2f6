/** What differs between two builds: sums, kernels, layers, and one pair of kernels in detail. */

import {
  bothText,
  changesText,
  difference,
  layerChangesText,
  ratioText,
  statusOf,
} from "./compared.js";
import { element, pane } from "./dom.js";
import { counted, milliseconds, quantity } from "./format.js";
import { tokens } from "./highlight.js";
import { lineDiff } from "./line_diff.js";
import { table } from "./table.js";

/** @import {Compared} from "./compared.js" */
/** @import {KernelPair, LayerPair, Selection} from "./types.js" */
/** @import {Column} from "./table.js" */

/** Which of the builds: the first or the second. @typedef {0 | 1} Side */
/** Show a selection in one of the builds. @typedef {(side: Side, selection: Selection) => void} Go */

const STATUSES = /** @type {const} */ (["changed", "added", "removed", "same"]);

const bytes = (/** @type {number} */ amount) => quantity(amount, "B");

/** @param {string} status */
function badge(status) {
  return element("span", { class: `status ${status}` }, status);
}

/**
 * The sums, and what the builds are of.
 * @param {Compared} compared
 * @returns {HTMLElement}
 */
export function totalsPane(compared) {
  const { pane: made, body } = pane("totals", "Builds");
  const [first, second] = compared.names;
  const heads = ["", first, second, "ratio"].map((text) =>
    element("th", { scope: "col", title: text }, text),
  );
  const facts = compared.facts.map(({ name, before, after }) =>
    element(
      "tr",
      { class: "fact" },
      element("th", { scope: "row" }, name),
      element("td", { title: before }, before || "–"),
      element("td", { title: after }, after || "–"),
      element("td", {}),
    ),
  );
  const sums = compared
    .totals()
    .map(({ name, hint, before, after, text, isClose }) =>
      element(
        "tr",
        { class: before === after ? "sum same" : "sum", title: hint },
        element("th", { scope: "row" }, name),
        element("td", {}, before === null ? "–" : text(before)),
        element("td", {}, after === null ? "–" : text(after)),
        element("td", {}, ratioText([before, after], isClose)),
      ),
    );
  const unpaired = compared.layers.filter((pair) => pair.before === null || pair.after === null);
  const notes = [];
  if (compared.facts.length === 0)
    notes.push("Both are builds of the same model, for the same target, with the same flags.");
  if (unpaired.length > 0)
    notes.push(
      `The models differ: ${counted(unpaired.length, "layer has", "layers have")} no counterpart. Kernels are matched by the layers that both have.`,
    );
  body.append(
    ...notes.map((text) => element("p", { class: "note" }, text)),
    element(
      "div",
      { class: "scrolled", tabindex: 0, role: "region", "aria-label": "Builds" },
      element(
        "table",
        { class: "sums" },
        element("thead", {}, element("tr", {}, ...heads)),
        element("tbody", {}, ...facts, ...sums),
      ),
    ),
  );
  return made;
}

/**
 * Boxes to choose which rows are shown, and the rows that are.
 * @param {(KernelPair | LayerPair)[]} pairs
 * @param {() => void} changed
 */
function filters(pairs, changed) {
  const counts = new Map(STATUSES.map((status) => [status, 0]));
  for (const pair of pairs) counts.set(statusOf(pair), (counts.get(statusOf(pair)) ?? 0) + 1);
  const differ = pairs.length - (counts.get("same") ?? 0);
  /** @type {Set<string>} */
  const shown = new Set(differ > 0 ? STATUSES.slice(0, 3) : STATUSES);
  const boxes = STATUSES.map((status) =>
    element(
      "label",
      { class: `filter of-${status}` },
      element("input", {
        type: "checkbox",
        checked: shown.has(status),
        onchange: (/** @type {{target: HTMLInputElement}} */ event) => {
          if (event.target.checked) shown.add(status);
          else shown.delete(status);
          changed();
        },
      }),
      `${counts.get(status)} ${status}`,
    ),
  );
  const rows = () => pairs.map((_, k) => k).filter((k) => shown.has(statusOf(pairs[k])));
  return { boxes, rows };
}

/**
 * @param {Compared} compared
 * @param {{pair: () => number | null, choose: (pair: number) => void, go: Go}} given
 * @returns {{pane: HTMLElement, update: () => void, start: () => void}}
 */
export function kernelPairsPane(compared, { pair: chosen, choose, go }) {
  const pairs = compared.kernels;
  const { boxes, rows } = filters(pairs, () => listed.show(rows()));
  const { pane: made, body } = pane("kernel-pairs", "Kernels", boxes);
  const link = (/** @type {Side} */ side) => (/** @type {number} */ k) => {
    const kernel = side === 0 ? pairs[k].before : pairs[k].after;
    if (kernel === null) return null;
    const index = side === 0 ? compared.before : compared.after;
    return kernelLink(index.kernels[kernel].name, compared.names[side], () =>
      go(side, { kind: "kernel", id: kernel }),
    );
  };
  const nameIn = (/** @type {Side} */ side) => (/** @type {number} */ k) => {
    const kernel = side === 0 ? pairs[k].before : pairs[k].after;
    return kernel === null
      ? ""
      : (side === 0 ? compared.before : compared.after).kernels[kernel].name;
  };
  /** @param {"flops" | "fewest" | "moved"} name @param {string} title @param {string} hint @param {(amount: number) => string} text @returns {Column} */
  const amount = (name, title, hint, text) => ({
    name: title,
    hint: `${hint}; sorts by the difference`,
    value: (k) => difference(compared.amount(pairs[k], name)),
    text: (k) => bothText(compared.amount(pairs[k], name), text),
    isNumber: true,
    width: "minmax(64px, 118px)",
    isSpare: name !== "flops",
  });
  /** @type {Column[]} */
  const columns = [
    {
      name: "now",
      hint: "what became of it",
      value: (k) => STATUSES.indexOf(statusOf(pairs[k])),
      text: (k) => changesText(pairs[k]) || statusOf(pairs[k]),
      content: (k) => badge(statusOf(pairs[k])),
      isNumber: false,
      width: "62px",
    },
    {
      name: "before",
      hint: `its kernel in ${compared.names[0]}`,
      value: (k) => pairs[k].before ?? -1,
      text: nameIn(0),
      content: link(0),
      isNumber: false,
      width: "minmax(96px, 130px)",
    },
    {
      name: "after",
      hint: `its kernel in ${compared.names[1]}`,
      value: (k) => pairs[k].after ?? -1,
      text: nameIn(1),
      content: link(1),
      isNumber: false,
      width: "minmax(96px, 130px)",
    },
    {
      name: "layers",
      hint: "whose nodes it computes",
      value: (k) => compared.layersOf(pairs[k]),
      text: (k) => compared.layersOf(pairs[k]),
      isNumber: false,
      width: "minmax(70px, 1fr)",
    },
    amount("flops", "FLOP", "of one launch", quantity),
    amount("fewest", "fewest", "the fewest bytes that one launch has to move", bytes),
  ];
  if (pairs.some((one) => compared.amount(one, "moved").some((moved) => moved !== null)))
    columns.push(amount("moved", "moved", "the bytes that one launch moves", bytes));
  if (compared.isTimed)
    columns.push(
      {
        name: "time",
        hint: "measured, of all its launches in a step; sorts by the difference",
        value: (k) => difference(compared.time(pairs[k])),
        text: (k) => bothText(compared.time(pairs[k]), milliseconds),
        isNumber: true,
        width: "minmax(70px, 140px)",
      },
      {
        name: "ratio",
        hint: "of the times: above 1 it takes longer; ~ where that may be chance",
        value: (k) => {
          const [before, after] = compared.time(pairs[k]);
          return before === null || after === null ? 0 : after / before;
        },
        text: (k) => ratioText(compared.time(pairs[k]), pairs[k].is_close ?? false),
        isNumber: true,
        width: "66px",
      },
    );
  const listed = table({
    label: "Kernels of both builds",
    columns,
    rows: rows(),
    kind: "pair",
    name: (k) => compared.titleOf(pairs[k]),
    isRelated: () => false,
    chosen,
    choose,
    amount: (k) =>
      Math.abs(
        difference(compared.isTimed ? compared.time(pairs[k]) : compared.amount(pairs[k], "flops")),
      ),
  });
  body.append(listed.grid);
  return { pane: made, update: listed.update, start: listed.start };
}

/**
 * @param {string} name
 * @param {string} build
 * @param {() => void} onclick
 */
function kernelLink(name, build, onclick) {
  return element(
    "button",
    {
      class: "link kernel",
      title: `Show ${name} in ${build}`,
      tabindex: -1,
      onclick: (/** @type {Event} */ event) => {
        event.stopPropagation();
        onclick();
      },
    },
    name,
  );
}

/**
 * @param {Compared} compared
 * @param {Go} go
 * @returns {{pane: HTMLElement, start: () => void}}
 */
export function layerPairsPane(compared, go) {
  const pairs = compared.layers;
  const { boxes, rows } = filters(pairs, () => listed.show(rows()));
  const { pane: made, body } = pane("layer-pairs", "Layers", boxes);
  const sides = [compared.before, compared.after];
  const names = (/** @type {number} */ k) =>
    /** @type {const} */ ([pairs[k].before, pairs[k].after]);
  /** @param {(index: import("./compiled_index.js").CompiledIndex, layer: string) => number} of @returns {(k: number) => [number | null, number | null]} */
  const both = (of) => (k) => {
    const [before, after] = names(k).map((layer, side) =>
      layer === null ? null : of(sides[side], layer),
    );
    return [before, after];
  };
  /** @param {string} name @param {string} hint @param {(k: number) => [number | null, number | null]} amounts @param {(amount: number) => string} text @returns {Column} */
  const amount = (name, hint, amounts, text) => ({
    name,
    hint: `${hint}; sorts by the difference`,
    value: (k) => difference(amounts(k)),
    text: (k) => bothText(amounts(k), text),
    isNumber: true,
    width: "minmax(56px, 1fr)",
  });
  const flops = both((index, layer) => index.flops([layer]));
  /** @type {Column[]} */
  const columns = [
    {
      name: "now",
      hint: "what became of it",
      value: (k) => STATUSES.indexOf(statusOf(pairs[k])),
      text: (k) => layerChangesText(pairs[k]) || statusOf(pairs[k]),
      content: (k) => badge(statusOf(pairs[k])),
      isNumber: false,
      width: "62px",
    },
    {
      name: "layer",
      hint: "its names",
      value: (k) => k,
      text: (k) => [...new Set(names(k).filter((name) => name !== null))].join(" → "),
      isNumber: false,
      width: "minmax(100px, 1.7fr)",
    },
    amount("FLOP", "of a step, its gradient's included", flops, quantity),
    {
      ...amount(
        "parameters",
        "numbers that its weights have",
        both((index, layer) => index.layers[index.layerAt.get(layer) ?? 0].parameters),
        quantity,
      ),
      isSpare: true,
    },
    amount(
      "kernels",
      "that compute nodes of it",
      both((index, layer) => index.related({ kind: "layer", id: layer }).kernels.size),
      String,
    ),
  ];
  const listed = table({
    label: "Layers of both builds",
    columns,
    rows: rows(),
    kind: "layer",
    name: (k) => names(k)[1] ?? names(k)[0] ?? "",
    isRelated: () => false,
    chosen: () => at,
    choose: (k) => {
      at = k;
      listed.update();
    },
    amount: (k) => Math.abs(difference(flops(k))),
  });
  /** @type {number | null} */
  let at = null;
  const open = () => {
    if (at === null) return;
    const [before, after] = names(at);
    if (after !== null) go(1, { kind: "layer", id: after });
    else if (before !== null) go(0, { kind: "layer", id: before });
  };
  listed.grid.addEventListener("dblclick", open);
  listed.grid.addEventListener("keydown", (event) => {
    if (event.key === "Enter") open();
  });
  body.append(listed.grid);
  return { pane: made, start: listed.start };
}

/**
 * One pair in words, and what differs in its source.
 * @param {Compared} compared
 * @param {Go} go
 * @returns {{pane: HTMLElement, show: (pair: number | null) => void}}
 */
export function pairPane(compared, go) {
  const { pane: made, body } = pane("pair", "Details and source");
  const title = element("h3");
  const facts = element("dl", { class: "facts" });
  const code = element("div", {
    class: "code diff",
    tabindex: 0,
    role: "region",
    "aria-label": "Source of both builds",
  });
  body.append(title, facts, code);
  /** @param {number | null} chosen */
  const show = (chosen) => {
    code.scrollTop = 0;
    if (chosen === null) {
      title.replaceChildren();
      facts.replaceChildren();
      code.replaceChildren(
        element("p", { class: "empty" }, "Choose a kernel: what differs in it is shown here."),
      );
      return;
    }
    const pair = compared.kernels[chosen];
    title.replaceChildren(element("small", {}, statusOf(pair)), compared.titleOf(pair));
    facts.replaceChildren(...factsOf(compared, pair, go));
    code.replaceChildren(...sourceOf(compared, pair));
  };
  return { pane: made, show };
}

/**
 * @param {Compared} compared
 * @param {KernelPair} pair
 * @param {Go} go
 * @returns {HTMLElement[]}
 */
function factsOf(compared, pair, go) {
  const { before, after } = pair;
  const [first, second] = compared.names;
  /** @param {Side} side @param {Iterable<number>} kernels */
  const toKernels = (side, kernels) =>
    [...kernels].map((id) => {
      const { name } = (side === 0 ? compared.before : compared.after).kernels[id];
      return kernelLink(name, compared.names[side], () => go(side, { kind: "kernel", id }));
    });
  /** @param {Side} side @param {number[]} nodes */
  const toNodes = (side, nodes) =>
    nodes.map((id) => {
      const { op, layer, name } = (side === 0 ? compared.before : compared.after).nodes[id];
      return element(
        "button",
        { class: "link", onclick: () => go(side, { kind: "node", id }) },
        `${op} ${name ?? layer ?? ""}`.trim(),
      );
    });
  const reason = (/** @type {Side} */ side) => {
    const kernel = side === 0 ? before : after;
    return kernel === null
      ? ""
      : (side === 0 ? compared.before : compared.after).kernels[kernel].reason;
  };
  const [one, other] = [reason(0), reason(1)];
  /** @type {[string, string | HTMLElement[]][]} */
  const rows = [
    ["differs in", changesText(pair)],
    [`in ${first}`, before === null ? "no kernel" : toKernels(0, [before])],
    [`in ${second}`, after === null ? "no kernel" : toKernels(1, [after])],
    ["computes no more", toNodes(0, pair.lost)],
    ["computes too", toNodes(1, pair.gained)],
    [
      "its nodes are in",
      before === null ? toKernels(0, pair.elsewhere) : toKernels(1, pair.elsewhere),
    ],
    ["FLOP", bothText(compared.amount(pair, "flops"), quantity)],
    ["fewest bytes", bothText(compared.amount(pair, "fewest"), bytes)],
    ["moved", bothText(compared.amount(pair, "moved"), bytes)],
    [
      "time",
      [
        bothText(compared.time(pair), milliseconds),
        ratioText(compared.time(pair), pair.is_close ?? false),
      ]
        .filter(Boolean)
        .join(", "),
    ],
    ...(one === other
      ? [/** @type {[string, string]} */ (["not fused further", one])]
      : [
          /** @type {[string, string]} */ ([`not fused in ${first}`, one]),
          /** @type {[string, string]} */ ([`not fused in ${second}`, other]),
        ]),
  ];
  return rows
    .filter(([, what]) => what.length > 0)
    .flatMap(([name, what]) => [
      element("dt", { title: name }, name),
      element("dd", {}, ...(typeof what === "string" ? [what] : what)),
    ]);
}

/**
 * @param {Compared} compared
 * @param {KernelPair} pair
 * @returns {HTMLElement[]}
 */
function sourceOf(compared, { before, after }) {
  const textOf = (
    /** @type {import("./compiled_index.js").CompiledIndex} */ index,
    /** @type {number | null} */ kernel,
  ) => (kernel === null ? [] : index.source(kernel).replace(/\n+$/, "").split("\n"));
  const lines = lineDiff(textOf(compared.before, before), textOf(compared.after, after));
  return lines.map((line) => {
    const sign = line.after === null ? "−" : line.before === null ? "+" : " ";
    const kind = line.after === null ? "gone" : line.before === null ? "fresh" : "";
    const number = (/** @type {number | null} */ at) => (at === null ? "" : String(at + 1));
    return element(
      "div",
      { class: `diff-line ${kind}` },
      element("span", { class: "at" }, number(line.before)),
      element("span", { class: "at" }, number(line.after)),
      element("span", { class: "sign" }, sign),
      ...tokens(line.text).map((token) =>
        token.kind === "" ? token.text : element("span", { class: token.kind }, token.text),
      ),
    );
  });
}
