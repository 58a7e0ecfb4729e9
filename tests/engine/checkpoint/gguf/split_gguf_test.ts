import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { partNames } from "../../../../lib/engine/checkpoint/gguf/gguf_checkpoint.ts";
import { readCheckpoint } from "../../../../lib/engine/checkpoint/read_checkpoint.ts";
import { ggufBytes, type TensorToWrite, type Value } from "../../../fixtures/gguf_bytes.ts";
import { tinyGguf } from "../../../fixtures/tiny_gguf.ts";
import { withFolder } from "../../../fixtures/with_folder.ts";

type Part = { metadata: Record<string, Value>; tensors: (readonly [string, TensorToWrite])[] };

const WHOLE = tinyGguf("llama");
const COUNT = 3;

/** The tiny model cut into parts as llama-gguf-split cuts: the metadata are the first's. */
function split(): Part[] {
  const tensors = [...WHOLE.tensors!];
  return Array.from({ length: COUNT }, (_, no) => ({
    metadata: {
      ...(no === 0 ? Object.fromEntries(WHOLE.metadata!) : {}),
      "split.no": no,
      "split.count": COUNT,
      "split.tensors.count": tensors.length,
    },
    tensors: tensors.filter((_, index) => Math.floor(index * COUNT / tensors.length) === no),
  }));
}

/** Writes parts into a folder and opens the model by the path of one of them. */
async function open(
  change: (parts: Part[]) => void,
  check: (open: (part?: number) => ReturnType<typeof readCheckpoint>) => Promise<void>,
): Promise<void> {
  await withFolder(async (path) => {
    const parts = split();
    change(parts);
    const names = partNames(path("model-00001-of-00003.gguf"));
    for (const [index, { metadata, tensors }] of parts.entries()) {
      if (tensors.length > 0) {
        await Deno.writeFile(names[index], ggufBytes({ metadata: Object.entries(metadata), tensors }));
      }
    }
    await check((part = 0) => readCheckpoint(names[part]));
  });
}

Deno.test("the parts of a split GGUF are one model, by the path of any of them", async () => {
  await withFolder(async (path) => {
    await Deno.writeFile(path("whole.gguf"), ggufBytes(WHOLE));
    using whole = await readCheckpoint(path("whole.gguf"));
    await open(() => {}, async (openPart) => {
      const hashes = new Set<string>();
      for (let part = 0; part < COUNT; part++) {
        using joined = await openPart(part);
        assertEquals(joined.config, whole.config);
        assertEquals([...joined.tensors.keys()].sort(), [...whole.tensors.keys()].sort());
        for (const name of whole.tensors.keys()) assertEquals(joined.readTensor(name), whole.readTensor(name), name);
        hashes.add(joined.hash);
      }
      assertEquals(hashes.size, 1);
      assertEquals(hashes.has(whole.hash), false);
    });
  });
});

Deno.test("the hash is over all parts", async () => {
  const hashes: string[] = [];
  const changed = (parts: Part[]) => {
    const [name, tensor] = parts[2].tensors[0];
    parts[2].tensors[0] = [name, { ...tensor, data: tensor.data.map((byte) => byte ^ 1) }];
  };
  for (const change of [() => {}, changed]) {
    await open(change, async (openPart) => {
      using joined = await openPart();
      hashes.push(joined.hash);
    });
  }
  assertEquals(new Set(hashes).size, 2);
});

Deno.test("names of parts", () => {
  assertEquals(partNames("a/m-00002-of-00002.gguf"), ["a/m-00001-of-00002.gguf", "a/m-00002-of-00002.gguf"]);
  assertEquals(partNames("m.gguf"), ["m.gguf"]);
  for (const name of ["m-00000-of-00002.gguf", "m-00003-of-00002.gguf", "m-00001-of-99999.gguf"]) {
    assertThrows(() => partNames(name), RangeError, "parts are numbered from 1, and there are at most 1024");
  }
});

const REFUSED: readonly [string, (parts: Part[]) => void, typeof RangeError | typeof SyntaxError, string][] = [
  [
    "a part is missing",
    (parts) => parts[1].tensors = [],
    RangeError,
    "its part model-00002-of-00003.gguf is missing: put all 3 parts side by side",
  ],
  [
    "a part is of another model",
    (parts) => parts[2].metadata["general.architecture"] = "qwen2",
    SyntaxError,
    'part 3 is of another model: its general.architecture is "qwen2", part 1\'s is "llama"',
  ],
  [
    "a part is another part",
    (parts) => parts[1] = parts[2],
    SyntaxError,
    "part 2 of 3 says it is part 3 of 3",
  ],
  [
    "a part is one of so many others",
    (parts) => parts[1].metadata["split.count"] = 4,
    SyntaxError,
    "part 2 of 3 says it is part 2 of 4",
  ],
  [
    "a part is a whole model",
    (parts) => parts[1] = { metadata: Object.fromEntries(WHOLE.metadata!), tensors: [...WHOLE.tensors!] },
    SyntaxError,
    "part 2 of 3 says it is part 1 of 1",
  ],
  [
    "two parts hold one tensor",
    (parts) => parts[1].tensors.push(parts[0].tensors[0]),
    SyntaxError,
    "two of them hold token_embd.weight",
  ],
  [
    "tensors are missing",
    (parts) => parts[1].tensors.pop(),
    SyntaxError,
    "they hold 10 tensors: split.tensors.count of the first is 11",
  ],
  [
    "tensors are of another model",
    (parts) => parts[2].tensors[0] = ["blk.7.ffn_up.weight", parts[2].tensors[0][1]],
    SyntaxError,
    "mlp.gate_proj.weight is missing",
  ],
];

for (const [what, change, kind, message] of REFUSED) {
  Deno.test(`a split GGUF is refused in one line where ${what}`, async () => {
    await open(change, async (openPart) => {
      const error = await assertRejects(() => openPart(), kind, message);
      assertEquals(error.message.split("\n").length, 1);
    });
  });
}

Deno.test("a part by itself, named otherwise, is refused", async () => {
  await withFolder(async (path) => {
    const [{ metadata, tensors }] = split();
    await Deno.writeFile(path("a.gguf"), ggufBytes({ metadata: Object.entries(metadata), tensors }));
    await assertRejects(() => readCheckpoint(path("a.gguf")), RangeError, "part 1 of 3: put the parts side by side");
  });
});
