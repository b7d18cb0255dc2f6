/** The graph ahead of the passes, after each of them, and as the kernels compute it. */

import { element, pane } from "./dom.js";
import { counted, shapeOf, shortened } from "./format.js";
import { GraphView } from "./graph_view.js";

/** @import {CompiledIndex} from "./compiled_index.js" */
/** @import {Store} from "./store.js" */
/** @import {Group, Item} from "./hierarchy.js" */
/** @import {Face} from "./graph_view.js" */
/** @import {Phase, Stage} from "./types.js" */

/** @type {Phase[]} */
const PHASES = ["forward", "gradient", "update"];

/** @type {Record<Phase, string>} */
const TITLES = { forward: "forward values", gradient: "gradients", update: "updates" };
const TITLE = 24;
/** Of a group, which has a sign at its right. */
const GROUP_TITLE = 19;
const LINE = 28;

/**
 * The rules that fired in a stage, the most frequent first.
 * @param {Stage} stage
 * @returns {{rule: string, count: number, nodes: number[]}[]}
 */
export function firedRules(stage) {
  /** @type {Map<string, {rule: string, count: number, nodes: number[]}>} */
  const rules = new Map();
  for (const firing of stage.firings) {
    const known = rules.get(firing.rule) ?? { rule: firing.rule, count: 0, nodes: [] };
    known.count += 1;
    if (firing.new !== null && !known.nodes.includes(firing.new)) known.nodes.push(firing.new);
    rules.set(firing.rule, known);
  }
  return [...rules.values()].sort((a, b) => b.count - a.count);
}

/**
 * The nodes of a stage that are drawn, as items of a hierarchy: by phase, then by layer.
 * @param {CompiledIndex} index
 * @param {number} stage
 * @param {Set<Phase>} phases
 * @returns {Item[]}
 */
export function itemsOf(index, stage, phases) {
  // Groups stand in the order of the network, gradients in the opposite one. What follows from what
  // alone would scatter them: a statistic of a layer may be what an update needs, and come last.
  const placeOf = (/** @type {number} */ number) => {
    const { layer, phase } = index.nodes[number];
    const at = 1 + (index.layerAt.get(layer ?? "") ?? -1);
    const turned = phase === "gradient" && at > 0 ? index.layers.length + 1 - at : at;
    return PHASES.indexOf(phase) * (index.layers.length + 1) + turned;
  };
  const order = index
    .order(stage)
    .filter((node) => !index.isSilent(node) && phases.has(index.nodes[node].phase))
    .map((node) => ({ node, place: placeOf(node) }))
    .sort((one, other) => one.place - other.place)
    .map(({ node }) => node);
  const drawn = new Set(order);
  return order.map((number) => {
    const node = index.nodes[number];
    const layer = node.layer ?? (node.phase === "update" ? null : "");
    const named = layer === null ? [] : [`${node.phase}:${encodeURIComponent(layer)}`];
    const inputs = [...node.inputs, ...node.body].filter((one) => drawn.has(one));
    return {
      id: String(number),
      path: node.op === "input" ? [] : [node.phase, ...named],
      reads: inputs.map(String),
      // Weights go to gradients and updates, far away.
      weak: inputs.map((one) => index.nodes[one].op === "shared"),
      likeness: `${node.op} ${node.type} ${node.attributes}`,
    };
  });
}

/** The id of the group of all nodes of a phase. @param {Phase} phase */
function groupOf(phase) {
  return `/${phase}`;
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @returns {HTMLElement}
 */
export function graphPane(index, store) {
  /** @type {Set<Phase>} */
  const phases = new Set(PHASES);
  /** @type {{stage: number, added: Set<number>}} */
  let shown = { stage: -1, added: new Set() };
  const filters = PHASES.map((phase) =>
    element(
      "label",
      { class: `filter ${phase}` },
      element("input", {
        type: "checkbox",
        checked: true,
        onchange: (/** @type {{target: HTMLInputElement}} */ event) => {
          if (event.target.checked) phases.add(phase);
          else phases.delete(phase);
          show();
        },
      }),
      phase,
    ),
  );
  const { pane: made, body } = pane("nodes", "Graph", filters);
  const stages = element("div", {
    class: "stages",
    role: "radiogroup",
    "aria-label": "Stage of the compilation",
  });
  const buttons = index.stages.map((stage, k) => {
    const { added, removed } = index.changes(k);
    const change =
      k === 0 ? "" : added.size + removed === 0 ? "unchanged" : `+${added.size} −${removed}`;
    const button = element(
      "button",
      {
        role: "radio",
        class: added.size + removed === 0 && k > 0 ? "stage unchanged" : "stage",
        title: `${titleOf(stage)}: ${counted(stage.nodes, "node")}${stage.seconds === null ? "" : `, ${(1000 * stage.seconds).toFixed(1)} ms`}`,
        onclick: () => store.showStage(k),
      },
      element("b", {}, titleOf(stage)),
      element("small", {}, `${stage.nodes.toLocaleString("en-US")} ${change}`),
    );
    return button;
  });
  stages.append(...buttons);
  stages.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const next = Math.min(index.stages.length - 1, Math.max(0, store.state.stage + step));
    store.showStage(next);
    buttons[next].focus();
  });
  const rules = element("div", { class: "rules" });
  const canvas = element("div", { class: "canvas" });
  body.append(stages, canvas, rules);

  /** @param {Group | string} what @param {string | null} around the open group @returns {Face} */
  const face = (what, around) => {
    const members = (typeof what === "string" ? [what] : what.members).map(Number);
    const fresh = members.filter((node) => shown.added.has(node)).length;
    if (typeof what === "string") {
      const node = index.nodes[members[0]];
      const inline = node.inputs
        .filter((one) => index.isSilent(one))
        .map((one) => constantText(index, one));
      const attributes = [...inline, node.attributes].filter((text) => text !== "").join(", ");
      return {
        title: shortened(node.name === null ? node.op : `${node.op} ${node.name}`, TITLE),
        lines: [
          [around === null ? node.layer : "", shapeOf(node.type)].filter(Boolean).join("  "),
          attributes,
        ]
          .filter((line) => line !== "")
          .map((line) => shortened(line, LINE)),
        phase: node.phase,
        isNew: fresh > 0,
        share: null,
        hint: [
          `${node.op} ${node.name ?? ""}`,
          node.type,
          attributes,
          node.layer ?? "no layer",
          fresh > 0 ? "new in this pass" : "",
        ]
          .filter((line) => line !== "")
          .join("\n"),
      };
    }
    const { layer, phase } = index.nodes[members[0]];
    const last = index.nodes[members[members.length - 1]].layer;
    const ends = [layer, last].map((one) => one ?? "no layer");
    const whole = PHASES.find((one) => what.id === groupOf(one));
    const title =
      whole !== undefined
        ? TITLES[whole]
        : layer === last
          ? (layer ?? "of no layer")
          : ends.map((one) => shortened(one, 8)).join(" … ");
    const { kind, times = 1, position } = what;
    const [child] = what.children;
    const unit =
      typeof child === "string"
        ? index.nodes[members[0]].op
        : child.kind === "block"
          ? "block"
          : "layer";
    const heads = {
      named: title,
      stretch: title,
      repeat: `${unit} × ${times.toLocaleString("en-US")}`,
      block: position === undefined ? "block" : `block ${position} of ${times}`,
    };
    const count = `${counted(members.length, "node")}${fresh > 0 ? `, ${fresh} new` : ""}`;
    const lines = [kind === "stretch" ? `${count}, in order` : `${count}  ${phase}`];
    if (title !== heads[kind]) lines.unshift(title);
    return {
      title: shortened(heads[kind], GROUP_TITLE),
      lines: lines.map((line) => shortened(line, LINE)),
      phase,
      isNew: fresh > 0,
      share: null,
      hint: `${title}, ${phase}: ${counted(members.length, "node")}`,
    };
  };

  const view = new GraphView(canvas, {
    label: "Graph",
    face,
    choose: (what) => {
      if (typeof what === "string") {
        store.select({ kind: "node", id: Number(what) });
        return true;
      }
      const { layer } = index.nodes[Number(what.members[0])];
      const isOfLayer = what.kind === "named" && !PHASES.some((one) => what.id === groupOf(one));
      if (!isOfLayer || layer === null || !index.layerAt.has(layer)) return false;
      store.select({ kind: "layer", id: layer });
      return true;
    },
    opened: [groupOf("forward"), groupOf("gradient")],
  });

  const show = () => {
    const { stage } = store.state;
    shown = { stage, added: index.changes(stage).added };
    buttons.forEach((button, k) => {
      button.setAttribute("aria-checked", String(k === stage));
      button.tabIndex = k === stage ? 0 : -1;
    });
    buttons[stage].scrollIntoView({ block: "nearest", inline: "nearest" });
    view.show(itemsOf(index, stage, phases));
    rules.replaceChildren(...rulesOf(index, store, stage));
    mark();
  };
  const mark = () => {
    const { selection, related } = store.state;
    const chosen = selection?.kind === "node" ? String(selection.id) : null;
    view.mark([...related.nodes].map(String), chosen);
  };
  requestAnimationFrame(() => {
    store.subscribe((state) => {
      if (state.stage !== shown.stage) show();
      else mark();
    });
  });
  made.addEventListener("resized", () => view.fit());
  return made;
}

/** @param {Stage} stage */
export function titleOf(stage) {
  if (stage.name === "given") return "as built";
  return stage.name === "kernels" ? "as kernels compute it" : stage.name;
}

/**
 * @param {CompiledIndex} index
 * @param {Store} store
 * @param {number} stage
 * @returns {HTMLElement[]}
 */
function rulesOf(index, store, stage) {
  const { added, removed } = index.changes(stage);
  const here = index.stages[stage];
  if (stage === 0)
    return [element("p", {}, "The graph of layers, gradients and updates, ahead of all passes.")];
  const fired = firedRules(here);
  const head = `${titleOf(here)}: ${counted(added.size, "new node")}, ${removed.toLocaleString("en-US")} gone, ${counted(here.firings.length, "rewrite")}`;
  const rows = fired.map(({ rule, count, nodes }) => {
    const row = element(
      "button",
      { class: "rule", title: rule, disabled: nodes.length === 0 },
      element("span", { class: "times" }, `${count}×`),
      element("code", {}, rule),
    );
    let next = 0;
    row.addEventListener("click", () => {
      store.select({ kind: "node", id: nodes[next % nodes.length] });
      next += 1;
    });
    return row;
  });
  return [element("p", {}, head), ...rows];
}

/** @param {CompiledIndex} index @param {number} number */
function constantText(index, number) {
  let node = index.nodes[number];
  while (node.op !== "constant" && node.inputs.length === 1) node = index.nodes[node.inputs[0]];
  return node.op === "constant" ? node.attributes.replace(/^value=/, "") : node.op;
}
