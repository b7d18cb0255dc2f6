/**
 * A graph whose nodes lie in groups within groups: what is drawn of it while some of the groups
 * are open. Blocks that repeat are a group of their own. A group with many members is divided further,
 * where it can be at the blocks of its branches, so that no drawing is ever large.
 */

import { OUTSIDE, branchesOf, repeatsOf } from "./repeats.js";

/** @import {Step} from "./repeats.js" */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string[]} path the groups that it lies in, the outermost first
 * @property {string[]} reads the ids of other items
 * @property {string} [likeness] equal for items that may be the same part of a repeated block;
 *   without one an item is like no other
 * @property {string[]} [labels] of what it reads, one for each
 * @property {boolean[]} [weak] which of these edges are drawn faintly
 *
 * What a group is: named by the paths of items, blocks that repeat, one of these or a block of
 * branches, or a stretch of a group with many children.
 * @typedef {"named" | "repeat" | "block" | "stretch"} Kind
 *
 * @typedef {object} Group
 * @property {string} id
 * @property {Kind} kind
 * @property {(Group | string)[]} children
 * @property {string[]} members the items in it at any depth, in order
 * @property {number} [times] how many blocks a repeat has
 * @property {number} [position] of a block among those of its repeat, from 1; a block of branches has
 *   none
 *
 * @typedef {object} Tree
 * @property {Group} root
 * @property {Map<string, Group>} holders the group that each item, and each group, is a child of
 *
 * @typedef {{id: string, item: string, cluster: string | null}} Single
 * @typedef {{id: string, group: Group, cluster: string | null}} Closed
 * @typedef {Single | Closed} Box an item, or a group that is closed; both within an open group
 * @typedef {{id: string, group: Group, parent: string | null}} Cluster an open group
 * @typedef {{from: string, to: string, label: string, count: number, isWeak: boolean}} Edge
 *
 * @typedef {object} Drawing
 * @property {Box[]} boxes
 * @property {Cluster[]} clusters each behind the one around it
 * @property {Edge[]} edges
 * @property {Map<string, string>} boxOf the box that each item is in
 */

/** The most children that an open group shows; with more it is divided. */
export const MOST_CHILDREN = 25;

/**
 * @param {Box} box
 * @returns {string[]} the items in it
 */
export function membersOf(box) {
  return "item" in box ? [box.item] : box.group.members;
}

/**
 * @param {Item[]} items
 * @returns {Tree}
 */
export function tree(items) {
  /** @type {Group} */
  const root = { id: "", kind: "named", children: [], members: [] };
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const item of items) {
    let above = root;
    root.members.push(item.id);
    for (const name of item.path) {
      const key = `${above.id}/${name}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { id: key, kind: "named", children: [], members: [] };
        groups.set(key, group);
        above.children.push(group);
      }
      group.members.push(item.id);
      above = group;
    }
    above.children.push(item.id);
  }
  const fold = new Folding(items);
  // What is within comes first: a group is like another one by what it holds.
  for (const group of [root, ...groups.values()].reverse()) fold.in(group);
  /** @type {Map<string, Group>} */
  const holders = new Map();
  const pending = [root];
  for (let group = pending.pop(); group !== undefined; group = pending.pop()) {
    divide(group);
    for (const child of group.children) {
      if (typeof child === "string") holders.set(child, group);
      else {
        holders.set(child.id, group);
        pending.push(child);
      }
    }
  }
  return { root, holders };
}

/** Makes a group of blocks that repeat. */
class Folding {
  /** @param {Item[]} items */
  constructor(items) {
    this._items = new Map(items.map((item) => [item.id, item]));
    /** @type {Map<string, number>} a number for each likeness */
    this._codes = new Map();
    /** @type {Map<string, number>} of groups */
    this._codeOf = new Map();
  }

  /** @param {Group} group whose groups were folded before */
  in(group) {
    const steps = this._steps(group);
    const isNone = steps.some(({ code }) => code < 0);
    const shape = steps.map(
      ({ code, sources }, k) =>
        `${code}(${sources.map((one) => (one === OUTSIDE ? "" : k - one)).join(" ")})`,
    );
    this._codeOf.set(group.id, isNone ? -1 : this._code(`group ${shape.join()}`));
    const repeats = repeatsOf(steps);
    for (const { start, period, times } of repeats.reverse()) {
      const children = group.children.slice(start, start + period * times);
      const id = `${group.id}/=${keyOf(children[0])}`;
      const blocks = Array.from({ length: period === 1 ? 0 : times }, (_, k) => {
        const own = children.slice(k * period, (k + 1) * period);
        return made(`${id}/${k}`, "block", own, { times, position: k + 1 });
      });
      const repeat = made(id, "repeat", period === 1 ? children : blocks, { times });
      group.children.splice(start, children.length, repeat);
    }
    if (group.children.length <= MOST_CHILDREN) return;
    for (const { start, length } of branchesOf(this._sources(group)).reverse()) {
      const children = group.children.slice(start, start + length);
      const id = `${group.id}/&${keyOf(children[0])}`;
      group.children.splice(start, length, made(id, "block", children));
    }
  }

  /**
   * The children of a group as steps of a sequence, each with the others that it reads.
   * @param {Group} group
   * @returns {Step[]}
   */
  _steps(group) {
    const sources = this._sources(group);
    let unlike = -1;
    return group.children.map((child, k) => {
      const known = this._codeOfChild(child);
      return { code: known < 0 ? unlike-- : known, sources: sources[k] };
    });
  }

  /**
   * The positions of the children of a group that each of them reads, ascending.
   * @param {Group} group
   * @returns {number[][]}
   */
  _sources({ children }) {
    /** @type {Map<string, number>} */
    const at = new Map();
    children.forEach((child, k) => {
      for (const item of typeof child === "string" ? [child] : child.members) at.set(item, k);
    });
    return children.map((child, k) => {
      const sources = new Set();
      for (const item of typeof child === "string" ? [child] : child.members) {
        for (const read of /** @type {Item} */ (this._items.get(item)).reads) {
          const source = at.get(read) ?? OUTSIDE;
          if (source !== k) sources.add(source);
        }
      }
      return [...sources].sort((one, other) => one - other);
    });
  }

  /** @param {Group | string} child */
  _codeOfChild(child) {
    if (typeof child !== "string") return /** @type {number} */ (this._codeOf.get(child.id));
    const { likeness } = /** @type {Item} */ (this._items.get(child));
    return likeness === undefined ? -1 : this._code(likeness);
  }

  /** @param {string} likeness */
  _code(likeness) {
    const known = this._codes.get(likeness) ?? this._codes.size;
    this._codes.set(likeness, known);
    return known;
  }
}

/** @param {Group | string} child */
function keyOf(child) {
  return typeof child === "string" ? child : child.id;
}

/**
 * A group of these children.
 * @param {string} id
 * @param {Kind} kind
 * @param {(Group | string)[]} children
 * @param {{times?: number, position?: number}} [more]
 * @returns {Group}
 */
function made(id, kind, children, more = {}) {
  const members = children.flatMap((one) => (typeof one === "string" ? [one] : one.members));
  return { id, kind, children, members, ...more };
}

/** @param {Group} group */
function divide(group) {
  let level = 0;
  while (group.children.length > MOST_CHILDREN) {
    const stretches = Math.ceil(group.children.length / MOST_CHILDREN);
    const length = Math.ceil(
      group.children.length / Math.min(stretches, MOST_CHILDREN * MOST_CHILDREN),
    );
    /** @type {Group[]} */
    const divided = [];
    for (let start = 0; start < group.children.length; start += length) {
      const children = group.children.slice(start, start + length);
      divided.push(made(`${group.id}/:${level}:${start}`, "stretch", children));
    }
    group.children = divided;
    level += 1;
  }
}

/**
 * What is drawn.
 * @param {Tree} tree
 * @param {Map<string, Item>} items
 * @param {(group: string) => boolean} isOpen
 * @returns {Drawing}
 */
export function drawing({ root }, items, isOpen) {
  /** @type {Box[]} */
  const boxes = [];
  /** @type {Cluster[]} */
  const clusters = [];
  /** @type {Map<string, string>} */
  const boxOf = new Map();
  /** @param {Group} group @param {string | null} cluster */
  const add = (group, cluster) => {
    for (const child of group.children) {
      if (typeof child === "string") {
        boxes.push({ id: child, item: child, cluster });
        boxOf.set(child, child);
      } else if (child.members.length === 1 && child.kind === "named") {
        add(child, cluster); // a group of one is no group
      } else if (isOpen(child.id)) {
        clusters.push({ id: child.id, group: child, parent: cluster });
        add(child, child.id);
      } else {
        boxes.push({ id: child.id, group: child, cluster });
        for (const member of child.members) boxOf.set(member, child.id);
      }
    }
  };
  add(root, null);
  /** @type {Edge[]} */
  const edges = [];
  /** @type {Map<string, Map<string, Edge>>} by both ends */
  const between = new Map();
  for (const item of items.values()) {
    const to = /** @type {string} */ (boxOf.get(item.id));
    item.reads.forEach((source, k) => {
      const from = boxOf.get(source);
      if (from === undefined || from === to) return;
      let into = between.get(to);
      if (into === undefined) between.set(to, (into = new Map()));
      const known = into.get(from);
      const label = item.labels?.[k] ?? "";
      const isWeak = item.weak?.[k] ?? false;
      if (known === undefined) {
        const edge = { from, to, label, count: 1, isWeak };
        into.set(from, edge);
        edges.push(edge);
      } else {
        known.count += 1;
        known.isWeak &&= isWeak;
        if (known.label !== label) known.label = "";
      }
    });
  }
  return { boxes, clusters, edges, boxOf };
}

/**
 * The groups around an item, the outermost first.
 * @param {Tree} tree
 * @param {string} item
 * @returns {string[]}
 */
export function pathTo({ root, holders }, item) {
  /** @type {string[]} */
  const path = [];
  let group = holders.get(item);
  while (group !== undefined && group !== root) {
    path.unshift(group.id);
    group = holders.get(group.id);
  }
  return path;
}
