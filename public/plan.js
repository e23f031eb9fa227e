// The plan page: a search over all layouts of a training run, in the planner's worker. All settings are in the address.
const version = new URL(import.meta.url).search;
const beside = (file) => import(new URL(`./${file}${version}`, import.meta.url).href);
const [{ digits, element, navigation, table }, { ask, bytes, energy, scatter, seconds, stopAll, usd }] = await Promise.all(['report-kit.js', 'planner-kit.js'].map(beside));
navigation();
const byId = (id) => document.getElementById(id);
const [form, stop, status, problem, place] = ['form', 'stop', 'status', 'problem', 'report'].map(byId);
const field = (name) => form.elements.namedItem(name);
const DAY = 86_400;

// ---- settings and address

const KEYS = ['model', 'sequence', 'batch', 'tokens', 'precision', 'counts', 'network', 'deployment', 'deadline', 'budget'];
function fill(name, list, chosen) {
  field(name).replaceChildren(...list.map(({ id, name: text }) => element('option', { value: id, textContent: text, selected: chosen.includes(id) })));
}
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const key of KEYS) {
    const control = field(key);
    const value = asked.get(key);
    if (value === null || (control.tagName === 'SELECT' && ![...control.options].some((option) => option.value === value))) continue;
    control.value = value;
  }
  const chosen = (asked.get('accelerator') ?? '').split('.').filter(Boolean).join('.').split('~');
  const options = [...field('accelerator').options];
  if (options.some(({ value }) => chosen.includes(value))) for (const option of options) option.selected = chosen.includes(option.value);
}
const accelerators = () => [...field('accelerator').selectedOptions].map(({ value }) => value);
function remember() {
  const parts = KEYS.filter((key) => field(key).value !== '').map((key) => `${key}=${encodeURIComponent(field(key).value)}`);
  parts.push(`accelerator=${accelerators().join('~')}`);
  history.replaceState(null, '', `#${parts.join('&')}`);
}
function scenario() {
  return {
    name: '', accelerator: accelerators()[0], accelerator_count: 1, measured_device: null, interconnect: field('network').value,
    deployment: field('deployment').value, model: field('model').value, precision: field('precision').value,
    sequence_length: Number(field('sequence').value), global_batch_size: Number(field('batch').value), training_tokens: Number(field('tokens').value) * 1e9,
  };
}
function question() {
  const number = (name) => (field(name).value === '' ? null : Number(field(name).value));
  const deadline = number('deadline');
  return {
    scenario: scenario(), accelerators: accelerators(), counts: field('counts').value.split(',').map(Number).filter((count) => count >= 1 && count <= 1e6),
    deadline_seconds: deadline === null ? null : deadline * DAY, budget_usd: number('budget'), top: 12,
  };
}

// ---- drawing

const COLUMNS = [['Accelerator', ''], ['Count', ''], ['TP', ''], ['PP', ''], ['Chunks', ''], ['CP', ''], ['EP', ''], ['DP', ''], ['Micro batch', ''], ['ZeRO', ''], ['Recomputation', ''], ['Step', 's'], ['80 % from', 's'], ['to', 's'], ['Time', 'days'], ['Cost', 'USD'], ['Energy', 'MWh'], ['Memory', 'GiB'], ['Waits most for', '']];
const row = (c) => [c.accelerator, c.accelerator_count, c.tensor_parallel_size, c.pipeline_parallel_size, c.virtual_pipeline_size, c.context_parallel_size, c.expert_parallel_size, c.data_parallel_size, c.micro_batch_size, c.zero_stage, c.recomputation, c.step_seconds, c.step_seconds_low80, c.step_seconds_high80, c.time_to_train_seconds / DAY, c.cost_usd, c.energy_joules / 3.6e9, c.memory_bytes_per_accelerator / 2 ** 30, c.binding_resource.replaceAll('_', ' ')];
const WORDS = { TP: 'Tensor parallelism: ranks that share each product', PP: 'Pipeline parallelism: stages of layers', CP: 'Context parallelism: ranks that share each sequence', EP: 'Expert parallelism: ranks that share the experts', DP: 'Data parallelism: replicas', ZeRO: 'What replicas share: 0 nothing, 1 optimizer states, 3 weights too', Chunks: 'Interleaved chunks of a pipeline stage' };

function detail(candidate, where) {
  const longest = Math.max(...candidate.step_parts.map((part) => part.seconds));
  const bars = candidate.step_parts.flatMap((part) => {
    const bar = element('span', { className: 'bar' });
    bar.style.inlineSize = `${(part.seconds / longest) * 100}%`;
    return [element('span', { textContent: part.part }), bar, element('span', { className: 'amount', textContent: seconds(part.seconds) })];
  });
  const link = element('a', { textContent: 'Open this layout as a scenario', href: './' });
  link.dataset.testid = 'adopt';
  ask('link', { ...scenario(), accelerator: candidate.accelerator, ...Object.fromEntries(['accelerator_count', 'tensor_parallel_size', 'pipeline_parallel_size', 'virtual_pipeline_size', 'context_parallel_size', 'expert_parallel_size', 'micro_batch_size', 'zero_stage'].map((key) => [key, candidate[key]])), full_recomputation: candidate.recomputation === 'full', selective_recomputation: candidate.recomputation === 'selective' })
    .then((address) => { link.href = `./#${address}`; }, () => link.remove());
  where.replaceChildren(
    element('h3', { textContent: `${candidate.accelerator}: ${candidate.summary}` }),
    element('p', { textContent: `A step takes ${seconds(candidate.step_seconds)} (80 % interval ${seconds(candidate.step_seconds_low80)} to ${seconds(candidate.step_seconds_high80)}), the run ${seconds(candidate.time_to_train_seconds)} and ${usd(candidate.cost_usd)}; ${bytes(candidate.memory_bytes_per_accelerator)} on the fullest accelerator, ${energy(candidate.energy_joules)}.` }),
    element('div', { className: 'parts' }, ...bars),
    element('p', {}, link),
  );
}
function front(report, where) {
  const by = new Map();
  for (const c of report.front) {
    if (!by.has(c.accelerator)) by.set(c.accelerator, []);
    by.get(c.accelerator).push({ x: c.time_to_train_seconds / DAY, y: c.cost_usd, candidate: c, row: row(c).slice(1), words: `${c.accelerator}, ${c.summary}: ${seconds(c.time_to_train_seconds)}, ${usd(c.cost_usd)}, ${energy(c.energy_joules)}, ${bytes(c.memory_bytes_per_accelerator)}` });
  }
  return scatter('Layouts that no other one beats in everything', { axes: ['time of the run, days', 'cost of the run, USD'], groups: [...by], columns: COLUMNS, chosen: (point) => detail(point.candidate, where), file: 'ridgepoint-plan' });
}
function finish(report, since) {
  const left = report.fleets.filter((fleet) => fleet.left_out).map((fleet) => element('p', { className: 'problem', textContent: `${digits(fleet.count)} ${fleet.accelerator} left out: ${fleet.left_out}` }));
  const where = element('section', {}, element('p', { textContent: 'Choose a mark, or a row of the table, to see its step in parts.' }));
  where.dataset.testid = 'detail';
  const sections = [element('p', { className: 'explanation', textContent: report.explanation }), ...left];
  sections[0].dataset.testid = 'explanation';
  if (report.best.length) {
    const [wide, keepAs] = table('The best layouts', { columns: COLUMNS, rows: report.best.map(row) });
    wide.querySelector('table').dataset.testid = 'best';
    for (const head of wide.querySelectorAll('thead th')) head.title = WORDS[head.textContent] ?? '';
    wide.querySelectorAll('tbody tr').forEach((line, at) => {
      const button = element('button', { type: 'button', textContent: line.firstChild.textContent, onclick: () => detail(report.best[at], where) });
      line.firstChild.replaceChildren(button);
    });
    sections.push(element('section', {}, element('h2', { textContent: 'The best layouts' }), wide, keepAs), where);
    detail(report.best[0], where);
  }
  if (report.front.length) sections.push(element('section', {}, element('h2', { textContent: 'What no other layout beats in time, cost, energy and memory' }), ...front(report, where)));
  place.replaceChildren(...sections);
  place.hidden = false;
  status.textContent = `${digits(report.considered)} layouts in ${digits(Math.round(performance.now() - since))} ms; ${digits(report.fitting)} fit. Times are predictions with an 80 % interval; prices are the catalog's median offers.`;
}

// ---- the search

async function search() {
  const since = performance.now();
  problem.hidden = true;
  if (!accelerators().length) {
    [problem.textContent, problem.hidden] = ['No accelerator is chosen. Nothing was searched. Choose at least one.', false];
    return;
  }
  remember();
  stop.hidden = false;
  status.textContent = 'Searching.';
  try {
    const report = await ask('plan', question(), ({ share, front: found }) => {
      status.textContent = `${Math.round(share * 100)} % done, ${digits(found.length)} layouts on the front so far.`;
    });
    finish(report, since);
  } catch (error) {
    if (error.message === 'Stopped.') status.textContent = 'Stopped. The last result below is unchanged.';
    else [problem.textContent, problem.hidden, status.textContent] = [error.message, false, 'The last result below is unchanged.'];
  }
  stop.hidden = true;
}
form.addEventListener('submit', (event) => { event.preventDefault(); search(); });
form.addEventListener('change', () => remember());
stop.addEventListener('click', stopAll);
try {
  const catalog = await ask('catalog', null);
  fill('model', catalog.models, ['llama-3.1-405b']);
  fill('accelerator', catalog.accelerators, ['h100-sxm']);
  fill('network', catalog.interconnects, ['infiniband-ndr']);
  fromAddress();
  addEventListener('hashchange', fromAddress);
  status.textContent = 'Ready.';
  search();
} catch (error) {
  [problem.textContent, problem.hidden, status.textContent] = [error.message, false, 'The planner is not there.'];
}
