// Starts a worker under Trusted Types: its address is a file of this folder, with this build's version.
const version = new URL(import.meta.url).search;
const policy = globalThis.trustedTypes?.createPolicy('worker', {
  createScriptURL(text) {
    const url = new URL(text);
    if (url.origin !== location.origin) throw new TypeError('refused a worker of another origin');
    return url.href;
  },
});

/** A new worker: the compute worker, or the one that another loader starts. */
export function startWorker(loader = 'compute-loader.js') {
  const { href } = new URL(`./${loader}${version}`, import.meta.url);
  return new Worker(policy ? policy.createScriptURL(href) : href, { type: 'module' });
}
