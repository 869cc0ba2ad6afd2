// Tells line art and chooses networks in Node: node choose_weights.mjs MODULES SPEC.json < floats; one JSON object.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, file] = process.argv.slice(2);
const load = (name) => import(new URL(name, pathToFileURL(`${modules}/`)));
const [{ findBands, isLineArt }, { chooseDomain, chooseNetworks }] = await Promise.all([load("line_art.js"), load("planning.js")]);
const { images, sizes, preset, choices } = JSON.parse(readFileSync(file, "utf8"));
const bytes = readFileSync(0);
const samples = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
let at = 0;
const drawn = images.map(([height, width, channels]) => {
  const colour = Array.from({ length: channels }, () => samples.slice(at, (at += height * width)));
  return isLineArt({ height, width, colour });
});
const chosen = choices.map(([asked, weights, lossy, line]) => {
  const domain = chooseDomain(preset, asked, weights, { lossy, isLineArt: () => line });
  return [domain, chooseNetworks(preset, asked, domain)];
});
process.stdout.write(JSON.stringify({ drawn, bands: sizes.map(([height, width]) => findBands(height, width)), chosen }));
