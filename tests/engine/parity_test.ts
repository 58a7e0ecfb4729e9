import { assert, assertEquals } from "@std/assert";
import { divergence, logProbabilities } from "kvmirror";
import { captureTrace, loadModel, type Model } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { likeliest } from "../../lib/engine/generate/sampling.ts";
import {
  CHECKPOINTS,
  type Golden,
  largestDifference,
  numbers,
  openCheckpoint,
  readAll,
  readGolden,
} from "../fixtures/golden.ts";
import { smollm2Path } from "../fixtures/smollm2.ts";

for (const name of CHECKPOINTS) {
  Deno.test(`${name} agrees with PyTorch and kvpress`, async (test) => {
    await using model = await openCheckpoint(name);
    await checkParity(test, model, readGolden(name));
  });

  Deno.test(`${name} in int8 and int4 still means the same`, async () => {
    await using int8 = await openCheckpoint(name, "int8");
    await checkQuantized(int8, readGolden(name), 0.1);
    await using int4 = await openCheckpoint(name, "int4");
    await checkQuantized(int4, readGolden(name), 2);
  });
}

Deno.test("the embedded model agrees with PyTorch and kvpress to 1e-4", async (test) => {
  await using model = await loadModel("tiny", { weights: "f32" });
  await checkParity(test, model, readGolden("tiny"), 1e-4);
});

Deno.test("the embedded model in int8 and int4 still means the same", async () => {
  for (const [weights, limit] of [["int8", 0.05], ["int4", 0.5]] as const) {
    await using model = await loadModel("tiny", { weights });
    await checkQuantized(model, readGolden("tiny"), limit);
  }
});

const smollm2 = await smollm2Path();

Deno.test({
  name: "SmolLM2 agrees with PyTorch and kvpress",
  ignore: smollm2 === undefined,
  fn: async (test) => {
    await using model = await loadModel(smollm2!, { weights: "f32" });
    await checkParity(test, model, readGolden("smollm2"));
  },
});

Deno.test({
  name: "SmolLM2 in int8 and int4 still means the same",
  ignore: smollm2 === undefined,
  fn: async () => {
    for (const [weights, limit] of [["int8", 0.05], ["int4", 0.5]] as const) {
      await using model = await loadModel(smollm2!, { weights });
      await checkQuantized(model, readGolden("smollm2"), limit);
    }
  },
});

/** Differences of log-probabilities up to this much are rounding. */
const TOLERANCE = 1e-3;

/** Holds a model in float32 to what PyTorch and kvpress say of it, step by step; prints the largest differences. */
export async function checkParity(
  test: Deno.TestContext,
  model: Model,
  golden: Golden,
  tolerance = TOLERANCE,
): Promise<void> {
  const report = (what: string, difference: number, limit = tolerance) => {
    console.error(`  ${what}: largest difference ${difference.toExponential(1)}`);
    assert(difference < limit, `${what} differs by ${difference}`);
  };
  const compare = (what: string, logits: Float32Array, expected: string) =>
    report(what, largestDifference(logProbabilities(logits), logProbabilities(numbers(expected))));
  const half = golden.ids.slice(0, golden.streaming.context);

  await test.step("the tokenizer gives the same ids", () =>
    assertEquals(model.tokenizer.encode(golden.text), golden.ids));

  await test.step("logits and 32 greedy tokens, whole and in chunks", async () => {
    let whole: Float32Array | undefined;
    for (const chunkLength of [10_000, 256, 64, 7]) {
      const { cache, logits } = await readAll(model, golden.ids.slice(0, -1), chunkLength);
      assertEquals(logits.length, model.config.vocabSize);
      if (whole === undefined) whole = logits;
      else report(`chunks of ${chunkLength} against all at once`, largestDifference(logits, whole), 1e-4);
      const last = await model.read(cache.fork(), golden.ids.slice(-1));
      report(`logits in chunks of ${chunkLength}`, largestDifference(last, numbers(golden.logits)));
      const { ids } = await model.generateFrom(golden.ids.slice(-1), { cache, maxNewTokens: 32, ignoreEos: true });
      assertEquals(ids, golden.greedy);
    }
  });

  await test.step("the log-probability of every prompt token", async () => {
    const all = await model.read(model.createCache(), golden.ids, { logitsOf: "all" });
    const vocab = model.config.vocabSize;
    const given = golden.ids.slice(1).map((id, index) =>
      logProbabilities(all.subarray(index * vocab, (index + 1) * vocab))[id]
    );
    report("prompt log-probabilities", largestDifference(Float32Array.from(given), numbers(golden.prompt_logprobs)));
  });

  await test.step("StreamingLLM keeps kvpress's rows, and what follows is the same, with either position mode", async () => {
    const { cache } = await readAll(model, half);
    for (const positions of ["logical", "compact"] as const) {
      const fork = cache.fork();
      fork.compress(policy("streaming_llm"), { compressionRatio: 0.5, positions });
      assertEquals([...fork.rowPositions(model.config.numHiddenLayers - 1, 1)], golden.streaming.rows);
      assertEquals(
        fork.liveBytes * 2,
        fork.fullBytes -
          (half.length % 2) * 2 * 4 * fork.shape.headDim * fork.shape.layerCount * fork.shape.kvHeadCount,
      );
      const logits = await model.read(fork, golden.question);
      compare(
        `StreamingLLM, ${positions}`,
        logits,
        (positions === "logical" ? golden.streaming : golden.streaming_compact).logits,
      );
    }
  });

  await test.step("heads that keep rows of their own give what masking gives; compact positions what rotating anew gives", async () => {
    const { cache } = await readAll(model, half);
    for (const positions of ["logical", "compact"] as const) {
      const expected = positions === "logical" ? golden.ragged_logical : golden.ragged_compact;
      const fork = cache.fork();
      // The script does the same: every other row, so that no head has all and the next token's position moves.
      const stays = (index: number) => positions === "logical" || index % 2 === 0;
      const rowsOf = (rows: readonly number[]) => ({ rows: Uint32Array.from(rows.filter((_, index) => stays(index))) });
      fork.keep(golden.ragged_rows.map((heads) => heads.map(rowsOf)), positions);
      let first: Float32Array | undefined;
      const { ids } = await model.generateFrom(golden.question, {
        cache: fork,
        maxNewTokens: 8,
        ignoreEos: true,
        onLogits: (logits) => first ??= logits.slice(),
      });
      compare(`ragged, ${positions}`, first!, expected.logits);
      assertEquals(ids, expected.greedy);
    }
  });

  await test.step("the taps record the attention that PyTorch computes, whole and in chunks", async () => {
    const { context, heads, recordings } = golden.signals;
    for (const chunkLength of [256, 50]) {
      const { cache } = await readAll(model, golden.ids.slice(0, context), chunkLength);
      for (const [recording, expected] of Object.entries(recordings)) {
        const queries = recording === "all" ? recording : Number(recording);
        const given = heads.flatMap((
          [layer, head],
        ) => [...cache.layers()[layer].heads[head].signal({ attention: "sum", queries })]);
        report(
          `attention of ${recording} in chunks of ${chunkLength}`,
          largestDifference(Float32Array.from(given), numbers(expected)),
          recording === "1" ? 1e-5 : 2e-4, // a sum over queries adds their roundings up
        );
      }
    }
  });

  await test.step("the original's trace", async () => {
    const { context, ids, attention } = golden.trace;
    const prompt = model.tokenizer.decode(golden.ids.slice(0, context));
    assertEquals(model.tokenizer.encode(prompt), golden.ids.slice(0, context));
    const capture = await captureTrace(model, prompt, { maxNewTokens: ids.length });
    const steps = capture.ids.length;
    assertEquals(capture.ids, ids.slice(0, steps));
    const given = capture.totals.summary().token_traces.map(({ attention_received }) => attention_received);
    if (steps === ids.length) {
      report("trace", largestDifference(Float32Array.from(given), Float32Array.from(attention)));
    }
  });
}

/** Holds quantized weights to float32 ones: prints the divergence, asks for the same sense rather than the same numbers. */
export async function checkQuantized(model: Model, golden: Golden, limit: number): Promise<void> {
  const { logits } = await readAll(model, golden.ids);
  const expected = numbers(golden.logits);
  const nats = divergence(expected, logits);
  console.error(
    `  ${model.origin.weights}: KL ${nats.toExponential(1)} against float32, top token ${
      likeliest(logits) === likeliest(expected) ? "the same" : "another"
    }`,
  );
  assert(nats < limit, `${model.origin.weights} weights are ${nats} nats away`);
}
