import type { ObserveOptions } from "../cache/kv_cache.ts";
import type { ModelConfig } from "../checkpoint/checkpoint.ts";
import { readCheckpoint } from "../checkpoint/read_checkpoint.ts";
import { ELEMENT, GraphBuilder, NO_WEIGHTS } from "../graph/onnx_graph.ts";
import { transpose } from "../graph/quantized_weights.ts";
import type { CacheShape } from "../rows/cache_shape.ts";
import type { RowViews } from "../rows/head_rows.ts";
import type { GraphSession } from "../runtime/graph_session.ts";

/** Rows of one run: their outputs, `[G, rows, hidden]`, fit the processor's caches. */
const CHUNK_ROWS = 512;

/** Norms of the output that one kv head's values write into the residual stream. */
export interface OutputNorms {
  /** L1, the mean over the group's query heads: `[rows]`. */
  readonly norm1: Float32Array;
  /** L2 by query head: `[G, rows]`. */
  readonly norm2: Float32Array;
}

/** Reads the output projections of a checkpoint, by layer: `[heads, head_dim, hidden]` each. */
export async function readProjections(path: string, config: ModelConfig): Promise<Float32Array[]> {
  using checkpoint = await readCheckpoint(path);
  return Array.from({ length: config.numHiddenLayers }, (_, layer) => {
    const weights = checkpoint.readTensor(`model.layers.${layer}.self_attn.o_proj.weight`);
    return transpose(weights, config.hiddenSize, config.numAttentionHeads * config.headDim);
  });
}

/** Computes the norms of one kv head's values, `[rows, head_dim]`, after its group's projections. */
async function outputNorms(
  graph: GraphSession,
  { headDim, groupSize }: CacheShape,
  values: Float32Array,
  projection: Float32Array,
): Promise<OutputNorms> {
  const rows = values.length / headDim;
  const norm1 = new Float32Array(rows);
  const norm2 = new Float32Array(groupSize * rows);
  const width = projection.length / (groupSize * headDim);
  for (let first = 0; first < rows; first += CHUNK_ROWS) {
    const count = Math.min(CHUNK_ROWS, rows - first);
    const norms = await graph.run({
      values: { values: values.subarray(first * headDim, (first + count) * headDim), shape: [1, count, headDim] },
      projection: { values: projection, shape: [groupSize, headDim, width] },
    }, ["norm1", "norm2"]);
    norm1.set(norms.norm1, first);
    for (let member = 0; member < groupSize; member++) {
      norm2.set(norms.norm2.subarray(member * count, (member + 1) * count), member * rows + first);
    }
  }
  return { norm1, norm2 };
}

/** Computes the norms of every head of a cache, `[layer · kv heads + kv head]`. */
export async function allOutputNorms(
  graph: GraphSession,
  shape: CacheShape,
  heads: readonly RowViews[],
  projections: readonly Float32Array[],
  { signal, onProgress }: ObserveOptions = {},
): Promise<OutputNorms[]> {
  const norms: OutputNorms[] = [];
  for (const [index, { values }] of heads.entries()) {
    signal?.throwIfAborted();
    const size = projections[0].length / shape.kvHeadCount;
    const kvHead = index % shape.kvHeadCount;
    const projection = projections[Math.floor(index / shape.kvHeadCount)].subarray(kvHead * size, (kvHead + 1) * size);
    norms.push(await outputNorms(graph, shape, values, projection));
    onProgress?.(index + 1, heads.length);
  }
  return norms;
}

/**
 * Builds the graph of the norms that values write into the residual stream.
 *
 * Inputs: `values` [1, N, head_dim], and `projection` [G, head_dim, hidden], the output projections of the group's
 * query heads.
 * Outputs: `norm1` [N], the mean of the L1 norms over the group, and `norm2` [G, N], the L2 norms.
 */
export function buildOutputNorms({ headDim, groupSize }: { headDim: number; groupSize: number }): Uint8Array {
  const graph = new GraphBuilder(NO_WEIGHTS);
  const values = graph.input("values", ELEMENT.float32, [1, "N", headDim]);
  const projection = graph.input("projection", ELEMENT.float32, [groupSize, headDim, "H"]);
  const [written] = graph.node("MatMul", [values, projection]);
  const [norm1] = graph.node("ReduceL1", [written, graph.integers([2])], 1, { keepdims: 0 });
  graph.node("ReduceMean", [norm1, graph.integers([0])], ["norm1"], { keepdims: 0 });
  graph.node("ReduceL2", [written, graph.integers([2])], ["norm2"], { keepdims: 0 });
  graph.output("norm1", ELEMENT.float32, ["N"]);
  graph.output("norm2", ELEMENT.float32, [groupSize, "N"]);
  return graph.encode();
}
