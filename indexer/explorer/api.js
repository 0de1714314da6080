// The API: JSON with the block that it holds for, problems as one sentence.

export class Problem extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** One answer: { block, block_hash, data, next }. Throws Problem. */
export async function ask(path, query) {
  const words = new URLSearchParams(Object.entries(query ?? {}).filter(([, value]) => value !== '' && value != null));
  let answer;
  try {
    answer = await fetch(words.size ? `${path}?${words}` : path, { headers: { accept: 'application/json' } });
  } catch {
    throw new Problem(0, 'The API does not answer.');
  }
  const body = await answer.json().catch(() => null);
  if (!answer.ok) throw new Problem(answer.status, body?.error?.message ?? `The API answers ${answer.status}.`);
  return body;
}

/** Several answers that hold for one block: all are asked again when a block came in between. */
export async function askAll(...questions) {
  for (let attempt = 0; ; attempt += 1) {
    const answers = await Promise.all(questions.map((question) => ask(...[question].flat())));
    if (attempt === 4 || new Set(answers.map((answer) => answer.block_hash)).size === 1) return answers;
  }
}

const specs = new Map();

/** The specification behind a digest, or null. What is known is kept: a digest never means anything else. */
export async function specOf(digest) {
  if (specs.has(digest)) return specs.get(digest);
  const found = await ask(`/specs/${digest}`).catch(() => null);
  if (found?.data.state === 'known') specs.set(digest, found.data.spec);
  return found?.data.spec ?? null;
}
