// The part of a driver that does not depend on the library: commands come as lines of JSON on the
// standard input, reports go as lines to the standard output (driver_test.go tells what they
// mean). library.join(how, closed) opens a session, an object with the methods
//
//   details, leave(), call(uri, args, kwargs, options, progress) -> {answer, cancel(mode), piece(args, options)},
//   register(uri, options, invoked, revoked) -> {details, unregister()},
//   subscribe(topic, options, happened) -> {details, unsubscribe()}, publish(topic, args, kwargs, options)
//
// invoked(args, kwargs, details, progress) returns a promise of {args, kwargs} that is rejected with a Failure.
'use strict';
const readline = require('node:readline');

// Failure is the ERROR or ABORT that something ended in; without a URI the library failed.
class Failure extends Error {
  constructor(uri, args, kwargs, message) {
    super(message || uri);
    Object.assign(this, { uri, args, kwargs });
  }
}

// Some libraries take large integers for BigInt, which JSON does not know; ids are below 2**53.
const plain = (key, value) => (typeof value === 'bigint' ? Number(value) : value);
const tell = (report) => process.stdout.write(`${JSON.stringify(report, plain)}\n`);

function failed(id, e) {
  const message = e && (e.stack || e.message) ? `${e.stack || e.message}` : String(e);
  tell({ id, kind: 'failed', uri: e && e.uri, args: e && e.args, kwargs: e && e.kwargs, message });
}

function drive(library) {
  const things = new Map(); // sessions, calls, registrations, subscriptions by the id of their command
  let invocations = 0;

  const register = async (c, session) => {
    const open = new Map();
    const invoked = (args, kwargs, details, progress) => new Promise((resolve, reject) => {
      const number = ++invocations;
      open.set(number, { resolve, reject, progress });
      tell({ id: c.id, kind: 'invocation', number, args, kwargs, details });
    });
    const revoked = (reason) => tell({ id: c.id, kind: 'revoked', uri: reason });
    const registration = await session.register(c.uri, c.options || {}, invoked, revoked);
    things.set(c.id, { ...registration, open });
    return registration.details;
  };

  const answer = (c) => {
    const open = things.get(c.of).open.get(c.number);
    if (c.progress) {
      open.progress(c.args || [], c.kwargs || {});
    } else if (c.error) {
      open.reject(new Failure(c.error, c.args || [], c.kwargs || {}));
    } else {
      open.resolve({ args: c.args || [], kwargs: c.kwargs || {}, options: c.options || {} });
    }
  };

  const call = async (c, session) => {
    const progress = (args, kwargs) => tell({ id: c.id, kind: 'progress', args, kwargs });
    const under = session.call(c.uri, c.args || [], c.kwargs || {}, c.options || {}, progress);
    things.set(c.id, under);
    const result = await under.answer;
    tell({ id: c.id, kind: 'done', args: result.args, kwargs: result.kwargs, details: result.details });
  };

  const commands = {
    join: async (c) => {
      const session = await library.join(c.join, (reason) => tell({ id: c.id, kind: 'closed', uri: reason }));
      things.set(c.id, session);
      return session.details;
    },
    leave: async (c) => { await things.get(c.of)?.leave(); },
    register: (c) => register(c, things.get(c.of)),
    unregister: (c) => things.get(c.of).unregister(),
    subscribe: async (c) => {
      const happened = (args, kwargs, details) => tell({ id: c.id, kind: 'event', args, kwargs, details });
      const subscription = await things.get(c.of).subscribe(c.uri, c.options || undefined, happened);
      things.set(c.id, subscription);
      return subscription.details;
    },
    unsubscribe: (c) => things.get(c.of).unsubscribe(),
    publish: (c) => things.get(c.of).publish(c.uri, c.args || [], c.kwargs || {}, c.options || {}),
  };

  readline.createInterface({ input: process.stdin }).on('line', async (line) => {
    const c = JSON.parse(line);
    try {
      switch (c.op) {
        case 'answer': answer(c); return;
        case 'cancel': things.get(c.of).cancel(c.options.mode); return;
        case 'piece': things.get(c.of).piece(c.args, c.options); return;
        case 'call': await call(c, things.get(c.of)); return;
      }
      const details = await commands[c.op](c);
      tell({ id: c.id, kind: 'done', details: typeof details === 'object' ? details : {} });
    } catch (e) {
      failed(c.id, e);
    }
  }).on('close', () => process.exit(0));
  process.on('uncaughtException', (e) => process.stderr.write(`${e.stack}\n`));
  process.on('unhandledRejection', (e) => process.stderr.write(`${(e && e.stack) || e}\n`));
}

module.exports = { drive, Failure };
