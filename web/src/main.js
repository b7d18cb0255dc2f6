/** The page: reads the document that it holds, and shows its panes. */

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

const FORMAT = 1;

/** The missing parts of a browser that is too old, by their names. */
function missing() {
  const needed = /** @type {[string, boolean][]} */ ([
    ["ResizeObserver", "ResizeObserver" in window],
    ["replaceChildren", "replaceChildren" in Element.prototype],
    ["CSS color-mix", CSS.supports("color", "color-mix(in srgb, red, blue)")],
  ]);
  return needed.filter(([, there]) => !there).map(([name]) => name);
}

/** @param {string} text */
function refuse(text) {
  document.body.append(element("p", { class: "refusal", role: "alert" }, text));
}

function themeButton() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const button = element(
    "button",
    { class: "theme", title: "Dark or light", "aria-label": "Dark or light" },
    "◐",
  );
  button.addEventListener("click", () => {
    const { theme } = document.documentElement.dataset;
    const isDark = theme === undefined ? dark.matches : theme === "dark";
    document.documentElement.dataset.theme = isDark ? "light" : "dark";
    document.dispatchEvent(new CustomEvent("themed"));
  });
  return button;
}

/** @param {import("./types.js").Related} related */
function amounts({ layers, nodes, kernels, values }) {
  return [
    counted(layers.size, "layer"),
    counted(nodes.size, "node"),
    counted(kernels.size, "kernel"),
    counted(values.size, "value"),
  ].join(", ");
}

function main() {
  const lacking = missing();
  if (lacking.length > 0) {
    refuse(
      `This browser lacks what the page needs: ${lacking.join(", ")}. Open it in a release of 2023 or later of Firefox, Chrome or Safari.`,
    );
    return;
  }
  /** @type {CompiledView} */
  const view = JSON.parse(document.getElementById("compiled-view")?.textContent ?? "null");
  if (view.format !== FORMAT) {
    refuse(
      `This page holds a document of form ${view.format}, and its script reads form ${FORMAT}.`,
    );
    return;
  }
  const index = new CompiledIndex(view);
  // A frame within a notebook may have no address of its own.
  const store = new Store(index, (hash) => {
    try {
      history.replaceState(null, "", hash === "" ? location.href.split("#")[0] : hash);
    } catch {
      return;
    }
  });
  const { sizes, target } = view.kernels;
  const at = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
  const about = [...at, target === "cuda" ? "CUDA" : "CPU"].join(", ");
  const status = element("footer", { role: "status", "aria-live": "polite" });
  const none = element(
    "button",
    { class: "none", title: "Select nothing (Escape)", onclick: () => store.select(null) },
    "clear",
  );
  document.body.append(
    element(
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
      themeButton(),
    ),
    element(
      "main",
      {},
      layersPane(index, store),
      graphPane(index, store),
      kernelsPane(index, store),
      sourcePane(index, store),
      memoryPane(index, store),
    ),
    status,
  );
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !(event.target instanceof HTMLInputElement)) store.select(null);
  });
  store.restore(location.hash);
  window.addEventListener("hashchange", () => store.restore(location.hash));
  store.subscribe(({ selection, related }) => {
    none.disabled = selection === null;
    const text =
      selection === null
        ? "Nothing is selected."
        : `${selection.kind} ${titleOf(index, selection)}: ${amounts(related)}`;
    status.replaceChildren(
      element("span", {}, text),
      element("span", { class: "by" }, `graphc ${view.graphc}`),
    );
  });
}

main();
