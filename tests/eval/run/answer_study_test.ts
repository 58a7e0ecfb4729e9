import { assertEquals, assertRejects } from "@std/assert";
import { type AnsweringModel, answerStudy, factPrompt, isRight } from "kvmirror/eval";
import { type Choice, type Layer, policy } from "kvmirror/policies";

const ROWS = 10;
const LAYERS: Layer[] = [{
  index: 0,
  model: { layerCount: 1, headDim: 2, groupSize: 1, ropeTheta: 1e4 },
  heads: [{ positions: Int32Array.from({ length: ROWS }, (_, row) => row), signal: () => new Float32Array(ROWS) }],
}];

/** A model that writes down what it is given and knows a fact only while the whole text is in its cache. */
function recordingModel(known: string): { model: AnsweringModel; calls: string[] } {
  const calls: string[] = [];
  let open = 0;
  const cache = (text: string, ratio: number): object => {
    open++;
    let kept = ratio;
    return {
      fork: () => cache(text, kept),
      observe: () => Promise.resolve(),
      signals: [],
      longestHead: ROWS,
      layers: () => LAYERS,
      keep: (choice: Choice, _: undefined, by: string) => {
        kept = 1 - choice[0][0].rows.length / ROWS;
        if (kept === 0.9) throw new RangeError("Cannot keep rows as the test says so");
        calls.push(`${by} ${kept}`);
      },
      get liveBytes() {
        return 1000 * (1 - kept);
      },
      [Symbol.dispose]: () => calls.push(`closed, ${--open} open`),
    };
  };
  const model = {
    prefill: (text: string, { template }: { template: string }) => {
      calls.push(`prefill ${template} ${JSON.stringify(text)}`);
      return Promise.resolve(cache(text, 0));
    },
    generate: (question: string, { cache, template }: { cache: { liveBytes: number }; template: string }) => {
      calls.push(`generate ${template} ${JSON.stringify(question)}`);
      return Promise.resolve({ text: cache.liveBytes === 1000 ? ` ${known}.` : " nothing", ids: [1] });
    },
  };
  return { model: model as unknown as AnsweringModel, calls };
}

const PROMPT = factPrompt({ seed: 1, facts: 2, sentences: 4 });
const SETTINGS = [{ policy: policy("keep_all"), compressionRatio: 0 }, {
  policy: policy("streaming_llm"),
  compressionRatio: 0.5,
}];

Deno.test("arms share one prefill, the question comes after the eviction, and every cache is closed", async () => {
  const [fact] = PROMPT.facts;
  const { model, calls } = recordingModel(fact.answer);
  const answers = await answerStudy(model, [PROMPT], SETTINGS);
  const asked = JSON.stringify(`\n\nQuestion: ${fact.question}\nAnswer: ${fact.answerPrefix}`);
  assertEquals(calls, [
    `prefill none ${JSON.stringify(PROMPT.text)}`,
    "keep_all 0",
    `generate none ${asked}`,
    "closed, 1 open",
    "streaming_llm 0.5",
    `generate none ${asked}`,
    "closed, 1 open",
    "closed, 0 open",
  ]);
  const shared = { context: 0, timing: "agnostic", fact: 0, depth: fact.depth, expected: fact.answer } as const;
  assertEquals(answers, [
    { ...shared, policy: "keep_all", compression_ratio: 0, text: ` ${fact.answer}.`, right: true, live_bytes: 1000 },
    { ...shared, policy: "streaming_llm", compression_ratio: 0.5, text: " nothing", right: false, live_bytes: 500 },
  ]);
});

Deno.test("aware of the question, the cache is compressed after it and before the answer begins", async () => {
  const [fact] = PROMPT.facts;
  const { model, calls } = recordingModel("");
  await answerStudy(model, [PROMPT], SETTINGS.slice(1), { timing: "aware" });
  assertEquals(calls.slice(0, 3), [
    `prefill none ${JSON.stringify(`${PROMPT.text}\n\nQuestion: ${fact.question}\nAnswer:`)}`,
    "streaming_llm 0.5",
    `generate none ${JSON.stringify(` ${fact.answerPrefix}`)}`,
  ]);
});

Deno.test("contexts ask for their facts in turn", async () => {
  const progress: string[] = [];
  const answers = await answerStudy(recordingModel("").model, Array(5).fill(PROMPT), SETTINGS.slice(1), {
    onProgress: (done, total) => progress.push(`${done} of ${total}`),
  });
  assertEquals(answers.map(({ fact }) => fact), [0, 1, 0, 1, 0]);
  assertEquals(progress.at(-1), "5 of 5");
});

Deno.test("a study that fails closes its caches", async () => {
  const { model, calls } = recordingModel("");
  const settings = [{ policy: policy("streaming_llm"), compressionRatio: 0.9 }];
  await assertRejects(() => answerStudy(model, [PROMPT], settings), RangeError, "as the test says so");
  assertEquals(calls.slice(-2), ["closed, 1 open", "closed, 0 open"]);
});

Deno.test("an answer is right where it says what was expected, in capitals or not", () => {
  assertEquals([isRight(" 6565.\n", "6565"), isRight("It is MARBLE", "marble"), isRight("656", "6565")], [
    true,
    true,
    false,
  ]);
});
