/**
 * Counts the files that a reader of lib/ and tasks/ opens to follow four things from end to end, and measures lib/, in the
 * work tree or in a revision of git, so that code before and after a change can be told apart:
 *
 * ```sh
 * deno run -q --allow-read --allow-run=git tests/walks.ts [REVISION]
 * ```
 *
 * A walk is a few ways through named stations (see {@linkcode WALKS}). On it are all declarations on a shortest way of
 * references from one station to the next, a method apart from the rest of its class: the path. Its files and those of what
 * the path's functions refer to are what a reader opens: who follows a function looks up the names in it, once. Nothing is
 * looked up from where a way ends, from constants (of a table of 28 policies a reader takes one row), and from the script
 * that a way begins with, most of which is flags, progress and printing. Names that are used as types only do not count.
 *
 * At 3d722e9, before lib/ had rooms, 30, 17, 23 and 22 files were counted by hand; this counts 28, 24, 18 and 25.
 *
 * @module
 */
import type { Imports } from "./import_graph.ts";
import { distances, fileOf, type ReferenceGraph, referenceGraph, type Sources } from "./reference_graph.ts";
import { arrows, fileCircles, type Room, ROOMS } from "./rooms.ts";

/** One thing to follow. */
export interface Walk {
  readonly name: string;
  /**
   * Ways, each from station to station: a script by its path, or a declaration by its name, which is known in one file
   * only. After a bar stands what it was called earlier.
   */
  readonly ways: readonly (readonly string[])[];
}

/** The walks. Stations are where a thing changes its kind, and the ends. */
export const WALKS: readonly Walk[] = [
  {
    name: "policy name → kept rows",
    ways: [
      ["tasks/compress.ts", "policy", "hybrid", "topK"],
      ["tasks/compress.ts", "KvCache.compress", "Policy.choose"],
      ["KvCache.compress", "HeadRows.keep"],
    ],
  },
  {
    name: "GGUF byte → initializer",
    ways: [
      ["readCheckpoint", "ggufCheckpoint", "ByteCursor"],
      ["ggufCheckpoint", "readValues"],
      ["builtDecoder|builtModel", "decoderLayers", "linear", "GraphBuilder.weight|GraphBuilder.constant"],
    ],
  },
  {
    name: "token → next token",
    ways: [
      ["Model.generate", "readTokens", "DecoderSession.run"],
      ["readTokens", "HeadRows.takeIn"],
      ["Model.generate", "createSampler"],
      ["Model.generate", "createTextStream"],
    ],
  },
  {
    name: "dataset row → results.json",
    ways: [
      ["tasks/evaluate.ts", "parseDatasetRows|parseEvaluationRows"],
      ["tasks/evaluate.ts", "evaluate", "evictedForks"],
      ["evaluate", "stringMatch"],
      ["tasks/evaluate.ts", "taskScores|resultRows"],
      ["tasks/evaluate.ts", "writeEvaluation", "writeReport"],
    ],
  },
];

/** The files of a walk, in the order in which they are met. */
export interface Walked {
  /** Files of the declarations on the way. */
  readonly path: readonly string[];
  /** Other files that the way's functions refer to. */
  readonly lookedUp: readonly string[];
}

/**
 * Follows a walk.
 *
 * @throws {RangeError} if a station is unknown or ambiguous, or cannot be reached from the one before
 */
export function follow({ references }: ReferenceGraph, { ways }: Pick<Walk, "ways">): Walked {
  const usedBy = new Map<string, string[]>();
  for (const [from, targets] of references) {
    for (const to of targets) usedBy.set(to, [...usedBy.get(to) ?? [], from]);
  }
  const path = new Set<string>();
  const closed = new Set<string>();
  for (const way of ways) {
    const stations = way.map((name) => station(references, name));
    closed.add(stations.at(-1)!);
    for (let index = 1; index < stations.length; index++) {
      const [from, to] = [stations[index - 1], stations[index]];
      const ahead = distances(from, (id) => references.get(id) ?? []);
      const behind = distances(to, (id) => usedBy.get(id) ?? []);
      const shortest = ahead.get(to);
      if (shortest === undefined) throw new RangeError(`Cannot follow ${from} as it does not lead to ${to}`);
      for (const [id, hops] of ahead) if (hops + (behind.get(id) ?? Infinity) === shortest) path.add(id);
    }
  }
  const files = new Set([...path].map(fileOf));
  const scripts = new Set([...path].filter((id) => id.endsWith("#")).map(fileOf));
  const lookedFrom = [...path].filter((id) =>
    !closed.has(id) && !scripts.has(fileOf(id)) && !/#[A-Z][A-Z\d_]*$/.test(id)
  );
  const seen = new Set(lookedFrom.flatMap((id) => [...references.get(id)!].map(fileOf)));
  return { path: [...files], lookedUp: [...seen.difference(files)] };
}

function station(references: ReferenceGraph["references"], names: string): string {
  for (const name of names.split("|")) {
    const suffix = name.endsWith(".ts") ? `${name}#` : `#${name}`;
    const found = [...references.keys()].filter((id) => id.endsWith(suffix));
    if (found.length === 1) return found[0];
    if (found.length > 1) throw new RangeError(`Cannot start from ${name} as there are several: ${found.join(", ")}`);
  }
  throw new RangeError(`Cannot find ${names}: name the station as the code does now`);
}

/** How lib/ is built, in numbers. */
export interface House {
  readonly files: number;
  readonly lines: number;
  readonly rooms: number;
  /** Pairs of rooms of which one imports from the other. */
  readonly arrows: number;
  /** Rooms one above the other; rooms in a circle share a floor. */
  readonly floors: number;
  /** Rooms in each circle of rooms. */
  readonly roomCircles: readonly number[];
  /** Files in each circle of files. */
  readonly fileCircles: readonly number[];
}

/** Measures lib/: rooms are those of the plan, or folders, two deep, where there is none. */
export function measureHouse(
  sources: Sources,
  imports: readonly Imports[],
  plan?: Readonly<Record<string, Room>>,
): House {
  const files = [...sources.keys()].filter((file) => file.startsWith("lib/"));
  const own = imports.filter(({ file }) => file.startsWith("lib/")).map(({ file, files }) => ({
    file: file.slice("lib/".length),
    files: files.filter((to) => to.startsWith("lib/")).map((to) => to.slice("lib/".length)),
    packages: [],
  }));
  const folders = new Set(own.flatMap(({ file }) => {
    const [top, second] = file.split("/").slice(0, -1);
    return [top, ...second === undefined ? [] : [`${top}/${second}`]].filter((folder) => folder !== undefined);
  }));
  const rooms = plan ?? Object.fromEntries([...folders].map((folder) => [folder, { uses: [], door: [] }]));
  const uses = new Map<string, Set<string>>(Object.keys(rooms).map((room) => [room, new Set()]));
  for (const { from, to } of arrows(own, rooms)) uses.set(from, (uses.get(from) ?? new Set()).add(to));
  const count = [...uses.values()].reduce((sum, { size }) => sum + size, 0);
  // An entry point that is no room itself is all rooms in it.
  for (const to of [...uses.values()].flatMap((targets) => [...targets])) {
    if (!uses.has(to)) uses.set(to, new Set(Object.keys(rooms).filter((room) => room.startsWith(`${to}/`))));
  }
  const circles = fileCircles([...uses].map(([file, targets]) => ({ file, files: [...targets], packages: [] })));
  return {
    files: files.length,
    lines: files.reduce((sum, file) => sum + sources.get(file)!.split("\n").length - 1, 0),
    rooms: Object.keys(rooms).length,
    arrows: count,
    floors: floorCount(uses, circles),
    roomCircles: circles.map(({ length }) => length),
    fileCircles: fileCircles(own).map(({ length }) => length),
  };
}

function floorCount(uses: ReadonlyMap<string, ReadonlySet<string>>, circles: readonly (readonly string[])[]): number {
  const group = (room: string) => circles.find((circle) => circle.includes(room)) ?? [room];
  const known = new Map<string, number>();
  const floorOf = (room: string): number => {
    const members = group(room);
    const floor = known.get(members[0]) ?? 1 + Math.max(
          0,
          ...members.flatMap((member) => [...uses.get(member) ?? []]).filter((to) => !members.includes(to)).map(
            floorOf,
          ),
        );
    known.set(members[0], floor);
    return floor;
  };
  return Math.max(0, ...[...uses.keys()].map(floorOf));
}

/** A checkout as far as walks go. */
export interface Checkout {
  readonly sources: Sources;
  readonly importMap: Readonly<Record<string, string>>;
  /** Whether it has a plan of rooms. */
  readonly planned: boolean;
}

const ROOT = new URL("../", import.meta.url);

/** Reads lib/ and tasks/ of the work tree. */
export function readWorkTree(root = ROOT): Checkout {
  const paths = (folder: string): string[] =>
    [...Deno.readDirSync(new URL(`${folder}/`, root))].flatMap(({ name, isDirectory }) =>
      isDirectory ? paths(`${folder}/${name}`) : [`${folder}/${name}`]
    );
  return checkout(
    new Map(
      ["deno.json", "tests/rooms.ts", ...paths("lib"), ...paths("tasks")]
        .map((path) => [path, Deno.readTextFileSync(new URL(path, root))]),
    ),
  );
}

/** Reads lib/ and tasks/ of a revision. */
async function readRevision(revision: string): Promise<Checkout> {
  const names = await git(
    "ls-tree",
    "-r",
    "--name-only",
    "-z",
    revision,
    "lib",
    "tasks",
    "tests/rooms.ts",
    "deno.json",
  );
  const files = new Map<string, string>();
  for (const path of names.split("\0").filter((path) => /\.ts$|^deno\.json$/.test(path))) {
    files.set(path, await git("show", `${revision}:${path}`));
  }
  return checkout(files);
}

function checkout(files: ReadonlyMap<string, string>): Checkout {
  const sources = [...files].filter(([path]) => /^(lib|tasks)\/.*(?<!\.d)\.ts$/.test(path));
  return {
    sources: new Map(sources),
    importMap: JSON.parse(files.get("deno.json") ?? "{}").imports ?? {},
    planned: files.has("tests/rooms.ts"),
  };
}

async function git(...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("git", { args, cwd: ROOT }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr).trim());
  return new TextDecoder().decode(stdout);
}

if (import.meta.main) {
  const [revision] = Deno.args;
  const { sources, importMap, planned } = revision === undefined ? readWorkTree() : await readRevision(revision);
  const graph = referenceGraph(sources, importMap);
  const house = measureHouse(sources, graph.imports, planned ? ROOMS : undefined);
  const circles = (sizes: readonly number[]) =>
    sizes.length === 0 ? "none" : `${sizes.length} (of ${sizes.join(", ")})`;
  console.log(`lib/ of ${revision ?? "the work tree"}\n`);
  console.log(
    "| files | lines | rooms | arrows | floors | circles of rooms | circles of files |\n|--:|--:|--:|--:|--:|--:|--:|",
  );
  console.log(
    `| ${house.files} | ${house.lines} | ${house.rooms} | ${house.arrows} | ${house.floors} | ` +
      `${circles(house.roomCircles)} | ${circles(house.fileCircles)} |\n`,
  );
  const walked = WALKS.map((walk) => ({ name: walk.name, ...follow(graph, walk) }));
  console.log("| walk | on the path | opened |\n|---|--:|--:|");
  for (const { name, path, lookedUp } of walked) {
    console.log(`| ${name} | ${path.length} | ${path.length + lookedUp.length} |`);
  }
  for (const { name, path, lookedUp } of walked) {
    console.log(`\n${name}\n  path: ${path.join(" ")}\n  looked up: ${lookedUp.join(" ")}`);
  }
}
