import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type Checkpoint, parseCacheDtype, readCheckpoint, type RowSpan } from "kvmirror/engine";
import {
  type BuildProgress,
  decodeWeightIndex,
  encodeWeightIndex,
  storedWeights,
  WeightPlan,
  writeWeights,
} from "../../../lib/engine/graph/model_files.ts";
import { builtDecoder } from "../../../lib/engine/graph/model_store.ts";
import { wholeWeight } from "../../../lib/engine/graph/onnx_graph.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const QWEN = fileURLToPath(new URL("../../goldens/qwen2_untied_f32", import.meta.url));

/** The checkpoint, and the names of the tensors that are read of it. */
async function watched(): Promise<{ checkpoint: Checkpoint; read: string[] }> {
  const checkpoint = await readCheckpoint(QWEN);
  const read: string[] = [];
  return {
    read,
    checkpoint: { ...checkpoint, readTensor: (name, rows) => (read.push(name), checkpoint.readTensor(name, rows)) },
  };
}

const bytesIn = (folder: string) =>
  Object.fromEntries([...Deno.readDirSync(folder)].map(({ name }) => [name, Deno.readFileSync(`${folder}/${name}`)]));

Deno.test("a second cache dtype finds every weight by its name and reads none", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    const { checkpoint, read } = await watched();
    using _ = checkpoint;
    for (const format of ["f32", "int8", "int4"] as const) {
      const build = await builtDecoder(checkpoint, format, { cache });
      const paths = new Set([await build.graphPath()]);
      assert(read.length > checkpoint.tensors.size / 2, "the build reads the checkpoint");
      const before = bytesIn(build.weightsPath.replace(/\/[^/]*$/, ""));
      read.length = 0;
      for (const dtype of ["int8", "int4:channel/int4", "f16"]) {
        paths.add(await build.graphPath(parseCacheDtype(dtype)));
      }
      assertEquals([read, paths.size], [[], 4]);
      const again = await builtDecoder(checkpoint, format, { cache });
      assertEquals(await again.graphPath(), await build.graphPath());
      assert(read.length <= 2, `opening a build reads of two tensors what its fingerprint takes, not ${read}`);
      const after = bytesIn(build.weightsPath.replace(/\/[^/]*$/, ""));
      for (const [name, bytes] of Object.entries(before)) assertEquals(after[name], bytes, name);
    }
  }));

Deno.test("other code, another stored type or another format is another build", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    using checkpoint = await readCheckpoint(QWEN);
    const folderOf = async (of: Checkpoint) =>
      (await builtDecoder(of, "int8", { cache })).weightsPath.split("/").at(-2)!;
    const own = await folderOf(checkpoint);
    assertEquals(await folderOf(checkpoint), own);
    const otherwise = {
      ...checkpoint,
      readTensor: (name: string, rows?: RowSpan) => checkpoint.readTensor(name, rows).map((value) => value * 2),
    };
    assert(await folderOf(otherwise) !== own, "the same file read in another way");
    const int4 = (await builtDecoder(checkpoint, "int4", { cache })).weightsPath.split("/").at(-2)!;
    assert(int4.split("-").at(-1) !== own.split("-").at(-1));
  }));

for (
  const [what, damage] of [
    ["weights that are cut short", (folder: string) => Deno.truncateSync(`${folder}/weights.bin`, 4096)],
    ["weights with another byte", (folder: string) => {
      const bytes = Deno.readFileSync(`${folder}/weights.bin`);
      bytes[5000] ^= 1;
      Deno.writeFileSync(`${folder}/weights.bin`, bytes);
    }],
    ["no index", (folder: string) => Deno.removeSync(`${folder}/weights.json`)],
    ["an index of other places", (folder: string) => {
      const text = Deno.readTextFileSync(`${folder}/weights.json`);
      Deno.writeTextFileSync(`${folder}/weights.json`, text.replace("[0, ", "[1, "));
    }],
    ["no notes", (folder: string) => Deno.writeTextFileSync(`${folder}/build.json`, "{")],
  ] as const
) {
  Deno.test(`a build with ${what} is made anew, and that is said`, () =>
    withFolder(async (path) => {
      const cache = path("cache");
      using checkpoint = await readCheckpoint(QWEN);
      const notices: string[] = [];
      const options = { cache, onNotice: (notice: string) => notices.push(notice) };
      const folder = (await builtDecoder(checkpoint, "int8", options)).weightsPath.replace(/\/[^/]*$/, "");
      const sound = bytesIn(folder);
      damage(folder);
      await builtDecoder(checkpoint, "int8", options);
      assertEquals(notices.length, 1);
      assert(/: .* is built anew$/.test(notices[0]) && !notices[0].includes("\n"), notices[0]);
      for (const name of ["weights.bin", "weights.json", "build.json"]) {
        assertEquals(Deno.readFileSync(`${folder}/${name}`), sound[name], name);
      }
      await builtDecoder(checkpoint, "int8", options);
      assertEquals(notices.length, 1);
      assertEquals([...Deno.readDirSync(`${cache}/models`)].length, 1, "nothing is left behind");
    }));
}

Deno.test("a damaged graph is written again", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    using checkpoint = await readCheckpoint(QWEN);
    const build = await builtDecoder(checkpoint, "int8", { cache });
    const graph = await build.graphPath();
    const sound = Deno.readFileSync(graph);
    Deno.writeFileSync(graph, sound.toReversed());
    assertEquals(await build.graphPath(), graph);
    assertEquals(Deno.readFileSync(graph), sound);
  }));

Deno.test("an index comes back as it was, and names what it lacks", () => {
  const index = new Map([["a.weight", { offset: 0, length: 12 }], ["__proto__", { offset: 4096, length: 1 }]]);
  const read = (text: string) => decodeWeightIndex(new TextEncoder().encode(text), "weights.json");
  assertEquals(read(encodeWeightIndex(index)), index);
  assertThrows(() => read('{ "a": [1] }'), SyntaxError, "a must have an offset and a length");
  const store = storedWeights("weights.bin", index);
  const origin = wholeWeight(() => {
    throw new Error("nothing is made");
  });
  assertEquals(store.place("a.weight", 12, origin), { offset: 0, length: 12 });
  assertThrows(() => store.place("b", 12, origin), RangeError, "weights.bin has none of that name");
});

/** A checkpoint that takes its time, so that a build has more than one turn. */
async function slow(): Promise<Checkpoint> {
  const checkpoint = await readCheckpoint(QWEN);
  return {
    ...checkpoint,
    readTensor: (name, rows) => {
      const end = performance.now() + 20;
      while (performance.now() < end);
      return checkpoint.readTensor(name, rows);
    },
  };
}

Deno.test("a build shows its progress, and leaves nothing where it is ended", () =>
  withFolder(async (path) => {
    const cache = path("cache");
    using checkpoint = await slow();
    const seen: BuildProgress[] = [];
    const onProgress = (progress: BuildProgress) => void seen.push({ ...progress });
    const controller = new AbortController();
    await assertRejects(
      () =>
        builtDecoder(checkpoint, "int8", {
          cache,
          signal: controller.signal,
          onProgress: (progress) => {
            onProgress(progress);
            if (seen.length === 2) setTimeout(() => controller.abort(new Error("interrupted")), 0);
          },
        }),
      Error,
      "interrupted",
    );
    assert(seen.length < 6, `${seen.length} turns`);
    assertEquals([...Deno.readDirSync(`${cache}/models`)], []);
    seen.length = 0;
    const { weightsPath } = await builtDecoder(checkpoint, "int8", { cache, onProgress });
    assert(seen.length > 2);
    seen.forEach(({ written, total }, index) => {
      assert(written > (seen[index - 1]?.written ?? 0) && written <= total && total === seen[0].total);
    });
    assert(seen[0].total <= Deno.statSync(weightsPath).size);
  }));

Deno.test("a full disk is an error of one line that says how to go on", async () => {
  const plan = new WeightPlan("weights.bin");
  for (const name of ["a", "b"]) plan.place(name, 1_000_000, wholeWeight(() => new Uint8Array(1_000_000)));
  let left = 1_500_000;
  const full = {
    seekSync: () => 0,
    truncateSync: () => {},
    writeSync: ({ length }: Uint8Array) => {
      if (left === 0) throw Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
      const written = Math.min(left, length);
      left -= written;
      return written;
    },
  };
  const { message } = await assertRejects(() => writeWeights(full, plan), RangeError);
  assertEquals(
    message,
    "Cannot build the weights as the disk is full after 1.0 MB of 2.0 MB: free room on it, or set KVMIRROR_CACHE to a " +
      "folder that has it",
  );
});
