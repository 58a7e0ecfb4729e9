/** `deno task simulate`: one policy on the original's synthetic sequence, with the original's flags and JSON. */
import { simulate, type Simulation, syntheticSequence } from "kvmirror";
import type { Policy } from "kvmirror/policies";
import { writeAtomic } from "../lib/files/write_atomic.ts";
import { type Flags, usage } from "./cli/flags.ts";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { ratioFromFlags, traceablePolicyFromFlags } from "./cli/policy_flags.ts";
import { printJson, printText, writeText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

await runTask("simulate", async (flags) => {
  const policy = traceablePolicyFromFlags(flags, await policiesOfFiles(flags.text("policy")));
  const result = usage(() => run(flags, policy));
  const output = flags.text("output");
  if (output !== undefined) {
    await writeAtomic(output, (file) => writeText(file, `${JSON.stringify(result, null, 2)}\n`));
  }
  if (flags.toggle("json")) return printJson(result);
  printText(`policy ${result.policy}, ${result.sequence_length} tokens, ${result.bytes_per_token} bytes per token`);
  for (const [name, value] of Object.entries(result.stats)) printText(`${name} ${value}`);
});

function run(flags: Flags, policy: Policy): Simulation {
  const sequence = syntheticSequence({
    sequenceLength: flags.number("sequence-length"),
    seed: seed(flags.text("seed")),
    sinkTokens: flags.number("sink-tokens"),
    heavyHitterStride: flags.number("heavy-hitter-stride"),
  });
  return simulate(sequence, policy, {
    topk: flags.number("topk"),
    compressionRatio: ratioFromFlags(flags),
    headCount: flags.number("head-count"),
    headDim: flags.number("head-dim"),
    layerCount: flags.number("layer-count"),
    bytesPerValue: flags.number("bytes-per-value"),
  });
}

/** Any whole number, however long: Python's are too. */
function seed(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^[+-]?\d+$/.test(text)) return BigInt(text.replace(/^\+/, ""));
  throw new UsageError(`Cannot use --seed ${text} as it must be a whole number`);
}
