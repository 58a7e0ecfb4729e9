import { assertEquals } from "@std/assert";
import { writeSafetensors } from "../../../../lib/engine/checkpoint/safetensors/encode_safetensors.ts";
import { readSafetensors } from "../../../../lib/engine/checkpoint/safetensors/read_safetensors.ts";
import { openFileSource } from "../../../../lib/files/byte_source.ts";
import { withFolder } from "../../../fixtures/with_folder.ts";

Deno.test("weights that are written are read back, each at its place", async () => {
  await withFolder((_, folder) => {
    for (const [dtype, size] of [["F32", 4], ["BF16", 2]] as const) {
      const shapes = [["a.weight", [2, 3]], ["b.weight", []], ["c.weight", [5]]] as const;
      const bytesOf = (name: string, shape: readonly number[]) =>
        new Uint8Array(size * shape.reduce((product, length) => product * length, 1)).fill(name.charCodeAt(0));
      const path = `${folder}/${dtype}.safetensors`;
      writeSafetensors(path, { dtype, shapes, bytesOf });
      using source = openFileSource(path);
      const tensors = readSafetensors(source);
      assertEquals(
        [...tensors].map(([name, { shape }]) => [name, shape]),
        shapes.map(([name, shape]) => [name, [...shape]]),
      );
      for (const [name, { offset, count, ...found }] of tensors) {
        assertEquals([found.dtype, source.read(offset, size * count)], [dtype, bytesOf(name, found.shape)]);
      }
    }
  });
});
