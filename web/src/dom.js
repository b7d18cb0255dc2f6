/** Elements of the page. Texts become text nodes, never markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | number | boolean | ((event: any) => void)} Attribute
 */

/**
 * An element with attributes (those that begin with "on" are listeners) and children.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * The same of SVG.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Attribute>} [attributes]
 * @param {...(Node | string | null)} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(
    /** @type {SVGElementTagNameMap[Tag]} */ (document.createElementNS(SVG, tag)),
    attributes,
    children,
  );
}

/**
 * @template {Element} E
 * @param {E} made
 * @param {Record<string, Attribute>} attributes
 * @param {(Node | string | null)[]} children
 * @returns {E}
 */
function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(name.slice(2), value);
    else if (typeof value === "boolean") made.toggleAttribute(name, value);
    else made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/**
 * A pane: a head with a title and tools, and a body.
 * @param {string} name of the pane, in its class and for its label
 * @param {string} title
 * @param {Node[]} tools
 * @returns {{pane: HTMLElement, head: HTMLElement, body: HTMLElement}}
 */
export function pane(name, title, tools = []) {
  const body = element("div", { class: "body" });
  const larger = element(
    "button",
    {
      class: "larger",
      title: "Show this pane alone, or all panes again",
      "aria-label": `${title}: alone`,
      "aria-pressed": "false",
    },
    "⤢",
  );
  const head = element("header", {}, element("h2", {}, title), ...tools, larger);
  const made = element("section", { class: `pane ${name}`, "aria-label": title }, head, body);
  larger.addEventListener("click", () => {
    const alone = made.classList.toggle("alone");
    made.parentElement?.classList.toggle("has-alone", alone);
    larger.setAttribute("aria-pressed", String(alone));
    made.dispatchEvent(new CustomEvent("resized"));
  });
  return { pane: made, head, body };
}
