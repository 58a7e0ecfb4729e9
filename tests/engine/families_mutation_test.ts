import { assert } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { largestDifference } from "../fixtures/golden.ts";
import { withFolder } from "../fixtures/with_folder.ts";

type Json = Record<string, unknown>;

const FAMILIES = new URL("../goldens/families/", import.meta.url);
/** The tolerance of families_golden_test.ts: a trait that moves logits by less is one that no golden holds. */
const TOLERANCE = 1e-3;

/** Changes values of config.json; an object is changed inside. */
function change(config: Json, changes: Json): Json {
  return Object.fromEntries(
    Object.keys({ ...config, ...changes }).map((key) => {
      const [held, value] = [config[key], changes[key]];
      const inner = typeof value === "object" && value !== null && !Array.isArray(value);
      return [key, inner ? change((held ?? {}) as Json, value as Json) : key in changes ? value : held];
    }),
  );
}

const rope = (rope_parameters: Json) => ({ rope_parameters });
const [FULL, SLIDING] = ["full_attention", "sliding_attention"];

/** One trait at a time, by golden case. */
const MUTATIONS: Readonly<Record<string, readonly Json[]>> = {
  llama: [
    rope({ rope_theta: 2e4 }),
    { rms_norm_eps: 1e-3 },
    { hidden_act: "gelu" },
    { tie_word_embeddings: true },
  ],
  llama_linear: [rope({ factor: 3.9 }), rope({ rope_type: "default" })],
  llama_llama3: [
    rope({ factor: 7 }),
    rope({ low_freq_factor: 1.5 }),
    rope({ high_freq_factor: 3 }),
    rope({ original_max_position_embeddings: 40 }),
  ],
  llama_yarn: [rope({ factor: 3 }), rope({ original_max_position_embeddings: 128 })],
  llama_yarn_attention_factor: [
    rope({ attention_factor: 0.85 }),
    rope({ beta_fast: 1 }),
    rope({ beta_slow: 1 }),
  ],
  llama_yarn_mscale: [rope({ mscale: 0.8 }), rope({ mscale_all_dim: 0.5 }), rope({ truncate: true })],
  llama_longrope: [rope({ short_factor: [1.0, 1.1, 1.3, 1.7] }), rope({ original_max_position_embeddings: 90 })],
  mistral_window: [{ sliding_window: 12 }, { sliding_window: 14 }],
  ministral: [{ sliding_window: 12 }, { layer_types: [FULL, SLIDING, SLIDING] }],
  qwen2_window: [
    { max_window_layers: 1, layer_types: undefined },
    { use_sliding_window: false, layer_types: undefined },
    { layer_types: [FULL, SLIDING, FULL, SLIDING] },
  ],
  qwen3_window: [{ sliding_window: 14 }],
  phi3: [{ partial_rotary_factor: 0.67 }],
  phi3_window: [{ sliding_window: 14 }],
  gemma: [{ model_type: "llama", hidden_act: "gelu_pytorch_tanh" }, { hidden_act: "gelu" }],
  gemma2: [
    { attn_logit_softcapping: 3.1 },
    { final_logit_softcapping: 4.1 },
    { sliding_window: 14 },
    { layer_types: [FULL, SLIDING, FULL, SLIDING] },
    { hidden_activation: "silu" },
  ],
  gemma2_scalar: [{ query_pre_attn_scalar: 22 }],
  gemma3_text: [
    rope({ sliding_attention: { rope_theta: 2e4 } }),
    rope({ full_attention: { rope_theta: 2e3 } }),
    rope({ full_attention: { factor: 7 } }),
    { query_pre_attn_scalar: 11 },
  ],
  smollm3: [{ no_rope_layers: [1, 1, 1, 1, 1] }, { no_rope_layers: [1, 1, 1, 0, 0] }],
  granite: [
    { embedding_multiplier: 3.1 },
    { residual_multiplier: 0.81 },
    { attention_multiplier: 0.71 },
    { logits_scaling: 1.71 },
  ],
  olmo2: [rope({ rope_theta: 6e5 }), { rms_norm_eps: 1e-3 }],
};

Deno.test("no trait of a family can be changed without leaving PyTorch's logits", async () => {
  const found: { what: string; difference: number }[] = [];
  for (const [name, mutations] of Object.entries(MUTATIONS)) {
    const read = (file: string) => Deno.readTextFileSync(new URL(`${name}/${file}`, FAMILIES));
    const [config, { ids, logits }] = [JSON.parse(read("config.json")), JSON.parse(read("golden.json"))];
    const expected = Float32Array.from(logits.flat());
    for (const changes of mutations) {
      await withFolder(async (path) => {
        await Deno.copyFile(new URL(`${name}/model.safetensors`, FAMILIES), path("model.safetensors"));
        await Deno.copyFile(new URL("tokenizer.json", FAMILIES), path("tokenizer.json"));
        await Deno.writeTextFile(path("config.json"), JSON.stringify(change(config, changes)));
        await using model = await loadModel(path(""), { weights: "f32", threads: 1 });
        const own = await model.read(model.createCache(), ids, { logitsOf: logits.length });
        found.push({ what: `${name} ${JSON.stringify(changes)}`, difference: largestDifference(own, expected) });
      });
    }
  }
  assert(found.length >= 19);
  const [least] = found.toSorted((one, other) => one.difference - other.difference);
  console.log(`${found.length} traits changed, the least by ${least.difference.toPrecision(2)}: ${least.what}`);
  const unseen = found.filter(({ difference }) => !(difference > TOLERANCE));
  assert(unseen.length === 0, JSON.stringify(unseen, null, 1));
});
