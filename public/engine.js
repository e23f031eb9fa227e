// The engine's views: settings in the address, work in the compute worker, reports drawn from plain data.
const version = new URL(import.meta.url).search;
const beside = (file) => import(new URL(`./${file}${version}`, import.meta.url).href);
const [{ startWorker }, { areas, element, keep, lines, navigation, table, tools }] = await Promise.all(['start-worker.js', 'report-kit.js'].map(beside));
navigation();
const form = document.getElementById('form');
const status = document.getElementById('status');
const problem = document.getElementById('problem');
const place = document.getElementById('report');
const stop = document.getElementById('stop');

const PASSES = [
  ['dead_code', 'Leave out what nobody reads'],
  ['common_subexpressions', 'Compute equal values once'],
  ['constant_folding', 'Compute constants ahead of time'],
  ['layout', 'Turn transposes into flags of products'],
  ['fusion', 'Join elementwise steps into one kernel'],
  ['epilogues', 'Finish products inside their kernel'],
  ['in_place', 'Write results over inputs that are done with'],
  ['arena_packing', 'Share memory between values that never meet'],
];
const FIRST = 'Nothing runs before you press a button. The settings are in this page\'s address.';

for (const [id, title] of PASSES) {
  const box = element('input', { type: 'checkbox', name: 'pass', value: id, checked: true });
  document.getElementById('passes').append(element('label', { className: 'switch' }, box, ` ${title}`));
}

// ---- settings and address

function query() {
  const data = new FormData(form);
  const parts = ['model', 'backend', 'batch', 'accumulate', 'recompute', 'f16']
    .filter((key) => data.get(key))
    .map((key) => `${key}=${encodeURIComponent(data.get(key))}`);
  const on = new Set(data.getAll('pass'));
  const off = PASSES.map(([id]) => id).filter((id) => !on.has(id));
  if (off.length) parts.push(`off=${off.join('.')}`);
  return parts.join('&');
}
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const [key, value] of asked) {
    const field = form.elements.namedItem(key);
    if (!field || key === 'pass') continue;
    if (field.type === 'checkbox') field.checked = value === '1';
    else if (field.tagName !== 'SELECT' || [...field.options].some((option) => option.value === value)) field.value = value;
  }
  const off = (asked.get('off') ?? '').split('.');
  for (const box of form.querySelectorAll('input[name="pass"]')) box.checked = !off.includes(box.value);
}
fromAddress();
addEventListener('hashchange', fromAddress);
form.addEventListener('change', () => history.replaceState(null, '', `#${query()}`));
form.elements.namedItem('model').addEventListener('change', (event) => {
  form.elements.namedItem('batch').value = event.target.value === 'gpt' ? 4 : 32;
});

// ---- the worker

let worker = null;
let next = 0;
let running = null;
function start() {
  if (worker) return worker;
  worker = startWorker();
  worker.onmessage = ({ data }) => {
    if (Array.isArray(data) && data[0] === 'trap') return fail(`The worker stopped: ${data[1]} Press the button again; a new one starts.`, true);
    if (!running || data.id !== running.id) return undefined;
    if (data.progress) status.textContent = `${data.progress}. ${Math.round((performance.now() - running.since) / 1000)} s so far.`;
    if (data.problem) fail(data.problem);
    if (data.report) finish(JSON.parse(data.report));
    return undefined;
  };
  worker.onerror = () => fail('The worker could not be loaded. Check the connection and press the button again.', true);
  return worker;
}
function idle() {
  running = null;
  stop.disabled = true;
  for (const button of form.querySelectorAll('button[name="view"]')) button.disabled = false;
}
function fail(text, drop = false) {
  if (drop) {
    worker?.terminate();
    worker = null;
  }
  problem.textContent = text;
  problem.hidden = false;
  status.textContent = 'The last report below is unchanged.';
  idle();
}
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const view = event.submitter?.value ?? 'passes';
  problem.hidden = true;
  running = { id: ++next, since: performance.now() };
  stop.disabled = false;
  for (const button of form.querySelectorAll('button[name="view"]')) button.disabled = true;
  status.textContent = 'Starting.';
  history.replaceState(null, '', `#${query()}`);
  start().postMessage({ inspect: view, id: running.id, query: query() });
});
stop.addEventListener('click', () => {
  worker?.terminate();
  worker = null;
  idle();
  status.textContent = 'Stopped. The last report below is unchanged.';
});

// ---- reports

function finish(report) {
  const sections = report.sections.map((section) => {
    const parts = [element('h3', { textContent: section.heading }), element('p', { textContent: section.note })];
    if (section.series) parts.push(...(section.stacked ? areas(section.heading, section) : lines(section.heading, section).nodes));
    if (section.columns) parts.push(...table(section.heading, section));
    if (section.file) parts.push(tools([`Keep ${section.file}`, () => keep(section.file, section.text, 'application/json')]));
    return element('section', {}, ...parts);
  });
  place.replaceChildren(element('h2', { textContent: report.title }), element('p', { className: 'summary', textContent: report.lead }), ...sections);
  place.hidden = false;
  status.textContent = `Done in ${((performance.now() - running.since) / 1000).toFixed(1)} s. Numbers are measured in this tab unless a section says that they come from the plan.`;
  idle();
}
status.textContent = FIRST;
// Before this, a press would have gone nowhere.
for (const button of form.querySelectorAll('button[name="view"]')) button.disabled = false;
