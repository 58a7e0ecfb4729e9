import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import * as simulator from "kvmirror";
import * as engine from "kvmirror/engine";
import * as evaluation from "kvmirror/eval";
import * as policies from "kvmirror/policies";
import * as report from "kvmirror/report";
import { openCheckpoint } from "./fixtures/golden.ts";
import { syntheticCache } from "./fixtures/synthetic_cache.ts";

// JavaScript, as a notebook's kernel runs it, does not check the names of options: the doors do.

/** Types of parameters that are options. */
const OPTIONS = /"typeName":"((?:\w*Options|OptionsOf|CompressTo|EqualByteGrid|SweepSetting|PolicyDefinition))"/;

/** Every public function and method that takes options, as `deno doc` sees them. */
async function doors(): Promise<string[]> {
  const root = new URL("../", import.meta.url);
  const entries = ["lib/mod.ts", ...["policies", "engine", "eval", "report"].map((name) => `lib/${name}/mod.ts`)];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--quiet", "--json", ...entries],
    cwd: root,
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  const { nodes } = JSON.parse(new TextDecoder().decode(stdout));
  const found = new Set<string>();
  const note = (name: string, { params }: { params: readonly object[] }) => {
    if (params.some((param) => OPTIONS.test(JSON.stringify(param)))) found.add(name);
  };
  for (const { symbols } of Object.values<{ symbols: readonly Symbol[] }>(nodes)) {
    for (const { name, declarations } of symbols) {
      for (const { kind, def } of declarations) {
        if (kind === "function") note(name, def);
        for (const method of def?.methods ?? []) {
          note(`${name}.${method.name}`, method.functionDef ?? method.def ?? { params: [] });
        }
      }
    }
  }
  return [...found].sort();
}

interface Symbol {
  readonly name: string;
  // deno-lint-ignore no-explicit-any
  readonly declarations: readonly { readonly kind: string; readonly def?: any }[];
}

/** Calls a door with these options, and anything else as it may be: names are checked first. */
// deno-lint-ignore no-explicit-any
type Call = (options: any) => unknown;
/** An option that the door has, and the call. */
type Door = readonly [option: string, call: Call];

const NONE = undefined as never;
const KNORM = policies.policy("knorm");

function callsOf(model: engine.Model, cache: engine.KvCache): Record<string, Door> {
  return {
    // kvmirror
    bootstrapStatistic: ["resamples", (options) => simulator.bootstrapStatistic([1], () => 1, options)],
    clusterBootstrap: ["resamples", (options) => simulator.clusterBootstrap([[1]], options)],
    planCache: ["context", (options) => simulator.planCache(NONE, options)],
    replay: ["compressionRatio", (options) => simulator.replay(NONE, KNORM, options)],
    simulate: ["compressionRatio", (options) => simulator.simulate(NONE, KNORM, options)],
    sweep: ["windowSize", (options) => simulator.sweep([options], () => [])],
    syntheticSequence: ["sinkTokens", (options) => simulator.syntheticSequence(options)],
    // kvmirror/policies
    adakv: ["safeguard", (options) => policies.adakv(KNORM, options)],
    checkPolicy: ["compressionRatios", (options) => policies.checkPolicy(KNORM, [], options)],
    block: ["blockSize", (options) => policies.block(KNORM, options)],
    chunk: ["chunkLength", (options) => policies.chunk(KNORM, options)],
    threshold: ["windowSize", (options) => policies.threshold(KNORM, options)],
    chunkkv: ["chunkLength", (options) => policies.chunkkv(KNORM, options)],
    criticalkv: ["firstStage", (options) => policies.criticalkv(KNORM, options)],
    definePolicy: ["protect", (options) => policies.definePolicy(options)],
    policy: ["windowSize", (options) => policies.policy("hybrid", options)],
    protect: ["recent", (options) => policies.protect(KNORM, options)],
    pyramid: ["smallestLayer", (options) => policies.pyramid(KNORM, options)],
    streamingLlm: ["sinkTokens", (options) => policies.streamingLlm(options)],
    // kvmirror/engine
    "Chat.open": ["maxNewTokens", (options) => engine.Chat.open(model, options)],
    "KvCache.compress": ["compressionRatio", (options) => cache.compress(KNORM, options)],
    "KvCache.observe": ["onProgress", (options) => cache.observe(KNORM, options)],
    "KvCache.quantize": ["onNotice", (options) => cache.quantize(cache.cacheDtype, options)],
    "Model.generate": ["maxNewTokens", (options) => model.generate("a", options)],
    "Model.generateFrom": ["maxNewTokens", (options) => model.generateFrom([5], options)],
    "Model.prefill": ["chunkLength", (options) => model.prefill("a", options)],
    "Model.questionIds": ["template", (options) => model.questionIds("a", options)],
    "Model.read": ["chunkLength", (options) => model.read(model.createCache(), [5], options)],
    captureTrace: ["maxNewTokens", (options) => engine.captureTrace(model, "a", options)],
    loadModel: ["weights", (options) => engine.loadModel("tiny", options)],
    promptLookup: ["longest", (options) => engine.promptLookup(options)],
    resolveModel: ["settings", (options) => engine.resolveModel("tiny", options)],
    // kvmirror/eval
    boundedPrefill: ["contextTokens", (options) => evaluation.boundedPrefill(model, [], [], options)],
    equalByteSettings: ["policies", (options) => evaluation.equalByteSettings(cache.shape, 9, options)],
    evaluate: ["positions", (options) => evaluation.evaluate(model, [], [], options)],
    factEviction: ["signal", (options) => evaluation.factEviction(model, [], options)],
    factPrompt: ["sentences", (options) => evaluation.factPrompt(options)],
    factRow: ["maxNewTokens", (options) => evaluation.factRow("a", { text: "", facts: [] }, 0, options)],
    factRows: ["maxNewTokens", (options) => evaluation.factRows("a", [], options)],
    fitPolicy: ["penalty", (options) => evaluation.fitPolicy(model, "kvzap", [], options)],
    fittingTexts: ["samples", (options) => evaluation.fittingTexts(model.tokenizer, [], options)],
    growStudy: ["positions", (options) => evaluation.growStudy(model, [], NONE, options).next()],
    originalBenchmark: ["sentences", (options) => evaluation.originalBenchmark(model, options)],
    perplexity: ["contextTokens", (options) => evaluation.perplexity(model, [], [], options)],
    policyChoice: ["resamples", (options) => evaluation.policyChoice([], 0, [], options)],
    policyStudy: ["positions", (options) => evaluation.policyStudy(model, [], options)],
    proxyAgreement: ["resamples", (options) => evaluation.proxyAgreement([], "policies", options)],
    recallPrompt: ["length", (options) => evaluation.recallPrompt(() => 1, options)],
    recommend: ["maxBytes", (options) => evaluation.recommend(model, [], options)],
    retentionRecall: ["positions", (options) => evaluation.retentionRecall(model, [], [], [], options)],
    inspectRetention: ["question", (options) => evaluation.inspectRetention(model, "a", options)],
    leadClaim: ["rivals", (options) => evaluation.leadClaim([], options)],
    factConversation: ["seed", (options) => evaluation.factConversation(options)],
    boundedAnswers: ["compressionInterval", (options) => evaluation.boundedAnswers(model, [], [], options)],
    boundedConversations: ["maxNewTokens", (options) => evaluation.boundedConversations(model, [], [], options)],
    settingTimes: ["turns", (options) => evaluation.settingTimes(model, [], [], options)],
    settingComparisons: ["reference", (options) => evaluation.settingComparisons([], options)],
    shareOfFull: ["resamples", (options) => evaluation.shareOfFull([], [], options)],
    slidingWindowLosses: ["onProgress", (options) => evaluation.slidingWindowLosses(model, [], [], 1, options)],
    streamText: ["chunkLength", (options) => evaluation.streamText(model, [], options)],
    taskRows: ["samples", (options) => evaluation.taskRows(model.tokenizer, "niah_single_1", options)],
    // kvmirror/report
    barChart: ["label", (options) => report.barChart(options)],
    heatMap: ["value", (options) => report.heatMap(options)],
    heatMaps: ["yFormat", (options) => report.heatMaps(options)],
    inspector: ["height", (options) => report.inspector({ tokens: ["a"], tracks: [] }, options)],
    intervalChart: ["series", (options) => report.intervalChart(options)],
    lineChart: ["series", (options) => report.lineChart(options)],
    pointChart: ["series", (options) => report.pointChart(options)],
    retentionText: ["description", (options) => report.retentionText(options)],
    table: ["formats", (options) => report.table([], options)],
  };
}

/** Options within options, and those of functions that a value brings. */
function innerCallsOf(model: engine.Model, cache: engine.KvCache): Record<string, Door> {
  const bound = { policy: KNORM, rows: 9, compressionInterval: 9 };
  const setting = { policy: KNORM, compressionRatio: 0.5 };
  const keys = { dtype: "int8", granularity: "row" } as const;
  const axes = { rows: [{ a: 1, b: 1 }], y: "a", label: "", title: "", description: "" };
  return {
    "a chat's ask": ["signal", async (options) => {
      const chat = await engine.Chat.open(model, { policy: KNORM, cache: model.createCache() });
      return await chat.ask("a", options).next();
    }],
    "a bound": ["positions", (more) => model.read(model.createCache(), [5], { bound: { ...bound, ...more } })],
    "a cache dtype": ["residualLength", (more) => cache.quantize({ keys, values: keys, residualLength: 0, ...more })],
    "keys of it": [
      "granularity",
      (more) => cache.quantize({ keys: { ...keys, ...more }, values: keys, residualLength: 0 }),
    ],
    "a new cache's": [
      "residualLength",
      (more) => model.createCache([], { keys, values: keys, residualLength: 0, ...more }),
    ],
    "a setting": ["cacheDtype", (more) => evaluation.evaluate(model, [], [{ ...setting, ...more }])],
    "a setting of perplexity": ["cacheDtype", (more) => evaluation.perplexity(model, [], [{ ...setting, ...more }])],
    "a definition's protect": [
      "recent",
      (protect) => policies.definePolicy({ name: "a", signals: [], score: () => [], protect }),
    ],
    decode: ["specialTokens", (options) => model.tokenizer.decode([5], options)],
    applyChatTemplate: ["addGenerationPrompt", (options) => model.tokenizer.applyChatTemplate([], options)],
    "an axis": ["domain", (more) => report.barChart({ ...axes, x: { field: "b", ...more } })],
    ...Object.fromEntries(
      policies.policyNames().flatMap((name): [string, Door][] => {
        const [option] = Object.keys(policies.POLICIES[name].options);
        return option === undefined ? [] : [[name, [option, (options) => policies.POLICIES[name].create(options)]]];
      }),
    ),
  };
}

/** A name without its last letter but one. */
function misspelt(name: string): string {
  return name.slice(0, -2) + name.slice(-1);
}

async function errorOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error;
  }
  return "no error";
}

Deno.test("every public function that takes options refuses a misspelt one, and names the right one", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  using cache = syntheticCache(9);
  const calls = callsOf(model, cache);
  assertEquals(Object.keys(calls).sort(), await doors(), "the doors that are tried, and those that deno doc sees");
  for (const [name, [option, call]] of Object.entries({ ...calls, ...innerCallsOf(model, cache) })) {
    const wrong = misspelt(option);
    const error = await errorOf(() => call({ [wrong]: 1 }));
    assert(error instanceof TypeError, `${name}: ${error}`);
    const expected = new RegExp(
      `^Cannot set ${wrong} on [\\w ._]+: did you mean ${option}\\? Its options are .*\\b${option}\\b`,
    );
    assert(expected.test(error.message), `${name}: ${error.message}`);
  }
  for (const given of ["hybrid", 0.5, null, [1]]) {
    const error = await errorOf(() => calls["KvCache.compress"][1](given));
    assert(error instanceof TypeError && error.message.includes("as they must be an object"), `${error}`);
  }
  for (const name of ["keep_all", "knorm", "tova"]) {
    assertThrows(() => policies.POLICIES[name].create({ sinkTokens: 4 }), TypeError, "it takes no options");
  }
});

Deno.test("options that say one thing twice, or nothing, are refused", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  using cache = syntheticCache(40);
  const compress = (to: object) => () => cache.compress(KNORM, to as never);
  assertThrows(compress({ rows: 4, maxBytes: 999 }), TypeError, "Cannot follow rows and maxBytes of");
  assertThrows(compress({ rows: 4, compressionRatio: 0.5 }), TypeError, "in compress: give one of them");
  assertThrows(
    compress({}),
    TypeError,
    "Cannot follow none of compressionRatio, rows, totalRows, maxBytes in compress",
  );
  const bound = { policy: KNORM, rows: 9, maxBytes: 9999, compressionInterval: 9 };
  await assertRejects(() => model.read(model.createCache(), [5], { bound }), TypeError, "rows and maxBytes");
  for (const idle of [{ topP: 0.9 }, { seed: 3 }]) {
    const generate = () => model.generateFrom([5], idle);
    assertThrows(generate, TypeError, `Cannot set ${Object.keys(idle)[0]} on generateFrom as without a temperature`);
  }
  const { cacheDtype } = model.createCache();
  await assertRejects(
    () => engine.Chat.open(model, { policy: KNORM, cache, cacheDtype }),
    TypeError,
    "Cannot set cacheDtype on Chat.open beside a cache",
  );
});

Deno.test("words that an option does not know, and what is no policy or dtype, are refused by name", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  using cache = syntheticCache(40);
  const words: [string, () => unknown][] = [
    [
      'positions to "compct": did you mean compact',
      () => cache.compress(KNORM, { rows: 4, positions: "compct" as never }),
    ],
    ['template to "nine": did you mean none', () => model.generate("a", { template: "nine" as never })],
    ['template to "chatt"', () => model.prefill("a", { template: "chatt" as never })],
    [
      'attention to "recrod": did you mean record',
      () => model.read(model.createCache(), [5], { attention: "recrod" as never }),
    ],
    [
      'logitsOf to "lats": did you mean last',
      () => model.read(model.createCache(), [5], { logitsOf: "lats" as never }),
    ],
    ['timing to "awear"', () => evaluation.evaluate(model, [], [], { timing: "awear" as never })],
    ['specialTokens to "skipped"', () => model.tokenizer.decode([5], { specialTokens: "skipped" as never })],
  ];
  for (const [message, call] of words) {
    const error = await errorOf(call);
    assert(error instanceof RangeError && error.message.includes(`Cannot set ${message}`), `${message}: ${error}`);
  }
  const asPolicy = (action: string) =>
    `Cannot ${action} with "hybrid" as it is no policy: make one, as with policy("hybrid")`;
  assertThrows(() => cache.compress("hybrid" as never, { rows: 4 }), TypeError, asPolicy("compress"));
  await assertRejects(() => cache.observe("hybrid" as never), TypeError, asPolicy("observe"));
  await assertRejects(() => engine.Chat.open(model, { policy: "hybrid" as never }), TypeError, asPolicy("chat"));
  const bound = { policy: "hybrid" as never, rows: 9, compressionInterval: 9 };
  await assertRejects(() => model.read(model.createCache(), [5], { bound }), TypeError, asPolicy("bound a cache"));
  assertThrows(() => cache.quantize("int8" as never), TypeError, 'read it with parseCacheDtype("int8")');
  assertThrows(() => model.createCache([], "int8" as never), TypeError, 'read it with parseCacheDtype("int8")');
});

Deno.test("numbers of every policy and wrapper are numbers, and where they count, whole ones", () => {
  const takes = [
    ...Object.entries(policies.POLICIES).map(([name, { options }]) => ({ name, options, inner: [] as string[] })),
    ...Object.entries(policies.WRAPPERS).map(([name, { options }]) => ({ name, options, inner: ["knorm"] })),
  ];
  let tried = 0;
  for (const { name, options, inner } of takes) {
    for (const option of Object.keys(options)) {
      // A safeguard of 0.5 is one; half a row is none.
      const fraction =
        ["decay", "epsilon", "beta", "safeguard", "firstStage", "tau", "threshold", "blending"].includes(option)
          ? []
          : ["1.5"];
      // A threshold is on the scale of scores, which may be negative.
      for (const value of [...(option === "threshold" ? [] : ["-1"]), "1e999", ...fraction]) {
        const text = `${name}(${[...inner, `${option}=${value}`].join(", ")})`;
        const error = (() => {
          try {
            return policies.policy(text);
          } catch (error) {
            return error;
          }
        })();
        assert(error instanceof RangeError || error instanceof SyntaxError, `${text}: ${error}`);
        tried++;
      }
      for (const value of [NaN, Infinity, "8", true, null]) {
        if (inner.length > 0) continue;
        assertThrows(
          () => policies.policy(name, { [option]: value as number }),
          RangeError,
          undefined,
          `${name} ${option}`,
        );
      }
    }
  }
  assert(tried > 60, `${tried}`);
  assertThrows(() => policies.policy("snapkv(kernelSize=4)"), RangeError, "as it must be odd");
});
