// The accuracy page: asks the planner to predict every published row without itself, and draws what comes out.
const version = new URL(import.meta.url).search;
const beside = (file) => import(new URL(`./${file}${version}`, import.meta.url).href);
const [{ csv, digits, element, keep, navigation, tools }, { MARKS, ask, scatter, stopAll }] = await Promise.all(['report-kit.js', 'planner-kit.js'].map(beside));
navigation();
const byId = (id) => document.getElementById(id);
const [share, stop, again, status, problem, place] = ['share', 'stop', 'again', 'status', 'problem', 'report'].map(byId);

const percent = (value) => `${digits(Math.round(value * 10) / 10)} %`;
const METRICS = {
  'iter_time_s': 'seconds of a training step',
  'tokens/s/GPU': 'training tokens per second and accelerator',
  'TFLOP/s/GPU': 'training TFLOP/s per accelerator',
  'tpot_ms': 'milliseconds per output token',
  'ttft_ms': 'milliseconds to the first token',
  'total_output_tokens/s': 'output tokens per second',
};

// ---- address: what the chart shows

const asked = new URLSearchParams(location.hash.slice(1));
const view = { metric: asked.get('metric'), by: ['source', 'accelerator', 'year', 'model'].includes(asked.get('by')) ? asked.get('by') : 'source' };
const remember = () => history.replaceState(null, '', `#metric=${encodeURIComponent(view.metric)}&by=${view.by}`);

// ---- drawing

function figures(report) {
  const columns = ['What was predicted', 'Rows', 'Answered', 'Mean error', 'Median', '90th percentile', 'Within 20 %', 'In the 80 % interval', 'Asked of itself', 'Others on comparable rows'];
  const head = columns.map((name) => element('th', { scope: 'col', textContent: name }));
  const cells = (f) => [f.rows, f.answered, percent(f.mape), percent(f.median), percent(f.p90), percent(f.within_20), percent(f.coverage)];
  const rows = report.figures.map((f) => {
    const verdict = f.bar ? element('span', { className: f.met ? 'met' : 'missed', textContent: f.met ? 'met: ' : 'missed: ' }) : '';
    return element('tr', {}, element('th', { scope: 'row', textContent: f.what }), ...cells(f).map((cell) => element('td', { className: 'number', textContent: cell })), element('td', {}, verdict, f.bar), element('td', { textContent: f.peers }));
  });
  const whole = element('table', { id: 'figures' }, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows));
  whole.dataset.testid = 'figures';
  const wide = element('div', { className: 'wide', tabIndex: 0 }, whole);
  wide.setAttribute('role', 'region');
  wide.setAttribute('aria-label', 'Figures');
  const flat = report.figures.map((f) => [f.what, f.rows, f.answered, f.mape, f.median, f.p90, f.within_20, f.coverage, f.bar, f.peers]);
  return [wide, tools(['Keep as CSV', () => keep('ridgepoint-accuracy.csv', csv(columns.map((name) => [name, '']), flat), 'text/csv')])];
}
function grouped(points) {
  const sizes = new Map();
  for (const point of points) sizes.set(point[view.by], (sizes.get(point[view.by]) ?? 0) + 1);
  const names = [...sizes.keys()].sort((a, b) => sizes.get(b) - sizes.get(a));
  const own = new Set(names.slice(0, names.length > MARKS ? MARKS - 1 : MARKS));
  const groups = new Map([...own].map((name) => [`${name || 'not stated'}`, []]));
  if (names.length > own.size) groups.set(`${names.length - own.size} others`, []);
  for (const point of points) {
    const name = own.has(point[view.by]) ? `${point[view.by] || 'not stated'}` : `${names.length - own.size} others`;
    const off = (point.predicted / point.measured - 1) * 100;
    groups.get(name).push({
      x: point.measured,
      y: point.predicted,
      words: `${point.model} on ${point.accelerator}, ${point.source} (${point.id}): measured ${digits(point.measured)}, predicted ${digits(point.predicted)} (${digits(point.low)} to ${digits(point.high)}) ${point.metric}, ${off > 0 ? '+' : ''}${percent(off)}`,
      row: [point.id, point.source, point.model, point.accelerator, point.year || '', point.metric, point.measured, point.predicted, point.low, point.high],
    });
  }
  return [...groups];
}
function chart(report, where) {
  const counts = new Map();
  for (const { metric } of report.points) counts.set(metric, (counts.get(metric) ?? 0) + 1);
  const metrics = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a));
  if (!metrics.includes(view.metric)) [view.metric] = metrics;
  const draw = () => {
    const points = report.points.filter(({ metric }) => metric === view.metric);
    const name = METRICS[view.metric] ?? view.metric;
    const columns = [['Group', ''], ['Row', ''], ['Source', ''], ['Model', ''], ['Accelerator', ''], ['Year', ''], ['Unit', ''], ['Measured', ''], ['Predicted', ''], ['Low 80 %', ''], ['High 80 %', '']];
    where.replaceChildren(...scatter('Predicted against measured', { axes: [`measured ${name}`, `predicted ${name}`], groups: grouped(points), columns, diagonal: true, file: 'ridgepoint-accuracy' }));
    remember();
  };
  const select = (label, key, options) => {
    const field = element('select', { onchange: () => { view[key] = field.value; draw(); } }, ...options.map(([value, text]) => element('option', { value, textContent: text, selected: value === view[key] })));
    field.dataset.testid = key;
    return element('label', {}, label, field);
  };
  const form = element('fieldset', {}, element('legend', { textContent: 'What the chart shows' }),
    select('Quantity', 'metric', metrics.map((metric) => [metric, `${METRICS[metric] ?? metric} (${counts.get(metric)} rows)`])),
    select('Marks by', 'by', [['source', 'source'], ['accelerator', 'accelerator'], ['year', 'year'], ['model', 'model']]));
  draw();
  return form;
}
function finish(report, since) {
  const where = element('div');
  const rankings = report.rankings.map((r) => element('p', {}, element('span', { className: r.met ? 'met' : 'missed', textContent: r.met ? 'met: ' : 'missed: ' }), `${r.what}: rank correlation ${digits(Math.round(r.tau * 100) / 100)} over ${r.rows} rows; the layout picked first is ${percent(r.pick_behind)} behind the best measured (${r.bar}).`));
  const controls = chart(report, where);
  place.replaceChildren(
    element('section', {}, element('h2', { textContent: 'Figures' }),
      element('p', { textContent: 'Errors are |predicted / measured - 1|. "By tenths" and "by thirds" deal the rows into parts, each predicted by parameters, corrections and intervals fitted on the others; the scales of the correction are the committed ones.' }),
      ...figures(report), ...rankings),
    element('section', {}, element('h2', { textContent: 'Predicted against measured' }),
      element('p', { textContent: 'Each mark is a published row, predicted without itself. On the dashed line prediction and measurement agree.' }), controls, where),
  );
  place.hidden = false;
  status.textContent = `${digits(report.points.length)} predictions of published rows, computed in this tab in ${((performance.now() - since) / 1000).toFixed(1)} s.`;
}

// ---- the computation

async function compute() {
  const since = performance.now();
  problem.hidden = true;
  [share.value, stop.hidden, again.hidden] = [0, false, true];
  try {
    const report = await ask('accuracy', null, (done) => {
      share.value = done;
      const left = ((performance.now() - since) / 1000 / done) * (1 - done);
      status.textContent = `${Math.round(done * 100)} % done, about ${Math.max(1, Math.round(left))} s left.`;
    });
    share.value = 1;
    finish(report, since);
  } catch (error) {
    if (error.message === 'Stopped.') status.textContent = 'Stopped. Nothing is lost: press the button to compute again.';
    else [problem.textContent, problem.hidden, status.textContent] = [error.message, false, 'Not computed.'];
  }
  [stop.hidden, again.hidden] = [true, false];
}
stop.addEventListener('click', stopAll);
again.addEventListener('click', compute);
compute();
