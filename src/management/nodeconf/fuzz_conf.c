/* The first byte chooses the file: config.ini, config.genesis, nodes.json. */
#include "management/nodeconf/nodeconf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bc_conf_report_t rep = { 0 };
    bc_node_config_t *n;
    bc_chain_config_t c;
    bc_nodes_t peers;
    if (!size)
        return 0;
    bc_bytes_t text = bc_bytes(data + 1, size - 1);
    switch (data[0] % 3) {
    case 0:
        if (bc_nodeconf_parse(text, "f", &n, &rep) == BC_OK)
            bc_nodeconf_free(n);
        break;
    case 1:
        if (bc_chainconf_parse(text, "f", &c, &rep) == BC_OK)
            bc_chainconf_free(&c);
        break;
    default:
        if (bc_nodes_parse(text, "f", &peers, &rep) == BC_OK)
            bc_nodes_free(&peers);
    }
    bc_conf_report_free(&rep);
    return 0;
}
