import { defaultFrequencies, type RotaryFrequencies } from "../../../numeric/rotary.ts";
import type { Settings } from "./settings.ts";

/** The vocabulary of both containers for the rotary embedding of one kind of layer. */
export type RopeSetting =
  | "theta"
  | "slidingTheta"
  | "type"
  | "factor"
  | "originalLength"
  | "lowFrequencyFactor"
  | "highFrequencyFactor"
  | "betaFast"
  | "betaSlow"
  | "attentionFactor"
  | "attentionScale"
  | "mscale"
  | "mscaleAllDim"
  | "truncate"
  | "divisors"
  | "shortDivisors"
  | "longDivisors";

/** What a kind of scaling makes of the rotary embedding. */
export interface ScaledRope {
  /** Angles per position: `[rotary_dim / 2]`. */
  readonly frequencies: RotaryFrequencies;
  /** Factor of the cosines and sines, so of queries and of keys. */
  readonly attentionFactor?: number;
  /** The length that the frequencies hold for, and those of longer texts, where there are some; without it, any. */
  readonly beyond?: { readonly length: number; readonly frequencies?: RotaryFrequencies };
}

/** The facts that scaling starts from. */
interface Unscaled {
  /** `ropeTheta^(−2i / rotary_dim)`: `[rotary_dim / 2]`. */
  readonly base: RotaryFrequencies;
  readonly ropeTheta: number;
  /** The context that the model is said to have, in tokens. */
  readonly contextLength: number;
}

type Scaling = (unscaled: Unscaled, rope: Settings<RopeSetting>) => ScaledRope;

/**
 * The kinds of scaling, by transformers' names (modeling_rope_utils.py); `divisors` is GGUF's form of `llama3`, where a
 * tensor holds a divisor of each frequency.
 */
const SCALINGS: Readonly<Record<string, Scaling>> = {
  default: ({ base }) => ({ frequencies: base }),
  linear: ({ base }, rope) => {
    const factor = positive(rope, "factor");
    return { frequencies: base.map((frequency) => frequency / factor) };
  },
  // Up to the trained length nothing is scaled; beyond it every length would have frequencies of its own.
  dynamic: ({ base, contextLength }) => ({ frequencies: base, beyond: { length: contextLength } }),
  divisors: ({ base }, rope) => ({ frequencies: divided(base, rope, "divisors") }),
  llama3: ({ base, contextLength }, rope) => {
    const factor = positive(rope, "factor");
    const [low, high] = [rope.number("lowFrequencyFactor"), rope.number("highFrequencyFactor")];
    const length = rope.integer("originalLength", contextLength);
    return {
      frequencies: base.map((frequency) => {
        const turns = length * frequency / (2 * Math.PI);
        if (turns < low) return frequency / factor;
        if (turns > high) return frequency;
        const smooth = (turns - low) / (high - low);
        return (1 - smooth) * frequency / factor + smooth * frequency;
      }),
    };
  },
  yarn: ({ base, ropeTheta, contextLength }, rope) => {
    const length = rope.integer("originalLength", contextLength);
    const factor = positive(rope, "factor", contextLength / length);
    const pairs = base.length;
    const pairTurning = (turns: number) =>
      (2 * pairs * Math.log(length / (turns * 2 * Math.PI))) / (2 * Math.log(ropeTheta));
    let [low, high] = [pairTurning(rope.number("betaFast", 32)), pairTurning(rope.number("betaSlow", 1))];
    if (rope.flag("truncate", true)) [low, high] = [Math.floor(low), Math.ceil(high)];
    [low, high] = [Math.max(low, 0), Math.min(high, 2 * pairs - 1)];
    const width = low === high ? 0.001 : high - low;
    return {
      frequencies: base.map((frequency, pair) => {
        const ramp = Math.min(1, Math.max(0, (pair - low) / width));
        return frequency / factor * ramp + frequency * (1 - ramp);
      }),
      attentionFactor: rope.number("attentionFactor", yarnFactor(rope, factor)) * rope.number("attentionScale", 1),
    };
  },
  // Beyond its original length a text takes other divisors from its first token on.
  longrope: ({ base, contextLength }, rope) => {
    const length = rope.integer("originalLength", contextLength);
    const factor = positive(rope, "factor", contextLength / length);
    const usual = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(length));
    return {
      frequencies: divided(base, rope, "shortDivisors"),
      attentionFactor: rope.number("attentionFactor", rope.number("attentionScale", usual)),
      beyond: { length, frequencies: divided(base, rope, "longDivisors") },
    };
  },
};

/** The kinds of scaling that run. */
export const ROPE_TYPES: readonly string[] = Object.keys(SCALINGS);

/**
 * The rotary embedding of one kind of layer.
 *
 * @param rotaryDim dimensions of a head that turn
 * @throws {RangeError} if no such scaling runs
 * @throws {SyntaxError} if a setting that the scaling needs is missing, of the wrong kind, or cannot be
 */
export function scaledRope(rope: Settings<RopeSetting>, rotaryDim: number, contextLength: number): ScaledRope {
  const type = rope.text("type") ?? "default";
  const scaling = Object.hasOwn(SCALINGS, type) ? SCALINGS[type] : undefined;
  if (scaling === undefined) rope.refuse("type", type, ROPE_TYPES.filter((known) => known !== "divisors").join(", "));
  const ropeTheta = positive(rope, "theta");
  const scaled = scaling({ base: defaultFrequencies(rotaryDim, ropeTheta), ropeTheta, contextLength }, rope);
  if (![...scaled.frequencies, ...scaled.beyond?.frequencies ?? []].every(Number.isFinite)) {
    rope.fail("type", "must go with numbers that give frequencies", type);
  }
  return { attentionFactor: rope.number("attentionScale", 1), ...scaled };
}

/** What YaRN's paper adds to scores, as transformers computes it (https://arxiv.org/abs/2309.00071, section 3.4). */
function yarnFactor(rope: Settings<RopeSetting>, factor: number): number {
  const scale = (weight: number) => factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1;
  const [one, all] = [rope.number("mscale", 0), rope.number("mscaleAllDim", 0)];
  return one !== 0 && all !== 0 ? scale(one) / scale(all) : scale(1);
}

function divided(base: RotaryFrequencies, rope: Settings<RopeSetting>, setting: RopeSetting): RotaryFrequencies {
  const divisors = rope.value(setting);
  const fits = Array.isArray(divisors) && divisors.length === base.length &&
    divisors.every((divisor) => typeof divisor === "number" && divisor > 0);
  if (fits) return base.map((frequency, pair) => frequency / divisors[pair]);
  rope.fail(setting, `must be ${base.length} numbers above 0`, divisors);
}

function positive(rope: Settings<RopeSetting>, setting: RopeSetting, fallback?: number): number {
  const found = rope.number(setting, fallback);
  if (!(found > 0)) rope.fail(setting, "must be above 0", found);
  return found;
}
