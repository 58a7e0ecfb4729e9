/** What the benchmark uses of node-llama-cpp 3.22. */
export interface LlamaLibrary {
  getLlama(options: Readonly<Record<string, unknown>>): Promise<Llama>;
}

/** Its binding to llama.cpp. */
export interface Llama {
  readonly llamaCppRelease: { readonly release: string };
  loadModel(options: Readonly<Record<string, unknown>>): Promise<LlamaModel>;
}

/** A GGUF file, open. */
export interface LlamaModel {
  readonly fileInfo: {
    readonly metadata: { readonly tokenizer: { readonly ggml: { readonly tokens: readonly string[] } } };
  };
  createContext(options: Readonly<Record<string, unknown>>): Promise<LlamaContext>;
}

/** Room for rows. */
export interface LlamaContext {
  /** Bytes of what is cached, and little beside it. */
  readonly stateSize: number;
  getSequence(): LlamaSequence;
  dispose(): Promise<void>;
}

/** One text. */
export interface LlamaSequence {
  /** Reads tokens, then gives the next ones as they come. */
  evaluate(ids: readonly number[], options: Readonly<Record<string, unknown>>): AsyncGenerator<number, void, undefined>;
}
