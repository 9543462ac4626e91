// Events between replicas and serializations. Arguments: the URLs, then the serializations.
'use strict';
const { open, close, tell, run } = require('./lib.js');

run(async (...args) => {
  const urls = args.filter((a) => a.includes('://'));
  const serializations = args.filter((a) => !a.includes('://'));

  // A subscriber for each pair of replica and serialization.
  const subscribers = [];
  for (const url of urls) {
    for (const speaks of serializations) {
      const session = await open(url, speaks);
      const subscriber = { name: `${speaks} at replica ${urls.indexOf(url)}`, session, seen: [] };
      subscriber.subscription = await session.subscribe('com.myapp.topic', (list, kwargs) => {
        subscriber.seen.push(`${list[0]}/${kwargs.n}`);
        subscriber.wake?.();
      });
      subscribers.push(subscriber);
    }
  }
  const await_ = (subscriber, n) => new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${subscriber.name} saw ${subscriber.seen} only`)), 5000);
    subscriber.wake = () => {
      if (subscriber.seen.length >= n) {
        clearTimeout(timer);
        resolve();
      }
    };
    subscriber.wake();
  });

  const expected = [];
  for (const url of urls) {
    for (const speaks of serializations) {
      const publisher = await open(url, speaks);
      for (let n = 0; n < 3; n++) {
        await publisher.publish('com.myapp.topic', [`${speaks}${urls.indexOf(url)}`], { n }, { acknowledge: true });
        expected.push(`${speaks}${urls.indexOf(url)}/${n}`);
      }
      await Promise.all(subscribers.map((s) => await_(s, expected.length)));
      await close(publisher);
    }
  }
  for (const s of subscribers) {
    tell(s.name, JSON.stringify(s.seen) === JSON.stringify(expected) ? 'every event, in order' : s.seen);
  }

  // A publisher does not get its own event unless it asks for it.
  const [own, other] = [subscribers[0], subscribers.at(-1)];
  const before = own.seen.length;
  await own.session.publish('com.myapp.topic', ['own'], { n: 0 }, { acknowledge: true });
  await await_(other, other.seen.length === expected.length ? expected.length + 1 : other.seen.length);
  await own.session.publish('com.myapp.topic', ['own'], { n: 1 }, { acknowledge: true, exclude_me: false });
  await await_(own, before + 1);
  tell('own events', own.seen.slice(before));

  // Nothing comes after UNSUBSCRIBE.
  await await_(other, expected.length + 2);
  await other.subscription.unsubscribe();
  const after = other.seen.length;
  await own.session.publish('com.myapp.topic', ['late'], { n: 2 }, { acknowledge: true });
  await await_(subscribers[1], expected.length + 3);
  tell('events after UNSUBSCRIBE', other.seen.slice(after));
});
