import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { checkModelName, resolveModel } from "kvmirror/engine";

Deno.test("a path is taken as it is; a name that is near another says so", async () => {
  const folder = await Deno.makeTempDir();
  assertEquals((await resolveModel(folder)).path, folder);
  await Deno.remove(folder);
  await assertRejects(() => resolveModel(`${folder}/model.gguf`), RangeError, "no such file or folder");
  await assertRejects(() => resolveModel("smollm2-135"), RangeError, "did you mean smollm2-135m?");
  assertThrows(() => checkModelName("gpt"), RangeError, "the models are auto, qwen2.5-0.5b, smollm2-135m, or a path");
});
