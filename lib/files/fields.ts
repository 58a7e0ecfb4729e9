import { quoted } from "./quoted.ts";
/** Typed access to the fields of a configuration; a field of the wrong kind is a SyntaxError that names it. */
export interface Fields<Key = string> {
  /** A field as it is; absent and null are undefined. */
  value(key: Key): unknown;
  /** A whole number, or the fallback where it is absent. Without a fallback an absent field is a SyntaxError. */
  integer(key: Key, fallback?: number): number;
  /** Like `integer`, of any finite number. */
  number(key: Key, fallback?: number): number;
  text(key: Key): string | undefined;
  flag(key: Key, fallback: boolean): boolean;
  /** One whole number or a list of them; empty where it is absent. */
  integers(key: Key): number[];
}

/**
 * Gives typed access to fields.
 *
 * @param get a field by its key
 * @param label where the fields are from, for errors: `config.json`
 */
export function createFields(get: (key: string) => unknown, label: string): Fields {
  const value = (key: string) => get(key) ?? undefined;
  const checked = <T>(key: string, kind: string, is: (found: unknown) => found is T, found: unknown): T => {
    if (is(found)) return found;
    const state = quoted(found);
    throw new SyntaxError(`Cannot read ${label} as ${key} must be ${kind}: current value is ${state}`);
  };
  return {
    value,
    integer: (key, fallback) => checked(key, "a whole number", isInteger, value(key) ?? fallback),
    number: (key, fallback) => checked(key, "a number", isNumber, value(key) ?? fallback),
    text: (key) => value(key) === undefined ? undefined : checked(key, "text", isText, value(key)),
    flag: (key, fallback) => checked(key, "true or false", isFlag, value(key) ?? fallback),
    integers: (key) => {
      const found = value(key) ?? [];
      return checked(key, "whole numbers", isIntegers, Array.isArray(found) ? found : [found]);
    },
  };
}

const isInteger = (found: unknown): found is number => Number.isSafeInteger(found);
const isNumber = (found: unknown): found is number => typeof found === "number" && Number.isFinite(found);
const isText = (found: unknown): found is string => typeof found === "string";
const isFlag = (found: unknown): found is boolean => typeof found === "boolean";
const isIntegers = (found: unknown): found is number[] => Array.isArray(found) && found.every(isInteger);
