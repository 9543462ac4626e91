// A callee of Autobahn|JS as its users write it: nothing in it deals with routers that go. It prints a line
// for each REGISTERED, and ends with its standard input: node stays.js URL REALM PROCEDURE [INVOKE]
'use strict';
globalThis.WebSocket ??= require('ws').WebSocket;
console.warn = () => {}; // the library tells of every connection that ends
const autobahn = require('autobahn');

const [url, realm, procedure, invoke = 'single'] = process.argv.slice(2);
const connection = new autobahn.Connection({ url, realm });
connection.onopen = (session) => {
  session.register(procedure, () => 'autobahn', { invoke }).then(() => console.log('registered'), (e) => console.log(e.error));
};
connection.open();
process.stdin.on('end', () => process.exit(0)).resume();
