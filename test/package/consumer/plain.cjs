/** Every entry point from CommonJS. */
const wirehop = require('wirehop');
const machine = require('wirehop/machine');
const wire = require('wirehop/wire');

console.log(wirehop.createProxy.name, machine.Connection.name, wire.HeadReader.name);
