import { assertEquals, assertMatch } from "@std/assert";
import { summarizeTests, summaryLine } from "../../tasks/checks/test_summary.ts";
import { runTask } from "../fixtures/run_task.ts";

const PASSES = `Deno.test("passes", () => {});`;
const FAILS = `Deno.test("fails", () => { throw new Error("as it should"); });`;
const IGNORED = `Deno.test({ name: "ignored", ignore: true, fn: () => {} });`;
const STEPS = `Deno.test("a > b", async (t) => {
  await t.step("one", () => {});
  await t.step({ name: "two", ignore: true, fn: () => {} });
});`;
const STEPS_ELSEWHERE = `export const run = (t: Deno.TestContext) => t.step("one", () => {});`;
const STEP_FAILS = `Deno.test("s", async (t) => { await t.step("one", () => { throw new Error("as it should"); }); });`;

const RUNS: readonly [string, Record<string, string>, number, string][] = [
  ["all pass", { a: PASSES, b: PASSES }, 0, "2 passed, 0 failed"],
  ["one is ignored", { a: PASSES, b: IGNORED }, 0, "1 passed, 0 failed, 1 skipped"],
  ["one fails", { a: `${PASSES}\n${FAILS}`, b: IGNORED }, 1, "1 passed, 1 failed, 1 skipped"],
  ["a step fails", { a: STEP_FAILS }, 1, "0 passed, 1 failed"],
  ["a file does not load", { a: PASSES, b: `throw new Error("as it should");` }, 1, "1 passed, 1 failed"],
  ["a file does not compile", { a: PASSES, b: `const x: number = "";` }, 1, "0 passed, 1 failed"],
  ["there is none", {}, 1, "0 passed, 1 failed"],
];

for (const [name, files, code, line] of RUNS) {
  Deno.test(`deno task test where ${name}: ${line}, exit ${code}`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "kvmirror-made-up-" });
    try {
      for (const [file, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${file}_test.ts`, text);
      const result = await runTask(["test", `${folder}/`]);
      assertEquals(result.stdout.trimEnd().split("\n").at(-1), line, result.stdout + result.stderr);
      assertEquals(result.code, code);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("steps are part of their test; a test may have a name like a step's", async () => {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/steps_test.ts`, STEPS);
  await Deno.writeTextFile(`${folder}/steps.ts`, STEPS_ELSEWHERE);
  await Deno.writeTextFile(
    `${folder}/elsewhere_test.ts`,
    `import { run } from "./steps.ts"; Deno.test("has its steps elsewhere", async (t) => void await run(t));`,
  );
  const report = `${folder}/report.xml`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--no-config", `--junit-path=${report}`, folder],
    stdout: "null",
    stderr: "null",
  }).output();
  const junit = await Deno.readTextFile(report);
  await Deno.remove(folder, { recursive: true });
  assertMatch(junit, /a &gt; b &gt; one/);
  assertEquals(summarizeTests(junit, success), { passed: 2, failed: 0, skipped: 0 });
});

Deno.test("a run that failed is never summarised as a success", () => {
  assertEquals(summaryLine(summarizeTests("", false)), "0 passed, 1 failed");
  assertEquals(summaryLine(summarizeTests("", true)), "0 passed, 0 failed");
});
