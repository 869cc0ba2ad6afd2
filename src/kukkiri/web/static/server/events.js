/** A job as it goes on: by server-sent events, and by asking again where they do not come through. */

import { EngineError } from "../engine.js";
import { call, getJson } from "./http.js";

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} state
 * @property {number | null} position
 * @property {{done: number, total: number}} progress
 * @property {string} input_name
 * @property {number} width of the input
 * @property {number} height
 * @property {any} result
 * @property {any} error
 * @property {{self: string, events?: string, result?: string | null, input?: string | null, preview?: string | null}} links
 */

const FINAL = new Set(["done", "failed", "cancelled"]);
const POLL_MS = 1000;
const MOST_STREAMS = 2; // a browser has six connections to a server, over all tabs; each stream holds one of them
let open = 0;

/**
 * Yields the job whenever it changed, and ends when it is done, failed or cancelled.
 * @param {Job} job
 * @param {AbortSignal | undefined} signal
 * @returns {AsyncGenerator<Job, void>}
 */
export async function* watch(job, signal) {
  yield job;
  let streams = true;
  for (let failures = 0; !FINAL.has(job.state); ) {
    try {
      if (streams && job.links.events && open < MOST_STREAMS) {
        for await (const data of events(job.links.events, signal)) {
          job = JSON.parse(data);
          failures = 0;
          yield job;
          if (FINAL.has(job.state)) return;
        }
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (error instanceof EngineError && (error.status ?? 0) >= 400) streams = false;
    }
    await pause(POLL_MS, signal);
    try {
      job = await getJson(job.links.self, signal);
      failures = 0;
    } catch (error) {
      failures += 1; // the server may be restarting; its jobs survive that
      if (signal?.aborted || !(error instanceof EngineError) || error.status !== 0 || failures > 30) throw error;
      continue;
    }
    yield job;
  }
}

/**
 * The data of the events of a stream. `EventSource` would do, but cannot send an API key.
 * @param {string} path
 * @param {AbortSignal | undefined} signal
 * @returns {AsyncGenerator<string, void>}
 */
async function* events(path, signal) {
  open += 1;
  const stop = new AbortController();
  const signals = signal ? [signal, stop.signal] : [stop.signal];
  try {
    const response = await call(path, { headers: { Accept: "text/event-stream" }, signal: AbortSignal.any(signals) });
    if (response.body === null) return;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ; ) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop() ?? "";
      for (const block of blocks) {
        const lines = block.split("\n").filter((line) => line.startsWith("data:"));
        if (lines.length) yield lines.map((line) => line.slice(5).trimStart()).join("\n");
      }
    }
  } finally {
    open -= 1;
    stop.abort();
  }
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<void>}
 */
export function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => { clearTimeout(timer); reject(signal?.reason); };
    const timer = setTimeout(() => { signal?.removeEventListener("abort", stop); resolve(); }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
