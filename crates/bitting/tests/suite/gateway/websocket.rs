//! WebSocket with the libraries that people use, at both ends.

use crate::harness::{Bitting, Companion, Issued};

/// Says everything back in the case that it came in, and first for whom; speaks `chat.v1`.
const PYTHON_SERVER: &str = "import asyncio, websockets
async def chat(connection):
    await connection.send(connection.request.headers.get('Bitting-Key-Id', 'nobody'))
    async for message in connection:
        await connection.send(message)
async def main():
    choose = lambda connection, offered: 'chat.v1' if 'chat.v1' in offered else None
    async with websockets.serve(chat, '127.0.0.1', 0, select_subprotocol=choose, max_size=None) as server:
        print(server.sockets[0].getsockname()[1])
        await asyncio.Future()
asyncio.run(main())";

const NODE_SERVER: &str = "import { WebSocketServer } from 'ws';
const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true, maxPayload: 1 << 30,
  handleProtocols: (offered) => offered.has('chat.v1') ? 'chat.v1' : false });
server.on('listening', () => console.log(server.address().port));
server.on('connection', (socket, request) => {
  socket.send(request.headers['bitting-key-id'] ?? 'nobody');
  socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
});";

const PYTHON_CLIENT: &str = "import asyncio, os, websockets
async def main():
    url, key = os.environ['URL'], os.environ['KEY']
    header = {'additional_headers': {'Authorization': f'Bearer {key}'}}
    ways = [(url, header), (f'{url}?key={key}', {}), (url, {'subprotocols': ['chat.v1', f'shop-key.{key}']})]
    for url, options in ways:
        async with websockets.connect(url, max_size=None, **options) as connection:
            assert (await connection.recv()).startswith('key_')
            for message in ['hello', b'\\x00\\xff', 'x' * 5_000_000]:
                await connection.send(message)
                assert await connection.recv() == message
            await (await connection.ping())
            assert connection.subprotocol in ([None] if 'subprotocols' not in options else ['chat.v1'])
        assert connection.close_code == 1000
    try:
        await websockets.connect(url)
    except websockets.InvalidStatus as refused:
        print(refused.response.status_code)
asyncio.run(main())";

const NODE_CLIENT: &str = "import WebSocket from 'ws';
import { once } from 'node:events';
const { URL: url, KEY: key } = process.env;
const ways = [[url, [], { headers: { authorization: `Bearer ${key}` } }], [`${url}?key=${key}`, [], {}],
  [url, ['chat.v1', `shop-key.${key}`], {}]];
for (const [url, protocols, options] of ways) {
  const socket = new WebSocket(url, protocols, options);
  const messages = [];
  socket.on('message', (data) => messages.push(data));
  const next = async () => { while (!messages.length) await once(socket, 'message'); return messages.shift(); };
  if (!String(await next()).startsWith('key_')) throw new Error('who?');
  for (const message of [Buffer.from('hello'), Buffer.alloc(5_000_000, 7)]) {
    socket.send(message);
    if (Buffer.compare(await next(), message)) throw new Error('another message');
  }
  if (socket.protocol !== (protocols[0] ?? '')) throw new Error(`protocol ${socket.protocol}`);
  socket.close(1000);
  const [code] = await once(socket, 'close');
  if (code !== 1000) throw new Error(`closed with ${code}`);
}
const [, answer] = await once(new WebSocket(url), 'unexpected-response');
console.log(answer.statusCode);
answer.destroy();";

async fn before(server: &mut Companion) -> (Bitting, Issued, String) {
    let config = format!(
        "[[api]]\nname = \"shop\"\nupstream = \"http://{}\"\n[api.key]\nprefix = \"shop_\"\n\
         [api.credential]\nfrom = [\"bearer\", \"query:key\", \"subprotocol:shop-key.\"]\n",
        server.address().await
    );
    let bitting = Bitting::with_config(&config);
    let key = bitting.key(&[]);
    let url = format!("ws://{}/chat", bitting.gateway);
    (bitting, key, url)
}

#[tokio::test]
async fn clients_and_servers_of_python_and_node_talk_through_the_gateway() {
    for mut server in [Companion::python(PYTHON_SERVER, &[]), Companion::node(NODE_SERVER, &[])] {
        let (_bitting, key, url) = before(&mut server).await;
        let variables = [("URL", &*url), ("KEY", &*key.key)];
        assert_eq!(Companion::python(PYTHON_CLIENT, &variables).rest().await, "401\n");
        assert_eq!(Companion::node(NODE_CLIENT, &variables).rest().await, "401\n");
    }
}

#[tokio::test]
async fn a_client_whose_key_is_revoked_sees_its_connection_end_and_is_refused_when_it_comes_back() {
    let mut server = Companion::node(NODE_SERVER, &[]);
    let (bitting, key, url) = before(&mut server).await;
    let code = "import asyncio, os, time, websockets
async def main():
    options = {'additional_headers': {'Authorization': 'Bearer ' + os.environ['KEY']}}
    connection = await websockets.connect(os.environ['URL'], **options)
    await connection.recv()
    print('open')
    try:
        await connection.recv()
    except websockets.ConnectionClosed:
        print(connection.close_code)
    try:
        await websockets.connect(os.environ['URL'], **options)
    except websockets.InvalidStatus as refused:
        print(refused.response.status_code)
asyncio.run(main())";
    let mut client = Companion::python(code, &[("URL", &url), ("KEY", &key.key)]);
    assert_eq!(client.line().await, "open");
    bitting.revoke(&key);
    assert_eq!(client.rest().await, "1006\n401\n");
}
