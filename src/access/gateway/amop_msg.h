/* AMOP between gateways (spec/20 §3.2): the message inside packets of type 7, and sets of topics.
 * Pure; any thread. */
#ifndef BC_ACCESS_AMOP_MSG_H
#define BC_ACCESS_AMOP_MSG_H

#include "base/buf.h"

#define BC_AMOP_TOPICS_MAX      65536     /* of one gateway */
#define BC_AMOP_TOPICS_JSON_MAX (8 << 20) /* bytes of its list */

enum { /* message types; an answer and a broadcast share one, the packet's ext bit tells them apart */
    BC_AMOP_TOPIC_SEQ = 1,
    BC_AMOP_REQUEST_TOPICS = 2,
    BC_AMOP_TOPICS = 3,
    BC_AMOP_REQUEST = 4,
    BC_AMOP_ANSWER = 5,
    BC_AMOP_BROADCAST = 5,
};

#define BC_AMOP_HEAD 6

typedef struct {
    uint16_t version, type, status;
    bc_bytes_t data;
} bc_amop_msg_t;

/* A view into in. BC_E_TRUNCATED. */
bc_err_t bc_amop_decode(bc_bytes_t in, bc_amop_msg_t *out) BC_WARN_UNUSED;
/* NULL: no memory. */
bc_buf_t *bc_amop_encode(const bc_amop_msg_t *m) BC_WARN_UNUSED;
/* Topic of a request `version u32 | length u16 | topic | data`. BC_E_TRUNCATED. */
bc_err_t bc_amop_topic(bc_bytes_t request, bc_bytes_t *topic) BC_WARN_UNUSED;
/* Decimal text of a TopicSeq. BC_E_FORMAT. */
bc_err_t bc_amop_seq(bc_bytes_t text, uint32_t *out) BC_WARN_UNUSED;

/* Topics, sorted, each once. */
typedef struct {
    size_t n, bytes; /* bytes: memory taken */
    char **v;
} bc_topics_t;

void bc_topics_free(bc_topics_t *t);
/* Copies n texts in any order; at most BC_AMOP_TOPICS_MAX, the rest is left out. */
void bc_topics_set(bc_topics_t *t, const char *const *v, size_t n);
bool bc_topics_has(const bc_topics_t *t, bc_bytes_t topic);
/* {"topicItems":["t"],"topicSeq":2} LF */
void bc_topics_encode(const bc_topics_t *t, uint32_t seq, bc_wr_t *out);
/* Replaces t. BC_E_TOO_BIG, BC_E_FORMAT. */
bc_err_t bc_topics_decode(bc_bytes_t json, uint32_t *seq, bc_topics_t *t) BC_WARN_UNUSED;

#endif
