// Payouts and slashes, and the evidence for each.

import { ask } from './api.js';
import { h, route } from './dom.js';
import { eventColumns } from './events.js';
import { address, amount, badge, clock, digest, score, scoreText, weight } from './format.js';
import { facts, filters, heading, pages, panel, table } from './parts.js';
import { proposers, voters } from './federations.js';
import { payoutColumns, slashColumns, venue } from './tasks.js';

const REASONS = [
  'unrevealed',
  'duplicate',
  'invalid',
  'unavailable',
  'silent',
  'deviating',
  'harmful',
  'contrary',
  'forged',
];

export async function slashesPage({ query, now }) {
  return [
    heading('Slashes'),
    filters('/slashes', query, [
      ['reason', 'Why', [['', 'any'], ...REASONS]],
      ['operator', 'Who'],
      ['task_id', 'Task'],
      ['federation_id', 'Federation'],
    ]),
    pages('Slashes', '/slashes', query, slashColumns(now()), await ask('/slashes', query), 'No slash fits.'),
  ];
}

export async function payoutsPage({ query, now }) {
  return [
    heading('Payouts'),
    filters('/payouts', query, [
      ['role', 'As', [['', 'any'], 'trainer', 'validator', 'member', 'creator', 'settler', 'appellant']],
      ['account', 'Who'],
      ['task_id', 'Task'],
      ['federation_id', 'Federation'],
    ]),
    pages('Payouts', '/payouts', query, payoutColumns(now()), await ask('/payouts', query), 'No payout fits.'),
  ];
}

const WHY = {
  unrevealed: 'committed to a model and did not reveal it in time',
  duplicate: 'revealed a model that another trainer had committed to earlier',
  invalid: 'revealed a model that breaks the task’s specification',
  unavailable: 'revealed a model that the panel could not fetch',
  silent: 'was drawn for a panel and did not reveal a score',
  deviating: 'gave a verdict that the consensus refutes',
};

const IN_ROUND = {
  silent: 'was drawn for the round and did not do its part in time',
  harmful: 'proposed an update that two thirds of the voting stake found harmful',
  contrary: 'voted against what two thirds of the voting stake found',
  forged: 'attested to another model than the one that the accepted updates make',
};

/** One slash in a sentence, with the numbers that decide. */
function charge({ slash, task, submission, scores }) {
  const who = address(slash.operator);
  if (!slash.reason) return [who, ' was slashed by ', address(slash.module), ', which gives no reason.'];
  if (slash.federation_id) return [who, ` ${IN_ROUND[slash.reason] ?? slash.reason}.`];
  const own = scores.filter(({ validator }) => validator === slash.operator).at(-1);
  if (slash.reason !== 'deviating' || own?.score == null || submission?.score == null)
    return [who, ` ${WHY[slash.reason] ?? slash.reason}.`];
  const far = Math.abs(own.score - submission.score);
  return [
    who, ' scored model ', submission.id, ' with ', score(own.score), '; the consensus is ', score(submission.score), '. That is ', score(far),
    ' away, and ', h('b', null, scoreText(task.slash_tolerance)), ' is what the task tolerates.',
  ]; // prettier-ignore
}

const ROLES = {
  trainer: 'as trainer, by rank and the square root of the stake',
  validator: 'as validator, by closeness to the consensus',
  creator: 'as creator: what of bounty and bond is the creator’s',
  member: 'as member: what the rounds below earned, as far as it was not claimed before',
  appellant: 'as appellant: the bond, and what the appeal earned',
  settler: 'for settling: a tenth of what that slashed',
};

function grounds({ payout, task, submission, validator }) {
  const mine = payout.role === 'validator' ? validator : submission;
  const side = payout.role === 'validator' ? 'validator' : 'trainer';
  const share = mine && mine.weight !== '0' && ['trainer', 'validator'].includes(payout.role);
  return [
    h(
      'p',
      null,
      address(payout.account),
      ' got ',
      amount(payout.assets),
      ` SKEIN ${ROLES[payout.role] ?? payout.role}.`,
    ),
    share
      ? h(
          'p',
          { class: 'formula' },
          'weight ',
          weight(mine.weight),
          ' of ',
          weight(task[`${side}_weight`]),
          ' in a pot of ',
          amount(task[`${side}_pot`], 6),
          ' SKEIN = ',
          amount(mine.reward, 6),
          ' SKEIN',
        )
      : null,
  ];
}

export async function slashPage({ path, now }) {
  const { data } = await ask(`/slashes/${path[0]}`);
  const { slash } = data;
  const parts = [
    ['Lost', [amount(slash.assets), ' SKEIN']],
    ['Of own stake', amount(slash.own_assets)],
    ['Of own stake on its way out', amount(slash.own_exiting_assets)],
    ['Of delegated stake', amount(slash.delegated_assets)],
    ['Of delegated stake on its way out', amount(slash.delegated_exiting_assets)],
    slash.receiver ? ['Received by', address(slash.receiver)] : null,
  ];
  return [
    heading('Slash', badge(slash.reason)),
    panel('What happened', h('p', null, charge(data)), facts([...parts, ...where(slash)])),
    context(data, slash.operator, now()),
  ];
}

export async function payoutPage({ path, now }) {
  const { data } = await ask(`/payouts/${path[0]}`);
  const { payout } = data;
  const parts = [
    ['Paid', [amount(payout.assets, 6), ' SKEIN']],
    ['Stake unlocked', [amount(payout.unlocked), ' SKEIN']],
    ...where(payout),
  ];
  return [
    heading('Payout', h('span', { class: 'quiet' }, payout.role)),
    panel('What happened', grounds(data), facts(parts)),
    context(data, payout.account, now()),
  ];
}

const where = (row) => [
  ['In', venue(row)],
  ['When', clock(row.timestamp)],
  ['Where', `block ${row.block_number}, log ${row.log_index}`],
  ['Transaction', h('code', { class: 'whole' }, row.transaction_hash)],
];

/** What somebody did in a federation's round, beside what the others did; or in all of them. */
function federated({ round, roles }) {
  if (round)
    return [panel('Updates of the round', proposers(roles, round)), panel('Voters of the round', voters(roles))];
  if (!roles.length) return null;
  return panel('Rounds', table('Rounds', [
    ['Round', (role) => h('a', { href: route(`/federations/${role.federation_id}/rounds/${role.round}`) }, `Round ${role.round}`)],
    ['As', (role) => (role.proposes ? 'proposer' : 'voter')],
    ['Got', (role) => amount(role.reward, 6), 'right'],
    ['Lost', (role) => [amount(role.slashed), role.reason ? [' ', badge(role.reason)] : ''], 'right'],
  ], roles)); // prettier-ignore
}

function context(data, who, now) {
  const { submission, panel: drawn, scores, events } = data;
  const attempts = new Map(drawn.map((row) => [`${row.attempt} ${row.validator}`, row]));
  const said = new Set(scores.map((row) => `${row.attempt} ${row.validator}`));
  const silent = [...attempts.values()]
    .filter((row) => !said.has(`${row.attempt} ${row.validator}`))
    .map((row) => ({ ...row, score: null, verdict: null, weight: '0' }));
  return [
    federated(data),
    submission
      ? panel('The model', facts([
          ['Model', `#${submission.id}`],
          ['Trainer', address(submission.trainer)],
          ['State', badge(submission.state)],
          ['Consensus', score(submission.score)],
          ['Digest', digest(submission.digest)],
        ]))
      : null, // prettier-ignore
    scores.length || silent.length
      ? panel('Who said what', table('Scores', [
          ['Attempt', (row) => row.attempt, 'right'],
          ['Model', (row) => row.submission_id, 'right'],
          ['Validator', (row) => [address(row.validator), row.validator === who ? ' ←' : '']],
          ['Score', (row) => (row.verdict ? badge(row.verdict) : row.score === null ? badge('silent') : score(row.score)), 'right'],
          ['Weight', (row) => weight(row.weight), 'right'],
          ['Copy of', (row) => (row.copy_of ? `#${row.copy_of}` : '–'), 'right'],
          ['Report', (row) => (row.report_digest ? digest(row.report_digest) : '–')],
        ], [...scores, ...silent]))
      : null, // prettier-ignore
    panel(
      'The transaction',
      table('Events of the transaction', eventColumns(now), events),
      h('p', { class: 'quiet' }, 'Anyone can check this on the chain itself, by the hash above.'),
    ),
  ];
}

export const moneyLinks = () => [
  h('a', { href: route('/payouts') }, 'All payouts'),
  ' · ',
  h('a', { href: route('/slashes') }, 'All slashes'),
];
