/** Requests to the server that the page came from: with the API key where one is asked for, and with errors in words. */

import { EngineError } from "../engine.js";
import { t } from "../strings.js";

const STORED = "kukkiri.key";

/** @type {string | null} */
let key = sessionStorage.getItem(STORED);
/** @type {((refused: boolean) => Promise<string | null>) | null} */
let ask = null;
/** @type {Promise<void> | null} */
let asking = null;

/**
 * Sets the function that asks the visitor for an API key.
 * @param {(refused: boolean) => Promise<string | null>} handler its argument: a key was sent, and refused; null: not given
 */
export function onKeyNeeded(handler) {
  ask = handler;
}

/**
 * The address of a path or link of the server. Links are taken relative to the page, which may stand under a sub-path.
 * @param {string} path
 */
export function address(path) {
  const from = path.indexOf("v1/");
  return new URL(from >= 0 ? path.slice(from) : path, document.baseURI).href;
}

/** @returns {Record<string, string>} */
function authorization() {
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

/** @param {string | null} used the key of the refused request */
async function renewKey(used) {
  if (used !== key) return; // another request has asked in the meantime
  asking ??= (async () => {
    const given = ask === null ? null : await ask(used !== null);
    if (given === null) throw new EngineError({ what: t("error.key"), remedy: t("error.key.remedy"), status: 401 });
    key = given;
    sessionStorage.setItem(STORED, given);
  })().finally(() => { asking = null; });
  await asking;
}

/**
 * Fetches; asks for a key on 401; throws an `EngineError` for every answer that is not a success.
 * @param {string} path
 * @param {RequestInit} [init]
 */
export async function call(path, init = {}) {
  for (;;) {
    const used = key;
    let response;
    try {
      response = await fetch(address(path), { ...init, headers: { ...init.headers, ...authorization() } });
    } catch (error) {
      if (init.signal?.aborted) throw init.signal.reason;
      throw unreachable(error);
    }
    if (response.ok) return response;
    if (response.status !== 401) throw errorOf(response.status, await response.text(), response.headers.get("Retry-After"));
    await renewKey(used);
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} [signal]
 */
export async function getJson(path, signal) {
  return (await call(path, { signal })).json();
}

/**
 * Sends a file as the body; `XMLHttpRequest`, because `fetch` tells nothing of the progress of an upload.
 * @param {string} path
 * @param {Blob} body
 * @param {import("../engine.js").Running} running
 * @returns {Promise<any>} the JSON of the answer
 */
export async function send(path, body, running) {
  for (;;) {
    const used = key;
    const { status, text, retryAfter } = await post(path, body, running);
    if (status >= 200 && status < 300) return JSON.parse(text);
    if (status !== 401) throw errorOf(status, text, retryAfter);
    await renewKey(used);
  }
}

/**
 * @param {string} path
 * @param {Blob} body
 * @param {import("../engine.js").Running} running
 * @returns {Promise<{status: number, text: string, retryAfter: string | null}>}
 */
function post(path, body, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const request = new XMLHttpRequest();
    request.open("POST", address(path));
    for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", body.type || "application/octet-stream");
    request.setRequestHeader("Accept", "application/json");
    const stop = () => request.abort();
    signal?.addEventListener("abort", stop, { once: true });
    request.upload.onprogress = (event) => {
      onProgress?.({ phase: "uploading", done: event.loaded, total: body.size, position: null });
    };
    request.onload = () => {
      resolve({ status: request.status, text: request.responseText, retryAfter: request.getResponseHeader("Retry-After") });
    };
    request.onerror = () => reject(unreachable(null));
    request.onabort = () => reject(signal?.reason ?? new DOMException("aborted", "AbortError"));
    request.onloadend = () => signal?.removeEventListener("abort", stop);
    request.send(body);
  });
}

/** An `EngineError` that says after how many seconds to try again. */
export class Busy extends EngineError {
  /**
   * @param {ConstructorParameters<typeof EngineError>[0]} parts
   * @param {number} seconds
   */
  constructor(parts, seconds) {
    super(parts);
    this.seconds = seconds;
  }
}

/**
 * @param {number} status
 * @param {string} text
 * @param {string | null} retryAfter
 */
function errorOf(status, text, retryAfter) {
  /** @type {any} */
  let parts = null;
  try {
    parts = JSON.parse(text).error;
  } catch {
    // not the server itself, perhaps a proxy before it
  }
  const described = parts && typeof parts.what === "string" ? parts : { what: t("error.status", { status }), remedy: t("error.status.remedy") };
  const seconds = Number(retryAfter);
  if ((status === 503 || status === 429) && seconds > 0) return new Busy({ ...described, status }, seconds);
  return new EngineError({ ...described, status });
}

/** @param {unknown} error */
function unreachable(error) {
  const parts = { what: t("error.unreachable"), got: error instanceof Error ? error.message : null, remedy: t("error.unreachable.remedy") };
  return new EngineError({ ...parts, status: 0 });
}
