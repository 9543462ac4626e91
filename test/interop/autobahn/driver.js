// The driver of Autobahn|JS.
'use strict';
const { drive, Failure } = require('../driver.js');
// The library uses the WebSocket that Node.js has from version 22 on.
globalThis.WebSocket ??= require('ws').WebSocket;
console.warn = () => {}; // the library tells of every connection that ends
const autobahn = require('autobahn');

const serializers = {
  json: () => new autobahn.serializer.JSONSerializer(),
  msgpack: () => new autobahn.serializer.MsgpackSerializer(),
  cbor: () => new autobahn.serializer.CBORSerializer(),
};

function transport(how) {
  const url = new URL(how.url);
  if (url.protocol === 'tcp:') {
    return { type: 'rawsocket', host: url.hostname, port: Number(url.port) };
  }
  return { type: 'websocket', url: how.url, serializers: [serializers[how.serializer]()] };
}

// credentials give what a Connection wants for an authentication method.
function credentials(how) {
  const options = { authid: how.authid, authmethods: how.method ? [how.method] : undefined };
  if (how.method === 'cryptosign') {
    const key = autobahn.nacl.sign.keyPair.fromSeed(Uint8Array.from(Buffer.from(how.secret, 'hex')));
    options.authextra = { pubkey: autobahn.auth_cryptosign.public_key(key), channel_binding: null };
    options.onchallenge = (session, method, extra) => autobahn.auth_cryptosign.sign_challenge(key, extra);
  } else if (how.method) {
    options.onchallenge = (session, method, extra) => {
      if (method === 'ticket') {
        return how.secret;
      }
      const key = extra.salt ? autobahn.auth_cra.derive_key(how.secret, extra.salt, extra.iterations, extra.keylen) : how.secret;
      return autobahn.auth_cra.sign(key, extra.challenge);
    };
  }
  return options;
}

const failure = (e) => {
  throw e instanceof autobahn.Error ? new Failure(e.error, e.args, e.kwargs) : e;
};

function join(how, closed) {
  return new Promise((resolve, reject) => {
    const connection = new autobahn.Connection({
      realm: how.realm, transports: [transport(how)], max_retries: 0, ...credentials(how),
      on_internal_error: (e) => reject(e instanceof Error ? e : new Error(JSON.stringify(e))), on_user_error: () => {},
    });
    let left;
    let joined = false;
    connection.onopen = (session, details) => {
      joined = true;
      resolve(wrap(connection, session, details, (f) => { left = f; }));
    };
    connection.onclose = (reason, details) => {
      reject(new Failure(details.reason, [], {}, `${reason} ${details.message}`));
      if (left) {
        left();
      } else if (joined) {
        closed(details.reason || reason);
      }
      return true; // do not connect again
    };
    connection.open();
  });
}

function wrap(connection, session, details, leaving) {
  return {
    details: { ...details, session: session.id },
    leave: () => new Promise((resolve) => {
      if (!connection.isOpen) {
        resolve();
        return;
      }
      leaving(resolve);
      connection.close();
    }),
    call(uri, args, kwargs, options, progress) {
      const value = (r) => (r instanceof autobahn.Result ? r : { args: r === null || r === undefined ? [] : [r], kwargs: {} });
      const promise = session.call(uri, args, kwargs, options);
      return {
        answer: promise.then(value, failure, (r) => progress(value(r).args, value(r).kwargs)),
        cancel: (mode) => promise.cancel({ mode }),
      };
    },
    async register(uri, options, invoked, revoked) {
      const endpoint = async (args, kwargs, d) => {
        try {
          const answer = await invoked(args, kwargs, { ...d, progress: undefined, receive_progress: !!d.progress }, d.progress);
          return new autobahn.Result(answer.args, answer.kwargs);
        } catch (e) {
          throw e instanceof Failure ? new autobahn.Error(e.uri, e.args, e.kwargs) : e;
        }
      };
      const registration = await session.register(uri, endpoint, options).catch(failure);
      registration.on_unregister.then(revoked);
      return { details: { registration: registration.id }, unregister: () => session.unregister(registration).catch(failure) };
    },
    async subscribe(topic, options, happened) {
      const subscription = await session.subscribe(topic, happened, options).catch(failure);
      return { details: { subscription: subscription.id }, unsubscribe: () => session.unsubscribe(subscription).catch(failure) };
    },
    publish: (topic, args, kwargs, options) => session.publish(topic, args, kwargs, options).then((p) => ({ publication: p.id }), failure),
  };
}

drive({ join });
