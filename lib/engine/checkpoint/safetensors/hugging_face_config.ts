import { createFields } from "../../../files/fields.ts";
import { familyNamed } from "../architecture/families.ts";
import type { HuggingFaceForm } from "../architecture/family.ts";
import { checkOnly, CONFIG_KEYS, isKnown, namesOf, ROPE_KEYS } from "../architecture/keys.ts";
import { modelConfig } from "../architecture/model_config.ts";
import type { RopeSetting } from "../architecture/rope_scaling.ts";
import { createSettings, type Setting, type Settings } from "../architecture/settings.ts";
import type { ModelConfig } from "../checkpoint.ts";
import { quoted } from "../../../files/quoted.ts";

type Json = Readonly<Record<string, unknown>>;

const NAMES = namesOf(CONFIG_KEYS);
const ROPE_NAMES = namesOf(ROPE_KEYS);

/** Value that transformers takes where config.json is silent, in every family. */
const DEFAULTS = { rmsNormEps: 1e-6 };
const ROPE_THETA = 10_000;

/**
 * The model's configuration, from the contents of config.json and, where there is one, generation_config.json.
 *
 * @throws {RangeError} if it asks for what the engine does not do: another architecture, activation or rope scaling,
 * quantized weights
 * @throws {SyntaxError} if it is malformed
 */
export function huggingFaceConfig(config: Json, generation: Json = {}): ModelConfig {
  const family = familyNamed(createFields((key) => config[key], "config.json").text("model_type"));
  const { defaults } = family.huggingFace;
  const endTokens = ([[generation, "generation_config.json"], [config, "config.json"]] as const)
    .flatMap(([held, label]) => createFields((key) => held[key], label).integers("eos_token_id"));
  const settings = createSettings<Setting>({
    label: "config.json",
    names: NAMES,
    given: { eosTokenIds: [...new Set(endTokens)] },
    defaults: { ...DEFAULTS, ...defaults },
    value: (name) => valueAt(config, name),
    state: (name, value) => {
      const [key, inner] = name.split(".");
      return state(key, inner === undefined ? value : config[key]);
    },
  });
  checkOnly(CONFIG_KEYS, (name) => valueAt(config, name), state);
  return modelConfig({ family, settings, ...ropes(config, family.huggingFace) });
}

/** The rotary embedding of all layers or, where they differ, of those without and with a window. */
function ropes(
  config: Json,
  { ropeTheta = ROPE_THETA, slidingTheta, originalLength, ropeTypes = {} }: HuggingFaceForm,
): { rope: Settings<RopeSetting>; slidingRope?: Settings<RopeSetting> } {
  const key = isObject(config.rope_scaling) ? "rope_scaling" : "rope_parameters";
  const written = isObject(config[key]) ? config[key] : {};
  const original = config.original_max_position_embeddings ?? originalLength;
  const settings = (own: Json, theta: number) => ropeSettings(config, key, own, original, theta, ropeTypes);
  const { full_attention: full, sliding_attention: sliding, ...others } = written;
  if (isObject(full) || isObject(sliding)) {
    checkRopeKeys(others, key);
    return {
      rope: settings(isObject(full) ? full : {}, ropeTheta),
      slidingRope: settings(isObject(sliding) ? sliding : {}, slidingTheta ?? ropeTheta),
    };
  }
  const rope = settings({ rope_theta: config.rope_theta, ...written }, ropeTheta);
  if (slidingTheta === undefined) return { rope };
  return {
    rope,
    slidingRope: settings({ rope_theta: config.rope_local_base_freq, rope_type: "default" }, slidingTheta),
  };
}

function ropeSettings(
  config: Json,
  key: string,
  own: Json,
  originalLength: unknown,
  theta: number,
  ropeTypes: Readonly<Record<string, string>>,
): Settings<RopeSetting> {
  checkRopeKeys(own, key);
  // Scaling of no type is some kind of scaling that nobody names.
  const unnamed = key === "rope_scaling" && own.factor !== undefined ? "unnamed" : "default";
  const type = own.rope_type ?? own.type ?? unnamed;
  const values: Json = {
    ...own,
    rope_type: typeof type === "string" && Object.hasOwn(ropeTypes, type) ? ropeTypes[type] : type,
    original_max_position_embeddings: originalLength ?? own.original_max_position_embeddings,
  };
  return createSettings<RopeSetting>({
    label: `config.json's ${key}`,
    names: ROPE_NAMES,
    defaults: { theta },
    value: (name) => values[name] ?? undefined,
    state: () => state(key, config[key]),
  });
}

/** Throws a RangeError that names a key of rotary scaling that the engine does not run: each may change the frequencies. */
function checkRopeKeys(own: Json, key: string): void {
  const stateOf = (name: string, value: unknown) => state(`${key}.${name}`, value);
  checkOnly(ROPE_KEYS, (name) => own[name], stateOf);
  for (const [name, value] of Object.entries(own)) {
    if ((value ?? undefined) === undefined || isKnown(name, ROPE_KEYS)) continue;
    throw new RangeError(
      `Cannot run this model as ${stateOf(name, value)}: supported is ${Object.keys(ROPE_KEYS.settings).join(", ")}`,
    );
  }
}

function state(key: string, value: unknown): string {
  return `config.json's ${key} is ${quoted(value)}`;
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function valueAt(json: Json, name: string): unknown {
  return name.split(".").reduce((held: unknown, key) => (held as Json | null | undefined)?.[key], json);
}
