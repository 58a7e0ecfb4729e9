import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { POLICIES, WRAPPERS } from "kvmirror/policies";
import { mobyDick } from "../lib/eval/dataset/moby_dick.ts";
import { familyMarkdown } from "../tasks/models/family_tables.ts";
import { runningFamilies } from "../tasks/models/running_families.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** The files whose blocks run, in turn. */
const PAGES = ["README.md", "docs/cache.md"];

/** What a block finds beside it: a text with the answer to the pages' question, and one past the model's context. */
const FILES: Readonly<Record<string, string>> = {
  "story.txt": `${"Sam has a dog and a boat. ".repeat(30)}The dog is called Biscuit. ${"It rained. ".repeat(30)}`,
  "book.txt": mobyDick().join("\n\n").slice(0, 12_000),
};

/** What a block must print, by its page and place; the others print nothing. */
const PRINTED: Readonly<Record<string, RegExp>> = {
  "README.md 1": /^keep_all \d+ .*\nrecent_window \d+ .*\nglobalkv\(keydiff\) \d+ .*\n$/,
  "docs/cache.md 4": /^\| tokens \| layer \| dtype \| rows \|/,
};

/** The TypeScript blocks of all pages. Those below the first go on from how it begins, down to its model. */
function scripts(pages: Readonly<Record<string, string>>): { name: string; code: string }[] {
  const blocks = Object.entries(pages).flatMap(([page, text]) =>
    [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code], index) => ({ name: `${page} ${index + 1}`, code }))
  );
  const [beginning] = blocks[0].code.match(/^.*?^await using model.*?\n/ms)!;
  return blocks.map(({ name, code }, index) => ({ name, code: index === 0 ? code : beginning + code }));
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

Deno.test("README and docs: every TypeScript block is sound and runs", async (test) => {
  const pages = Object.fromEntries(PAGES.map((page) => [page, Deno.readTextFileSync(ROOT + page)]));
  for (const [page, text] of Object.entries(pages)) {
    assertEquals(text.match(/^```\w+ ignore$/gm), null, `${page}: a block that is ignored may say anything`);
  }
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-readme-" });
  try {
    for (const [name, text] of Object.entries(FILES)) await Deno.writeTextFile(`${folder}/${name}`, text);
    await Deno.mkdir(`${folder}/data`);
    await Deno.symlink(`${ROOT}data/samples`, `${folder}/data/samples`);
    const blocks = scripts(pages).map((block, index) => ({ ...block, file: `block_${index + 1}.ts` }));
    for (const { file, code } of blocks) await Deno.writeTextFile(`${folder}/${file}`, code);
    await deno(folder, ["check", ...blocks.map(({ file }) => file)]);
    for (const { name, file } of blocks) {
      await test.step(name, async () => {
        assertMatch(await deno(folder, ["run", "--no-prompt", "-P=test", file]), PRINTED[name] ?? /^$/);
      });
    }
    const unknown = Object.keys(PRINTED).filter((name) => !blocks.some((block) => block.name === name));
    assertEquals(unknown, [], "blocks that are no more");
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

Deno.test("docs/models.md: the table of families is that of deno task models list --markdown", async () => {
  const page = await Deno.readTextFile(`${ROOT}docs/models.md`);
  const [table] = page.match(/^\| family +\|.*?\n(?=\n)/ms) ?? [""];
  assertEquals(cells(table), cells(familyMarkdown(runningFamilies())));
});

Deno.test("README: its list of policies is deno task policies', and each file that it names is there", async () => {
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const [, list] = readme.match(/^## Policies\n(.*?)and your own/ms)!;
  const named = [...list.matchAll(/`([a-z_0-9]+)(\(…\))?`/g)].map(([, name]) => name).sort();
  const known = [...Object.keys(POLICIES), ...Object.keys(WRAPPERS)].filter((name) => name !== "oracle");
  assertEquals(named, known.sort());
  for (const [, file] of readme.matchAll(/(?:--prompt-file|--dataset) (\S+)/g)) {
    assert(Deno.statSync(ROOT + file).isFile, file);
  }
  assert(readme.split("\n").length <= 151, "a README is read in one go");
});
