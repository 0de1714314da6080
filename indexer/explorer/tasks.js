// Tasks: the list, and one task with its phases, its leaderboard, who scored what, and where the money went.

import { ask, askAll, specOf } from './api.js';
import { appealColumns } from './appeals.js';
import { spread, timeline } from './chart.js';
import { h, route } from './dom.js';
import { eventColumns } from './events.js';
import {
  PHASES,
  address,
  amount,
  badge,
  clock,
  count,
  digest,
  duration,
  federationLink,
  moment,
  place,
  score,
  scoreText,
  taskLink,
  taskState,
} from './format.js';
import { facts, filters, heading, pages, panel, table, things } from './parts.js';
import { sponsorPanels } from './sponsors.js';

/** A cell that gets the task's title as soon as it is known. */
export function titled(task) {
  const title = h('span', { class: 'title' }, `Task ${task.id}`);
  specOf(task.spec_digest).then((spec) => spec && (title.textContent = spec.title));
  return h('a', { href: route(`/tasks/${task.id}`), class: 'titled' }, title, h('small', null, ` #${task.id}`));
}

export const taskColumns = (now) => [
  ['Task', titled],
  ['State', taskState],
  ['Bounty', (task) => amount(task.bounty), 'right'],
  ['Models', (task) => count(task.submission_count), 'right'],
  ['Validators', (task) => count(task.validator_count), 'right'],
  ['Creator', (task) => address(task.creator)],
  ['Next', (task) => (task.phase_ends ? moment(task.phase_ends, now) : '–')],
];

export async function tasksPage({ query, now }) {
  const answer = await ask('/tasks', query);
  return [
    heading('Tasks', h('a', { class: 'button', href: route('/sponsorships') }, 'Sponsorships')),
    filters('/tasks', query, [
      ['phase', 'Phase', [['', 'any'], ...Object.entries(PHASES)]],
      ['outcome', 'Outcome', [['', 'any'], 'settled', 'failed', 'void', 'abandoned']],
      [
        'order',
        'Order',
        [
          ['', 'newest'],
          ['id', 'oldest'],
          ['-bounty', 'largest bounty'],
          ['-commit_ends', 'commit ends last'],
        ],
      ],
      ['creator', 'Creator'],
    ]),
    pages('Tasks', '/tasks', query, taskColumns(now()), answer, 'No task fits.'),
  ];
}

/** The phases with their times; windows of the latest attempt, and what came before it in one piece. */
function phasesOf(task, released, now) {
  const spans = [
    ['Commit', task.created_at, task.commit_ends],
    ['Reveal', task.commit_ends, task.reveal_ends],
  ];
  const keyed = released ?? task.key_ends;
  spans.push(['Key', task.reveal_ends, keyed]);
  if (task.score_commit_ends) {
    const begun = task.score_commit_ends - task.score_commit_window;
    spans.push(['Earlier attempt', keyed, begun]);
    spans.push(['Score commit', begun, task.score_commit_ends]);
    spans.push(['Score reveal', task.score_commit_ends, task.score_reveal_ends]);
    spans.push(['Challenge', task.score_reveal_ends, task.challenge_ends]);
  }
  const settling = spans.at(-1)[2];
  const stopped = task.finalized_at ?? (task.cancelled ? task.created_at : null);
  spans.push(['Settle', settling, stopped ?? now]);
  return spans
    .filter(([, start, end]) => end > start)
    .map(([name, start, end]) => {
      const never = stopped !== null && start >= stopped;
      return { name, start, end, state: never ? 'never' : end <= now ? 'past' : start <= now ? 'present' : 'future' };
    });
}

const SIGNS = {
  SubmissionCommitted: 'commits to a model',
  SubmissionRevealed: 'reveals a model',
  ValidatorRegistered: 'joins as validator',
  KeyReleased: 'the key is released',
  ScoresCommitted: 'commits to scores',
  ScoreRevealed: 'reveals a score',
  SubmissionScored: 'a model is scored',
  TrainerSlashed: 'a trainer is slashed',
  ValidatorSlashed: 'a validator is slashed',
  TaskFinalized: 'the task is finalized',
};

function marksOf(events) {
  return events
    .filter(({ name }) => SIGNS[name?.split('.')[1]])
    .map((event) => {
      const kind = event.name.split('.')[1];
      return {
        time: event.timestamp,
        kind: /Slashed/.test(kind) ? 'bad' : /Scored|Finalized/.test(kind) ? 'good' : 'going',
        title: SIGNS[kind],
      };
    });
}

function parameters(task) {
  const unit = (value) => scoreText(value);
  return facts([
    ['Creator', address(task.creator)],
    ['Bounty', [amount(task.bounty), ' SKEIN']],
    ['Bond', [amount(task.bond), ' SKEIN']],
    ['Slashed', [amount(task.slashed), ' SKEIN']],
    ['Metric', task.maximise ? 'higher is better' : 'lower is better'],
    ['Panel', `${task.panel_size} of ${task.validator_count}, quorum ${task.quorum}`],
    ['Paid ranks', task.paid_ranks],
    ['Tolerance', `${unit(task.tolerance)}, slashed beyond ${unit(task.slash_tolerance)}`],
    [
      'Least stakes',
      ['trainer ', amount(task.min_trainer_stake, 0), ', validator ', amount(task.min_validator_stake, 0)],
    ],
    ['Specification', digest(task.spec_digest)],
    ['Held-out set', digest(task.held_out_digest)],
    ['Created', h('span', null, clock(task.created_at))],
  ]);
}

/** Models from best to worst, each with what its panel said. */
function board(task, submissions, scores, slashes) {
  const values = scores.filter((row) => row.score !== null).map((row) => row.score);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const slashed = new Set(
    slashes.filter(({ reason }) => reason === 'deviating').map((row) => `${row.submission_id} ${row.operator}`),
  );
  const ranked = [...submissions].sort((a, b) => order(a, task) - order(b, task) || a.id - b.id);
  const best = ranked.filter((row) => row.score !== null).map((row) => row.id);
  return [
    table(
      'Leaderboard',
      [
        ['Rank', (row) => row.rank ?? (row.score === null ? '–' : `(${best.indexOf(row.id) + 1})`), 'right'],
        ['Model', (row) => [`#${row.id} `, address(row.trainer)]],
        ['State', (row) => [badge(row.state), row.original_id ? ` of #${row.original_id}` : '']],
        ['Score', (row) => score(row.score), 'right'],
        ['What validators said', (row) => judged(row, scores, slashed, low, high), 'spreads'],
        ['Stake', (row) => amount(row.stake, 0), 'right'],
        ['Reward', (row) => amount(row.reward), 'right'],
      ],
      ranked,
      'Nobody has committed to a model yet.',
    ),
    values.length
      ? h(
          'p',
          { class: 'key' },
          h('span', { class: 'weighted' }, 'near the consensus'),
          h('span', { class: 'none' }, 'no weight'),
          h('span', { class: 'slashed' }, 'slashed'),
          h('span', { class: 'median' }, 'consensus'),
        )
      : null,
  ];
}

const order = (row, task) => (row.score === null ? Infinity : task.maximise ? -row.grid_score : row.grid_score);

function judged(row, scores, slashed, low, high) {
  const said = scores.filter((each) => each.submission_id === row.id);
  const last = Math.max(...said.map((each) => each.attempt));
  const now = said.filter((each) => each.attempt === last);
  const verdicts = now.filter((each) => each.verdict);
  const copies = [...new Set(now.map((each) => each.copy_of).filter(Boolean))];
  const dots = now
    .filter((each) => each.score !== null)
    .map((each) => {
      const kind = slashed.has(`${row.id} ${each.validator}`) ? 'slashed' : each.weight === '0' ? 'none' : 'weighted';
      return { value: each.score, kind, title: `${each.validator}: ${scoreText(each.score)} (${kind})` };
    });
  dots.sort((a, b) => (a.kind === 'weighted') - (b.kind === 'weighted'));
  const label = `${things(dots.length, 'score')}${row.score === null ? '' : `, consensus ${scoreText(row.score)}`}`;
  return [
    dots.length ? spread(low, high, dots, row.score, label) : null,
    verdicts.length
      ? h(
          'small',
          null,
          verdicts.map((each) => badge(each.verdict)),
        )
      : null,
    copies.length ? h('small', null, `called a copy of ${copies.map((each) => `#${each}`).join(', ')}`) : null,
    now.length ? null : '–',
  ];
}

/** The task and model, or the federation and round, that money is about. */
export function venue(row) {
  if (row.task_id) return [taskLink(row.task_id), row.submission_id ? `, model ${row.submission_id}` : ''];
  if (!row.federation_id) return '–';
  const round = `/federations/${row.federation_id}/rounds/${row.round}`;
  return [
    federationLink(row.federation_id),
    row.round ? [', ', h('a', { href: route(round) }, `round ${row.round}`)] : '',
  ];
}

export const slashColumns = (now) => [
  ['Who', (row) => address(row.operator)],
  ['Why', (row) => badge(row.reason)],
  ['Lost', (row) => amount(row.assets), 'right'],
  ['In', venue],
  ['When', (row) => moment(row.timestamp, now)],
  ['Evidence', (row) => h('a', { href: route(`/slashes/${place(row)}`) }, place(row)), 'right'],
];

export const payoutColumns = (now) => [
  ['Who', (row) => address(row.account)],
  ['As', (row) => row.role],
  ['Got', (row) => amount(row.assets), 'right'],
  ['Unlocked', (row) => amount(row.unlocked), 'right'],
  ['In', venue],
  ['When', (row) => moment(row.timestamp, now)],
  ['Evidence', (row) => h('a', { href: route(`/payouts/${place(row)}`) }, place(row)), 'right'],
];

function specification(spec) {
  if (!spec) return null;
  const rest = [
    ['Kind', spec.kind],
    ['Metric', spec.metric],
    ['Model up to', `${count(spec.limits.max_model_bytes)} bytes`],
    [
      'Evaluation up to',
      `${duration(spec.limits.max_seconds)}, ${count(spec.limits.max_memory_bytes)} bytes of memory`,
    ],
    ['Training data', digest(spec.training_digest)],
  ];
  return panel('What it asks for', h('p', { class: 'prose' }, spec.description), facts(rest));
}

export async function taskPage({ path, now }) {
  const id = path[0];
  const all = { limit: 200 };
  const [task, submissions, scores, validators, slashes, payouts, appeals, given, paid, events, newest, keys] = await askAll(
    `/tasks/${id}`, [`/tasks/${id}/submissions`, all], [`/tasks/${id}/scores`, all], [`/tasks/${id}/validators`, all],
    [`/tasks/${id}/slashes`, all], [`/tasks/${id}/payouts`, all], ['/appeals', { task_id: id }], ['/sponsorships', { task_id: id }], ['/sponsored', { task_id: id }],
    ['/events', { task_id: id, limit: 200 }], ['/events', { task_id: id, limit: 15 }],
    ['/events', { task_id: id, name: 'Arena.KeyReleased', limit: 1 }],
  ); // prettier-ignore
  const spec = await specOf(task.data.spec_digest);
  const time = now();
  const [released] = keys.data;
  const gone =
    submissions.next || scores.next || validators.next
      ? h('p', { class: 'notice' }, 'Only the first 200 are shown here: the API has all.')
      : null;
  return [
    heading(
      spec?.title ?? `Task ${id}`,
      spec ? h('span', { class: 'quiet' }, `Task ${id}`) : null,
      taskState(task.data),
    ),
    panel(
      'Phases',
      timeline(phasesOf(task.data, released?.timestamp, time), marksOf(events.data), time),
      task.data.phase_ends
        ? h('p', null, PHASES[task.data.phase], ' ends ', moment(task.data.phase_ends, time), '.')
        : null,
    ),
    panel('Leaderboard', gone, board(task.data, submissions.data, scores.data, slashes.data)),
    specification(spec),
    panel('Terms', parameters(task.data)),
    panel('Validators', table('Validators', [
      ['#', (row) => row.index, 'right'],
      ['Validator', (row) => address(row.operator)],
      ['Stake', (row) => amount(row.stake, 0), 'right'],
      ['Scores', (row) => count(row.scores), 'right'],
      ['Slashed', (row) => amount(row.slashed), 'right'],
      ['Reward', (row) => amount(row.reward), 'right'],
    ], validators.data, 'Nobody has joined yet.')), // prettier-ignore
    appeals.data.length
      ? panel('Appeals', pages('Appeals', '/appeals', { task_id: id }, appealColumns(time), appeals))
      : null,
    slashes.data.length
      ? panel('Slashes', pages('Slashes', `/tasks/${id}/slashes`, {}, slashColumns(time), slashes))
      : null,
    payouts.data.length
      ? panel('Payouts', pages('Payouts', `/tasks/${id}/payouts`, {}, payoutColumns(time), payouts))
      : null,
    sponsorPanels(given, paid, time, { given: { task_id: id }, paid: { task_id: id } }),
    panel('Events', pages('Events', '/events', { task_id: id }, eventColumns(time), newest)),
  ];
}
