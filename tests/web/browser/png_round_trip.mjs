// Decodes PNG files in Node and encodes them again: node png_round_trip.mjs MODULES IN.png OUT.png [IN.png OUT.png ...]
// prints a line for each, of what it found.
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, ...files] = process.argv.slice(2);
const { decodePng, encodePng, readChunks, readHeader } = await import(new URL("png.js", pathToFileURL(`${modules}/`)));
for (let at = 0; at < files.length; at += 2) {
  const [source, target] = files.slice(at, at + 2);
  const chunks = readChunks(new Uint8Array(readFileSync(source)));
  readHeader(chunks);
  const { width, height, colour, alpha, depth } = await decodePng(chunks);
  const planes = alpha ? [...colour, alpha] : colour;
  const top = 2 ** depth - 1;
  const levels = new (depth === 16 ? Uint16Array : Uint8Array)(width * height * planes.length);
  planes.forEach((plane, channel) => {
    plane.forEach((value, at) => {
      levels[at * planes.length + channel] = Math.round(value * top);
    });
  });
  const blob = await encodePng({ height, width, channels: planes.length, levels }, []);
  writeFileSync(target, new Uint8Array(await blob.arrayBuffer()));
  console.log(JSON.stringify({ width, height, planes: planes.length, depth }));
}
