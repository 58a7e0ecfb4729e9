import { createFields } from "../files/fields.ts";
import { quoted } from "../files/quoted.ts";

/** Fields of a configuration or of metadata. */
export type Json = Readonly<Record<string, unknown>>;

/** More layers, heads or numbers than any model has: a file that claims more is damaged. */
const MAX_COUNT = 2 ** 24;

/** A model's configuration by config.json's names, whichever container it is from. */
export interface LayoutConfig {
  /** The field as it is, else the family's default; a null is undefined. */
  value(key: string): unknown;
  /**
   * A whole number of at least 1.
   *
   * @throws {SyntaxError} if it is absent and there is no fallback, or is none; names the container's own key
   */
  count(key: string, fallback?: number): number;
  /** Like `count`, undefined where the field is absent or 0. */
  optionalCount(key: string): number | undefined;
  /** One whole number of at least `least`, or 0, for each layer, from a list or from one number for all. */
  perLayer(key: string, layers: number, options?: { readonly fallback?: number; readonly least?: number }): number[];
  /** Texts of a list; undefined where the field is absent. */
  texts(key: string): readonly string[] | undefined;
  /** A truth. */
  flag(key: string, fallback: boolean): boolean;
}

/** Where a configuration comes from. */
export interface ConfigSource {
  /** What the fields are in, for messages: `config.json`. */
  readonly label: string;
  /** The container's own name of a field, for messages. */
  name(key: string): string;
  /** The container's value: null where it says none, undefined where it is silent. */
  read(key: string): unknown;
  /** Values where the container is silent. */
  readonly defaults: Json;
}

/** Reads a configuration by config.json's names. */
export function layoutConfig({ label, name, read, defaults }: ConfigSource): LayoutConfig {
  const value = (key: string): unknown => {
    const held = read(key);
    return (held === undefined ? defaults[key] : held) ?? undefined;
  };
  const fail = (key: string, kind: string, held: unknown): never => {
    const state = quoted(held);
    throw new SyntaxError(`Cannot read ${label} as ${name(key)} must be ${kind}: current value is ${state}`);
  };
  const whole = (key: string, held: unknown, least: number): number =>
    Number.isSafeInteger(held) && held as number >= least && held as number <= MAX_COUNT
      ? held as number
      : fail(key, `a whole number from ${least} to ${MAX_COUNT}`, held);
  return {
    value,
    count: (key, fallback) => whole(key, value(key) ?? fallback, 1),
    optionalCount: (key) => (value(key) ?? 0) === 0 ? undefined : whole(key, value(key), 1),
    perLayer: (key, layers, { fallback, least = 0 } = {}) => {
      const held = value(key) ?? fallback;
      if (!Array.isArray(held)) return new Array<number>(layers).fill(whole(key, held, 1));
      if (held.length < layers) fail(key, `a list of ${layers} numbers, one a layer`, held);
      return held.slice(0, layers).map((one) => whole(key, one, least));
    },
    texts: (key) => {
      const held = value(key);
      if (held === undefined) return undefined;
      return Array.isArray(held) && held.every((one) => typeof one === "string")
        ? held
        : fail(key, "a list of texts", held);
    },
    flag: (key, fallback) => createFields(() => value(key), label).flag(name(key), fallback),
  };
}
