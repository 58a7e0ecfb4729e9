import { fileURLToPath } from "node:url";
import type { ResolvedModel, WeightFormat } from "kvmirror/engine";
import { resolve } from "node:path";
import { UsageError } from "../../cli/usage_error.ts";
import type { Metric } from "../plan/bench_plan.ts";
import { nodeLlamaCppFolder } from "./node_llama_cpp/package_folder.ts";
import { PeerUnavailable } from "./output_of.ts";
import { type EnvironmentName, pythonEnvironment } from "./python/environment.ts";
import { genaiFolder, huggingFaceFolder, openvinoFolder } from "./python/model_folders.ts";

/** How a system's worker is started. */
export interface Launch {
  readonly system: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A system that can be measured. */
interface System {
  /** Where it comes from: this project, npm, or PyPI, which is asked for by `--peers python`. */
  readonly from: "here" | "npm" | "python";
  /** Whether it is measured without being named: always, where `kl` is asked for by name, or never. */
  readonly byDefault: boolean | "kl";
  /** Whether it reads a text in one run and holds the attention scores of all its tokens, `[heads, T, T]`, meanwhile. */
  readonly holdsAllScores?: true;
  /** Makes what its worker needs. */
  prepare(model: ResolvedModel): Promise<Omit<Launch, "system">>;
}

/** Float32 weights and eager attention in PyTorch, from the checkpoint's own weights: what others are held against. */
export const PYTORCH = "pytorch";

/** By the names that rows carry. This project's comes first: its rows lead every table. */
const SYSTEMS: Readonly<Record<string, System>> = {
  "kvmirror": own("int8"),
  "kvmirror int4": own("int4"),
  "kvmirror f32": own("f32"),
  "transformers.js": {
    from: "npm",
    byDefault: true,
    holdsAllScores: true,
    prepare: ({ path }) => Promise.resolve(denoWorker("transformers_js_worker.ts", [resolve(path)])),
  },
  "node-llama-cpp": {
    from: "npm",
    byDefault: true,
    prepare: async ({ path }) => {
      if (!path.endsWith(".gguf")) throw new PeerUnavailable("it reads GGUF files, and the model is none");
      const folder = await nodeLlamaCppFolder();
      return denoWorker("node_llama_cpp/worker.ts", [folder, resolve(path)], [
        ...["--config", `${folder}/deno.json`, "--allow-read", "--allow-write", "--allow-env", "--allow-sys"],
        ...[`--allow-ffi=${folder}/node_modules`, `--allow-run=${Deno.execPath()}`],
      ]);
    },
  },
  "onnxruntime-genai": {
    ...python("torch", "genai_worker.py", async (model) => [await genaiFolder(model)]),
    holdsAllScores: true,
  },
  "openvino-genai": python("openvino", "openvino_worker.py", async (model) => {
    return [resolve(model.path), await openvinoFolder(model)];
  }),
  "kvpress": python("torch", "kvpress_worker.py", async (model) => [await huggingFaceFolder(model), "sdpa"]),
  [PYTORCH]: {
    ...python("torch", "kvpress_worker.py", async (model) => [await huggingFaceFolder(model), "eager"]),
    byDefault: false,
  },
};

function own(weights: WeightFormat): System {
  return {
    from: "here",
    byDefault: weights === "f32" ? "kl" : true,
    prepare: ({ path }) => Promise.resolve(denoWorker("kvmirror_worker.ts", [resolve(path), weights])),
  };
}

function python(name: EnvironmentName, script: string, argsOf: (model: ResolvedModel) => Promise<string[]>): System {
  return {
    from: "python",
    byDefault: true,
    prepare: async (model) => {
      const environment = await pythonEnvironment(name);
      const worker = fileURLToPath(new URL(`python/${script}`, import.meta.url));
      return { command: "python3", args: [...environment, worker, ...await argsOf(model)] };
    },
  };
}

function denoWorker(
  script: string,
  args: readonly string[],
  permissions: readonly string[] = ["-P=engine", "--allow-write"],
): Omit<Launch, "system"> {
  const worker = fileURLToPath(new URL(script, import.meta.url));
  return { command: Deno.execPath(), args: ["run", "-q", "--no-prompt", ...permissions, worker, ...args] };
}

/** Whose systems are measured beside this project's: `npm` brings some, `python` those from PyPI as well. */
export const PEERS = ["none", "npm", "python"] as const;

/** One of them. */
export type Peers = (typeof PEERS)[number];

/** Whether a system holds the attention scores of a whole text at once: bytes that grow with its square. */
export function holdsAllScores(system: string): boolean {
  return SYSTEMS[system].holdsAllScores ?? false;
}

/** Whether a system is a peer in Python. */
export function isPython(system: string): boolean {
  return SYSTEMS[system].from === "python";
}

/**
 * The systems to measure: those named, or those by default.
 *
 * @param asked metrics that were named
 * @throws {UsageError} if there is no such system
 */
export function chooseSystems(
  named: readonly string[] | undefined,
  peers: Peers,
  asked: readonly Metric[],
): string[] {
  const names = Object.keys(SYSTEMS);
  const unknown = named?.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new UsageError(`Cannot measure ${unknown}: the systems are ${names.join(", ")}`);
  // Rows come in the table's order, whatever order they are named in.
  if (named !== undefined) return names.filter((name) => named.includes(name));
  const sources = ["here", ...PEERS.slice(1, PEERS.indexOf(peers) + 1)];
  return names.filter((name) => {
    const { byDefault, from } = SYSTEMS[name];
    return sources.includes(from) && (byDefault === "kl" ? asked.includes("kl") : byDefault);
  });
}

/** All systems, in the order of their rows. */
export const SYSTEM_NAMES: readonly string[] = Object.keys(SYSTEMS);

/**
 * Makes all that a system needs and says how to start it.
 *
 * @throws {PeerUnavailable} if it cannot be had here
 */
export async function prepareSystem(system: string, model: ResolvedModel): Promise<Launch> {
  return { system, ...await SYSTEMS[system].prepare(model) };
}
