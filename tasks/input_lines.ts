/** Where lines come from. */
export interface LineInput {
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  isTerminal(): boolean;
}

/** Lines as they come, without their ends; the last one may have none. Before each, a terminal's user is asked. */
export async function* inputLines(input: LineInput, ask: () => void): AsyncGenerator<string, void, undefined> {
  const terminal = input.isTerminal();
  let rest = "";
  if (terminal) ask();
  for await (const text of input.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      yield line.replace(/\r$/, "");
      if (terminal) ask();
    }
  }
  if (rest !== "") yield rest;
}
