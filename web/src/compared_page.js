/** The page of two builds: what differs between them first, and each as a page of its own. */

import { Compared } from "./compared.js";
import { kernelPairsPane, layerPairsPane, pairPane, totalsPane } from "./difference_panes.js";
import { documentPage } from "./document_page.js";
import { element } from "./dom.js";

/** @import {ComparedBuilds, Selection} from "./types.js" */
/** @import {Store} from "./store.js" */
/** @import {Side} from "./difference_panes.js" */

/**
 * @param {ComparedBuilds} builds
 * @param {(hash: string) => void} onHash
 * @param {HTMLElement[]} tools at the end of the head
 * @returns {{restore: (hash: string) => void, parts: HTMLElement[]}}
 */
export function comparedPage(builds, onHash, tools) {
  const compared = new Compared(builds);
  /** @type {number | null} */
  let pair = null;
  const choose = (/** @type {number | null} */ chosen) => {
    pair = chosen;
    listed.update();
    detail.show(pair);
    onHash(pair === null ? "" : `#pair=${pair}`);
  };
  const go = (/** @type {Side} */ side, /** @type {Selection | null} */ selection) => {
    show(side + 1);
    stores[side]?.select(selection);
  };
  const listed = kernelPairsPane(compared, { pair: () => pair, choose, go });
  const layers = layerPairsPane(compared, go);
  const detail = pairPane(compared, go);
  const difference = element(
    "main",
    { class: "difference" },
    totalsPane(compared),
    listed.pane,
    layers.pane,
    detail.pane,
  );
  /** @type {[HTMLElement, ...HTMLElement[]]} */
  const shown = [
    element("div", { class: "build" }, difference),
    ...builds.names.map(() => element("div", { class: "build", hidden: true })),
  ];
  /** @type {(Store | null)[]} */
  const stores = [null, null];
  const buttons = ["Difference", ...builds.names].map((name, k) =>
    element(
      "button",
      { role: "tab", title: name, onclick: () => show(k), "aria-selected": String(k === 0) },
      name,
    ),
  );
  const tabs = element("nav", { class: "builds", role: "tablist" }, ...buttons);
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const at = shown.findIndex((one) => !one.hidden);
    const next = Math.min(shown.length - 1, Math.max(0, at + step));
    show(next);
    buttons[next].focus();
  });

  /** @param {number} at the difference, or one of the builds, whose page is made when first seen */
  function show(at) {
    shown.forEach((one, k) => (one.hidden = k !== at));
    buttons.forEach((button, k) => {
      button.setAttribute("aria-selected", String(k === at));
      button.tabIndex = k === at ? 0 : -1;
    });
    if (at === 0) {
      onHash(pair === null ? "" : `#pair=${pair}`);
      return;
    }
    const known = stores[at - 1];
    const address = (/** @type {string} */ hash) =>
      onHash(`#build=${at}${hash === "" ? "" : `&${hash.slice(1)}`}`);
    if (known !== null) {
      address(known.hash());
      return;
    }
    const { store, parts } = documentPage(builds.builds[at - 1], address, []);
    stores[at - 1] = store;
    shown[at].append(...parts);
    address(store.hash());
  }

  requestAnimationFrame(() => {
    listed.start();
    layers.start();
    detail.show(pair);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !shown[0].hidden) choose(null);
  });
  return {
    restore(hash) {
      const parts = new URLSearchParams(hash.replace(/^#/, ""));
      const side = { 1: 1, 2: 2 }[parts.get("build") ?? ""] ?? 0;
      show(side);
      const text = parts.get("pair") ?? "";
      const at = /^\d+$/.test(text) ? Number(text) : -1;
      if (side > 0) stores[side - 1]?.restore(hash);
      else choose(at >= 0 && at < compared.kernels.length ? at : null);
    },
    parts: [
      element(
        "header",
        { class: "top" },
        element("h1", {}, "What differs"),
        tabs,
        element("span", { class: "about" }),
        ...tools,
      ),
      ...shown,
    ],
  };
}
