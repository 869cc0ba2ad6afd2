// The part of onnxruntime-web that the engine uses.
export class Tensor {
  constructor(type: "float32", data: Float32Array, dims: readonly number[]);
  readonly data: unknown;
  dispose(): void;
}
export interface InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, Tensor>): Promise<Record<string, Tensor>>;
}
export const InferenceSession: {
  create(bytes: ArrayBuffer, options: { executionProviders: string[]; enableMemPattern: boolean }): Promise<InferenceSession>;
};
export const env: { wasm: { numThreads: number; wasmBinary: ArrayBuffer }; logLevel: string };
