"""The driver of Autobahn|Python, with asyncio. driver_test.go tells what commands and reports mean."""
import asyncio
import json
import os
import ssl
import sys
from urllib.parse import urlparse

from autobahn.asyncio.rawsocket import WampRawSocketClientFactory, WampRawSocketClientProtocol
from autobahn.asyncio.wamp import ApplicationSession
from autobahn.asyncio.websocket import WampWebSocketClientFactory
from autobahn.wamp import auth, serializer, types
from autobahn.wamp.exception import ApplicationError

# The library asks its transports for this, and has forgotten it in the one for RawSocket.
WampRawSocketClientProtocol.transport_details = property(lambda self: getattr(self, '_transport_details', None))

SERIALIZERS = {
    'json': serializer.JsonSerializer,
    'msgpack': serializer.MsgPackSerializer,
    'cbor': serializer.CBORSerializer,
}


def tell(**report):
    sys.stdout.write(json.dumps(report, default=str) + '\n')
    sys.stdout.flush()


class Refused(Exception):
    """The router refused a session with ABORT."""

    def __init__(self, details):
        super().__init__(details.message)
        self.error = details.reason


class Session(ApplicationSession):
    """A session that a command opened."""

    def __init__(self, number, how):
        super().__init__(types.ComponentConfig(how['realm']))
        self.number = number
        self.how = how
        self.joined = asyncio.get_running_loop().create_future()
        self.ended = asyncio.get_running_loop().create_future()
        self.leaving = False
        self.authenticator = authenticator(how)

    def onConnect(self):
        method = self.how.get('method')
        extra = self.authenticator.authextra if self.authenticator else None
        self.join(self.how['realm'], [method] if method else None, self.how.get('authid'), authextra=extra or None)

    def onChallenge(self, challenge):
        return self.authenticator.on_challenge(self, challenge)

    def onWelcome(self, welcome):
        if self.authenticator:
            return self.authenticator.on_welcome(self, welcome.authextra)

    def onJoin(self, details):
        self.joined.set_result({
            'session': details.session, 'authid': details.authid, 'authrole': details.authrole,
            'authmethod': details.authmethod, 'authextra': details.authextra,
        })

    def onUserError(self, fail, msg):
        pass  # the tests want their errors

    def onLeave(self, details):
        if not self.joined.done():
            self.joined.set_exception(Refused(details))
        elif not self.leaving:
            tell(id=self.number, kind='closed', uri=details.reason)
        self.disconnect()

    def onDisconnect(self):
        if not self.joined.done():
            self.joined.set_exception(ConnectionError('the router closed the connection'))
        if not self.ended.done():
            self.ended.set_result(None)


def authenticator(how):
    method, secret = how.get('method'), how.get('secret')
    if method == 'ticket':
        return auth.create_authenticator('ticket', ticket=secret)
    if method == 'wampcra':
        return auth.create_authenticator('wampcra', authid=how['authid'], secret=secret)
    if method == 'scram':
        return auth.create_authenticator('scram', authid=how['authid'], password=secret)
    if method == 'cryptosign':
        binding = {'channel_binding': how['channelBinding']} if how.get('channelBinding') else {}
        return auth.create_authenticator('cryptosign', authid=how.get('authid'), privkey=secret, authextra=binding)
    return None


def secure(how, url):
    if url.scheme not in ('wss', 'https', 'tcps'):
        return None
    context = ssl.create_default_context(cafile=how['ca'])
    if how.get('cert'):
        context.load_cert_chain(how['cert'], how['key'])
    return context


class Driver:
    def __init__(self):
        self.things = {}
        self.invocations = 0

    async def join(self, c, _):
        how = c['join']
        url = urlparse(how['url'])
        session = Session(c['id'], how)
        chosen = SERIALIZERS[how['serializer']]()
        if url.scheme in ('tcp', 'tcps'):
            factory = WampRawSocketClientFactory(lambda: session, serializer=chosen)
        else:
            factory = WampWebSocketClientFactory(lambda: session, url=how['url'], serializers=[chosen])
        await asyncio.get_running_loop().create_connection(factory, url.hostname, url.port, ssl=secure(how, url))
        details = await session.joined
        self.things[c['id']] = session
        return details

    async def leave(self, c, session):
        if session is None or not session.is_attached():
            return
        session.leaving = True
        session.leave()
        await session.ended

    async def register(self, c, session):
        opened = {}

        async def endpoint(*args, details, **kwargs):
            self.invocations += 1
            number = self.invocations
            answer = asyncio.get_running_loop().create_future()
            opened[number] = (answer, details.progress)
            tell(id=c['id'], kind='invocation', number=number, args=args, kwargs=kwargs, details={
                'procedure': details.procedure, 'receive_progress': details.progress is not None, 'caller': details.caller,
                'caller_authid': details.caller_authid, 'caller_authrole': details.caller_authrole})
            try:
                return await asyncio.shield(answer)
            except asyncio.CancelledError:  # INTERRUPT
                tell(id=c['id'], kind='interrupt', number=number)
                return await answer

        registration = await session.register(endpoint, c['uri'], options=types.RegisterOptions(details=True, **(c['options'] or {})))
        self.things[c['id']] = (registration, opened)
        return {'registration': registration.id}

    async def unregister(self, c, registered):
        await registered[0].unregister()

    def answer(self, c, registered):
        answer, progress = registered[1][c['number']]
        args, kwargs = c['args'] or [], c['kwargs'] or {}
        if c.get('progress'):
            progress(*args, **kwargs)
        elif c.get('error'):
            answer.set_exception(ApplicationError(c['error'], *args, **kwargs))
        else:
            answer.set_result(types.CallResult(*args, **kwargs))

    async def call(self, c, session):
        options = dict(c['options'] or {})
        if options.pop('receive_progress', False):
            options['on_progress'] = lambda *args, **kwargs: tell(id=c['id'], kind='progress', args=args, kwargs=kwargs)
        under = session.call(c['uri'], *(c['args'] or []), options=types.CallOptions(**options), **(c['kwargs'] or {}))
        self.things[c['id']] = under
        result = await under
        if not isinstance(result, types.CallResult):  # the library unpacks a single value
            result = types.CallResult(*([] if result is None else [result]))
        tell(id=c['id'], kind='done', args=result.results, kwargs=result.kwresults)

    def cancel(self, c, under):
        under.cancel()

    async def subscribe(self, c, session):
        def happened(*args, details, **kwargs):
            tell(id=c['id'], kind='event', args=args, kwargs=kwargs, details={
                'topic': details.topic, 'publication': details.publication, 'publisher': details.publisher,
                'publisher_authid': details.publisher_authid, 'publisher_authrole': details.publisher_authrole,
                'retained': details.retained})

        subscription = await session.subscribe(happened, c['uri'], options=types.SubscribeOptions(details=True, **(c['options'] or {})))
        self.things[c['id']] = subscription
        return {'subscription': subscription.id}

    async def unsubscribe(self, c, subscription):
        await subscription.unsubscribe()

    async def publish(self, c, session):
        done = await session.publish(c['uri'], *(c['args'] or []), options=types.PublishOptions(**(c['options'] or {})), **(c['kwargs'] or {}))
        return {'publication': done.id}

    async def run(self, c):
        thing = self.things.get(c.get('of'))
        try:
            if c['op'] in ('answer', 'cancel'):
                getattr(self, c['op'])(c, thing)
                return
            details = await getattr(self, c['op'])(c, thing)
            if c['op'] != 'call':
                tell(id=c['id'], kind='done', details=details or {})
        except asyncio.CancelledError:
            # The library ends a canceled call at once, whatever the router answers.
            tell(id=c['id'], kind='failed', uri='wamp.error.canceled')
        except Exception as e:  # whatever it is, the test has to know
            tell(id=c['id'], kind='failed', uri=getattr(e, 'error', None) or '', message=repr(e),
                 args=getattr(e, 'args', []) or [], kwargs=getattr(e, 'kwargs', {}) or {})


async def main():
    driver, running = Driver(), set()
    reader = asyncio.StreamReader(limit=1 << 24)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async for line in reader:
        task = asyncio.ensure_future(driver.run(json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    os._exit(0)  # endpoints that nobody answers any more would be waited for


asyncio.run(main())
