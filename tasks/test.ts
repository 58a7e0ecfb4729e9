/** `deno task test [FILTER…]`: runs the tests in tests/ and closes with the line `N passed, N failed[, N skipped]`. */
import { holdFolder } from "../lib/files/held_folder.ts";
import { summarizeTests, summaryLine } from "./checks/test_summary.ts";
import { printNotice, printText } from "./cli/print.ts";
import { runTask } from "./cli/run_task.ts";

/** Where tests are: the examples in doc comments are tests as well. */
const EVERYTHING = ["tests/", "lib/", "--doc"];
/** The file that takes longest runs first: begun last, it would leave one core idle for its two minutes. */
const LONGEST = "tests/tasks/quick_profile_test.ts";

let failed = false;
await runTask("test", async (_flags, args) => {
  failed = true;
  await using folder = await holdFolder("kvmirror-report-");
  const report = `${folder.path}/report.xml`;
  const paths = args.some((arg) => !arg.startsWith("-")) ? [] : [LONGEST, ...EVERYTHING];
  const { success, code } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["test", "-P=test", "--v8-flags=--expose-gc", "--parallel", `--junit-path=${report}`],
      ...paths,
      ...args,
    ],
    env: { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? "2", DENO_NO_UPDATE_CHECK: "1" },
    stdin: "null",
  }).spawn().status;
  const summary = summarizeTests(await readReport(report), success);
  failed = !success || summary.failed > 0;
  if (!success && code !== 1) printNotice(`the test runner ended with exit ${code}`);
  printText(summaryLine(summary));
});
if (failed) Deno.exit(1);

/** The report; empty where the tests did not even compile. */
async function readReport(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
