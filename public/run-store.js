// Where runs are kept between visits: the browser's private file system, or IndexedDB where that is missing. Loaded by
// the compute worker when a run is first looked for or saved. Every method gives a promise.
const FOLDER = 'ridgepoint-lab';

// ---- the private file system

async function folder() {
  const root = await navigator.storage.getDirectory();
  const place = await root.getDirectoryHandle(FOLDER, { create: true });
  const handle = async (name, create) => place.getFileHandle(name, { create }).catch((error) => {
    if (error.name === 'NotFoundError') return null;
    throw error;
  });
  const write = async (name, bytes) => {
    const file = await handle(name, true);
    if (!file.createSyncAccessHandle) {
      const stream = await file.createWritable();
      await stream.write(bytes);
      return stream.close();
    }
    const access = await file.createSyncAccessHandle();
    try {
      access.truncate(0);
      if (access.write(bytes, { at: 0 }) !== bytes.length) throw new Error('the storage is full');
      access.flush();
    } finally {
      access.close();
    }
    return undefined;
  };
  return {
    kind: 'files',
    write,
    async read(name) {
      const file = await handle(name, false);
      return file ? new Uint8Array(await (await file.getFile()).arrayBuffer()) : null;
    },
    async remove(name) {
      await place.removeEntry(name).catch((error) => {
        if (error.name !== 'NotFoundError') throw error;
      });
    },
    async list() {
      const names = [];
      for await (const name of place.keys()) names.push(name);
      return names;
    },
  };
}

// ---- IndexedDB

const answer = (request) => new Promise((resolve, reject) => {
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});
async function database() {
  const opening = indexedDB.open(FOLDER, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore('files');
  const base = await answer(opening);
  // A write is done when its transaction is: only then would a full disk have been noticed.
  const change = (act) => new Promise((resolve, reject) => {
    const transaction = base.transaction('files', 'readwrite');
    act(transaction.objectStore('files'));
    transaction.oncomplete = () => resolve();
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error ?? new Error('the storage gave the write up'));
  });
  const look = () => base.transaction('files').objectStore('files');
  return {
    kind: 'database',
    write: (name, bytes) => change((files) => files.put(bytes, name)),
    read: async (name) => (await answer(look().get(name))) ?? null,
    remove: (name) => change((files) => files.delete(name)),
    list: async () => answer(look().getAllKeys()),
  };
}

// ---- one tab at a time

// Two tabs that save one run would remove each other's files, so only the first one gets the store. A page that is
// reloaded waits until the lock of its earlier worker is free.
const PATIENCE = 5000;
const alone = () => new Promise((resolve) => {
  if (!navigator.locks) return resolve(true);
  const held = () => {
    resolve(true);
    // Held until this worker ends.
    return new Promise(() => {});
  };
  const refused = ({ name }) => resolve(name !== 'TimeoutError' && name !== 'AbortError');
  return navigator.locks.request(FOLDER, { signal: AbortSignal.timeout(PATIENCE) }, held).catch(refused);
});

/** The store of this browser; rejects with words for the visitor where there is none. */
export async function openStore() {
  if (!(await alone())) throw new Error('another tab of this page keeps its run there');
  const problems = [];
  for (const open of [folder, database]) {
    try {
      const store = await open();
      await store.list();
      return store;
    } catch (error) {
      problems.push(error?.message ?? String(error));
    }
  }
  throw new Error(problems.join('; '));
}
