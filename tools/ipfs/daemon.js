// node daemon.js REPO: an IPFS node that serves Kubo's RPC API on a free loopback port and talks to no other node.
// Prints one line, `{"api": "/ip4/127.0.0.1/tcp/PORT"}`, when it is ready; SIGTERM ends it.
import { create } from 'ipfs-core';
import { HttpApi } from 'ipfs-http-server';

const node = await create({
  repo: process.argv[2],
  silent: true,
  preload: { enabled: false },
  config: {
    Addresses: { API: '/ip4/127.0.0.1/tcp/0', Gateway: [], RPC: [], Delegates: [], Swarm: ['/ip4/127.0.0.1/tcp/0'] },
    Bootstrap: [],
    Discovery: { MDNS: { Enabled: false }, webRTCStar: { Enabled: false } },
    Pubsub: { Enabled: false },
    Routing: { Type: 'none' },
    Swarm: { DisableNatPortMap: true },
  },
  libp2p: { nat: { enabled: false }, peerDiscovery: [] },
});
const api = new HttpApi(node);
await api.start();
process.stdout.write(JSON.stringify({ api: `/ip4/127.0.0.1/tcp/${api._apiServers[0].info.port}` }) + '\n');

process.once('SIGTERM', async () => {
  await api.stop();
  await node.stop();
  process.exit(0);
});
