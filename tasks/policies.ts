/** `deno task policies [--json]`: every policy and wrapper with its paper, the signals it needs and its options. */
import { describeSignal, POLICIES, policy, WRAPPERS } from "kvmirror/policies";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";

/** A scorer that any wrapper may wrap, to see what the wrapper itself needs. */
const WRAPPED = "knorm";

const ORIGINAL = "the original, https://github.com/0xAshraFF/KVMirror";

await runTask("policies", (flags) => {
  const rows = [...Object.entries(POLICIES).map(policyRow), ...Object.entries(WRAPPERS).map(wrapperRow)];
  if (flags.toggle("json")) return printJson(rows);
  for (const { name, paper, signals, options } of rows) {
    printText(name);
    printText(`  from     ${paper}`);
    printText(`  needs    ${signals.join(", ") || "nothing but positions"}`);
    printText(
      `  options  ${Object.entries(options).map(([option, value]) => `${option} ${value}`).join(", ") || "none"}`,
    );
  }
});

type Row = { name: string; paper: string; signals: string[]; options: Readonly<Record<string, number | string>> };

function policyRow([name, { create, options }]: [string, typeof POLICIES[string]]): Row {
  const { definition, signals } = create();
  const paper = definition === undefined && name !== "keep_all" ? ORIGINAL : definition?.paper ?? "a control";
  return { name, paper, signals: signals.map(describeSignal), options };
}

function wrapperRow([name, { create, options }]: [string, typeof WRAPPERS[string]]): Row {
  const inner = policy(WRAPPED);
  const { definition, signals } = create(inner);
  const own = signals.filter((signal) => !inner.signals.includes(signal)).map(describeSignal);
  const paper = definition?.paper === inner.definition?.paper ? "this project" : definition?.paper ?? "this project";
  return { name: `${name}(…)`, paper, signals: ["those of the policy in it", ...own], options };
}
