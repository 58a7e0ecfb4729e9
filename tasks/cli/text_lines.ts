/** The most characters of a line that a task prints. */
const WIDTH = 100;
const GAP = "  ";

/**
 * A text in lines of at most 100 characters with their indent, broken between words; a longer word has its own line, or
 * several where commas part it.
 */
export function lines(text: string, indent = 0): string {
  const broken: string[] = [];
  for (const word of text.split(" ").flatMap((word) => parted(word, WIDTH - indent))) {
    const line = broken.at(-1);
    if (line !== undefined && indent + line.length + 1 + word.length <= WIDTH) broken[broken.length - 1] += ` ${word}`;
    else broken.push(word);
  }
  return broken.join(`\n${" ".repeat(indent)}`);
}

/** A word of more than so many characters in parts that end at commas. */
function parted(word: string, most: number): string[] {
  const parts: string[] = [];
  for (const name of word.length <= most ? [word] : word.split(/(?<=,)/)) {
    const last = parts.at(-1);
    if (last !== undefined && last.length + name.length <= most) parts[parts.length - 1] += name;
    else parts.push(name);
  }
  return parts;
}

/** Rows under titles; the last column is broken between words where it would leave the line. */
export function columns(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = titles.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
  const indent = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP.length, 0);
  return [titles, ...rows].map((row) => {
    const start = row.slice(0, -1).map((cell, at) => cell.padEnd(widths[at]) + GAP).join("");
    return start + lines(row.at(-1)!, indent);
  }).join("\n");
}
