/**
 * Reads the beginning of Moby-Dick with float32, int8 and int4 weights and compares what they predict at every token:
 * `divergence_worker.ts MODEL TOKENS`; prints a line of JSON.
 */
import { divergence } from "kvmirror";
import { loadModel } from "kvmirror/engine";
import { mobyDick } from "kvmirror/eval";
import { createProgress } from "../../cli/progress.ts";
import { printText, runTask } from "../../cli/run_task.ts";
import type { Divergence } from "./divergence.ts";

/** Tokens whose logits are held at once: 256 of 50,000 are 50 MB. */
const CHUNK = 256;

/** Characters that hold the tokens for certain, twice over. */
const CHARACTERS_A_TOKEN = 10;

await runTask(async () => {
  const [path, wanted] = Deno.args;
  await using reference = await loadModel(path, { weights: "f32" });
  const text = mobyDick().join("\n").slice(0, CHARACTERS_A_TOKEN * Number(wanted));
  const { vocabSize, maxPositionEmbeddings } = reference.config;
  const ids = reference.tokenizer.encode(text).slice(0, Math.min(Number(wanted), maxPositionEmbeddings));
  using expected = reference.createCache();
  await using int8 = await loadModel(path, { weights: "int8" });
  await using int4 = await loadModel(path, { weights: "int4" });
  const settings = [{ weights: "int4", model: int4 }, { weights: "int8", model: int8 }] as const;
  const judged = settings.map(({ weights, model }) => ({ weights, model, cache: model.createCache(), kl: 0, same: 0 }));

  const progress = createProgress("tokens judged");
  for (let start = 0; start < ids.length; start += CHUNK) {
    const chunk = ids.slice(start, start + CHUNK);
    const truth = await reference.read(expected, chunk, { logitsOf: "all", attention: "skip" });
    for (const setting of judged) {
      const said = await setting.model.read(setting.cache, chunk, { logitsOf: "all", attention: "skip" });
      for (let token = 0; token < chunk.length; token++) {
        const [right, own] = [truth, said].map((of) => of.subarray(token * vocabSize, (token + 1) * vocabSize));
        setting.kl += divergence(right, own);
        if (likeliest(right) === likeliest(own)) setting.same++;
      }
    }
    progress.update(start + chunk.length, ids.length);
  }
  progress.close();
  printText(JSON.stringify(judged.map(({ weights, kl, same }): Divergence => (
    { weights, tokens: ids.length, kl: kl / ids.length, top1: same / ids.length }
  ))));
  for (const { cache } of judged) cache[Symbol.dispose]();
});

function likeliest(logits: Float32Array): number {
  return logits.reduce((best, logit, id) => logit > logits[best] ? id : best, 0);
}
