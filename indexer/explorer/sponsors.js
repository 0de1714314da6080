// Bounties in other tokens: who gave what to which task, who was paid of it, and what went back.

import { askAll } from './api.js';
import { h, route } from './dom.js';
import { address, amount, contractName, moment, taskLink, units } from './format.js';
import { filters, heading, pages, panel } from './parts.js';

/** SKEIN as everywhere; of other tokens the index does not know the decimals, so their smallest units are counted. */
const sum = (token, value) => (contractName(token) === 'SkeinToken' ? [amount(value), ' SKEIN'] : units(value));

const sponsorshipColumns = () => [
  ['Task', (row) => taskLink(row.task_id)],
  ['Token', (row) => address(row.token)],
  ['Sponsor', (row) => address(row.sponsor)],
  ['Gave', (row) => sum(row.token, row.assets), 'right'],
  ['Got back', (row) => sum(row.token, row.refunded), 'right'],
];

const sponsoredColumns = (now) => [
  ['Who', (row) => address(row.operator)],
  ['As', (row) => (row.submission_id ? `trainer of model ${row.submission_id}` : 'validator')],
  ['Task', (row) => taskLink(row.task_id)],
  ['Token', (row) => address(row.token)],
  ['Got', (row) => sum(row.token, row.assets), 'right'],
  ['When', (row) => moment(row.timestamp, now)],
];

/** Panels for what a task or an account has to do with sponsors; nothing where that is nothing. */
export function sponsorPanels(given, paid, now, queries) {
  // What is the same in all rows is left out.
  const others = (columns, column) => columns.filter(([label]) => label !== column);
  const gifts = others(sponsorshipColumns(), queries.given.task_id ? 'Task' : 'Sponsor');
  const rewards = others(sponsoredColumns(now), queries.paid.task_id ? 'Task' : 'Who');
  return [
    given.data.length ? panel('Sponsors', pages('Sponsors', '/sponsorships', queries.given, gifts, given)) : null,
    paid.data.length
      ? panel('Paid by sponsors', pages('Paid by sponsors', '/sponsored', queries.paid, rewards, paid))
      : null,
  ];
}

export async function sponsorsPage({ query, now }) {
  const { task_id, sponsor, operator } = query;
  const queries = { given: { task_id, sponsor }, paid: { task_id, operator } };
  const [given, paid] = await askAll(['/sponsorships', queries.given], ['/sponsored', queries.paid]);
  return [
    heading('Sponsorships', h('a', { class: 'button', href: route('/tasks') }, 'Tasks')),
    h('p', { class: 'prose' }, 'Anybody can add a bounty in any token to a task, until its commit phase ends. It is shared like the task’s own; what nobody earned goes back. Amounts of other tokens than SKEIN are in their smallest units.'),
    filters('/sponsorships', query, [
      ['task_id', 'Task'],
      ['sponsor', 'Sponsor'],
      ['operator', 'Who was paid'],
    ]),
    panel('Given', pages('Given', '/sponsorships', queries.given, sponsorshipColumns(), given, 'No sponsorship fits.')),
    panel('Paid', pages('Paid', '/sponsored', queries.paid, sponsoredColumns(now()), paid, 'Nobody was paid of these yet.')),
  ]; // prettier-ignore
}
