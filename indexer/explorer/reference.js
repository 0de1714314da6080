// The API's description as a page: every route, its parameters, an example, and a form to ask it.

import { ask } from './api.js';
import { h } from './dom.js';
import { argument } from './events.js';
import { heading, panel, table } from './parts.js';

let spec = null;

export async function apiPage() {
  spec ??= await ask('/openapi.json');
  const groups = new Map();
  for (const [path, { get }] of Object.entries(spec.paths)) {
    const group = get.tags[0];
    groups.set(group, [...(groups.get(group) ?? []), operation(path, get)]);
  }
  return [
    heading('API'),
    h(
      'div',
      { class: 'prose' },
      spec.info.description
        .trim()
        .split('\n\n')
        .map((part) => h('p', null, part)),
    ),
    h('p', null, h('a', { href: '/openapi.json' }, 'The description for programs (OpenAPI)')),
    [...groups].map(([group, parts]) => panel(group, parts)),
  ];
}

function operation(path, get) {
  const parameters = (get.parameters ?? []).filter((each) => each.in !== 'header');
  const answer = h('div', { class: 'answer', 'aria-live': 'polite' });
  const form = h(
    'form',
    { class: 'filters', onsubmit: (event) => (event.preventDefault(), run(path, parameters, form, answer)) },
    parameters.map((each) => field(path, each)),
    h('div', null, h('button', { type: 'submit' }, 'Ask')),
  );
  const content = Object.entries(get.responses['200']?.content ?? {});
  const [kind, { example } = {}] = content.find(([type]) => type === 'application/json') ?? content[0] ?? [];
  return h(
    'details',
    { class: 'operation' },
    h('summary', null, h('code', null, path), ' ', h('span', { class: 'quiet' }, get.description.split('\n')[0])),
    path === '/live' || path === '/metrics' ? null : form,
    answer,
    h('p', { class: 'quiet' }, `An answer (${kind}):`),
    h('pre', { tabindex: 0 }, typeof example === 'string' ? example : JSON.stringify(example, null, 1)),
  );
}

function field(path, { name, in: place, schema, example, description }) {
  const id = `${path}-${name}`;
  const options = schema.enum ?? schema.anyOf?.find((each) => each.enum)?.enum;
  const needed = place === 'path';
  const input = options
    ? h(
        'select',
        { id, name },
        (needed ? options : ['', ...options]).map((value) => h('option', { value }, value)),
      )
    : h('input', {
        id,
        name,
        placeholder: String(example),
        required: needed,
        autocomplete: 'off',
        spellcheck: 'false',
      });
  return h('div', null, h('label', { for: id, title: description }, name), input);
}

async function run(path, parameters, form, answer) {
  const values = new FormData(form);
  const query = {};
  let address = path;
  for (const { name, in: place } of parameters) {
    const value = String(values.get(name) ?? '').trim();
    if (place === 'path') address = address.replace(`{${name}}`, encodeURIComponent(value));
    else query[name] = value;
  }
  if (query.format === 'csv')
    return location.assign(`${address}?${new URLSearchParams(Object.entries(query).filter(([, value]) => value))}`);
  const found = await ask(address, query).catch((error) => error);
  answer.replaceChildren(...(found instanceof Error ? [h('p', { class: 'notice' }, found.message)] : shown(found)));
}

/** Lists as tables, whatever they are of. */
function shown(found) {
  const rows = found.data;
  const raw = h(
    'details',
    null,
    h('summary', null, 'As JSON'),
    h('pre', { tabindex: 0 }, JSON.stringify(found, null, 1)),
  );
  const title = h('p', null, `At block ${found.block}:`);
  if (!Array.isArray(rows)) return [title, h('pre', { tabindex: 0 }, JSON.stringify(rows, null, 1))];
  const names = Object.keys(rows[0] ?? {});
  return [
    title,
    table(
      'Answer',
      names.map((name) => [name, (row) => (row[name] === null ? '–' : argument(name, row[name]))]),
      rows,
    ),
    raw,
  ];
}
