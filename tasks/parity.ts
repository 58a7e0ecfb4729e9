/** `deno task parity [--policy a,b] [--json]`: every policy's rows and log-probabilities against kvpress's, on three texts. */
import { loadModel } from "kvmirror/engine";
import { splitNames } from "kvmirror/eval";
import { type ParityRow, parityRows, type PolicyGolden } from "./checks/kvpress_parity.ts";
import { usage } from "./cli/flags.ts";
import { createProgress } from "./cli/progress.ts";
import { printJson, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";
import { UsageError } from "./cli/usage_error.ts";

/** The part of the rows that must be the same, and how far log-probabilities may be apart. */
const LIMITS = { same: 0.995, logprob_difference: 1e-3 };
const TEXTS = ["300", "700", "2000"];

await runTask("parity", async (flags) => {
  const list = flags.text("policy");
  const wanted = list === undefined ? undefined : usage(() => splitNames(list));
  await using model = await loadModel(flags.text("model")!, { weights: "f32" });
  const goldens = await Promise.all(TEXTS.map((size) => readGolden(size, wanted)));
  const total = goldens.flatMap(({ cases }) => Object.values(cases)).reduce(
    (sum, ratios) => sum + Object.keys(ratios).length,
    0,
  );
  if (total === 0) throw new UsageError(`Cannot compare ${wanted?.join(",")} with kvpress: no golden file has it`);
  const progress = createProgress("comparing with kvpress");
  const rows: ParityRow[] = [];
  for (const golden of goldens) {
    for await (const row of parityRows(model, golden)) {
      rows.push(row);
      progress.update(rows.length, total);
    }
  }
  progress.close();
  const failed = rows.filter(({ same, logprob_difference }) =>
    same < LIMITS.same || logprob_difference > LIMITS.logprob_difference
  );
  if (flags.toggle("json")) printJson(rows);
  else {
    printText("tokens  policy                          ratio  same      tied  score gap  log-prob diff  choose ms");
    for (const row of rows) printText(line(row));
    printText(
      `${rows.length} cases: ${rows.length - failed.length} within ${100 * LIMITS.same} % of the rows and ` +
        `${LIMITS.logprob_difference} of log-probability, ${failed.length} not`,
    );
  }
  if (failed.length > 0) throw new Error(`Cannot call ${failed.length} of ${rows.length} cases the same as kvpress's`);
});

async function readGolden(size: string, wanted?: readonly string[]): Promise<PolicyGolden> {
  const path = new URL(`../tests/goldens/policies_${size}.json`, import.meta.url);
  const golden: PolicyGolden = JSON.parse(await Deno.readTextFile(path));
  const cases = Object.entries(golden.cases).filter(([name]) => wanted?.includes(name) ?? true);
  return { ...golden, cases: Object.fromEntries(cases) };
}

function line(row: ParityRow): string {
  return [
    String(row.tokens).padEnd(6),
    row.policy.padEnd(30),
    row.compression_ratio.toFixed(2).padStart(5),
    `${(100 * row.same).toFixed(2)} %`.padStart(9),
    String(row.tied).padStart(5),
    row.score_gap.toExponential(1).padStart(10),
    row.logprob_difference.toExponential(1).padStart(14),
    row.choose_ms.toFixed(0).padStart(10),
  ].join("  ");
}
