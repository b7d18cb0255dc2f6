/** The page of one document: its head, its panes, and what is looked at. */

import { CompiledIndex } from "./compiled_index.js";
import { element } from "./dom.js";
import { counted } from "./format.js";
import { graphPane } from "./graph_pane.js";
import { kernelsPane } from "./kernels_pane.js";
import { layersPane } from "./layers_pane.js";
import { memoryPane } from "./memory_pane.js";
import { searchBox } from "./search.js";
import { sourcePane, titleOf } from "./source_pane.js";
import { Store } from "./store.js";

/** @import {CompiledView} from "./types.js" */

/** @param {import("./types.js").Related} related */
function amounts({ layers, nodes, kernels, values }) {
  return [
    counted(layers.size, "layer"),
    counted(nodes.size, "node"),
    counted(kernels.size, "kernel"),
    counted(values.size, "value"),
  ].join(", ");
}

/**
 * @param {CompiledView} view
 * @param {(hash: string) => void} onHash told of each new address
 * @param {HTMLElement[]} tools at the end of the head
 * @returns {{store: Store, parts: HTMLElement[]}}
 */
export function documentPage(view, onHash, tools) {
  const index = new CompiledIndex(view);
  const store = new Store(index, onHash);
  const { sizes, target } = view.kernels;
  const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
  const about = [...at, target === "cuda" ? "CUDA" : "CPU"].join(", ");
  const footer = element("footer", { role: "status", "aria-live": "polite" });
  const none = element(
    "button",
    { class: "none", title: "Select nothing (Escape)", onclick: () => store.select(null) },
    "clear",
  );
  const header = element(
    "header",
    { class: "top" },
    element("h1", {}, view.kernels.model),
    element(
      "span",
      { class: "about", title: view.kernels.summary },
      `${view.kernels.summary}; ${about}`,
    ),
    searchBox(index, store),
    none,
    ...tools,
  );
  const main = element(
    "main",
    {},
    layersPane(index, store),
    graphPane(index, store),
    kernelsPane(index, store),
    sourcePane(index, store),
    memoryPane(index, store),
  );
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof HTMLInputElement;
    if (event.key === "Escape" && !isTyping && main.offsetParent !== null) store.select(null);
  });
  store.subscribe(({ selection, related }) => {
    none.disabled = selection === null;
    const text =
      selection === null
        ? "Nothing is selected."
        : `${selection.kind} ${titleOf(index, selection)}: ${amounts(related)}`;
    footer.replaceChildren(
      element("span", {}, text),
      element("span", { class: "by" }, `graphc ${view.graphc}`),
    );
  });
  return { store, parts: [header, main, footer] };
}
