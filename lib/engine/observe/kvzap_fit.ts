import { RidgeRegression } from "../../numeric/ridge_regression.ts";
import { SINK_TOKENS } from "../../policies/policy.ts";
import type { KvzapMaps, KvzapModel } from "./kvzap.ts";

/** Added to scores before their logarithm: smaller scores count as none. */
const SMALLEST_SCORE = 1e-5;

/** Fits KVzap's maps, text by text. It keeps sums of products, no text. */
export class KvzapFit {
  readonly #model: KvzapModel;
  readonly #layers: readonly RidgeRegression[];
  #tokens = 0;

  constructor(model: KvzapModel) {
    this.#model = model;
    const { layerCount, kvHeadCount, hiddenSize } = model;
    this.#layers = Array.from({ length: layerCount }, () => new RidgeRegression(hiddenSize + 1, kvHeadCount));
  }

  /** Tokens learned from so far. */
  get tokens(): number {
    return this.#tokens;
  }

  /**
   * Learns from a text without evictions.
   *
   * @param layerInputs by layer `[tokens, hidden]`, after the layer's norm
   * @param scores KVzip+'s, `[layer · kv heads + kv head]`, `[tokens]` each
   * @param first the first token that counts: sinks, to which every query attends, would outweigh the rest
   */
  add(layerInputs: readonly Float32Array[], scores: readonly Float32Array[], first: number = SINK_TOKENS): void {
    const { kvHeadCount, hiddenSize } = this.#model;
    const tokens = scores[0].length;
    layerInputs.forEach((inputs, layer) => {
      const own = scores.slice(layer * kvHeadCount, (layer + 1) * kvHeadCount);
      const example = new Float64Array(hiddenSize + 1).fill(1);
      for (let token = first; token < tokens; token++) {
        example.set(inputs.subarray(token * hiddenSize, (token + 1) * hiddenSize));
        this.#layers[layer].add(example, own.map((of) => Math.log(of[token] + SMALLEST_SCORE)));
      }
    });
    this.#tokens += Math.max(0, tokens - first);
  }

  /**
   * Solves for the maps of least squared error.
   *
   * @param penalty ridge penalty on the weights' squares
   * @throws {RangeError} if nothing was added
   */
  solve(penalty = 10): KvzapMaps {
    if (this.#tokens === 0) throw new RangeError("Cannot fit KVzap's maps to no tokens: add texts first");
    return { weights: Float32Array.from(this.#layers.flatMap((layer) => [...layer.solve(penalty)])) };
  }
}
