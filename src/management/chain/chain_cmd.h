/* The commands of `cbcos chain`, each with argv[0] its own name. */
#ifndef BC_MANAGEMENT_CHAIN_CMD_H
#define BC_MANAGEMENT_CHAIN_CMD_H

int bc_chain_build(int argc, char **argv);
int bc_chain_expand(int argc, char **argv);
int bc_chain_adopt(int argc, char **argv);
int bc_chain_start(int argc, char **argv);
int bc_chain_stop(int argc, char **argv);
int bc_chain_status(int argc, char **argv);
int bc_chain_member(int argc, char **argv);
int bc_chain_repair(int argc, char **argv);

#endif
