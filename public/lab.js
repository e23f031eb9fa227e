// The laboratory: settings in the address, training in the compute worker, results drawn as they come.
const version = new URL(import.meta.url).search;
const beside = (file) => import(new URL(`./${file}${version}`, import.meta.url).href);
const [{ startWorker }, { digits, element, keep, lines, navigation }, { PRESETS, complete, settings }, views] = await Promise.all(
  ['start-worker.js', 'report-kit.js', 'lab-settings.js', 'lab-views.js'].map(beside),
);
const byId = (id) => document.getElementById(id);
const lab = document.querySelector('main');
const form = byId('form');
const say = (words) => { byId('status').textContent = words; };
const form_ = settings(form);
const LARGEST_TEXT = 4 * 1024 * 1024;
const LARGEST_FILE = 512 * 1024 * 1024;
navigation();

// ---- settings and address

const fragment = () => location.hash.slice(1);
form_.fromQuery(fragment());
addEventListener('hashchange', () => form_.fromQuery(fragment()));
const remember = () => history.replaceState(null, '', `#${form_.query()}`);
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('change', (event) => {
  if (event.target.name === 'model') form_.put(complete({ model: event.target.value }));
  form_.apply();
  remember();
});
for (const [name, changes] of PRESETS) {
  const choose = () => {
    form_.put(complete(changes));
    remember();
    say(`Set: ${name.toLowerCase()}. Press Start.`);
    byId('start').focus();
  };
  byId('presets').append(element('button', { type: 'button', textContent: name, onclick: choose }));
}

// ---- the worker

let worker = null;
let next = 0;
let run = null;
function ensure() {
  if (worker) return worker;
  worker = startWorker();
  worker.onmessage = ({ data }) => {
    if (Array.isArray(data) && data[0] === 'trap') return died(`The worker stopped: ${data[1]}`);
    if (data.lab) hear(data);
    return undefined;
  };
  worker.onerror = () => died('The worker could not be loaded.');
  return worker;
}
function send(lab_, more = {}, transfer = []) {
  const id = ++next;
  ensure().postMessage({ lab: lab_, id, ...more }, transfer);
  return id;
}
function died(what) {
  worker?.terminate();
  worker = null;
  problem({ what, kept: 'What was saved of the run is still in this browser.', next: 'Continue it, or start again; a new worker begins.' });
  state('idle');
  send('look');
}
function state(name) {
  lab.dataset.state = name;
  const busy = name !== 'idle';
  byId('start').disabled = busy;
  byId('stop').disabled = name === 'idle' || name === 'stopping';
  byId('pause').disabled = !(name === 'running' || name === 'paused');
  byId('pause').textContent = name === 'paused' ? 'Go on' : 'Pause';
  byId('write-now').disabled = !(run?.writes && (name === 'running' || name === 'paused' || name === 'idle'));
  for (const group of form.querySelectorAll('[data-group]')) group.disabled = busy;
  for (const button of byId('presets').children) button.disabled = busy;
  byId('import').disabled = busy;
  if (busy) byId('kept').hidden = true;
  if (!busy) run = run && { ...run, over: true };
}
function problem(trouble, ...buttons) {
  const place = byId('problem');
  place.hidden = !trouble;
  if (!trouble) return place.replaceChildren();
  const words = [['', trouble.what], ['Kept: ', trouble.kept], ['Next: ', trouble.next]].filter(([, text]) => text);
  return place.replaceChildren(...words.map(([name, text]) => element('p', {}, name && element('strong', { textContent: name }), text)), ...buttons);
}

// ---- beginning, holding, ending

async function text() {
  const field = (name) => form.elements.namedItem(name).value;
  if (field('model') !== 'gpt') return {};
  if (field('text') === 'own') {
    const [file] = byId('file').files;
    if (!file) throw new Error('Choose your text file first. Links never carry files.');
    if (file.size > LARGEST_TEXT) throw new Error(`${file.name} has ${(file.size / 1048576).toFixed(1)} MiB; at most 4 MiB can be read here. Choose a shorter text.`);
    return { bytes: new Uint8Array(await file.arrayBuffer()), name: file.name };
  }
  const answer = await fetch(new URL(`./corpus/stories-and-explanations.txt${version}`, import.meta.url));
  if (!answer.ok) throw new Error('The text of this page could not be loaded. Check the connection, or choose a text file of yours.');
  return { bytes: new Uint8Array(await answer.arrayBuffer()), name: 'Stories and explanations' };
}
async function start() {
  problem(null);
  if (!form.reportValidity()) return;
  remember();
  state('starting');
  say('Starting.');
  views.figures(byId('figures'), []);
  try {
    const file = await text();
    const query = form_.query();
    fresh(send('start', { query, ...file }, file.bytes ? [file.bytes.buffer] : []));
  } catch (error) {
    state('idle');
    problem({ what: error.message });
    say('Nothing was started.');
    send('look');
  }
}
function goOn(rate = '') {
  problem(null);
  state('starting');
  say('Opening the kept run.');
  fresh(send('continue', { query: rate && `rate=${rate}` }));
}
byId('start').onclick = start;
byId('continue').onclick = () => goOn();
byId('discard').onclick = () => send('discard');
byId('export').onclick = () => send('export');
byId('pause').onclick = () => send(lab.dataset.state === 'paused' ? 'resume' : 'pause');
byId('stop').onclick = () => send('stop');
byId('write-now').onclick = () => send('write', { query: form_.query() });
byId('import').onchange = async ({ target }) => {
  const [file] = target.files;
  if (!file) return;
  if (file.size > LARGEST_FILE) return problem({ what: `${file.name} is larger than any run of this page.`, next: 'Choose another file.' });
  const bytes = new Uint8Array(await file.arrayBuffer());
  target.value = '';
  return send('import', { bytes, name: file.name }, [bytes.buffer]);
};

// ---- what a run shows

// A run begins: nothing of an earlier one stays.
function fresh(id) {
  run = { id, losses: [], norms: [], rates: [], shares: [], held: [], heldShares: [], latest: {}, due: 0, writes: false };
  for (const place of ['charts', 'results', 'notes']) byId(place).replaceChildren();
  views.figures(byId('figures'), []);
  byId('facts').hidden = true;
  byId('progress').value = 0;
}
const time = (seconds) => (seconds >= 90 ? `${Math.round(seconds / 60)} min` : `${Math.max(1, Math.round(seconds))} s`);
const size = (bytes) => (bytes < 1e6 ? `${digits(Math.ceil(bytes / 1e3))} kB` : `${digits(bytes / 1e6)} MB`);
const share = (value) => `${(value * 100).toFixed(1)} %`;

function begun(event) {
  Object.assign(run, { steps: event.steps, unit: event.unit, step: event.step, backend: event.backend });
  const asked = new URLSearchParams(event.query);
  if (event.query !== form_.query()) {
    form_.fromQuery(event.query);
    remember();
  }
  run.model = asked.get('model') ?? 'toy';
  run.labelled = run.model !== 'autoencoder';
  run.writes = run.model === 'gpt';
  const range = [0, event.steps];
  const chart = (heading, axes, more = {}) => lines(heading, { axes, series: [], range, file: `ridgepoint-${heading.toLowerCase().replaceAll(' ', '-')}`, ...more });
  const shares = run.writes ? 'Next tokens foreseen' : 'Share read rightly';
  run.loss = chart('Loss', ['Step', run.writes ? 'nats a token' : run.labelled ? 'nats' : 'mean square'], { log: !run.labelled });
  run.accuracy = run.labelled ? chart(shares, ['Step', '%']) : null;
  const section = (heading, part) => element('section', {}, element('h2', { textContent: heading }), ...part.nodes);
  run.more = element('details', {}, element('summary', { textContent: 'Gradient norm and learning rate' }));
  run.more.addEventListener('toggle', () => {
    if (!run.norm) {
      run.norm = chart('Gradient norm', ['Step', ''], { log: true });
      run.rate = chart('Learning rate', ['Step', '']);
      run.more.append(section('Gradient norm', run.norm), section('Learning rate', run.rate));
    }
    drawLines(true);
  });
  run.view = { toy: () => views.plane(event.plane), gpt: views.texts, autoencoder: views.reconstructions }[run.model]?.() ?? views.confusion();
  const charts = [section('Loss', run.loss), ...(run.accuracy ? [section(shares, run.accuracy)] : [])];
  byId('results').replaceChildren(run.view.node, element('div', { className: 'stack' }, ...charts));
  byId('charts').replaceChildren(run.more);
  points(event.points);
  event.evaluations.forEach(measured);
  byId('notes').replaceChildren(...event.notes.map((note) => element('li', { textContent: note })));
  run.facts = [['Runs on', event.backend === 'gpu' ? 'GPU (WebGPU)' : 'CPU (WebAssembly SIMD)', 'ran-on'], ['Why', event.reason, 'reason'], ['Parameters', digits(event.parameters)], ['Planned memory', size(event.plan_bytes)]];
  views.figures(byId('facts-list'), run.facts);
  byId('facts').hidden = false;
  state('running');
  say(event.step ? `Goes on from step ${digits(event.step)}. ${event.reason}` : event.reason);
  requestAnimationFrame(() => drawLines(true));
}
function points(rows) {
  for (const [step, loss, accuracy, norm, rate] of rows) {
    run.losses.push([step, loss]);
    run.shares.push([step, accuracy * 100]);
    run.norms.push([step, norm]);
    run.rates.push([step, rate]);
  }
  if (rows.length) run.step = rows.at(-1)[0] + 1;
}
// The noise of single batches averaged over a fiftieth of the run, so that accuracies can be read.
function smooth(rows) {
  const width = Math.max(1, Math.round(rows.length / 50));
  let sum = 0;
  return rows.map(([step, value], at) => {
    sum += value - (at >= width ? rows[at - width][1] : 0);
    return [step, sum / Math.min(at + 1, width)];
  });
}
function drawLines(now = false) {
  const begin = performance.now();
  if (!run?.loss || (!now && begin < run.due)) return;
  run.loss.update([['Training', run.losses], ['Held out', run.held]]);
  run.accuracy?.update([['Training, averaged', smooth(run.shares)], ['Held out', run.heldShares]]);
  if (run.norm && run.more.open) {
    run.norm.update([['Norm of all gradients, before clipping', run.norms]]);
    run.rate.update([['Learning rate', run.rates]]);
  }
  // A long curve takes longer to draw and is drawn less often: the page keeps its time for the visitor.
  const end = performance.now();
  run.due = end + Math.max(250, 20 * (end - begin));
}
function show() {
  if (!run.steps) return;
  const { latest } = run;
  const last = run.losses.at(-1);
  const rate = latest.per_second > 0 && lab.dataset.state === 'running';
  views.figures(byId('figures'), [
    ['Step', `${digits(run.step)} of ${digits(run.steps)}`, 'step'],
    ['Loss', last && digits(last[1]), 'loss'],
    ['Held-out loss', latest.held === undefined ? null : digits(latest.held), 'held-loss'],
    ['Held-out accuracy', latest.accuracy === undefined || latest.accuracy === null ? null : share(latest.accuracy), 'held-accuracy'],
    [`${run.unit[0].toUpperCase()}${run.unit.slice(1)} a second`, rate ? digits(Math.round(latest.per_second)) : null],
    ['To go', rate ? time(latest.remaining_seconds) : null],
    ['Learning rate', run.rates.length ? `${Number(run.rates.at(-1)[1].toPrecision(3))}` : null],
    ['Gradient norm', run.norms.length ? digits(run.norms.at(-1)[1]) : null],
    ['Kept at step', latest.saved === undefined ? null : `${digits(latest.saved)} (${size(latest.bytes)})`, 'saved'],
  ]);
  byId('progress').value = run.step / run.steps;
}
function measured(evaluation) {
  run.held.push([evaluation.step, evaluation.loss]);
  run.latest.held = evaluation.loss;
  run.latest.accuracy = evaluation.accuracy;
  if (evaluation.accuracy === null || evaluation.accuracy === undefined) return;
  run.heldShares.push([evaluation.step, evaluation.accuracy * 100]);
  if (run.model === 'toy') run.view.accuracy(evaluation.accuracy);
}
function finished(event) {
  const early = event.best_step !== null && event.best_step !== undefined;
  say(early
    ? `Stopped early at step ${digits(event.step)}: held-out loss was lowest at step ${digits(event.best_step)} and no longer fell.`
    : `Done: ${digits(event.step)} steps in ${time(event.seconds)}.`);
  views.figures(byId('facts-list'), [...run.facts, ['Digest of the loss curve', event.loss_digest, 'loss-digest'], ['Digest of the weights', event.weights_digest, 'weights-digest']]);
  over();
}
function over() {
  drawLines(true);
  state('idle');
  show();
  send('look');
}

// ---- what the worker says

function found({ kept, problem: trouble }) {
  const place = byId('kept');
  place.hidden = !kept || lab.dataset.state !== 'idle';
  if (trouble) say(`Runs cannot be kept in this browser: ${trouble}.`);
  if (!kept) return;
  const whole = kept.step >= kept.steps;
  const words = [
    `${whole ? 'A finished run of' : 'A run stopped at step'} ${digits(kept.step)}${whole ? ' steps' : ` of ${digits(kept.steps)}`} is kept: ${kept.model.toLowerCase().replace('gpt', 'GPT')}, ${new Date(kept.saved_milliseconds).toLocaleString()}.`,
  ];
  if (!whole) words.push('A new run takes its place.');
  if (kept.skipped.length) words.push(`Its newest file was damaged (${kept.skipped.join('; ')}); this is the one before.`);
  if (kept.other_build) words.push('Another build of this page saved it; it is opened if it still fits, and its last bits may differ.');
  byId('kept-words').textContent = words.join(' ');
  byId('continue').textContent = whole ? 'Open' : 'Continue';
}
const HEAR = {
  progress: ({ what }) => say(`${what}.`),
  started: begun,
  steps(event) {
    points(event.points);
    Object.assign(run.latest, { per_second: event.per_second, remaining_seconds: event.remaining_seconds });
    show();
    drawLines();
  },
  evaluated({ evaluation }) { measured(evaluation); show(); drawLines(); },
  boundary: (event) => run.view.boundary(event),
  reconstructions: (event) => run.view.show(event),
  confusion: (event) => run.view.show(event),
  pausing() { state('pausing'); say('Holding.'); },
  paused({ step }) { state('paused'); show(); drawLines(true); say(`Held at step ${digits(step)}.`); },
  resumed() { state('running'); say('Goes on.'); },
  stopping() { state('stopping'); say('Stopping; the last step is being kept.'); },
  stopped({ step }) { say(step ? `Stopped at step ${digits(step)} and kept.` : 'Stopped before the first step.'); over(); },
  saved({ step, bytes }) { Object.assign(run.latest, { saved: step, bytes }); if (run.steps) show(); },
  unsaved({ message }) { problem({ what: `The browser did not keep the run: ${message}.`, kept: 'Training goes on, and the newest state is in the memory of this tab.', next: 'Free some space, or keep the run as a file when it has stopped.' }); },
  recovered({ cause, step, backend }) {
    cutAt(step);
    run.lost = (run.lost ?? 0) + 1;
    run.facts = [...run.facts.filter(([name]) => name !== 'Losses of the GPU'), ['Losses of the GPU', `${run.lost}; the last put the run back to step ${digits(step)}`, 'losses']];
    views.figures(byId('facts-list'), run.facts);
    say(`The GPU was lost (${cause}); the run went back to step ${digits(step)} and goes on on the ${backend.toUpperCase()}.`);
  },
  finished,
  failed(event) {
    const tenth = Number(form.elements.namedItem('rate').value) / 10;
    const again = element('button', { type: 'button', textContent: `Continue with a rate of ${tenth}`, onclick: () => goOn(`${tenth}`) });
    again.dataset.testid = 'continue-slower';
    problem(event, ...(event.next.startsWith('Continue from there') ? [again] : []));
    say('The run is over.');
    over();
  },
};
// After a loss of the GPU some steps run again.
function cutAt(step) {
  for (const key of ['losses', 'norms', 'rates', 'shares']) run[key] = run[key].filter((row) => row[0] < step);
  for (const key of ['held', 'heldShares']) run[key] = run[key].filter((row) => row[0] <= step);
}
function hear(data) {
  if (data.lab === 'found') return found(data);
  if (data.lab === 'file') return keep(data.name, data.bytes, 'application/octet-stream');
  if (data.lab === 'sample') return run?.model === 'gpt' && run.view.show(data);
  if (data.id === run?.id && !run.over) return HEAR[data.lab]?.(data);
  if (data.lab === 'failed') problem(data);
  return undefined;
}
state('idle');
send('look');
