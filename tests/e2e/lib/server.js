// A static server as plain as the hosts that the folder has to work on: right types, no special headers,
// 404 for unknown paths. It remembers what was asked, so that transfers can be counted.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

// Another folder can be named, to test one that was built elsewhere.
export const DIST = resolve(process.env.RIDGEPOINT_DIST ?? fileURLToPath(new URL("../../../dist", import.meta.url)));

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".wasm": "application/wasm",
  ".json": "application/json",
  ".webmanifest": "application/manifest+json",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".ico": "image/x-icon",
  ".woff2": "font/woff2",
};

/** Serves `dist/` below `prefix`. A test may put other contents for a file into `replaced`. */
export async function serve(prefix = "/") {
  const requests = [];
  const replaced = {};
  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(request.url.split("?")[0]);
    const inside = path.startsWith(prefix) ? normalize("/" + path.slice(prefix.length)) : null;
    const name = inside === null ? null : inside.endsWith("/") ? inside + "index.html" : inside;
    const body = name === null ? null : replaced[name.slice(1)] ?? (await readFile(join(DIST, name)).catch(() => null));
    const found = body !== null;
    const sent = Buffer.from(found ? body : await readFile(join(DIST, "404.html")));
    requests.push({ path, found, gzipBytes: gzipSync(sent, { level: 9 }).length });
    const type = found ? TYPES[extname(name)] ?? "application/octet-stream" : TYPES[".html"];
    response.writeHead(found ? 200 : 404, { "Content-Type": type, "Content-Length": sent.length });
    response.end(request.method === "HEAD" ? undefined : sent);
  });
  await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
  const origin = `http://127.0.0.1:${server.address().port}`;
  return { origin, url: origin + prefix, requests, replaced, close: () => new Promise((done) => server.close(done)) };
}
