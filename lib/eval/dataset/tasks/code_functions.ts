import { type Asked, askedPrompt, QUESTIONS } from "./asked.ts";
import type { Draw } from "./draw.ts";
import { hideAmongLines } from "./haystack.ts";
import { keyWord } from "./key_words.ts";
import type { TaskDefinition } from "./task_definition.ts";

/**
 * Functions of a Python module, called far from their definitions: six of them return a number, have a number as a default
 * or raise an error with words of their own, among others that only work on what they are given. Three rows ask one module
 * for a function each.
 */
export const codeFunctions: TaskDefinition = {
  leastSize: 6,
  questions: QUESTIONS,
  write: (draw, { size, question: asked }) => {
    const used = new Set<string>();
    const newName = () => draw.distinct(1, () => functionName(draw), used)[0];
    const functions = [...KINDS, ...KINDS].map((kind) => kind(draw, newName()));
    const others = Array.from({ length: size }, () => OTHERS[draw.below(OTHERS.length)](newName()));
    const module = hideAmongLines(others, draw.shuffled(functions.map(({ said }) => said)), draw);
    return askedPrompt(draw, `A Python module:\n\n\`\`\`python\n${module}\`\`\`\n\n`, functions, asked);
  },
};

function functionName(draw: Draw): string {
  return `${VERBS[draw.below(VERBS.length)]}_${keyWord(draw).replace("-", "_")}`;
}

/** The kinds of functions that are asked for: what it returns, a default, the words of its error. */
const KINDS: readonly ((draw: Draw, name: string) => Asked)[] = [
  (draw, name) => {
    const answer = draw.number(3);
    return {
      said: `def ${name}():\n    return ${answer}\n`,
      question: `Which number does ${name}() return?`,
      answerPrefix: `${name}() returns`,
      answer,
    };
  },
  (draw, name) => {
    const answer = draw.number(3);
    return {
      said: `def ${name}(path, limit=${answer}):\n    return open(path).read()[:limit]\n`,
      question: `What is the default of the parameter limit in ${name}?`,
      answerPrefix: `The default of limit in ${name} is`,
      answer,
    };
  },
  (draw, name) => {
    const [adjective, noun] = keyWord(draw).split("-");
    const answer = `the ${noun} is ${adjective}`;
    return {
      said: `def ${name}(value):\n    if value is None:\n        raise ValueError("${answer}")\n    return value\n`,
      question: `With which message does ${name}(None) fail?`,
      answerPrefix: `${name}(None) fails with the message`,
      answer,
    };
  },
];

/** Functions that nobody asks for. */
const OTHERS: readonly ((name: string) => string)[] = [
  (name) =>
    `def ${name}(items, limit):\n    kept = []\n    for item in sorted(items):\n        if len(item) <= limit:\n` +
    "            kept.append(item)\n    return kept\n",
  (name) =>
    `def ${name}(first, second):\n    shared = set(first) & set(second)\n    return sorted(shared, key=str.lower)\n`,
  (name) =>
    `def ${name}(table):\n    total = 0\n    for row in table:\n        for cell in row:\n            total += cell\n` +
    "    return total\n",
  (name) =>
    `def ${name}(text):\n    words = text.split()\n    counts = {}\n    for word in words:\n` +
    "        counts[word] = counts.get(word, 0) + 1\n    return counts\n",
  (name) =>
    `def ${name}(queue, handle):\n    while queue:\n        task = queue.pop(0)\n        if not handle(task):\n` +
    "            queue.append(task)\n",
];

const VERBS = "check count fetch find join load make merge move open parse read send sort split store".split(" ");
