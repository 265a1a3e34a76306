/** Every entry point from CommonJS. */
const wirehop = require('wirehop');
const httpProxy = require('wirehop/http-proxy');
const machine = require('wirehop/machine');
const wire = require('wirehop/wire');

console.log(
  wirehop.createProxy.name,
  httpProxy.createProxyServer.name,
  machine.Connection.name,
  wire.HeadReader.name,
);
