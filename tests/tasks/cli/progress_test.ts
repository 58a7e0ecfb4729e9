import { assert, assertEquals, assertMatch } from "@std/assert";

const PROGRESS = new URL("../../../tasks/cli/progress.ts", import.meta.url);

/** What a script prints to stderr that counts with a progress; `wait` takes ms. */
async function said(body: string): Promise<string[]> {
  const script = `import { createFetchProgress, createProgress } from ${JSON.stringify(PROGRESS)};
    const wait = (ms) => new Promise((done) => setTimeout(done, ms));
    ${body}`;
  const args = ["eval", "--quiet", "--ext=ts", script];
  const { stderr } = await new Deno.Command(Deno.execPath(), { args, stdin: "null" }).output();
  return new TextDecoder().decode(stderr).split("\n").slice(0, -1);
}

Deno.test("nothing is said of what takes a moment; then how much is done, and the time that is left at this pace", async () => {
  assertEquals(await said("const one = createProgress('one'); for (let at = 0; at < 5; at++) one.update(at, 5);"), []);
  const [line, ...more] = await said("const one = createProgress('one'); await wait(1200); one.update(10, 100);");
  assertEquals(more, []);
  const [, seconds] = line.match(/^one 10\/100 \(10%\) (\d+) s left$/) ?? [];
  assert(Number(seconds) >= 10 && Number(seconds) <= 20, line);
  assertEquals(await said("const one = createProgress('one'); await wait(1200); one.update(10, undefined);"), [
    "one 10",
  ]);
});

Deno.test("what was there before tells no pace, nor does what was counted before it began again", async () => {
  const found = await said("const one = createProgress('one'); await wait(1200); one.update(90, 100, 90);");
  assertEquals(found, ["one 90/100 (90%)"]);
  const [fetched] = await said(
    `const { onProgress } = createFetchProgress(); onProgress({ file: 'a', received: 80, total: 100 });
    await wait(1200); onProgress({ file: 'a', received: 81, total: 100 });`,
  );
  assertMatch(fetched, /^fetching 81\/100 \(81%\) 2\d s left$/);
  const [again] = await said(
    `const one = createProgress('one'); one.update(50, 100); await wait(600); one.update(1, 100);
    await wait(600); one.update(2, 100);`,
  );
  assertMatch(again, /^one 2\/100 \(2%\) (?:5|6)\d s left$/);
});
