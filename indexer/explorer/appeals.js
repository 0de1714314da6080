// Appeals against what panels found, and models that were found to be copies.

import { askAll } from './api.js';
import { h, route } from './dom.js';
import { address, amount, badge, digest, moment, score, taskLink } from './format.js';
import { filters, heading, pages, panel } from './parts.js';

const modelOf = (row, id) => [taskLink(row.task_id), `, model ${id}`];

export const appealColumns = (now) => [
  ['Model', (row) => modelOf(row, row.submission_id)],
  ['Appellant', (row) => address(row.appellant)],
  ['Attempt', (row) => row.attempt, 'right'],
  ['Bond', (row) => amount(row.bond), 'right'],
  ['Outcome', (row) => (row.outcome ? badge(row.outcome) : badge('waiting'))],
  ['Got', (row) => amount(row.paid), 'right'],
  ['When', (row) => moment(row.timestamp, now)],
  ['Events', (row) => h('a', { href: route('/events', { task_id: row.task_id, from_block: row.block_number }) }, 'since then')],
]; // prettier-ignore

const copyColumns = (now) => [
  ['Model', (row) => modelOf(row, row.id)],
  ['Trainer', (row) => address(row.trainer)],
  ['Found', (row) => badge(row.state)],
  ['Original', (row) => (row.original_id ? `model ${row.original_id}` : 'as its panel said')],
  ['Score', (row) => score(row.score), 'right'],
  ['Slashed', (row) => amount(row.slashed), 'right'],
  ['Digest', (row) => digest(row.digest)],
  ['When', (row) => moment(row.settled_at, now)],
];

export async function appealsPage({ query, now }) {
  const [appeals, copies] = await askAll(['/appeals', query], '/copies');
  const time = now();
  return [
    heading('Appeals and copies'),
    panel(
      'Appeals',
      filters('/appeals', query, [
        ['outcome', 'Outcome', [['', 'any'], 'upheld', 'rejected', 'returned']],
        ['appellant', 'Appellant'],
        ['task_id', 'Task'],
      ]),
      pages('Appeals', '/appeals', query, appealColumns(time), appeals, 'No appeal fits.'),
    ),
    panel('Copies', pages('Copies', '/copies', {}, copyColumns(time), copies, 'No model was found to be a copy.')),
  ];
}
