// The issues of a repository as files: `open/12/title`, `open/12/body.md`, `open/12/issue.json`.
//
// `GET {base_url}/repos/{repository}/issues` is what GitHub, Gitea and Forgejo have. Every answer
// is made of what the upstream says now; the host keeps both, so nothing is remembered here.

import { fetch } from 'omnifs:provider/http@1.0.0';
import { get as secret } from 'omnifs:provider/secrets@1.0.0';
import { get as settings } from 'omnifs:provider/config@1.0.0';
import { log } from 'omnifs:provider/log@1.0.0';

const ROOT = 0n;
const ERROR = 1n;
const ERROR_FILE = 'error.txt';

/** The directories of the root. An issue is in one of them; its number never changes. */
const STATES = [
  { name: 'open', inode: 2n, error: 4n },
  { name: 'closed', inode: 3n, error: 5n },
];

/** The files of an issue, by the last digit of their inodes: those of issue 12 are 121 to 123. */
const FILES = [
  { name: 'title', digit: 1n, text: (issue) => `${issue.title}\n` },
  { name: 'body.md', digit: 2n, text: (issue) => `${issue.body ?? ''}\n` },
  { name: 'issue.json', digit: 3n, text: (issue) => `${JSON.stringify(issue, null, 2)}\n` },
];

/** A request that failed, which the host saw. */
class Failure extends Error {}

/** Something that the host cannot see: it is shown in a file. */
class Problem extends Error {}

// componentize-js names a class of each resource, and makes none of one without functions (its
// issue 221). Its code has a global object of its own, which its functions lead to.
secret.constructor('globalThis.import_secrets_1_0_0$Secret = class {}')();

/** The handle of the token. It is asked for once: componentize-js gives none back that was used. */
let token;

export const filesystem = {
  lookupChild(parent, name) {
    const state = STATES.find(({ inode }) => inode === parent);
    if (parent === ROOT) {
      const found = STATES.find((state) => state.name === name);
      if (found) return { inode: found.inode, kind: 'directory' };
      return name === ERROR_FILE && reason(configuration) ? file(ERROR) : undefined;
    }
    if (state) {
      if (name === ERROR_FILE) return reason(() => numbers(state)) ? file(state.error) : undefined;
      if (!/^[1-9][0-9]{0,14}$/.test(name)) return undefined;
      const there = attempt(() => issue(name)?.state === state.name, false);
      return there ? { inode: BigInt(name) * 10n, kind: 'directory' } : undefined;
    }
    const found = FILES.find((file) => file.name === name);
    return found && file(parent + found.digit);
  },

  listChildren(inode) {
    if (inode === ROOT) {
      const names = STATES.map(({ name }) => name);
      return reason(configuration) ? [...names, ERROR_FILE] : names;
    }
    const state = STATES.find((state) => state.inode === inode);
    if (!state) return FILES.map(({ name }) => name);
    return attempt(() => numbers(state), [], () => [ERROR_FILE]);
  },

  readFile(inode) {
    const state = STATES.find(({ error }) => error === inode);
    const text = inode === ERROR ? reason(configuration)
      : state ? reason(() => numbers(state))
        : attempt(() => content(inode));
    return text === undefined ? undefined : new TextEncoder().encode(text);
  },
};

function file(inode) {
  return { inode, kind: 'file' };
}

function content(inode) {
  const { text } = FILES.find(({ digit }) => digit === inode % 10n);
  const found = issue(inode / 10n);
  return found && text(found);
}

/** Returns the numbers of the issues in a state, as names. */
function numbers(state) {
  const found = [];
  let url = `${issues()}?state=${state.name}&per_page=100`;
  while (url) {
    const answer = answerOf(url);
    if (!answer) throw new Problem(`${url}: there is no such repository, or the token may not see it`);
    const page = parsed(answer);
    if (!Array.isArray(page)) throw new Problem(`${url}: the answer is no list of issues`);
    // GitHub lists pull requests among them.
    found.push(...page.filter((issue) => !issue.pull_request).map((issue) => `${issue.number}`));
    url = next(answer);
  }
  return found;
}

/** Returns an issue, or nothing when there is none with that number. */
function issue(number) {
  const answer = answerOf(`${issues()}/${number}`);
  const issue = answer && parsed(answer);
  return issue && !issue.pull_request ? issue : undefined;
}

function configuration() {
  const { base_url: base, repository } = JSON.parse(settings());
  if (typeof base !== 'string') throw new Problem('base_url is not set in [provider.config]');
  if (!/^[\w.-]+\/[\w.-]+$/.test(repository)) {
    throw new Problem('repository is not set to OWNER/NAME in [provider.config]');
  }
  return { base: base.replace(/\/+$/, ''), repository };
}

function issues() {
  const { base, repository } = configuration();
  return `${base}/repos/${repository}/issues`;
}

/** Makes a request; 404 and 410 are no answer. */
function answerOf(url) {
  token ??= secret('TOKEN');
  const headers = [['accept', { tag: 'text', val: 'application/json' }]];
  // The host puts the value in, after its checks.
  if (token) headers.push(['authorization', { tag: 'secret', val: { tag: 'bearer', val: token } }]);
  const answer = sent({ method: 'GET', url, headers, redirects: 'follow' });
  if (answer.status === 404 || answer.status === 410) return undefined;
  if (answer.status !== 200) throw new Failure(`${url}: status ${answer.status}`);
  return answer;
}

function sent(request) {
  try {
    return fetch(request);
  } catch (error) {
    // An error of the contract has a payload; whatever has none is a mistake of this program.
    if (!error.payload) throw error;
    throw new Failure(`${request.url}: ${error.payload.tag}: ${error.payload.val ?? ''}`);
  }
}

function parsed({ url, body }) {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch (error) {
    throw new Problem(`${url}: the answer is no JSON: ${error.message}`);
  }
}

/** Returns where the next page is (RFC 8288). */
function next({ headers }) {
  const values = headers.filter(([name]) => name.toLowerCase() === 'link');
  const links = values.map(([, value]) => new TextDecoder().decode(value)).join(',');
  return /<([^>]*)>\s*;[^,<]*\brel="?next"?/.exec(links)?.[1];
}

/** Returns what is wrong, if it is something that the host cannot see. */
function reason(work) {
  let text;
  attempt(work, undefined, (problem) => { text = `${problem}\n`; });
  return text;
}

/**
 * Does something. The host saw each request that failed, and makes an errno of nothing; of a
 * Problem it knows nothing, so `otherwise` shows it. Both are in the provider's log. A mistake of
 * this program goes on, and costs the instance: nothing must not stand for it.
 */
function attempt(work, nothing, otherwise = () => nothing) {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Failure || error instanceof Problem)) throw error;
    log('error', error.message);
    return error instanceof Problem ? otherwise(error.message) : nothing;
  }
}
