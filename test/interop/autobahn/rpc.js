// Calls and errors between every pair of serializations. Arguments: the callee's URL, the
// caller's, then the serializations.
'use strict';
const { isDeepStrictEqual: equal } = require('node:util');
const { autobahn, open, close, tell, run } = require('./lib.js');

// 2**53-1 is the largest integer that every serialization and JavaScript agree on.
const values = ['text', 'ünïcödé ✓ 🦊', '', 0, -1, 1.5, 2 ** 53 - 1, true, false, null, [], [1, [2, [3]]], { a: { b: [null] }, '': 0 }];

run(async (calleeURL, callerURL, ...serializations) => {
  for (const calleeSpeaks of serializations) {
    const callee = await open(calleeURL, calleeSpeaks);
    const prefix = `com.myapp.${calleeSpeaks}`;
    await callee.register(`${prefix}.echo`, (args, kwargs, details) => new autobahn.Result(args, kwargs));
    await callee.register(`${prefix}.nothing`, () => null);
    await callee.register(`${prefix}.fail`, () => {
      throw new autobahn.Error('com.myapp.error.broken', ['it broke', 7], { part: 'spring' });
    });
    await callee.register(`${prefix}.crash`, () => {
      throw new TypeError('not a WAMP error');
    });
    await callee.register(`${prefix}.slow`, (args) => new Promise((answer) => setTimeout(() => answer(args[0]), args[1])));

    for (const callerSpeaks of serializations) {
      const caller = await open(callerURL, callerSpeaks);
      const name = (what) => `${callerSpeaks} calls ${calleeSpeaks}: ${what}`;

      const echo = await caller.call(`${prefix}.echo`, values, { list: values, one: 1 });
      tell(name('arguments'), equal(echo.args, values));
      tell(name('keyword arguments'), equal(echo.kwargs, { list: values, one: 1 }));
      const large = 'x'.repeat(200000);
      tell(name('200 kB'), (await caller.call(`${prefix}.echo`, [large, 1])).args[0] === large);
      tell(name('nothing'), await caller.call(`${prefix}.nothing`));

      const error = async (procedure) => {
        try {
          return await caller.call(procedure);
        } catch (e) {
          return { error: e.error, args: e.args, kwargs: e.kwargs };
        }
      };
      tell(name('error'), await error(`${prefix}.fail`));
      tell(name('exception'), (await error(`${prefix}.crash`)).error);
      tell(name('no such procedure'), (await error(`${prefix}.absent`)).error);

      // Answers come in the order of their being ready; each has to find its call.
      const many = await Promise.all(Array.from({ length: 20 }, (_, i) => caller.call(`${prefix}.slow`, [i, 20 - i])));
      tell(name('20 calls at once'), many.every((answer, i) => answer === i));
      await close(caller);
    }
    await close(callee);
  }
});
