import { MersenneTwister } from "kvmirror";

/** A stream of draws that a seed fixes. */
export class Draws {
  readonly #stream: MersenneTwister;

  /** Seeds the stream by a text. */
  constructor(seed: string) {
    let hash = 0xcbf29ce484222325n; // FNV-1a, 64 bits
    for (const byte of new TextEncoder().encode(seed)) {
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
    }
    this.#stream = new MersenneTwister(hash);
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.#stream.random() * limit);
  }

  /** One of the values. */
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)];
  }
}

/** Whole numbers of 32 and 64 bits at whose edges readers go wrong. */
const EDGES: readonly bigint[] = [0n, 1n, 2n, 255n, 65_535n, (1n << 31n) - 1n, 1n << 31n, (1n << 32n) - 1n, 1n << 40n]
  .concat([(1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]);

type ByteChange = (bytes: Uint8Array, draws: Draws) => Uint8Array;

/** What is done to bytes. */
const BYTE_CHANGES: readonly ByteChange[] = [
  (bytes, draws) => overwrite(bytes, draws.below(bytes.length), Uint8Array.of(draws.below(256))),
  (bytes, draws) => {
    const at = draws.below(bytes.length);
    return overwrite(bytes, at, Uint8Array.of(bytes[at] ^ (1 << draws.below(8))));
  },
  (bytes, draws) => bytes.slice(0, draws.below(bytes.length)),
  (bytes, draws) => splice(bytes, draws.below(bytes.length), 1 + draws.below(16), new Uint8Array(0)),
  (bytes, draws) => {
    const [from, to] = [draws.below(bytes.length), draws.below(bytes.length)];
    return splice(bytes, to, 0, bytes.slice(from, from + 1 + draws.below(64)));
  },
  (bytes, draws) => splice(bytes, draws.below(bytes.length), 0, random(draws, 1 + draws.below(16))),
  (bytes, draws) => overwrite(bytes, draws.below(bytes.length), edge(draws)),
  // Fields of 4 and 8 bytes mostly stand at multiples of 4.
  (bytes, draws) => overwrite(bytes, 4 * draws.below(Math.ceil(bytes.length / 4)), edge(draws)),
  (bytes) => splice(bytes, 0, 0, Uint8Array.of(0xef, 0xbb, 0xbf)),
  (bytes, draws) => splice(bytes, bytes.length, 0, random(draws, 1 + draws.below(64))),
  () => new Uint8Array(0),
];

function edge(draws: Draws): Uint8Array {
  const bytes = new Uint8Array(BigUint64Array.of(draws.of(EDGES)).buffer);
  return bytes.subarray(0, draws.of([4, 8]));
}

function random(draws: Draws, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => draws.below(256));
}

function overwrite(bytes: Uint8Array, at: number, other: Uint8Array): Uint8Array {
  const changed = new Uint8Array(bytes); // a Buffer's slice would be a view
  changed.set(other.subarray(0, bytes.length - at), at);
  return changed;
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  return new Uint8Array([...bytes.subarray(0, at), ...added, ...bytes.subarray(at + removed)]);
}

/** Some changes to bytes, one after the other. */
export function mutateBytes(bytes: Uint8Array, draws: Draws): Uint8Array {
  let changed = bytes;
  for (let left = 1 + draws.below(3); left > 0; left--) {
    if (changed.length > 0) changed = draws.of(BYTE_CHANGES)(changed, draws);
  }
  return changed;
}

/** A text of JSON that stands where a value stood; a cousin of each number, text and list that readers take. */
const VALUES: readonly string[] = [
  ...["null", "true", "false", "{}", "[]", '""', "[null]", "[[]]", "[{}]", '{"a":{}}', '{"":0}', '{"__proto__":1}'],
  ...["0", "-0", "1", "-1", "2", "3", "0.5", "-1.5", "255", "65536", "2147483647", "2147483648", "4294967296"],
  ...["1099511627776", "9007199254740991", "9007199254740992", "18446744073709551615", "1e308", "1e999", "-1e999"],
  ...["1e-320", '"0"', '"-1"', '"NaN"', '"1e9"', '"a"', '" "', '"\\u0000"', '"\\ud800"', '"\\ufeff"', '"\\u2028"'],
  ...[
    '"constructor"',
    '"__proto__"',
    '"toString"',
    '"../../x"',
    '"/dev/zero"',
    '"<|end|>"',
    '"\\r\\n"',
    '"(("',
    '"(a+)+$"',
  ],
];

/** Values that are written out when they are drawn, as they are long. */
const LONG_VALUES: readonly ((draws: Draws) => string)[] = [
  (draws) => "[".repeat(20_000 + draws.below(100_000)),
  (draws) => nested("[", "]", 2 + draws.below(5_000)),
  (draws) => nested('{"a":', "}", 2 + draws.below(5_000)),
  (draws) => JSON.stringify("a".repeat(1 + draws.below(100_000))),
  (draws) => `[${"0,".repeat(1 + draws.below(20_000))}0]`,
];

function nested(open: string, close: string, depth: number): string {
  return `${open.repeat(depth)}0${close.repeat(depth)}`;
}

/** A value of JSON in a text, and how it can be put together again. */
type JsonNode = { kind: "leaf"; text: string } | { kind: "list"; items: JsonNode[] } | {
  kind: "object";
  entries: [key: string, value: JsonNode][];
};

function nodeOf(value: unknown): JsonNode {
  if (Array.isArray(value)) return { kind: "list", items: value.map(nodeOf) };
  if (typeof value === "object" && value !== null) {
    return { kind: "object", entries: Object.entries(value).map(([key, own]) => [key, nodeOf(own)]) };
  }
  return { kind: "leaf", text: JSON.stringify(value) };
}

function textOf(node: JsonNode): string {
  if (node.kind === "leaf") return node.text;
  if (node.kind === "list") return `[${node.items.map(textOf).join(",")}]`;
  return `{${node.entries.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(",")}}`;
}

/** Objects and lists, the outermost first. */
function branches(node: JsonNode): Exclude<JsonNode, { kind: "leaf" }>[] {
  if (node.kind === "leaf") return [];
  const inner = node.kind === "list" ? node.items : node.entries.map(([, value]) => value);
  return [node, ...inner.flatMap(branches)];
}

function leaf(draws: Draws): JsonNode {
  return { kind: "leaf", text: draws.below(40) === 0 ? draws.of(LONG_VALUES)(draws) : draws.of(VALUES) };
}

function changeList(items: JsonNode[], draws: Draws): void {
  const at = draws.below(items.length);
  const change = draws.below(5);
  if (change === 0 || items.length === 0) items.splice(at, 0, leaf(draws));
  else if (change === 1) items.splice(at, 1);
  else if (change === 2) items.splice(at, 0, items[draws.below(items.length)]);
  else items[at] = leaf(draws);
}

/** Keys that are no key of any format, and keys that objects of JavaScript have. */
const KEYS = ["", "constructor", "__proto__", "toString", "hasOwnProperty", "unknown_key"] as const;

function changeObject(entries: [string, JsonNode][], draws: Draws): void {
  const at = draws.below(entries.length);
  const change = draws.below(8);
  if (change === 0 || entries.length === 0) entries.push([draws.of(KEYS), leaf(draws)]);
  else if (change === 1) entries.splice(at, 1);
  else if (change === 2) entries.push([entries[at][0], draws.below(2) === 0 ? entries[at][1] : leaf(draws)]);
  else if (change === 3) entries[at] = [draws.of(entries)[0], entries[at][1]];
  else if (change === 4) entries[at] = [entries[at][0], draws.of(entries)[1]];
  else entries[at] = [entries[at][0], leaf(draws)];
}

/** Changes to values of a JSON text: other kinds, extremes, keys that are gone, there twice, or strange. */
export function mutateJson(text: string, draws: Draws): string {
  const root: { node: JsonNode } = { node: nodeOf(JSON.parse(text)) };
  for (let left = 1 + draws.below(2); left > 0; left--) {
    const places = branches(root.node);
    if (places.length === 0 || draws.below(50) === 0) root.node = leaf(draws);
    else {
      // Half of the changes go to what stands outermost, which has the fewest places and the most meaning.
      const place = draws.below(2) === 0 ? places[0] : draws.of(places);
      if (place.kind === "list") changeList(place.items, draws);
      else changeObject(place.entries, draws);
    }
  }
  return textOf(root.node);
}

/** Words of the small languages that readers take: policies, dtypes, sizes, templates. */
const WORDS: readonly string[] = [
  ...["(", ")", ",", "=", "/", ":", ".", "-", "+", "%", " ", "\n", "\r\n", "\t", "\0", "\ufeff", "\u2028", "\ud800"],
  ...["0", "1", "-1", "1e999", "NaN", "Infinity", "9007199254740993", "constructor", "__proto__", "toString"],
  ...["{{", "}}", "{%", "%}", "{#", "#}", "endif", "for", "in", "if", "else", "set", "|", "[", "]", "{", "}", '"', "'"],
  ...[
    "adakv(",
    "protect(",
    "snapkv",
    "int4",
    "f32",
    ":channel",
    " in ",
    " residual ",
    "messages",
    "loop",
    "true",
    "None",
  ],
];

/** Changes to a text of a small language: words in and out, pieces twice, deep parentheses. */
export function mutateText(text: string, draws: Draws): string {
  let changed = text;
  for (let left = 1 + draws.below(3); left > 0; left--) {
    const at = draws.below(changed.length + 1);
    const length = 1 + draws.below(8);
    const change = draws.below(8);
    if (change < 3) changed = changed.slice(0, at) + draws.of(WORDS) + changed.slice(at);
    else if (change < 5) changed = changed.slice(0, at) + changed.slice(at + length);
    else if (change === 5) changed = changed.slice(0, at) + changed.slice(at, at + 4 * length) + changed.slice(at);
    else if (change === 6) changed = changed.slice(0, at);
    else {
      const word = draws.of(WORDS);
      changed = changed.slice(0, at) + word.repeat(draws.of([2, 50, 3_000])) + changed.slice(at);
    }
  }
  return changed;
}
