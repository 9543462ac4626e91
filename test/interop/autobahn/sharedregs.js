// Shared registrations as the text on them has it: com.myapp.procedure1 to 5 with roundrobin,
// random, first, last and single. Each callee is connected to another replica; URLs are arguments.
'use strict';
const { open, close, refusal, tell, run } = require('./lib.js');

async function callee(url, name, single) {
  const session = await open(url);
  const [procedure1, procedure2, procedure3, procedure4, procedure5] = Array(5).fill(() => name);

  await session.register('com.myapp.procedure1', procedure1, { invoke: 'roundrobin' });
  await session.register('com.myapp.procedure2', procedure2, { invoke: 'random' });
  await session.register('com.myapp.procedure3', procedure3, { invoke: 'first' });
  await session.register('com.myapp.procedure4', procedure4, { invoke: 'last' });
  if (single) {
    await session.register('com.myapp.procedure5', procedure5, { invoke: 'single' });
  }
  return session;
}

run(async (...urls) => {
  const callees = [];
  for (const [i, url] of urls.entries()) {
    callees.push(await callee(url, `callee${i}`, i === 0));
  }
  const callers = [];
  for (const url of urls) {
    callers.push(await open(url));
  }
  // ask calls n times, one call after another, from one replica after another and back again.
  async function ask(procedure, n) {
    const answers = [];
    for (let i = 0; i < n; i++) {
      const at = Math.floor(i / 2) % callers.length;
      answers.push(await callers[at].call(procedure));
    }
    return answers;
  }

  for (const [procedure, calls] of [['procedure1', 30], ['procedure2', 90], ['procedure3', 6], ['procedure4', 6], ['procedure5', 6]]) {
    tell(procedure, await ask(`com.myapp.${procedure}`, calls));
  }

  const [last, other] = [callers.at(-1), callers[1]];
  const nobody = () => 'nobody';
  tell('mismatch', await refusal(last.register('com.myapp.procedure1', nobody, { invoke: 'last' })));
  tell('mismatch with the default', await refusal(last.register('com.myapp.procedure3', nobody)));
  tell('second single', await refusal(last.register('com.myapp.procedure5', nobody, { invoke: 'single' })));
  tell('second without invoke', await refusal(other.register('com.myapp.procedure5', nobody)));
  tell('shared on single', await refusal(last.register('com.myapp.procedure5', nobody, { invoke: 'roundrobin' })));
  tell('unknown policy', await refusal(last.register('com.myapp.procedure9', nobody, { invoke: 'sometimes' })));

  // Without invoke a registration is single.
  const plain = await callers[0].register('com.myapp.procedure6', () => 'callee0');
  tell('second of the default', await refusal(other.register('com.myapp.procedure6', nobody, { invoke: 'first' })));
  await plain.unregister();
  await other.register('com.myapp.procedure6', () => 'callee1');
  tell('after UNREGISTER', await ask('com.myapp.procedure6', 3));

  // Hot standby: the session of the active callee closes.
  await close(callees[0]);
  tell('first after its callee closed', await ask('com.myapp.procedure3', 6));
  tell('roundrobin after a callee closed', await ask('com.myapp.procedure1', 12));
  tell('single after its callee closed', await refusal(other.call('com.myapp.procedure5')));
  await close(callees.at(-1));
  tell('last after its callee closed', await ask('com.myapp.procedure4', 6));
  callees[0] = await callee(urls[0], 'callee0 again', true);
  tell('last after a callee came', await ask('com.myapp.procedure4', 6));
  tell('first after a callee came', await ask('com.myapp.procedure3', 6));
});
