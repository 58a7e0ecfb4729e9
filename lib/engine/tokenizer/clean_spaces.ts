/** What transformers takes spaces from where `clean_up_tokenization_spaces` is true, in this order. */
const TIGHT = [" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're"];
/** The end of a text that what follows may yet make one of these, or of what is left of several. */
const OPEN_END = / [ .?!,'ntmsver]*$/;

/** Takes out the spaces before marks, before English contractions and around quotation marks, as transformers does. */
export function cleanSpaces(text: string): string {
  return TIGHT.reduce((cleaned, loose) => cleaned.replaceAll(loose, () => loose.trim()), text);
}

/** Cleans a text that comes in pieces: what is given, joined, is the whole text cleaned. */
export interface SpaceCleaner {
  /** The text that is sure with this piece. */
  push(text: string): string;
  /** The rest at the end. */
  flush(): string;
}

/** Makes a {@linkcode SpaceCleaner}, which holds back words of the letters of contractions until another one comes. */
export function createSpaceCleaner(): SpaceCleaner {
  let held = "";
  return {
    push: (text) => {
      const whole = held + text;
      held = OPEN_END.exec(whole)?.[0] ?? "";
      return cleanSpaces(whole.slice(0, whole.length - held.length));
    },
    flush: () => {
      const rest = cleanSpaces(held);
      held = "";
      return rest;
    },
  };
}
