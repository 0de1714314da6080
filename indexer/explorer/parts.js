// What pages are made of: tables that become cards on a phone, facts, panels, longer lists.

import { ask } from './api.js';
import { h, route } from './dom.js';
import { count } from './format.js';

/**
 * columns: [label, row => content, class?]. On a phone each row becomes a card, by styles that would take a table's roles
 * away: so they are given by name.
 */
export function table(caption, columns, rows, empty = 'None.') {
  if (!rows.length) return h('p', { class: 'quiet' }, empty);
  const labels = columns.map(([label, , kind]) => h('th', { scope: 'col', role: 'columnheader', class: kind }, label));
  // What is wider than the page is moved by the arrow keys: then it has to be a stop of the keyboard.
  const wide = columns.length > 8 ? { tabindex: 0, role: 'group', 'aria-label': caption } : {};
  return h(
    'div',
    { class: 'scroll', ...wide },
    h(
      'table',
      { role: 'table' },
      h('caption', { class: 'hidden' }, caption),
      h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, labels)),
      h(
        'tbody',
        { role: 'rowgroup' },
        rows.map((row) => tableRow(columns, row)),
      ),
    ),
  );
}

function tableRow(columns, row) {
  const cells = columns.map(([label, cell, kind]) =>
    h('td', { role: 'cell', 'data-label': label, class: kind }, h('span', null, cell(row))),
  );
  return h('tr', { role: 'row' }, cells);
}

/** A list with a button for more of it, and a file of all of it. */
export function pages(caption, path, query, columns, first, empty) {
  const shown = table(caption, columns, first.data, empty);
  const words = new URLSearchParams({ ...Object.fromEntries(present(query)), format: 'csv' });
  const file = first.data.length ? h('a', { class: 'file', href: `${path}?${words}`, download: true }, 'CSV') : null;
  let next = first.next;
  const more = h('button', { type: 'button', class: 'more', onclick: load }, 'Show more');
  async function load() {
    more.disabled = true;
    const answer = await ask(path, { ...Object.fromEntries(present(query)), cursor: next }).catch((error) => error);
    more.disabled = false;
    if (answer instanceof Error) return void (more.textContent = `${answer.message} Try again`);
    shown.querySelector('tbody').append(...answer.data.map((row) => tableRow(columns, row)));
    next = answer.next;
    if (!next) more.remove();
  }
  return [shown, h('p', { class: 'below' }, next ? more : null, file)];
}

const present = (query) => Object.entries(query ?? {}).filter(([, value]) => value !== '' && value != null);

/** facts: [label, content]. */
export function facts(list) {
  return h(
    'dl',
    { class: 'facts' },
    list.filter(Boolean).map(([label, content]) => h('div', null, h('dt', null, label), h('dd', null, content))),
  );
}

export function tiles(list) {
  return h(
    'ul',
    { class: 'tiles' },
    list.map(([label, content, href]) => {
      const inside = [h('span', { class: 'label' }, label), h('strong', null, content)];
      return h('li', null, href ? h('a', { href }, inside) : h('div', null, inside));
    }),
  );
}

export function panel(title, ...content) {
  const id = `panel-${title.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')}`;
  return h('section', { class: 'panel', 'aria-labelledby': id }, h('h2', { id }, title), content);
}

/** Filters as a form whose fields are the page's address. fields: [name, label, options or null for a text]. */
export function filters(path, query, fields) {
  function change(event) {
    const values = { ...query, [event.target.name]: event.target.value.trim() };
    location.hash = route(path, values).slice(1);
  }
  return h(
    'form',
    { class: 'filters', onsubmit: (event) => event.preventDefault() },
    fields.map(([name, label, options]) => {
      const id = `filter-${name}`;
      const field = options
        ? h(
            'select',
            { id, name, onchange: change },
            options.map((option) => choice(option, query[name] ?? '')),
          )
        : h('input', {
            id,
            name,
            value: query[name] ?? '',
            onchange: change,
            autocomplete: 'off',
            spellcheck: 'false',
          });
      return h('div', null, h('label', { for: id }, label), field);
    }),
  );
}

function choice(option, chosen) {
  const [value, label] = [option].flat().length === 2 ? option : [option, option.replaceAll('_', ' ')];
  return h('option', { value, selected: value === chosen }, label);
}

export const heading = (title, ...beside) => h('div', { class: 'heading' }, h('h1', { tabindex: '-1' }, title), beside);

export const things = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
