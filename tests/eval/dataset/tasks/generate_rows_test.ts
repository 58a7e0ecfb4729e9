import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type DatasetRow, kvpressPrompt } from "kvmirror/eval";
import { checkTaskName, generateRows, TASK_NAMES } from "../../../../lib/eval/dataset/tasks/generate_rows.ts";
import { openCheckpoint } from "../../../fixtures/golden.ts";

const words = ({ context, question, answer_prefix }: DatasetRow): number =>
  Math.ceil(1.4 * (context + question + answer_prefix).split(/\s/).length);
const OPTIONS = { length: 1500, samples: 3, countTokens: words };

/** Tasks of which three rows ask the same text. */
const THREE_A_TEXT = /^(facts_|code_functions|key_values|json_records)/;

Deno.test("rows are the same for the same seed, others for another, and the first of more are the same", () => {
  for (const task of TASK_NAMES) {
    const rows = generateRows(task, OPTIONS);
    assertEquals(rows, generateRows(task, OPTIONS), task);
    assertEquals(rows.slice(0, 1), generateRows(task, { ...OPTIONS, samples: 1 }), task);
    assert(rows[0].context !== generateRows(task, { ...OPTIONS, seed: 7, samples: 1 })[0].context, task);
    if (!THREE_A_TEXT.test(task)) assertEquals(new Set(rows.map(({ context }) => context)).size, 3, task);
  }
});

Deno.test("a prompt and its longest answer fill the length, measured with a tokenizer and its template", async () => {
  await using model = await openCheckpoint("qwen2_untied_f32");
  const countTokens = (row: DatasetRow): number => {
    const { contextIds, questionIds } = kvpressPrompt(model.tokenizer, row);
    return contextIds.length + questionIds.length;
  };
  for (const task of ["niah_single_1", "niah_single_2", "niah_multikey_3", "fwe"]) {
    const length = 4000; // this tokenizer knows few words: some 2 characters a token
    for (const row of generateRows(task, { length, samples: 2, countTokens })) {
      const tokens = countTokens(row) + row.max_new_tokens;
      assert(tokens <= length && tokens > length - 120, `${task}: ${tokens} of ${length}`);
    }
  }
});

Deno.test("needles: what is asked for stands in the text, and only there", () => {
  const shapes: Record<string, [answers: number, needles: number | undefined, value: RegExp]> = {
    niah_single_1: [1, 1, /^\d{7}$/],
    niah_single_2: [1, 1, /^\d{7}$/],
    niah_single_3: [1, 1, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    niah_multikey_1: [1, 4, /^\d{7}$/],
    niah_multikey_2: [1, undefined, /^\d{7}$/],
    niah_multikey_3: [1, undefined, /^[0-9a-f-]{36}$/],
    niah_multivalue: [4, 4, /^\d{7}$/],
    niah_multiquery: [4, 4, /^\d{7}$/],
  };
  for (const [task, [answers, needles, value]] of Object.entries(shapes)) {
    for (const { context, question, answer_prefix, answer, depth, max_new_tokens } of generateRows(task, OPTIONS)) {
      const hidden = [...context.matchAll(/One of the special magic (?:numbers|uuids) for (\S+) is: (\S+)\./g)];
      assertEquals([answer.length, max_new_tokens], [answers, 128], task);
      if (needles === undefined) assert(hidden.length > 10, task);
      else assertEquals(hidden.length, needles, task);
      const asked = question.match(/ for (.*) mentioned in the provided text\? $/)![1].split(/, and |, /);
      assertEquals(
        asked.flatMap((key) => hidden.filter(([, name]) => name === key).map(([, , text]) => text)).sort(),
        [
          ...answer,
        ].sort(),
      );
      answer.forEach((text) => assertMatch(text, value));
      assertEquals(context.slice(Math.round(depth! * context.length)).startsWith("One of the special magic"), true);
      const one = answers === 1;
      assertMatch(
        context,
        one ? /^A special magic (number|uuid) is hidden within/ : /^Some special magic numbers are hidden/,
      );
      assertMatch(
        question,
        one ? /^What is the special magic (number|uuid) for/ : /^What are all the special magic numbers for/,
      );
      assertMatch(answer_prefix, one ? /^The special magic .* text is$/ : /^The special magic numbers .* text are$/);
      assert(context.endsWith("\n"));
    }
  }
});

Deno.test("vt: the chain that the question's value begins is the answer", () => {
  for (const { context, question, answer } of generateRows("vt", OPTIONS)) {
    const text = context.slice(context.lastIndexOf("Memorize and track"));
    const value = question.match(/value (\d{5}) in/)![1];
    const first = text.match(new RegExp(`VAR (\\w{5}) = ${value}\n`))![1];
    const next = new Map([...text.matchAll(/VAR (\w{5}) = VAR (\w{5}) /g)].map(([, to, from]) => [from, to]));
    const chain = [first];
    while (next.has(chain.at(-1)!)) chain.push(next.get(chain.at(-1)!)!);
    assertEquals(chain, answer);
    assertEquals(answer.length, 5);
  }
});

Deno.test("cwe and fwe: the answers are the words that come most often", () => {
  for (const { context, answer } of generateRows("cwe", OPTIONS)) {
    const list = context.slice(context.lastIndexOf("Below is")).match(/\d+\. (\S+)/g)!.map((item) =>
      item.split(" ")[1]
    );
    const counts = [...Map.groupBy(list, (word) => word)].map(([word, own]) => [word, own.length] as const);
    assertEquals(counts.filter(([, count]) => count === 6).map(([word]) => word).sort(), [...answer].sort());
    assert(counts.every(([, count]) => count === 6 || count === 1));
  }
  for (const { context, answer } of generateRows("fwe", OPTIONS)) {
    const list = context.match(/coded words\. (.*)\n/)![1].split(" ");
    const counts = [...Map.groupBy(list, (word) => word)].sort(([, one], [, other]) => other.length - one.length);
    assertEquals(counts.slice(0, 4).map(([word]) => word), ["...", ...answer]);
  }
});

Deno.test("long lists repeat their words as RULER's do", () => {
  const [{ context }] = generateRows("cwe", { ...OPTIONS, length: 5000, samples: 1 });
  const list = context.slice(context.lastIndexOf("Below is")).match(/\d+\. (\S+)/g)!.map((item) => item.split(" ")[1]);
  const counts = new Set([...Map.groupBy(list, (word) => word).values()].map(({ length }) => length));
  assertEquals([...counts].sort(), [3, 30]);
});

Deno.test("unknown tasks, lengths that hold no task and odd numbers are refused", () => {
  assertThrows(() => checkTaskName("niah_singel_2"), RangeError, "did you mean niah_single_2?");
  assertThrows(() => generateRows("niah_single_1", { ...OPTIONS, length: 64 }), RangeError, "give a greater length");
  assertThrows(() => generateRows("vt", { ...OPTIONS, samples: 0 }), RangeError, "samples 0");
  assertThrows(() => generateRows("vt", { ...OPTIONS, length: 1.5 }), RangeError, "length 1.5");
});
