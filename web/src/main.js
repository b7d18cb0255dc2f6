/** The page: reads the document that it holds, and shows its panes. */

import { buildsOf, viewOf } from "./columns.js";
import { comparedPage } from "./compared_page.js";
import { documentPage } from "./document_page.js";
import { element } from "./dom.js";

/** @import {HeldBuilds, HeldView} from "./columns.js" */

const FORMAT = 4;

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

function main() {
  const lacking = missing();
  if (lacking.length > 0) {
    refuse(
      `This browser lacks what the page needs: ${lacking.join(", ")}. Open it in a release of 2023 or later of Firefox, Chrome or Safari.`,
    );
    return;
  }
  /** @type {HeldView | HeldBuilds} */
  const held = JSON.parse(document.getElementById("compiled-view")?.textContent ?? "null");
  if (held.format !== FORMAT) {
    refuse(
      `This page holds a document of form ${held.format}, and its script reads form ${FORMAT}.`,
    );
    return;
  }
  // A frame within a notebook may have no address of its own.
  const onHash = (/** @type {string} */ hash) => {
    try {
      history.replaceState(null, "", hash === "" ? location.href.split("#")[0] : hash);
    } catch {
      return;
    }
  };
  const tools = [themeButton()];
  /** @type {(hash: string) => void} */
  let restore;
  if ("builds" in held) {
    const page = comparedPage(buildsOf(held), onHash, tools);
    document.body.append(...page.parts);
    restore = page.restore;
  } else {
    const { store, parts } = documentPage(viewOf(held), onHash, tools);
    document.body.append(...parts);
    restore = (hash) => store.restore(hash);
  }
  restore(location.hash);
  window.addEventListener("hashchange", () => restore(location.hash));
}

main();
