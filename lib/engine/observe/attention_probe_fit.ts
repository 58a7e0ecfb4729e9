import { RidgeRegression } from "../../numeric/ridge_regression.ts";
import { SINK_TOKENS } from "../../policies/policy.ts";
import type { ProbedRows } from "../rows/head_rows.ts";
import { type AttentionProbe, type ProbedModel, probeFeatures, probeRotation, probeWidth } from "./attention_probe.ts";

/** Added to shares of attention before their logarithm: smaller shares count as none. */
const SMALLEST_ATTENTION = 1e-5;

/** Fits an attention probe, context by context. It keeps sums of products, no context. */
export class AttentionProbeFit {
  readonly #model: ProbedModel;
  readonly #layers: readonly RidgeRegression[];
  readonly #sums: Float64Array;
  #tokens = 0;

  constructor(model: ProbedModel) {
    this.#model = model;
    const width = probeWidth(model);
    this.#layers = Array.from({ length: model.layerCount }, () => new RidgeRegression(width, model.kvHeadCount));
    this.#sums = new Float64Array(model.layerCount * width);
  }

  /** Tokens learned from so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * Learns from a context without evictions.
   *
   * @param heads the context's rows, `[layer · kv heads + kv head]`
   * @param attention each row's attention from later queries, in the same order, `[rows]` each
   * @param first the first row that counts: sinks, to which every query attends, would outweigh the rest
   */
  add(heads: readonly ProbedRows[], attention: readonly Float32Array[], first: number = SINK_TOKENS): void {
    const { layerCount, kvHeadCount } = this.#model;
    const width = probeWidth(this.#model);
    const rotation = probeRotation(heads, this.#model);
    for (let layer = 0; layer < layerCount; layer++) {
      const own = heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount);
      const { features, positions } = probeFeatures(own, this.#model, rotation(layer));
      for (let row = first; row < positions.length; row++) {
        const example = features.subarray(row * width, (row + 1) * width);
        const targets = own.map((_, kvHead) =>
          Math.log(attention[layer * kvHeadCount + kvHead][row] + SMALLEST_ATTENTION)
        );
        this.#layers[layer].add(example, targets);
        for (let feature = 0; feature < width; feature++) this.#sums[layer * width + feature] += example[feature];
      }
    }
    this.#tokens += Math.max(0, heads[0].positions.length - first);
  }

  /**
   * Solves for the probe of least squared error.
   *
   * @param penalty ridge penalty on the weights' squares
   * @throws {RangeError} if nothing was added
   */
  solve(penalty = 10): AttentionProbe {
    if (this.#tokens === 0) throw new RangeError("Cannot fit an attention probe to no tokens: add contexts first");
    return {
      weights: Float32Array.from(this.#layers.flatMap((layer) => [...layer.solve(penalty)])),
      means: Float32Array.from(this.#sums, (sum) => sum / this.#tokens),
    };
  }
}
