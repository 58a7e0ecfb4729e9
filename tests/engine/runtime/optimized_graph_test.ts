import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import * as onnxruntime from "onnxruntime-node";
import { WeightPlan, writeWeights } from "../../../lib/engine/graph/model_files.ts";
import { ELEMENT, GraphBuilder } from "../../../lib/engine/graph/onnx_graph.ts";
import { INT8_BLOCKS } from "../../../lib/engine/graph/quantized_weights.ts";
import { blockProduct } from "../../../lib/engine/graph/weights.ts";
import { openOptimized } from "../../../lib/engine/runtime/optimized_graph.ts";
import { MersenneTwister } from "../../../lib/numeric/mersenne_twister.ts";
import { withFolder } from "../../fixtures/with_folder.ts";

const SIZE = 64;

/** A graph with a branch, a constant that can be folded, and weights in a file beside it. */
async function writeGraph(folder: string): Promise<string> {
  const stream = new MersenneTwister(3);
  const values = Float32Array.from({ length: SIZE * SIZE }, () => stream.random() - 0.5);
  const plan = new WeightPlan("weights.bin");
  const graph = new GraphBuilder(plan);
  const part = {
    ...{ rows: SIZE, columns: SIZE, dtype: "F32" },
    read: ({ start, end }: { start: number; end: number }) => values.subarray(start * SIZE, end * SIZE),
    readBlocks: () => undefined,
  };
  const input = graph.input("input", ELEMENT.float32, [1, "S", SIZE]);
  const product = blockProduct(graph, input, { name: "w", outputs: SIZE, inputs: SIZE, parts: [part] }, INT8_BLOCKS);
  const two = graph.constant("two", ELEMENT.float32, [], Float32Array.of(2));
  const [four] = graph.node("Add", [two, two]);
  const [chosen] = graph.branch(graph.input("condition", ELEMENT.bool, []), {
    then: () => graph.node("Mul", [product, four]),
    else: () => graph.node("Sub", [product, four]),
  });
  graph.node("Identity", [chosen], ["output"]);
  graph.output("output", ELEMENT.float32, [1, "S", SIZE]);
  using file = Deno.openSync(`${folder}/weights.bin`, { write: true, createNew: true });
  await writeWeights(file, plan);
  Deno.writeFileSync(`${folder}/graph.onnx`, graph.encode());
  return `${folder}/graph.onnx`;
}

/** What the graph gives on either way. */
async function outputs(path: string): Promise<number[][]> {
  const session = await openOptimized(path, { intraOpNumThreads: 1, logSeverityLevel: 3 });
  const input = new onnxruntime.Tensor("float32", Float32Array.from({ length: SIZE }, (_, at) => at), [1, 1, SIZE]);
  const found: number[][] = [];
  for (const way of [true, false]) {
    const { output } = await session.run({ input, condition: new onnxruntime.Tensor("bool", [way], []) });
    found.push([...output.data as Float32Array]);
  }
  await session.release();
  return found;
}

const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

Deno.test("a graph is optimized once: the copy that is opened from then on gives the same numbers", () =>
  withFolder(async (path) => {
    const graph = await writeGraph(path("").slice(0, -1));
    const first = await outputs(graph);
    assertNotEquals(first[0], first[1]);
    const [copy] = namesIn(path("")).filter((name) => /^graph\.onnxruntime-[0-9.]+\.onnx$/.test(name));
    assertEquals(namesIn(path("")), ["graph.onnx", copy, `${copy}.sha256`, "weights.bin"]);
    assert(Deno.statSync(path(copy)).size < SIZE * SIZE, "weights stay where they are");
    const source = Deno.readFileSync(graph);
    Deno.writeTextFileSync(graph, "no graph");
    assertEquals(await outputs(graph), first, "the graph itself is not opened again");

    const sound = Deno.readFileSync(path(copy));
    Deno.writeFileSync(path(copy), sound.toReversed());
    await assertRejects(() => outputs(graph), Error);
    Deno.writeFileSync(graph, source);
    assertEquals(await outputs(graph), first, "a damaged copy is made anew");
    assertEquals(Deno.readFileSync(path(copy)), sound);
  }));

Deno.test("where the copy cannot be kept the graph opens all the same, and nothing is left", () =>
  withFolder(async (path) => {
    const graph = await writeGraph(path("").slice(0, -1));
    const copy = `graph.onnxruntime-${onnxruntime.env.versions.node}.onnx`;
    Deno.mkdirSync(path(`${copy}.sha256`));
    const first = await outputs(graph);
    assertEquals(namesIn(path("")), ["graph.onnx", `${copy}.sha256`, "weights.bin"]);
    assertEquals(await outputs(graph), first);
  }));
