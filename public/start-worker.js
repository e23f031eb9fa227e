// Starts a compute worker under Trusted Types: its address is a file of this folder, with this build's version.
const version = new URL(import.meta.url).search;
const policy = globalThis.trustedTypes?.createPolicy('worker', {
  createScriptURL(text) {
    const url = new URL(text);
    if (url.origin !== location.origin) throw new TypeError('refused a worker of another origin');
    return url.href;
  },
});

/** A new compute worker. */
export function startWorker() {
  const { href } = new URL(`./compute-loader.js${version}`, import.meta.url);
  return new Worker(policy ? policy.createScriptURL(href) : href, { type: 'module' });
}
