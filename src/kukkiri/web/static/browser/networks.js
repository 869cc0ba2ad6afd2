/** The networks in ONNX Runtime for the web: fetched once, checked, and run on the CPU with SIMD and threads. */
import * as ort from "./vendor/ort.wasm.bundle.min.js";
import { Problem } from "./problem.js";

/** @typedef {import("./planning.js").Network} Network */
/** @typedef {{height: number, width: number}} Size */

const RUNTIME = new URL("./vendor/ort-wasm-simd-threaded.wasm.gz", import.meta.url);
const MOST_THREADS = 8;
/** @type {Map<string, Promise<ort.InferenceSession>>} */
const sessions = new Map();
/** @type {Promise<void> | null} */
let started = null;

/**
 * Load a network.
 * @param {Network} network
 * @param {URL} folder of the networks
 * @returns {Promise<{scale: number, margin: number, run: (tile: Float32Array, size: Size) => Promise<Float32Array>}>}
 */
export async function loadNetwork(network, folder) {
  started ??= startRuntime();
  await started;
  let loading = sessions.get(network.file);
  if (!loading) {
    loading = createSession(network, folder);
    sessions.set(network.file, loading);
  }
  const session = await loading;
  const [input] = session.inputNames;
  const [output] = session.outputNames;
  return {
    scale: network.scale,
    margin: network.receptive_field,
    run: async (tile, { height, width }) => {
      const results = await session.run({ [input]: new ort.Tensor("float32", tile, [1, 1, height, width]) });
      const values = /** @type {Float32Array} */ (results[output].data).slice();
      results[output].dispose();
      return values;
    },
  };
}

async function startRuntime() {
  ort.env.wasm.numThreads = self.crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS) : 1;
  ort.env.wasm.wasmBinary = await fetchBytes(RUNTIME, "the runtime of the networks");
  ort.env.logLevel = "error";
}

/**
 * @param {Network} network
 * @param {URL} folder
 */
async function createSession(network, folder) {
  const bytes = await fetchBytes(new URL(network.file, folder), `the network ${network.file}`);
  if (self.isSecureContext) {
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const found = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
    if (found !== network.sha256) {
      throw new Problem({
        what: `${network.file} is damaged`,
        got: `sha256 ${found}`,
        expected: network.sha256,
        remedy: "Reload the page; if that does not help, the site has to be exported again.",
        status: 502,
      });
    }
  }
  return ort.InferenceSession.create(bytes, { executionProviders: ["wasm"], enableMemPattern: false });
}

/**
 * Fetch a file, unpacked when it is gzip data that the server has not marked as such.
 * @param {URL} url
 * @param {string} name
 * @returns {Promise<ArrayBuffer>}
 */
async function fetchBytes(url, name) {
  let response = null;
  try {
    response = await fetch(url);
  } catch {
    // as for an answer that is no success
  }
  if (!response?.ok) {
    throw new Problem({
      what: `${name} could not be loaded`,
      got: response ? `status ${response.status}` : "no connection",
      remedy: "Check the connection and try again.",
      status: 502,
    });
  }
  const bytes = await response.arrayBuffer();
  const start = new Uint8Array(bytes, 0, 2);
  if (start[0] !== 0x1f || start[1] !== 0x8b) return bytes;
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
