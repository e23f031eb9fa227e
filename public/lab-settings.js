// Settings of the laboratory: defaults of each model, examples, and the address that holds them.

const COMMON = {
  optimizer: 'adam', rate: 0.003, schedule: 'constant', warmup: 0, floor: 0, decay: 0, clip: 0, ema: 0, smoothing: 0, dropout: 0,
  accumulate: 1, recompute: '', f16: '', seed: 1, backend: 'auto', every: 50, patience: 0, save: 10, digits: 1,
  plane: 'spiral', points: 400, noise: 0.02, text: 'corpus', tokenizer: 'byte', vocab: 512, latent: 8, patch: 7, heads: 4, kv: 4,
  length: 64, positions: 'rotary', block: 'gelu', tied: 1, prompt: 'The ', write: 160, heat: 0.8, topk: 40, draw: 1,
};
const MODELS = {
  toy: { width: 24, layers: 3, batch: 64, steps: 1500, rate: 0.01, schedule: 'cosine', every: 100 },
  mlp: { width: 128, layers: 2, batch: 64, steps: 1000, rate: 0.002, schedule: 'cosine', every: 100 },
  cnn: { width: 8, layers: 2, batch: 32, steps: 600, rate: 0.003, schedule: 'cosine', every: 100 },
  residual: { width: 8, layers: 1, batch: 32, steps: 400, rate: 0.003, schedule: 'onecycle', every: 100 },
  vit: { width: 48, layers: 2, batch: 32, steps: 1000, rate: 0.002, schedule: 'cosine', warmup: 50, clip: 1, every: 100 },
  autoencoder: { width: 128, layers: 2, latent: 8, batch: 64, steps: 1500, rate: 0.003, schedule: 'cosine', every: 100 },
  gpt: { width: 64, layers: 2, batch: 8, steps: 2000, rate: 0.003, optimizer: 'adamw', decay: 0.1, schedule: 'cosine', floor: 0.1, warmup: 50, clip: 1, every: 100 },
};

/** Examples: a name, and what differs from the defaults of its model. */
export const PRESETS = [
  ['Separate a spiral', { model: 'toy' }],
  ['Three spirals', { model: 'toy', plane: 'spirals3', points: 600, width: 32, steps: 2500 }],
  ['Read digits', { model: 'mlp' }],
  ['Read digits with convolutions', { model: 'cnn' }],
  ['Read digits with a residual network', { model: 'residual' }],
  ['Read digits with a vision transformer', { model: 'vit' }],
  ['Squeeze digits into eight numbers', { model: 'autoencoder' }],
  ['Write stories with a small GPT', { model: 'gpt' }],
  ['Write with byte pairs and modern blocks', { model: 'gpt', tokenizer: 'bpe', vocab: 512, block: 'swiglu', kv: 2, width: 96, layers: 3, length: 64, steps: 3000 }],
];

/** Every value of a model's settings, with changes. */
export const complete = (changes) => ({ ...COMMON, ...MODELS[changes.model ?? 'toy'], model: 'toy', ...changes });

/** The settings of a form. */
export function settings(form) {
  const fields = (name) => form.elements.namedItem(name);
  const shown = (field) => !field.closest('[data-for][hidden]') && !field.closest('label[hidden]');
  // Fields that do not belong to the model are neither shown nor part of the address.
  const apply = () => {
    const model = fields('model').value;
    for (const part of form.querySelectorAll('[data-for]')) {
      const own = !part.hasAttribute('data-own') || fields('text').value === 'own';
      const bpe = !part.hasAttribute('data-bpe') || fields('tokenizer').value === 'bpe';
      part.hidden = !(part.dataset.for.split(' ').includes(model) && own && bpe);
    }
  };
  const put = (values) => {
    for (const [key, value] of Object.entries(values)) {
      const field = fields(key);
      if (!field || field.type === 'file') continue;
      if (field.type === 'checkbox') field.checked = `${value}` === '1';
      else if (field.tagName !== 'SELECT' || [...field.options].some((option) => option.value === `${value}`)) field.value = value;
    }
    apply();
  };
  const query = () => [...form.elements]
    .filter((field) => field.name && shown(field) && (field.type === 'checkbox' ? field.checked : field.value !== ''))
    .map((field) => `${field.name}=${encodeURIComponent(field.value)}`)
    .join('&');
  const fromQuery = (text) => {
    const asked = Object.fromEntries(new URLSearchParams(text));
    put(complete({ ...asked, model: MODELS[asked.model] ? asked.model : 'toy' }));
  };
  return { apply, put, query, fromQuery };
}
