// Caps on what a GGUF file may claim: each is far above any real file, and low enough that a false claim costs nothing.

/** Bytes of a key: the format's own limit. */
export const MAX_KEY_BYTES = 65_535;
/** Bytes of a text value: the longest known, chat templates, stay below 100 KB. */
export const MAX_TEXT_BYTES = 1 << 24;
/** Bytes of a tensor's name: the format says 64, some writers go a little past it. */
export const MAX_TENSOR_NAME_BYTES = 256;
/** Elements of a list: the longest known are the merges of vocabularies of 262,144 tokens, about twice as many. */
export const MAX_LIST_LENGTH = 1 << 22;
/** Entries of metadata: real files have some 40. */
export const MAX_METADATA_ENTRIES = 1 << 16;
/** Bytes of all metadata: a vocabulary of 262,144 tokens with scores, types and merges takes some 20 MB. */
export const MAX_METADATA_BYTES = 1 << 26;
/** Tensors: a model of 126 layers has some 1,200. */
export const MAX_TENSORS = 1 << 16;
/** Dimensions of a tensor: ggml's own limit. */
export const MAX_DIMENSIONS = 4;
/** Values of a tensor: 8 GB as float32, what one typed array can hold and no supported model needs. */
export const MAX_TENSOR_VALUES = 2 ** 31;
/** Bytes tensors are aligned to: 32 unless the file says otherwise; pages of 64 KB are the largest in use. */
export const MAX_ALIGNMENT = 1 << 16;
