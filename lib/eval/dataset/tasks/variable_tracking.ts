import type { Draw } from "./draw.ts";
import { hideAmongLines, NOISE } from "./haystack.ts";
import type { TaskDefinition } from "./task_definition.ts";

const CAPITALS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const HOPS = 4;
/** Blocks of noise in the solved example, some 400 tokens: RULER fits it to 500. */
const EXAMPLE_SIZE = 12;

/** One chain of four assignments among noise, after a solved example: RULER's `variable_tracking.py`. */
export const variableTracking: TaskDefinition = {
  leastSize: HOPS + 1,
  write: (draw, { size }) => {
    const example = writeChain(draw, EXAMPLE_SIZE, 3);
    const chain = writeChain(draw, size, 5);
    const context = `${example.context}${example.question}${example.answerPrefix} ${example.names.join(" ")}\n\n` +
      chain.context;
    return {
      context,
      question: chain.question,
      answer_prefix: chain.answerPrefix,
      answer: chain.names,
      max_new_tokens: 30,
      depth: context.lastIndexOf(chain.first) / context.length,
    };
  },
};

function writeChain(
  draw: Draw,
  size: number,
  letters: number,
): { context: string; question: string; answerPrefix: string; names: string[]; first: string } {
  const names = draw.distinct(HOPS + 1, () => draw.letters(CAPITALS, letters));
  const value = draw.number(5);
  const first = `VAR ${names[0]} = ${value}`;
  const chain = [first, ...names.slice(1).map((name, index) => `VAR ${name} = VAR ${names[index]} `)];
  const text = hideAmongLines(Array<string>(size).fill(NOISE), chain, draw);
  return {
    names,
    first,
    context: "Memorize and track the chain(s) of variable assignment hidden in the following text.\n\n" + `${text}\n`,
    question: `Question: Find all variables that are assigned the value ${value} in the text above. `,
    answerPrefix:
      `Answer: According to the chain(s) of variable assignment in the text above, ${HOPS + 1} variables are ` +
      `assigned the value ${value}, they are: `,
  };
}
