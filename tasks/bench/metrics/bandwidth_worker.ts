/** Prints the bytes a second that onnxruntime reads from memory with all threads: a line of JSON, one number a try. */
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "../../../lib/engine/graph/onnx_graph.ts";
import { openGraph } from "../../../lib/engine/runtime/graph_session.ts";
import { printText } from "../../cli/print.ts";
import { runBody } from "../../cli/run_body.ts";

/** 512 MiB of float32, far more than any cache of a processor; rows enough for every thread. */
const SHAPE = [16, 2 ** 23] as const;
const TRIES = 8;

await runBody(async () => {
  const graph = new GraphBuilder(NO_WEIGHTS);
  const values = graph.input("values", ELEMENT.float32, SHAPE);
  graph.node("ReduceSum", [values, graph.integers([1])], ["sums"], { keepdims: 0 });
  graph.output("sums", ELEMENT.float32, [SHAPE[0]]);
  await using session = await openGraph(graph.encode());
  const input = { values: new Float32Array(SHAPE[0] * SHAPE[1]).fill(1), shape: SHAPE };
  const rates: number[] = [];
  for (let index = 0; index < TRIES; index++) {
    const start = performance.now();
    await session.run({ values: input }, ["sums"]);
    rates.push((1000 * input.values.byteLength) / (performance.now() - start));
  }
  printText(JSON.stringify(rates));
});
