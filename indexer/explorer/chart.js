// Plots as SVG: lines over time, scores of several judges, phases of a task. Each can be read without seeing it.

import { h, s } from './dom.js';
import { clock, duration, short } from './format.js';

const EDGE = { top: 12, right: 14, bottom: 26, left: 52 };

/** Draws again whenever the width changes. */
function responsive(figure, draw) {
  let width = 0;
  const watch = new ResizeObserver(([{ contentRect }]) => {
    const now = Math.floor(contentRect.width);
    if (now && now !== width) figure.replaceChildren(...draw((width = now)));
  });
  watch.observe(figure);
  return figure;
}

function ticks(low, high, most) {
  const span = high - low || 1;
  const power = 10 ** Math.floor(Math.log10(span / most));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => span / each <= most);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step * 1e-9; at += step) found.push(+at.toPrecision(12));
  return found;
}

const dated = (time, span) => {
  const text = new Date(time * 1000).toISOString();
  return span > 4 * 86400 ? text.slice(5, 10) : text.slice(11, span > 1200 ? 16 : 19);
};

/**
 * Lines over time. series: [{ name, points: [[time, value], …] }], all at the same times; values hold until the next.
 * format: value => text. Arrow keys move the mark.
 */
export function lines(title, series, format = short) {
  const times = series[0].points.map(([time]) => time);
  if (times.length < 2 || times[0] === times.at(-1))
    return h('p', { class: 'quiet' }, 'Too little has happened for a plot.');
  const legend = h(
    'ul',
    { class: 'legend' },
    series.map(({ name }, at) => h('li', { class: `series-${at}` }, name)),
  );
  const said = h('p', { class: 'said', 'aria-live': 'polite' });
  const frame = h('div', { class: 'plot' });
  responsive(frame, (width) => [drawLines(title, series, times, width, format, said)]);
  return h(
    'figure',
    { class: 'chart' },
    h('figcaption', null, title),
    legend,
    frame,
    said,
    numbers(title, series, format),
  );
}

function drawLines(title, series, times, width, format, said) {
  const height = Math.max(170, Math.min(260, width * 0.4));
  const [first, last] = [times[0], times.at(-1)];
  const values = series.flatMap(({ points }) => points.map(([, value]) => value));
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // From zero, unless that would make a flat line of what moves.
  const low = least > 0.7 * most ? least - (most - least || most * 0.1) * 0.3 : Math.min(0, least);
  const high = most > low ? most + (most - low) * 0.06 : low + 1;
  const x = (time) => EDGE.left + ((time - first) / (last - first)) * (width - EDGE.left - EDGE.right);
  const y = (value) => height - EDGE.bottom - ((value - low) / (high - low)) * (height - EDGE.top - EDGE.bottom);
  const across = ticks(low, high, 5).map((value) => [
    s('line', { class: 'grid', x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
    s('text', { class: 'tick', x: EDGE.left - 8, y: y(value) + 4, 'text-anchor': 'end' }, short(value)),
  ]);
  const marks = Math.max(2, Math.floor(width / 130));
  const down = Array.from({ length: marks + 1 }, (_, at) => first + ((last - first) * at) / marks).map((time, at) =>
    s(
      'text',
      { class: 'tick', x: x(time), y: height - 8, 'text-anchor': at === 0 ? 'start' : at === marks ? 'end' : 'middle' },
      dated(time, last - first),
    ),
  );
  const paths = series.map(({ points }, at) => line(points, x, y, at, height - EDGE.bottom, series.length === 1));
  const mark = s('g', { class: 'mark' });
  const svg = s(
    'svg',
    {
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: 'img',
      tabindex: 0,
      'aria-label': summary(title, series, format),
    },
    across,
    down,
    paths,
    mark,
  );
  pointing(svg, mark, { series, times, x, y, height, format, said });
  return svg;
}

function line(points, x, y, at, floor, filled) {
  const steps = points.map(([time, value], place) => `${place ? `H${x(time)}V` : `M${x(time)} `}${y(value)}`).join('');
  const area = `${steps}V${floor}H${x(points[0][0])}Z`;
  return s(
    'g',
    { class: `series-${at}` },
    filled ? s('path', { class: 'area', d: area }) : null,
    s('path', { class: 'line', d: steps }),
  );
}

/** A mark that follows pointer and arrow keys, and says what is there. */
function pointing(svg, mark, { series, times, x, y, height, format, said }) {
  let chosen = times.length - 1;
  function choose(at) {
    chosen = Math.max(0, Math.min(times.length - 1, at));
    const time = times[chosen];
    const dots = series.map(({ points }, place) =>
      s('circle', { class: `series-${place}`, cx: x(time), cy: y(points[chosen][1]), r: 4 }),
    );
    mark.replaceChildren(s('line', { x1: x(time), x2: x(time), y1: EDGE.top, y2: height - EDGE.bottom }), ...dots);
    const told = series.map(({ name, points }) => `${name} ${format(points[chosen][1])}`).join(' · ');
    said.textContent = `${clock(time)}: ${told}`;
  }
  svg.addEventListener('pointermove', (event) => {
    const place = event.clientX - svg.getBoundingClientRect().left;
    const after = times.findIndex((time) => x(time) >= place);
    choose(
      after === -1
        ? times.length - 1
        : after && place - x(times[after - 1]) < x(times[after]) - place
          ? after - 1
          : after,
    );
  });
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    choose(chosen + step);
  });
  svg.addEventListener('focus', () => choose(chosen));
}

function summary(title, series, format) {
  const told = series.map(({ name, points }) => `${name} from ${format(points[0][1])} to ${format(points.at(-1)[1])}`);
  return `${title}: ${told.join(', ')}. Arrow keys go through the values.`;
}

function numbers(title, series, format) {
  const details = h('details', { class: 'numbers' }, h('summary', null, 'As a table'));
  details.addEventListener(
    'toggle',
    () => {
      const head = h(
        'tr',
        null,
        ['Time', ...series.map(({ name }) => name)].map((name) => h('th', { scope: 'col' }, name)),
      );
      const rows = series[0].points.map(([time], at) =>
        h(
          'tr',
          null,
          h('td', null, clock(time)),
          series.map(({ points }) => h('td', { class: 'right' }, format(points[at][1]))),
        ),
      );
      details.append(
        h(
          'div',
          { class: 'scroll tall' },
          h(
            'table',
            { class: 'plain' },
            h('caption', { class: 'hidden' }, title),
            h('thead', null, head),
            h('tbody', null, rows),
          ),
        ),
      );
    },
    { once: true },
  );
  return details;
}

/** What several judges said of one thing, on a common scale. dots: [{ value, kind, title }]; consensus: value or null. */
export function spread(low, high, dots, consensus, label) {
  const frame = h('div', { class: 'spread' });
  return responsive(frame, (width) => {
    const x = (value) => 8 + ((value - low) / (high - low || 1)) * (width - 16);
    return [
      s(
        'svg',
        { viewBox: `0 0 ${width} 26`, width, height: 26, role: 'img', 'aria-label': label },
        s('line', { class: 'grid', x1: 8, x2: width - 8, y1: 13, y2: 13 }),
        consensus === null
          ? null
          : s('line', { class: 'consensus', x1: x(consensus), x2: x(consensus), y1: 3, y2: 23 }),
        dots.map(({ value, kind, title }) =>
          s('circle', { class: `dot ${kind}`, cx: x(value), cy: 13, r: 5 }, s('title', null, title)),
        ),
      ),
    ];
  });
}

/**
 * Phases on a time line. phases: [{ name, start, end, state: past | present | future }]; marks: [{ time, kind, title }].
 */
export function timeline(phases, marks, now) {
  const [first, last] = [phases[0].start, phases.at(-1).end];
  const frame = h('div', { class: 'plot' });
  responsive(frame, (width) => {
    const x = (time) => 4 + (Math.min(Math.max(time - first, 0), last - first) / (last - first || 1)) * (width - 8);
    const bars = phases.map(({ name, start, end, state }) => {
      const room = x(end) - x(start);
      return s(
        'g',
        { class: `phase ${state}` },
        s(
          'rect',
          { x: x(start), y: 22, width: Math.max(room - 2, 1), height: 26, rx: 4 },
          s('title', null, `${name}: ${clock(start)} to ${clock(end)}`),
        ),
        room > name.length * 8 + 12 ? s('text', { x: x(start) + 8, y: 39 }, name) : null,
      );
    });
    const signs = marks.map(({ time, kind, title }) =>
      s('circle', { class: `sign ${kind}`, cx: x(time), cy: 60, r: 4 }, s('title', null, `${title}, ${clock(time)}`)),
    );
    const here =
      now < last
        ? [
            s('line', { class: 'now', x1: x(now), x2: x(now), y1: 14, y2: 68 }),
            s('text', { class: 'tick', x: x(now), y: 10, 'text-anchor': x(now) > width / 2 ? 'end' : 'start' }, 'now'),
          ]
        : null;
    const label = `Time line of ${duration(last - first)}: ${phases.map(({ name, state }) => `${name} ${state}`).join(', ')}`;
    return [
      s(
        'svg',
        { viewBox: `0 0 ${width} 74`, width, height: 74, role: 'img', 'aria-label': label, class: 'timeline' },
        bars,
        signs,
        here,
      ),
    ];
  });
  return frame;
}
