import type { Draw } from "./draw.ts";
import { keyWord } from "./key_words.ts";
import type { TaskDefinition } from "./task_definition.ts";

/** What is to be written, item by item. */
interface Writing {
  readonly context: string;
  readonly question: string;
  readonly items: readonly string[];
  /** Tokens that an item takes at most, with what stands between two. */
  readonly itemTokens: number;
}

/**
 * A task whose answer is long, as it is a list: it is scored by how far the list goes right. The longer the prompt and the
 * answer may be, the more items.
 */
function longAnswer(write: (draw: Draw, count: number) => Writing): TaskDefinition {
  return {
    leastSize: 4,
    write: (draw, { size }) => {
      const { context, question, items, itemTokens } = write(draw, size);
      return {
        ...{ context, question, answer_prefix: "", answer: [...items], scorer: "in_order" },
        max_new_tokens: itemTokens * size,
      };
    },
  };
}

/** A list of words, to be written again: each is looked up once, in its turn. */
export const repeatWords: TaskDefinition = longAnswer((draw, count) => {
  const items = draw.distinct(count, () => keyWord(draw));
  return {
    context: `A list of words:\n\n${items.join(", ")}\n\n`,
    question: "Repeat this list word by word, in the same order, with commas between, and write nothing else.",
    items,
    itemTokens: 7,
  };
});

/** Numbers to be added one after the other, every sum to be written: each step takes the sum of the one before. */
export const runningSums: TaskDefinition = longAnswer((draw, count) => {
  const start = 1 + draw.below(9);
  const added = Array.from({ length: count }, () => 1 + draw.below(9));
  let sum = start;
  const items = added.map((next) => `${sum} + ${next} = ${sum += next}`);
  return {
    context: `Start at ${start}. Add these numbers one after the other: ${added.join(", ")}. `,
    question: `After each step write the sum so far, as "${items[0]}", a step a line.`,
    items,
    itemTokens: 15,
  };
});

/** Numbers to be counted up: nothing but the last number and the step is needed of what was said. */
export const countSteps: TaskDefinition = longAnswer((draw, count) => {
  const [first, step] = [100 + draw.below(100), 2 + draw.below(4)];
  const items = Array.from({ length: count }, (_, index) => String(first + step * index));
  return {
    context: `Count from ${first} up in steps of ${step} to ${items.at(-1)}. `,
    question: "Write every number, with commas between, and nothing else.",
    items,
    itemTokens: 6,
  };
});
