import { assertEquals, assertStringIncludes } from "@std/assert";
import { serializeNotebook } from "../../../lib/notebook/serialize_notebook.ts";
import { checkoutCopy } from "../../fixtures/checkout_copy.ts";
import { type RunningTask, startTask } from "../../fixtures/queue_processes.ts";
import { HAS_REDIS, startRedis } from "../../fixtures/redis_server.ts";
import { syntheticNotebook } from "../../fixtures/synthetic_notebook.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

/** An evaluation and a study that keep their samples, and a policy of the notebook's own, which no worker knows. */
const CELLS = [
  `import { loadModel } from "kvmirror/engine";
import { evaluate, policyStudy, sampleFolder, taskRows } from "kvmirror/eval";
import { definePolicy, eachHead, policy } from "kvmirror/policies";
const llm = await loadModel("tiny");
const newest = definePolicy({ name: "newest", signals: [], score: eachHead(({ positions }) => Float32Array.from(positions)) });`,
  `const rows = taskRows(llm.tokenizer, "niah_single_2", { length: 400, samples: 2, maxNewTokens: 4 });
const settings = [policy("knorm"), newest].map((policy) => ({ policy, compressionRatio: 0.5 }));
const found = await evaluate(llm, rows, settings, { samples: sampleFolder() });
Deno.writeTextFileSync("../reports/evaluation.json", JSON.stringify(found));`,
  `const stage = { task: "niah_single_1", length: 400, samples: 2, maxNewTokens: 4, policies: ["tova"], ratios: [0.5] };
const study = await policyStudy(llm, [stage], { samples: sampleFolder() });
Deno.writeTextFileSync("../reports/study.json", JSON.stringify(study));`,
];
const FILES = ["evaluation.json", "study.json", "01_asks.ipynb"];

const ended = async (task: RunningTask) => (await task.process.status).code;

Deno.test({
  name: "queue: reproduce's notebooks and recommend have workers answer, and leave what one process does",
  ignore: !HAS_REDIS,
  fn: () =>
    withFolder(async (_, folder) => {
      await using redis = await startRedis();
      const queue = ["--queue", `redis://127.0.0.1:${redis.port}`];
      const root = await checkoutCopy(`${folder}/checkout`);
      const start = (name: string, ...args: string[]) => startTask(args, { cache: `${folder}/${name}`, root });
      await Deno.mkdir(new URL("notebooks", root));
      await Deno.writeTextFile(
        new URL("notebooks/01_asks.ipynb", root),
        serializeNotebook(syntheticNotebook(...CELLS)),
      );
      await using worker = startTask(["worker", ...queue], { cache: `${folder}/worker` });
      const reports: string[][] = [];
      for (const more of [[], queue]) {
        const output = `${folder}/reports-${reports.length}`;
        const args = ["reproduce", "--profile", "quick", "--output", output, ...more];
        await using run = start(`kernels-${reports.length}`, ...args);
        assertEquals(await ended(run), 0, run.lines.join("\n"));
        reports.push(FILES.map((file) => Deno.readTextFileSync(`${output}/${file}`)));
      }
      assertEquals(reports[1], reports[0]);
      assertStringIncludes(reports[0][0], "newest");
      const { stdout } = await new Deno.Command("redis-cli", {
        args: ["-p", String(redis.port), "--scan", "--pattern", "kvmirror:finished:*"],
      }).output();
      const key = new TextDecoder().decode(stdout).trim();
      const count = await new Deno.Command("redis-cli", { args: ["-p", String(redis.port), "llen", key] }).output();
      assertEquals(new TextDecoder().decode(count.stdout).trim(), "8", "all but the notebook's own came by the queue");
      const advise = ["recommend", "--model", "tiny", "--context", "400", "--memory", "60KB", "--samples", "1"]
        .concat("--policy", "knorm,tova", "--cache-dtype", "f32");
      await using advice = start("advised", ...advise, ...queue);
      assertEquals(await ended(advice), 0, advice.lines.join("\n"));
      assertStringIncludes(worker.lines.join("\n"), "waiting for jobs");
    }),
});
