/**
 * A graph whose nodes lie in groups within groups: what is drawn of it while some of the groups
 * are open. A group with many members is divided further, so that no drawing is ever large.
 */

/**
 * @typedef {object} Item
 * @property {string} id
 * @property {string[]} path the groups that it lies in, the outermost first
 * @property {string[]} reads the ids of other items
 * @property {string[]} [labels] of what it reads, one for each
 * @property {boolean[]} [weak] which of these edges are drawn faintly
 *
 * @typedef {object} Box
 * @property {string} id
 * @property {boolean} isGroup
 * @property {string} [divides] the group of which it is a stretch
 * @property {string[]} members the items in it, in order
 * @property {string | null} cluster the open group around it
 *
 * @typedef {{id: string, parent: string | null, divides?: string, members: string[]}} Cluster
 * @typedef {{from: string, to: string, label: string, count: number, isWeak: boolean}} Edge
 * @typedef {{boxes: Box[], clusters: Cluster[], edges: Edge[]}} Drawing
 *
 * @typedef {object} Group
 * @property {string} id
 * @property {string} [divides]
 * @property {(Group | string)[]} children
 * @property {string[]} members
 */

/** The most children that an open group shows; with more it is divided. */
export const MOST_CHILDREN = 25;

/**
 * @param {Item[]} items
 * @returns {Group}
 */
export function tree(items) {
  /** @type {Group} */
  const root = { id: "", children: [], members: [] };
  /** @type {Map<string, Group>} */
  const groups = new Map();
  for (const item of items) {
    let above = root;
    root.members.push(item.id);
    for (const name of item.path) {
      const key = `${above.id}/${name}`;
      let group = groups.get(key);
      if (group === undefined) {
        group = { id: key, children: [], members: [] };
        groups.set(key, group);
        above.children.push(group);
      }
      group.members.push(item.id);
      above = group;
    }
    above.children.push(item.id);
  }
  for (const group of [root, ...groups.values()]) divide(group);
  return root;
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
      const members = children.flatMap((one) => (typeof one === "string" ? [one] : one.members));
      const id = `${group.id}/:${level}:${start}`;
      divided.push({ id, divides: group.id, children, members });
    }
    group.children = divided;
    level += 1;
  }
}

/**
 * What is drawn.
 * @param {Group} root
 * @param {Map<string, Item>} items
 * @param {(group: string) => boolean} isOpen
 * @returns {Drawing}
 */
export function drawing(root, items, isOpen) {
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
        boxes.push({ id: child, isGroup: false, members: [child], cluster });
        boxOf.set(child, child);
      } else if (child.members.length === 1 && child.divides === undefined) {
        add(child, cluster); // a group of one is no group
      } else if (isOpen(child.id)) {
        clusters.push({
          id: child.id,
          parent: cluster,
          divides: child.divides,
          members: child.members,
        });
        add(child, child.id);
      } else {
        const { id, divides, members } = child;
        boxes.push({ id, isGroup: true, divides, members, cluster });
        for (const member of members) boxOf.set(member, id);
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
  return { boxes, clusters, edges };
}

/**
 * The groups around an item, the outermost first.
 * @param {Group} root
 * @param {string} item
 * @returns {string[]}
 */
export function pathTo(root, item) {
  /** @type {string[]} */
  const path = [];
  let group = root;
  for (;;) {
    const next = group.children.find(
      (child) => typeof child !== "string" && child.members.includes(item),
    );
    if (next === undefined || typeof next === "string") return path;
    path.push(next.id);
    group = next;
  }
}
