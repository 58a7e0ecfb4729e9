/**
 * Measures what the queue costs and what a second worker brings: the same evaluation by processes of one thread without a
 * queue and by workers of one thread, in turns. Each run has a seed of its own, so that none finds another's samples.
 *
 * ```sh
 * deno run -P=test tests/soak/queue_speed.ts smollm2-135m 8 3   # of this model, so many contexts and rounds
 * ```
 */
import { median } from "../../tasks/bench/plan/bench_result.ts";
import { cacheFolder } from "../../lib/files/cache_folder.ts";
import { type RunningTask, startEvaluation, startTask } from "../fixtures/queue_processes.ts";
import { startRedis } from "../fixtures/redis_server.ts";
import { withFolder } from "../fixtures/with_folder.ts";

const [model = "smollm2-135m", contexts = "8", rounds = "3"] = Deno.args;
const evaluation = (seed: number, samples: string) =>
  (`--model ${model} --task niah_single_2 --length 1024 --samples ${samples} --max-new-tokens 24 --seed ${seed} ` +
    "--policy hybrid,snapkv --compression-ratio 0.5,0.75").split(" ");
const SYSTEMS = ["one process", "one worker", "two processes", "two workers"] as const;

await withFolder(async (_, folder) => {
  await using redis = await startRedis();
  const cache = cacheFolder();
  const seconds = new Map<string, number[]>(SYSTEMS.map((name) => [name, []]));
  let seed = Date.now();
  for (let round = 1; round <= Number(rounds); round++) {
    for (const name of round % 2 === 1 ? SYSTEMS : SYSTEMS.toReversed()) {
      await using all = new AsyncDisposableStack();
      const count = name.startsWith("one") ? 1 : 2;
      const hasQueue = name.includes("worker");
      const url = ["--queue", `redis://127.0.0.1:${redis.port}`];
      const run = async (samples: string, label: string) => {
        const args = evaluation(seed++, samples);
        const each = Array.from({ length: hasQueue ? 1 : count }, (_, place) =>
          all.use(
            startEvaluation(folder, `${label} ${place}`, [
              ...args,
              ...(hasQueue ? url : ["--shard", `${place}/${count}`]),
            ], cache),
          ));
        await Promise.all(each.map(finished));
        const ends = each.flatMap((_, place) => sampleTimes(`${folder}/${label} ${place}/out/samples`));
        return { samples: ends.length, last: Math.max(...ends) };
      };
      if (hasQueue) {
        for (let place = 0; place < count; place++) {
          all.use(startTask(["worker", ...url, "--models", model], { cache }));
        }
        await run(String(2 * count), `${round} ${name}, models load`);
      }
      const started = Date.now();
      const { samples, last } = await run(contexts, `${round} ${name}`);
      seconds.get(name)!.push((last - started) / 1000);
      console.log(
        `round ${round}: ${name}: ${((last - started) / 1000).toFixed(1)} s to the last of ${samples} samples`,
      );
    }
  }
  console.table(
    [...seconds].map(([name, values]) => ({
      what: name,
      "median s": Number(median(values).toFixed(1)),
      rounds: values.map((value) => value.toFixed(1)).join(", "),
    })),
  );
  // Within a round, as a machine's pace changes from round to round.
  const ratios = (one: typeof SYSTEMS[number], other: typeof SYSTEMS[number]) => {
    const each = seconds.get(one)!.map((value, round) => value / seconds.get(other)![round]);
    return `${median(each).toFixed(3)} (rounds: ${each.map((value) => value.toFixed(3)).join(", ")})`;
  };
  console.log(`one worker / one process: ${ratios("one worker", "one process")}`);
  console.log(`one worker / two workers: ${ratios("one worker", "two workers")}`);
  console.log(`one process / two processes: ${ratios("one process", "two processes")}`);
});
Deno.exit(0);

async function finished(task: RunningTask): Promise<void> {
  const { code } = await task.process.status;
  if (code !== 0) throw new Error(`an evaluation ended with exit ${code}:\n${task.lines.join("\n")}`);
}

/** When each sample was written. */
function sampleTimes(folder: string): number[] {
  return [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)
    .map(({ name }) => Deno.statSync(`${folder}/${name}`).mtime!.getTime());
}
