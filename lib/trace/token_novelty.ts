/** Tokens at either end of a prompt that repeat what every prompt has. */
export const EDGE_TOKENS = 16;

/** Novelty as the original's replay has it: 1 for content, 0.4 for the first and last 16 tokens. */
export function tokenNovelty(position: number, tokenCount: number): number {
  return position < EDGE_TOKENS || position >= tokenCount - EDGE_TOKENS ? 0.4 : 1;
}
