import type { Course } from "./course.ts";
import { randomModel } from "./random_model.ts";
import { startSystem } from "./system_process.ts";
import { prepareSystem } from "./systems.ts";

/** Starts of a model that is built already. */
const WARM_STARTS = 3;

/**
 * What a start of a model of Qwen2.5-0.5B's shape takes with int4 weights: `load_0.5b_cold`, where its decoder has to be
 * built, `load_0.5b_warm`, where it is there, and what is resident then beside the bytes of the built weights.
 */
export async function measureLargeLoad({ rows, signal }: Course): Promise<void> {
  const path = await randomModel();
  const launch = await prepareSystem("kvmirror", { name: "qwen2.5-0.5b, random weights", path, source: "drawn here" });
  const add = (metric: string, unit: "ms" | "bytes", value: number) =>
    rows.add({ system: "kvmirror", metric: `load_0.5b_${metric}`, context: 0, unit }, value);
  const folder = await Deno.makeTempDir({ prefix: "kvmirror-bench-" });
  try {
    for (let start = 0; start <= WARM_STARTS; start++) {
      await using process = await startSystem({ ...launch, env: { KVMIRROR_CACHE: folder } }, signal);
      add(start === 0 ? "cold" : "warm", "ms", process.loadMs);
      if (start > 0) add("resident", "bytes", process.facts.loadedBytes);
      await rows.step();
    }
    add("weights", "bytes", await bytesUnder(`${folder}/models`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function bytesUnder(folder: string): Promise<number> {
  let bytes = 0;
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? await bytesUnder(path) : (await Deno.stat(path)).size;
  }
  return bytes;
}
