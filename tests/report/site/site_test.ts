import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import type { ScoredSample } from "kvmirror/eval";
import { readFolder } from "../../../lib/notebook/folder_changes.ts";
import { serializeNotebook } from "../../../lib/notebook/serialize_notebook.ts";
import { leaderboardRows } from "../../../lib/report/site/leaderboard_rows.ts";
import { renderMarkdown } from "../../../lib/report/site/markdown.ts";
import { readSources } from "../../../lib/report/site/read_sources.ts";
import { siteFiles } from "../../../lib/report/site/site_files.ts";
import { writeSite } from "../../../lib/report/site/write_site.ts";
import { runTask } from "../../fixtures/run_task.ts";
import { syntheticNotebook } from "../../fixtures/synthetic_notebook.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

/** The most bytes of the committed site: every clone brings it along. */
const MOST_BYTES = 8e6;

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

Deno.test("the committed site is what the committed reports make (else: deno task site), and below 8 MB", async () => {
  const files = await siteFiles({ ...readSources("reports"), root: "../../" });
  const stale = [...files].filter(([path, content]) => {
    const bytes = bytesOf(content);
    return Deno.statSync(`reports/site/${path}`).size !== bytes.length ||
      !Deno.readFileSync(`reports/site/${path}`).every((byte, index) => byte === bytes[index]);
  });
  assertEquals(stale.map(([path]) => path), []);
  const committed = [...(await readFolder("reports/site")).keys()].filter((path) => path !== "files.txt");
  assertEquals(committed.sort(), [...files.keys()].sort());
  const total = [...files.values()].reduce((sum, content) => sum + bytesOf(content).length, 0);
  assert(total < MOST_BYTES, `${total} bytes`);
});

Deno.test("every link and picture of the site leads to a file of the checkout, and to an anchor that is there", async () => {
  const files = await siteFiles({ ...readSources("reports"), root: "../../" });
  const dead: string[] = [];
  for (const [page, content] of files) {
    if (!page.endsWith(".html")) continue;
    for (const [, address] of String(content).matchAll(/ (?:href|src)="([^"]+)"/g)) {
      if (/^(https?:|data:)/.test(address)) continue;
      const [path, anchor] = address.split("#");
      const file = path === "" ? page : path;
      const target = files.get(file);
      const isThere = target !== undefined || await exists(`reports/site/${file}`);
      const isAnchor = anchor === undefined || target === undefined || String(target).includes(`id="${anchor}"`);
      if (!isThere || !isAnchor) dead.push(`${page}: ${address}`);
    }
  }
  assertEquals(dead, []);
});

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Samples of a policy that keeps a share of the bytes, one a score. */
function samplesOf(
  policy: string,
  ratio: number,
  task: string,
  scores: readonly number[],
  bytes: number,
): ScoredSample[] {
  return scores.map((score, index) => ({
    policy,
    compression_ratio: ratio,
    task,
    index,
    context: index,
    score,
    kl: [],
    agreement: [],
    answer_tokens: 1,
    live_bytes: bytes,
  }));
}

Deno.test("leaderboard: bytes are told against a 16-bit cache; a mean is over tasks that count and settings asked on all", () => {
  const samples = [
    ...samplesOf("keep_all", 0, "a@1", [1, 1], 4000),
    ...samplesOf("tova in int8", 0.5, "a@1", [1, 0], 500),
    ...samplesOf("keep_all", 0, "b@1", [1, 0], 4000),
    ...samplesOf("tova in int8", 0.5, "b@1", [0, 0], 500),
    ...samplesOf("random", 0.5, "b@1", [0, 0], 2000),
    ...samplesOf("keep_all", 0, "c@1", [0, 0], 4000),
    ...samplesOf("tova in int8", 0.5, "c@1", [0, 0], 500),
  ];
  const rows = leaderboardRows([{ notebook: "04_x", model: "tiny", weights: "f32", samples }]);
  const short = rows.map(({ task, policy, dtype, ratio, score, n, share }) =>
    [task, policy, dtype, ratio, score, n, share].join(" ")
  );
  assertEquals(short, [
    "mean of 2 tasks@1 keep_all f32 0 0.75 4 2",
    "mean of 2 tasks@1 tova int8 0.5 0.25 4 0.25",
    "a@1 keep_all f32 0 1 2 2",
    "a@1 tova int8 0.5 0.5 2 0.25",
    "b@1 keep_all f32 0 0.5 2 2",
    "b@1 tova int8 0.5 0 2 0.25",
    "b@1 random f32 0.5 0 2 1",
    "c@1 keep_all f32 0 0 2 2",
    "c@1 tova int8 0.5 0 2 0.25",
  ]);
});

Deno.test("the leaderboard's means are those of the summary", () => {
  const rows = leaderboardRows(readSources("reports").runs);
  const summary = Deno.readTextFileSync("reports/benchmark_summary.md");
  const lines = [
    ...summary.matchAll(/^\| (\S+) \| (0\.\d+) \| (100|150) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \| [\d.-]+ \|/gm),
  ];
  assertEquals(lines.length >= 15, true, "the five best at each of three ratios");
  for (const [, policy, ratio, n, score, low, high] of lines.slice(0, 15)) {
    const row = rows.find((one) =>
      one.notebook === "04_policies" && one.tasks.length > 1 && one.policy === policy && one.ratio === Number(ratio)
    );
    assert(row !== undefined, `${policy} at ${ratio}`);
    assertEquals([row.n, ...[row.score, row.low, row.high].map((number) => number.toFixed(2))], [
      Number(n),
      score,
      low,
      high,
    ]);
  }
});

Deno.test("Markdown: HTML is text, but for folds; links lead where they may", () => {
  const targets = { link: (address: string) => address === "a.md" ? "a.html" : undefined, picture: () => undefined };
  const render = (text: string) => renderMarkdown(text, targets);
  assertEquals(
    render("<details><summary>A *b* <i></summary>\n\nc\n\n</details>"),
    "<details><summary>A <em>b</em> &lt;i&gt;</summary>\n<p>c</p>\n</details>\n",
  );
  assertEquals(render("<details open onclick=x>"), "<p>&lt;details open onclick=x&gt;</p>\n");
  assertEquals(render("[a](a.md) [b](b.md)"), '<p><a href="a.html" rel="noreferrer">a</a> <a>b</a></p>\n');
  assertEquals(render("[c](javascript:d)"), "<p>[c](javascript:d)</p>\n");
  assertEquals(render("[c](JaVaScRiPt&colon;d)"), "<p>[c](JaVaScRiPt:d)</p>\n");
  assertEquals(render('![x" onerror="y](z.png)'), "<p>x&#34; onerror=&#34;y</p>\n");
  assertEquals(
    render("## `a_b`: c?\n\n## a_b c"),
    '<h2 id="a_b-c"><code>a_b</code>: c?</h2>\n<h2 id="a_b-c-1">a_b c</h2>\n',
  );
});

Deno.test("a site is written twice the same; what it no longer has is removed, what is not its own stays", async () => {
  await withFolder(async (path, folder) => {
    await Deno.mkdir(path("reports"));
    const notebook = serializeNotebook(syntheticNotebook("1 + 1"));
    for (const name of ["01_one", "02_two"]) await Deno.writeTextFile(path(`reports/${name}.ipynb`), notebook);
    const site = path("reports/site");
    await writeSite(path("reports"), site);
    const first = await readFolder(site);
    assertEquals(await readFolder(site), first);
    await writeSite(path("reports"), site);
    assertEquals(await readFolder(site), first);
    await Deno.remove(path("reports/02_two.ipynb"));
    await Deno.writeTextFile(`${site}/mine.txt`, "mine");
    await Deno.writeTextFile(path("outside.txt"), "outside");
    await Deno.writeTextFile(`${site}/files.txt`, `../../outside.txt\n${folder}/outside.txt\n02_two.html\n`);
    await writeSite(path("reports"), site);
    const last = await readFolder(site);
    assertEquals([last.has("01_one.html"), last.has("02_two.html"), last.has("mine.txt")], [true, false, true]);
    assertEquals(await Deno.readTextFile(path("outside.txt")), "outside");
    await Deno.mkdir(path("other"));
    await Deno.writeTextFile(path("other/letter.txt"), "dear");
    await assertRejects(() => writeSite(path("reports"), path("other")), RangeError, "as it holds other files");
  });
});

Deno.test("deno task site --output: a folder of its own; mistakes are one line and exit 2", async () => {
  await withFolder(async (path) => {
    const made = await runTask(["site", "--output", path("site"), "--json"]);
    assertEquals(made.code, 0, made.stderr);
    const { files, bytes } = JSON.parse(made.stdout);
    assert(files.includes("index.html") && files.includes("leaderboard.html") && bytes > 1e6);
    await Deno.mkdir(path("reports"));
    await Deno.writeTextFile(path("reports/01_one.ipynb"), '{"nbformat": 4');
    await Deno.mkdir(path("data/studies"), { recursive: true });
    const cases: [string[], string][] = [
      [["--reports", path("none")], "Cannot read the reports in"],
      [["--reports", path("reports"), "--output", path("new")], "01_one.ipynb: Cannot read the notebook as JSON"],
      [["--reports", "reports", "--output", "docs"], "as it holds other files: name a new or empty folder"],
      [["now"], "Cannot use the word now as site takes flags only"],
    ];
    for (const [args, message] of cases) {
      const { code, stderr } = await runTask(["site", ...args]);
      assertEquals([code, stderr.trim().split("\n").length], [2, 1], stderr);
      assertStringIncludes(stderr, message);
    }
    await Deno.remove(path("reports/01_one.ipynb"));
    await Deno.writeTextFile(path("data/studies/04_x.json"), '{"settings": []}');
    const { code, stderr } = await runTask(["site", "--reports", path("reports")]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "04_x.json: Cannot read the study as its command is no text");
  });
});
