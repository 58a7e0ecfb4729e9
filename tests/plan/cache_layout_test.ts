import { assert, assertEquals, assertThrows } from "@std/assert";
import { cacheLayout, ggufCacheLayout } from "../../lib/plan/cache_layout.ts";
import type { LayerState, RowState } from "../../lib/plan/layer_state.ts";
import { LAYOUT_FAMILIES } from "../../lib/plan/layout_families.ts";

/** What tests/goldens/make_cache_layouts.py writes. */
interface Golden {
  readonly models: readonly {
    readonly config: Readonly<Record<string, unknown>>;
    readonly tokens: number;
    readonly layers: readonly Readonly<Record<string, readonly number[]>>[];
  }[];
  readonly silent: readonly {
    readonly config: Readonly<Record<string, unknown>>;
    readonly kv_heads: number;
    readonly head_dim: number;
    readonly layer_types: readonly string[] | null;
    readonly sliding_window: number | null;
    readonly shared: number;
  }[];
}

const GOLDEN: Golden = JSON.parse(
  Deno.readTextFileSync(new URL("../goldens/cache_layouts.json", import.meta.url)),
);

const product = (numbers: readonly number[]) => numbers.reduce((all, one) => all * one, 1);
const isRows = (state: LayerState): state is RowState => "kvHeads" in state;

/**
 * What transformers holds for a layer. Between two steps it keeps a window's newest W − 1 tokens, as the next query adds
 * its own; of a convolution it keeps one input more than the next step reads.
 */
function inTransformers(shapes: Readonly<Record<string, readonly number[]>>): { rows?: number[][]; values?: number } {
  const { keys, values, conv_states, ...states } = shapes;
  const fixed = [
    ...(conv_states === undefined ? [] : [conv_states[0] * (conv_states[1] - 1)]),
    ...Object.values(states).map(product),
  ];
  return {
    ...(keys === undefined ? {} : { rows: [[...keys], [...values]] }),
    ...(fixed.length === 0 ? {} : { values: fixed.reduce((sum, one) => sum + one, 0) }),
  };
}

function planned(states: readonly LayerState[], tokens: number): { rows?: number[][]; values?: number } {
  const held = states.find(isRows);
  const fixed = states.find((state) => "values" in state);
  const rows = held && Math.min(tokens, held.rowLimit === undefined ? Infinity : held.rowLimit - 1);
  return {
    ...(held === undefined ? {} : { rows: [[held.kvHeads, rows!, held.keyDim], [held.kvHeads, rows!, held.valueDim]] }),
    ...(fixed === undefined ? {} : { values: fixed.values }),
  };
}

for (const [index, { config, tokens, layers }] of GOLDEN.models.entries()) {
  Deno.test(`${config.model_type}, model ${index} of the golden file: each layer keeps what transformers' cache holds`, () => {
    const layout = cacheLayout(config);
    assertEquals(layout.layers.map((states) => planned(states, tokens)), padded(layers.map(inTransformers)));

    // Layers that share rows have no entry in the golden file's cache.
    function padded(held: ReturnType<typeof inTransformers>[]): ReturnType<typeof inTransformers>[] {
      return layout.layers.map((states, layer) => states[0].kind === "shared rows" ? {} : held[layer]);
    }
  });
}

Deno.test("a silent config.json means what transformers takes, for every family of the golden file", () => {
  for (const { config, kv_heads, head_dim, layer_types, sliding_window } of GOLDEN.silent) {
    const layers = cacheLayout(config).layers;
    const expected = layers.map((_, layer) => {
      const type = layer_types?.[layer] ?? (sliding_window ? "sliding_attention" : "full_attention");
      return type === "sliding_attention" ? `sliding window of ${sliding_window}` : type.replace("_", " ");
    });
    const found = layers.map(([state]) =>
      state.kind === "sliding window" ? `sliding window of ${state.rowLimit}` : state.kind
    );
    assertEquals(found, expected, `${config.model_type}`);
    for (const state of layers.flat().filter(isRows)) {
      assertEquals(
        [state.kvHeads, state.keyDim, state.valueDim],
        [kv_heads, head_dim, head_dim],
        `${config.model_type}`,
      );
    }
  }
});

Deno.test("every family but those named here is held to transformers", () => {
  // transformers 5.2 unpacks latents, and has no Gemma 4; below are cases by hand.
  const byHand = ["gemma4", "deepseek_v2"];
  const golden = new Set(GOLDEN.models.map(({ config }) => config.model_type));
  const missing = LAYOUT_FAMILIES.filter(({ modelTypes }) => !modelTypes.some((name) => golden.has(name)));
  assertEquals(missing.map(({ modelTypes }) => modelTypes[0]), byHand);
});

Deno.test("no two families go by one name", () => {
  for (const names of [LAYOUT_FAMILIES.flatMap((f) => f.modelTypes), LAYOUT_FAMILIES.flatMap((f) => f.gguf ?? [])]) {
    assertEquals(names.filter((name, index) => names.indexOf(name) !== index), []);
  }
});

Deno.test("latent attention keeps one latent and one rotary key a token, whatever heads there are", () => {
  const config = {
    model_type: "deepseek_v2",
    num_hidden_layers: 2,
    num_attention_heads: 16,
    num_key_value_heads: 16,
    hidden_size: 2048,
    kv_lora_rank: 512,
    qk_rope_head_dim: 64,
  };
  const latent: LayerState = { kind: "latent attention", kvHeads: 1, keyDim: 64, valueDim: 512 };
  assertEquals(cacheLayout(config).layers, [[latent], [latent]]);
});

Deno.test("Gemma 4: layers that see all have wider heads, fewer where keys serve as values, and the last ones share", () => {
  const config = {
    model_type: "gemma4",
    text_config: {
      num_hidden_layers: 12,
      hidden_size: 64,
      num_attention_heads: 8,
      num_key_value_heads: 4,
      num_global_key_value_heads: 1,
      head_dim: 16,
      global_head_dim: 32,
      sliding_window: 8,
      attention_k_eq_v: true,
      num_kv_shared_layers: 2,
    },
  };
  const { layers, modelType } = cacheLayout(config);
  const slides: LayerState = { kind: "sliding window", rowLimit: 8, kvHeads: 4, keyDim: 16, valueDim: 16 };
  const full: LayerState = { kind: "full attention", kvHeads: 1, keyDim: 32, valueDim: 32 };
  const shared: LayerState = { kind: "shared rows" };
  assertEquals(modelType, "gemma4");
  assertEquals(layers.flat(), [
    ...[slides, slides, slides, slides, slides, full],
    ...[slides, slides, slides, slides, shared, shared],
  ]);
  const wide = { ...config.text_config, attention_k_eq_v: false };
  assertEquals(cacheLayout({ ...config, text_config: wide }).layers[5], [{ ...full, kvHeads: 4 }]);
});

Deno.test("a window that no text outgrows is none", () => {
  const config = { model_type: "phi3", num_hidden_layers: 1, hidden_size: 64, num_attention_heads: 4 };
  const kind = (window: number) =>
    cacheLayout({ ...config, max_position_embeddings: 128, sliding_window: window }).layers[0][0].kind;
  assertEquals([kind(127), kind(128), kind(256)], ["sliding window", "full attention", "full attention"]);
});

/** Metadata as llama.cpp's converter writes them, behind the architecture's name. */
function metadata(architecture: string, entries: Readonly<Record<string, unknown>>): Map<string, unknown> {
  return new Map<string, unknown>([
    ["general.architecture", architecture],
    ...Object.entries(entries).map(([key, value]) => [`${architecture}.${key}`, value] as const),
  ]);
}

Deno.test("GGUF metadata give the same layers as the config.json that they were converted from", () => {
  const attention = (heads: number, kvHeads: unknown, width: number) => ({
    "attention.head_count": heads,
    "attention.head_count_kv": kvHeads,
    "attention.key_length": width,
    "attention.value_length": width,
  });
  const same: [Record<string, unknown>, Map<string, unknown>][] = [
    [
      { model_type: "qwen2", num_hidden_layers: 3, hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2 },
      metadata("qwen2", {
        "block_count": 3,
        "embedding_length": 64,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
      }),
    ],
    [
      {
        ...{ model_type: "gemma3_text", num_hidden_layers: 7, hidden_size: 64, num_attention_heads: 4 },
        ...{ num_key_value_heads: 1, head_dim: 32, sliding_window: 16 },
      },
      metadata("gemma3", {
        ...{ "block_count": 7, "embedding_length": 64, "attention.sliding_window": 16 },
        ...attention(4, 1, 32),
      }),
    ],
    [
      {
        ...{ model_type: "gemma3n_text", num_hidden_layers: 10, hidden_size: 64, num_attention_heads: 4 },
        ...{ num_key_value_heads: 2, head_dim: 32, sliding_window: 16, num_kv_shared_layers: 4 },
      },
      metadata("gemma3n", {
        ...{ "block_count": 10, "embedding_length": 64, "attention.sliding_window": 16 },
        ...{ "attention.shared_kv_layers": 4, ...attention(4, 2, 32) },
        "attention.sliding_window_pattern": Array.from({ length: 10 }, (_, layer) => layer % 5 !== 4),
      }),
    ],
    [
      {
        ...{ model_type: "gemma4_text", num_hidden_layers: 6, hidden_size: 64, num_attention_heads: 4 },
        ...{ num_key_value_heads: 2, head_dim: 16, global_head_dim: 32, sliding_window: 16 },
      },
      metadata("gemma4", {
        ...{ "block_count": 6, "embedding_length": 64, "attention.sliding_window": 16, ...attention(4, 2, 32) },
        ...{ "attention.key_length_swa": 16, "attention.value_length_swa": 16 },
        "attention.sliding_window_pattern": [true, true, true, true, true, false],
      }),
    ],
    [
      {
        ...{ model_type: "lfm2", num_hidden_layers: 4, hidden_size: 64, num_attention_heads: 4 },
        ...{ num_key_value_heads: 2, layer_types: ["conv", "full_attention", "conv", "conv"], conv_L_cache: 3 },
      },
      metadata("lfm2", {
        ...{ "block_count": 4, "embedding_length": 64, "attention.head_count": 4, "shortconv.l_cache": 3 },
        "attention.head_count_kv": [0, 2, 0, 0],
      }),
    ],
    [
      {
        ...{ model_type: "granitemoehybrid", num_hidden_layers: 3, hidden_size: 64, num_attention_heads: 4 },
        ...{ num_key_value_heads: 2, layer_types: ["mamba", "attention", "mamba"], mamba_d_conv: 4 },
        ...{ mamba_d_state: 16, mamba_n_groups: 1, mamba_n_heads: 8, mamba_d_head: 16 },
      },
      metadata("granitehybrid", {
        ...{ "block_count": 3, "embedding_length": 64, "attention.head_count": 4 },
        ...{ "attention.head_count_kv": [0, 2, 0], "ssm.conv_kernel": 4, "ssm.state_size": 16, "ssm.group_count": 1 },
        ...{ "ssm.time_step_rank": 8, "ssm.inner_size": 128 },
      }),
    ],
    [
      {
        ...{ model_type: "qwen3_5_text", num_hidden_layers: 8, hidden_size: 64, num_attention_heads: 4 },
        ...{ num_key_value_heads: 2, head_dim: 32, linear_conv_kernel_dim: 4, linear_key_head_dim: 16 },
        ...{ linear_value_head_dim: 16, linear_num_key_heads: 2, linear_num_value_heads: 8 },
      },
      metadata("qwen35", {
        // The last block foretells tokens for speculative decoding.
        ...{ "block_count": 9, "nextn_predict_layers": 1, "embedding_length": 64, ...attention(4, 2, 32) },
        ...{ "ssm.conv_kernel": 4, "ssm.state_size": 16, "ssm.group_count": 2, "ssm.time_step_rank": 8 },
        "ssm.inner_size": 128,
      }),
    ],
    [
      {
        ...{ model_type: "deepseek_v2", num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 4 },
        ...{ kv_lora_rank: 32, qk_rope_head_dim: 8 },
      },
      metadata("deepseek2", {
        ...{ "block_count": 2, "embedding_length": 64, "attention.head_count": 4, "attention.head_count_kv": 1 },
        ...{ "attention.key_length": 40, "attention.value_length": 32, "attention.kv_lora_rank": 32 },
        "rope.dimension_count": 8,
      }),
    ],
    [
      { model_type: "mamba", num_hidden_layers: 2, hidden_size: 64, state_size: 16, conv_kernel: 4, expand: 2 },
      metadata("mamba", {
        ...{ "block_count": 2, "embedding_length": 64, "ssm.conv_kernel": 4, "ssm.state_size": 16 },
        ...{ "ssm.inner_size": 128, "ssm.time_step_rank": 4 },
      }),
    ],
  ];
  for (const [config, entries] of same) {
    assertEquals(ggufCacheLayout(entries).layers, cacheLayout(config).layers, `${config.model_type}`);
  }
});

Deno.test("OLMo 2 in GGUF has no window, OLMo 3 has one in three of four layers", () => {
  const entries = { "block_count": 4, "embedding_length": 64, "attention.head_count": 4 };
  const kinds = (more: Record<string, unknown>) =>
    ggufCacheLayout(metadata("olmo2", { ...entries, ...more })).layers.map(([{ kind }]) => kind);
  assertEquals(new Set(kinds({})), new Set(["full attention"]));
  assertEquals(kinds({ "attention.sliding_window": 16 }).map((kind) => kind[0]), ["s", "s", "s", "f"]);
});

Deno.test("a family that is not known is a RangeError that names the nearest and all", () => {
  const error = assertThrows(() => cacheLayout({ model_type: "qwen3_nxt" }), RangeError);
  assert(/model_type is "qwen3_nxt": did you mean qwen3_next\? .*granitemoehybrid.*lfm2/.test(error.message));
  assertThrows(() => cacheLayout({}), RangeError, "model_type is absent");
  assertThrows(() => ggufCacheLayout(metadata("rwkv7", {})), RangeError, `general.architecture is "rwkv7"`);
});

Deno.test("a key that is absent or wrong is a SyntaxError by the container's own name", () => {
  const wrong: [Record<string, unknown>, string][] = [
    [{ num_hidden_layers: undefined }, "config.json as num_hidden_layers must be a whole number"],
    [{ num_hidden_layers: -1 }, "num_hidden_layers must be a whole number from 1 to 16777216: current value is -1"],
    [{ num_hidden_layers: 1e12 }, "current value is 1000000000000"],
    [{ num_hidden_layers: 65_536 }, "Cannot plan the cache of 65536 layers as models have at most 1024"],
    [
      { num_attention_heads: "4" },
      `num_attention_heads must be a whole number from 1 to 16777216: current value is "4"`,
    ],
    [{ hidden_size: undefined }, "hidden_size must be a whole number"],
    [{ num_key_value_heads: 0 }, "num_key_value_heads must be"],
    [{ num_attention_heads: [0, 0, 0, 0], head_dim: undefined }, "num_attention_heads must be a whole number from 1"],
    [
      { layer_types: new Array(64).fill("a".repeat(9_000)) },
      `Cannot size a layer of type "${"a".repeat(79)}…: the types`,
    ],
    [{ layer_types: ["full_attention"] }, "layer_types as it has 1 entries for 2 layers"],
    [{ layer_types: ["full_attention", "rwkv"] }, `a layer of type "rwkv": the types are full_attention`],
    [{ layer_types: ["full_attention", "sliding_attention"], sliding_window: null }, "sliding_window must be"],
    [{ use_sliding_window: "yes" }, "use_sliding_window must be true or false"],
  ];
  const sound = { model_type: "qwen2", num_hidden_layers: 2, hidden_size: 64, num_attention_heads: 4 };
  for (const [change, message] of wrong) {
    assertThrows(() => cacheLayout({ ...sound, ...change }), SyntaxError, message);
  }
  const entries = metadata("llama", { "block_count": 2, "attention.head_count": 4 });
  assertThrows(() => ggufCacheLayout(entries), SyntaxError, "GGUF metadata as llama.embedding_length must be");
  const short = metadata("lfm2", { "block_count": 3, "attention.head_count": 4, "attention.head_count_kv": [0, 2] });
  assertThrows(() => ggufCacheLayout(short), SyntaxError);
});
