/** What an input came to. */
export type Outcome = "accepted" | "clear" | "wrapped" | "raw" | "wrong" | "slow" | "large";

/** The outcomes in the order of the table; the first two are as they should be. */
export const OUTCOMES: readonly Outcome[] = ["accepted", "clear", "wrapped", "raw", "wrong", "slow", "large"];

/** Whether an outcome is a fault. */
export function isFault(outcome: Outcome): boolean {
  return outcome !== "accepted" && outcome !== "clear";
}

/** Thrown where a reader gave what it could know to be false. */
export class WrongResult extends Error {}

/** Words of V8's and of the system's errors. */
const FOREIGN: readonly RegExp[] = [
  /Unexpected (?:token '|end of JSON|non-whitespace|string in|number in|identifier)/,
  /JSON at position|valid JSON|in JSON\b|JSON input/,
  /Expected (?:',' or|property name|double-quoted)/,
  /Bad (?:control character|escaped character|Unicode escape)/,
  /Unterminated (?:string|fractional)|No number after minus|Exponent part/,
  /(?<!that |object )is not (?:a function|iterable|an object|defined|a constructor|a valid)/,
  /Cannot (?:read|set) propert|Cannot (?:destructure|convert|mix) |Cannot access '|in' operator/,
  /Invalid (?:array length|typed array|string length|regular expression|count value|time value|code point|DataView)/,
  /Array buffer allocation|Maximum call stack|Reduce of empty|Offset is outside|Map maximum size|too many elements/,
  /os error \d|encoded data was not valid|corrupt deflate|BigInt|\[object \w+\]/,
  /\b(?:is|be|of|for|has|newest) (?:NaN|undefined)\b/,
];

/** The most characters of a message that is one line for a user. */
const MAX_MESSAGE = 1000;

/** Says whose words an error has. */
export function classifyError(error: unknown, print: (message: string) => string = (message) => message): Outcome {
  if (error instanceof WrongResult) return "wrong";
  if (!(error instanceof Error)) return "raw";
  const message = print(error.message);
  // What stands in quotes is the input's.
  const foreign = FOREIGN.find((words) => words.test(message.replaceAll(/"(?:[^"\\]|\\.)*"/g, "")));
  const own = /(?:^|: )Cannot /.test(message) &&
    !/^Cannot (?:read|set) propert|^Cannot (?:destructure|convert|mix) |^Cannot access '/.test(message);
  if (!own) return "raw";
  return foreign !== undefined || message.length > MAX_MESSAGE || message.includes("\n") ? "wrapped" : "clear";
}
