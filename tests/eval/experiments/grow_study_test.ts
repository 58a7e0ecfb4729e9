import { assertEquals, assertRejects } from "@std/assert";
import { loadModel, type Model } from "kvmirror/engine";
import { encodeStudy, growStudy, parseStudy, type StudyFile, type StudyStage } from "kvmirror/eval";

const STAGE: StudyStage = {
  task: "niah_single_2",
  length: 400,
  samples: 2,
  maxNewTokens: 6,
  policies: ["knorm"],
  ratios: [0.5, 0.75],
};

function empty(model: Model): StudyFile {
  return { command: "", model: "tiny", weights: model.origin.weights, sha256: model.hash, seed: 42, samples: [] };
}

async function grown(
  model: Model,
  stages: readonly StudyStage[],
  known: StudyFile,
  onProgress?: (done: number, total: number) => void,
): Promise<StudyFile[]> {
  const studies = growStudy(model, stages, known, { onProgress });
  return await Array.fromAsync(studies, ({ samples }) => parseStudy(encodeStudy({ ...known, samples })));
}

Deno.test("a study asks only what it lacks, keeps what it has, and then holds what one made at once holds", async () => {
  await using model = await loadModel("tiny");
  const stages = [
    { ...STAGE, policies: ["knorm", "streaming_llm"] },
    { ...STAGE, task: "niah_multikey_1", ratios: [0.5] },
    { ...STAGE, policies: ["cut_prompt"], ratios: [0.5] },
  ];
  const [first] = await grown(model, [STAGE], empty(model));
  assertEquals(first.samples.length, 2 * (1 + 2));
  const marked = { ...first, samples: first.samples.map((sample) => ({ ...sample, score: 0.125 })) };

  const seen: number[][] = [];
  const steps = await grown(model, stages, marked, (done, total) => seen.push([done, total]));
  assertEquals(seen.at(-1), [2 * 4 + 2 * 2, 12]);
  assertEquals(steps.map(({ samples }) => samples.length), [6 + 6, 6 + 6 + 4]);
  const last = steps[1];
  assertEquals(last.samples.slice(0, 6), marked.samples);
  const others = last.samples.filter(({ task }) => task === "niah_multikey_1@400");
  assertEquals(others.map(({ index, context }) => [index, context]), [[2, 2], [3, 3], [2, 2], [3, 3]]);

  const atOnce = (await grown(model, stages, empty(model)))[1];
  const scores = ({ samples }: StudyFile) =>
    Object.fromEntries(
      samples.map(({ policy, compression_ratio, task, index, kl }) => [
        [policy, compression_ratio, task, index].join(" "),
        kl,
      ]),
    );
  assertEquals(scores(last), scores(atOnce));
  assertEquals(await grown(model, stages, last), []);
});

Deno.test("a study does not grow with another model, other weights, another seed or other texts", async () => {
  await using model = await loadModel("tiny");
  const known = empty(model);
  const refused = (study: StudyFile, message: string) =>
    assertRejects(() => grown(model, [STAGE], study), RangeError, message);
  await refused({ ...known, sha256: "ab" }, `its sha256 must be ab: current value is ${model.hash}`);
  await refused({ ...known, weights: "int4" }, "its weights must be int4: current value is int8");
  await refused({ ...known, seed: 7 }, "its seed must be 7: current value is 42");
  const [whole] = await grown(model, [{ ...STAGE, ratios: [0.5] }], known);
  const samples = whole.samples.map((sample) => ({ ...sample, live_bytes: 1 }));
  await refused({ ...whole, samples }, "row 0 of niah_single_2@400 was another text there");
});
