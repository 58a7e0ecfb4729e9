import type { Content } from "./message.ts";
import type { DisplayOutput, Output } from "./notebook.ts";

/** Puts what a kernel publishes for a cell together as its outputs. */
export class OutputCollector {
  readonly #outputs: Output[] = [];
  readonly #displays = new Map<string, DisplayOutput>();
  #clearOnNext = false;

  /** The outputs so far; adjacent pieces of one stream are one output. */
  get outputs(): readonly Output[] {
    return this.#outputs;
  }

  /** Takes a message of the kernel's; those that are no output pass by. */
  add(type: string, content: Content): void {
    if (type === "clear_output") return this.#clear(content.wait === true);
    if (type === "update_display_data") return this.#update(content);
    const output = readOutput(type, content);
    if (output === undefined) return;
    if (this.#clearOnNext) this.#clear(false);
    const last = this.#outputs.at(-1);
    if (output.type === "stream" && last?.type === "stream" && last.name === output.name) last.text += output.text;
    else this.#outputs.push(output);
    const id = displayId(content);
    if (id !== undefined && output.type === "display") this.#displays.set(id, output);
  }

  #clear(wait: boolean): void {
    this.#clearOnNext = wait;
    if (wait) return;
    this.#outputs.length = 0;
    this.#displays.clear();
  }

  #update(content: Content): void {
    const shown = this.#displays.get(displayId(content) ?? "");
    if (shown === undefined) return;
    shown.data = content.data as DisplayOutput["data"];
    shown.metadata = content.metadata as DisplayOutput["metadata"] ?? {};
  }
}

function readOutput(type: string, content: Content): Output | undefined {
  switch (type) {
    case "stream":
      return { type, name: content.name as "stdout" | "stderr", text: String(content.text) };
    case "display_data":
      return displayOutput("display", content);
    case "execute_result": // a last expression of `undefined` comes as a result without any form
      return Object.keys(content.data ?? {}).length === 0 ? undefined : displayOutput("result", content);
    case "error":
      return {
        type,
        name: String(content.ename),
        message: String(content.evalue),
        traceback: (content.traceback as string[] | undefined) ?? [],
      };
  }
}

function displayOutput(type: "display" | "result", content: Content): DisplayOutput {
  return {
    type,
    data: (content.data ?? {}) as DisplayOutput["data"],
    metadata: (content.metadata ?? {}) as DisplayOutput["metadata"],
  };
}

function displayId(content: Content): string | undefined {
  return (content.transient as { display_id?: string } | undefined)?.display_id;
}
