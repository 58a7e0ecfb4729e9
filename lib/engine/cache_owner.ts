/** The model that a cache's rows are of: what else could read them would read nonsense. */
export interface CacheOwner {
  /** The name it goes by. */
  readonly name: string;
  /** sha256 of its checkpoint's content, hex. */
  readonly hash: string;
  /** How its weights were held, as rows differ a little between formats. */
  readonly weights: string;
}
