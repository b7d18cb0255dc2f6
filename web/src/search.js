/** Finds layers, kernels, values and ops by parts of their names. */

import { element } from "./dom.js";
import { shortened } from "./format.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Selection} from "./types.js" */

const MOST = 30;

/** Of the page so far: each has a list of its own. */
let boxes = 0;

/** @typedef {{kind: string, text: string, more: string, go: Selection}} Hit */

/**
 * What has all words of a query in its name: layers first, then kernels, values, nodes of the last
 * stage.
 * @param {CompiledIndex} index
 * @param {string} query
 * @param {number} [most]
 * @returns {Hit[]}
 */
export function find(index, query, most = MOST) {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return [];
  /** @type {Hit[]} */
  const hits = [];
  /** @param {string} kind @param {string} text @param {string} more @param {() => Selection} go */
  const add = (kind, text, more, go) => {
    const all = `${text} ${more}`.toLowerCase();
    if (hits.length < most && words.every((word) => all.includes(word)))
      hits.push({ kind, text, more, go: go() });
  };
  for (const layer of index.layers)
    add("layer", layer.name, layer.kind ?? "", () => ({ kind: "layer", id: layer.name }));
  index.kernels.forEach((kernel, k) =>
    add("kernel", kernel.name, kernel.layers.join(", "), () => ({ kind: "kernel", id: k })),
  );
  index.values.forEach((value, k) =>
    add("value", value.name, `${value.dtype}[${value.shape.join(", ")}]`, () => ({
      kind: "value",
      id: k,
    })),
  );
  for (const k of index.order(index.stages.length - 1)) {
    const { op, name, layer } = index.nodes[k];
    if (!index.isSilent(k))
      add("node", op, [name, layer].filter((part) => part !== null).join(" "), () => ({
        kind: "node",
        id: k,
      }));
  }
  return hits;
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function searchBox(index, store) {
  boxes += 1;
  const id = `hits-${boxes}`;
  const list = element("div", { class: "hits", role: "listbox", id, hidden: true });
  const input = element("input", {
    type: "search",
    placeholder: "Search layers, kernels, values, ops  ( / )",
    "aria-label": "Search",
    role: "combobox",
    "aria-controls": id,
    "aria-expanded": "false",
    autocomplete: "off",
    spellcheck: "false",
  });
  /** @type {Hit[]} */
  let hits = [];
  let at = 0;
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
  };
  const choose = (/** @type {number} */ k) => {
    const hit = hits[k];
    if (hit === undefined) return;
    store.select(hit.go);
    close();
    input.blur();
  };
  const draw = () => {
    hits = find(index, input.value);
    at = Math.min(at, Math.max(0, hits.length - 1));
    const rows = hits.map((hit, k) => {
      const row = element(
        "div",
        { role: "option", class: k === at ? "hit at" : "hit", "aria-selected": String(k === at) },
        element("small", { class: hit.kind }, hit.kind),
        element("span", {}, shortened(hit.text, 44)),
        element("span", { class: "more" }, shortened(hit.more, 40)),
      );
      row.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        choose(k);
      });
      return row;
    });
    if (hits.length === 0)
      rows.push(element("div", { class: "hit none" }, "Nothing has this in its name."));
    list.replaceChildren(...rows);
    list.hidden = input.value.trim() === "";
    input.setAttribute("aria-expanded", String(!list.hidden));
    list.querySelector(".at")?.scrollIntoView({ block: "nearest" });
  };
  input.addEventListener("input", () => {
    at = 0;
    draw();
  });
  input.addEventListener("focus", draw);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at = Math.max(0, Math.min(hits.length - 1, at + (event.key === "ArrowDown" ? 1 : -1)));
      draw();
    } else if (event.key === "Enter") choose(at);
    else if (event.key === "Escape") input.blur();
  });
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      input.focus();
      input.select();
    }
  });
  return element("div", { class: "search" }, input, list);
}
