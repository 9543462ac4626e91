// The driver of wampy.js.
'use strict';
const fs = require('node:fs');
const { drive, Failure } = require('../driver.js');
const { Wampy } = require('wampy');
const { JsonSerializer } = require('wampy/JsonSerializer.js');
const { MsgpackSerializer } = require('wampy/MsgpackSerializer.js');
const { CborSerializer } = require('wampy/CborSerializer.js');
const { w3cwebsocket } = require('websocket');

const serializers = { json: () => new JsonSerializer(), msgpack: () => new MsgpackSerializer(), cbor: () => new CborSerializer() };

// credentials give what the library wants for an authentication method: it sends authid and
// authmethods only together with somebody who answers a CHALLENGE.
async function credentials(how) {
  if (!how.method) {
    return {};
  }
  const options = { authid: how.authid, authmethods: [how.method], onChallenge: () => how.secret };
  if (how.method === 'wampcra') {
    options.onChallenge = (await import('wampy/wampcra.js')).sign(how.secret);
  } else if (how.method === 'cryptosign') {
    options.onChallenge = (await import('wampy/cryptosign.js')).sign(how.secret);
    const { sign } = require('tweetnacl');
    const key = sign.keyPair.fromSeed(Uint8Array.from(Buffer.from(how.secret, 'hex')));
    options.authextra = { pubkey: Buffer.from(key.publicKey).toString('hex'), channel_binding: null };
  }
  return options;
}

const failure = (e) => {
  throw e && e.errorUri ? new Failure(e.errorUri, e.argsList, e.argsDict, e.message) : e;
};
const payload = (args, kwargs) => ({ argsList: args, argsDict: kwargs });

async function join(how, closed) {
  let leaving = false;
  let joined = false;
  let reason = 'lost';
  const tls = how.ca ? { ca: fs.readFileSync(how.ca), cert: how.cert && fs.readFileSync(how.cert), key: how.key && fs.readFileSync(how.key) } : undefined;
  const wampy = new Wampy(how.url, {
    realm: how.realm, ws: w3cwebsocket, serializer: serializers[how.serializer](), autoReconnect: false, uriValidation: 'loose',
    payloadSerializers: { json: serializers.json(), msgpack: serializers.msgpack(), cbor: serializers.cbor() },
    wsRequestOptions: tls, ...await credentials(how),
    onClose: () => joined && !leaving && closed(reason), onError: (e) => { reason = e.errorUri || reason; },
  });
  const details = await wampy.connect().catch(failure);
  joined = true;
  return {
    details: { ...details, session: wampy.getSessionId() },
    async leave() {
      leaving = true;
      await wampy.disconnect();
    },
    call(uri, args, kwargs, options, progress) {
      const with_ = { ...options };
      if (options.receive_progress) {
        with_.progress_callback = (r) => progress(r.argsList, r.argsDict);
      }
      const begun = options.progress ? wampy.progressiveCall(uri, payload(args, kwargs), with_) : { result: wampy.call(uri, payload(args, kwargs), with_) };
      const request = wampy.getOpStatus().reqId;
      return {
        answer: begun.result.then((r) => ({ args: r.argsList, kwargs: r.argsDict, details: r.details }), failure),
        cancel: (mode) => wampy.cancel(request, { mode }),
        piece: (more, { progress: further }) => begun.sendData(payload(more, {}), { progress: further }),
      };
    },
    async register(uri, options, invoked) {
      const endpoint = async (i) => {
        const progress = (args, kwargs) => i.result_handler({ ...payload(args, kwargs), options: { progress: true } });
        try {
          const answer = await invoked(i.argsList, i.argsDict, i.details, progress);
          return { ...payload(answer.args, answer.kwargs), options: answer.options };
        } catch (e) {
          throw { error: e.uri, details: {}, argsList: e.args, argsDict: e.kwargs };
        }
      };
      const { registrationId } = await wampy.register(uri, endpoint, options).catch(failure);
      return { details: { registration: registrationId }, unregister: () => wampy.unregister(uri).catch(failure) };
    },
    async subscribe(topic, options, happened) {
      const { subscriptionId, subscriptionKey } = await wampy.subscribe(topic, (e) => happened(e.argsList, e.argsDict, e.details), options).catch(failure);
      return { details: { subscription: subscriptionId }, unsubscribe: () => wampy.unsubscribe(subscriptionKey).catch(failure) };
    },
    publish: (topic, args, kwargs, options) => wampy.publish(topic, payload(args, kwargs), options).then((p) => ({ publication: p.publicationId }), failure),
  };
}

drive({ join });
