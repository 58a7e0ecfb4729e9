/** `deno task replay`: runs a policy on a recorded trace. */
import { openTrace, parseSummary, replay, summarizeTrace, type TraceSummary } from "kvmirror";
import { parseFlags } from "./cli/flags.ts";
import { POLICY_NUMBERS, ratioFromFlags, traceablePolicyFromFlags } from "./cli/policy_flags.ts";
import { printJson, printText, runTask, UsageError } from "./cli/run_task.ts";

await runTask(() => {
  const flags = parseFlags(Deno.args, {
    text: ["trace", "policy"],
    integer: POLICY_NUMBERS,
    number: ["compression-ratio"],
    toggle: ["json"],
  });
  const path = flags.text("trace");
  if (path === undefined) throw new UsageError("Cannot replay without --trace: deno task trace makes one");
  const policy = traceablePolicyFromFlags(flags);
  const result = replay(readSummary(path), policy, {
    topk: flags.number("topk"),
    sinkTokens: flags.number("sink-tokens"),
    compressionRatio: ratioFromFlags(flags),
  });
  if (flags.toggle("json")) return printJson(result);
  printText(`policy ${result.policy}, ${result.bytes_per_token} bytes per token`);
  for (const [name, value] of Object.entries(result.stats)) printText(`${name} ${value}`);
});

function readSummary(path: string): TraceSummary {
  try {
    if (path.endsWith(".json")) return parseSummary(Deno.readTextFileSync(path));
    using trace = openTrace(path);
    return summarizeTrace(trace.reading).summary();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new UsageError(`Cannot read ${path} as there is no such file`);
    throw error;
  }
}
