const BOX = "boxed{";

/**
 * 1 where the answer is one of the references, letter by letter; white space around both is left out. Of an answer with a
 * LaTeX `\boxed{…}`, only what the last box holds is compared, as kvpress 0.5.5 does for AIME25.
 */
export function exact(prediction: string, references: readonly string[]): number {
  const said = (boxed(prediction) ?? prediction).trim();
  return Number(references.some((reference) => reference.trim() === said));
}

/** What the last box holds, braces in it paired; undefined without a closed box. */
function boxed(text: string): string | undefined {
  const start = text.lastIndexOf(BOX);
  if (start < 0) return undefined;
  let depth = 1;
  for (let index = start + BOX.length; index < text.length; index++) {
    if (text[index] === "{") depth++;
    if (text[index] === "}" && --depth === 0) return text.slice(start + BOX.length, index);
  }
  return undefined;
}
