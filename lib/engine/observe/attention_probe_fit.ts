import { RidgeRegression } from "../../numeric/ridge_regression.ts";
import type { ProbedRows } from "../rows/head_rows.ts";
import { type AttentionProbe, type ProbedModel, probeFeatures, probeRotation, probeWidth } from "./attention_probe.ts";

/** Attention below this is as good as none: shares of attention are wanted by their logarithm. */
const SMALLEST_ATTENTION = 1e-5;

/** Fits an attention probe, context by context; of a context nothing is kept but sums of products. */
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
   * Learns from a context of which nothing is evicted.
   *
   * @param heads its rows, `[layer · kv heads + kv head]`
   * @param attention what later queries paid each row, in the same order, `[rows]` each
   * @param first row to begin with: sinks, which every query looks at, would drown the rest
   */
  add(heads: readonly ProbedRows[], attention: readonly Float32Array[], first = 4): void {
    const { layerCount, kvHeadCount } = this.#model;
    const width = probeWidth(this.#model);
    const rotation = probeRotation(heads, this.#model);
    for (let layer = 0; layer < layerCount; layer++) {
      const own = heads.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount);
      const { features, positions } = probeFeatures(own, this.#model, rotation);
      for (let row = first; row < positions.length; row++) {
        const example = features.subarray(row * width, (row + 1) * width);
        const wanted = own.map((_, kvHead) =>
          Math.log(attention[layer * kvHeadCount + kvHead][row] + SMALLEST_ATTENTION)
        );
        this.#layers[layer].add(example, wanted);
        for (let feature = 0; feature < width; feature++) this.#sums[layer * width + feature] += example[feature];
      }
    }
    this.#tokens += Math.max(0, heads[0].positions.length - first);
  }

  /**
   * The probe that fits best.
   *
   * @param penalty on the weights' squares
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
