import { assert, assertEquals } from "@std/assert";
import settings from "../deno.json" with { type: "json" };

const ROOT = new URL("../", import.meta.url);

/** A symbol of `deno doc --json`, as far as it is read. */
interface Documented {
  readonly name: string;
  readonly jsDoc?: unknown;
  readonly declarations?: readonly { readonly jsDoc?: unknown }[];
}

async function deno(...args: string[]): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1" },
  }).output();
  return { success, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

// JSR gives a package 17 points at most. 14 lie in its files; a description, runtimes and provenance, a point each with
// one too many, are set where it is published: https://github.com/jsr-io/jsr/blob/main/api/src/api/types.rs
Deno.test("the package has the 14 of JSR's 17 points that its files can have", async () => {
  const readme = await Deno.readTextFile(new URL("README.md", ROOT));
  const doors = Object.values(settings.exports);
  const { stdout } = await deno("doc", "--json", ...doors);
  const { nodes } = JSON.parse(stdout) as { nodes: Record<string, { module_doc?: unknown; symbols: Documented[] }> };
  const modules = Object.values(nodes);
  const symbols = modules.flatMap(({ symbols }) => symbols);
  const documented = symbols.filter(({ jsDoc, declarations }) => jsDoc ?? declarations?.some(({ jsDoc }) => jsDoc));
  const published = await deno("publish", "--dry-run", "--allow-dirty");
  const points = {
    readme: readme.length > 0 ? 2 : 0,
    example: /^```ts/m.test(readme) ? 1 : 0,
    modules: modules.length === doors.length && modules.every(({ module_doc }) => module_doc !== undefined) ? 1 : 0,
    symbols: Math.floor(Math.min(documented.length / symbols.length / 0.8, 1) * 5),
    types: published.success && !/slow.type/i.test(published.stderr.replace("Checking for slow types", "")) ? 5 : 0,
  };
  console.log(`${documented.length} of ${symbols.length} public symbols are documented`, points);
  assert(published.success, published.stderr);
  assertEquals(Object.values(points).reduce((sum, of) => sum + of), 14);
});
