import { assert, assertEquals } from "@std/assert";
import { type DatasetRow, scoreAnswer } from "kvmirror/eval";
import { generateRows } from "../../../../lib/eval/dataset/tasks/generate_rows.ts";

const countTokens = ({ context, question }: DatasetRow) => (context + question).split(/[\s,-]+/).length;

Deno.test("long answers: the list that is wanted scores 1, half of it about a half, and grows with the length", () => {
  for (const task of ["repeat_words", "running_sums", "count_steps"]) {
    const [row] = generateRows(task, { length: 512, samples: 1, countTokens });
    const [long] = generateRows(task, { length: 2048, samples: 1, countTokens });
    assert(row.answer.length >= 10 && long.answer.length > 3 * row.answer.length, `${row.answer.length} items`);
    assertEquals(scoreAnswer(row.answer.join("\n"), row), 1, task);
    const half = row.answer.length >> 1;
    assertEquals(scoreAnswer(row.answer.slice(0, half).join(", "), row), half / row.answer.length, task);
  }
});

Deno.test("sums add up, counts go on by one step, and a list's words stand in its text", () => {
  const [sums] = generateRows("running_sums", { length: 512, samples: 1, countTokens });
  let before = Number(/Start at (\d)/.exec(sums.context)![1]);
  for (const item of sums.answer) {
    const [, one, other, sum] = /^(\d+) \+ (\d) = (\d+)$/.exec(item)!.map(Number);
    assertEquals([one, one + other], [before, sum]);
    before = sum;
  }
  const [counted] = generateRows("count_steps", { length: 512, samples: 1, countTokens });
  const numbers = counted.answer.map(Number);
  assertEquals(new Set(numbers.slice(1).map((number, index) => number - numbers[index])).size, 1);
  const [list] = generateRows("repeat_words", { length: 512, samples: 1, countTokens });
  assert(list.context.includes(list.answer.join(", ")));
});
