/** `deno task test [FILTER…]`: runs the tests in tests/ and closes with the line `N passed, N failed[, N skipped]`. */
import { printNotice, printText, runTask } from "./cli.ts";

await runTask(async () => {
  const report = await Deno.makeTempFile({ prefix: "kvmirror-test-", suffix: ".xml" });
  try {
    const status = await new Deno.Command(Deno.execPath(), {
      args: [
        ...["test", "-P=test", "--v8-flags=--expose-gc", "--parallel", `--junit-path=${report}`],
        ...(Deno.args.length > 0 ? Deno.args : ["tests/", "lib/", "--doc"]),
      ],
      env: { DENO_JOBS: Deno.env.get("DENO_JOBS") ?? "2", DENO_NO_UPDATE_CHECK: "1" },
      stdin: "null",
    }).spawn().status;
    const summary = readSummary(await Deno.readTextFile(report));
    if (summary === undefined) throw new Error(`the tests did not run to their end (exit ${status.code})`);
    const skipped = summary.skipped > 0 ? `, ${summary.skipped} skipped` : "";
    printText(`${summary.passed} passed, ${summary.failed} failed${skipped}`);
    if (!status.success) {
      if (summary.failed === 0) printNotice(`the test runner ended with exit ${status.code}`);
      Deno.exit(1);
    }
  } finally {
    await Deno.remove(report).catch(() => {});
  }
});

function readSummary(junit: string): { passed: number; failed: number; skipped: number } | undefined {
  const counts = junit.match(/<testsuites[^>]*\btests="(\d+)"[^>]*\bfailures="(\d+)"[^>]*\berrors="(\d+)"/);
  if (counts === null) return undefined;
  const [tests, failures, errors] = counts.slice(1).map(Number);
  const skipped = junit.match(/<skipped\b/g)?.length ?? 0;
  return { passed: tests - failures - errors - skipped, failed: failures + errors, skipped };
}
