/** Words of C++ and CUDA, to be coloured. */

/** @typedef {{text: string, kind: "comment" | "keyword" | "type" | "number" | "call" | "string" | ""}} Token */

const KEYWORDS = new Set(
  "alignas break const constexpr continue default do else extern for if inline namespace reinterpret_cast return sizeof static static_cast struct template typename using while __global__ __device__ __shared__ __restrict__ __launch_bounds__ __syncthreads __syncwarp true false".split(
    " ",
  ),
);
const TYPES = new Set(
  "auto bool char double float int long short signed size_t unsigned void gc_byte gc_int64 gc_uint64 gc_words".split(
    " ",
  ),
);

const WORDS =
  /(\/\/.*)|(^\s*#.*)|("[^"]*")|([A-Za-z_]\w*)(?=(\s*\()?)|(\b\d[\w.]*(?:e[+-]?\d+\w*)?)|(\s+)|([^\s\w"])/g;

/**
 * @param {string} line
 * @returns {Token[]} which make up the line
 */
export function tokens(line) {
  /** @type {Token[]} */
  const found = [];
  let end = 0;
  /** @param {string} text @param {Token["kind"]} kind */
  const add = (text, kind) => {
    const last = found.at(-1);
    if (last !== undefined && last.kind === kind) last.text += text;
    else found.push({ text, kind });
  };
  for (const match of line.matchAll(WORDS)) {
    if (match.index > end) add(line.slice(end, match.index), "");
    const [text, comment, directive, string, word, call, digits] = match;
    end = match.index + text.length;
    if (comment !== undefined) add(text, "comment");
    else if (directive !== undefined) add(text, "keyword");
    else if (string !== undefined) add(text, "string");
    else if (word !== undefined)
      add(
        text,
        KEYWORDS.has(word)
          ? "keyword"
          : TYPES.has(word)
            ? "type"
            : call === undefined
              ? ""
              : "call",
      );
    else add(text, digits === undefined ? "" : "number");
  }
  if (end < line.length) add(line.slice(end), "");
  return found;
}
