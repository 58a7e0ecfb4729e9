import type { Draw } from "./draw.ts";
import { hideAmongLines, hideInText, NOISE, passage } from "./haystack.ts";
import { keyWord } from "./key_words.ts";
import type { TaskDefinition } from "./task_definition.ts";

/** What a needle task hides, and where. */
export interface NeedleShape {
  /** `noise` repeats five sentences, `essay` is prose, `needles` are lines that look like what is asked for. */
  readonly haystack: "noise" | "essay" | "needles";
  /** What needles are known by; words by default. */
  readonly keys?: "words" | "uuids";
  /** What is to be remembered; numbers of seven digits by default. */
  readonly values?: "numbers" | "uuids";
  /** Different keys hidden; 1 by default. */
  readonly keyCount?: number;
  /** Values of each key; 1 by default. */
  readonly valueCount?: number;
  /** Keys asked for; 1 by default. */
  readonly queryCount?: number;
}

/** Needles in a haystack: Hsieh et al. 2024, RULER (https://arxiv.org/abs/2404.06654), `niah.py` and its templates. */
export function needleTask(
  { haystack, keys = "words", values = "numbers", keyCount = 1, valueCount = 1, queryCount = 1 }: NeedleShape,
): TaskDefinition {
  return {
    leastSize: Math.max(keyCount, queryCount) * valueCount + 1,
    write: (draw, { size }) => {
      const used = new Set<string>();
      const newKeys = (count: number) => draw.distinct(count, () => drawOne(keys, draw), used);
      const newValues = (count: number) => draw.distinct(count, () => drawOne(values, draw), used);
      const sentence = (key: string, value: string) => `One of the special magic ${values} for ${key} is: ${value}.`;
      const hidden = newKeys(Math.max(keyCount, queryCount)).map((key) => ({ key, answers: newValues(valueCount) }));
      const needles = draw.shuffled(hidden.flatMap(({ key, answers }) => answers.map((value) => sentence(key, value))));
      const asked = draw.sample(hidden, queryCount);
      const lines = haystack === "noise"
        ? Array<string>(size).fill(NOISE)
        : haystack === "needles"
        ? newKeys(size).map((key) => sentence(key, drawOne(values, draw)))
        : [];
      const text = haystack === "essay"
        ? hideInText(passage(draw, "novel", size), needles, draw)
        : hideAmongLines(lines, needles, draw);
      const answer = asked.flatMap(({ answers }) => answers);
      const dressed = dress(text, asked.map(({ key }) => key), values, answer.length);
      const place = dressed.context.indexOf(sentence(asked[0].key, answer[0]));
      return { ...dressed, answer, max_new_tokens: 128, depth: place / dressed.context.length };
    },
  };
}

function drawOne(kind: "words" | "numbers" | "uuids", draw: Draw): string {
  if (kind === "uuids") return draw.uuid();
  return kind === "numbers" ? draw.number(7) : keyWord(draw);
}

/** RULER's words around the text; one thing to find is spoken of in the singular. */
function dress(
  text: string,
  keys: readonly string[],
  values: string,
  count: number,
): { context: string; question: string; answer_prefix: string } {
  const [some, are, all, kind] = count === 1
    ? ["A", "is", "is", values.slice(0, -1)]
    : ["Some", "are", "are all", values];
  const query = keys.length === 1 ? keys[0] : `${keys.slice(0, -1).join(", ")}, and ${keys.at(-1)}`;
  return {
    context: `${some} special magic ${kind} ${are} hidden within the following text. Make sure to memorize it. ` +
      `I will quiz you about the ${kind} afterwards.\n${text}\n`,
    question: `What ${all} the special magic ${kind} for ${query} mentioned in the provided text? `,
    answer_prefix: `The special magic ${kind} for ${query} mentioned in the provided text ${are}`,
  };
}
