import { assert, assertEquals, assertThrows } from "@std/assert";
import { referenceGraph } from "./reference_graph.ts";
import { follow, measureHouse, readWorkTree, type Walk, WALKS } from "./walks.ts";

/**
 * Files on the path of each walk, and opened in all; a walk that grows past them is to be shortened, not
 * they raised. Once they were: since layers have windows, a token passes one file more.
 */
const MOST: Readonly<Record<string, { readonly path: number; readonly opened: number }>> = {
  "policy name → kept rows": { path: 12, opened: 23 },
  "GGUF byte → initializer": { path: 10, opened: 23 },
  "token → next token": { path: 9, opened: 18 },
  "dataset row → results.json": { path: 11, opened: 23 },
};

/** A script, a room with an entry point, and one below it. */
const TREE = new Map([
  [
    "tasks/run.ts",
    `import { open, type Store } from "made";
import { quiet } from "./quiet.ts";

quiet();
const store: Store = open("x");
print(store);

function print(into: Store): void {
  into.keep(/open"\\//.test(\`\${"{"} store \${into.count(1)}\`) ? 1 : 2);
}
`,
  ],
  ["tasks/quiet.ts", "export const quiet = (): void => {};\n"],
  ["lib/mod.ts", `export type { Shape } from "./low/shape.ts";\nexport { open, Store } from "./top/store.ts";\n`],
  [
    "lib/top/store.ts",
    `import { check } from "../low/check.ts";
import type { Shape } from "../low/shape.ts";

const LIMITS = [check];

/** Makes what open() is named after; see check. */
export function open(name: string): Store {
  return new Store({ name, check: 1 });
}

export class Store {
  readonly #kept: number[] = LIMITS.map(() => 0);

  constructor(readonly shape: object) {}

  /** Does not check. */
  keep(value: number): void {
    this.#take(value);
  }

  async *#take<T extends Shape>(value: T | number): AsyncGenerator<number> {
    const { late } = await import("./late.ts");
    yield late(check(value), (this.shape as Shape).width());
  }

  count(value: number): number {
    return this.#kept.push(value);
  }
}
`,
  ],
  ["lib/top/late.ts", "export function late(a: number, b: number): number {\n  return a / b;\n}\n"],
  ["lib/low/check.ts", "export function check<T>(value: T): number {\n  return Number(value);\n}\n"],
  ["lib/low/shape.ts", "export interface Shape {\n  readonly size: number;\n  width(): number;\n}\n"],
]);
const GRAPH = referenceGraph(TREE, { made: "./lib/mod.ts" });

function made(...ways: Walk["ways"]): { path: readonly string[]; lookedUp: readonly string[] } {
  return follow(GRAPH, { ways });
}

Deno.test("references are read: values, methods, what entry points pass on; not types, texts and comments", () => {
  const references = Object.fromEntries([...GRAPH.references].map(([id, to]) => [id, [...to]]));
  assertEquals(references, {
    "tasks/run.ts#": ["tasks/quiet.ts#quiet", "tasks/run.ts#print", "tasks/run.ts#store"],
    "tasks/run.ts#store": ["lib/top/store.ts#open"],
    "tasks/run.ts#print": ["lib/top/store.ts#Store.keep", "lib/top/store.ts#Store.count"],
    "tasks/quiet.ts#quiet": [],
    "lib/top/store.ts#LIMITS": ["lib/low/check.ts#check"],
    "lib/top/store.ts#open": ["lib/top/store.ts#Store"],
    "lib/top/store.ts#Store": ["lib/top/store.ts#LIMITS"],
    "lib/top/store.ts#Store.keep": ["lib/top/store.ts#Store.#take"],
    "lib/top/store.ts#Store.#take": [
      "lib/top/late.ts#late",
      "lib/low/check.ts#check",
      "lib/low/shape.ts#Shape.width",
    ],
    "lib/top/store.ts#Store.count": [],
    "lib/top/late.ts#late": [],
    "lib/low/check.ts#check": [],
    "lib/low/shape.ts#Shape.size": [],
    "lib/low/shape.ts#Shape.width": [],
  });
  const imports = Object.fromEntries(GRAPH.imports.map(({ file, files }) => [file, files]));
  assertEquals(imports["tasks/run.ts"], ["lib/mod.ts", "tasks/quiet.ts"]);
  assertEquals(imports["lib/mod.ts"], ["lib/low/shape.ts", "lib/top/store.ts"]);
  assertEquals(imports["lib/top/store.ts"], ["lib/top/late.ts", "lib/low/check.ts", "lib/low/shape.ts"]);
});

Deno.test("a walk is its shortest ways and what their functions look up", () => {
  assertEquals(made(["tasks/run.ts", "Store.keep", "check"]), {
    path: ["tasks/run.ts", "lib/top/store.ts", "lib/low/check.ts"],
    lookedUp: ["lib/top/late.ts", "lib/low/shape.ts"],
  });
  assertEquals(made(["tasks/run.ts", "Store.keep"]).lookedUp, [], "nothing is looked up from the script and the end");
  assertEquals(made(["LIMITS", "check"], ["Store.keep", "late"]).path.length, 3, "ways add up");
  assertEquals(made(["former|open", "Store"]).path, ["lib/top/store.ts"], "a station by a name of before or after");
  assertThrows(() => made(["open", "gone"]), RangeError, "Cannot find gone");
  assertThrows(() => made(["check", "open"]), RangeError, "it does not lead to");
});

Deno.test("lib/ is measured: rooms, arrows, floors, circles", () => {
  const folders = measureHouse(TREE, GRAPH.imports);
  assertEquals(folders, { files: 5, lines: 41, rooms: 2, arrows: 1, floors: 2, roomCircles: [], fileCircles: [] });
  const back = (file: string, to: string) =>
    GRAPH.imports.map((imports) => imports.file === file ? { ...imports, files: [to] } : imports);
  const { floors, roomCircles, fileCircles } = measureHouse(TREE, back("lib/low/check.ts", "lib/top/store.ts"));
  assertEquals({ floors, roomCircles, fileCircles }, { floors: 1, roomCircles: [2], fileCircles: [2] });
});

Deno.test("no walk through lib/ grows", () => {
  const { sources, importMap } = readWorkTree();
  const graph = referenceGraph(sources, importMap);
  for (const walk of WALKS) {
    const { path, lookedUp } = follow(graph, walk);
    const { path: mostPath, opened } = MOST[walk.name];
    assert(path.length <= mostPath, `${walk.name}: ${path.length} files on the path: ${path.join(" ")}`);
    const all = path.length + lookedUp.length;
    assert(all <= opened, `${walk.name}: ${all} files opened, beside the path ${lookedUp.join(" ")}`);
  }
});
