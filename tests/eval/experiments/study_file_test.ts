import { assert, assertEquals, assertThrows } from "@std/assert";
import { encodeStudy, parseStudy, type ScoredSample, studyOrigin } from "kvmirror/eval";

const ORIGIN = { command: "deno task x", model: "m", weights: "int8", sha256: "ab", seed: 42 };
const sample: ScoredSample = {
  policy: "knorm",
  compression_ratio: 0.75,
  task: "t",
  index: 3,
  context: 3,
  score: 0.25,
  kl: [0.1, 0.3],
  agreement: [1, 0],
  answer_tokens: 7,
  live_bytes: 4096,
};

Deno.test("a study reads back: scores whole, divergence and agreement as each sample's mean", () => {
  const text = encodeStudy({
    ...ORIGIN,
    samples: [sample, { ...sample, index: 4, score: 1 / 3 }, { ...sample, policy: "tova" }],
  });
  const { samples, ...origin } = parseStudy(text);
  assertEquals(origin, ORIGIN);
  assertEquals(samples[0], { ...sample, kl: [0.2], agreement: [0.5] });
  assertEquals(samples.map(({ policy, index }) => [policy, index]), [["knorm", 3], ["knorm", 4], ["tova", 3]]);
  assertEquals(encodeStudy({ ...origin, samples }), text);
});

Deno.test("a study whose divergence nobody measured leaves it out, and reads back without", () => {
  const free = { ...sample, kl: [], agreement: [] };
  const text = encodeStudy({ ...ORIGIN, samples: [free, { ...sample, policy: "tova" }] });
  assertEquals(parseStudy(text).samples, [free, { ...sample, policy: "tova", kl: [0.2], agreement: [0.5] }]);
  assert(!/null|NaN/.test(text), text);
});

Deno.test("what is no study is refused", () => {
  assertThrows(() => parseStudy("{}"), SyntaxError, "it has no settings");
  assertThrows(() => parseStudy("{"), SyntaxError);
  const text = encodeStudy({ ...ORIGIN, samples: [sample] }).replace('"score":[0.25]', '"score":[]');
  assertThrows(() => parseStudy(text), SyntaxError, "knorm on t has no score of sample 0");
});

Deno.test("a study tells its model, the day and the commit, and a file keeps them", async () => {
  const model = {
    origin: { name: "m", label: "m", source: "here", weights: "int8" as const, build: "" },
    hash: "ab".repeat(32),
  };
  const origin = await studyOrigin(model, "deno task reproduce", 7);
  const { date, commit, ...rest } = origin;
  assertEquals(rest, { command: "deno task reproduce", model: "m", weights: "int8", sha256: model.hash, seed: 7 });
  assert(/^20\d\d-\d\d-\d\d$/.test(date!), date);
  const git = new Deno.Command("git", { args: ["rev-parse", "HEAD"], cwd: new URL(".", import.meta.url) });
  const head = await git.output().then(({ stdout }) => new TextDecoder().decode(stdout).trim()).catch(() => "");
  if (head === "") assertEquals(commit, null);
  else assertEquals(commit!.replace("+", ""), head);
  const { samples: _, ...kept } = parseStudy(encodeStudy({ ...origin, samples: [] }));
  assertEquals(kept, origin);
});
