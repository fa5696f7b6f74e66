/**
 * Loaded before a program that would listen on every interface: it listens on 127.0.0.1 only, on a port
 * the system picks, and tells its parent which one.
 */
import { Server } from 'node:net';

const { value: listen } = Object.getOwnPropertyDescriptor(Server.prototype, 'listen');

Server.prototype.listen = function listenOnLoopback(...args) {
  const callback = args.at(-1);
  this.once('listening', () => process.send?.({ port: this.address().port }));
  const options = { host: '127.0.0.1', port: 0 };
  return typeof callback === 'function'
    ? listen.call(this, options, callback)
    : listen.call(this, options);
};
