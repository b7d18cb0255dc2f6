/** A drawing of a graph in groups: boxes that open, pan, zoom, and follow the arrow keys. */

import { element, svg } from "./dom.js";
import { drawing, pathTo, tree } from "./hierarchy.js";
import { Layouts, smoothPath } from "./layout.js";

/** @import {Box, Cluster, Drawing, Group, Item, Tree} from "./hierarchy.js" */
/** @import {Layout, Place, Route} from "./layout.js" */

/**
 * What a box shows.
 * @typedef {object} Face
 * @property {string} title
 * @property {string[]} lines
 * @property {string} phase a class that colours its edge
 * @property {boolean} isNew
 * @property {number | null} share from 0 to 1, drawn as a bar
 * @property {string} hint the whole text, for a pointer that rests
 */

let views = 0;

const WIDTH = 190;
const LINE = 14;
const PADDING = 7;

/** The least scale at which a drawing is first shown. */
const READABLE = 0.75;

/** How much a box that reads nothing matters to the first view: the network is what reads it. */
const SOURCE = 0.25;

/** What the buttons at the lower right take of the width. */
const CONTROLS = 40;

/** The most boxes that are drawn wherever they stand; of more those in view are. */
const MOST_DRAWN = 120;

/** The scale below which the boxes of a large drawing have no texts. */
const LEGIBLE = 0.3;

/** A part of a drawing. @typedef {{left: number, top: number, right: number, bottom: number}} Area */

export class GraphView {
  /**
   * @param {HTMLElement} body
   * @param {object} how
   * @param {string} how.label for those who do not see it
   * @param {(what: Group | string, around: string | null) => Face} how.face of a group, or of an
   *   item, within an open group or in none
   * @param {(what: Group | string) => boolean} how.choose called when an item or a closed group is
   *   chosen; false for a group that stands for nothing else: it opens at a click
   * @param {Iterable<string>} [how.opened] the groups that are open at first
   */
  constructor(body, { label, face, choose, opened = [] }) {
    this._face = face;
    this._choose = choose;
    /** @type {Set<string>} */
    this._open = new Set(opened);
    /** @type {Map<string, Item>} */
    this._items = new Map();
    this._tree = tree([]);
    /** @type {Drawing} */
    this._drawing = { boxes: [], clusters: [], edges: [], boxOf: new Map() };
    this._layouts = new Layouts();
    /** @type {Layout | null} */
    this._layout = null;
    /** @type {Map<string, Face>} of the boxes, whether they are in view or not */
    this._faces = new Map();
    /** @type {Map<string, SVGGElement>} */
    this._drawn = new Map();
    /** @type {Area | null} what is drawn, null where it is all */
    this._area = null;
    this._isFar = false;
    /** Whether it will be drawn anew, ahead of the next frame. */
    this._waits = false;
    /** @type {{chosen: string | null, related: Set<string>}} boxes */
    this._marked = { chosen: null, related: new Set() };
    /** @type {string | null} */
    this._at = null;
    this._view = { x: 0, y: 0, scale: 1 };
    this._content = svg("g");
    this._arrow = `arrow-${views}`;
    views += 1;
    const arrow = svg(
      "marker",
      {
        id: this._arrow,
        class: "arrow",
        viewBox: "0 0 8 8",
        refX: 7,
        refY: 4,
        markerWidth: 7,
        markerHeight: 7,
        orient: "auto",
      },
      svg("path", { d: "M0,0L8,4L0,8z" }),
    );
    this._svg = svg(
      "svg",
      {
        class: "graph",
        tabindex: 0,
        role: "application",
        "aria-label": `${label}: arrow keys move, Enter opens and closes a group, + and - zoom, 0 fits`,
      },
      svg("defs", {}, arrow),
      this._content,
    );
    const button = (
      /** @type {string} */ text,
      /** @type {string} */ title,
      /** @type {() => void} */ act,
    ) =>
      element(
        "button",
        { title, "aria-label": `${label}: ${title}`, tabindex: -1, onclick: act },
        text,
      );
    this._controls = element(
      "div",
      { class: "zoom" },
      button("+", "zoom in", () => this._zoom(1.25)),
      button("−", "zoom out", () => this._zoom(0.8)),
      button("⤡", "fit", () => this.fit()),
    );
    body.append(this._svg, this._controls);
    this._listen();
  }

  /**
   * Show items; groups that were open stay so.
   * @param {Item[]} items
   */
  show(items) {
    this._items = new Map(items.map((item) => [item.id, item]));
    this._tree = tree(items);
    this._draw();
    this.fit();
  }

  /** Draw the faces again, after what they show has changed. */
  repaint() {
    this._draw();
  }

  /**
   * Mark what belongs to the selection, and look at the first of it.
   * @param {Iterable<string>} related items; others are passed over
   * @param {string | null} chosen the item that is selected itself; the groups around it open
   */
  mark(related, chosen) {
    if (chosen !== null && this._items.has(chosen)) this._reveal(chosen);
    const { boxOf, boxes } = this._drawing;
    const marked = new Set();
    for (const item of related) {
      const box = boxOf.get(item);
      if (box !== undefined) marked.add(box);
    }
    this._marked = { chosen: boxOf.get(chosen ?? "") ?? null, related: marked };
    const first = this._marked.chosen ?? boxes.find((box) => marked.has(box.id))?.id ?? null;
    this._svg.classList.toggle("has-related", first !== null);
    if (first !== null) {
      this._at = first;
      this._bringIntoView(first);
    }
    this._showMarks();
  }

  /** Show all of it, no larger than its own size. */
  fit() {
    const layout = this._layout;
    const { clientWidth: width, clientHeight: height } = this._svg;
    if (layout === null || width === 0) return;
    const whole = Math.min(width / layout.width, height / layout.height);
    // What would be too small to read is shown from its beginning.
    const scale = Math.min(1, Math.max(whole, READABLE));
    const [wide, high] = [scale * layout.width, scale * layout.height];
    const readers = new Set(this._drawing.edges.map(({ to }) => to));
    const x =
      wide < width
        ? (width - wide) / 2
        : -scale *
          fullest(
            this._drawing.boxes.map(({ id }) => /** @type {Place} */ (layout.boxes.get(id))),
            this._drawing.boxes.map(({ id }) => (readers.has(id) ? 1 : SOURCE)),
            layout.width,
            (width - CONTROLS) / scale,
            height / scale,
          );
    this._look(x, high < height ? (height - high) / 2 : 0, scale);
  }

  /** @param {string} item */
  _reveal(item) {
    const closed = pathTo(this._tree, item).filter((group) => !this._open.has(group));
    if (closed.length === 0) return;
    for (const group of closed) this._open.add(group);
    this._draw();
  }

  /** @param {string} group */
  _toggle(group) {
    const anchor = this._layout?.boxes.get(group) ?? this._layout?.clusters.get(group);
    if (this._open.has(group)) this._open.delete(group);
    else this._open.add(group);
    this._draw();
    const now = this._layout?.boxes.get(group) ?? this._layout?.clusters.get(group);
    if (anchor !== undefined && now !== undefined) {
      // The group stays where it was on the screen, by its upper edge.
      const { x, y, scale } = this._view;
      const top = anchor.y - anchor.height / 2 - (now.y - now.height / 2);
      this._look(x + scale * (anchor.x - now.x), y + scale * top, scale);
    }
    this._at = this._faces.has(group)
      ? group
      : (this._drawing.boxes.find((box) => box.cluster === group)?.id ?? null);
    this._showMarks();
    this._svg.dispatchEvent(new CustomEvent("drawn", { bubbles: true }));
  }

  _draw() {
    this._drawing = drawing(this._tree, this._items, (group) => this._open.has(group));
    this._faces = new Map(
      this._drawing.boxes.map((box) => [
        box.id,
        this._face("item" in box ? box.item : box.group, box.cluster),
      ]),
    );
    const sizeOf = (/** @type {string} */ id) => {
      const { lines, share } = /** @type {Face} */ (this._faces.get(id));
      return {
        width: WIDTH,
        height: 2 * PADDING + LINE * (1 + lines.length) + (share === null ? 0 : 5),
      };
    };
    this._layout = this._layouts.of(this._drawing, sizeOf, (label) => 6 * label.length + 6);
    this._paint();
  }

  /** Make the elements of what is in view, or of all of a small drawing. */
  _paint() {
    const layout = this._layout;
    if (layout === null) return;
    const isLarge = this._drawing.boxes.length > MOST_DRAWN;
    const area = isLarge ? this._seen(1) : null;
    this._area = area;
    this._isFar = isLarge && this._view.scale < LEGIBLE;
    const clusters = this._drawing.clusters.flatMap((cluster) => {
      const at = /** @type {Place} */ (layout.clusters.get(cluster.id));
      return isWithin(at, area) ? [this._clusterOf(cluster, at)] : [];
    });
    const seen = layout.routes.filter((route) => area === null || meets(route, area));
    const routes = seen.map((route) =>
      svg("path", {
        class: route.isWeak ? "edge weak" : "edge",
        d: smoothPath(route.points),
        ...(route.arrives ? { "marker-end": `url(#${this._arrow})` } : {}),
      }),
    );
    const labels = seen.flatMap(({ label, labelAt: at }) =>
      at === null || label === "" || this._isFar
        ? []
        : [svg("text", { class: "edge-label", x: at.x, y: at.y + 4 }, label)],
    );
    this._drawn = new Map();
    for (const box of this._drawing.boxes) {
      const at = /** @type {Place} */ (layout.boxes.get(box.id));
      if (isWithin(at, area))
        this._drawn.set(
          box.id,
          this._boxOf(box, /** @type {Face} */ (this._faces.get(box.id)), at),
        );
    }
    this._content.replaceChildren(...clusters, ...routes, ...labels, ...this._drawn.values());
    this._showMarks();
  }

  /**
   * The part of the drawing in view.
   * @param {number} more how often its own size is added at each side
   * @returns {Area}
   */
  _seen(more) {
    const { x, y, scale } = this._view;
    const [width, height] = [this._svg.clientWidth / scale, this._svg.clientHeight / scale];
    return {
      left: -x / scale - more * width,
      top: -y / scale - more * height,
      right: -x / scale + (1 + more) * width,
      bottom: -y / scale + (1 + more) * height,
    };
  }

  /** @param {Cluster} cluster @param {Place} at */
  _clusterOf(cluster, at) {
    const face = this._face(cluster.group, cluster.parent);
    const [x, y] = [at.x - at.width / 2, at.y - at.height / 2];
    const made = svg(
      "g",
      { class: `cluster ${face.phase}`, transform: `translate(${x},${y})` },
      svg("rect", { width: at.width, height: at.height, rx: 8 }),
      svg("text", { class: "toggle", x: 8, y: 12 }, `− ${face.title}`),
      svg("title", {}, `${face.hint}: click to close`),
    );
    made.addEventListener("click", () => this._toggle(cluster.id));
    return made;
  }

  /** @param {Box} box @param {Face} face @param {Place} at */
  _boxOf(box, face, at) {
    const texts = this._isFar ? [] : face.lines;
    const lines = texts.map((line, k) =>
      svg("text", { class: "line", x: PADDING + 5, y: PADDING + LINE * (k + 2) - 3 }, line),
    );
    const bar =
      face.share === null || this._isFar
        ? []
        : [
            svg("rect", {
              class: "scale",
              x: PADDING + 5,
              y: at.height - 8,
              width: WIDTH - 2 * PADDING - 5,
              height: 4,
              rx: 2,
            }),
            svg("rect", {
              class: "share",
              x: PADDING + 5,
              y: at.height - 8,
              width: face.share * (WIDTH - 2 * PADDING - 5),
              height: 4,
              rx: 2,
            }),
          ];
    const isGroup = "group" in box;
    const classes = ["box", face.phase, isGroup ? "group" : "", face.isNew ? "new" : ""];
    const made = svg(
      "g",
      {
        class: classes.join(" "),
        transform: `translate(${at.x - at.width / 2},${at.y - at.height / 2})`,
      },
      svg("rect", { class: "frame", width: at.width, height: at.height, rx: 5 }),
      svg("rect", { class: "edge-mark", width: 5, height: at.height, rx: 2 }),
      this._isFar
        ? null
        : svg("text", { class: "title", x: PADDING + 5, y: PADDING + LINE - 3 }, face.title),
      ...lines,
      ...bar,
      svg("title", {}, face.hint),
    );
    made.addEventListener("click", () => {
      this._at = box.id;
      if (!this._choose("item" in box ? box.item : box.group)) this._toggle(box.id);
      this._showMarks();
    });
    if (isGroup && !this._isFar) {
      const sign = svg(
        "g",
        { class: "opens", transform: `translate(${at.width - 22},4)` },
        svg("rect", { width: 18, height: 18, rx: 4 }),
        svg("text", { x: 9, y: 13.5 }, "+"),
        svg("title", {}, "open the group"),
      );
      sign.addEventListener("click", (event) => {
        event.stopPropagation();
        this._toggle(box.id);
      });
      made.append(sign);
    }
    return made;
  }

  _showMarks() {
    const { chosen, related } = this._marked;
    for (const [id, drawn] of this._drawn) {
      drawn.classList.toggle("at", id === this._at);
      drawn.classList.toggle("chosen", id === chosen);
      drawn.classList.toggle("related", id === chosen || related.has(id));
    }
  }

  /** @param {string} id */
  _bringIntoView(id) {
    const at = this._layout?.boxes.get(id);
    const { clientWidth: width, clientHeight: height } = this._svg;
    if (at === undefined || width === 0) return;
    let { x, y } = this._view;
    const { scale } = this._view;
    const margin = 24;
    const left = x + scale * (at.x - at.width / 2);
    const right = x + scale * (at.x + at.width / 2);
    const top = y + scale * (at.y - at.height / 2);
    const bottom = y + scale * (at.y + at.height / 2);
    if (left < margin || right > width - margin) x += width / 2 - (left + right) / 2;
    if (top < margin || bottom > height - margin) y += height / 2 - (top + bottom) / 2;
    this._look(x, y, scale);
  }

  /** @param {number} x @param {number} y @param {number} scale */
  _look(x, y, scale) {
    this._view = { x, y, scale };
    this._content.setAttribute("transform", `translate(${x},${y}) scale(${scale})`);
    if (this._area === null || this._waits) return;
    const isFar = scale < LEGIBLE;
    const seen = this._seen(0);
    const { left, top, right, bottom } = this._area;
    const isDrawn =
      left <= seen.left && top <= seen.top && seen.right <= right && seen.bottom <= bottom;
    if (isDrawn && isFar === this._isFar) return;
    this._waits = true;
    requestAnimationFrame(() => {
      this._waits = false;
      this._paint();
    });
  }

  /** @param {number} factor @param {number} [px] @param {number} [py] */
  _zoom(factor, px = this._svg.clientWidth / 2, py = this._svg.clientHeight / 2) {
    const { x, y, scale } = this._view;
    const next = Math.min(2.5, Math.max(0.05, scale * factor));
    this._look(px - ((px - x) * next) / scale, py - ((py - y) * next) / scale, next);
  }

  /** @param {number} dx @param {number} dy */
  _step(dx, dy) {
    const places = this._layout?.boxes;
    if (places === undefined || this._drawing.boxes.length === 0) return;
    const from = this._at === null ? undefined : places.get(this._at);
    if (from === undefined) {
      this._arrive(this._drawing.boxes[0]);
      return;
    }
    let [best, least] = [/** @type {Box | null} */ (null), Infinity];
    for (const box of this._drawing.boxes) {
      const to = /** @type {Place} */ (places.get(box.id));
      const along = dx * (to.x - from.x) + dy * (to.y - from.y);
      const across = Math.abs(dy * (to.x - from.x)) + Math.abs(dx * (to.y - from.y));
      if (box.id === this._at || along < 4 || (dy === 0 && across > 2 * along)) continue;
      const distance = along + 2 * across;
      if (distance < least) [best, least] = [box, distance];
    }
    if (best !== null) this._arrive(best);
  }

  /** @param {Box} box */
  _arrive(box) {
    this._at = box.id;
    this._bringIntoView(box.id);
    this._showMarks();
    this._choose("item" in box ? box.item : box.group);
  }

  _listen() {
    const keys = /** @type {Record<string, () => void>} */ ({
      ArrowDown: () => this._step(0, 1),
      ArrowUp: () => this._step(0, -1),
      ArrowLeft: () => this._step(-1, 0),
      ArrowRight: () => this._step(1, 0),
      "+": () => this._zoom(1.25),
      "-": () => this._zoom(0.8),
      0: () => this.fit(),
      Enter: () => this._openOrClose(),
      " ": () => this._openOrClose(),
    });
    this._svg.addEventListener("keydown", (event) => {
      if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      keys[event.key]();
    });
    this._svg.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        const { x, y, scale } = this._view;
        if (event.ctrlKey || event.metaKey)
          this._zoom(Math.exp(-event.deltaY / 200), event.offsetX, event.offsetY);
        else this._look(x - event.deltaX, y - event.deltaY, scale);
      },
      { passive: false },
    );
    this._svg.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const from = { x: event.clientX, y: event.clientY, view: this._view };
      let moved = false;
      const move = (/** @type {PointerEvent} */ now) => {
        const [dx, dy] = [now.clientX - from.x, now.clientY - from.y];
        moved ||= Math.hypot(dx, dy) > 4;
        if (moved) this._look(from.view.x + dx, from.view.y + dy, from.view.scale);
      };
      const end = () => {
        window.removeEventListener("pointermove", move);
        window.removeEventListener("pointerup", end);
        // A click that ends a drag chooses nothing.
        if (moved)
          window.addEventListener("click", (click) => click.stopPropagation(), {
            capture: true,
            once: true,
          });
      };
      window.addEventListener("pointermove", move);
      window.addEventListener("pointerup", end);
    });
  }

  _openOrClose() {
    const box = this._drawing.boxes.find((one) => one.id === this._at);
    if (box === undefined) return;
    if ("group" in box) this._toggle(box.id);
    else if (box.cluster !== null) this._toggle(box.cluster);
  }
}

/**
 * The left edge of the part of a drawing, at its top, that shows most of its boxes, those at the top
 * above all; they stand in its middle.
 * @param {Place[]} boxes
 * @param {number[]} weights how much each box matters
 * @param {number} whole the width of the drawing
 * @param {number} width of the part
 * @param {number} height of the part
 * @returns {number}
 */
export function fullest(boxes, weights, whole, width, height) {
  const lefts = boxes
    .map(({ x, y, width: wide, height: high }, k) => ({
      left: x - wide / 2,
      right: x + wide / 2,
      bottom: y + high / 2,
      weight: weights[k] * (1 - y / height),
    }))
    .filter(({ bottom }) => bottom <= height)
    .sort((one, other) => one.left - other.left);
  let best = { weight: 0, left: (whole - width) / 2 };
  lefts.forEach(({ left }, k) => {
    let [weight, right] = [0, left];
    for (let at = k; at < lefts.length && lefts[at].left < left + width; at += 1) {
      if (lefts[at].right > left + width) continue;
      weight += lefts[at].weight;
      right = Math.max(right, lefts[at].right);
    }
    if (weight > best.weight) best = { weight, left: (left + right - width) / 2 };
  });
  return Math.min(Math.max(0, best.left), whole - width);
}

/** @param {Place} place @param {Area | null} area */
function isWithin({ x, y, width, height }, area) {
  if (area === null) return true;
  return (
    x + width / 2 >= area.left &&
    x - width / 2 <= area.right &&
    y + height / 2 >= area.top &&
    y - height / 2 <= area.bottom
  );
}

/** @param {Route} route @param {Area} area */
function meets({ points }, area) {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  const left = Math.min(...xs);
  const top = Math.min(...ys);
  const [width, height] = [Math.max(...xs) - left, Math.max(...ys) - top];
  return isWithin({ x: left + width / 2, y: top + height / 2, width, height }, area);
}
