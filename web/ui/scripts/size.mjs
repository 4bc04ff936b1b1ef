// Fails when the widget outgrows its budget; prints what each page costs on the wire.
import { readFileSync, readdirSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 30 * 1024;
const built = new URL("../../static/", import.meta.url);
const gzipped = (name) => gzipSync(readFileSync(new URL(name, built)), { level: 9 }).length;

for (const name of readdirSync(new URL("assets/", built)).filter((file) => /\.(js|css)$/.test(file))) {
  console.log(`${(gzipped(`assets/${name}`) / 1024).toFixed(1).padStart(7)} kB  assets/${name}`);
}
const widget = gzipped("widget.js");
console.log(`${(widget / 1024).toFixed(1).padStart(7)} kB  widget.js (limit ${LIMIT / 1024} kB)`);
if (widget >= LIMIT) {
  console.error("widget.js is over its limit");
  process.exit(1);
}
