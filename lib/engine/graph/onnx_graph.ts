import onnxProto from "onnx-proto";

/** Element types of ONNX tensors, by their number in the format. */
export const ELEMENT = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;

/** Bytes of a number, by its element type. */
const ELEMENT_BYTES: Readonly<Record<number, number>> = {
  [ELEMENT.float32]: 4,
  [ELEMENT.uint8]: 1,
  [ELEMENT.int8]: 1,
  [ELEMENT.int32]: 4,
  [ELEMENT.int64]: 8,
  [ELEMENT.bool]: 1,
  [ELEMENT.float16]: 2,
};

/** A dimension: its size, or the name of a size that each run sets. */
export type Dimension = number | string;

/** A node's attribute; fractions are wrapped, as the format tells 1 from 1.0. */
export type Attribute = number | string | readonly number[] | { readonly float: number };

/** Where the weights of a graph lie, by their names. */
export interface WeightStore {
  /** The file they are in, relative to the model's. */
  readonly location: string;
  /**
   * The place of a weight's bytes in the file.
   *
   * @param length its bytes
   * @param origin gives the numbers; read only where the file does not have them yet
   */
  place(name: string, length: number, origin: WeightOrigin): WeightPlace;
}

/** Where the numbers of a weight come from, piece by piece, so that none is ever held whole. */
export interface WeightOrigin {
  /** Gives pieces of one or more weights, by part. Weights that have this same function are made in one go. */
  readonly pieces: () => Iterable<WeightPieces>;
  /** The part that is this weight. */
  readonly part: string;
  /**
   * How the weight is cut into pieces: 1 where they follow each other; else it is a matrix of that many rows, and each
   * piece is some of its columns, row-major.
   */
  readonly rows: number;
}

/** A piece of each part. */
export type WeightPieces = Readonly<Partial<Record<string, ArrayBufferView>>>;

/** A weight that is made at once. */
export function wholeWeight(make: () => ArrayBufferView): WeightOrigin {
  return { pieces: () => [{ whole: make() }], part: "whole", rows: 1 };
}

/** Bytes `offset` to before `offset + length` of a file of weights. */
export interface WeightPlace {
  readonly offset: number;
  readonly length: number;
}

/** The store of a graph that has no weights of its own. */
export const NO_WEIGHTS: WeightStore = {
  location: "",
  place: (name) => {
    throw new Error(`Cannot keep ${name} outside a graph that lives in memory: make it an input of the graph`);
  },
};

/** Builds an ONNX graph node by node and encodes it. Weights lie in a store, found by name; constants in the graph. */
export class GraphBuilder {
  readonly #store: WeightStore;
  #nodes: object[] = [];
  readonly #constants = new Map<string, object>();
  readonly #inputs: object[] = [];
  readonly #outputs: object[] = [];
  #temporaries = 0;
  #nodeCount = 0;

  constructor(store: WeightStore) {
    this.#store = store;
  }

  /** Declares an input and returns its name. */
  input(name: string, elementType: number, dimensions: readonly Dimension[]): string {
    this.#inputs.push(valueInfo(name, elementType, dimensions));
    return name;
  }

  /** Declares a value as an output. */
  output(name: string, elementType: number, dimensions: readonly Dimension[]): void {
    this.#outputs.push(valueInfo(name, elementType, dimensions));
  }

  /** Adds a constant of the graph's own: an axis, a shape, a scale. The second time under one name, the first stays. */
  constant(name: string, elementType: number, shape: readonly number[], values: ArrayBufferView): string {
    if (!this.#constants.has(name)) {
      const rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
      this.#constants.set(name, { name, dataType: elementType, dims: shape, rawData });
    }
    return name;
  }

  /**
   * Adds a weight, whose bytes the store keeps, and returns its name. The second time under one name, the first stays.
   *
   * @param origin gives the numbers where the store lacks them
   * @param stored the name that the store knows the bytes by; two weights of other shapes may share them
   */
  weight(
    name: string,
    elementType: number,
    shape: readonly number[],
    origin: WeightOrigin,
    stored: string = name,
  ): string {
    if (this.#constants.has(name)) return name;
    const bytes = shape.reduce((product, size) => product * size, ELEMENT_BYTES[elementType]);
    const { offset, length } = this.#store.place(stored, bytes, origin);
    const entries = { location: this.#store.location, offset: String(offset), length: String(length) };
    const externalData = Object.entries(entries).map(([key, value]) => ({ key, value }));
    this.#constants.set(name, { name, dataType: elementType, dims: shape, dataLocation: 1, externalData });
    return name;
  }

  /** Adds a list of whole numbers: an axis, a shape, sizes of a split. */
  integers(values: readonly number[]): string {
    const name = `integers_${values.join("_")}`;
    return this.constant(name, ELEMENT.int64, [values.length], BigInt64Array.from(values.map(BigInt)));
  }

  /** Adds a node; `outputs` names them, or says how many there are. */
  node(
    operator: string,
    inputs: readonly string[],
    outputs: readonly string[] | number = 1,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = "",
  ): string[] {
    const names = typeof outputs === "number"
      ? Array.from({ length: outputs }, () => `value_${this.#temporaries++}`)
      : [...outputs];
    this.#nodes.push({
      opType: operator,
      name: `${operator}_${this.#nodeCount++}`,
      input: inputs,
      output: names,
      domain,
      attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
    });
    return names;
  }

  /**
   * Adds both ways on, of which a run takes one: the other's nodes cost it nothing. Both see all values so far and give
   * as many float32 values.
   *
   * @param condition a bool, `[]`
   */
  branch(
    condition: string,
    ways: { readonly then: () => readonly string[]; readonly else: () => readonly string[] },
  ): string[] {
    const outside = this.#nodes;
    const graphOf = (name: string, way: () => readonly string[]) => {
      this.#nodes = [];
      const outputs = way();
      const node = this.#nodes;
      this.#nodes = outside;
      return { name: `${name}_${this.#nodeCount}`, node, output: outputs.map((of) => valueInfo(of, ELEMENT.float32)) };
    };
    const [taken, left] = [graphOf("then", ways.then), graphOf("else", ways.else)];
    if (taken.output.length !== left.output.length) {
      throw new Error(
        `Cannot branch as one way gives ${taken.output.length} values and the other ${left.output.length}`,
      );
    }
    const names = taken.output.map(() => `value_${this.#temporaries++}`);
    this.#nodes.push({
      opType: "If",
      name: `If_${this.#nodeCount++}`,
      input: [condition],
      output: names,
      attribute: [{ name: "then_branch", type: 5, g: taken }, { name: "else_branch", type: 5, g: left }],
    });
    return names;
  }

  /** Number of nodes so far, those of all branches among them. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** The model as ONNX's protocol buffer. */
  encode(): Uint8Array {
    const { ModelProto } = onnxProto.onnx;
    const model = {
      irVersion: 11,
      opsetImport: [{ domain: "", version: 24 }, { domain: "com.microsoft", version: 1 }],
      graph: {
        name: "kvmirror",
        node: this.#nodes,
        initializer: [...this.#constants.values()],
        input: this.#inputs,
        output: this.#outputs,
      },
    };
    return ModelProto.encode(ModelProto.create(model)).finish();
  }
}

function valueInfo(name: string, elementType: number, dimensions?: readonly Dimension[]): object {
  const dim = dimensions?.map((size) => typeof size === "number" ? { dimValue: size } : { dimParam: size });
  return { name, type: { tensorType: { elemType: elementType, ...(dim === undefined ? {} : { shape: { dim } }) } } };
}

function attribute(name: string, value: Attribute): object {
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  if (typeof value === "number") return { name, type: 2, i: value };
  if ("float" in value) return { name, type: 1, f: value.float };
  return { name, type: 7, ints: value };
}
