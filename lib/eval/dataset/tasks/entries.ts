import type { Draw } from "./draw.ts";
import { KEY_WORDS } from "./key_words.ts";
import type { TaskDefinition, TaskPrompt } from "./task_definition.ts";

/** Entries that a list is asked for. */
const QUESTIONS = 3;

/** How a list is introduced and its entries are written, and what asks for one of them. */
interface EntryForm {
  readonly introduction: string;
  /** Writes an entry, and says what is asked of it. */
  entry(draw: Draw, key: string): Entry;
}

/** A line of a list, and what asks for it. */
interface Entry {
  readonly line: string;
  readonly question: string;
  readonly answerPrefix: string;
  readonly answer: string;
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
    write: (draw, { size, question: asked }): TaskPrompt => {
      const keys = draw.distinct(size, () => keyWord(draw));
      const entries = keys.map((key) => entry(draw, key));
      const context = `${introduction}\n\n${entries.map(({ line }) => line).join("\n")}\n\n`;
      const { line, question, answerPrefix, answer } = draw.sample(entries, QUESTIONS)[asked];
      return {
        context,
        question,
        answer_prefix: answerPrefix,
        answer: [answer],
        max_new_tokens: 12,
        depth: context.indexOf(line) / context.length,
      };
    },
  };
}

function keyWord(draw: Draw): string {
  return KEY_WORDS[draw.below(KEY_WORDS.length)];
}

/** Lines `key = value`, both of two words. */
export const keyValues: TaskDefinition = entryTask({
  introduction: "Settings, a key and its value a line:",
  entry: (draw, key) => {
    const answer = keyWord(draw);
    return {
      line: `${key} = ${answer}`,
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
      line: JSON.stringify({ name: key, ...fields }),
      question: `What is the ${asked} of ${key}?`,
      answerPrefix: `The ${asked} of ${key} is`,
      answer: fields[asked],
    };
  },
});
