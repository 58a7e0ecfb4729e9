import settings from "../../deno.json" with { type: "json" };

/** A flag of a task. */
export interface FlagDefinition {
  /**
   * What it takes: a text, a text that may be given several times, a number, a whole number, or nothing, as a switch.
   */
  readonly kind: "text" | "texts" | "number" | "integer" | "switch";
  /** The word that stands for its value in the help, as `FILE`; a switch has none. */
  readonly value?: string;
  /** Its value where it is not given: the parser fills it in. */
  readonly default?: string | number;
  /** What holds without it, in words, where that is no value. */
  readonly otherwise?: string;
  /** What it does, in a clause. */
  readonly meaning: string;
  /** The words that it takes, where these are few: shells complete them. */
  readonly choices?: readonly string[];
}

/** Flags by their names without dashes, in the order of the help. */
export type FlagTable = Readonly<Record<string, FlagDefinition>>;

/** A task of `deno task`: what its command line may hold. */
export interface TaskDefinition {
  /** Its name. */
  readonly name: string;
  /** What it does, in a sentence without its period: deno.json's. */
  readonly description: string;
  /** The words it takes beside flags, as the help writes them; without it a word is refused. */
  readonly words?: string;
  /** Those of its words that are always the same: shells complete them. */
  readonly wordChoices?: readonly string[];
  /** What it hands on to another program: everything, or everything after `--`. */
  readonly handsOn?: "everything" | "after --";
  /** Its flags. */
  readonly flags: FlagTable;
  /** A command line that shows it, without `deno task`. */
  readonly example: string;
}

const JSON_FLAG: FlagTable = { json: { kind: "switch", meaning: "print JSON and nothing else to stdout" } };

const MODEL_FLAGS: FlagTable = {
  model: {
    kind: "text",
    value: "MODEL",
    default: "auto",
    meaning: "a name of deno task models, hub:OWNER/NAME, or the path of a GGUF file or a Hugging Face folder",
  },
  weights: {
    kind: "text",
    value: "FORMAT",
    default: "int8",
    meaning: "how weights are held: file (as the checkpoint stores them), f32, int8 or int4",
    choices: ["file", "f32", "int8", "int4"],
  },
};

const QUEUE_PLACE_FLAGS: FlagTable = {
  prefix: {
    kind: "text",
    value: "WORD",
    default: "kvmirror",
    meaning: "the word that the queue's keys in Redis begin with",
  },
  retention: {
    kind: "integer",
    value: "DAYS",
    default: 7,
    meaning: "days for which jobs and samples stay in the queue",
  },
};

/** Of tasks whose samples a queue's workers may answer. */
const QUEUE_FLAGS: FlagTable = {
  queue: {
    kind: "text",
    value: "URL",
    otherwise: "this process answers",
    meaning: "the Redis whose workers answer, as redis://host:6379 or rediss://",
  },
  ...QUEUE_PLACE_FLAGS,
};

const SPECIAL_TOKENS: FlagTable = {
  "special-tokens": {
    kind: "text",
    value: "WAY",
    default: "spelled",
    meaning:
      "special tokens in the user's words: spelled like any words, or recognized, which lets a text end its turn",
    choices: ["spelled", "recognized"],
  },
};

const TEMPLATE_FLAGS: FlagTable = {
  "template-arg": {
    kind: "texts",
    value: "NAME=VALUE",
    otherwise: "the chat template's own values",
    meaning: "a variable of the chat template: true, false, a number or a text; may be given several times",
  },
};

const CACHE_DTYPE_FLAGS: FlagTable = {
  "cache-dtype": {
    kind: "text",
    value: "DTYPE",
    default: "f32",
    meaning:
      "how kept rows are held: f32, f16, int8, int4, keys and values apart as int8/int4, by channel as int4:channel",
    choices: ["f32", "f16", "int8", "int4", "int8/int4", "int4:channel", "int4:channel/int4"],
  },
  "residual-length": {
    kind: "integer",
    value: "ROWS",
    default: 32,
    meaning: "the newest rows of a head that stay float32 beside a quantized --cache-dtype",
  },
};

const POLICY_MEANING =
  "chooses the rows that stay: a name of deno task policies or a file, as ./mine.ts; numbers and wrappers in parentheses";
const WINDOW_FLAGS: FlagTable = {
  "window-size": {
    kind: "integer",
    value: "ROWS",
    otherwise: "the policy's own",
    meaning: "the newest rows that recent_window and hybrid keep",
  },
  topk: {
    kind: "integer",
    value: "ROWS",
    otherwise: "the policy's own",
    meaning: "the most attended rows that heavy_hitter and hybrid keep",
  },
  "sink-tokens": {
    kind: "integer",
    value: "ROWS",
    otherwise: "the policy's own",
    meaning: "the first rows that recent_window, heavy_hitter and hybrid keep",
  },
};

/** The simulator's and the replay's: where no ratio is given, the original's numbers stand. */
const TRACEABLE_FLAGS: FlagTable = {
  policy: { kind: "text", value: "POLICY", default: "hybrid", meaning: POLICY_MEANING },
  "compression-ratio": {
    kind: "number",
    value: "RATIO",
    otherwise: "the policy's numbers say how much stays",
    meaning: "the fraction of rows that are evicted, in [0, 1)",
  },
  "window-size": { ...WINDOW_FLAGS["window-size"], otherwise: undefined, default: 256 },
  topk: {
    ...WINDOW_FLAGS.topk,
    otherwise: undefined,
    default: 96,
    meaning: `${WINDOW_FLAGS.topk.meaning}, and that recall asks for`,
  },
  "sink-tokens": { ...WINDOW_FLAGS["sink-tokens"], otherwise: undefined, default: 16 },
};

const MAX_NEW_TOKENS = (tokens: number): FlagTable => ({
  "max-new-tokens": {
    kind: "integer",
    value: "TOKENS",
    default: tokens,
    meaning: "tokens after which an answer is cut",
  },
});

const PROMPT_FILE: FlagTable = {
  "prompt-file": { kind: "text", value: "FILE", meaning: "the text to read, in UTF-8; - is standard input" },
};

const POSITIONS: FlagTable = {
  positions: {
    kind: "text",
    value: "MODE",
    default: "logical",
    meaning: "where kept rows stand: logical (where they were) or compact (moved together)",
    choices: ["logical", "compact"],
  },
};

/** Of generate and compress. */
const LIVE_FLAGS = (maxNewTokens: number): FlagTable => ({
  ...PROMPT_FILE,
  ...MODEL_FLAGS,
  policy: { kind: "text", value: "POLICY", default: "keep_all", meaning: POLICY_MEANING },
  "compression-ratio": {
    kind: "number",
    value: "RATIO",
    otherwise: "nothing is evicted, or what the policy's numbers say",
    meaning: "the fraction of rows that are evicted, in [0, 1)",
  },
  ...WINDOW_FLAGS,
  ...POSITIONS,
  ...CACHE_DTYPE_FLAGS,
  ...MAX_NEW_TOKENS(maxNewTokens),
});

const QUESTION_FILE = (otherwise: string): FlagTable => ({
  "question-file": {
    kind: "text",
    value: "FILE",
    otherwise,
    meaning: "the question, from a file in UTF-8; - is standard input",
  },
});

const MAX_CACHE = (otherwise: string): FlagTable => ({
  "max-cache": {
    kind: "text",
    value: "SIZE",
    otherwise,
    meaning: "the most bytes of keys and values, as 8MB or 512KiB",
  },
});

const NOTEBOOK_FOLDER: FlagTable = {
  notebooks: { kind: "text", value: "FOLDER", default: "notebooks", meaning: "the folder of the notebooks" },
};

const DATASET: FlagDefinition = {
  kind: "text",
  value: "FILE",
  otherwise: "rows are written for --task",
  meaning: "rows with context, question, answer, task, one JSON object a line",
};
const TASK_MEANING =
  "tasks, with commas between: niah_single_1, vt, cwe, … after RULER; facts_novel, code_functions, …";
const SEED_MEANING = "draws the rows of --task";

const FLAGS = {
  ok: { flags: {}, example: "ok" },
  check: { flags: {}, example: "check" },
  test: {
    words: "[FILE|FOLDER|FLAG of deno test]…",
    handsOn: "everything",
    flags: {},
    example: "test tests/policies --filter hybrid",
  },
  reproduce: {
    flags: {
      profile: {
        kind: "text",
        value: "PROFILE",
        default: "full",
        meaning: "how much is measured: quick, full, or deep with the long studies",
        choices: ["quick", "full", "deep"],
      },
      model: {
        ...MODEL_FLAGS.model,
        default: undefined,
        otherwise: "auto; the embedded model in the quick profile",
      },
      only: {
        kind: "text",
        value: "NOTEBOOK",
        otherwise: "all of them",
        meaning: "the only notebook to run, by its name",
      },
      output: {
        kind: "text",
        value: "FOLDER",
        otherwise: "reports beside the notebooks' folder, reports-quick in the quick profile",
        meaning: "where reports go",
      },
      fresh: { kind: "switch", meaning: "ask everything anew: take no answer that other code gave" },
      ...NOTEBOOK_FOLDER,
      ...QUEUE_FLAGS,
      ...JSON_FLAG,
    },
    example: "reproduce --profile quick --only 03_live_eviction",
  },
  site: {
    flags: {
      reports: { kind: "text", value: "FOLDER", default: "reports", meaning: "the folder of the reports" },
      output: {
        kind: "text",
        value: "DIR",
        otherwise: "site in the folder of the reports",
        meaning: "the site's folder: new, empty, or an earlier site",
      },
      ...JSON_FLAG,
    },
    example: "site --output my_site",
  },
  lab: {
    words: "[-- FLAG of jupyter lab…]",
    handsOn: "after --",
    flags: { "install-only": { kind: "switch", meaning: "install the kernel and say how another Jupyter finds it" } },
    example: "lab -- --no-browser --port 8899",
  },
  fuzz: {
    flags: {
      seconds: { kind: "number", value: "SECONDS", otherwise: "no limit", meaning: "how long, over all readers" },
      inputs: {
        kind: "integer",
        value: "COUNT",
        otherwise: "30000; without end beside --seconds",
        meaning: "inputs of each reader",
      },
      seed: { kind: "integer", value: "SEED", default: 1, meaning: "draws the inputs, or the moments" },
      reader: { kind: "text", value: "NAME", otherwise: "all of them", meaning: "the only reader, by its name" },
      output: { kind: "text", value: "FOLDER", otherwise: "a new one", meaning: "where inputs go that show a fault" },
      kills: { kind: "integer", value: "COUNT", otherwise: "none", meaning: "kill so many runs of tasks instead" },
    },
    example: "fuzz --seconds 60 --seed 7",
  },
  soak: {
    flags: {
      seconds: { kind: "number", value: "SECONDS", otherwise: "no limit", meaning: "how long, over both parts" },
      tokens: { kind: "integer", value: "COUNT", default: 100_000, meaning: "tokens that are read under a bound" },
      cycles: { kind: "integer", value: "COUNT", default: 1000, meaning: "forks made, compressed, rewound, quantized" },
      ...JSON_FLAG,
    },
    example: "soak --seconds 60",
  },
  "lab:check": {
    words: "[NOTEBOOK…]",
    flags: {
      profile: {
        kind: "text",
        value: "PROFILE",
        default: "quick",
        meaning: "the profile that the notebooks run in",
        choices: ["quick", "full", "deep"],
      },
      model: { ...MODEL_FLAGS.model },
      screenshots: { kind: "text", value: "FOLDER", otherwise: "a new one", meaning: "where pictures of each cell go" },
    },
    example: "lab:check 03_live_eviction --model tiny",
  },
  completion: {
    words: "bash | zsh | fish",
    wordChoices: ["bash", "zsh", "fish"],
    flags: {},
    example: "completion bash",
  },
  policies: { flags: JSON_FLAG, example: "policies --json" },
  parity: {
    flags: {
      policy: { kind: "text", value: "NAMES", otherwise: "all of them", meaning: "the policies, with commas between" },
      model: { ...MODEL_FLAGS.model, default: "smollm2-135m" },
      ...JSON_FLAG,
    },
    example: "parity --policy snapkv,tova",
  },
  models: {
    words: "[list | fetch MODEL | verify MODEL]",
    wordChoices: ["list", "fetch", "verify"],
    flags: {
      ...JSON_FLAG,
      markdown: { kind: "switch", meaning: "with list: print the table of families in Markdown and nothing else" },
    },
    example: "models fetch smollm2-135m",
  },
  plan: {
    flags: {
      model: { kind: "text", value: "MODEL", meaning: "as elsewhere, or a published model's name, as gemma-3-4b" },
      context: { kind: "integer", value: "TOKENS", meaning: "tokens of the text" },
      batch: { kind: "integer", value: "SEQUENCES", default: 1, meaning: "sequences at once" },
      budget: {
        kind: "text",
        value: "SIZE",
        otherwise: "no such table",
        meaning: "how many tokens fit into so many bytes, as 2GiB",
      },
      ...JSON_FLAG,
    },
    example: "plan --model gemma-3-4b --context 32768 --budget 2GiB",
  },
  simulate: {
    flags: {
      ...TRACEABLE_FLAGS,
      "sequence-length": { kind: "integer", value: "TOKENS", default: 4096, meaning: "tokens of the sequence" },
      "heavy-hitter-stride": {
        kind: "integer",
        value: "TOKENS",
        default: 128,
        meaning: "every so many tokens one is attended to heavily",
      },
      seed: { kind: "text", value: "NUMBER", default: "42", meaning: "draws the sequence: any whole number" },
      "head-count": { kind: "integer", value: "HEADS", default: 8, meaning: "kv heads, for the bytes" },
      "head-dim": { kind: "integer", value: "NUMBERS", default: 128, meaning: "numbers of a key, for the bytes" },
      "layer-count": { kind: "integer", value: "LAYERS", default: 24, meaning: "layers, for the bytes" },
      "bytes-per-value": { kind: "integer", value: "BYTES", default: 2, meaning: "bytes of a number" },
      output: { kind: "text", value: "FILE", otherwise: "nowhere", meaning: "where the JSON is written as well" },
      ...JSON_FLAG,
    },
    example: "simulate --policy hybrid --sequence-length 1024 --window-size 192",
  },
  trace: {
    flags: {
      ...PROMPT_FILE,
      output: {
        kind: "text",
        value: "FILE",
        meaning: "where the trace goes: the original's summary where it ends in .json, else each query's attention",
      },
      ...MODEL_FLAGS,
      ...MAX_NEW_TOKENS(16),
    },
    example: "trace --prompt-file data/samples/story.txt --output trace.json",
  },
  replay: {
    flags: {
      trace: { kind: "text", value: "FILE", meaning: "what deno task trace wrote" },
      ...TRACEABLE_FLAGS,
      ...JSON_FLAG,
    },
    example: "replay --trace trace.json --policy recent_window",
  },
  generate: {
    flags: {
      ...LIVE_FLAGS(128),
      question: {
        kind: "text",
        value: "TEXT",
        otherwise: "nothing is asked",
        meaning: "the question, read after the eviction",
      },
      ...QUESTION_FILE("--question"),
      ...MAX_CACHE("the prompt is read whole, then compressed once"),
      "compression-interval": {
        kind: "integer",
        value: "TOKENS",
        default: 64,
        meaning: "tokens read between two evictions, beside --max-cache",
      },
      draft: {
        kind: "text",
        value: "WAY",
        otherwise: "a token a run",
        meaning: "lookup: look the answer's next words up in the text and check several in one run",
        choices: ["lookup"],
      },
      template: {
        kind: "text",
        value: "WAY",
        default: "chat",
        meaning: "chat: the texts are a user's turn; none: they are read as they are, special tokens recognized",
        choices: ["chat", "none"],
      },
      ...SPECIAL_TOKENS,
      ...TEMPLATE_FLAGS,
      ...JSON_FLAG,
    },
    example: 'generate --prompt-file data/samples/story.txt --question "Who?" --policy hybrid --compression-ratio 0.75',
  },
  chat: {
    flags: {
      ...MODEL_FLAGS,
      ...MAX_CACHE("nothing is evicted"),
      policy: {
        kind: "text",
        value: "POLICY",
        default: "adakv(expected_attention(epsilon=0.01))", // The best in half of a chat's bytes: notebook 15.
        meaning: POLICY_MEANING,
      },
      ...CACHE_DTYPE_FLAGS,
      system: { kind: "text", value: "TEXT", otherwise: "the chat template's own", meaning: "the system prompt" },
      "system-file": {
        kind: "text",
        value: "FILE",
        otherwise: "--system",
        meaning: "the system prompt, from a file in UTF-8",
      },
      load: { kind: "text", value: "FILE", otherwise: "a new one", meaning: "the conversation to go on with" },
      save: { kind: "text", value: "FILE", otherwise: "nowhere", meaning: "where the conversation goes at its end" },
      inspect: { kind: "switch", meaning: "show which tokens the cache holds on a page of this machine, live" },
      "inspect-port": {
        kind: "integer",
        value: "PORT",
        default: 8127,
        meaning: "the page's port at 127.0.0.1; 0 is any free one",
      },
      ...MAX_NEW_TOKENS(256),
      ...SPECIAL_TOKENS,
      ...TEMPLATE_FLAGS,
      ...JSON_FLAG,
    },
    example: 'chat --max-cache 8MB --cache-dtype int8 --system "Be brief."',
  },
  evaluate: {
    flags: {
      dataset: DATASET,
      task: { kind: "text", value: "TASKS", otherwise: "rows are read from --dataset", meaning: TASK_MEANING },
      policy: {
        kind: "text",
        value: "POLICIES",
        meaning: "policies or files, as ./mine.ts, with commas between; controls are added",
      },
      "compression-ratio": {
        kind: "text",
        value: "RATIOS",
        default: "0.5",
        meaning: "fractions of rows that are evicted, each in [0, 1), with commas between",
      },
      "cache-dtype": {
        ...CACHE_DTYPE_FLAGS["cache-dtype"],
        value: "DTYPES",
        meaning: "how kept rows are held, with commas between: f32, f16, int8, int4, int8/int4, int4:channel, …",
      },
      ...POSITIONS,
      "query-aware": { kind: "switch", meaning: "read the question before the eviction" },
      output: {
        kind: "text",
        value: "FOLDER",
        otherwise: "nowhere",
        meaning: "where results, predictions and figures go",
      },
      ...MODEL_FLAGS,
      weights: {
        ...MODEL_FLAGS.weights,
        value: "FORMATS",
        meaning: `${MODEL_FLAGS.weights.meaning}; with commas between`,
      },
      length: {
        kind: "text",
        value: "TOKENS",
        default: "1024",
        meaning: "tokens of a row of --task, with commas between",
      },
      samples: { kind: "integer", value: "ROWS", default: 50, meaning: "rows of each task" },
      seed: { kind: "integer", value: "NUMBER", default: 42, meaning: SEED_MEANING },
      "max-new-tokens": {
        kind: "integer",
        value: "TOKENS",
        otherwise: "the rows' own",
        meaning: "tokens after which an answer is cut",
      },
      perplexity: {
        kind: "integer",
        value: "WINDOWS",
        otherwise: "none",
        meaning: "windows of Moby-Dick on which perplexity is measured beside",
      },
      jobs: { kind: "integer", value: "PROCESSES", default: 1, meaning: "processes that share the contexts out" },
      shard: {
        kind: "text",
        value: "PART/PARTS",
        otherwise: "all contexts",
        meaning: "answer one part of the contexts and report nothing, as 0/2",
      },
      ...QUEUE_FLAGS,
      ...TEMPLATE_FLAGS,
      ...JSON_FLAG,
    },
    example:
      "evaluate --task niah_single_2 --samples 8 --policy hybrid,snapkv --compression-ratio 0.5,0.75 --output results",
  },
  worker: {
    flags: {
      queue: {
        kind: "text",
        value: "URL",
        meaning: "the Redis whose jobs it takes, as redis://host:6379 or rediss://",
      },
      models: {
        kind: "text",
        value: "MODELS",
        otherwise: "those on this machine",
        meaning:
          "models it answers with, fetched where they are missing: names or paths as of --model, with commas between",
      },
      threads: { kind: "integer", value: "THREADS", default: 1, meaning: "threads of its model" },
      ...QUEUE_PLACE_FLAGS,
    },
    example: "worker --queue redis://queue.example.org --models smollm2-135m",
  },
  recommend: {
    flags: {
      context: { kind: "integer", value: "TOKENS", meaning: "tokens of your text" },
      memory: { kind: "text", value: "SIZE", meaning: "the bytes that the cache may take, as 16MB" },
      dataset: DATASET,
      task: { kind: "text", value: "TASKS", default: "niah_single_2,niah_multikey_1", meaning: TASK_MEANING },
      policy: {
        kind: "text",
        value: "POLICIES",
        default: [
          "streaming_llm,tova,snapkv,adakv(expected_attention(epsilon=0.01)),keydiff,adakv(keydiff),globalkv(keydiff)",
          "globalkv(kvzap),globalkv(attention_probe)",
        ].join(),
        meaning:
          "policies or files to try, with commas between; one that fails on the model is left out with its reason",
      },
      "cache-dtype": {
        kind: "text",
        value: "DTYPES",
        default: "f32,int8",
        meaning: "cache dtypes to try, with commas between",
      },
      samples: { kind: "integer", value: "ROWS", default: 4, meaning: "rows of each task" },
      seed: { kind: "integer", value: "NUMBER", default: 7, meaning: SEED_MEANING },
      ...MODEL_FLAGS,
      ...QUEUE_FLAGS,
      ...TEMPLATE_FLAGS,
      ...JSON_FLAG,
    },
    example: "recommend --context 1024 --memory 8MB",
  },
  fit_probe: {
    flags: {
      ...MODEL_FLAGS,
      policy: {
        kind: "text",
        value: "POLICY",
        default: "attention_probe",
        meaning:
          "who reads it: attention_probe, from keys and values, kvzap, from inputs of layers, or qfilter, from queries",
        choices: ["attention_probe", "kvzap", "qfilter"],
      },
      text: {
        kind: "text",
        value: "TEXTS",
        otherwise: "speeches,code, or --text-file's alone",
        meaning: "what it is fitted to, with commas between: speeches, code; speeches=24 is 24 passages of it",
      },
      "text-file": {
        kind: "text",
        value: "FILES",
        otherwise: "none",
        meaning: "texts of your own, in UTF-8, with commas between; mail.txt=24 is 24 passages of it",
      },
      scored: {
        kind: "text",
        value: "FILE.jsonl",
        otherwise: "none",
        meaning: "rows that you evaluate later: a text that overlaps with them is refused",
      },
      length: { kind: "integer", value: "TOKENS", default: 1024, meaning: "tokens of a passage" },
      samples: {
        kind: "integer",
        value: "PASSAGES",
        default: 12,
        meaning: "passages of each text that says no number",
      },
      seed: { kind: "integer", value: "NUMBER", default: 9101, meaning: "draws the passages" },
      output: {
        kind: "text",
        value: "FILE",
        otherwise: "the cache folder, where the policy finds it",
        meaning: "the weights that were fitted",
      },
      ...JSON_FLAG,
    },
    example: "fit_probe --model qwen2.5-0.5b --samples 16",
  },
  bench: {
    flags: {
      model: MODEL_FLAGS.model,
      metrics: {
        kind: "text",
        value: "METRICS",
        otherwise: "kl,decode,prefill,first_token,decode_evicted,cache_bytes",
        meaning: "what is measured, with commas between, or all: the README lists the metrics",
      },
      contexts: {
        kind: "text",
        value: "TOKENS",
        default: "64,1024,4096",
        meaning: "tokens that are read before tokens are timed, with commas between",
      },
      rounds: { kind: "text", value: "ROUNDS", default: "5", meaning: "how often every system takes its turn" },
      tokens: { kind: "text", value: "TOKENS", default: "24", meaning: "tokens that are timed, each turn" },
      simulated: { kind: "text", value: "TOKENS", default: "1000000", meaning: "tokens of the synthetic sequence" },
      lengths: {
        kind: "text",
        value: "TOKENS",
        default: "8192,16384,32768",
        meaning: "lengths of the texts of the metric read, with commas between",
      },
      systems: {
        kind: "text",
        value: "SYSTEMS",
        otherwise: "all that --peers has",
        meaning: "what is timed, with commas between",
      },
      peers: {
        kind: "text",
        value: "PEERS",
        default: "npm",
        meaning: "whose programs are timed beside: none, npm or python",
        choices: ["none", "npm", "python"],
      },
      output: {
        kind: "text",
        value: "FILE",
        otherwise: "nowhere",
        meaning: "where the run goes as JSON, and its report beside it",
      },
      compare: {
        kind: "text",
        value: "FILE",
        otherwise: "nothing",
        meaning: "an earlier run; a slower one ends with exit 1",
      },
      render: {
        kind: "text",
        value: "FILE",
        otherwise: "a run is made",
        meaning: "an earlier run whose report is written anew",
      },
      ...JSON_FLAG,
    },
    example: "bench --peers none --metrics decode --contexts 1024 --output bench/run.json",
  },
  pack: {
    flags: {
      output: { kind: "text", value: "FOLDER", default: "npm", meaning: "where the package goes; an older one goes" },
      ...JSON_FLAG,
    },
    example: "pack --output npm",
  },
  compress: {
    flags: { ...LIVE_FLAGS(16), ...QUESTION_FILE("nothing is asked"), ...JSON_FLAG },
    example: "compress --prompt-file data/samples/story.txt --policy hybrid --compression-ratio 0.75 --json",
  },
  retention: {
    flags: {
      record: {
        kind: "texts",
        value: "FILE",
        otherwise: "the model runs on --prompt-file",
        meaning: "what deno task compress --json printed, or a .json that this task wrote; may be given several times",
      },
      against: {
        kind: "text",
        value: "FILE",
        otherwise: "one text",
        meaning: "another record of the same text, to see beside",
      },
      "prompt-file": {
        ...PROMPT_FILE["prompt-file"],
        otherwise: "records are read",
        meaning: "the text that policies are run on, in UTF-8; - is standard input",
      },
      question: {
        kind: "text",
        value: "TEXT",
        otherwise: "records are read",
        meaning: "what is asked after the text of --prompt-file",
      },
      policy: {
        kind: "text",
        value: "POLICIES",
        default: "attention_probe,streaming_llm,snapkv,keydiff",
        meaning: "policies or files, as ./mine.ts, with commas between; of these on a text",
      },
      "compression-ratio": {
        kind: "text",
        value: "RATIOS",
        default: "0,0.5,0.75,0.875",
        meaning: "fractions of rows that are evicted, each in [0, 1), with commas between",
      },
      "max-cache": {
        kind: "text",
        value: "SIZE",
        otherwise: "no runs over time",
        meaning: "each policy also reads the text within so many bytes, as 4MB",
      },
      "compression-interval": {
        kind: "integer",
        value: "TOKENS",
        default: 64,
        meaning: "tokens read between two evictions, beside --max-cache",
      },
      ...MAX_NEW_TOKENS(24),
      ...MODEL_FLAGS,
      output: {
        kind: "text",
        value: "FILE",
        meaning: "where it goes: .html is the inspector, .svg and .png a picture, .json the runs themselves",
      },
      title: { kind: "text", value: "TEXT", otherwise: "the policies and tokens", meaning: "what stands above it" },
      ...JSON_FLAG,
    },
    example: 'retention --prompt-file data/samples/story.txt --question "What is the dog called?" --output story.html',
  },
} as const satisfies Readonly<Record<string, Omit<TaskDefinition, "name" | "description">>>;

/** The name of a task. */
export type TaskName = keyof typeof FLAGS;

/** Every task of deno.json, in the order of the documentation: what a command line may hold stands here and nowhere else. */
export const TASKS: Readonly<Record<TaskName, TaskDefinition>> = Object.fromEntries(
  Object.entries(FLAGS).map(([name, task]) => [name, {
    name,
    description: settings.tasks[name as TaskName].description,
    ...task,
  }]),
) as Record<TaskName, TaskDefinition>;
