// Federations: who is in them, and how their rounds went. Fields are shown by what they are called and look like.

import { ask, askAll } from './api.js';
import { h, route } from './dom.js';
import { argument, eventColumns } from './events.js';
import { facts, filters, heading, pages, panel } from './parts.js';

const named = (name) => name.replaceAll('_', ' ');
const shown = (name, value) => (value === null ? '–' : argument(name, value));

/** All fields of some rows as columns; `links` makes some of them more than what they look like. */
function columnsOf(rows, links = {}) {
  const names = Object.keys(rows[0] ?? {}).filter((name) => name !== 'federation_id');
  return names.map((name) => [named(name), links[name] ?? ((row) => shown(name, row[name]))]);
}

const fieldsOf = (row) => facts(Object.entries(row).map(([name, value]) => [named(name), shown(name, value)]));

export async function federationsPage({ query }) {
  const answer = await ask('/federations', query);
  const links = { id: (row) => h('a', { href: route(`/federations/${row.id}`) }, `Federation ${row.id}`) };
  const ended = [
    ['', 'any'],
    ['false', 'go on'],
    ['true', 'ended'],
  ];
  return [
    heading('Federations'),
    filters('/federations', query, [
      ['ended', 'State', ended],
      ['creator', 'Creator'],
    ]),
    pages('Federations', '/federations', query, columnsOf(answer.data, links), answer, 'No federation fits.'),
  ];
}

export async function federationPage({ path, now }) {
  const base = `/federations/${path[0]}`;
  const [found, members, rounds] = await askAll(base, `${base}/members`, `${base}/rounds`);
  const events = await ask('/events', { account: found.data.creator, limit: 15 });
  return [
    heading(`Federation ${path[0]}`),
    panel('Terms', fieldsOf(found.data)),
    panel(
      'Members',
      pages('Members', `${base}/members`, {}, columnsOf(members.data), members, 'Nobody has joined yet.'),
    ),
    panel('Rounds', pages('Rounds', `${base}/rounds`, {}, columnsOf(rounds.data), rounds, 'There was no round yet.')),
    panel(
      'Newest events of its creator',
      pages('Events', '/events', { account: found.data.creator }, eventColumns(now()), events),
    ),
  ];
}
