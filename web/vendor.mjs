/** Copies other people's modules, with their licences, from node_modules to where the page is served from. */

import { cp, mkdir, readFile, writeFile } from "node:fs/promises";

const STATIC = new URL("../src/kukkiri/web/static/", import.meta.url);
const MODULES = new URL("node_modules/", import.meta.url);

await mkdir(new URL("vendor/", STATIC), { recursive: true });
const { version } = JSON.parse(await readFile(new URL("client-zip/package.json", MODULES), "utf8"));
const source = await readFile(new URL("client-zip/index.js", MODULES), "utf8");
await writeFile(new URL("vendor/client-zip.js", STATIC), `// client-zip ${version}, MIT licence (client-zip.LICENSE)\n${source}`);
await cp(new URL("client-zip/index.d.ts", MODULES), new URL("vendor/client-zip.d.ts", STATIC));
await cp(new URL("client-zip/LICENSE.txt", MODULES), new URL("vendor/client-zip.LICENSE", STATIC));
