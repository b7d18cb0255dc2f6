/** The memory of a step: which value lies where in the arena, and from when to when. */

import { neighbour, peakOf, stayAt, staysOf } from "./arena.js";
import { element, pane } from "./dom.js";
import { counted, milliseconds, quantity, shortened } from "./format.js";
import { laneOf, phaseOf, stepAt, timelineOf } from "./timeline.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Selection} from "./types.js" */
/** @import {Timeline} from "./timeline.js" */

const LEFT = 56;
const BOTTOM = 20;
const LANE_TOP = 6;
const LANE = 18;
const TOP = LANE_TOP + LANE + 20;
const RIGHT = 10;
const LARGEST = 10;

/** The width of a rectangle below which no name fits. */
const NARROWEST = 22;

/** The most letters of the shorter forms of a value's name. */
const SHORTER = [40, 30, 22, 16, 10];

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function memoryPane(index, store) {
  const { memory } = index.view;
  const stays = staysOf(memory);
  const byValue = new Map(stays.map((stay) => [stay.value, stay]));
  const bySize = [...stays].sort((one, other) => one.bytes - other.bytes);
  const peak = peakOf(stays);
  const phases = index.kernels.map((_, k) => phaseOf(index, k));
  const {
    pane: made,
    head,
    body,
  } = pane("memory", index.time.size > 0 ? "A step in time, and its memory" : "Memory");
  const parts = [
    ["states", memory.states],
    ["constants", memory.constants],
    ["inputs", memory.inputs],
    ["arena", memory.arena],
    ["scratch", memory.scratch],
  ].filter(([, bytes]) => Number(bytes) > 0);
  const summary = `${quantity(memory.peak, "B")} at most: ${parts.map(([name, bytes]) => `${name} ${quantity(Number(bytes), "B")}`).join(", ")}`;
  head.insertBefore(element("span", { class: "count" }, summary), head.lastChild);
  const [lane, meaning] = laneOf(index.view.measured);
  const canvas = element("canvas", {
    tabindex: 0,
    role: "application",
    "aria-label": `Arena, ${counted(stays.length, "value")} over ${counted(index.view.kernels.totals.kernels, "kernel")}: arrow keys go from value to value`,
  });
  const tip = element("div", { class: "tip", hidden: true });
  const note = meaning === "" ? null : element("p", { class: "lane" }, `${lane}: ${meaning}.`);
  const largest = element("ol", { class: "largest", "aria-label": "The largest values" });
  body.append(
    element("div", { class: "arena" }, canvas, tip, note),
    element("div", { class: "list" }, element("h3", {}, "Largest values"), largest),
  );
  index.values.slice(0, LARGEST).forEach((value, k) => {
    const row = element(
      "button",
      { "data-value": k, title: value.name, onclick: () => store.select({ kind: "value", id: k }) },
      element("span", { class: "name" }, value.name),
      element("span", { class: "held" }, value.held),
      element("span", { class: "bytes" }, quantity(value.bytes, "B")),
    );
    largest.append(element("li", {}, row));
  });

  let timeline = timelineOf(index, true);
  const scale = () => {
    const [width, height] = [canvas.clientWidth - LEFT - RIGHT, canvas.clientHeight - TOP - BOTTOM];
    const { starts } = timeline;
    const end = starts[starts.length - 1];
    return {
      along: (/** @type {number} */ at) => LEFT + (width * at) / end,
      x: (/** @type {number} */ step) => LEFT + (width * starts[step]) / end,
      y: (/** @type {number} */ byte) => TOP + height - (height * byte) / Math.max(1, memory.arena),
      at: (/** @type {number} */ x) => ((x - LEFT) * end) / width,
      byte: (/** @type {number} */ y) => ((TOP + height - y) * memory.arena) / height,
    };
  };
  const draw = () => {
    const context = canvas.getContext("2d");
    const { clientWidth: width, clientHeight: height } = canvas;
    if (context === null || width === 0) return;
    const ratio = window.devicePixelRatio;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(canvas);
    const colour = (/** @type {string} */ name) => style.getPropertyValue(`--${name}`).trim();
    const { along, x, y } = scale();
    const { selection, related } = store.state;
    const marked = selection !== null;
    context.font = `11px ${style.getPropertyValue("font-family")}`;
    context.fillStyle = colour("faint");
    context.strokeStyle = colour("line");
    context.lineWidth = 1;
    for (const part of [0, 0.5, 1]) {
      const at = Math.round(y(part * memory.arena)) + 0.5;
      context.beginPath();
      context.moveTo(LEFT, at);
      context.lineTo(width - RIGHT, at);
      context.stroke();
      context.textAlign = "right";
      context.fillText(
        quantity(part * memory.arena, "B"),
        LEFT - 6,
        Math.min(height - BOTTOM, Math.max(TOP + 8, at + 4)),
      );
    }
    context.textAlign = "center";
    for (const [at, text] of marksOf(timeline, Math.floor((width - LEFT) / 60))) {
      context.fillText(text, along(at), height - 5);
    }
    context.fillStyle = colour("faint");
    context.textAlign = "right";
    context.fillText(lane, LEFT - 6, LANE_TOP + LANE / 2 + 4);
    timeline.spans.forEach(({ kernel, from, to }) => {
      const isMarked = related.kernels.has(kernel);
      const [left, wide] = [along(from), Math.max(1, along(to) - along(from))];
      context.globalAlpha = marked && !isMarked ? 0.25 : 1;
      context.fillStyle = colour(phases[kernel]);
      context.fillRect(left, LANE_TOP, wide - (wide > 3 ? 1 : 0), LANE);
      context.globalAlpha = 1;
      if (isMarked && wide > 2) {
        context.strokeStyle = colour("text");
        context.lineWidth = 1.5;
        context.strokeRect(left + 0.75, LANE_TOP + 0.75, Math.max(1, wide - 2.5), LANE - 1.5);
      }
      if (wide > NARROWEST && (!marked || isMarked)) {
        const { name } = index.kernels[kernel];
        const texts = [name, name.replace(/_.*/, "")];
        label(context, texts, left, LANE_TOP, wide, LANE, colour("on-phase"));
      }
    });
    // Large values hide small ones where a pixel has several.
    for (const stay of bySize) {
      const node = index.view.value_nodes[stay.value];
      const phase = node === null ? "other" : index.nodes[node].phase;
      const isMarked = related.values.has(stay.value);
      const [left, top] = [x(stay.first), y(stay.offset + stay.bytes)];
      const [wide, high] = [
        Math.max(1, x(stay.last + 1) - left),
        Math.max(1, y(stay.offset) - top),
      ];
      context.globalAlpha = marked && !isMarked ? 0.25 : 0.85;
      context.fillStyle = colour(phase);
      context.fillRect(left, top, wide - (wide > 3 ? 1 : 0), high - (high > 3 ? 1 : 0));
      context.globalAlpha = 1;
      if (isMarked) {
        context.strokeStyle = colour("text");
        context.lineWidth = high > 8 ? 2 : 1;
        context.strokeRect(left + 1, top + 1, Math.max(1, wide - 3), Math.max(1, high - 3));
      }
      const name = index.values[stay.value].name;
      if (high > 13 && wide > NARROWEST && (!marked || isMarked)) {
        const texts = [name, ...SHORTER.map((most) => shortened(name, most))];
        label(context, texts, left, top, wide, high, colour("on-phase"));
      }
    }
    if (stays.length > 0) {
      const at = (x(peak.step) + x(peak.step + 1)) / 2;
      context.strokeStyle = colour("text");
      context.lineWidth = 1;
      context.setLineDash([4, 3]);
      context.beginPath();
      context.moveTo(at, LANE_TOP + LANE);
      context.lineTo(at, height - BOTTOM);
      context.stroke();
      context.setLineDash([]);
      context.fillStyle = colour("text");
      const text = `most in use: ${quantity(memory.live, "B")}`;
      const room = context.measureText(text).width + 12;
      const start = at + room > width ? at - room : at + 4;
      context.fillStyle = colour("surface");
      context.globalAlpha = 0.85;
      context.fillRect(start, LANE_TOP + LANE + 2, room - 4, 15);
      context.globalAlpha = 1;
      context.fillStyle = colour("text");
      context.textAlign = "left";
      context.fillText(text, start + 4, LANE_TOP + LANE + 14);
    } else {
      context.fillStyle = colour("faint");
      context.textAlign = "center";
      context.fillText("No value lies in the arena.", width / 2, height / 2);
    }
  };
  const isInLane = (/** @type {MouseEvent} */ { offsetX, offsetY }) =>
    meaning !== "" && offsetX < LEFT && offsetY < LANE_TOP + LANE;
  /** @param {MouseEvent} event @returns {Selection | null} */
  const under = (event) => {
    const { at, byte } = scale();
    const place = at(event.offsetX);
    if (event.offsetY < LANE_TOP + LANE + 2) {
      const span = timeline.spans.find(({ from, to }) => from <= place && place < to);
      return span === undefined ? null : { kind: "kernel", id: span.kernel };
    }
    const stay = stayAt(stays, stepAt(timeline, place) + 0.5, byte(event.offsetY));
    return stay === null ? null : { kind: "value", id: stay.value };
  };
  canvas.addEventListener("click", (event) => store.select(under(event)));
  canvas.addEventListener("mousemove", (event) => {
    const found = under(event);
    const texts = found !== null ? tipOf(index, found) : isInLane(event) ? [lane, meaning] : [];
    tip.hidden = texts.length === 0;
    const [name, ...lines] = texts;
    if (name === undefined) return;
    tip.replaceChildren(element("b", {}, name), ...lines.map((line) => element("span", {}, line)));
    const toLeft = event.offsetX > canvas.clientWidth - 260;
    tip.style.left = toLeft ? "" : `${event.offsetX + 14}px`;
    tip.style.right = toLeft ? `${canvas.clientWidth - event.offsetX + 10}px` : "";
    tip.style.top = `${Math.min(event.offsetY + 10, canvas.clientHeight - 64)}px`;
  });
  canvas.addEventListener("mouseleave", () => (tip.hidden = true));
  canvas.addEventListener("keydown", (event) => {
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowRight: [1, 0],
      ArrowLeft: [-1, 0],
      ArrowUp: [0, 1],
      ArrowDown: [0, -1],
    });
    const step = steps[event.key];
    if (step === undefined || stays.length === 0) return;
    event.preventDefault();
    const { selection } = store.state;
    const from = selection?.kind === "value" ? byValue.get(selection.id) : undefined;
    const next = from === undefined ? stays[0] : neighbour(stays, from, ...step);
    if (next !== null) store.select({ kind: "value", id: next.value });
  });
  if (index.time.size > 0) {
    const axis = element(
      "select",
      { "aria-label": "Across", title: "Steps as long as they take, or all as wide" },
      element("option", {}, "by measured time"),
      element("option", {}, "by step"),
    );
    axis.addEventListener("change", () => {
      timeline = timelineOf(index, axis.selectedIndex === 0);
      draw();
    });
    head.insertBefore(axis, head.lastChild);
  }
  requestAnimationFrame(() => {
    store.subscribe(({ selection, related }) => {
      for (const row of largest.querySelectorAll("button")) {
        const value = Number(row.dataset.value);
        row.classList.toggle("related", related.values.has(value));
        row.classList.toggle("chosen", selection?.kind === "value" && selection.id === value);
      }
      draw();
    });
    new ResizeObserver(draw).observe(canvas);
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    document.addEventListener("themed", draw);
  });
  return made;
}

/**
 * What is written below the axis: the numbers of steps, or times.
 * @param {Timeline} timeline
 * @param {number} most
 * @returns {[number, string][]} places and texts
 */
export function marksOf({ starts, isTimed }, most) {
  const end = starts[starts.length - 1];
  if (isTimed) {
    const rough = end / Math.max(1, most);
    const power = 10 ** Math.floor(Math.log10(rough));
    const apart = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? rough;
    const count = Math.floor(end / apart);
    return Array.from({ length: count + 1 }, (_, k) => [
      k * apart,
      k === 0 ? "0" : milliseconds(k * apart),
    ]);
  }
  const apart = Math.max(1, Math.ceil(end / Math.max(1, most)));
  /** @type {[number, string][]} */
  const marks = [];
  for (let step = 0; step < starts.length - 1; step += apart)
    marks.push([step + 0.5, String(step)]);
  return marks;
}

/**
 * @param {CompiledIndex} index
 * @param {Selection} of a kernel or a value
 * @returns {string[]}
 */
function tipOf(index, { kind, id }) {
  if (kind === "kernel") {
    const kernel = index.kernels[id];
    const time = index.time.get(id);
    const taken = time === undefined ? [] : [`${milliseconds(time)} of a step`];
    const layers = kernel.layers.join(", ") || "no layer";
    return [kernel.name, layers, ...taken, `step ${kernel.step}`];
  }
  const { name, dtype, shape, bytes, steps, offset } = index.values[Number(id)];
  return [
    name,
    `${dtype}[${shape.join(", ")}], ${quantity(bytes, "B")}`,
    `steps ${steps[0]} to ${steps[1]}, from byte ${(offset ?? 0).toLocaleString("en-US")}`,
  ];
}

/**
 * A name within a rectangle: the first of its forms that fits, if one does.
 * @param {CanvasRenderingContext2D} context
 * @param {string[]} texts
 * @param {number} left
 * @param {number} top
 * @param {number} wide
 * @param {number} high
 * @param {string} colour
 */
function label(context, texts, left, top, wide, high, colour) {
  const text = texts.find((one) => context.measureText(one).width <= wide - 9);
  if (text === undefined) return;
  context.fillStyle = colour;
  context.textAlign = "left";
  context.fillText(text, left + 5, top + Math.min(high / 2 + 4, 14));
}
