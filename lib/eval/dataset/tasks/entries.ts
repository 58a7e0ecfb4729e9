import { type Asked, askedPrompt, QUESTIONS } from "./asked.ts";
import type { Draw } from "./draw.ts";
import { keyWord } from "./key_words.ts";
import type { TaskDefinition } from "./task_definition.ts";

/** How a list is introduced and its entries are written, and what asks for one of them. */
interface EntryForm {
  readonly introduction: string;
  /** Writes an entry, a line, and says what is asked of it. */
  entry(draw: Draw, key: string): Asked;
}

/**
 * Look-up in a list, any entry of which may be asked for: nothing in it says which. After the key-value retrieval of Liu et
 * al. 2023, Lost in the Middle (https://arxiv.org/abs/2307.03172), with words for its UUIDs. Three rows ask one list for an
 * entry each.
 */
function entryTask({ introduction, entry }: EntryForm): TaskDefinition {
  return {
    leastSize: QUESTIONS,
    questions: QUESTIONS,
    write: (draw, { size, question: asked }) => {
      const keys = draw.distinct(size, () => keyWord(draw));
      const entries = keys.map((key) => entry(draw, key));
      const list = entries.map(({ said }) => said).join("\n");
      return askedPrompt(draw, `${introduction}\n\n${list}\n\n`, entries, asked);
    },
  };
}

/** Lines `key = value`, both of two words. */
export const keyValues: TaskDefinition = entryTask({
  introduction: "Settings, a key and its value a line:",
  entry: (draw, key) => {
    const answer = keyWord(draw);
    return {
      said: `${key} = ${answer}`,
      question: `What is the value of ${key}?`,
      answerPrefix: `The value of ${key} is`,
      answer,
    };
  },
});

/** Lines of JSON with four fields, of which one is asked for by the record's name. */
export const jsonRecords: TaskDefinition = entryTask({
  introduction: "Goods in a store, a JSON object a line:",
  entry: (draw, key) => {
    const fields = {
      price: draw.number(3),
      year: String(1650 + draw.below(300)),
      shelf: `${draw.letters("ABCDEFGH", 1)}${draw.number(2)}`,
    };
    const names = Object.keys(fields) as (keyof typeof fields)[];
    const asked = names[draw.below(names.length)];
    return {
      said: JSON.stringify({ name: key, ...fields }),
      question: `What is the ${asked} of ${key}?`,
      answerPrefix: `The ${asked} of ${key} is`,
      answer: fields[asked],
    };
  },
});
