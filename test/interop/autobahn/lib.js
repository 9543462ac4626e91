// What the scripts share: open and close sessions, and tell the test what was seen, as one line of
// JSON for each observation.
'use strict';
// The library uses the WebSocket that Node.js has from version 22 on.
globalThis.WebSocket ??= require('ws').WebSocket;
const autobahn = require('autobahn');

const serializers = {
  json: () => new autobahn.serializer.JSONSerializer(),
  msgpack: () => new autobahn.serializer.MsgpackSerializer(),
  cbor: () => new autobahn.serializer.CBORSerializer(),
};

// open joins realm1 and resolves to the session; session.connection closes it.
function open(url, serializer = 'json') {
  return new Promise((resolve, reject) => {
    const connection = new autobahn.Connection({
      url, realm: 'realm1', serializers: [serializers[serializer]()], max_retries: 0,
      on_internal_error: reject, on_user_error: () => {},
    });
    connection.onopen = (session) => {
      session.connection = connection;
      resolve(session);
    };
    connection.onclose = (reason, details) => {
      reject(new Error(`${url}: ${reason} ${JSON.stringify(details)}`));
      return true;
    };
    connection.open();
  });
}

// close leaves the realm and resolves when the connection is gone.
function close(session) {
  return new Promise((resolve) => {
    session.connection.onclose = () => {
      resolve();
      return true;
    };
    session.connection.close();
  });
}

// refusal resolves to the URI of the ERROR that a promise ends in; "accepted" when it does not.
async function refusal(promise) {
  try {
    await promise;
    return 'accepted';
  } catch (e) {
    return e.error || String(e);
  }
}

const tell = (name, value) => console.log(JSON.stringify({ name, value }));

// run ends the process with what main does; the test waits for it.
function run(main) {
  main(...process.argv.slice(2)).then(() => process.exit(0), (e) => {
    console.error(e.stack || e);
    process.exit(1);
  });
}

module.exports = { autobahn, open, close, refusal, tell, run };
