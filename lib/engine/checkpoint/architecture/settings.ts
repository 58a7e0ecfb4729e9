import { createFields, type Fields } from "../../../files/fields.ts";
import { quoted } from "../../../files/quoted.ts";

/** The vocabulary of both containers: a model's settings, by the names that the engine gives them. */
export type Setting =
  | "vocabSize"
  | "hiddenSize"
  | "intermediateSize"
  | "numHiddenLayers"
  | "numAttentionHeads"
  | "numKeyValueHeads"
  | "headDim"
  | "valueDim"
  | "rotaryDim"
  | "partialRotaryFactor"
  | "maxPositionEmbeddings"
  | "ropelessLayers"
  | "ropelessInterval"
  | "ropeFinetuned"
  | "rmsNormEps"
  | "activation"
  | "attentionBias"
  | "attentionOutputBias"
  | "mlpBias"
  | "embeddingMultiplier"
  | "residualMultiplier"
  | "attentionMultiplier"
  | "logitsDivisor"
  | "queryScalar"
  | "scoreCap"
  | "logitCap"
  | "expertCount"
  | "isCausal"
  | "bidirectional"
  | "layerTypes"
  | "slidingWindow"
  | "slidingPattern"
  | "useSlidingWindow"
  | "maxWindowLayers"
  | "tieWordEmbeddings"
  | "eosTokenIds"
  | "quantization";

/** Values by setting. */
export type SettingValues = Readonly<Partial<Record<Setting, number | boolean>>>;

/** How a container writes settings. */
export interface SettingsSource<Key extends string> {
  /** Where the settings are from, for messages: `config.json`. */
  readonly label: string;
  /** The container's names of each setting: the first that is present counts; a setting without a name is absent. */
  readonly names: Readonly<Partial<Record<Key, readonly string[]>>>;
  /** Settings that the container shows otherwise than under a name. */
  readonly given?: Readonly<Partial<Record<Key, unknown>>>;
  /** Values of settings that the container does not mention; null in the container means none, not the default. */
  readonly defaults: Readonly<Partial<Record<Key, number | boolean>>>;
  /** The value under one of the container's names. */
  value(name: string): unknown;
  /** What the container says, in words, for refusals: `config.json's hidden_act is "gelu"`. */
  state(name: string, value: unknown): string;
}

/** Typed access to a model's settings; a setting of the wrong kind is a SyntaxError with the container's name for it. */
export interface Settings<Key extends string = Setting> extends Fields<Key> {
  /** Every name under which the container holds the setting, with the value there. */
  spellings(setting: Key): readonly Spelling[];
  /**
   * Says that the engine runs no model with this value.
   *
   * @param name the container's own; without it, the name that counts
   * @throws {RangeError} always
   */
  refuse(setting: Key, value: unknown, supported: string, name?: string): never;
  /**
   * Says that no model can have this value.
   *
   * @param rule `must be above 0`
   * @throws {SyntaxError} always
   */
  fail(setting: Key, rule: string, value: unknown): never;
}

/** One of a container's names of a setting, and the value there. */
export type Spelling = readonly [name: string, value: unknown];

/** Reads settings from a container by the engine's names. */
export function createSettings<Key extends string>(source: SettingsSource<Key>): Settings<Key> {
  const { label, names, given = {}, defaults, value, state } = source;
  const spellings = (setting: Key): Spelling[] =>
    (names[setting] ?? []).map((name): Spelling => [name, value(name)]).filter(([, held]) => (held ?? null) !== null);
  const nameOf = (setting: Key) => spellings(setting)[0]?.[0] ?? names[setting]?.[0] ?? setting;
  const read = <T>(setting: Key, get: (fields: Fields, name: string) => T): T => {
    const name = nameOf(setting);
    const held = (given as Partial<Record<Key, unknown>>)[setting] ??
      (names[setting] === undefined ? undefined : value(name));
    return get(createFields(() => held === undefined ? defaults[setting] : held, label), name);
  };
  return {
    value: (setting) => read(setting, (fields, name) => fields.value(name)),
    integer: (setting, fallback) => read(setting, (fields, name) => fields.integer(name, fallback)),
    number: (setting, fallback) => read(setting, (fields, name) => fields.number(name, fallback)),
    text: (setting) => read(setting, (fields, name) => fields.text(name)),
    flag: (setting, fallback) => read(setting, (fields, name) => fields.flag(name, fallback)),
    integers: (setting) => read(setting, (fields, name) => fields.integers(name)),
    spellings,
    refuse: (setting, held, supported, name = nameOf(setting)) => {
      throw new RangeError(`Cannot run this model as ${state(name, held)}: supported is ${supported}`);
    },
    fail: (setting, rule, held) => {
      const current = quoted(held);
      throw new SyntaxError(`Cannot read ${label} as ${nameOf(setting)} ${rule}: current value is ${current}`);
    },
  };
}
