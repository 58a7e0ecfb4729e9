import { assertEquals } from "@std/assert";
import { loadModel } from "kvmirror/engine";
import { policy } from "kvmirror/policies";
import { smollm2Path } from "./fixtures/smollm2.ts";

const path = await smollm2Path();
const story = Deno.readTextFileSync(new URL("../data/samples/story.txt", import.meta.url));

// What the README prints may not hang on the last bit of one processor's sums: three ways to round must agree.
for (const weights of ["f32", "int8", "file"] as const) {
  Deno.test({
    name: `the README's story: with ${weights} weights SmolLM2 knows the dog, and loses it with the window`,
    ignore: path === undefined,
    fn: async () => {
      await using model = await loadModel(path!, { weights });
      const context = await model.prefill(story);
      for (
        const [name, known] of [["keep_all", true], ["recent_window", false], ["globalkv(keydiff)", true]] as const
      ) {
        const cache = context.fork();
        cache.compress(policy(name), { compressionRatio: 0.5 });
        const { text } = await model.generate("What is the dog called?", { cache, maxNewTokens: 16 });
        assertEquals([name, text.includes("Biscuit")], [name, known], text);
      }
    },
  });
}
