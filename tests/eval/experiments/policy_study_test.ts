import { assertEquals } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { policyStudy } from "kvmirror/eval";

Deno.test("a study's stages stand side by side: tasks by length, rows and contexts of their own", async () => {
  await using model = await loadModel("tiny");
  const stage = {
    task: "niah_single_2",
    samples: 2,
    maxNewTokens: 8,
    policies: ["knorm", "cut_prompt"],
    ratios: [0.5],
  };
  const seen: number[][] = [];
  const { samples, failures } = await policyStudy(
    model,
    [{ ...stage, length: 400 }, { ...stage, length: 512 }, { ...stage, task: "niah_multikey_1", length: 400 }],
    { onProgress: (done, total) => seen.push([done, total]) },
  );
  assertEquals(failures, []);
  assertEquals(seen.at(-1), [18, 18]);
  const names = ["niah_single_2@400", "niah_single_2@512", "niah_multikey_1"];
  assertEquals([...new Set(samples.map(({ task }) => task))], names);
  for (const [place, name] of names.entries()) {
    const own = samples.filter(({ task }) => task === name);
    assertEquals([...new Set(own.map(({ index, context }) => `${index} ${context}`))], [
      `${2 * place} ${2 * place}`,
      `${2 * place + 1} ${2 * place + 1}`,
    ]);
    assertEquals(
      own.map(({ policy }) => policy),
      ["keep_all", "knorm", "cut_prompt"].flatMap((setting) => [setting, setting]),
    );
  }
});
