import type { CacheShape } from "../../rows/cache_shape.ts";

/** The moments of one layer's queries in one chunk. */
export interface ChunkMoments {
  /** Queries counted. */
  readonly count: number;
  /** `[heads, head_dim]` */
  readonly mean: Float32Array;
  /** Σ (q − mean)(q − mean)ᵀ, `[heads, head_dim, head_dim]`. */
  readonly scatter: Float32Array;
}

/** The numbers of {@linkcode QueryMoments}, over all layers and query heads. */
export interface MomentNumbers {
  /** Queries counted. */
  readonly count: number;
  /** `[layers · heads, head_dim]` */
  readonly means: Float64Array;
  /** `[layers · heads, head_dim, head_dim]` */
  readonly scatter: Float64Array;
}

/**
 * Mean and covariance of a text's queries before rotation, for each query head, chunk by chunk in double precision:
 * chunks are merged by Chan, Golub and LeVeque's update (1979), so that no large mean cancels.
 */
export class QueryMoments {
  readonly #shape: CacheShape;
  #means: Float64Array;
  #scatter: Float64Array;
  #count = 0;

  constructor(shape: CacheShape, from?: QueryMoments) {
    const heads = shape.layerCount * shape.kvHeadCount * shape.groupSize;
    this.#shape = shape;
    this.#means = from ? from.#means.slice() : new Float64Array(heads * shape.headDim);
    this.#scatter = from ? from.#scatter.slice() : new Float64Array(heads * shape.headDim ** 2);
    this.#count = from ? from.#count : 0;
  }

  /** Makes moments that take over these numbers. */
  static from(shape: CacheShape, { count, means, scatter }: MomentNumbers): QueryMoments {
    const moments = new QueryMoments(shape);
    moments.#means = means;
    moments.#scatter = scatter;
    moments.#count = count;
    return moments;
  }

  /** All numbers, as views. */
  numbers(): MomentNumbers {
    return { count: this.#count, means: this.#means, scatter: this.#scatter };
  }

  /** Queries counted so far, in every head. */
  get count(): number {
    return this.#count;
  }

  /** Adds the moments of one chunk, `[layer]`, in place. */
  add(layers: readonly ChunkMoments[]): void {
    const [{ count }] = layers;
    const total = this.#count + count;
    layers.forEach((chunk, layer) => this.#merge(layer, chunk, total));
    this.#count = total;
  }

  /** For each query head of the group: mean `[head_dim]`, then covariance `[head_dim, head_dim]`. */
  ofHead(layer: number, kvHead: number): Float64Array {
    const { headDim, groupSize, kvHeadCount } = this.#shape;
    const moments = new Float64Array(groupSize * (headDim + headDim ** 2));
    for (let member = 0; member < groupSize; member++) {
      const head = (layer * kvHeadCount + kvHead) * groupSize + member;
      const start = member * (headDim + headDim ** 2);
      moments.set(this.#means.subarray(head * headDim, (head + 1) * headDim), start);
      const scatter = this.#scatter.subarray(head * headDim ** 2, (head + 1) * headDim ** 2);
      for (let index = 0; index < scatter.length; index++) {
        moments[start + headDim + index] = scatter[index] / this.#count;
      }
    }
    return moments;
  }

  #merge(layer: number, { count, mean, scatter }: ChunkMoments, total: number): void {
    const { headDim, groupSize, kvHeadCount } = this.#shape;
    const heads = kvHeadCount * groupSize;
    const delta = new Float64Array(headDim);
    for (let head = 0; head < heads; head++) {
      const means = this.#means.subarray((layer * heads + head) * headDim);
      const sums = this.#scatter.subarray((layer * heads + head) * headDim ** 2);
      for (let dim = 0; dim < headDim; dim++) delta[dim] = mean[head * headDim + dim] - means[dim];
      const between = (this.#count * count) / total;
      for (let row = 0, index = 0; row < headDim; row++) {
        const weighted = delta[row] * between;
        const offset = head * headDim ** 2;
        for (let column = 0; column < headDim; column++, index++) {
          sums[index] += scatter[offset + index] + weighted * delta[column];
        }
      }
      for (let dim = 0; dim < headDim; dim++) means[dim] += delta[dim] * (count / total);
    }
  }
}
