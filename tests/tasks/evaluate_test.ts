import { assert, assertEquals, assertMatch } from "@std/assert";
import { evaluationGolden } from "../fixtures/evaluation_golden.ts";
import { checkpointPath } from "../fixtures/golden.ts";
import { runTask, type TaskResult } from "../fixtures/run_task.ts";

const MODEL = ["--model", checkpointPath("qwen2_untied_f32"), "--weights", "f32"];
const { rows, answers } = evaluationGolden();
const LINES = rows.map((row) => `${JSON.stringify(row)}\n`).join("");

async function withDataset(
  text: string,
  body: (run: (...args: string[]) => Promise<TaskResult>, folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/rows.jsonl`, text);
    await body((...args) => runTask(["evaluate", ...MODEL, "--dataset", `${folder}/rows.jsonl`, ...args]), folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("evaluate: a dataset becomes results, predictions, tables and a chart, with the controls beside", async () => {
  await withDataset(LINES, async (run, folder) => {
    const out = `${folder}/out`;
    const args = ["--policy", "hybrid", "--compression-ratio", "0.75,0.5", "--output", out];
    const { code, stdout, stderr } = await run(...args);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /^# Evaluation\n/);
    const text = (name: string) => Deno.readTextFileSync(`${out}/${name}`);
    const results = JSON.parse(text("results.json"));
    assertEquals(Object.keys(results[0]), ["policy", "compression_ratio", "task", "score", "n", "ci_low", "ci_high"]);
    const settings = [
      "keep_all 0",
      ...["hybrid", "random", "streaming_llm", "oracle", "cut_prompt"].flatMap((
        name,
      ) => [`${name} 0.5`, `${name} 0.75`]),
    ];
    const named = (row: { policy: string; compression_ratio: number }) => `${row.policy} ${row.compression_ratio}`;
    assertEquals([...new Set(results.map(named))], settings);
    assertEquals(
      results.filter((row: { task: string }) => row.task === "colour").every((row: { n: number }) => row.n === 2),
      true,
    );
    const predictions = text("predictions.jsonl").trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(Object.keys(predictions[0]), ["index", "task", "policy", "compression_ratio", "prediction", "score"]);
    assertEquals(predictions.length, settings.length * rows.length);
    const said = (name: string) => predictions.filter((row) => named(row) === name).map(({ prediction }) => prediction);
    assertEquals([said("keep_all 0"), said("streaming_llm 0.5")], [answers.keep_all, answers.streaming_llm]);
    assertMatch(text("predictions.csv"), /^task,question,answer_prefix,answer,max_new_tokens,predicted_answer,/);
    assertMatch(text("report.md"), /\| colour \| 0\.000 \| 2 \| closed, unsure \|/);
    assertMatch(text("report.md"), /figures\/scores\.png/);
    assert(Deno.statSync(`${out}/figures/scores.svg`).size > 1000);
    const sample = text("measures.jsonl").split("\n")[1];
    assertEquals(JSON.parse(sample).kl.length, JSON.parse(sample).answer_tokens);
    const files = [...Deno.readDirSync(`${out}/samples`)].map(({ name }) => name);
    assertEquals([files.length, files.every((name) => /^[0-9a-f]{64}\.json$/.test(name))], [predictions.length, true]);
  });
});

Deno.test("evaluate: a run that was killed goes on, and ends as one that was not", async () => {
  await withDataset(LINES, async (run, folder) => {
    const args = (name: string) => ["--policy", "random", "--json", "--output", `${folder}/${name}`];
    const whole = await run(...args("whole"));
    assertEquals(whole.code, 0, whole.stderr);
    assertEquals((await run(...args("killed"))).code, 0);
    // What a kill leaves: some samples, one of them begun under another name, and no results.
    const samples = [...Deno.readDirSync(`${folder}/killed/samples`)].map(({ name }) =>
      `${folder}/killed/samples/${name}`
    )
      .sort();
    for (const path of samples.slice(0, 4)) Deno.removeSync(path);
    Deno.writeTextFileSync(`${samples[0]}.1234.unfinished`, '{"prediction": "h');
    Deno.removeSync(`${folder}/killed/results.json`);
    const kept = Deno.statSync(samples[4]).mtime;
    const rest = await run(...args("killed"));
    assertEquals([rest.code, rest.stdout], [0, whole.stdout], rest.stderr);
    assertEquals(Deno.statSync(samples[4]).mtime, kept);
    for (const name of ["results.json", "predictions.jsonl", "measures.jsonl", "predictions.csv"]) {
      assertEquals(Deno.readTextFileSync(`${folder}/killed/${name}`), Deno.readTextFileSync(`${folder}/whole/${name}`));
    }
  });
});

Deno.test("evaluate: tasks are written, the question may be known, answers may be cut, text is judged", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stdout, stderr } = await runTask([
    "evaluate",
    ...MODEL,
    ..."--task niah_single_1 --length 1000 --samples 2 --seed 3 --max-new-tokens 3 --query-aware --perplexity 1 --json"
      .split(" "),
    ..."--policy random --compression-ratio 0.5 --positions compact".split(" "),
    "--output",
    folder,
  ]);
  assertEquals(code, 0, stderr);
  const { results, model, weights, gates, perplexity } = JSON.parse(stdout);
  assertEquals([model, weights, gates.length, results.length], ["qwen2_untied_f32", "f32", 1, 5]);
  assertEquals(perplexity.map(({ policy, n }: { policy: string; n: number }) => [policy, n]), [
    ["keep_all", 1],
    ["random", 1],
    ["streaming_llm", 1],
  ]);
  const [first] = Deno.readTextFileSync(`${folder}/measures.jsonl`).split("\n").map((line) =>
    JSON.parse(line || "null")
  );
  assertEquals([first.answer_tokens, first.depth > 0 && first.depth < 1], [3, true]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("evaluate: several weights are a folder each, and one table has the scores of all", async () => {
  await withDataset(LINES, async (_, folder) => {
    const out = `${folder}/out`;
    const { code, stdout, stderr } = await runTask([
      "evaluate",
      ...MODEL.slice(0, 2),
      ...`--weights f32,int8 --dataset ${folder}/rows.jsonl --policy knorm --json --output ${out}`.split(" "),
    ]);
    assertEquals(code, 0, stderr);
    assertEquals(JSON.parse(stdout).map(({ weights }: { weights: string }) => weights), ["f32", "int8"]);
    const read = (name: string) => JSON.parse(Deno.readTextFileSync(`${out}/${name}`));
    const of = (weights: string) => read(`${weights}/results.json`).map((row: object) => ({ weights, ...row }));
    assertEquals(read("results.json"), [...of("f32"), ...of("int8")]);
    assertMatch(
      Deno.readTextFileSync(`${out}/report.md`),
      /\| task \| policy \| compression ratio \| n \| f32 \| int8 \|/,
    );
    assertEquals([...Deno.readDirSync(`${out}/samples`)].length, 2 * 6 * rows.length);
  });
});

Deno.test("evaluate: processes share the contexts out, and what comes out is what one would make", async () => {
  await withDataset(LINES, async (run, folder) => {
    const args = ["--policy", "knorm", "--compression-ratio", "0.5"];
    const part = await run(...args, "--output", `${folder}/jobs`, "--shard", "1/2");
    assertEquals([part.code, part.stdout], [0, ""], part.stderr);
    const left = [...Deno.readDirSync(`${folder}/jobs/samples`)].length;
    const whole = await run(...args, "--output", `${folder}/whole`);
    const shared = await run(...args, "--output", `${folder}/jobs`, "--jobs", "2");
    assertEquals([whole.code, shared.code], [0, 0], shared.stderr);
    assert(!shared.stderr.includes("done here"), shared.stderr);
    assertEquals([...Deno.readDirSync(`${folder}/jobs/samples`)].length, 6 * rows.length);
    assert(left > 0 && left < 6 * rows.length, `${left} samples of one shard`);
    for (const name of ["results.json", "predictions.jsonl"]) {
      assertEquals(Deno.readTextFileSync(`${folder}/jobs/${name}`), Deno.readTextFileSync(`${folder}/whole/${name}`));
    }
    for (const wrong of [["--shard", "2/2"], ["--shard", "half"], ["--jobs", "0"]]) {
      const { code, stderr } = await run(...args, ...wrong);
      assertEquals([code, stderr.trim().split("\n").length], [2, 1], stderr);
    }
  });
});

Deno.test("evaluate: several lengths are tasks of their own, and a heat map shows depth against length", async () => {
  const folder = await Deno.makeTempDir();
  const { code, stderr } = await runTask([
    "evaluate",
    ...MODEL,
    ..."--task niah_single_1 --length 1000,900 --samples 2 --max-new-tokens 2 --policy random --output".split(" "),
    folder,
  ]);
  assertEquals(code, 0, stderr);
  const results: { task: string }[] = JSON.parse(Deno.readTextFileSync(`${folder}/results.json`));
  assertEquals([...new Set(results.map(({ task }) => task))], ["niah_single_1@900", "niah_single_1@1000"]);
  assertMatch(Deno.readTextFileSync(`${folder}/report.md`), /figures\/depth_0\.5\.png/);
  assert(Deno.statSync(`${folder}/figures/depth_0.5.svg`).size > 1000);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("evaluate: a row that does not fit is reported, the others finish, and the exit says so", async () => {
  const long = { ...rows[0], task: "long", context: rows[0].context.repeat(40) };
  await withDataset(`${LINES}${JSON.stringify(long)}\n`, async (run, folder) => {
    const { code, stdout, stderr } = await run("--policy", "random", "--json", "--output", `${folder}/out`);
    assertEquals(code, 1);
    const { failures, results } = JSON.parse(stdout);
    assertEquals([failures.length, failures[0].task, results.length], [5, "long", 10]);
    assertMatch(
      stderr,
      /error: 5 samples failed, the others are finished; keep_all at 0 on long: Cannot read \d+ tokens/,
    );
    assertMatch(Deno.readTextFileSync(`${folder}/out/report.md`), /## What failed/);
    Deno.writeTextFileSync(`${folder}/rows.jsonl`, `${JSON.stringify(long)}\n`);
    const alone = await run("--policy", "random", "--output", `${folder}/alone`);
    assertEquals([alone.code, Deno.readTextFileSync(`${folder}/alone/results.json`)], [1, "[]\n"]);
    assertMatch(alone.stdout, /No sample is finished/);
    assertMatch(alone.stderr, /error: 5 samples failed, the others are finished/);
  });
});

Deno.test("evaluate: mistakes are one line that names them, with exit 2: the call's and the file's", async () => {
  const refused = async (code: number, message: string, text: string, ...args: string[]) => {
    await withDataset(text, async (run) => {
      const { stdout, ...result } = await run(...args);
      const lines = result.stderr.trim().split("\n").filter((line) => !/DEP0040|^\(Use/.test(line));
      assertEquals([result.code, stdout, lines.length], [code, "", 1], result.stderr);
      assert(lines[0].includes(message), lines[0]);
    });
  };
  const { answer: _, ...unanswered } = rows[0];
  const random = ["--policy", "random"];
  await refused(2, "line 1 of", `${JSON.stringify(unanswered)}\n`, ...random);
  await refused(2, "has no rows", "\n", ...random);
  await refused(2, "as JSON: it goes wrong", "{\n", ...random);
  await refused(2, "parenthesis is not closed", LINES, "--policy", "adakv(snapkv");
  await refused(2, 'Cannot find policy "randon": did you mean random?', LINES, "--policy", "randon");
  await refused(
    2,
    "Cannot compress to ratio 1.2 as it must be in [0, 1)",
    LINES,
    ...random,
    "--compression-ratio",
    "0.5,1.2",
  );
  await refused(2, "Cannot evaluate without policies", LINES);
  await refused(2, "give --dataset rows.jsonl, or --task", LINES, ...random, "--task", "vt");
  await refused(2, "Cannot use --length with --dataset", LINES, ...random, "--length", "100");
  const named = (...args: string[]) => runTask(["evaluate", ...random, ...args]);
  for (
    const [args, message] of [
      [["--task", "niah_singel_1"], /did you mean niah_single_1\?/],
      [["--dataset", "/nowhere/rows.jsonl"], /Cannot read \/nowhere\/rows.jsonl as there is no such file/],
      [["--task", "vt", "--samples", "0"], /Cannot use --samples 0/],
    ] as const
  ) {
    const { code, stderr } = await named(...args);
    assertEquals(code, 2);
    assertMatch(stderr, message);
  }
});
