/* The Air edition: every layer in one process (design §2). This folder is wiring only.
 *
 *   thread   loop       what lives on it
 *   main     -          start, signals, stop
 *   core     libuv      front, transaction pool, sealer, PBFT, block sync, scheduler (apps/node)
 *   p2p      libuv      external gateway
 *   rpc      libuv      SDK port, Web3 port, metrics
 *   verify.. execute store read     workers of the core's host
 *   log      -          log writer
 */
#ifndef BC_APPS_AIR_H
#define BC_APPS_AIR_H

/* argv as `fisco-bcos` takes it: -c, -g, -p, -v, -h. Returns the exit code. */
int bc_air_main(int argc, char **argv);

#endif
