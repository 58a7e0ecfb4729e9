import type { ResolvedModel } from "kvmirror/engine";
import { resolve } from "node:path";
import { outputOf } from "../workers/output_of.ts";
import type { RunContext } from "./run_context.ts";

/** Tokens of a text that are judged; a model of a shorter context is judged on what it has room for. */
const JUDGED_TOKENS = 4000;

/** What quantized weights say beside float32, as the worker prints it. */
export interface Divergence {
  readonly weights: "int8" | "int4";
  /** Tokens after which the next one was predicted. */
  readonly tokens: number;
  /** Mean over them of the KL divergence from float32, in nats. */
  readonly kl: number;
  /** Share of them at which the likeliest token is the same. */
  readonly top1: number;
}

const WORKER = new URL("divergence_worker.ts", import.meta.url).pathname;
const SYSTEMS = { int4: "kvmirror", int8: "kvmirror int8" } as const;

/** What int8 and int4 weights lose, in a process of its own: no time is taken, so once is enough. */
export async function measureDivergence({ path }: ResolvedModel, { rows, signal }: RunContext): Promise<void> {
  signal.throwIfAborted();
  const { success, code, stdout } = await outputOf(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=engine", WORKER, resolve(path), String(JUDGED_TOKENS)],
    stderr: "inherit",
    signal,
  });
  signal.throwIfAborted();
  if (!success) {
    throw new Error(`Cannot compare weights as the process ended with exit code ${code}: its message is above`);
  }
  const divergences: Divergence[] = JSON.parse(new TextDecoder().decode(stdout));
  for (const { weights, tokens, kl, top1 } of divergences) {
    const system = SYSTEMS[weights];
    rows.add({ system, metric: "kl", context: tokens, unit: "nats/token" }, kl);
    rows.add({ system, metric: "kl_top1", context: tokens, unit: "share" }, top1);
  }
  await rows.step();
}
