// Replicas in workers of their own, joined in a ring by message channels. No DOM here.

/** Longest silence of a replica that trains, and of one that starts (it may still be loading), in milliseconds. */
const SILENCE = { train: 10_000, setup: 30_000 };
const LOOK = 500;

/** The visitor stopped it. */
export class Stopped extends Error {}

export class Fleet {
  #start;
  #members = [];
  #job = null;
  #id = 0;

  /** `start` gives a new worker. */
  constructor(start) {
    this.#start = start;
  }

  /**
   * Trains `settings.ranks` replicas and resolves to what each of them came to, by rank. `onStep` hears the number of
   * steps that all of them have done. Rejects with words for the visitor; then no replica is left.
   */
  async run(settings, onStep = () => {}) {
    const id = ++this.#id;
    const { ranks } = settings;
    this.#grow(ranks);
    // A bystander of a larger ring waits for its next one without a sign of life.
    const members = this.#members.slice(0, ranks);
    try {
      const ring = Array.from({ length: ranks }, () => new MessageChannel());
      const ready = await this.#ask(id, 'setup', members, ({ ready, words, buckets }) => ready && { words, buckets }, (rank) => {
        if (ranks === 1) return [{ settings: { ...settings, rank } }, []];
        const [next, previous] = [ring[rank].port1, ring[(rank + ranks - 1) % ranks].port2];
        return [{ settings: { ...settings, rank }, next, previous }, [next, previous]];
      });
      const steps = members.map(() => 0);
      const done = await this.#ask(id, 'train', members, (data, rank) => {
        if (data.alive !== undefined) {
          steps[rank] = data.alive;
          onStep(Math.min(...steps));
        }
        return data.done && data;
      }, () => [{}, []]);
      return done.map((data, rank) => ({ ...data, ...ready[rank] }));
    } catch (error) {
      this.stop();
      throw error;
    }
  }

  /** Ends all replicas at once. */
  stop() {
    for (const { worker } of this.#members) worker.terminate();
    this.#members = [];
    this.#job?.reject(new Stopped('Stopped.'));
    this.#job = null;
  }

  #grow(count) {
    while (this.#members.length < count) {
      const rank = this.#members.length;
      const member = { worker: this.#start(), heard: performance.now() };
      member.worker.onmessage = ({ data }) => {
        member.heard = performance.now();
        if (Array.isArray(data) && data[0] === 'trap') this.#fail(`Replica ${rank + 1} stopped: ${data[1]}`);
        else if (data.problem) this.#fail(`Replica ${rank + 1} cannot go on: ${data.problem}.`);
        else this.#job?.hear(rank, data);
      };
      member.worker.onerror = () => this.#fail(`Replica ${rank + 1} could not be loaded.`);
      this.#members.push(member);
    }
  }

  #fail(text) {
    this.#job?.reject(new Error(text));
    this.#job = null;
  }

  // Asks every member and waits until `take` has something of each.
  #ask(id, replica, members, take, body) {
    let timer = 0;
    const asked = new Promise((resolve, reject) => {
      const found = members.map(() => null);
      const hear = (rank, data) => {
        if (data.id !== id || rank >= found.length || found[rank]) return;
        found[rank] = take(data, rank) || null;
        if (found.every(Boolean)) resolve(found);
      };
      this.#job = { hear, reject };
      let looked = performance.now();
      timer = setInterval(() => {
        const now = performance.now();
        // A page that slept has not yet heard what came meanwhile.
        const slept = now - looked > 4 * LOOK;
        looked = now;
        const silent = members.findIndex(({ heard }, rank) => !found[rank] && now - heard > SILENCE[replica]);
        if (silent >= 0 && !slept) this.#fail(`Replica ${silent + 1} has not answered for ${SILENCE[replica] / 1000} seconds.`);
      }, LOOK);
      members.forEach((member, rank) => {
        member.heard = performance.now();
        const [fields, transfer] = body(rank);
        member.worker.postMessage({ replica, id, ...fields }, transfer);
      });
    });
    return asked.finally(() => clearInterval(timer));
  }
}

// ---- what the times say

const middle = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
};

/** Means over the replicas of one run, a row `[step, compute, exchange, exposed, loss]` for each step, in seconds. */
export function means(replicas) {
  const steps = replicas[0].times.length / 5;
  const mean = (at) => replicas.reduce((sum, { times }) => sum + times[at], 0) / replicas.length;
  return Array.from({ length: steps }, (_, step) => [0, 1, 2, 3, 4].map((column) => mean(step * 5 + column)));
}
/** Medians of such rows, in milliseconds. */
export function medians(rows) {
  const median = (value) => 1000 * middle(rows.map(value));
  return {
    step: median(([step]) => step),
    compute: median(([, compute]) => compute),
    exposed: median(([, , , exposed]) => exposed),
    hidden: median(([, , all, exposed]) => Math.max(0, all - exposed)),
  };
}

/** Largest difference of any replica to the reference, as a share of the reference's largest value. */
export function difference(all, reference) {
  let [most, largest] = [0, 0];
  for (const value of reference) largest = Math.max(largest, Math.abs(value));
  for (const own of all) {
    if (own.length !== reference.length) return NaN;
    for (let at = 0; at < own.length; at++) {
      const off = Math.abs(own[at] - reference[at]);
      // What is no number must not look like no difference.
      if (Number.isNaN(off)) return NaN;
      most = Math.max(most, off);
    }
  }
  return most / largest;
}

/** Seconds of a ring all-reduce: `2 (n - 1) / n * bytes / bandwidth + 2 (n - 1) * latency`. */
export function ringSeconds(ranks, bytes, gbitPerSecond, latencySeconds) {
  const perByte = gbitPerSecond > 0 ? 8e-9 / gbitPerSecond : 0;
  return ((2 * (ranks - 1)) / ranks) * bytes * perByte + 2 * (ranks - 1) * latencySeconds;
}
