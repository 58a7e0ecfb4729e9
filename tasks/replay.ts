/** `deno task replay`: runs a policy on a recorded trace. */
import { openTrace, parseSummary, replay, summarizeTrace, type TraceSummary } from "kvmirror";
import { policiesOfFiles } from "./cli/policy_file.ts";
import { ratioFromFlags, traceablePolicyFromFlags } from "./cli/policy_flags.ts";
import { explained } from "../lib/files/system_error.ts";
import { readText } from "../lib/files/text_file.ts";
import { usage } from "./cli/flags.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

await runTask("replay", async (flags) => {
  const path = flags.text("trace");
  if (path === undefined) throw new UsageError("Cannot replay without --trace: deno task trace makes one");
  const policy = traceablePolicyFromFlags(flags, await policiesOfFiles(flags.text("policy")));
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
  if (path.endsWith(".json")) return parseSummary(usage(() => readText(path)));
  using trace = usage(() => explained({ action: "read", path }, () => openTrace(path)));
  return summarizeTrace(trace.reading).summary();
}
