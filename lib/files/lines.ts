/**
 * Splits a stream of UTF-8 into its lines, without their ends (`\n` or `\r\n`) and without a byte order mark before the
 * first; the last may lack its end.
 *
 * @throws {SyntaxError} at the first line that is no UTF-8
 */
export async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  let [rest, count] = ["", 0];
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const decode = (bytes?: Uint8Array) => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch (error) {
      throw new SyntaxError(`Cannot read line ${count + 1} or one after it as it is no UTF-8: write UTF-8`, {
        cause: error,
      });
    }
  };
  for await (const bytes of stream) {
    const lines = (rest + decode(bytes)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      count++;
      yield line.replace(/\r$/, "");
    }
  }
  rest += decode();
  if (rest !== "") yield rest;
}
