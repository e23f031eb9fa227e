// Data parallelism, measured: a sweep over numbers of replicas, and what the next one brings.
const version = new URL(import.meta.url).search;
const beside = (file) => import(new URL(`./${file}${version}`, import.meta.url).href);
const [{ startWorker }, { digits, element, lines, navigation, table }, { Fleet, Stopped, difference, means, medians, ringSeconds }] =
  await Promise.all(['start-worker.js', 'report-kit.js', 'parallel-fleet.js'].map(beside));
navigation();
const form = document.getElementById('form');
const status = document.getElementById('status');
const problem = document.getElementById('problem');
const place = document.getElementById('report');
const progress = document.getElementById('progress');
const [go, stop] = ['go', 'stop'].map((id) => document.getElementById(id));

const WARM_UP = 2;
/** Every number of replicas is measured in turn, several times: the machine may become slower or faster meanwhile. */
const ROUNDS = 3;
/** Steps of a first run that counts for nothing: browsers compile a module better while it runs. */
const FIRST_STEPS = 10;
/** What one large batch may differ by. */
const TOLERANCE = 1e-5;
/** A backward pass is about two products of the forward pass's one. */
const BACKWARD_SHARE = 2 / 3;
const processors = navigator.hardwareConcurrency;

// ---- settings and address

const NUMBERS = ['replicas', 'batch', 'steps', 'latency', 'bucket'];
const field = (name) => form.elements.namedItem(name);
function settings() {
  const chosen = Object.fromEntries(NUMBERS.map((name) => [name, Number(field(name).value)]));
  for (const name of ['model', 'scaling', 'bandwidth']) chosen[name] = field(name).value;
  return { ...chosen, overlap: field('overlap').checked };
}
function query() {
  return Object.entries(settings()).map(([key, value]) => `${key}=${encodeURIComponent(value === true ? 1 : value === false ? 0 : value)}`).join('&');
}
function check() {
  const { replicas, batch, scaling } = settings();
  const isShort = scaling === 'strong' && batch < replicas;
  field('batch').setCustomValidity(isShort ? `Each of ${replicas} replicas needs at least one example.` : '');
  document.getElementById('batch-name').textContent = scaling === 'strong' ? 'Examples of the whole batch' : 'Examples of each replica';
}
function fromAddress() {
  for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
    const input = field(key);
    if (!input?.name) continue;
    if (input.type === 'checkbox') input.checked = value !== '0';
    else if (input.tagName !== 'SELECT' || [...input.options].some((option) => option.value === value)) input.value = value;
  }
  check();
}
fromAddress();
addEventListener('hashchange', fromAddress);
form.addEventListener('input', check);
form.addEventListener('change', () => history.replaceState(null, '', `#${query()}`));
field('model').addEventListener('change', ({ target }) => {
  field('batch').value = { mlp: 256, cnn: 64, gpt: 16 }[target.value];
  check();
});

// ---- the sweep

const fleet = new Fleet(startWorker);
const kept = new Map();

function order(chosen, ranks) {
  return {
    model: chosen.model,
    ranks,
    global_batch_size: chosen.scaling === 'strong' ? chosen.batch : chosen.batch * ranks,
    bucket_bytes: chosen.bucket * 1024,
    overlap: chosen.overlap,
    gbit_per_second: Number(chosen.bandwidth),
    latency_seconds: chosen.latency * 1e-6,
    steps: stepsOfRound(chosen),
    warm_up_steps: WARM_UP,
  };
}
const stepsOfRound = (chosen) => Math.ceil(chosen.steps / ROUNDS);
// One run after the other, what each is for, and how long it takes beside the others.
function runs(chosen) {
  const alone = order(chosen, 1);
  const all = [{ whole: { ...alone, steps: FIRST_STEPS }, use: 'first', ranks: 1, cost: FIRST_STEPS / alone.steps }];
  for (let round = 0; round < ROUNDS; round++) {
    for (let ranks = 1; ranks <= chosen.replicas; ranks++) {
      const whole = order(chosen, ranks);
      all.push({ whole, use: 'point', round, ranks, cost: chosen.scaling === 'strong' ? 1 : ranks });
      // In strong scaling the first point is the worker with the whole batch.
      if (round === 0 && chosen.scaling === 'weak' && ranks > 1) all.push({ whole: { ...whole, ranks: 1 }, use: 'reference', ranks, cost: ranks });
    }
  }
  return all;
}
const WORDS = {
  first: () => 'Warming up with one replica',
  point: ({ ranks, round }) => `Training with ${ranks === 1 ? 'one replica' : `${ranks} replicas`}, round ${round + 1} of ${ROUNDS}`,
  reference: ({ whole }) => `Training one worker with the whole batch of ${whole.global_batch_size}, to compare with`,
};
function tell(run, since, done, all) {
  progress.value = done / all;
  const left = done > 0 ? (((performance.now() - since) / done) * (all - done)) / 1000 : null;
  status.textContent = `${WORDS[run.use](run)}. ${left === null ? 'The remaining time is not known yet.' : `About ${Math.ceil(left)} s left.`}`;
}
async function sweep(chosen) {
  const view = report(chosen);
  const [since, all] = [performance.now(), runs(chosen)];
  const cost = all.reduce((sum, run) => sum + run.cost, 0);
  const points = [];
  let [done, first, told] = [0, null, 0];
  for (const run of all) {
    tell(run, since, done, cost);
    const replicas = await fleet.run(run.whole, (steps) => {
      if (performance.now() - told < 1000) return;
      told = performance.now();
      tell(run, since, done + (run.cost * steps) / (run.whole.steps + WARM_UP), cost);
    });
    done += run.cost;
    if (run.use === 'point') {
      const point = (points[run.ranks - 1] ??= { ranks: run.ranks, batch: run.whole.global_batch_size, bytes: replicas[0].words * 4, rounds: [] });
      point.rounds.push(means(replicas));
      Object.assign(point, medians(point.rounds.flat()));
      if (run.round === 0) {
        point.replicas = replicas;
        if (run.ranks === 1) first = replicas[0];
        else if (chosen.scaling === 'strong') compare(point, first);
      }
    } else if (run.use === 'reference') {
      compare(points.at(-1), replicas[0]);
    }
    if (points.length) view.draw(points);
  }
  view.end(points);
  return (performance.now() - since) / 1000;
}
function compare(point, reference) {
  point.gradients = difference(point.replicas.map(({ gradients }) => gradients), reference.gradients);
  point.weights = difference(point.replicas.map(({ weights }) => weights), reference.weights);
  // They are large, and nothing asks for them again.
  point.replicas = null;
}

// ---- the report

function derived(chosen, points) {
  const one = points[0];
  return points.map((point) => {
    const { ranks } = point;
    const strong = chosen.scaling === 'strong';
    const formula = 1000 * ringSeconds(ranks, point.bytes, Number(chosen.bandwidth), chosen.latency * 1e-6);
    const share = strong ? one.step / ranks : one.step;
    const apart = share + Math.max(0, formula - (chosen.overlap ? BACKWARD_SHARE * share : 0));
    const faster = (step) => ((strong ? 1 : ranks) * one.step) / step;
    return { ...point, formula, share, speedup: faster(point.step), apart: faster(apart), efficiency: faster(point.step) / ranks };
  });
}
const tiny = (value) => (value === undefined ? '' : value === 0 ? '0' : Number.isFinite(value) ? value.toExponential(1) : 'not a number');
const COLUMNS = [
  ['Replicas', ''], ['Whole batch', ''], ['Step', 'ms'], ['Computing', 'ms'], ['Exposed exchange', 'ms'], ['Hidden exchange', 'ms'],
  ['Exchange by the formula', 'ms'], ['Speed-up', ''], ['Efficiency', '%'], ['Gradients differ by', ''], ['Weights differ by', ''],
];
const row = (point) => [
  point.ranks, point.batch, point.step, point.compute, point.exposed, point.hidden, point.formula, point.speedup, 100 * point.efficiency,
  tiny(point.gradients), tiny(point.weights),
];
const linkName = (chosen) => {
  const bandwidth = chosen.bandwidth === '0' ? 'no limit' : `${chosen.bandwidth} Gb/s`;
  return `${bandwidth}${chosen.latency ? `, ${digits(chosen.latency)} µs` : ''}${chosen.overlap ? '' : ', no overlap'}`;
};
// Curves of other links of the same training stay, to compare.
const likeness = ({ model, scaling, batch, replicas }) => `${model} ${scaling} ${batch} ${replicas}`;

function report(chosen) {
  const name = linkName(chosen);
  const others = () => [...kept].filter(([key, curve]) => key !== name && curve.like === likeness(chosen)).slice(-3).map(([key, { points }]) => [`Measured, ${key}`, points]);
  const series = (points, value) => points.map((point) => [point.ranks, value(point)]);
  const curves = (points) => [
    [`Measured, ${name}`, series(points, ({ speedup }) => speedup)],
    ['Ideal', series(points, ({ ranks }) => ranks)],
    ['By the formula, on separate devices', series(points, ({ apart }) => apart)],
    ...others(),
  ];
  const parts = (points) => [
    ['Step', series(points, ({ step }) => step)],
    ['Computing', series(points, ({ compute }) => compute)],
    ['Exposed exchange', series(points, ({ exposed }) => exposed)],
    ['Hidden exchange', series(points, ({ hidden }) => hidden)],
  ];
  const ends = [1, Math.max(2, chosen.replicas)];
  const speed = lines('Speed-up', { axes: ['Replicas', 'times as fast as one'], series: curves([]), range: ends, file: 'ridgepoint-speed-up' });
  const time = lines('Time of a step', { axes: ['Replicas', 'ms'], series: parts([]), range: ends, file: 'ridgepoint-step' });
  const lead = element('p', { className: 'summary', textContent: 'The sweep runs.' });
  lead.dataset.testid = 'verdict';
  const rows = element('div');
  const section = (heading, note, ...nodes) => element('section', {}, element('h3', { textContent: heading }), element('p', { textContent: note }), ...nodes);
  // On a narrow screen a chart scrolls sideways, so that its words stay readable.
  const plot = ([chart, ...rest]) => [element('div', { className: 'plot' }, chart), ...rest];
  place.replaceChildren(
    element('h2', { textContent: `${field('model').selectedOptions[0].textContent}, ${name}` }),
    lead,
    section('Speed-up', 'Throughput against one replica on this machine. The formula supposes a device of its own for each replica, as fast as one replica here, and that two thirds of its time can hide the exchange where buckets travel early.', ...plot(speed.nodes)),
    section('Every number of replicas', `Medians of the timed steps, means over the replicas, measured in ${ROUNDS} rounds so that all numbers of replicas meet the same machine. Computing counts the time in which a replica waits for a processor. The exchange lasts from the first bucket sent to the last one summed; exposed is what comes after the backward pass, waiting for slower replicas included. Differences are the largest one of any value and replica to one worker with the whole batch, as a share of the largest value: gradients of the first step, weights after the last step of a round.`, rows),
    section('Time of a step', 'The same as lines.', ...plot(time.nodes)),
    section('How it is done', 'Replicas are workers that compute on the CPU (WebAssembly SIMD, one thread each) and train with plain SGD. Chunks of gradients travel through message channels as transferred buffers; the receiver holds each back until bytes / bandwidth + latency have passed since it was sent, messages queueing for the wire. The formula is the ring\'s: 2 (n - 1) / n * bytes / bandwidth + 2 (n - 1) * latency, for one bucket, with nothing for what a message costs in this browser.'),
  );
  place.hidden = false;
  const draw = (raw) => {
    const points = derived(chosen, raw);
    rows.replaceChildren(...table('Every number of replicas', { columns: COLUMNS, rows: points.map(row) }));
    speed.update(curves(points));
    time.update(parts(points));
  };
  const end = (raw) => {
    const points = derived(chosen, raw);
    lead.textContent = verdict(chosen, points);
    kept.delete(name);
    kept.set(name, { like: likeness(chosen), points: series(points, ({ speedup }) => speedup) });
  };
  return { draw, end };
}

const times = (value) => `${value.toLocaleString('en', { maximumFractionDigits: 1 })}x`;
const ms = (value) => `${digits(value)} ms`;
function verdict(chosen, points) {
  const last = points.at(-1);
  const { ranks } = last;
  if (ranks === 1) return `One replica takes ${ms(last.step)} a step. Choose more replicas to compare.`;
  const is = last.efficiency >= 0.9 ? 'close to' : 'not';
  const said = [`${ranks} replicas gave ${times(last.speedup)}, ${is} ${ranks}x.`];
  const best = points.reduce((a, b) => (b.speedup > a.speedup ? b : a));
  if (best.speedup > 1.05 * last.speedup) said.push(best.ranks === 1 ? 'One replica alone was the fastest.' : `The best was ${times(best.speedup)}, with ${best.ranks} replicas.`);
  const turns = processors && ranks > processors ? `, so ${ranks} replicas take turns on them` : '';
  if (processors) said.push(`This machine reports ${processors} ${processors === 1 ? 'processor' : 'processors'}${turns}.`);
  const lost = [
    [last.compute - last.share, 'more computing'],
    [last.exposed, 'exchange that nothing hid'],
    [last.step - last.compute - last.exposed, 'handling messages between'],
  ].filter(([value]) => value > 0.02 * last.step).map(([value, what]) => `${ms(value)} ${what}`);
  const ideal = chosen.scaling === 'strong' ? `${ms(last.share)}, one replica's time divided by ${ranks}` : `${ms(last.share)}, as with one replica`;
  said.push(`A step took ${ms(last.step)}; the claim needs ${ideal}.`);
  if (lost.length && last.step > last.share) said.push(`The rest is ${lost.join(', ')}.`);
  const alone = points[0].rounds.map((rows) => medians(rows).step);
  const spread = Math.max(...alone) / Math.min(...alone) - 1;
  if (spread > 0.15) said.push(`Mind that one replica alone differed by ${digits(100 * spread)} % between rounds: other programs use this machine.`);
  const worst = (key) => Math.max(...points.slice(1).map((point) => point[key]));
  const [gradients, weights] = [worst('gradients'), worst('weights')];
  const same = gradients <= TOLERANCE && weights <= TOLERANCE;
  said.push(`Gradients differ from one worker with the whole batch by at most ${tiny(gradients)}, weights after ${stepsOfRound(chosen) + WARM_UP} steps by ${tiny(weights)}: ${same ? 'it is the same training' : `more than ${TOLERANCE}, which is a fault; please report it`}.`);
  return said.join(' ');
}

// ---- buttons

function idle() {
  go.disabled = false;
  stop.disabled = true;
  progress.hidden = true;
}
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  problem.hidden = true;
  go.disabled = true;
  stop.disabled = false;
  progress.hidden = false;
  progress.value = 0;
  history.replaceState(null, '', `#${query()}`);
  try {
    const seconds = await sweep(settings());
    status.textContent = `Done in ${seconds.toFixed(1)} s. All times are measured in this tab unless they are called a formula.`;
  } catch (error) {
    status.textContent = 'Stopped. What was measured until then stays below.';
    if (!(error instanceof Stopped)) {
      problem.textContent = `${error.message} All replicas were stopped. Run the sweep again; with fewer replicas or a smaller batch if it happens again.`;
      problem.hidden = false;
    }
    const lead = place.querySelector('.summary');
    if (lead) lead.textContent = 'This sweep did not end.';
  }
  idle();
});
stop.addEventListener('click', () => fleet.stop());
// Before this, a press would have gone nowhere.
idle();
