import { fileURLToPath } from "node:url";
import { createHash } from "node:crypto";
import { serveHub } from "../fixtures/hub_server.ts";
import { HAS_REDIS, type RedisServer, startRedis } from "../fixtures/redis_server.ts";
import { tensorsFile } from "../fixtures/safetensors_bytes.ts";
import { tinyConfig, tinyTensors } from "../fixtures/tiny_safetensors.ts";
import { Draws } from "./mutate.ts";

/** A run of a task that is killed: it works in `out`, a folder of its own, and makes the same bytes each time. */
interface Scenario {
  readonly name: string;
  readonly task: string;
  readonly args: (out: string) => readonly string[];
  readonly input?: string;
  /** Files that are there before it begins, by their paths in `out`. */
  readonly files?: Readonly<Record<string, string>>;
  /** A task whose jobs it takes from a queue: nobody kills it, and its end is the end of all. */
  readonly serves?: { readonly task: string; readonly args: (out: string) => readonly string[] };
}

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const ROWS = ["whale", "ship", "harbour"].map((word, index) =>
  JSON.stringify({
    task: "number",
    context: `${"The rain fell in torrents on the harbour. ".repeat(6)}The special number for ${word} is 471${index}. `,
    question: `What is the special number for ${word}?`,
    answer_prefix: "",
    answer: [`471${index}`],
    max_new_tokens: 4,
  })
).join("\n");
const NOTEBOOK = JSON.stringify({
  nbformat: 4,
  nbformat_minor: 5,
  metadata: {},
  cells: ["a", "b"].map((id) => ({
    cell_type: "code",
    id,
    metadata: {},
    source: `"${id}".repeat(3)`,
    execution_count: null,
    outputs: [],
  })),
});
const REPOSITORY = "owner/small";

const EVALUATE = (out: string) =>
  ["--model", "tiny", "--dataset", `${out}/rows.jsonl`, "--policy", "knorm", "--compression-ratio", "0.5"].concat(
    ["--output", `${out}/results`],
  );

/** One worker of an evaluation. */
const WORKER: Scenario = {
  name: "worker",
  task: "worker",
  args: () => ["--models", "tiny"],
  files: { "rows.jsonl": ROWS },
  serves: { task: "evaluate", args: EVALUATE },
};

/** The tasks that write, each in the least time; a worker's needs redis-server. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: "build",
    task: "compress",
    args: (out) => ["--model", "tiny", "--prompt-file", `${out}/prompt.txt`, "--max-new-tokens", "2", "--json"],
    files: { "prompt.txt": "Call me Ishmael." },
  },
  {
    name: "fetch",
    task: "models",
    args: () => ["fetch", `hub:${REPOSITORY}`],
  },
  {
    name: "save",
    task: "chat",
    args: (out) => ["--model", "tiny", "--max-new-tokens", "4", "--save", `${out}/chat.kvcache`],
    input: "What is Sam's dog called?\nAnd who is Felix?\n",
  },
  {
    name: "evaluate",
    task: "evaluate",
    args: EVALUATE,
    files: { "rows.jsonl": ROWS },
  },
  {
    name: "reproduce",
    task: "reproduce",
    args: (out) => ["--profile", "quick", "--notebooks", `${out}/notebooks`],
    files: { "notebooks/01_one.ipynb": NOTEBOOK, "notebooks/02_two.ipynb": NOTEBOOK },
  },
  ...(HAS_REDIS ? [WORKER] : []),
];

/** What a killed run came to. */
export interface Kill {
  readonly scenario: string;
  /** When it was killed, ms from its start; it may have ended before. */
  readonly at: number;
  /** What is wrong afterwards, in words. */
  readonly faults: readonly string[];
}

/**
 * Kills runs at moments that a seed draws, runs each again to its end, and compares what lies there then with what a run
 * that nobody killed leaves.
 *
 * @param scenarios taken in turns
 */
export async function runKills(
  count: number,
  seed: number,
  note: (kill: Kill) => void = () => {},
  scenarios: readonly Scenario[] = SCENARIOS,
): Promise<Kill[]> {
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-kills-" });
  await using hub = serveHub(REPOSITORY, {
    "config.json": new TextEncoder().encode(JSON.stringify(tinyConfig())),
    "model.safetensors": tensorsFile(tinyTensors()),
    "tokenizer.json": new TextEncoder().encode("{}"),
  });
  const kills: Kill[] = [];
  const known = new Map<string, { readonly left: Map<string, string>; readonly ms: number }>();
  const draws = new Draws(`kills ${seed}`);
  try {
    for (let index = 0; index < count; index++) {
      const scenario = scenarios[index % scenarios.length];
      await using place = new Place(folder, scenario, hub.endpoint);
      let whole = known.get(scenario.name);
      if (whole === undefined) {
        await place.prepare();
        const start = performance.now();
        await place.finish();
        known.set(scenario.name, whole = { left: await place.left(), ms: performance.now() - start });
      }
      await place.prepare();
      const at = Math.round(draws.below(1000) / 1000 * whole.ms);
      await place.kill(at);
      const faults: string[] = [];
      await place.finish().catch((error) => faults.push((error as Error).message));
      faults.push(...differences(whole.left, await place.left()));
      const kill = { scenario: scenario.name, at, faults };
      kills.push(kill);
      note(kill);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return kills;
}

/** The folders that a scenario works in: the same paths each time, as some are noted in what is written. */
class Place implements AsyncDisposable {
  readonly #folder: string;
  readonly #scenario: Scenario;
  readonly #endpoint: string;
  #redis?: RedisServer;
  #served?: Deno.ChildProcess;

  constructor(folder: string, scenario: Scenario, endpoint: string) {
    this.#folder = `${folder}/${scenario.name}`;
    this.#scenario = scenario;
    this.#endpoint = endpoint;
  }

  /** Empties the folders, and the queue. */
  async prepare(): Promise<void> {
    await this[Symbol.asyncDispose]();
    if (this.#scenario.serves !== undefined) this.#redis = await startRedis();
    await Deno.remove(this.#folder, { recursive: true }).catch(() => {});
    for (const name of ["cache", "out", "tmp"]) await Deno.mkdir(`${this.#folder}/${name}`, { recursive: true });
    for (const [path, content] of Object.entries(this.#scenario.files ?? {})) {
      const file = `${this.#folder}/out/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, content);
    }
  }

  async #start(): Promise<Deno.ChildProcess> {
    const { task, args, input, serves } = this.#scenario;
    const out = `${this.#folder}/out`;
    if (serves === undefined) return await this.#run(task, args(out), input);
    const queue = ["--queue", `redis://127.0.0.1:${this.#redis!.port}`];
    this.#served ??= await this.#run(serves.task, [...serves.args(out), ...queue]);
    return await this.#run(task, [...args(out), ...queue]);
  }

  async #run(task: string, args: readonly string[], input = ""): Promise<Deno.ChildProcess> {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "-q", "--no-prompt", `tasks/${task}.ts`, ...args],
      cwd: ROOT,
      env: {
        NO_COLOR: "1",
        KVMIRROR_CACHE: `${this.#folder}/cache`,
        TMPDIR: `${this.#folder}/tmp`,
        HF_ENDPOINT: this.#endpoint,
        HF_HUB_CACHE: `${this.#folder}/tmp/none`,
      },
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input)).catch(() => {});
    await writer.close().catch(() => {});
    return child;
  }

  /** Runs to the end. */
  async finish(): Promise<void> {
    const child = await this.#start();
    const ended = child.output();
    const served = this.#served;
    this.#served = undefined;
    const { code, stderr } = await (served?.output() ?? ended);
    if (served !== undefined) await endAfter(child, "SIGTERM", 0); // a worker waits for further jobs
    await ended;
    if (code === 0) return;
    throw new Error(`exit ${code}: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}`);
  }

  /** Runs, and kills it after so many ms. */
  async kill(ms: number): Promise<void> {
    const child = await this.#start();
    const killed = endAfter(child, "SIGKILL", ms);
    await child.output();
    await killed;
  }

  /** Ends what runs beside. */
  async [Symbol.asyncDispose](): Promise<void> {
    const served = this.#served;
    this.#served = undefined;
    if (served !== undefined) {
      await endAfter(served, "SIGKILL", 0);
      await served.output();
    }
    await this.#redis?.[Symbol.asyncDispose]();
    this.#redis = undefined;
  }

  /** sha256 of every file that is there, by its path; hashes that are kept by a file's place on the disk aside. */
  async left(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    const visit = async (folder: string, prefix: string): Promise<void> => {
      for await (const { name, isDirectory } of Deno.readDir(folder)) {
        const path = `${prefix}${name}`;
        if (path === "cache/content_hashes" || SIDECARS.test(path)) continue;
        if (isDirectory) {
          found.set(`${path}/`, "");
          await visit(`${folder}/${name}`, `${path}/`);
        } else found.set(path, createHash("sha256").update(await Deno.readFile(`${folder}/${name}`)).digest("hex"));
      }
    };
    await visit(this.#folder, "");
    return found;
  }
}

/** Sends a signal after so many ms; nothing happens if the process has ended by then. */
async function endAfter(child: Deno.ChildProcess, signal: Deno.Signal, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise((done) => timer = setTimeout(done, ms));
  await Promise.race([over, child.status]);
  clearTimeout(timer);
  try {
    child.kill(signal);
  } catch {
    // It ended before.
  }
}

/** Files that tell times, which differ from run to run, and what onnxruntime's own library writes for temporary files. */
const SIDECARS = /(?:^|\/)(?:provenance|measurements|run)\.json$|^tmp\/(?:mat-debug-\d+\.log|\.ses)$/;

function differences(whole: ReadonlyMap<string, string>, found: ReadonlyMap<string, string>): string[] {
  return [
    ...[...found.keys()].filter((path) => !whole.has(path)).map((path) => `${path} is left over`),
    ...[...whole.keys()].filter((path) => !found.has(path)).map((path) => `${path} is missing`),
    ...[...whole].filter(([path, hash]) => found.has(path) && found.get(path) !== hash).map(([path]) =>
      `${path} has other bytes`
    ),
  ];
}
