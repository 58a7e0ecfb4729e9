/** The most characters of a picture's alternative text, which a screen reader reads in one go. */
export const MAX_ALT = 200;

/** A description's beginning, up to the end of a word: a picture's alternative text. */
export function altText(description: string): string {
  if (description.length <= MAX_ALT) return description;
  return `${description.slice(0, MAX_ALT).replace(/\s+\S*$/, "")} …`;
}
