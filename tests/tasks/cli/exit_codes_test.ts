import { assertEquals } from "@std/assert";
import { printForPeople, type TextSink } from "../../../tasks/cli/print.ts";

const CLI = new URL("../../../tasks/cli/", import.meta.url);

/** Runs a task's body in a process of its own, which says when it has begun. */
function start(body: string): Deno.ChildProcess {
  const script = `import { runBody } from ${JSON.stringify(new URL("run_body.ts", CLI))};
    import { printText } from ${JSON.stringify(new URL("print.ts", CLI))};
    import { UsageError } from ${JSON.stringify(new URL("usage_error.ts", CLI))};
    await runBody(async () => { ${body} });`;
  const args = ["eval", "--quiet", "--ext=ts", script];
  return new Deno.Command(Deno.execPath(), { args, stdin: "null", stdout: "piped", stderr: "piped" }).spawn();
}

async function endOf(process: Deno.ChildProcess): Promise<{ code: number; said: string }> {
  const { code, stderr } = await process.output();
  return { code, said: new TextDecoder().decode(stderr) };
}

Deno.test("2 is what was given, 1 is anything else, and a mistake of the code is no mistake of the user", async () => {
  const bodies: readonly [string, number, string][] = [
    ["throw new UsageError('Cannot use x')", 2, "Cannot use x"],
    ["throw new RangeError('Cannot keep 0 rows')", 2, "Cannot keep 0 rows"],
    ["throw new SyntaxError('a.gguf: Cannot read it')", 2, "a.gguf: Cannot read it"],
    ["new Array(-1)", 1, "Invalid array length"],
    ["JSON.parse('{')", 1, "Expected property name or '}' in JSON at position 1 (line 1 column 2)"],
    ["null.x", 1, "Cannot read properties of null (reading 'x')"],
    ["throw new Error('Cannot reach the hub')", 1, "Cannot reach the hub"],
    ["Deno.readTextFileSync('none')", 1, "Cannot read none as there is no such file or folder: check the path"],
  ];
  for (const [body, code, message] of bodies) {
    assertEquals(await endOf(start(body)), { code, said: `error: ${message}\n` }, body);
  }
});

Deno.test({
  name: "a reader who has had enough ends the task with 0 and without a word",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const process = start("for (let line = 0; line < 1e6; line++) printText('a line');");
    await process.stdout.cancel();
    const said = await new Response(process.stderr).text();
    assertEquals([(await process.status).code, said], [0, ""]);
  },
});

Deno.test("a terminal gets no control characters of a text, a file gets all of it", () => {
  const sink = (isTerminal: boolean): TextSink & { text: string } => ({
    text: "",
    isTerminal: (): boolean => isTerminal,
    writeSync(bytes): number {
      this.text += new TextDecoder().decode(bytes);
      return bytes.length;
    },
  });
  const said = "a\x1b]0;title\x07b\x9b31mc\r\n\td\x7f";
  const [terminal, file] = [sink(true), sink(false)];
  for (const each of [terminal, file]) printForPeople(each, said);
  assertEquals([terminal.text, file.text], ["a]0;titleb31mc\n\td", said]);
});
