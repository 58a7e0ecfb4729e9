import checked from "../../data/families_checked.json" with { type: "json" };
import { FAMILIES } from "../../lib/engine/checkpoint/architecture/families.ts";
import type { Biases, Family } from "../../lib/engine/checkpoint/architecture/family.ts";
import { ROPE_TYPES } from "../../lib/engine/checkpoint/architecture/rope_scaling.ts";
import { createSettings, type Setting, type SettingValues } from "../../lib/engine/checkpoint/architecture/settings.ts";

/** A random checkpoint that the engine is held to PyTorch's numbers on, in every run of the tests. */
export interface CheckedCase {
  /** The case of `tests/goldens/make_family_goldens.py`. */
  readonly case: string;
  /** config.json's `model_type`. */
  readonly family: string;
  /** `general.architecture` of the same numbers as a GGUF file; null where there is none. */
  readonly gguf: string | null;
  /** The kind of rotary scaling, by transformers' name. */
  readonly rotation: string;
  /** Whether some layers see a window alone. */
  readonly window: boolean;
  /** Versions of the packages that the numbers are from. */
  readonly torch: string;
  readonly transformers: string;
  /** When they were made. */
  readonly date: string;
}

/** A family of models that the engine runs, in words. */
export interface RunningFamily {
  /** config.json's `model_type`. */
  readonly family: string;
  /** `general.architecture` in GGUF files; undefined where llama.cpp has none for it. */
  readonly gguf: string | undefined;
  /** Published models of it. */
  readonly models: string;
  /** Layers that see a window alone: `none`, or where the configuration says so. */
  readonly windows: "none" | "as set";
  /** Projections that have biases: `none`, their names, or as the configuration says. */
  readonly biases: string;
  /** What sets it apart from Llama beside those. */
  readonly traits: readonly string[];
  /** What it was checked on. */
  readonly checked: readonly CheckedCase[];
}

/** The checkpoints that families were checked on. */
export const CHECKED_CASES: readonly CheckedCase[] = checked;

/** Kinds of rotary scaling that run in every family, by transformers' names. GGUF files hold `llama3` as `divisors`. */
export const ROTATIONS: readonly string[] = ROPE_TYPES.filter((type) => type !== "divisors");

/** Every family that the engine runs. */
export function runningFamilies(): RunningFamily[] {
  const casesOf = Map.groupBy(CHECKED_CASES, ({ family }) => family);
  return FAMILIES.map((record) => {
    const { huggingFace, gguf, models, slides } = record;
    const cases = casesOf.get(huggingFace.modelType) ?? [];
    return {
      family: huggingFace.modelType,
      // Mistral's files go by Llama's name.
      gguf: gguf?.architecture ?? cases.find((checked) => checked.gguf !== null)?.gguf ?? undefined,
      models,
      windows: slides === undefined ? "none" : "as set",
      biases: biases(record),
      traits: traits(record),
      checked: cases,
    };
  });
}

const PROJECTIONS: Readonly<Record<keyof Biases, string>> = {
  attentionBias: "q, k, v",
  attentionOutputBias: "o",
  mlpBias: "mlp",
};

function biases(family: Family): string {
  if (family.biases === undefined) return "none";
  const [unset, set] = [false, true].map((value) =>
    family.biases!(settings({ attentionBias: value, attentionOutputBias: value, mlpBias: value }))
  );
  const names = Object.keys(PROJECTIONS) as (keyof Biases)[];
  if (names.some((name) => unset[name] !== set[name])) return "as set";
  return names.filter((name) => set[name]).map((name) => PROJECTIONS[name]).join(", ");
}

function traits(family: Family): string[] {
  const { norms, queryKeyNorm, huggingFace, activation, has, partialRotary, ropeless, tensors } = family;
  const words: readonly (readonly [unknown, string])[] = [
    [norms === "after", "norms after sublayers"],
    [norms === "both", "norms before and after sublayers"],
    [queryKeyNorm === "head", "norms of each query and key"],
    [queryKeyNorm === "token", "norms of a token's queries and keys"],
    [huggingFace.normOffset, `norms of ${huggingFace.normOffset} + w`],
    [family.multipliers, `multipliers of ${multiplied(family)}`],
    [activation, `${activation}`],
    [has?.includes("scoreCap"), "caps as set"],
    [huggingFace.slidingTheta, "another theta in windows"],
    [ropeless, "layers without positions (NoPE)"],
    [partialRotary, "partial rotation as set"],
    [tensors.packed, "packed projections"],
  ];
  return words.filter(([isSo]) => isSo).map(([, word]) => word);
}

/** What a family's formulas multiply: the embedding, what is added to the residual stream, scores, logits. */
function multiplied({ multipliers }: Family): string {
  const sizes = { hiddenSize: 64, numAttentionHeads: 4, headDim: 16, numHiddenLayers: 4 };
  return new Intl.ListFormat("en").format(Object.keys(multipliers?.(settings({}), sizes) ?? {}));
}

/** Settings of a container that says nothing else. */
function settings(defaults: SettingValues): ReturnType<typeof createSettings<Setting>> {
  return createSettings<Setting>({ label: "", names: {}, defaults, value: () => undefined, state: () => "" });
}
