// A callee of wampy.js as its users write it: nothing in it deals with routers that go. It prints a line
// when it has registered, at first and after the library connected again, and ends with its standard
// input: node stays.js URL REALM PROCEDURE [INVOKE]
'use strict';
const { Wampy } = require('wampy');
const { w3cwebsocket } = require('websocket');

const [url, realm, procedure, invoke = 'single'] = process.argv.slice(2);
const wampy = new Wampy(url, { realm, ws: w3cwebsocket, autoReconnect: true, onReconnectSuccess: () => console.log('registered') });
wampy.connect()
  .then(() => wampy.register(procedure, () => ({ argsList: ['wampy'] }), { invoke }))
  .then(() => console.log('registered'), (e) => console.log(e.errorUri));
process.stdin.on('end', () => process.exit(0)).resume();
