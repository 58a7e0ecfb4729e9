import { assertEquals } from "@std/assert";
import { readCheckpoint } from "kvmirror/engine";
import { huggingFaceFolder } from "../../../../../tasks/bench/workers/python/model_folders.ts";
import { checkpointPath, CHECKPOINTS } from "../../../../fixtures/golden.ts";

for (const name of CHECKPOINTS) {
  Deno.test(`${name} as a folder for Hugging Face's libraries holds the same shape, weights and tokenizer`, async () => {
    using original = await readCheckpoint(checkpointPath(name));
    using written = await readCheckpoint(await huggingFaceFolder({ path: checkpointPath(name) }));
    assertEquals(written.config, original.config);
    assertEquals([...written.tensors.keys()].sort(), [...original.tensors.keys()].sort());
    for (const [tensor, { shape }] of original.tensors) {
      const { shape: writtenShape, dtype } = written.tensors.get(tensor)!;
      assertEquals([writtenShape, dtype], [shape, "F32"]);
      assertEquals(written.readTensor(tensor), original.readTensor(tensor));
    }
    assertEquals(written.tokenizer.tokenizer, original.tokenizer.tokenizer);
  });
}
