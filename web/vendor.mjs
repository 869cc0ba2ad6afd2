/** Copies other people's modules, with their licences, from node_modules to where the page is served from. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const STATIC = new URL("../src/kukkiri/web/static/", import.meta.url);
const MODULES = new URL("node_modules/", import.meta.url);

await mkdir(new URL("vendor/", STATIC), { recursive: true });
const { version } = JSON.parse(await readFile(new URL("client-zip/package.json", MODULES), "utf8"));
const source = await readFile(new URL("client-zip/index.js", MODULES), "utf8");
await writeFile(new URL("vendor/client-zip.js", STATIC), `// client-zip ${version}, MIT licence (client-zip.LICENSE)\n${source}`);
await cp(new URL("client-zip/index.d.ts", MODULES), new URL("vendor/client-zip.d.ts", STATIC));
await cp(new URL("client-zip/LICENSE.txt", MODULES), new URL("vendor/client-zip.LICENSE", STATIC));

// The runtime of the engine in the browser: two files; the larger one is kept compressed, and unpacked by the worker.
const runtime = new URL("onnxruntime-web/dist/", MODULES);
const vendor = new URL("browser/vendor/", STATIC);
await mkdir(vendor, { recursive: true });
await cp(new URL("ort.wasm.bundle.min.mjs", runtime), new URL("ort.wasm.bundle.min.js", vendor));
const wasm = gzipSync(await readFile(new URL("ort-wasm-simd-threaded.wasm", runtime)), { level: 9 });
await writeFile(new URL("ort-wasm-simd-threaded.wasm.gz", vendor), wasm);
