import {
  RECORD,
  stepSize,
  TRACE_MAGIC,
  TRACE_VERSION,
  type TraceFooter,
  type TraceHeader,
  type TraceStep,
} from "./trace_header.ts";

/**
 * The beginning of a trace file: magic (8 bytes), version and header length (uint32 each), header (JSON). All numbers
 * are little-endian.
 */
export function encodeHeader(header: TraceHeader): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(16 + json.length);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(TRACE_MAGIC));
  view.setUint32(8, TRACE_VERSION, true);
  view.setUint32(12, json.length, true);
  bytes.set(json, 16);
  return bytes;
}

/**
 * One step: record kind (uint32), then `[layers · kv heads, prompt tokens]` float32.
 *
 * @throws {TypeError} if the step has another size than the header says
 */
export function encodeStep(header: TraceHeader, step: TraceStep): Uint8Array {
  if (step.length !== stepSize(header)) {
    throw new TypeError(`Cannot write a step of ${step.length} values as the trace's steps have ${stepSize(header)}`);
  }
  const bytes = new Uint8Array(4 + step.length * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, RECORD.step, true);
  step.forEach((value, index) => view.setFloat32(4 + index * 4, value, true));
  return bytes;
}

/** The end: record kind and length (uint32 each), footer (JSON). A file without it was cut off. */
export function encodeFooter(footer: TraceFooter): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(footer));
  const bytes = new Uint8Array(8 + json.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, RECORD.footer, true);
  view.setUint32(4, json.length, true);
  bytes.set(json, 8);
  return bytes;
}
