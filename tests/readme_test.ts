import { assert, assertEquals, assertMatch } from "@std/assert";
import { mobyDick } from "../lib/eval/dataset/moby_dick.ts";
import { familyMarkdown } from "../tasks/models/family_tables.ts";
import { runningFamilies } from "../tasks/models/running_families.ts";

const ROOT = new URL("../", import.meta.url).pathname;

/** What a block finds beside it: a text with the answer to the README's question, and one past the model's context. */
const FILES: Readonly<Record<string, string>> = {
  "story.txt": `${"Sam has a dog and a boat. ".repeat(30)}The dog is called Biscuit. ${"It rained. ".repeat(30)}`,
  "book.txt": mobyDick().join("\n\n").slice(0, 12_000),
};

/** What a block must print; the others print nothing. */
const PRINTED: Readonly<Record<number, RegExp>> = {
  1: /^keep_all \d+ .*\nrecent_window \d+ .*\nhybrid \d+ .*\n$/,
  5: /^\| tokens \| layer \| dtype \| rows \|/,
};

/** The TypeScript blocks in turn. Those below the first go on from how it begins, down to its model. */
function scripts(readme: string): string[] {
  const blocks = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  const [beginning] = blocks[0].match(/^.*?^await using model.*?\n/ms)!;
  return blocks.map((block, index) => index === 0 ? block : beginning + block);
}

/** Runs Deno with the blocks' folder around it and no model but the embedded one to be had: no pip, nothing fetched. */
async function deno(folder: string, args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [...args.slice(0, 1), "--quiet", `--config=${ROOT}deno.json`, ...args.slice(1)],
    cwd: folder,
    env: { PATH: folder, KVMIRROR_CACHE: `${folder}/cache`, HF_HUB_CACHE: `${folder}/hub`, NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assert(success, `deno ${args.join(" ")}: ${text(stderr)}${text(stdout)}`);
  return text(stdout);
}

Deno.test("README: every TypeScript block is sound and runs", async (test) => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  assertEquals(readme.match(/^```\w+ ignore$/gm), null, "a block that is ignored may say anything");
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-readme-" });
  try {
    for (const [name, text] of Object.entries(FILES)) await Deno.writeTextFile(`${folder}/${name}`, text);
    const names = scripts(readme).map((_, index) => `block_${index + 1}.ts`);
    for (const [index, code] of scripts(readme).entries()) await Deno.writeTextFile(`${folder}/${names[index]}`, code);
    await deno(folder, ["check", ...names]);
    for (const [index, name] of names.entries()) {
      await test.step(`block ${index + 1}`, async () => {
        assertMatch(await deno(folder, ["run", "--no-prompt", "-P=test", name]), PRINTED[index + 1] ?? /^$/);
      });
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

/** The cells of a table in Markdown: how wide its columns are written is the formatter's. */
function cells(markdown: string): string[][] {
  return markdown.trim().split("\n").map((line) =>
    line.split("|").slice(1, -1).map((cell) => cell.trim().replace(/^(:?)-+(:?)$/, "$1---$2"))
  );
}

Deno.test("README: the table of families is that of deno task models list --markdown", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const [table] = readme.match(/^\| family +\|.*?\n(?=\n)/ms) ?? [""];
  assertEquals(cells(table), cells(familyMarkdown(runningFamilies())));
});
