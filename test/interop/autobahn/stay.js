// A callee and a caller of Autobahn|JS that stay: the library connects again when their router is gone. The
// caller calls all the time until standard input ends, and prints what became of its calls:
// node stay.js URL REALM PROCEDURE
'use strict';
globalThis.WebSocket ??= require('ws').WebSocket;
console.warn = () => {}; // the library tells of every connection that ends
const autobahn = require('autobahn');

const [url, realm, procedure] = process.argv.slice(2);
const sum = { calls: 0, results: 0, errors: {}, unanswered: 0, resent: 0, connections: 0 };
let stopped = false;
process.stdin.on('end', () => { stopped = true; }).resume();

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });
const never = new Promise(() => {});

function stay(opened) {
  const connection = new autobahn.Connection({
    url, realm, max_retries: -1, initial_retry_delay: 0.05, max_retry_delay: 0.5, retry_delay_growth: 1.5,
    on_internal_error: () => {}, on_user_error: () => {},
  });
  let lost = never;
  let lose;
  connection.onopen = (session) => {
    sum.connections += 1;
    lost = new Promise((resolve) => { lose = resolve; });
    opened(session, lost);
  };
  connection.onclose = (reason) => {
    // "closed" when the router closed the connection and said so, "lost" when it just broke.
    if (lose) {
      lose({ farewell: reason === 'closed' });
    }
    return stopped; // true: do not connect again
  };
  connection.open();
  return connection;
}

const callee = stay((session) => {
  session.register(procedure, () => new autobahn.Result(['autobahn', 'service']), { invoke: 'roundrobin' })
    .catch((e) => console.error(`REGISTER: ${e.error} ${e.args}`));
});

// next is told each new session of the caller.
let next;
let session = new Promise((resolve) => { next = resolve; });
const caller = stay((s, lost) => {
  next({ s, lost });
  session = Promise.resolve({ s, lost });
});

async function call() {
  sum.calls += 1;
  for (;;) {
    const { s, lost } = await session;
    const answer = s.isOpen
      ? await Promise.race([s.call(procedure).then(() => ({ result: true }), (e) => ({ error: e && e.error })), lost])
      : { farewell: true };
    if (answer.result) {
      sum.results += 1;
      return;
    }
    const gone = answer.error && s.isOpen ? undefined : await Promise.race([lost, pause(2000)]);
    if (gone && gone.farewell) { // the router had not begun with it
      sum.resent += 1;
      while ((await session).s === s) {
        await pause(10);
      }
      continue;
    }
    if (answer.error && s.isOpen) {
      sum.errors[answer.error] = (sum.errors[answer.error] || 0) + 1;
    } else {
      sum.unanswered += 1;
      while ((await session).s === s) {
        await pause(10);
      }
    }
    return;
  }
}

(async () => {
  await session;
  while (!stopped) {
    await call();
    await pause(5);
  }
  console.log(JSON.stringify(sum));
  for (const c of [caller, callee]) {
    if (c.isOpen) {
      c.close();
    }
  }
  setTimeout(() => process.exit(0), 200);
})();
