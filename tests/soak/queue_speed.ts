/**
 * Measures what the queue costs and what a second worker brings: the same evaluation by processes of one thread without a
 * queue and by workers of one thread, in turns. Each run has a seed of its own, so that none finds another's samples.
 * Times are from the command's start to its last sample, and from its first sample on: the start of a command with a queue
 * takes a second or two more, as workers look for new work once a second.
 *
 * ```sh
 * deno run -P=test tests/soak/queue_speed.ts smollm2-135m 8 3   # of this model, so many contexts and rounds
 * ```
 */
import { median } from "../../lib/numeric/median.ts";
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
  type Times = Map<string, number[]>;
  const [whole, steady]: Times[] = [0, 1].map(() => new Map(SYSTEMS.map((name) => [name, []])));
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
        return { samples: ends.length, first: Math.min(...ends), last: Math.max(...ends) };
      };
      if (hasQueue) {
        for (let place = 0; place < count; place++) {
          all.use(startTask(["worker", ...url, "--models", model], { cache }));
        }
        await run(String(2 * count), `${round} ${name}, models load`);
      }
      const started = Date.now();
      const { samples, first, last } = await run(contexts, `${round} ${name}`);
      whole.get(name)!.push((last - started) / 1000);
      steady.get(name)!.push((last - first) / 1000);
      const [total, rest] = [whole, steady].map((times) => times.get(name)!.at(-1)!.toFixed(1));
      console.log(`round ${round}: ${name}: ${total} s, ${rest} s from the first of ${samples} samples to the last`);
    }
  }
  console.table(
    SYSTEMS.map((name) => ({
      what: name,
      "s, from the start": Number(median(whole.get(name)!).toFixed(1)),
      "s, from the first sample": Number(median(steady.get(name)!).toFixed(1)),
    })),
  );
  // Within a round, as a machine's pace changes from round to round.
  const ratios = (times: Times, one: typeof SYSTEMS[number], other: typeof SYSTEMS[number]) => {
    const each = times.get(one)!.map((value, round) => value / times.get(other)![round]);
    return `${median(each).toFixed(3)} (rounds: ${each.map((value) => value.toFixed(3)).join(", ")})`;
  };
  console.log(`one worker / one process, from the first sample: ${ratios(steady, "one worker", "one process")}`);
  console.log(`one worker / one process, from the start: ${ratios(whole, "one worker", "one process")}`);
  console.log(`one worker / two workers, from the start: ${ratios(whole, "one worker", "two workers")}`);
  console.log(`one process / two processes, from the start: ${ratios(whole, "one process", "two processes")}`);
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
