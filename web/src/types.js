/**
 * The document that graphc/view/document.py describes, and what the panes share.
 *
 * @typedef {"forward" | "gradient" | "update"} Phase
 *
 * @typedef {object} GraphNode
 * @property {string} op
 * @property {string} type
 * @property {string} attributes
 * @property {number[]} inputs
 * @property {string | null} name
 * @property {string | null} layer
 * @property {Phase} phase
 * @property {number[]} body
 * @property {number | null} loop
 *
 * @typedef {{rule: string, old: number | null, new: number | null}} Firing
 *
 * @typedef {object} Stage
 * @property {string} name
 * @property {number | null} seconds
 * @property {number} nodes
 * @property {number[]} outputs
 * @property {number} fetched
 * @property {Firing[]} firings
 *
 * @typedef {object} Layer
 * @property {string} name
 * @property {string | null} kind
 * @property {string | null} parent
 * @property {string | null} type
 * @property {number} parameters
 * @property {{source: string, type: string}[]} reads
 *
 * @typedef {object} Kernel
 * @property {string} name
 * @property {string} kind
 * @property {string[]} layers
 * @property {string[]} ops
 * @property {number[]} extents
 * @property {number} step
 * @property {{times: number, grid?: number[], block?: number[], shared?: number}} launch
 * @property {number} flops
 * @property {number} bytes
 * @property {number} fewest
 * @property {number | null} moved
 * @property {{value: string, written: boolean, bytes: number}[]} moves the parts of `moved`
 * @property {number | null} ratio
 * @property {string[]} reads
 * @property {string[]} writes
 * @property {string | null} continues
 * @property {string | null} repeats
 * @property {string} reason
 * @property {string[]} notes
 * @property {string} source
 *
 * @typedef {object} KernelTotals
 * @property {number} kernels
 * @property {number} launches
 * @property {number} flops
 * @property {number} fewest
 * @property {number | null} moved
 * @property {number | null} ratio
 *
 * @typedef {object} KernelList
 * @property {string} model
 * @property {string} summary
 * @property {string} title
 * @property {string} target
 * @property {Record<string, number>} sizes
 * @property {Kernel[]} kernels
 * @property {KernelTotals} totals
 *
 * @typedef {object} Buffer
 * @property {string} name
 * @property {string} dtype
 * @property {number[]} shape
 * @property {number} bytes
 * @property {"state" | "constant" | "input" | "arena"} held
 * @property {[number, number]} steps
 * @property {number | null} offset
 * @property {string[]} readers
 * @property {string[]} writers
 *
 * @typedef {object} Memory
 * @property {string} target
 * @property {number} peak
 * @property {number} states
 * @property {number} constants
 * @property {number} inputs
 * @property {number} arena
 * @property {number} live
 * @property {number} scratch
 * @property {number} threads
 * @property {Buffer[]} buffers
 *
 * @typedef {{median: number, spread: number, samples: number, least: number}} Span
 *
 * @typedef {object} MeasuredRow
 * @property {string} name
 * @property {number} times
 * @property {Span} ms
 * @property {number} share
 * @property {number} gflops
 * @property {number} gbytes
 *
 * @typedef {object} Measured
 * @property {"cpu" | "gpu"} device
 * @property {string} executor
 * @property {{threads?: number}} facts
 * @property {Span} step
 * @property {Span | null} between
 * @property {MeasuredRow[]} rows
 * @property {string[]} notes
 *
 * @typedef {object} CompiledView
 * @property {number} format
 * @property {string} graphc
 * @property {Record<string, string>} flags
 * @property {KernelList} kernels
 * @property {Memory} memory
 * @property {Measured | null} measured
 * @property {Layer[]} layers
 * @property {GraphNode[]} nodes
 * @property {Stage[]} stages
 * @property {{nodes: number[], flops: Record<string, number>, lines: Record<string, number[]>, code: string}[]} kernel_links
 * @property {(number | null)[]} value_nodes
 *
 * @typedef {object} LayerPair
 * @property {string | null} before
 * @property {string | null} after
 * @property {string[]} changes
 *
 * @typedef {object} KernelPair
 * @property {number | null} before
 * @property {number | null} after
 * @property {string[]} changes
 * @property {boolean | null} is_close
 * @property {number[]} lost
 * @property {number[]} gained
 * @property {number[]} elsewhere
 *
 * @typedef {object} ComparedBuilds
 * @property {number} format
 * @property {string} graphc
 * @property {[string, string]} names
 * @property {[CompiledView, CompiledView]} builds
 * @property {{name: string, before: string, after: string}[]} facts
 * @property {boolean | null} step_is_close
 * @property {LayerPair[]} layers
 * @property {KernelPair[]} kernels
 *
 * What is looked at: one of these, by name (of a layer) or position in the document.
 * @typedef {{kind: "layer", id: string} | {kind: "node" | "kernel" | "value", id: number}} Selection
 *
 * What belongs to a selection, in each of the four tables.
 * @typedef {object} Related
 * @property {Set<string>} layers
 * @property {Set<number>} nodes
 * @property {Set<number>} kernels
 * @property {Set<number>} values
 */
export {};
