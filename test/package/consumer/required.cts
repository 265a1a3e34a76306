/** Every entry point from CommonJS with types: require() of an ES module, as Node has it from 20.19 on. */
import wirehop = require('wirehop');
import httpProxy = require('wirehop/http-proxy');
import machine = require('wirehop/machine');
import wire = require('wirehop/wire');

const create: (options: wirehop.ProxyOptions) => wirehop.Proxy = wirehop.createProxy;
console.log(create.name, httpProxy.createProxyServer.name, machine.Connection.name, wire.HeadReader.name);
